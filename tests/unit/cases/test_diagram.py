"""The drawing of a case's life is the table that runs."""

from cases import diagram, lifecycle
from tests.conftest import PROJECT
from tests.unit.cases.test_lifecycle import CELLS


def test_the_page_in_the_docs_is_what_the_table_draws() -> None:
    page = (PROJECT / diagram.PAGE).read_text(encoding="utf-8")
    assert page == diagram.page(), "run `make docs`"


def test_every_way_of_the_table_is_drawn_and_no_other() -> None:
    drawn = set()
    for line in diagram.mermaid().splitlines()[2:-1]:
        way, _, actions = line.strip().partition(": ")
        source, _, target = way.partition(" --> ")
        drawn |= {(source, action, target) for action in actions.split(" / ")}
    assert drawn == {
        (source, action, target)
        for (source, action), (targets, _, _) in CELLS.items()
        for target in targets.split()
        if target != source
    }


def test_every_part_is_explained() -> None:
    assert set(diagram.MEANINGS) == {*lifecycle.PARTS}
