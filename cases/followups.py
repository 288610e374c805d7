"""Follow-up 回訪: after a case is resolved, the citizen says whether it is.

One row for each resolution. The system phones (`waiting`, `calling`), or an agent does (`by_hand`);
it ends `answered`, `not_reached`, which is never counted as satisfied, or `cancelled` because the
case went on without it. An answer counts (`is_valid`) when the citizen said whether it is solved.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    Index,
    SmallInteger,
    String,
    UniqueConstraint,
    and_,
    exists,
    func,
    select,
    update,
)
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from cases import calls, clocks, history, lifecycle, notices, outgoing, recordings, whistles
from cases import case as case_module
from cases.calls import Call
from cases.case import Case
from cases.clocks import Terms
from cases.errors import Refused
from cases.followup_policy import FollowupPolicy
from cases.outgoing import NoCalls, OutgoingCall
from cases.permissions import SYSTEM, Person
from cases.record import Id, Record
from cases.recordings import Recording

WAITING, CALLING, BY_HAND = "waiting", "calling", "by_hand"
ANSWERED, NOT_REACHED, CANCELLED = "answered", "not_reached", "cancelled"
STATES = (WAITING, CALLING, BY_HAND, ANSWERED, NOT_REACHED, CANCELLED)
OPEN = frozenset({WAITING, CALLING, BY_HAND})

# What a citizen may answer, by question. The flow's `keeps` and a form at the console say the same.
ANSWERS: Mapping[str, frozenset[str]] = {
    "contacted": frozenset({"yes", "no"}),
    "solved": frozenset({"yes", "no"}),
    "satisfied": frozenset({"very", "fairly", "no"}),
}
# So long an agent has a follow-up in hand before another may take it.
IN_HAND = timedelta(hours=1)
VOICE, AGENT = "voice", "agent"


class Followup(Record):
    """The follow-up of one resolution of a case.

    resolution: 1 for the first time the case was resolved, and so on. department: who owned the
    case then, and answers for it. reason: why a person must do it, or why it ended unanswered.
    remark: what an agent wrote down; remark_recording_id: what was said after the beep.
    """

    __tablename__ = "followups"
    __table_args__ = (
        UniqueConstraint("case_id", "resolution"),
        Index("ix_followups_state", "state", "next_try_at"),
        Index("ix_followups_ended_at", "state", "ended_at"),  # the rates of a period
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(Id, ForeignKey("cases.id"))
    resolution: Mapped[int]
    department: Mapped[str] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(String(32))
    language: Mapped[str | None] = mapped_column(String(3))
    caller_digest: Mapped[str | None] = mapped_column(String(64))
    tries: Mapped[int] = mapped_column(SmallInteger, default=0)
    next_try_at: Mapped[datetime]
    lease_token: Mapped[str | None] = mapped_column(String(32))
    lease_until: Mapped[datetime | None]
    contacted: Mapped[bool | None]
    solved: Mapped[bool | None]
    satisfied: Mapped[str | None] = mapped_column(String(8))
    remark: Mapped[str | None]
    remark_recording_id: Mapped[int | None] = mapped_column(Id, ForeignKey("recordings.id"))
    by: Mapped[str | None] = mapped_column(String(8))
    actor: Mapped[str | None] = mapped_column(String(64))
    in_hand_by: Mapped[str | None] = mapped_column(String(64))
    in_hand_since: Mapped[datetime | None]
    resolved_at: Mapped[datetime]
    missed_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    @property
    def is_valid(self) -> bool:
        """Whether it counts in the rates: somebody said whether the matter is solved."""
        return self.state == ANSWERED and self.solved is not None


# --- planning ----------------------------------------------------------------------------------


def plan(session: Session, case: Case, terms: Terms, now: datetime) -> Followup:
    """The follow-up of the resolution that was just written down. What no machine may phone (the
    number was withheld, or is not to be rung again) is for a person from the start.

    `terms`: of the city, as every rule that begins something gets them; the clock is the caller's.
    """
    first = session.get_one(Call, case.call_id)
    cancel(session, case.id, now)
    reason = _for_a_person(session, first.caller_digest)
    row = Followup(
        case_id=case.id,
        resolution=1 + _count(session, case.id),
        department=case.owner,
        state=BY_HAND if reason else WAITING,
        reason=reason,
        language=case.language or first.language,
        caller_digest=first.caller_digest,
        tries=0,
        next_try_at=now,
        resolved_at=now,
    )
    session.add(row)
    session.flush()
    return row


def _for_a_person(session: Session, caller_digest: str | None) -> str | None:
    if caller_digest is None:
        return "withheld"
    return outgoing.refused_by(session, caller_digest)


def _count(session: Session, case_id: int) -> int:
    counted = select(func.count()).where(Followup.case_id == case_id)
    return int(session.execute(counted).scalar_one())


def cancel(session: Session, case_id: int, now: datetime) -> None:
    """The case goes on without an answer: what is still open of it is not asked any more."""
    session.execute(
        update(Followup)
        .where(Followup.case_id == case_id, Followup.state.in_(OPEN))
        .values(state=CANCELLED, ended_at=now, lease_token=None, lease_until=None)
    )


def of_case(session: Session, case_id: int) -> list[Followup]:
    """All of a case, first first."""
    statement = select(Followup).where(Followup.case_id == case_id).order_by(Followup.resolution)
    return list(session.scalars(statement.execution_options(populate_existing=True)))


def hold(session: Session, followup_id: int) -> Followup:
    """The row as it is now, held with its case until the transaction ends; the case first, as by
    everybody, or two would wait for each other."""
    found = select(Followup.case_id).where(Followup.id == followup_id)
    case_module.touch(session, session.execute(found).scalar_one())
    held = select(Followup).where(Followup.id == followup_id).with_for_update(key_share=True)
    return session.scalars(held.execution_options(populate_existing=True)).one()


# --- calls of the system -------------------------------------------------------------------------


def due(
    session: Session, policy: FollowupPolicy, day: datetime, now: datetime, limit: int = 1
) -> list[int]:
    """The follow-ups that may be phoned now, the longest waiting first. `day`: when it began."""
    found = select(Followup.id).where(_may_be_rung(policy, day, now))
    return list(session.scalars(found.order_by(Followup.next_try_at, Followup.id).limit(limit)))


def claim(
    session: Session, followup_id: int, policy: FollowupPolicy, day: datetime, now: datetime
) -> OutgoingCall | None:
    """The intent to phone, written down before the provider is asked; None when it may not be.

    The gate lets one placer at a time count, so the caps hold with any number of them.
    """
    if not outgoing.pass_gate(session, now):
        return None
    lease = timedelta(seconds=policy.rings + policy.longest + 60)
    taken = session.execute(
        update(Followup)
        .where(Followup.id == followup_id, _may_be_rung(policy, day, now))
        .values(state=CALLING, tries=Followup.tries + 1, lease_until=now + lease, reason=None)
        .execution_options(synchronize_session=False)
    )
    if taken.rowcount != 1:  # type: ignore[attr-defined]
        return None
    # Not `hold`: who has the gate waits for no case.
    row = session.get_one(Followup, followup_id, populate_existing=True)
    assert row.caller_digest is not None, "what may be rung has a number"
    call = outgoing.intend(session, row.id, row.case_id, row.caller_digest, now)
    row.lease_token = call.token
    session.flush()
    return call


def _may_be_rung(policy: FollowupPolicy, day: datetime, now: datetime) -> ColumnElement[bool]:
    """All that must hold for a call to be placed, the caps included, in one condition."""
    first = aliased(Call)
    called_us = exists().where(
        first.caller_digest == Followup.caller_digest, first.outgoing.is_(False)
    )
    resolved = exists().where(Case.id == Followup.case_id, Case.status == lifecycle.RESOLVED)
    today = (OutgoingCall.placed_at >= day, outgoing.was_placed())
    to_all = select(func.count(OutgoingCall.id)).where(*today).scalar_subquery()
    same = OutgoingCall.caller_digest == Followup.caller_digest
    to_number = select(func.count(OutgoingCall.id)).where(same, *today)
    return and_(
        Followup.state == WAITING,
        Followup.next_try_at <= now,
        Followup.tries < policy.tries,
        to_all < policy.per_day,
        resolved,
        called_us,
        ~exists().where(NoCalls.caller_digest == Followup.caller_digest),
        to_number.correlate(Followup).scalar_subquery() < policy.per_number_per_day,
    )


def release(session: Session, call: OutgoingCall, retry_at: datetime, now: datetime) -> None:
    """The provider certainly placed no call: it counts neither as a try nor against a cap."""
    row = hold(session, call.followup_id)
    if outgoing.end(session, call, outgoing.NOT_PLACED, now) and row.state == CALLING:
        _set(row, state=WAITING, tries=row.tries - 1, next_try_at=retry_at)
        _let_go(row)


def unfit(session: Session, followup_id: int, reason: str) -> None:
    """No machine may phone this number (`foreign`, `costly`, `no_number`): a person must."""
    row = hold(session, followup_id)
    if row.state == WAITING:
        _set(row, state=BY_HAND, reason=reason)


def for_a_person(session: Session, call: OutgoingCall, reason: str, now: datetime) -> None:
    """The provider does not ring this number (`rejected`): a person must."""
    row = hold(session, call.followup_id)
    if outgoing.end(session, call, outgoing.NOT_PLACED, now) and row.state == CALLING:
        _set(row, state=BY_HAND, tries=row.tries - 1, reason=reason)
        _let_go(row)


def stale(session: Session, now: datetime, limit: int = 20) -> list[OutgoingCall]:
    """Calls that should be over by now, of which nobody told us the end."""
    lost = (
        select(OutgoingCall)
        .join(Followup, Followup.id == OutgoingCall.followup_id)
        .where(Followup.state == CALLING, Followup.lease_until < now)
        .where(OutgoingCall.token == Followup.lease_token)
        .order_by(OutgoingCall.id)
    )
    return list(session.scalars(lost.limit(limit)))


def hold_on(session: Session, call: OutgoingCall, until: datetime) -> None:
    """The call is still going on, or nobody can say: look again then."""
    hold(session, call.followup_id).lease_until = until


# --- what the citizen says in the call -------------------------------------------------------------


def note(session: Session, call: OutgoingCall, question: str, answer: str, now: datetime) -> None:
    """Keep one answer the moment it is given: who hangs up after it has given it all the same."""
    row = hold(session, call.followup_id)
    if row.state in OPEN:
        _answer(row, question, answer)


def is_asked(session: Session, call: OutgoingCall) -> bool:
    """Whether this call may still ask: it is the one that has the follow-up in hand."""
    row = hold(session, call.followup_id)
    return row.state == CALLING and row.lease_token == call.token and call.outcome is None


def attach_remark(session: Session, call: OutgoingCall, recording_id: int) -> None:
    """What was said after the last beep; the latest stands. It may come after the end."""
    hold(session, call.followup_id).remark_recording_id = recording_id


def refuse_calls(session: Session, call: OutgoingCall, reason: str, now: datetime) -> None:
    """Whoever answered wants no more calls (`opted_out`), or is somebody else (`wrong_number`)."""
    outgoing.never_again(session, call.caller_digest, reason, call.case_id, now)
    row = hold(session, call.followup_id)
    if row.state in OPEN:
        row.reason = reason
        if reason == "wrong_number":
            row.contacted = row.solved = row.satisfied = None


def over(
    session: Session,
    call: OutgoingCall,
    outcome: str,
    policy: FollowupPolicy,
    terms: Terms,
    now: datetime,
) -> None:
    """The call has ended. Told twice, late or in another order, the outcome is the same."""
    ended = outgoing.end(session, call, outcome, now)
    row = hold(session, call.followup_id)
    if row.state == CALLING and row.lease_token == call.token and ended:
        _settle(session, row, call, policy, terms, now)
    elif row.state in {WAITING, BY_HAND} and row.solved is not None and not row.in_hand_by:
        _decide(session, row, SYSTEM, VOICE, terms, now)  # the last key came after the hang-up


def _settle(
    session: Session,
    row: Followup,
    call: OutgoingCall,
    policy: FollowupPolicy,
    terms: Terms,
    now: datetime,
) -> None:
    _let_go(row)
    if row.solved is not None:
        _decide(session, row, SYSTEM, VOICE, terms, now)
    elif row.reason == "wrong_number":
        row.state = BY_HAND
    elif row.reason == "opted_out":
        _not_reached(session, row, SYSTEM, now)
    elif _wants_person(session, call):
        _set(row, state=BY_HAND, reason="wants_person")
    else:
        no_answer(session, row, call.outcome or "unknown", policy, now)


def _wants_person(session: Session, call: OutgoingCall) -> bool:
    return call.call_id is not None and calls.pressed(session, call.call_id, "0")


def no_answer(
    session: Session, row: Followup, outcome: str, policy: FollowupPolicy, now: datetime
) -> None:
    """Nobody said whether it is solved: later again, or, after the last try, one SMS and the end.

    Who said something that no machine understood is listened to by a person instead.
    """
    history.add(session, row.case_id, "followup_missed", now, outcome=outcome, tries=row.tries)
    if row.tries < policy.tries:
        _set(row, state=WAITING, next_try_at=now + policy.spacing)
    elif _spoke(session, row):
        _set(row, state=BY_HAND, reason="listen")
    else:
        if policy.sms:
            _send_word(session, row, now)
        _not_reached(session, row, SYSTEM, now)


def _spoke(session: Session, row: Followup) -> bool:
    """Whether anything was recorded in its calls."""
    recorded = exists().where(
        Recording.call_id == OutgoingCall.call_id,
        Recording.status.not_in(recordings.WITHOUT_SOUND | {"no_speech"}),
    )
    found = select(OutgoingCall.id).where(OutgoingCall.followup_id == row.id, recorded).limit(1)
    return session.scalars(found).first() is not None


def _send_word(session: Session, row: Followup, now: datetime) -> None:
    case = session.get_one(Case, row.case_id)
    row.missed_at = now
    notices.post(
        session,
        "followup_missed",
        to="caller",
        case_id=row.case_id,
        facts={"number": case.number},
        dedupe=f"followup-missed-{row.id}",
        now=now,
    )


# --- by hand ---------------------------------------------------------------------------------------


def by_hand(session: Session, limit: int = 200) -> list[tuple[Followup, Case]]:
    """What agents may phone themselves, those only a person can do first; `in_hand_by` has it."""
    statement = (
        select(Followup, Case)
        .join(Case, Case.id == Followup.case_id)
        .where(Followup.state.in_([BY_HAND, WAITING]), Case.status == lifecycle.RESOLVED)
        .order_by((Followup.state == WAITING), Followup.next_try_at, Followup.id)
    )
    return [(row, case) for row, case in session.execute(statement.limit(limit))]


def take(session: Session, followup_id: int, *, by: Person, now: datetime) -> Followup:
    """An agent takes it in hand; the system then no longer phones.

    Raises Refused: `forbidden`; `in_hand` (`by` names who has it); `not_now` when it is over, or
    being phoned at this moment.
    """
    row = hold(session, followup_id)
    case = session.get_one(Case, row.case_id)
    if "desk" not in case_module.parts(session, case, by):
        raise Refused("forbidden", permission="follow_up")
    if row.state not in {WAITING, BY_HAND}:
        raise Refused("not_now", action="follow_up", status=row.state)
    if _in_others_hands(row, by, now):
        raise Refused("in_hand", by=row.in_hand_by)
    _set(row, state=BY_HAND, in_hand_by=by.actor, in_hand_since=now)
    session.flush()
    return row


def put_back(session: Session, followup_id: int, *, by: Person, now: datetime) -> None:
    """The agent gives it back to the list: somebody else, or the system, goes on with it."""
    row = hold(session, followup_id)
    if row.state != BY_HAND or row.in_hand_by != by.actor:
        raise Refused("not_now", action="follow_up", status=row.state)
    _set(row, state=BY_HAND if row.reason else WAITING, in_hand_by=None, in_hand_since=None)


def answer(
    session: Session,
    followup_id: int,
    given: Mapping[str, str],
    *,
    by: Person,
    terms: Terms,
    now: datetime,
) -> Followup:
    """What an agent was told on the telephone: `contacted`, `solved`, `satisfied`, and a `remark`.

    Raises Refused: `forbidden`, `in_hand`, `not_now`, `incomplete` without `solved`, `unknown_answer`.
    """
    row = take(session, followup_id, by=by, now=now)
    if not given.get("solved"):
        raise Refused("incomplete", action="follow_up", missing=["solved"])
    for question in ANSWERS:
        if given.get(question):
            _answer(row, question, given[question])
    row.remark = given.get("remark") or None
    _decide(session, row, by, AGENT, terms, now)
    return row


def give_up(session: Session, followup_id: int, *, by: Person, now: datetime) -> Followup:
    """An agent could not reach the citizen either: closed, and not counted as satisfied."""
    row = take(session, followup_id, by=by, now=now)
    _not_reached(session, row, by, now)
    return row


def _in_others_hands(row: Followup, by: Person, now: datetime) -> bool:
    if row.in_hand_by in {None, by.actor} or row.in_hand_since is None:
        return False
    return now - row.in_hand_since < IN_HAND


# --- what follows from it ----------------------------------------------------------------------------


def _answer(row: Followup, question: str, answer: str) -> None:
    if answer not in ANSWERS.get(question, frozenset()):
        raise Refused("unknown_answer", question=question, answer=answer)
    setattr(row, question, answer if question == "satisfied" else answer == "yes")


def _decide(
    session: Session, row: Followup, by: Person, how: str, terms: Terms, now: datetime
) -> None:
    """Solved closes the case. Not solved sends it back, with a new look and a new clock, and counts
    against the closing: the row keeps which department's resolution it was."""
    _set(row, state=ANSWERED, by=how, actor=by.actor, ended_at=now, reason=None)
    case = session.get_one(Case, row.case_id, populate_existing=True)
    if case.status != lifecycle.RESOLVED:
        row.state = CANCELLED
        return
    said: dict[str, Any] = {
        "contacted": row.contacted,
        "satisfied": row.satisfied,
        "resolution": row.resolution,
        "department": row.department,
    }
    if row.solved:
        case_module.act(session, case, "solved", {}, by=by, version=None, now=now, **said)
    else:
        _send_back(session, case, row, by, terms, now, said)
    clocks.stop(session, case.id, clocks.FOLLOWUP, now)


def _send_back(
    session: Session,
    case: Case,
    row: Followup,
    by: Person,
    terms: Terms,
    now: datetime,
    said: dict[str, Any],
) -> None:
    """To the department, or to the whistle while that is open."""
    to = lifecycle.WHISTLED if whistles.open_of(session, case.id) else lifecycle.ACCEPTED
    case_module.act(session, case, "unsolved", {}, by=by, version=None, now=now, to=to, **said)
    case_module.mark(case, "reopened")
    # As urgent as it was: the clock takes the grade of the last one.
    case.due_at = clocks.start(session, case.id, clocks.RESOLVE, terms, now).due_at
    for department in whistles.owners(session, case):
        notices.post(
            session,
            "reopened",
            to=f"department:{department}",
            case_id=case.id,
            facts={"number": case.number},
            dedupe=f"reopened-{row.id}-{department}",
            now=now,
        )


def _not_reached(session: Session, row: Followup, by: Person, now: datetime) -> None:
    how = AGENT if by != SYSTEM else VOICE
    _set(row, state=NOT_REACHED, by=how, actor=by.actor, ended_at=now)
    _let_go(row)
    case = session.get_one(Case, row.case_id, populate_existing=True)
    if case.status == lifecycle.RESOLVED:
        which = {"resolution": row.resolution, "department": row.department}
        detail: dict[str, Any] = {"tries": row.tries, **which}
        case_module.act(session, case, "not_reached", {}, by=by, version=None, now=now, **detail)
        clocks.stop(session, case.id, clocks.FOLLOWUP, now)


def _let_go(row: Followup) -> None:
    row.lease_token = row.lease_until = None


def _set(row: Followup, **values: object) -> None:
    for name, value in values.items():
        setattr(row, name, value)


# --- the script ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """One line of the agent's script. `choices`: answer code -> what it is called."""

    key: str
    text: str
    choices: Mapping[str, str]


def script(language: str, *, number: str, city: str) -> list[Line]:
    """What an agent says, line by line, in the citizen's language (`yue`, `cmn`, `en`)."""
    lines = _script_file()["lines"]
    return [
        Line(
            key=key,
            text=line[language].format(number=number, city=city),
            choices={code: names[language] for code, names in line.get("choices", {}).items()},
        )
        for key, line in lines.items()
    ]


def _script_file() -> dict[str, Any]:
    file = Path(__file__).with_suffix(".yaml")
    content: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return content
