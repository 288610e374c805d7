"""The job `understand`, and the alerts that nobody has acknowledged or that a day adds up to.

The row is the ticket: a case is due while its text is not the one that was read. One that cannot be
understood is written down as read with nothing found, so that it keeps no other waiting; its text is there.
"""

import logging
from datetime import date, datetime, timedelta

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from cases import alerts, daily, places, readings
from cases.clocks import Terms
from cases.readings import Reader
from cases.understanding import Mind, understand
from runtime import clock
from runtime.city import City
from runtime.database import Trouble, transaction

log = logging.getLogger(__name__)


def mind_of(city: City) -> Mind:
    """What it takes to understand cases of the city. Raises PackError."""
    return Mind(Reader.of_city(city.folder, city.languages), Terms.of_city(city))


def due(session: Session) -> list[int]:
    """The case that was heard first of those nobody has understood yet."""
    return readings.unread(session, limit=1)


def understand_one(engine: Engine, mind: Mind, case_id: int) -> None:
    """Understand one case. Raises Trouble when the database is away."""
    try:
        with transaction(engine) as session:
            understand(session, case_id, mind, clock.now())
    except Trouble:
        raise
    except Exception:
        log.exception("case %d could not be understood", case_id)
        with transaction(engine) as session:
            readings.give_up(session, case_id, clock.now())


def climb(engine: Engine, now: datetime) -> int:
    """Tell the next party of alerts that nobody acknowledged; how many."""
    with transaction(engine) as session:
        return alerts.climb(session, now)


class Yesterdays:
    """Looks once a day, when the day is over, at what it added up to."""

    def __init__(self) -> None:
        self._done: date | None = None
        if not daily.has_farrington():
            log.warning(
                "%s is left out of the daily round: it needs the extra `surveillance`",
                daily.FARRINGTON_METHOD,
            )

    def look(self, engine: Engine, city: City, now: datetime) -> int:
        """Raise the alerts of the day before, unless this process has; how many were new."""
        yesterday = now.astimezone(city.time_zone).date() - timedelta(days=1)
        if self._done == yesterday:
            return 0
        centres = daily.centres(places.read(city.folder))
        of = daily.Day(city.time_zone, city.is_working_day, centres, yesterday)
        with transaction(engine) as session:
            raised = daily.look(session, of, now)
        self._done = yesterday
        return len(raised)
