"""Every clock is one row that keeps what it said; more time is another clock, on the record."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from cases import case as case_module
from cases import categories, clocks, delays, departments, history
from cases.clocks import Clock, Promises
from cases.pack import PackError
from cases.permissions import Person
from runtime.database import transaction
from runtime.settings import CITIES
from tests.unit.cases.conftest import LAMPS, MEI, NOW, TERMS, Records
from tests.unit.cases.scene import refused
from tests.unit.cases.test_referrals import Desk

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BOSS = Person("agent:2", "supervisor")


def kinds_of(city: str) -> tuple[categories.Category, ...]:
    return categories.read(CITIES / city, departments.read(CITIES / city))


def running(records: Records, case_id: int) -> dict[str, Clock]:
    return {clock.kind: clock for clock in clocks.running(records.session, case_id)}


@pytest.fixture
def desk(records: Records) -> Desk:
    return Desk(records, records.message()[0])


@pytest.fixture
def accepted(desk: Desk) -> Desk:
    """A lamp that the highways department works on."""
    desk.confirmed().refer("hyd")
    desk.accept("hyd")
    return desk


# --- what a city promises ----------------------------------------------------------------------------


@pytest.mark.parametrize("city", ["beijing", "hongkong"])
def test_every_category_of_a_city_is_listed_in_just_one_grade(city: str) -> None:
    promises = Promises.of_city(CITIES / city, kinds_of(city))
    listed = [code for grade in promises.grades.values() for code in grade.categories]
    assert sorted(listed) == sorted(kind.code for kind in kinds_of(city))


def test_beijings_four_grades_are_the_published_ones() -> None:
    promises = Promises.of_city(CITIES / "beijing", kinds_of("beijing"))
    resolve = {code: str(grade.clocks["resolve"]) for code, grade in promises.grades.items()}
    assert resolve == {"danger": "2h", "utilities": "24h", "ordinary": "7d", "complex": "15d"}
    assert str(promises.span("danger", "arrive")) == "30m"


def test_hong_kong_replies_in_ten_days_and_answers_in_thirty() -> None:
    promises = Promises.of_city(CITIES / "hongkong", kinds_of("hongkong"))
    assert str(promises.span("ordinary", "interim")) == "10d"
    assert str(promises.span("ordinary", "resolve")) == "30d"


@pytest.mark.parametrize(
    "change, says",
    [
        ({"default": "nobody"}, "default: there is no grade 'nobody'"),
        ({"warn_at": 1.5}, "warn_at: "),
        ({"grades": {"danger": {"categories": ["no-such"]}}}, "'no-such' is no category"),
        ({"grades": {"danger": {"categories": ["other"]}}}, "'other' has two grades"),
        ({"grades": {"danger": {"clocks": {"resolve": "2h"}}}}, "must say how long each"),
        ({"grades": {"danger": {"clocks": {"resolve": "soon"}}}}, "'soon' is not a span"),
        ({"limits": {"longest_suspension": "0d"}}, "'0d' is not a span"),
    ],
)
def test_a_mistake_in_the_promises_is_one_clear_line(
    tmp_path: Path, change: dict[str, object], says: str
) -> None:
    data = yaml.safe_load((CITIES / "hongkong" / "clocks.yaml").read_text(encoding="utf-8"))
    merge(data, change)
    (tmp_path / "clocks.yaml").write_text(yaml.safe_dump(data), encoding="utf-8")
    with pytest.raises(PackError) as error:
        Promises.of_city(tmp_path, kinds_of("hongkong"))
    assert says in str(error.value) and "\n" not in str(error.value)


def merge(data: dict[str, object], change: dict[str, object]) -> None:
    for key, value in change.items():
        if isinstance(value, dict) and key != "clocks":
            merge(data[key], value)  # type: ignore[arg-type]
        else:
            data[key] = value


# --- the clocks of a case ----------------------------------------------------------------------------


def test_a_new_case_has_a_clock_for_the_desk_and_one_for_the_answer(desk: Desk) -> None:
    both = running(desk.records, desk.case.id)
    assert set(both) == {"dispatch", "resolve"}
    assert both["resolve"].due_at == desk.case.due_at
    assert both["resolve"].grade == "ordinary"


def test_a_case_that_turns_out_to_be_dangerous_is_dated_from_when_it_was_opened(desk: Desk) -> None:
    later = NOW + HOUR
    fire = next(kind for kind in kinds_of("hongkong") if kind.code == "fire-safety")
    case_module.confirm(
        desk.session, desk.case, fire, version=desk.case.version, by=MEI, terms=TERMS, now=later
    )
    new = running(desk.records, desk.case.id)
    assert {clock.grade for clock in new.values()} == {"danger"}
    assert new["resolve"].due_at == desk.case.due_at == NOW + 24 * HOUR
    ended = [clock for clock in clocks.of_case(desk.session, desk.case.id) if clock.outcome]
    assert {(clock.kind, clock.outcome) for clock in ended} == {
        ("dispatch", "regraded"),
        ("resolve", "regraded"),
    }


def test_the_same_grade_keeps_its_clocks(desk: Desk) -> None:
    before = running(desk.records, desk.case.id)["resolve"].id
    case_module.confirm(
        desk.session, desk.case, LAMPS, version=desk.case.version, by=MEI, terms=TERMS, now=NOW
    )
    assert running(desk.records, desk.case.id)["resolve"].id == before


def test_what_was_to_be_met_and_is_past_its_time_is_late(desk: Desk) -> None:
    due = running(desk.records, desk.case.id)["dispatch"].due_at
    clocks.stop(desk.session, desk.case.id, "dispatch", due + HOUR)
    ended = [clock for clock in clocks.of_case(desk.session, desk.case.id) if clock.outcome]
    assert [clock.outcome for clock in ended] == ["late"]


def test_a_clock_warns_before_it_is_due_and_has_a_third_mark(desk: Desk) -> None:
    for clock in running(desk.records, desk.case.id).values():
        assert clock.set_at < clock.warn_at < clock.due_at < clock.third_at
    task = clocks.start(desk.session, desk.case.id, "accept", TERMS, NOW, grade="danger")
    assert task.third_at - NOW == 3 * (task.due_at - NOW)


def test_the_clock_that_presses_is_the_one_that_is_late_the_longest(desk: Desk) -> None:
    pressing = clocks.most_pressing(clocks.running(desk.session, desk.case.id))
    assert pressing is not None and pressing.kind == "dispatch"
    assert clocks.most_pressing([]) is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE clocks SET due_at = set_at",
        "UPDATE clocks SET set_at = due_at",
        "UPDATE clocks SET kind = 'task'",
        "UPDATE clocks SET department = 'bd'",
        "DELETE FROM clocks",
        "UPDATE clocks SET stopped_at = NULL, outcome = NULL WHERE kind = 'dispatch'",
        "UPDATE clocks SET outcome = 'met' WHERE kind = 'dispatch'",
    ],
)
def test_the_database_itself_keeps_what_a_clock_said(engine: Engine, statement: str) -> None:
    with transaction(engine) as session:
        case = Records(session).message()[0]
        clocks.stop(session, case.id, "dispatch", NOW + 30 * DAY)
    with pytest.raises(DBAPIError, match="clocks are kept"), engine.begin() as connection:
        connection.execute(text(statement))


# --- extension ---------------------------------------------------------------------------------------


def extend(desk: Desk, until: datetime, kind: str = "resolve", reason: str = "wet season") -> Clock:
    return delays.extend(
        desk.session, desk.case, kind, until, reason, by=BOSS, terms=TERMS, now=NOW + DAY
    )


def test_an_extension_is_a_new_clock_and_the_old_one_keeps_its_day(accepted: Desk) -> None:
    was = accepted.case.due_at
    new = extend(accepted, was + 7 * DAY)
    assert accepted.case.due_at == new.due_at == was + 7 * DAY
    old = accepted.session.get_one(Clock, new.extends)
    assert (old.due_at, old.outcome) == (was, "extended")
    line = accepted.lines("extend")[0]
    assert line["reason"] == "wet season" and line["was_due"] == was.isoformat()


def test_an_extension_has_bounds(accepted: Desk) -> None:
    due = accepted.case.due_at
    with refused("too_soon"):
        extend(accepted, due)
    with refused("too_late"):
        extend(accepted, due + 60 * DAY)
    with refused("no_such_clock"):
        extend(accepted, due + DAY, kind="arrive")
    with refused("incomplete"):
        extend(accepted, due + DAY, reason=" ")


def test_a_clock_is_extended_so_often_and_no_more(accepted: Desk) -> None:
    for _ in range(TERMS.promises.limits.extensions):
        extend(accepted, accepted.case.due_at + DAY)
        accepted.session.flush()
    with refused("extended_enough"):
        extend(accepted, accepted.case.due_at + DAY)


def test_an_officer_cannot_extend_their_own_clock(accepted: Desk) -> None:
    with refused("forbidden"):
        delays.extend(
            accepted.session,
            accepted.case,
            "resolve",
            accepted.case.due_at + DAY,
            "please",
            by=accepted.of("hyd"),
            terms=TERMS,
            now=NOW,
        )


# --- suspension 掛賬 ---------------------------------------------------------------------------------


def suspend(desk: Desk, days: int = 14, now: datetime = NOW) -> Clock:
    return delays.suspend(
        desk.session,
        desk.case,
        now + days * DAY,
        "the part is ordered",
        by=BOSS,
        terms=TERMS,
        now=now,
    )


def test_a_suspended_case_stands_still_and_goes_on_with_the_time_it_had_left(
    accepted: Desk,
) -> None:
    due = accepted.case.due_at
    suspension = suspend(accepted)
    assert accepted.case.status == "suspended"
    assert set(running(accepted.records, accepted.case.id)) == {"suspension"}
    delays.suspension_over(accepted.session, suspension, suspension.due_at, TERMS)
    assert accepted.case.status == "accepted"
    assert set(running(accepted.records, accepted.case.id)) == {"interim", "resolve"}
    # 30 days, last day Thursday 24 December; 14 days later is Thursday 7 January.
    assert (due.date().isoformat(), accepted.case.due_at.date().isoformat()) == (
        "2026-12-24",
        "2027-01-07",
    )
    assert suspension.outcome == "late"


def test_whoever_has_it_may_go_on_sooner(accepted: Desk) -> None:
    due = accepted.case.due_at
    suspend(accepted)
    officer, later = accepted.of("hyd"), NOW + 2 * DAY
    delays.resume(accepted.session, accepted.case, by=officer, terms=TERMS, now=later)
    assert due < accepted.case.due_at <= due + 4 * DAY


def test_a_case_is_suspended_once_with_a_day_on_which_it_ends_and_a_bound(accepted: Desk) -> None:
    with refused("too_soon"):
        suspend(accepted, days=0)
    with refused("too_late"):
        suspend(accepted, days=120)
    suspend(accepted)
    delays.resume(accepted.session, accepted.case, by=BOSS, terms=TERMS, now=NOW + DAY)
    accepted.session.flush()
    with refused("suspended_before"):
        suspend(accepted, now=NOW + 2 * DAY)


def test_nobody_suspends_what_nobody_has_accepted(desk: Desk) -> None:
    with refused("not_now"):
        suspend(desk)


def test_history_tells_of_both(accepted: Desk) -> None:
    suspend(accepted)
    delays.resume(accepted.session, accepted.case, by=BOSS, terms=TERMS, now=NOW + DAY)
    actions = [line.action for line in history.of_case(accepted.session, accepted.case.id)]
    assert actions[-2:] == ["suspend", "resume"]
