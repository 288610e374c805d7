"""Who saw, heard or took out a citizen's data is written down once, for good, and found by the case."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import DBAPIError

from cases import accesses, tasks
from cases.accesses import Access, AccessCase
from cases.permissions import Person
from runtime.database import transaction
from tests.unit.cases.conftest import BOSS, MEI, NOW, TERMS, Records
from tests.unit.cases.scene import Scene

HOUR = timedelta(hours=1)
OFFICER = Person("agent:7", "officer", "hyd")


@pytest.fixture
def scene(records: Records) -> Scene:
    case, _ = records.message()
    return Scene(records, case)


def cases(records: Records, count: int) -> list[int]:
    return [records.message(f"CA{turn}")[0].id for turn in range(count)]


def kinds(records: Records, case_id: int) -> list[tuple[str, str]]:
    """Kind and actor of every line about a case, the newest first."""
    return [(one.kind, one.actor) for one in accesses.of_case(records.session, case_id)]


def note(records: Records, kind: str, ids: Sequence[int], who: Person, **more: object) -> None:
    accesses.note(records.session, kind, ids, who, NOW, **more)


def test_who_it_was_and_what_they_were_that_day_is_kept(records: Records) -> None:
    case, _ = records.message()
    note(records, "viewed", [case.id], OFFICER, page="case_page")
    [line] = accesses.of_case(records.session, case.id)
    assert (line.actor, line.role, line.department) == ("agent:7", "officer", "hyd")
    assert (line.kind, line.at, line.detail) == ("viewed", NOW, {"page": "case_page"})


@pytest.mark.parametrize("table", ["accesses", "access_cases"])
@pytest.mark.parametrize("what", ["UPDATE {} SET case_id = 1", "DELETE FROM {}"])
def test_the_database_itself_refuses_to_change_the_log(
    engine: Engine, table: str, what: str
) -> None:
    with transaction(engine) as session:
        note(Records(session), "exported", cases(Records(session), 2), MEI)
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(text(what.format(table)))


def test_one_look_at_a_case_is_one_line_and_a_later_one_another(records: Records) -> None:
    case, _ = records.message()
    first, again = ({"page": page} for page in ("case_page", "whistle_page"))
    for minutes, page in ((0, first), (1, again), (14, first), (16, first)):
        at = NOW + timedelta(minutes=minutes)
        accesses.note(records.session, "viewed", [case.id], MEI, at, **page)
    assert kinds(records, case.id) == [("viewed", "agent:1")] * 2


def test_another_person_another_kind_or_another_recording_is_a_line_of_its_own(
    records: Records,
) -> None:
    case, _ = records.message()
    note(records, "viewed", [case.id], MEI)
    note(records, "viewed", [case.id], BOSS)
    for recording in (1, 2, 1):
        note(records, "played", [case.id], MEI, recording=recording)
    assert sorted(kinds(records, case.id)) == [
        ("played", "agent:1"),
        ("played", "agent:1"),
        ("viewed", "agent:1"),
        ("viewed", "agent:2"),
    ]


@pytest.mark.parametrize("kind", ["revealed", "exported", "forwarded"])
def test_a_number_that_is_shown_and_data_that_leave_are_told_every_time(
    records: Records, kind: str
) -> None:
    case, _ = records.message()
    note(records, kind, [case.id], MEI)
    note(records, kind, [case.id], MEI)
    assert kinds(records, case.id) == [(kind, "agent:1")] * 2


def test_an_export_is_one_line_that_every_one_of_its_cases_finds(records: Records) -> None:
    one, two, other = cases(records, 3)
    made = accesses.note(records.session, "exported", [one, two, one], MEI, NOW, format="csv")
    assert made is not None
    accesses.also(records.session, made, [two])
    assert records.session.scalar(select(func.count()).select_from(Access)) == 1
    assert kinds(records, one) == kinds(records, two) == [("exported", "agent:1")]
    assert kinds(records, other) == []
    assert accesses.count_of_case(records.session, one) == 1


def test_what_concerns_no_case_leaves_no_line(records: Records) -> None:
    assert accesses.note(records.session, "exported", [], MEI, NOW) is None
    assert records.session.scalar(select(func.count()).select_from(Access)) == 0


def test_a_kind_there_is_not_is_a_mistake_of_ours(records: Records) -> None:
    with pytest.raises(ValueError, match="guessed"):
        note(records, "guessed", cases(records, 1), MEI)


def test_more_cases_than_one_statement_holds_are_all_linked(records: Records) -> None:
    ids = cases(records, 7)
    accesses.CHUNK, before = 3, accesses.CHUNK
    try:
        note(records, "exported", ids, MEI)
    finally:
        accesses.CHUNK = before
    assert records.session.scalar(select(func.count()).select_from(AccessCase)) == 7


def test_the_newest_stand_first_and_not_more_than_were_asked_for(records: Records) -> None:
    one, two = cases(records, 2)
    for hours, ids in ((0, [one]), (1, [one, two]), (2, [one])):
        accesses.note(records.session, "exported", ids, MEI, NOW + hours * HOUR)
    found = accesses.of_case(records.session, one, limit=2)
    assert [line.at for line in found] == [NOW + 2 * HOUR, NOW + HOUR]
    assert accesses.count_of_case(records.session, one) == 3


def test_a_case_was_passed_on_to_whom_it_was_referred_called_or_tasked(scene: Scene) -> None:
    scene.blow(("fsd", "hd"))
    by = scene.coordinator()
    session, case = scene.session, scene.case
    later = NOW + HOUR
    tasks.add(
        *(session, case, "bd", "Look at the stairs."),
        **{"by": by, "terms": TERMS, "now": later, "until": None, "kind": "task"},
        whistle_id=None,
    )
    told = [(one.department, one.how) for one in accesses.forwards(session, case.id)]
    assert told[0] == ("bd", "tasked")
    assert sorted(told[1:]) == [("fsd", "called"), ("hd", "called")]
