"""After a case is resolved: who is rung and when, what an answer does, and what no answer does."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import Engine, select

from cases import calls, clocks, followups, history, outgoing
from cases import case as case_module
from cases.calls import Call
from cases.case import Case
from cases.errors import Refused
from cases.followup_policy import FollowupPolicy
from cases.followups import Followup
from cases.outgoing import OutgoingCall
from cases.permissions import Person
from runtime.database import transaction
from tests.unit.cases.conftest import KEY, NOW, TERMS, Records

POLICY = FollowupPolicy(spec=1, tries=2, spacing_minutes=60, per_number_per_day=3, per_day=5)
DAY = NOW - timedelta(hours=1)
SECOND = timedelta(seconds=1)
ANNA, BEN = Person("agent:1", "agent"), Person("agent:2", "agent")
CITIZEN = "+85291234567"


@dataclass
class Desk:
    """A city that rings back. `now` goes on a little with everything that is done."""

    records: Records
    now: datetime = NOW
    names: list[str] = field(default_factory=list)

    @property
    def session(self):
        return self.records.session

    def resolved(self, number: str | None = CITIZEN, language: str = "yue") -> Case:
        """A case that a department has resolved."""
        self.names.append(f"CA{len(self.names)}")
        call_id = self.records.call(self.names[-1], number)
        case = case_module.open_for(self.session, call_id, TERMS, NOW)
        case.status, case.owner, case.language = "resolved", "hyd", language
        self.session.flush()
        return case

    def planned(self, number: str | None = CITIZEN) -> Followup:
        return followups.plan(self.session, self.resolved(number), TERMS, self.now)

    def later(self, **more: float) -> datetime:
        self.now += timedelta(**more) if more else SECOND
        return self.now

    def ring(self, row: Followup, policy: FollowupPolicy = POLICY) -> OutgoingCall | None:
        """The intent to ring, a second or more after the last."""
        return followups.claim(self.session, row.id, policy, DAY, self.later())

    def rung(self, row: Followup, sid: str = "CA-ours") -> OutgoingCall:
        """A call under way."""
        call = self.ring(row)
        assert call is not None
        outgoing.known_as(self.session, call, f"{sid}-{call.id}", "twilio")
        return call

    def answer(self, call: OutgoingCall, **given: str) -> None:
        for question, word in given.items():
            followups.note(self.session, call, question, word, self.later())

    def over(self, call: OutgoingCall, outcome: str = "completed") -> None:
        followups.over(self.session, call, outcome, POLICY, TERMS, self.later())

    def fresh(self, row: Followup) -> None:
        """The row as the database has it."""
        self.session.flush()
        self.session.refresh(row)

    def case_of(self, row: Followup) -> Case:
        return self.session.get_one(Case, row.case_id)

    def actions(self, row: Followup) -> list[str]:
        return [line.action for line in history.of_case(self.session, row.case_id)]


@pytest.fixture
def desk(records: Records) -> Desk:
    return Desk(records)


# Planning


def test_a_follow_up_knows_whose_resolution_it_is_and_the_language(desk: Desk) -> None:
    row = desk.planned()
    assert (row.state, row.department, row.resolution) == ("waiting", "hyd", 1)
    assert row.language == "yue"


def test_every_resolution_has_its_own(desk: Desk) -> None:
    case = desk.resolved()
    first = followups.plan(desk.session, case, TERMS, desk.now)
    second = followups.plan(desk.session, case, TERMS, desk.now)
    desk.fresh(first)
    assert (first.state, second.state) == ("cancelled", "waiting")
    assert [row.resolution for row in followups.of_case(desk.session, case.id)] == [1, 2]


def test_a_withheld_number_is_for_a_person(desk: Desk) -> None:
    row = desk.planned(number="anonymous")
    assert (row.state, row.reason) == ("by_hand", "withheld")
    assert followups.due(desk.session, POLICY, DAY, desk.later()) == []


# Who may be rung


def test_what_waits_longest_is_due_first(desk: Desk) -> None:
    second = desk.planned("+85291111111")
    first = desk.planned("+85292222222")
    first.next_try_at = NOW - timedelta(hours=1)
    desk.session.flush()
    assert followups.due(desk.session, POLICY, DAY, desk.later(), limit=5) == [first.id, second.id]


def test_a_claim_writes_the_intent_and_counts_the_try(desk: Desk) -> None:
    row = desk.planned()
    call = desk.ring(row)
    assert call is not None and call.call_id is None and len(call.token) == 32
    desk.fresh(row)
    assert (row.state, row.tries, row.lease_token) == ("calling", 1, call.token)


def test_nobody_is_rung_twice_at_once(desk: Desk) -> None:
    row = desk.planned()
    assert desk.ring(row) is not None
    assert desk.ring(row) is None


def test_one_call_a_second(desk: Desk) -> None:
    first, second = desk.planned("+85291111111"), desk.planned("+85292222222")
    now = desk.later()
    assert followups.claim(desk.session, first.id, POLICY, DAY, now) is not None
    assert followups.claim(desk.session, second.id, POLICY, DAY, now) is None
    soon = now + SECOND / 2
    assert followups.claim(desk.session, second.id, POLICY, DAY, soon) is None
    assert followups.claim(desk.session, second.id, POLICY, DAY, now + SECOND) is not None


def test_the_cap_of_the_day_holds(desk: Desk) -> None:
    rows = [desk.planned(f"+8529111111{n}") for n in range(7)]
    assert sum(desk.ring(row) is not None for row in rows) == POLICY.per_day
    assert followups.due(desk.session, POLICY, DAY, desk.later()) == []


def test_the_cap_of_a_number_holds_over_all_its_cases(desk: Desk) -> None:
    rows = [desk.planned() for _ in range(5)]
    assert sum(desk.ring(row) is not None for row in rows) == POLICY.per_number_per_day


def test_the_next_day_has_caps_of_its_own(desk: Desk) -> None:
    for row in [desk.planned() for _ in range(3)]:
        desk.ring(row)
    row = desk.planned()
    assert desk.ring(row) is None
    tomorrow = desk.later(days=1)
    assert followups.claim(desk.session, row.id, POLICY, tomorrow - SECOND, tomorrow) is not None


def test_an_intent_that_came_to_no_call_counts_against_nothing(desk: Desk) -> None:
    row = desk.planned()
    for _ in range(6):
        call = desk.ring(row)
        assert call is not None
        followups.release(desk.session, call, desk.now, desk.now)
        desk.fresh(row)
    assert (row.state, row.tries) == ("waiting", 0)


def test_a_number_that_never_called_us_is_not_rung(desk: Desk) -> None:
    row = desk.planned()
    row.caller_digest = KEY.digest("+85299999999")
    desk.session.flush()
    assert desk.ring(row) is None


def test_a_call_of_ours_is_no_call_to_us(desk: Desk) -> None:
    row = desk.planned()
    first = desk.session.get_one(Call, desk.case_of(row).call_id)
    first.outgoing = True
    desk.session.flush()
    assert desk.ring(row) is None


def test_a_case_that_went_on_is_not_rung_for(desk: Desk) -> None:
    row = desk.planned()
    desk.case_of(row).status = "closed"
    desk.session.flush()
    assert followups.due(desk.session, POLICY, DAY, desk.later()) == []
    assert desk.ring(row) is None


def test_a_call_of_ours_is_filed_under_the_citizen_and_takes_no_line(desk: Desk) -> None:
    call = desk.rung(desk.planned())
    ours = desk.session.get_one(Call, call.call_id)
    assert ours.outgoing and ours.caller_digest == KEY.digest(CITIZEN)
    assert ours.language == "yue"
    assert calls.busy_lines(desk.session, NOW - timedelta(hours=1)) == 1  # the citizen's own


# Answers


def test_solved_closes_the_case(desk: Desk) -> None:
    row = desk.planned()
    call = desk.rung(row)
    desk.answer(call, contacted="yes", solved="yes", satisfied="very")
    desk.over(call)
    assert (row.state, row.by, row.is_valid) == ("answered", "voice", True)
    assert (row.contacted, row.solved, row.satisfied) == (True, True, "very")
    assert desk.case_of(row).status == "closed"


def test_not_solved_goes_back_with_a_new_clock_and_counts_against_the_closing(desk: Desk) -> None:
    row = desk.planned()
    call = desk.rung(row)
    desk.answer(call, contacted="yes", solved="no", satisfied="no")
    desk.over(call)
    case = desk.case_of(row)
    assert (case.status, case.owner) == ("accepted", "hyd")
    assert "reopened" in case.flags
    running = [clock.kind for clock in clocks.running(desk.session, case.id)]
    assert "resolve" in running
    assert (row.department, row.resolution, row.solved) == ("hyd", 1, False)


def test_who_hangs_up_after_the_second_question_has_answered_two(desk: Desk) -> None:
    row = desk.planned()
    call = desk.rung(row)
    desk.answer(call, contacted="no", solved="yes")
    desk.over(call)
    assert row.is_valid and row.satisfied is None
    assert desk.case_of(row).status == "closed"


def test_the_first_question_alone_is_kept_but_no_valid_answer(desk: Desk) -> None:
    row = desk.planned()
    call = desk.rung(row)
    desk.answer(call, contacted="yes")
    desk.over(call)
    assert (row.state, row.contacted, row.is_valid) == ("waiting", True, False)
    assert row.next_try_at == desk.now + POLICY.spacing


def test_told_twice_and_late_it_is_the_same(desk: Desk) -> None:
    row = desk.planned()
    call = desk.rung(row)
    desk.answer(call, solved="yes")
    for outcome in ("completed", "completed", "no-answer", "failed"):
        desk.over(call, outcome)
    assert (row.state, row.tries, call.outcome) == ("answered", 1, "completed")
    assert desk.actions(row).count("solved") == 1


def test_an_answer_that_is_told_after_the_end_counts(desk: Desk) -> None:
    row = desk.planned()
    call = desk.rung(row)
    desk.over(call)
    assert row.state == "waiting"
    desk.answer(call, solved="yes")
    desk.over(call)
    assert row.state == "answered" and desk.case_of(row).status == "closed"


def test_an_answer_after_the_case_went_on_changes_nothing(desk: Desk) -> None:
    row = desk.planned()
    call = desk.rung(row)
    desk.answer(call, solved="no")
    desk.case_of(row).status = "closed"
    desk.session.flush()
    desk.over(call)
    assert (row.state, desk.case_of(row).status) == ("cancelled", "closed")


def test_nonsense_is_no_answer(desk: Desk) -> None:
    call = desk.rung(desk.planned())
    with pytest.raises(Refused, match="unknown_answer"):
        desk.answer(call, satisfied="yes")


# No answer


def test_after_the_last_try_one_message_and_the_end(desk: Desk) -> None:
    row = desk.planned()
    for outcome in ("no-answer", "busy"):
        desk.over(desk.rung(row), outcome)
        desk.later(hours=2)
    assert (row.state, row.tries) == ("not_reached", 2)
    assert row.missed_at is not None and not row.is_valid and row.satisfied is None
    assert desk.case_of(row).status == "closed"
    assert desk.actions(row)[-1] == "not_reached"


def test_between_tries_there_is_time(desk: Desk) -> None:
    row = desk.planned()
    desk.over(desk.rung(row), "no-answer")
    assert desk.ring(row) is None
    desk.later(hours=1)
    assert desk.ring(row) is not None


def test_where_messages_are_off_none_is_sent(desk: Desk) -> None:
    row, quiet = desk.planned(), POLICY.model_copy(update={"tries": 1, "sms": False})
    call = desk.rung(row)
    followups.over(desk.session, call, "no-answer", quiet, TERMS, desk.later())
    assert (row.state, row.missed_at) == ("not_reached", None)


def test_who_said_something_that_nobody_understood_is_listened_to(desk: Desk) -> None:
    row = desk.planned()
    for _ in range(2):
        call = desk.rung(row)
        desk.records.announce(call.call_id, provider_id=f"RE{call.id}")
        desk.over(call)
        desk.later(hours=2)
    assert (row.state, row.reason) == ("by_hand", "listen")


def test_a_wrong_number_is_never_rung_again_and_its_answers_do_not_count(desk: Desk) -> None:
    row = desk.planned()
    call = desk.rung(row)
    desk.answer(call, contacted="no", solved="no")
    followups.refuse_calls(desk.session, call, "wrong_number", desk.later())
    desk.over(call)
    assert (row.state, row.reason, row.solved) == ("by_hand", "wrong_number", None)
    assert desk.case_of(row).status == "resolved"
    assert desk.planned().reason == "wrong_number"


def test_who_wants_no_such_calls_is_not_rung_again_nor_sent_a_message(desk: Desk) -> None:
    row, other = desk.planned(), desk.planned()
    call = desk.rung(row)
    followups.refuse_calls(desk.session, call, "opted_out", desk.later())
    desk.over(call)
    assert (row.state, row.reason, row.missed_at) == ("not_reached", "opted_out", None)
    assert desk.ring(other) is None


def test_what_was_answered_before_star_stands(desk: Desk) -> None:
    row = desk.planned()
    call = desk.rung(row)
    desk.answer(call, solved="yes")
    followups.refuse_calls(desk.session, call, "opted_out", desk.later())
    desk.over(call)
    assert row.is_valid and desk.case_of(row).status == "closed"


# Calls nobody tells us the end of


def test_a_call_without_an_end_is_looked_after_when_its_time_is_over(desk: Desk) -> None:
    call = desk.rung(desk.planned())
    assert followups.stale(desk.session, desk.later()) == []
    late = desk.later(seconds=POLICY.rings + POLICY.longest + 61)
    assert [one.id for one in followups.stale(desk.session, late)] == [call.id]
    followups.hold_on(desk.session, call, late + timedelta(minutes=1))
    desk.session.flush()
    assert followups.stale(desk.session, late) == []


def test_a_number_no_machine_may_ring_is_for_a_person(desk: Desk) -> None:
    row = desk.planned()
    call = desk.ring(row)
    assert call is not None
    followups.for_a_person(desk.session, call, "rejected", desk.later())
    desk.fresh(row)
    assert (row.state, row.reason, row.tries) == ("by_hand", "rejected", 0)
    other = desk.planned("+85291111111")
    followups.unfit(desk.session, other.id, "foreign")
    assert (other.state, other.reason) == ("by_hand", "foreign")


def test_a_provider_in_trouble_is_left_alone_by_all(desk: Desk) -> None:
    row = desk.planned()
    desk.ring(desk.planned("+85291111111"))
    outgoing.rest(desk.session, desk.now + timedelta(minutes=1))
    assert desk.ring(row) is None
    desk.later(minutes=1)
    assert desk.ring(row) is not None


# By hand


def test_agents_see_what_only_they_can_do_first(desk: Desk) -> None:
    waiting, withheld = desk.planned(), desk.planned(number="anonymous")
    assert [row.id for row, _ in followups.by_hand(desk.session)] == [withheld.id, waiting.id]


def test_what_an_agent_has_in_hand_the_system_does_not_ring(desk: Desk) -> None:
    row = desk.planned()
    followups.take(desk.session, row.id, by=ANNA, now=desk.later())
    assert desk.ring(row) is None
    with pytest.raises(Refused, match="in_hand"):
        followups.take(desk.session, row.id, by=BEN, now=desk.later())
    followups.take(desk.session, row.id, by=BEN, now=desk.later(hours=2))
    assert row.in_hand_by == BEN.actor


def test_what_is_put_back_is_rung_again(desk: Desk) -> None:
    row = desk.planned()
    followups.take(desk.session, row.id, by=ANNA, now=desk.later())
    followups.put_back(desk.session, row.id, by=ANNA, now=desk.later())
    desk.session.flush()
    assert desk.ring(row) is not None


def test_what_is_being_rung_is_in_nobody_elses_hands(desk: Desk) -> None:
    row = desk.planned()
    desk.rung(row)
    with pytest.raises(Refused, match="not_now"):
        followups.take(desk.session, row.id, by=ANNA, now=desk.later())


def test_an_agents_answer_does_what_the_calls_does(desk: Desk) -> None:
    row = desk.planned(number="anonymous")
    given = {"contacted": "yes", "solved": "no", "satisfied": "fairly", "remark": "still dark"}
    followups.answer(desk.session, row.id, given, by=ANNA, terms=TERMS, now=desk.later())
    assert (row.state, row.by, row.actor, row.remark) == (
        "answered",
        "agent",
        ANNA.actor,
        "still dark",
    )
    assert desk.case_of(row).status == "accepted"


def test_an_agents_answer_says_at_least_whether_it_is_solved(desk: Desk) -> None:
    row = desk.planned()
    with pytest.raises(Refused, match="incomplete"):
        given = {"contacted": "yes"}
        followups.answer(desk.session, row.id, given, by=ANNA, terms=TERMS, now=desk.later())


def test_an_agent_who_reaches_nobody_closes_it_as_not_reached(desk: Desk) -> None:
    row = desk.planned()
    followups.give_up(desk.session, row.id, by=ANNA, now=desk.later())
    assert (row.state, row.by, row.is_valid) == ("not_reached", "agent", False)
    assert desk.case_of(row).status == "closed"


@pytest.mark.parametrize("role", ["auditor", "officer"])
def test_only_the_desk_follows_up(desk: Desk, role: str) -> None:
    row = desk.planned()
    by = Person("agent:3", role, "hyd")
    with pytest.raises(Refused, match="forbidden"):
        followups.take(desk.session, row.id, by=by, now=desk.later())


@pytest.mark.parametrize("language", ["yue", "cmn", "en"])
def test_the_script_is_there_in_every_language(language: str) -> None:
    lines = followups.script(language, number="507304462", city="Mytown")
    assert "507304462" in lines[0].text and "Mytown" in lines[0].text
    asked = {line.key: {*line.choices} for line in lines if line.choices}
    assert asked == followups.ANSWERS


# Several placers


def test_the_caps_hold_for_placers_at_the_same_moment(engine: Engine) -> None:
    """Four placers, each with a clock that runs ahead by seconds: no more calls than the day allows,
    and never two within a second."""
    with transaction(engine) as session:
        desk = Desk(Records(session))
        ids = [desk.planned(f"+8529111111{n}").id for n in range(8)]
    tight = POLICY.model_copy(update={"per_day": 3})

    def place(placer: int) -> None:
        for at, followup_id in enumerate(ids[placer::2] + ids[::-1], start=1):
            with transaction(engine) as session:
                now = NOW + timedelta(seconds=0.4 * at)
                followups.claim(session, followup_id, tight, DAY, now)

    with ThreadPoolExecutor(4) as placers:
        list(placers.map(place, range(4)))
    with transaction(engine) as session:
        placed = sorted(session.scalars(select(OutgoingCall.placed_at)))
    assert len(placed) == 3
    assert all(later - earlier >= SECOND for earlier, later in pairwise(placed))
