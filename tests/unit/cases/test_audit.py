"""What everybody did stands in one list, filtered and read page by page without losing a line."""

from datetime import timedelta

import pytest

from cases import accesses, admin_history, audit, history, signins
from cases.accesses import OPERATOR
from cases.agents import Agent
from cases.audit import Asked, Line
from tests.unit.cases.conftest import BOSS, MEI, NOW, Records

MINUTE = timedelta(minutes=1)


@pytest.fixture
def two(records: Records) -> tuple[int, int]:
    """Two cases about which much was done, some of it at the same moment."""
    session = records.session
    for name in ("mei", "boss"):
        session.add(Agent(name=name, role="agent", active=True, added_at=NOW, password_hash=""))
    session.flush()
    one, two = records.message("CA1")[0].id, records.message("CA2")[0].id
    for turn in range(6):
        at = NOW + (turn // 2) * MINUTE
        accesses.note(session, "revealed", [one], MEI if turn % 2 else BOSS, at)
        history.add(session, one, "interim", at, actor=MEI.actor, text="on its way")
        admin_history.add(session, "off", at, by=BOSS, about=MEI.actor)
    accesses.note(session, "exported", [one, two], BOSS, NOW + 9 * MINUTE)
    history.add(session, two, "revealed_number", NOW, actor=MEI.actor)
    signins.begin(session, session.get_one(Agent, 1), NOW + MINUTE)
    return one, two


def whole(records: Records, asked: Asked, page: int) -> list[Line]:
    """The whole list, read so many lines at a time."""
    found: list[Line] = []
    while more := audit.lines(records.session, asked, page, found[-1].place if found else None):
        found += more
    return found


@pytest.mark.parametrize("page", [1, 2, 3, 7, 1000])
def test_page_by_page_every_line_stands_there_once(
    records: Records, two: tuple[int, int], page: int
) -> None:
    found = whole(records, Asked(), page)
    places = [(one.source, one.id) for one in found]
    assert len(places) == len(set(places)) == 6 + 1 + 6 + 2 + 6 + 1  # and two cases were opened
    assert [one.at for one in found] == sorted((one.at for one in found), reverse=True)


def test_what_the_log_of_accesses_tells_is_not_told_again(
    records: Records, two: tuple[int, int]
) -> None:
    assert "revealed_number" not in [one.action for one in whole(records, Asked(), 50)]


def test_of_one_case_what_was_done_with_it_alone_or_among_others(
    records: Records, two: tuple[int, int]
) -> None:
    found = whole(records, Asked(case_id=two[1]), 50)
    assert [(one.action, one.cases) for one in found] == [("exported", 2), ("opened", 1)]


def test_of_one_person_what_they_did_and_what_was_done_to_them(
    records: Records, two: tuple[int, int]
) -> None:
    found = whole(records, Asked(actor="agent:1"), 50)
    assert {(one.source, one.action) for one in found} == {
        ("access", "revealed"),
        ("change", "interim"),
        ("managed", "off"),
        ("signin", "signed_in"),
    }
    assert all(one.actor == "agent:1" for one in found if one.source != "managed")


@pytest.mark.parametrize(
    ("kind", "count"),
    [("revealed", 6), ("exported", 1), ("played", 0), ("change", 8), ("signin", 1), ("managed", 6)],
)
def test_of_one_kind(records: Records, two: tuple[int, int], kind: str, count: int) -> None:
    assert len(whole(records, Asked(kind=kind), 50)) == count


def test_from_a_moment_until_another(records: Records, two: tuple[int, int]) -> None:
    found = whole(records, Asked(since=NOW + MINUTE, until=NOW + 2 * MINUTE), 50)
    assert {one.at for one in found} == {NOW + MINUTE} and len(found) == 2 * 3 + 1


def test_an_operator_is_nobody_with_a_sign_in(records: Records, two: tuple[int, int]) -> None:
    admin_history.add(records.session, "add", NOW, by=OPERATOR, about="agent:9")
    assert [one.action for one in whole(records, Asked(actor="operator"), 5)] == ["add"]
