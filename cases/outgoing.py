"""The calls we place ourselves: one row each, written before the provider is asked to ring.

The row is the intent. Its token travels in the addresses the provider calls back at, so a call is
known again even where we died between asking for it and noting the provider's id.
"""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    Index,
    String,
    bindparam,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from cases import calls
from cases import case as case_module
from cases.callers import Caller
from cases.calls import Call
from cases.case import Case
from cases.record import Id, Record, insert

# A provider takes one new call a second (Twilio's default); what comes faster waits in its queue.
SPACING = timedelta(seconds=1)
_LONG_AGO = timedelta(days=3650)
# The outcome of an intent that came to no call: it counts against no cap.
NOT_PLACED = "not_placed"


class OutgoingCall(Record):
    """One call of ours to a citizen. `outcome` is set once: how it ended."""

    __tablename__ = "outgoing_calls"
    __table_args__ = (
        Index("ix_outgoing_calls_followup_id", "followup_id"),
        Index("ix_outgoing_calls_placed_at", "placed_at"),
        Index("ix_outgoing_calls_caller_digest", "caller_digest", "placed_at"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    token: Mapped[str] = mapped_column(String(32), unique=True)
    followup_id: Mapped[int] = mapped_column(Id, ForeignKey("followups.id"))
    case_id: Mapped[int] = mapped_column(Id, ForeignKey("cases.id"))
    call_id: Mapped[int | None] = mapped_column(Id, ForeignKey("calls.id"), unique=True)
    caller_digest: Mapped[str] = mapped_column(String(64))
    placed_at: Mapped[datetime]
    answered_by: Mapped[str | None] = mapped_column(String(32))
    outcome: Mapped[str | None] = mapped_column(String(16))
    ended_at: Mapped[datetime | None]


class Gate(Record):
    """When we last asked the provider for a call: one row, which placers queue for."""

    __tablename__ = "outgoing_gate"

    id: Mapped[int] = mapped_column(primary_key=True)
    last_at: Mapped[datetime]


class NoCalls(Record):
    """A number that is not to be rung by us again: `wrong_number`, or `opted_out`."""

    __tablename__ = "no_calls"

    caller_digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    reason: Mapped[str] = mapped_column(String(16))
    case_id: Mapped[int] = mapped_column(Id, ForeignKey("cases.id"))
    at: Mapped[datetime]


_OF_CALL = select(OutgoingCall).where(OutgoingCall.call_id == bindparam("call_id"))


def pass_gate(session: Session, now: datetime) -> bool:
    """Whether a call may be placed now. Who passes holds the gate until the transaction ends, so
    that the caps are counted by one placer at a time, and closes it for a second."""
    first = insert(session, Gate).values(id=1, last_at=now - _LONG_AGO).on_conflict_do_nothing()
    session.execute(first)
    passed = session.execute(
        update(Gate).where(Gate.id == 1, Gate.last_at <= now - SPACING).values(last_at=now)
    )
    return bool(passed.rowcount == 1)  # type: ignore[attr-defined]


def rest(session: Session, until: datetime) -> None:
    """Nobody places a call before then: the provider is in trouble, or has had enough."""
    session.execute(update(Gate).where(Gate.id == 1).values(last_at=until - SPACING))


def intend(
    session: Session, followup_id: int, case_id: int, caller_digest: str, now: datetime
) -> OutgoingCall:
    """Write down that a call is about to be placed."""
    row = OutgoingCall(
        token=secrets.token_hex(16),
        followup_id=followup_id,
        case_id=case_id,
        caller_digest=caller_digest,
        placed_at=now,
    )
    session.add(row)
    session.flush()
    return row


def by_token(session: Session, token: str) -> OutgoingCall | None:
    return session.scalars(select(OutgoingCall).where(OutgoingCall.token == token)).one_or_none()


def of_call(session: Session, call_id: int) -> OutgoingCall | None:
    """The row of a call that was ours; None for a call that a citizen made."""
    return session.scalars(_OF_CALL, {"call_id": call_id}).one_or_none()


def latest_of(session: Session, followup_id: int) -> OutgoingCall | None:
    statement = select(OutgoingCall).where(OutgoingCall.followup_id == followup_id)
    return session.scalars(statement.order_by(OutgoingCall.id.desc())).first()


def of_followup(session: Session, followup_id: int) -> list[OutgoingCall]:
    statement = select(OutgoingCall).where(OutgoingCall.followup_id == followup_id)
    return list(session.scalars(statement.order_by(OutgoingCall.id)))


def known_as(session: Session, row: OutgoingCall, provider_id: str, provider: str) -> int:
    """Our id of the call, now that the provider named it; its row is held. It is filed under the
    citizen's number, whom we ring, and in the language of the case. Told twice, nothing changes."""
    case = session.get_one(Case, row.case_id)
    first = session.get_one(Call, case.call_id)
    caller = Caller(first.caller_sealed, first.caller_digest, first.caller_masked)
    call_id = calls.begin(
        session, provider_id, provider=provider, caller=caller, called="", now=row.placed_at
    )
    if row.call_id is None:
        row.call_id = call_id
        language = case.language or first.language
        session.execute(
            update(Call).where(Call.id == call_id).values(outgoing=True, language=language)
        )
    session.flush()
    return call_id


def end(session: Session, row: OutgoingCall, outcome: str, now: datetime) -> bool:
    """How the call ended; False when that was known already. The first ending stays."""
    session.flush()
    done = session.execute(
        update(OutgoingCall)
        .where(OutgoingCall.id == row.id, OutgoingCall.outcome.is_(None))
        .values(outcome=outcome, ended_at=now)
        .execution_options(synchronize_session=False)
    )
    session.refresh(row)
    return bool(done.rowcount == 1)  # type: ignore[attr-defined]


def was_placed() -> ColumnElement[bool]:
    """It came to a call, or may have."""
    return or_(OutgoingCall.outcome.is_(None), OutgoingCall.outcome != NOT_PLACED)


def never_again(
    session: Session, caller_digest: str, reason: str, case_id: int, now: datetime
) -> None:
    """This number is not to be rung by us again. The first reason stays."""
    values = {"caller_digest": caller_digest, "reason": reason, "case_id": case_id, "at": now}
    session.execute(insert(session, NoCalls).values(**values).on_conflict_do_nothing())


def refused_by(session: Session, caller_digest: str) -> str | None:
    """Why this number is not to be rung; None when it may be."""
    row = session.get(NoCalls, caller_digest)
    return row.reason if row else None


def case_about(session: Session, call_id: int) -> Case | None:
    """The case a call is about: the one it opened, or the one we rang for."""
    own = case_module.of_call(session, call_id)
    if own is not None:
        return own
    row = of_call(session, call_id)
    return session.get(Case, row.case_id) if row else None
