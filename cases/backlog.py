"""What waits for the hotline's own processes, what is being done, and what was given up, of each step."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from cases import deliveries, followups, notices, readings, recordings, stations
from cases.deliveries import Delivery
from cases.followups import Followup
from cases.notices import Notice
from cases.recordings import Recording

# A number beyond this is told as this.
MOST = 1000


@dataclass(frozen=True)
class Step:
    """One step of work. waiting: wanted now; later: wanted at a later time; in_hand: being done;
    given_up: of what is still kept, that no machine goes on with; oldest: since when the first waits."""

    name: str
    waiting: int
    later: int
    in_hand: int
    given_up: int
    oldest: datetime | None


def steps(session: Session, now: datetime) -> list[Step]:
    """Every step, in the order in which a call goes through them."""
    return list(_steps(session, now))


def _steps(session: Session, now: datetime) -> Iterator[Step]:
    for name, ready in recordings.READY.items():
        lost = next(was for was, to in recordings.GIVEN_UP.items() if to == ready)
        yield _rows(session, now, name, Recording, Recording.status, ready, lost, "announced_at")
    unread = readings.unread(session, MOST)
    yield Step(stations.UNDERSTAND, len(unread), 0, 0, 0, None)
    status = Delivery.status
    waiting, failed = deliveries.WAITING, deliveries.FAILED
    yield _rows(session, now, stations.NOTIFY, Delivery, status, waiting, failed, "at")
    yield _call_backs(session, now)


def _rows(
    session: Session,
    now: datetime,
    name: str,
    table: Any,
    status: Any,
    ready: str,
    lost: str,
    since: str,
) -> Step:
    held = and_(table.lease_until.is_not(None), table.lease_until >= now)
    due = and_(table.next_try_at <= now, ~held)
    open_ones = status == ready
    oldest = select(func.min(getattr(table, since))).where(open_ones, due)
    return Step(
        name,
        _count(session, table, open_ones, due),
        _count(session, table, open_ones, table.next_try_at > now, ~held),
        _count(session, table, open_ones, held),
        _count(session, table, status == lost),
        session.execute(oldest).scalar_one(),
    )


def _call_backs(session: Session, now: datetime) -> Step:
    """Citizens whom the hotline rings by itself; those for a person are no work of a machine's."""
    waits, due = Followup.state == followups.WAITING, Followup.next_try_at <= now
    oldest = select(func.min(Followup.next_try_at)).where(waits, due)
    return Step(
        "call_back",
        _count(session, Followup, waits, due),
        _count(session, Followup, waits, Followup.next_try_at > now),
        _count(session, Followup, Followup.state == followups.CALLING),
        _count(session, Followup, Followup.state == followups.BY_HAND),
        session.execute(oldest).scalar_one(),
    )


def unspread(session: Session) -> int:
    """Notices that have no deliveries yet."""
    fresh = select(func.count()).select_from(Notice).where(notices.UNSPREAD)
    return int(session.execute(fresh).scalar_one())


def _count(session: Session, table: Any, *conditions: ColumnElement[bool]) -> int:
    counted = select(func.count()).select_from(table).where(*conditions)
    return int(session.execute(counted).scalar_one())
