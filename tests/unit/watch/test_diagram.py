"""docs/clocks.md is what the data of the cities say."""

from cases import clocks
from runtime.city import City
from runtime.settings import CITIES
from tests.conftest import PROJECT
from watch import diagram


def test_docs_clocks_is_what_the_data_write() -> None:
    cities = [City.read(file.parent) for file in sorted(CITIES.glob("*/city.yaml"))]
    page = (PROJECT / diagram.PAGE).read_text(encoding="utf-8")
    assert page == diagram.page(cities), "run `make docs`"


def test_every_kind_of_clock_is_explained() -> None:
    assert set(diagram.MEANINGS) == set(clocks.KINDS)
