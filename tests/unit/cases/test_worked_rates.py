"""docs/rates.md is what the policies and the code that reckons the rates write."""

from typing import get_args

from cases import kpis, worked_rates
from tests.conftest import PROJECT


def test_docs_rates_is_what_the_policies_write() -> None:
    page = (PROJECT / worked_rates.PAGE).read_text(encoding="utf-8")
    assert page == worked_rates.page(), "run `make docs`"


def test_every_rate_is_explained() -> None:
    assert set(worked_rates.MEANINGS) == set(get_args(kpis.Measure))


def test_the_example_by_hand() -> None:
    """Of 40 valid answers 38 contacted, 34 solved, 24 very and 10 fairly satisfied: 9.5 + 42.5 + 33."""
    page = worked_rates.page()
    assert "= 85, shown as 85.0" in page
    assert "= 87.125, shown as 87.1" in page  # 28.5 + 29.75 + 28.875
