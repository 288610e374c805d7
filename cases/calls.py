"""Calls and their turns. A call is known by the provider's id; everything may be told us twice.

Every function that changes a call begins by taking hold of its row, so events of one call that
arrive at the same moment are dealt with one after the other.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ForeignKey,
    Index,
    Select,
    String,
    bindparam,
    false,
    func,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from cases.browser_calls import BROWSER
from cases.callers import WITHHELD_MASK, Caller
from cases.record import Id, Insert, Record, prepared

# A status may only rise: callbacks come late and out of order, and what is over stays over.
STATUS_RANK = {"queued": 0, "ringing": 1, "in-progress": 2}
ENDED = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})
ENDED_RANK = 9

TELEPHONE = "telephone"
# Word for word what the index says.
IN_BROWSER = text("provider = 'browser'")
UNKNOWN_CALLER = Caller(None, None, "")


class Call(Record):
    """One telephone call. `outgoing`: we rang the citizen, who is the caller here all the same."""

    __tablename__ = "calls"
    __table_args__ = (
        Index("ix_calls_caller_digest", "caller_digest"),
        Index("ix_calls_browser", "id", sqlite_where=IN_BROWSER, postgresql_where=IN_BROWSER),
        Index("ix_calls_began_at", "began_at"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    provider_id: Mapped[str] = mapped_column(String(128), unique=True)
    provider: Mapped[str] = mapped_column(String(16))
    caller_sealed: Mapped[str | None]
    caller_digest: Mapped[str | None] = mapped_column(String(64))
    caller_masked: Mapped[str] = mapped_column(String(64))
    called: Mapped[str] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(16))
    status_rank: Mapped[int]
    language: Mapped[str | None] = mapped_column(String(3))
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    outgoing: Mapped[bool] = mapped_column(default=False, server_default=false())


class Turn(Record):
    """What the caller did at one turn of a call, and what was kept of it. Written once."""

    __tablename__ = "turns"

    call_id: Mapped[int] = mapped_column(Id, ForeignKey("calls.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    step: Mapped[str] = mapped_column(String(64))
    heard: Mapped[dict[str, Any]]
    kept: Mapped[dict[str, Any]]
    at: Mapped[datetime]


_HEARD = select(Turn.heard).where(Turn.call_id == bindparam("call_id")).order_by(Turn.number)
_KEPT = select(Turn.kept).where(Turn.call_id == bindparam("call_id")).order_by(Turn.number)


@prepared
def _begin(insert: Insert) -> Any:
    call, statement = Call.__table__.c, insert(Call)
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=["provider_id"],
        set_={
            "caller_sealed": func.coalesce(call.caller_sealed, new.caller_sealed),
            "caller_digest": func.coalesce(call.caller_digest, new.caller_digest),
            "caller_masked": func.coalesce(func.nullif(call.caller_masked, ""), new.caller_masked),
            "called": func.coalesce(func.nullif(call.called, ""), new.called),
        },
    ).returning(call.id)


def begin(
    session: Session,
    provider_id: str,
    *,
    provider: str,
    caller: Caller | None,
    called: str,
    now: datetime,
) -> int:
    """Our id of the call, known from now on, its row held until the transaction ends.

    A callback may be the first we hear of a call and does not say who calls: the caller is filled
    in by whichever event brings it, and then stays.
    """
    caller = caller or UNKNOWN_CALLER
    values = {
        "provider_id": provider_id,
        "provider": provider,
        "caller_sealed": caller.sealed,
        "caller_digest": caller.digest,
        "caller_masked": caller.masked,
        "called": called[:64],
        "status": "ringing",
        "status_rank": STATUS_RANK["ringing"],
        "began_at": now,
    }
    return int(session.execute(_begin(session), values).scalar_one())


@prepared
def _note_turn(insert: Insert) -> Any:
    return insert(Turn).on_conflict_do_nothing()


def note_turn(
    session: Session,
    call_id: int,
    number: int,
    *,
    step: str,
    heard: Mapping[str, Any],
    kept: Mapping[str, str],
    now: datetime,
) -> None:
    """Keep what the caller did at this turn. Told again, the first telling stands."""
    values = {
        "call_id": call_id,
        "number": number,
        "step": step[:64],
        "heard": dict(heard),
        "kept": dict(kept),
        "at": now,
    }
    session.execute(_note_turn(session), values)


def known_ids(session: Session, provider_ids: list[str]) -> set[str]:
    """Which of the provider's ids of calls we have."""
    return set(session.scalars(select(Call.provider_id).where(Call.provider_id.in_(provider_ids))))


def kept(session: Session, call_id: int) -> dict[str, str]:
    """The digits the caller keyed so far, by the names the flow gave them; the latest counts."""
    rows = session.scalars(_KEPT, {"call_id": call_id})
    return {name: str(value) for row in rows for name, value in row.items()}


def times_asked(session: Session, call_id: int, name: str) -> int:
    """How many turns of this call kept something under `name`."""
    rows = session.scalars(_KEPT, {"call_id": call_id})
    return sum(name in row for row in rows)


def hold(session: Session, call_id: int) -> None:
    """Take hold of a call that is known by our id; its events wait until this transaction ends."""
    session.execute(select(Call.id).where(Call.id == call_id).with_for_update(key_share=True))


def did(session: Session, call_id: int, kind: str) -> bool:
    """Whether the caller ever did this (`silence`, `digits`, ...)."""
    rows = session.scalars(_HEARD, {"call_id": call_id})
    return any(row["kind"] == kind for row in rows)


def pressed(session: Session, call_id: int, key: str) -> bool:
    """Whether the caller ever pressed this key alone: while we listened, or to end a recording."""
    rows = session.scalars(_HEARD, {"call_id": call_id})
    return any(key in (row.get("keys"), row.get("key")) for row in rows)


def is_over(session: Session, call_id: int) -> bool:
    """Whether the provider told us that the call ended."""
    return session.get_one(Call, call_id, populate_existing=True).status in ENDED


def note_language(session: Session, call_id: int, language: str) -> None:
    """The caller chose a language on the keypad: the transcriber's hint."""
    session.execute(update(Call).where(Call.id == call_id).values(language=language))


def note_status(session: Session, call_id: int, status: str, now: datetime) -> None:
    """The provider's word on the call. A status never falls back and the first ending stays."""
    rank = ENDED_RANK if status in ENDED else STATUS_RANK.get(status)
    if rank is None:
        return
    ended_at = now if status in ENDED else None
    session.execute(
        update(Call)
        .where(Call.id == call_id, Call.status_rank < rank)
        .values(status=status, status_rank=rank, ended_at=func.coalesce(Call.ended_at, ended_at))
    )


def busy_lines(session: Session, since: datetime) -> int:
    """How many calls to us that began after `since` have not ended. One from a browser takes no line."""
    live = (Call.ended_at.is_(None), Call.began_at > since, Call.outgoing.is_(False))
    statement = select(func.count()).where(*live, Call.provider != BROWSER)
    return int(session.execute(statement).scalar_one())


def from_browsers() -> Select[int]:
    """The ids of calls from a browser, which no rate counts."""
    return select(Call.id).where(IN_BROWSER)


def channel(call: Call) -> str:
    """How the caller reached us: `telephone` or `browser`."""
    return BROWSER if call.provider == BROWSER else TELEPHONE


def caller_of(call: Call) -> str:
    """The number as it may be shown."""
    return call.caller_masked or WITHHELD_MASK
