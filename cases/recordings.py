"""Recordings: what was said to us. The row is the ticket for all work on it.

A recording is told us by the action of `<Record>`, by its status callback, or by both, in either
order, more than once, sometimes without an id: `announce` makes one row of them all. Work on a
recording is claimed with a lease and a token; whoever lost the lease can no longer finish.
The urgent ones come first, then the oldest.
"""

import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlsplit

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    Index,
    Select,
    SmallInteger,
    String,
    UniqueConstraint,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from cases.calls import Call
from cases.case import Case
from cases.record import Id, Record

Step = Literal["fetch", "transcribe"]
# `left`: the caller is through with it, says the action; the others are the callback's words.
Told = Literal["left", "completed", "absent", "failed"]

# How soon a recording is wanted: in its turn, before others, at once because a caller waits for it.
USUAL, URGENT, ON_THE_LINE = 0, 1, 2
# How long a recording is taken to be, in seconds, when nobody told.
USUAL_SECONDS = 60.0

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
# Word for word what the index of work says, or SQLite would not use it.
IS_OPEN = text("status IN ('announced', 'fetched')")
FETCHED = frozenset({"fetched", "transcribed", "no_speech", "needs_listening"})
FINAL = frozenset({"transcribed", "no_speech", "needs_listening", "missing", *WITHOUT_SOUND})


class Recording(Record):
    """One recording of one call."""

    __tablename__ = "recordings"
    __table_args__ = (
        UniqueConstraint("call_id", "provider_id"),
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
    deaths: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    next_try_at: Mapped[datetime]
    lease_token: Mapped[str | None] = mapped_column(String(32))
    lease_until: Mapped[datetime | None]


Index(
    "ix_recordings_work",
    Recording.status,
    Recording.priority.desc(),
    Recording.id,
    sqlite_where=IS_OPEN,
    postgresql_where=IS_OPEN,
)
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
    priority: int = USUAL


@dataclass(frozen=True)
class Due:
    """A recording that wants work, and how often that was tried."""

    recording_id: int
    attempts: int


@dataclass(frozen=True)
class Claim:
    """The right to do one step of work on one recording, until the lease ends.

    `attempts`: this one included; `deaths`: how many of them ended with their worker and without a
    word. `language`: of the call's flow; `earlier`: of the caller's earlier cases, and how many
    were in each; `calling_code`: of the caller's number, such as `852`.
    """

    recording_id: int
    call_id: int
    token: str
    attempts: int
    deaths: int
    priority: int
    url: str | None
    provider_id: str | None
    storage_key: str | None
    seconds: float | None
    language: str | None
    earlier: Mapping[str, int]
    calling_code: str | None
    announced_at: datetime


def announce(session: Session, call_id: int, told: Announcement, now: datetime) -> int:
    """Our id of the recording, known from now on. The caller of this holds the call's row."""
    others = of_call(session, call_id)
    recording = _known(others, told)
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
            priority=max(told.priority, _urgency(others)),
            announced_at=now,
            next_try_at=now,
        )
        session.add(recording)
    else:
        _add_to(recording, told, now)
    session.flush()
    return recording.id


def _urgency(others: Sequence[Recording]) -> int:
    """What is said later in a call is urgent if something in it was. The line is not ours to tell."""
    return min(URGENT, max((row.priority for row in others), default=USUAL))


def _known(rows: Sequence[Recording], told: Announcement) -> Recording | None:
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
    row.priority = max(row.priority, told.priority)
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


def hasten(session: Session, call_id: int, priority: int) -> None:
    """Everything said in this call is wanted so soon, and what will be said in it is urgent."""
    session.execute(
        update(Recording)
        .where(Recording.call_id == call_id, Recording.priority < priority)
        .values(priority=priority)
    )


def due(
    session: Session, step: Step, now: datetime, limit: int = 100, above: int = USUAL - 1
) -> list[Due]:
    """Recordings that want this step of work now and that nobody holds, the urgent first, then the
    oldest. `above`: only those of a higher priority."""
    rows = session.execute(_search(step, now, above, limit))
    return [Due(row.id, row.attempts) for row in rows]


def in_hand(session: Session, step: Step, now: datetime, limit: int, above: int = USUAL - 1) -> int:
    """How many recordings, counted up to `limit`, want this step of work now or are at it."""
    some = select(Recording.id).where(
        IS_OPEN,
        Recording.status == READY[step],
        Recording.next_try_at <= now,
        Recording.priority > above,
    )
    counted = some.limit(limit).subquery()
    return session.execute(select(func.count()).select_from(counted)).scalar_one()


def claim(
    session: Session,
    recording_id: int,
    step: Step,
    now: datetime,
    lease: timedelta,
    holder: str = "",
) -> Claim | None:
    """Take the work, or None if it is done, not yet due, or somebody holds it.

    The attempt is counted here and not at the end, so that work which kills its worker counts too;
    a token that is still there was left by one that died. `holder`: see `let_go`.
    """
    token = (holder + secrets.token_hex(16))[:32]
    died = case((Recording.lease_token.is_not(None), 1), else_=0)
    taken = session.execute(
        update(Recording)
        .where(Recording.id == recording_id, _wanted(step, now))
        .values(
            lease_token=token,
            lease_until=now + lease,
            attempts=Recording.attempts + 1,
            deaths=Recording.deaths + died,
        )
        .execution_options(synchronize_session=False)
    )
    if taken.rowcount != 1:  # type: ignore[attr-defined]
        return None
    return _claimed(session, recording_id, token)


def claim_many(
    session: Session,
    step: Step,
    now: datetime,
    lease: timedelta,
    *,
    limit: int,
    most_seconds: float,
    above: int = USUAL - 1,
    holder: str = "",
) -> list[Claim]:
    """Take what waits, to be worked on together: first the urgent, then the oldest.

    All are of one priority and together no longer than `most_seconds`, or it is one that is longer.
    One that was tried before is taken alone: it may have been what ended that attempt.
    """
    # Whoever else is claiming at this moment is not waited for.
    search = _search(step, now, above, limit).with_for_update(key_share=True, skip_locked=True)
    waiting = session.execute(search).all()
    claims = [
        claim(session, row_id, step, now, lease, holder)
        for row_id in _together(waiting, most_seconds)
    ]
    return [taken for taken in claims if taken]


def _together(waiting: Sequence[Any], most_seconds: float) -> Iterable[int]:
    """The ids of the first and of those after it that may be worked on with it."""
    if not waiting:
        return
    first, *others = waiting
    yield first.id
    seconds = _length(first)
    for row in () if first.attempts else others:
        if row.attempts:
            continue
        seconds += _length(row)
        if row.priority != first.priority or seconds > most_seconds:
            return
        yield row.id


def _length(row: Any) -> float:
    return USUAL_SECONDS if row.seconds is None else float(row.seconds)


def _claimed(session: Session, recording_id: int, token: str) -> Claim:
    row, call = session.execute(
        select(Recording, Call)
        .join(Call, Call.id == Recording.call_id)
        .where(Recording.id == recording_id)
        .execution_options(populate_existing=True)
    ).one()
    country = re.match(r"\+(\d+) ", call.caller_masked)
    return Claim(
        recording_id=row.id,
        call_id=row.call_id,
        token=token,
        attempts=row.attempts,
        deaths=row.deaths,
        priority=row.priority,
        url=row.url,
        provider_id=row.provider_id,
        storage_key=row.storage_key,
        seconds=row.seconds,
        language=call.language,
        earlier=_languages_before(session, call),
        calling_code=country and country[1],
        announced_at=row.announced_at,
    )


def _languages_before(session: Session, call: Call) -> dict[str, int]:
    """The languages of the caller's earlier cases, and how many were in each."""
    if call.caller_digest is None:
        return {}
    statement = (
        select(Case.language, func.count())
        .join(Call, Call.id == Case.call_id)
        .where(Call.caller_digest == call.caller_digest, Call.id < call.id)
        .where(Case.language.is_not(None))
        .group_by(Case.language)
    )
    return {str(language): int(count) for language, count in session.execute(statement)}


def let_go(session: Session, holder: str) -> None:
    """Free at once what a process that is gone still holds. Its tokens begin with `holder`, and
    stay: they tell the next one that it died."""
    session.execute(
        update(Recording)
        .where(IS_OPEN, Recording.lease_token.startswith(holder))
        .values(lease_until=None)
        .execution_options(synchronize_session=False)
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
        deaths=0,
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


def masked(session: Session, claim: Claim, storage_key: str) -> bool:
    """A copy in which nobody's numbers can be heard lies in our storage, too."""
    return _change(session, claim, masked_key=storage_key)


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


# What was given up at a step, and what that step begins from.
GIVEN_UP: Mapping[str, str] = {"missing": READY["fetch"], "needs_listening": READY["transcribe"]}


def begin_again(session: Session, recording_id: int, now: datetime) -> bool:
    """The step at which work on this recording was given up is to be done from the start; False when it
    was not given up. A recording that is older than the provider is asked for is asked for once more."""
    done = session.execute(
        update(Recording)
        .where(Recording.id == recording_id, Recording.status.in_(GIVEN_UP))
        .values(
            status=case(GIVEN_UP, value=Recording.status),
            reason=None,
            attempts=0,
            deaths=0,
            next_try_at=now,
            lease_token=None,
            lease_until=None,
        )
        .execution_options(synchronize_session=False)
    )
    return bool(done.rowcount == 1)  # type: ignore[attr-defined]


def given_up(session: Session, limit: int = 50) -> list[Recording]:
    """The recordings that no machine goes on with, those told of last first."""
    lost = select(Recording).where(Recording.status.in_(GIVEN_UP))
    return list(session.scalars(lost.order_by(Recording.id.desc()).limit(limit)))


def _change(session: Session, claim: Claim, **values: object) -> bool:
    done = session.execute(
        update(Recording)
        .where(Recording.id == claim.recording_id, Recording.lease_token == claim.token)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    return bool(done.rowcount == 1)  # type: ignore[attr-defined]


def _wanted(step: Step, now: datetime) -> ColumnElement[bool]:
    """It is this step's turn, the time has come, and nobody holds it."""
    free = or_(Recording.lease_until.is_(None), Recording.lease_until < now)
    return and_(Recording.status == READY[step], Recording.next_try_at <= now, free)


def _search(
    step: Step, now: datetime, above: int, limit: int
) -> Select[int, int, int, float | None]:
    return (
        select(Recording.id, Recording.priority, Recording.attempts, Recording.seconds)
        .where(IS_OPEN, _wanted(step, now), Recording.priority > above)
        .order_by(Recording.priority.desc(), Recording.id)
        .limit(limit)
    )
