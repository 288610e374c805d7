"""Recordings: what was said to us. The row is the ticket for all work on it.

A recording is told us by the action of `<Record>`, by its status callback, or by both, in either
order, more than once, sometimes without an id: `announce` makes one row of them all. Work on a
recording is claimed with a lease and a token; whoever lost the lease can no longer finish.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import urlsplit

from sqlalchemy import (
    ForeignKey,
    Index,
    SmallInteger,
    String,
    UniqueConstraint,
    bindparam,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from cases.calls import Call
from cases.record import Id, Record

Step = Literal["fetch", "transcribe"]
# `left`: the caller is through with it, says the action; the others are the callback's words.
Told = Literal["left", "completed", "absent", "failed"]

READY: dict[Step, str] = {"fetch": "announced", "transcribe": "fetched"}
FIRST_STATUS: dict[Told, str] = {
    "left": "announced",
    "completed": "announced",
    "absent": "absent",
    "failed": "failed",
}
# A provider may withdraw nothing, but it may say `absent` first and send the sound after all.
WITHOUT_SOUND = frozenset({"absent", "failed"})
OPEN = frozenset(READY.values())
FETCHED = frozenset({"fetched", "transcribed", "no_speech", "needs_listening"})
FINAL = frozenset({"transcribed", "no_speech", "needs_listening", "missing", *WITHOUT_SOUND})


class Recording(Record):
    """One recording of one call."""

    __tablename__ = "recordings"
    __table_args__ = (
        UniqueConstraint("call_id", "provider_id"),
        Index(
            "ix_recordings_work",
            "status",
            "next_try_at",
            sqlite_where=text("status IN ('announced', 'fetched')"),
            postgresql_where=text("status IN ('announced', 'fetched')"),
        ),
        Index("ix_recordings_provider_id", "provider_id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    call_id: Mapped[int] = mapped_column(Id, ForeignKey("calls.id"))
    provider_id: Mapped[str | None] = mapped_column(String(128))
    url: Mapped[str | None]
    turn: Mapped[int | None]
    status: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None]
    seconds: Mapped[float | None]
    replaced: Mapped[bool] = mapped_column(default=False)
    hung_up: Mapped[bool] = mapped_column(default=False)
    complete: Mapped[bool] = mapped_column(default=False)
    storage_key: Mapped[str | None]
    masked_key: Mapped[str | None]
    priority: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    announced_at: Mapped[datetime]
    fetched_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime]
    lease_token: Mapped[str | None] = mapped_column(String(32))
    lease_until: Mapped[datetime | None]


_OF_CALL = select(Recording).where(Recording.call_id == bindparam("call_id")).order_by(Recording.id)


@dataclass(frozen=True)
class Announcement:
    """What one webhook says of a recording. `turn` is the turn of the call that recorded it."""

    told: Told
    provider_id: str | None = None
    url: str | None = None
    turn: int | None = None
    seconds: float | None = None
    hung_up: bool = False
    reason: str | None = None


@dataclass(frozen=True)
class Due:
    """A recording that wants work, and how often that was tried."""

    recording_id: int
    attempts: int


@dataclass(frozen=True)
class Claim:
    """The right to do one step of work on one recording, until the lease ends."""

    recording_id: int
    call_id: int
    token: str
    attempts: int
    url: str | None
    provider_id: str | None
    storage_key: str | None
    seconds: float | None
    language: str | None
    announced_at: datetime


def announce(session: Session, call_id: int, told: Announcement, now: datetime) -> int:
    """Our id of the recording, known from now on. The caller of this holds the call's row."""
    recording = _known(session, call_id, told)
    if recording is None:
        recording = Recording(
            call_id=call_id,
            provider_id=told.provider_id,
            url=told.url,
            turn=told.turn,
            status=FIRST_STATUS[told.told],
            reason=told.reason,
            seconds=told.seconds,
            hung_up=told.hung_up,
            complete=told.told == "completed",
            announced_at=now,
            next_try_at=now,
        )
        session.add(recording)
    else:
        _add_to(recording, told, now)
    session.flush()
    return recording.id


def _known(session: Session, call_id: int, told: Announcement) -> Recording | None:
    rows = of_call(session, call_id)
    for same in (_same_id, _same_url, _same_turn):
        for row in rows:
            if same(row, told):
                return row
    return None


def _same_id(row: Recording, told: Announcement) -> bool:
    return told.provider_id is not None and row.provider_id == told.provider_id


def _same_url(row: Recording, told: Announcement) -> bool:
    if told.url is None or row.url is None:
        return False
    return _no_id_against(row, told) and place(row.url) == place(told.url)


def place(url: str) -> tuple[str, str]:
    """What stays the same in a recording's address: without extension, query and fragment."""
    parts = urlsplit(url)
    return parts.netloc.lower(), re.sub(r"\.(wav|mp3)$", "", parts.path.rstrip("/"))


def _same_turn(row: Recording, told: Announcement) -> bool:
    """One turn records once, so when an id or an address is lacking the turn tells."""
    lacking = None in (row.provider_id, told.provider_id) and (
        row.provider_id != told.provider_id or None in (row.url, told.url)
    )
    return _no_id_against(row, told) and lacking and told.turn is not None and row.turn == told.turn


def _no_id_against(row: Recording, told: Announcement) -> bool:
    return None in (row.provider_id, told.provider_id) or row.provider_id == told.provider_id


def _add_to(row: Recording, told: Announcement, now: datetime) -> None:
    row.provider_id = row.provider_id or told.provider_id
    if row.status not in FETCHED:
        # The latest: an address that was signed for a while may have been renewed.
        row.url = told.url or row.url
    row.turn = row.turn if row.turn is not None else told.turn
    row.seconds = row.seconds if row.seconds is not None else told.seconds
    row.hung_up = row.hung_up or told.hung_up
    row.complete = row.complete or told.told == "completed"
    if told.told == "completed" and row.status in WITHOUT_SOUND and (row.url or row.provider_id):
        row.status, row.reason, row.next_try_at = "announced", None, now
    elif told.told in WITHOUT_SOUND and row.status == "announced" and not row.complete:
        row.status, row.reason = told.told, told.reason


def replace_earlier(session: Session, call_id: int, turn: int) -> None:
    """At this turn the caller wants to say it again: what was recorded up to then stays, but no
    longer counts as the message. Told late or twice, it does not touch what was recorded since."""
    earlier = or_(Recording.turn.is_(None), Recording.turn <= turn)
    session.execute(
        update(Recording).where(Recording.call_id == call_id, earlier).values(replaced=True)
    )


def known_ids(session: Session, provider_ids: list[str]) -> set[str]:
    """Which of the provider's ids we have."""
    statement = select(Recording.provider_id).where(Recording.provider_id.in_(provider_ids))
    return {found for found in session.scalars(statement) if found is not None}


def of_call(session: Session, call_id: int) -> list[Recording]:
    """All recordings of a call, first first."""
    statement = select(Recording).where(Recording.call_id == call_id).order_by(Recording.id)
    # Work is claimed and settled by statements, past the objects this session may hold already.
    return list(session.scalars(statement.execution_options(populate_existing=True)))


def due(session: Session, step: Step, now: datetime, limit: int = 100) -> list[Due]:
    """Recordings that want this step of work now and that nobody holds, oldest first."""
    statement = (
        select(Recording.id, Recording.attempts)
        .where(Recording.status == READY[step], Recording.next_try_at <= now, _free(now))
        .order_by(Recording.id)
        .limit(limit)
    )
    return [Due(*row) for row in session.execute(statement)]


def claim(
    session: Session, recording_id: int, step: Step, now: datetime, lease: timedelta
) -> Claim | None:
    """Take the work, or None if it is done, not yet due, or somebody holds it.

    The attempt is counted here and not at the end, so that work which kills its worker counts too.
    """
    token = secrets.token_hex(16)
    taken = session.execute(
        update(Recording)
        .where(
            Recording.id == recording_id,
            Recording.status == READY[step],
            Recording.next_try_at <= now,
            _free(now),
        )
        .values(lease_token=token, lease_until=now + lease, attempts=Recording.attempts + 1)
        .execution_options(synchronize_session=False)
    )
    if taken.rowcount != 1:  # type: ignore[attr-defined]
        return None
    row, language = session.execute(
        select(Recording, Call.language)
        .join(Call, Call.id == Recording.call_id)
        .where(Recording.id == recording_id)
        .execution_options(populate_existing=True)
    ).one()
    return Claim(
        recording_id=row.id,
        call_id=row.call_id,
        token=token,
        attempts=row.attempts,
        url=row.url,
        provider_id=row.provider_id,
        storage_key=row.storage_key,
        seconds=row.seconds,
        language=language,
        announced_at=row.announced_at,
    )


def extend(session: Session, claim: Claim, now: datetime, lease: timedelta) -> bool:
    """Hold on to the work a while longer; False when the lease was lost to somebody else."""
    return _change(session, claim, lease_until=now + lease)


def fetched(session: Session, claim: Claim, storage_key: str, now: datetime) -> bool:
    """The sound is in our storage; the next step may begin."""
    return _change(
        session,
        claim,
        status=READY["transcribe"],
        storage_key=storage_key,
        fetched_at=now,
        reason=None,
        attempts=0,
        next_try_at=now,
        lease_token=None,
        lease_until=None,
    )


def give_back(
    session: Session, claim: Claim, reason: str, retry_at: datetime, *, counts: bool = True
) -> bool:
    """Not now: somebody tries again from `retry_at`. `counts=False` takes the attempt off again."""
    return _change(
        session,
        claim,
        reason=reason[:500],
        next_try_at=retry_at,
        attempts=claim.attempts if counts else max(0, claim.attempts - 1),
        lease_token=None,
        lease_until=None,
    )


def settle(session: Session, claim: Claim, status: str, reason: str | None = None) -> bool:
    """The work on this recording is over, one way or another; False when the lease was lost."""
    assert status in FINAL
    return _change(
        session,
        claim,
        status=status,
        reason=reason and reason[:500],
        lease_token=None,
        lease_until=None,
    )


def _change(session: Session, claim: Claim, **values: object) -> bool:
    done = session.execute(
        update(Recording)
        .where(Recording.id == claim.recording_id, Recording.lease_token == claim.token)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    return bool(done.rowcount == 1)  # type: ignore[attr-defined]


def _free(now: datetime):  # type: ignore[no-untyped-def]
    return or_(Recording.lease_until.is_(None), Recording.lease_until < now)
