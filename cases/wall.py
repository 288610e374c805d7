"""The figures of the wall: how the hotline stands at this moment. Counts alone, nobody's data.

Every figure is of what is on record. What is not known is None, and never 0.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.orm import Session

from cases import deliveries, recordings, stations
from cases.alerts import Alert
from cases.browser_calls import BROWSER
from cases.calls import Call, Turn
from cases.case import IS_UNREVIEWED, Case
from cases.clocks import KINDS, Clock
from cases.deliveries import Delivery
from cases.recordings import Recording
from cases.whistles import Called, Whistle

# A call of which we heard no end is over after that long, as for the count of lines.
LONGEST_CALL = timedelta(hours=1)
# Who hangs up so soon may have dialled wrong: counted as lost all the same, and told apart.
SHORT = timedelta(seconds=10)
# Told by the provider, but no message: nothing that anybody could listen to.
NO_MESSAGE = (*recordings.WITHOUT_SOUND, "missing")


@dataclass(frozen=True)
class Lost:
    """Calls that were lost: all, and those among them whose caller hung up within SHORT."""

    all: int
    short: int


@dataclass(frozen=True)
class Wall:
    """How the hotline stands.

    calls_now: calls to us that go on; calls_today, lost: since midnight. answered_in_time: the share
    answered within 12 s, None where the provider does not tell. unreviewed: cases nobody has looked at,
    and when the first of them was opened. late: clocks that have run out, by kind. whistles: those open,
    and how many departments they wait for. queues: what waits for each step of work; workers: how many
    processes do it. alerts: those nobody has acknowledged.
    """

    calls_now: int
    calls_today: int
    lost: Lost
    answered_in_time: float | None
    unreviewed: int
    oldest: datetime | None
    late: dict[str, int]
    whistles: int
    awaited: int
    queues: dict[str, int]
    workers: dict[str, int]
    alerts: int


def figures(session: Session, now: datetime, midnight: datetime) -> Wall:
    """All figures as they are now. `midnight`: when the city's day began."""
    unreviewed, oldest = _unreviewed(session)
    whistles, awaited = _whistles(session)
    return Wall(
        calls_now=calls_now(session, now),
        calls_today=_calls_today(session, midnight),
        lost=lost(session, midnight, now),
        # The provider answers with our first words: nobody tells how long it rang before.
        answered_in_time=None,
        unreviewed=unreviewed,
        oldest=oldest,
        late=_late(session, now),
        whistles=whistles,
        awaited=awaited,
        queues=_queues(session, now),
        workers=stations.up(session, now),
        alerts=_count(session, Alert.acknowledged_at.is_(None), Alert.verdict.is_(None)),
    )


def calls_now(session: Session, now: datetime) -> int:
    """How many calls to us go on, those from a browser among them."""
    going_on = (Call.ended_at.is_(None), Call.began_at > now - LONGEST_CALL)
    return _count(session, Call.outgoing.is_(False), *going_on)


def _calls_today(session: Session, midnight: datetime) -> int:
    return _count(session, *_from_telephones(midnight))


def _from_telephones(since: datetime) -> tuple[Any, ...]:
    return (Call.began_at >= since, Call.outgoing.is_(False), Call.provider != BROWSER)


def lost(session: Session, since: datetime, now: datetime) -> Lost:
    """Calls to us since then that are over and of which nothing is left that would serve the caller.

    There is no message to listen to; the caller neither spoke with a person nor asked how an earlier
    case stands; and nobody can ring back, for there is no case, or one without a number.
    """
    over = or_(Call.ended_at.is_not(None), Call.began_at <= now - LONGEST_CALL)
    has_message = exists().where(Recording.call_id == Call.id, Recording.status.not_in(NO_MESSAGE))
    without_message = (
        select(Call.id, Call.began_at, Call.ended_at, Call.caller_sealed, Case.id, Case.flags)
        .outerjoin(Case, Case.call_id == Call.id)
        .where(*_from_telephones(since), over, ~has_message)
    )
    rows = [tuple(row) for row in session.execute(without_message)]
    asked = _asked_for_a_case(session, [row[0] for row in rows if row[4] is None])
    gone = [row for row in rows if not _is_served(row, asked)]
    return Lost(len(gone), sum(_is_short(began, ended) for _, began, ended, *_ in gone))


def _is_served(row: tuple[Any, ...], asked: set[int]) -> bool:
    call_id, _, _, number, case_id, flags = row
    if case_id is None:
        return call_id in asked
    return number is not None or "spoke_to_agent" in flags


def _is_short(began_at: datetime, ended_at: datetime | None) -> bool:
    return ended_at is not None and ended_at - began_at < SHORT


def _asked_for_a_case(session: Session, call_ids: list[int]) -> set[int]:
    """The calls whose caller keyed in the number of an earlier case."""
    turns = select(Turn.call_id, Turn.kept).where(Turn.call_id.in_(call_ids))
    return {row.call_id for row in session.execute(turns) if "number" in row.kept}


def _unreviewed(session: Session) -> tuple[int, datetime | None]:
    waiting = select(func.count(Case.id), func.min(Case.opened_at)).where(IS_UNREVIEWED)
    count, oldest = session.execute(waiting).one()
    return int(count), oldest


def _late(session: Session, now: datetime) -> dict[str, int]:
    """Only kinds of which any is late, in the order in which they are spoken of."""
    running_out = select(Clock.kind, func.count()).where(
        Clock.stopped_at.is_(None), Clock.due_at < now
    )
    found = _as_counts(session.execute(running_out.group_by(Clock.kind)))
    return {kind: found[kind] for kind in KINDS if kind in found}


def _whistles(session: Session) -> tuple[int, int]:
    still = Whistle.ended_at.is_(None)
    awaited = (
        select(func.count())
        .select_from(Whistle)
        .join(Called, and_(Called.whistle_id == Whistle.id, Called.arrived_at.is_(None)))
        .where(still)
    )
    return _count(session, still), int(session.execute(awaited).scalar_one())


def _queues(session: Session, now: datetime) -> dict[str, int]:
    """The rows that want a step of work. The row is the ticket: a bell may be lost."""
    work = select(Recording.status, func.count()).where(recordings.IS_OPEN)
    open_ones = _as_counts(session.execute(work.group_by(Recording.status)))
    waits = (deliveries.IS_WAITING, Delivery.next_try_at <= now)
    return {
        stations.FETCH: open_ones.get("announced", 0),
        stations.TRANSCRIBE: open_ones.get("fetched", 0),
        stations.NOTIFY: _count(session, *waits),
    }


def _as_counts(rows: Iterable[Any]) -> dict[str, int]:
    return {str(name): int(count) for name, count in rows}


def _count(session: Session, *where: Any) -> int:
    return int(session.execute(select(func.count()).where(*where)).scalar_one())
