"""The watch over clocks: each mark once, whatever number of watches there are."""

from collections import Counter
from datetime import datetime, timedelta
from threading import Barrier, Thread

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from cases import asked, clocks, history, referral_policy, whistles
from cases.case import Case
from cases.clocks import Clock
from cases.notices import Notice
from runtime.city import City
from runtime.database import Trouble, transaction
from runtime.settings import CITIES
from tests.unit.cases.conftest import NOW, TERMS, Records
from tests.unit.cases.test_referrals import Desk
from watch import clocks as watch

POLICY = referral_policy.of_city(City.read(CITIES / "hongkong"))
YEAR = timedelta(days=365)
WATCHES = 4


@pytest.fixture
def sweep(engine: Engine) -> watch.Sweep:
    return watch.of_city(engine, TERMS, POLICY)


def opened(engine: Engine, count: int = 1) -> list[int]:
    with transaction(engine) as session:
        return [Records(session).message(f"CA{n}")[0].id for n in range(count)]


def told(engine: Engine) -> Counter[tuple[str, str]]:
    with transaction(engine) as session:
        return Counter((one.kind, one.to) for one in session.scalars(select(Notice)))


def due(engine: Engine, kind: str) -> datetime:
    with transaction(engine) as session:
        running = select(Clock.due_at).where(Clock.kind == kind, Clock.stopped_at.is_(None))
        return session.scalars(running).one()


def test_nothing_passes_before_its_time(engine: Engine, sweep: watch.Sweep) -> None:
    opened(engine)
    assert watch.go_round(sweep, NOW) == {"warned": 0, "overdue": 0, "third": 0}


def test_a_clock_warns_runs_out_and_climbs_each_once(engine: Engine, sweep: watch.Sweep) -> None:
    opened(engine)
    for _ in range(2):
        watch.go_round(sweep, NOW + YEAR)
    assert told(engine) == {
        ("warned", "role:supervisor"): 2,
        ("overdue", "role:supervisor"): 2,
        ("escalated", "role:supervisor"): 2,
        ("escalated", "role:coordinator"): 2,
    }


def test_a_notice_says_which_clock_it_is_about(engine: Engine, sweep: watch.Sweep) -> None:
    opened(engine)
    watch.go_round(sweep, due(engine, "dispatch"))
    with transaction(engine) as session:
        facts = [one.facts for one in session.scalars(select(Notice))]
    assert {fact["state"] for fact in facts} == {"dispatch"}


def test_a_clock_that_stopped_passes_no_mark(engine: Engine, sweep: watch.Sweep) -> None:
    case_id = opened(engine)[0]
    with transaction(engine) as session:
        for kind in ("dispatch", "resolve"):
            clocks.stop(session, case_id, kind, NOW)
    assert watch.go_round(sweep, NOW + YEAR) == {"warned": 0, "overdue": 0, "third": 0}


def test_several_watches_at_once_mark_each_clock_once(engine: Engine, sweep: watch.Sweep) -> None:
    opened(engine, 6)
    marked: list[int] = []
    ready = Barrier(WATCHES)

    def go() -> None:
        ready.wait()
        for _ in range(20):
            try:
                marked.append(watch.go_round(sweep, NOW + YEAR)["overdue"])
                return
            except Trouble:
                continue  # as the watch itself does at its next round

    threads = [Thread(target=go) for _ in range(WATCHES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(marked) == WATCHES
    # What one watch held at the moment another looked, was left to the next round.
    marked.append(watch.go_round(sweep, NOW + YEAR)["overdue"])
    assert sum(marked) == 12
    assert told(engine)["overdue", "role:supervisor"] == 12


def test_a_rule_that_fails_keeps_no_other_clock_waiting(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = opened(engine, 2)
    went_on = []

    def rule(_: Session, clock: Clock, now: datetime) -> None:
        if clock.case_id == first:
            raise ValueError("a fault of ours")
        went_on.append((clock.case_id, now))

    sweep = watch.Sweep(engine, {"dispatch": rule})
    for _ in range(2):
        watch.go_round(sweep, NOW + YEAR)
    assert went_on == [(second, NOW + YEAR)]
    assert caplog.text.count("it is tried again") == 2
    with transaction(engine) as session:
        marked = select(Clock.case_id).where(Clock.overdue_at.is_not(None))
        assert sorted(session.scalars(marked.where(Clock.kind == "dispatch"))) == [second]
        assert sorted(session.scalars(marked.where(Clock.kind == "resolve"))) == [first, second]
    assert told(engine)["overdue", "role:supervisor"] == 3


def test_who_changes_a_case_is_not_waited_for(engine: Engine, sweep: watch.Sweep) -> None:
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    first, _ = opened(engine, 2)
    with transaction(engine) as session:
        clocks.stop(session, first, "dispatch", NOW)
        assert watch.go_round(sweep, NOW + YEAR)["warned"] == 3
    assert watch.go_round(sweep, NOW + YEAR)["warned"] == 0


@pytest.mark.parametrize("mark", clocks.MARKS)
def test_the_clocks_that_pass_a_mark_are_found_by_an_index(engine: Engine, mark: str) -> None:
    with transaction(engine) as session:
        if engine.dialect.name == "postgresql":
            session.execute(text("SET LOCAL enable_seqscan = off"))
        how = "EXPLAIN " if engine.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN "
        done, at = clocks.MARKS[mark]
        passing = (
            f"SELECT id FROM clocks WHERE stopped_at IS NULL AND {done} IS NULL "
            f"AND {at} <= '2026-11-24' ORDER BY {at} LIMIT 500"
        )
        plan = " ".join(str(row) for row in session.execute(text(how + passing)))
    # In an empty table the index of all running clocks by due date does as well.
    assert f"ix_clocks_{mark}" in plan or (mark == "overdue" and "ix_clocks_running" in plan)
    assert "SORT" not in plan.upper()


def test_silence_is_recorded_and_asked_again_and_the_second_blows_the_whistle(
    engine: Engine, sweep: watch.Sweep
) -> None:
    with transaction(engine) as session:
        records = Records(session)
        desk = Desk(records, records.message()[0]).confirmed()
        desk.refer("hyd")
        case_id = desk.case.id
    watch.go_round(sweep, due(engine, "accept"))
    with transaction(engine) as session:
        assert session.get_one(Case, case_id).status == "referred"
        assert [one.silences for one in asked.of_case(session, case_id)] == [1]
    assert told(engine)["escalated", "role:coordinator"] == 1
    watch.go_round(sweep, due(engine, "accept"))
    with transaction(engine) as session:
        case = session.get_one(Case, case_id)
        whistle = whistles.open_of(session, case_id)
        assert whistle is not None and whistle.reason == "second_silence"
        assert (case.status, case.owner) == ("whistled", "hyd")
        assert {clock.kind for clock in clocks.running(session, case_id)} >= {"arrive", "resolve"}


def test_who_was_called_and_does_not_come_is_recorded(engine: Engine, sweep: watch.Sweep) -> None:
    with transaction(engine) as session:
        records = Records(session)
        desk = Desk(records, records.message()[0])
        desk.blow(("bd", "fsd"))
        case_id = desk.case.id
    watch.go_round(sweep, NOW + timedelta(minutes=30))
    with transaction(engine) as session:
        lines = [one for one in history.of_case(session, case_id) if one.action == "not_arrived"]
        assert {line.detail["department"] for line in lines} == {"bd", "fsd"}
        assert session.get_one(Case, case_id).status == "whistled"


def test_a_suspension_ends_on_its_day(engine: Engine, sweep: watch.Sweep) -> None:
    from cases import delays
    from tests.unit.cases.test_clocks import BOSS

    with transaction(engine) as session:
        records = Records(session)
        desk = Desk(records, records.message()[0]).confirmed()
        desk.refer("hyd")
        desk.accept("hyd")
        until = NOW + timedelta(days=3)
        delays.suspend(session, desk.case, until, "rain", by=BOSS, terms=TERMS, now=NOW)
        case_id = desk.case.id
    watch.go_round(sweep, until - timedelta(seconds=1))
    with transaction(engine) as session:
        assert session.get_one(Case, case_id).status == "suspended"
    watch.go_round(sweep, until)
    with transaction(engine) as session:
        assert session.get_one(Case, case_id).status == "accepted"
        assert {clock.kind for clock in clocks.running(session, case_id)} == {"interim", "resolve"}
