"""Who has a case in hand: the next one is one person's alone, for a while, and nothing is locked."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, select

from cases import agents, clocks, history, leases, referrals
from cases import case as case_module
from cases.agents import Agent
from cases.case import Case
from cases.clocks import Clock
from cases.leases import LASTS, MOST, Lease
from cases.permissions import Person
from runtime.database import transaction
from tests.unit.cases.conftest import LAMPS, MINUTE, NOW, TERMS, Records
from tests.unit.cases.scene import refused


def person(records: Records, name: str, role: str = "agent") -> Person:
    agent = Agent(name=name, role=role, active=True, added_at=NOW, password_hash="")
    records.session.add(agent)
    records.session.flush()
    return Person(agents.actor(agent.id), role)


def case(records: Records, name: str, due: datetime | None = None, *flags: str) -> Case:
    """A case that waits at the desk."""
    made = case_module.open_for(records.session, records.call(name), TERMS, NOW, flags)
    if due:  # what a clock says never changes: it is another clock
        for clock in clocks.running(records.session, made.id):
            if clock.kind == clocks.DISPATCH:
                clocks.halt(clock, NOW, clocks.REGRADED)
                clocks.start(
                    records.session, made.id, clocks.DISPATCH, TERMS, NOW, until=due, extends=clock
                )
    records.session.flush()
    return made


def in_hand(records: Records, by: Person) -> list[str | None]:
    return [one.number for one in leases.in_hand(records.session, by)]


def taken_over(records: Records, case: Case) -> list[dict[str, object]]:
    lines = history.of_case(records.session, case.id)
    return [line.detail for line in lines if line.action == "taken_over"]


class TestTheNextCase:
    def test_is_the_one_whose_clock_is_due_first(self, records: Records) -> None:
        mei = person(records, "mei")
        case(records, "late", NOW + 3 * MINUTE)
        first = case(records, "first", NOW + MINUTE)
        assert leases.take_next(records.session, by=mei, now=NOW) is first
        assert in_hand(records, mei) == [first.number]

    def test_is_one_that_can_be_read_before_one_that_is_still_heard(self, records: Records) -> None:
        mei = person(records, "mei")
        heard_now = case(records, "heard", NOW + MINUTE, "transcript_pending")
        readable = case(records, "readable", NOW + 9 * MINUTE)
        assert leases.take_next(records.session, by=mei, now=NOW) is readable
        assert leases.take_next(records.session, by=mei, now=NOW) is heard_now

    def test_is_an_urgent_one_before_all_others_even_if_that_is_only_a_guess(
        self, records: Records
    ) -> None:
        mei = person(records, "mei")
        case(records, "first", NOW + MINUTE)
        urgent = case(records, "urgent", NOW + 9 * MINUTE)
        urgent.category = "fire-safety"
        taken = leases.take_next(records.session, by=mei, now=NOW, urgent=["fire-safety", "gas"])
        assert taken is urgent

    def test_is_one_with_danger_to_life_before_all_others(self, records: Records) -> None:
        mei = person(records, "mei")
        urgent = case(records, "urgent", NOW + MINUTE)
        urgent.category = "fire-safety"
        danger = case(records, "danger", NOW + 9 * MINUTE, "danger")
        for expected in (danger, urgent):
            assert (
                leases.take_next(records.session, by=mei, now=NOW, urgent=["fire-safety"])
                is expected
            )

    def test_danger_to_life_leads_what_is_due_whenever_its_clock_runs_out(
        self, records: Records
    ) -> None:
        soon = case(records, "soon", NOW + MINUTE)
        danger = case(records, "danger", NOW + 999 * MINUTE, "danger")
        due = leases.waiting_until(records.session, NOW + 9 * MINUTE, 9)
        assert [one for one, _ in due] == [danger, soon]

    def test_is_nobodys_else(self, records: Records) -> None:
        mei, bo = person(records, "mei"), person(records, "bo")
        case(records, "only")
        assert leases.take_next(records.session, by=mei, now=NOW) is not None
        assert leases.take_next(records.session, by=bo, now=NOW) is None
        assert leases.take_next(records.session, by=mei, now=NOW) is None

    def test_has_not_been_seen_to(self, records: Records) -> None:
        mei, one = person(records, "mei"), case(records, "one")
        how = {"by": mei, "now": NOW, "version": one.version}
        case_module.close(records.session, one, "answered", **how)
        assert leases.take_next(records.session, by=mei, now=NOW) is None
        assert leases.waiting(records.session) == 0

    def test_is_taken_over_from_whoever_left_and_the_history_says_so(
        self, records: Records
    ) -> None:
        mei, bo = person(records, "mei"), person(records, "bo")
        one = case(records, "one")
        leases.take_next(records.session, by=mei, now=NOW)
        assert leases.take_next(records.session, by=bo, now=NOW + LASTS) is one
        assert taken_over(records, one) == [{"was_by": "mei", "expired": True}]
        assert in_hand(records, mei) == []

    def test_is_not_given_to_who_has_enough_in_hand(self, records: Records) -> None:
        mei = person(records, "mei")
        for n in range(MOST + 1):
            case(records, str(n))
        for _ in range(MOST):
            leases.take_next(records.session, by=mei, now=NOW)
        with refused("enough_in_hand"):
            leases.take_next(records.session, by=mei, now=NOW)

    @pytest.mark.parametrize("role", ["auditor", "leader", "coordinator", "officer"])
    def test_is_for_the_desk_alone(self, records: Records, role: str) -> None:
        case(records, "one")
        with refused("forbidden"):
            leases.take_next(records.session, by=person(records, "one", role), now=NOW)


class TestALease:
    def test_is_kept_while_its_holder_is_at_work(self, records: Records) -> None:
        mei, bo = person(records, "mei"), person(records, "bo")
        case(records, "one")
        leases.take_next(records.session, by=mei, now=NOW)
        leases.keep(records.session, mei, NOW + 4 * MINUTE)
        assert leases.take_next(records.session, by=bo, now=NOW + 6 * MINUTE) is None

    def test_ends_when_the_case_leaves_the_desk(self, records: Records) -> None:
        mei, one = person(records, "mei"), case(records, "one")
        leases.take(records.session, one, by=mei, now=NOW)
        how = {"by": mei, "terms": TERMS, "now": NOW}
        case_module.confirm(records.session, one, LAMPS, version=one.version, **how)
        assert in_hand(records, mei) == [one.number]
        referrals.refer(records.session, one, "hyd", (), **how)
        assert in_hand(records, mei) == []

    def test_locks_nothing(self, records: Records) -> None:
        mei, bo, one = person(records, "mei"), person(records, "bo"), case(records, "one")
        leases.take(records.session, one, by=mei, now=NOW)
        case_module.close(records.session, one, "done", by=bo, now=NOW, version=one.version)
        assert one.status == "closed"

    def test_is_put_back_by_its_holder_alone(self, records: Records) -> None:
        mei, bo, one = person(records, "mei"), person(records, "bo"), case(records, "one")
        leases.take(records.session, one, by=mei, now=NOW)
        assert not leases.put_back(records.session, one.id, by=bo)
        assert leases.put_back(records.session, one.id, by=mei)
        assert leases.take_next(records.session, by=bo, now=NOW) is one
        assert taken_over(records, one) == []

    def test_of_another_is_left_alone_but_for_a_supervisor_who_knows(
        self, records: Records
    ) -> None:
        mei, bo, one = person(records, "mei"), person(records, "bo"), case(records, "one")
        boss = person(records, "boss", "supervisor")
        leases.take(records.session, one, by=mei, now=NOW)
        for who in (bo, boss):
            with refused("held"):
                leases.take(records.session, one, by=who, now=NOW)
        with refused("forbidden"):
            leases.take(records.session, one, by=bo, now=NOW, knowingly=True)
        leases.take(records.session, one, by=boss, now=NOW, knowingly=True)
        assert taken_over(records, one) == [{"was_by": "mei", "expired": False}]
        leases.keep(records.session, mei, NOW)
        assert in_hand(records, boss) == [one.number]

    def test_of_who_leaves_is_free_at_once(self, records: Records) -> None:
        mei, bo, one = person(records, "mei"), person(records, "bo"), case(records, "one")
        leases.take(records.session, one, by=mei, now=NOW)
        leases.put_back_all(records.session, mei)
        assert leases.take_next(records.session, by=bo, now=NOW) is one

    def test_is_for_what_is_still_at_the_desk(self, records: Records) -> None:
        mei, one = person(records, "mei"), case(records, "one")
        case_module.close(records.session, one, "done", by=mei, now=NOW, version=one.version)
        with refused("not_now"):
            leases.take(records.session, one, by=mei, now=NOW)


def test_who_looks_is_known_to_the_others_for_a_moment(records: Records) -> None:
    mei, bo, one = person(records, "mei"), person(records, "bo"), case(records, "one")
    leases.look(records.session, one.id, by=mei, now=NOW)
    leases.look(records.session, one.id, by=mei, now=NOW + timedelta(seconds=9))
    later = NOW + timedelta(seconds=30)
    assert leases.lookers(records.session, one.id, besides=bo, now=later) == ["mei"]
    assert leases.lookers(records.session, one.id, besides=mei, now=later) == []
    assert leases.lookers(records.session, one.id, besides=bo, now=NOW + MINUTE) == []
    leases.look(records.session, one.id, by=mei, now=later)
    leases.look_away(records.session, one.id, by=mei)
    assert leases.lookers(records.session, one.id, besides=bo, now=later) == []


def test_what_is_due_is_told_with_its_clock(records: Records) -> None:
    soon, late = case(records, "soon", NOW + MINUTE), case(records, "late", NOW + 9 * MINUTE)
    due = leases.waiting_until(records.session, NOW + 5 * MINUTE, 10)
    assert [(one.number, clock.due_at) for one, clock in due] == [(soon.number, NOW + MINUTE)]
    assert leases.waiting(records.session) == 2
    assert late.status == "received"


def all_at_once(count: int, act: Callable[[int], None]) -> list[BaseException]:
    start, trouble = threading.Barrier(count), list[BaseException]()

    def run(n: int) -> None:
        start.wait()
        try:
            act(n)
        except BaseException as error:
            trouble.append(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return trouble


def test_twenty_who_press_at_once_get_twenty_cases(engine: Engine) -> None:
    with transaction(engine) as session:
        records = Records(session)
        people = [person(records, f"one {n}") for n in range(20)]
        for n in range(25):
            case(records, f"call {n}", NOW + n * MINUTE)
    got: list[str | None] = []

    def press(n: int) -> None:
        with transaction(engine) as session:
            taken = leases.take_next(session, by=people[n], now=NOW)
            number = taken.number if taken else None
        got.append(number)

    assert all_at_once(20, press) == []
    assert None not in got and len(set(got)) == 20
    with transaction(engine) as session:
        first = select(Clock.case_id).where(Clock.kind == clocks.DISPATCH, Clock.outcome.is_(None))
        due_first = list(session.scalars(first.order_by(Clock.due_at).limit(20)))
        held = set(session.scalars(select(Lease.case_id)))
    assert held == set(due_first)


def test_the_last_case_goes_to_one_of_twenty(engine: Engine) -> None:
    with transaction(engine) as session:
        records = Records(session)
        people = [person(records, f"one {n}") for n in range(20)]
        case(records, "only")
    got = []

    def press(n: int) -> None:
        with transaction(engine) as session:
            got.append(leases.take_next(session, by=people[n], now=NOW) is not None)

    assert all_at_once(20, press) == []
    assert sorted(got) == [False] * 19 + [True]
