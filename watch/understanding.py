"""The job `understand`: a case that has a text is understood, whatever it takes the others.

The row is the ticket: a case is due while its text is not the one that was read. One that cannot be
understood is written down as read with nothing found, so that it keeps no other waiting; its text is there.
"""

import logging
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from cases import alerts, readings
from cases.clocks import Terms
from cases.readings import Reader
from cases.understanding import Mind, understand
from runtime import clock
from runtime.city import City
from runtime.database import Trouble, transaction

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Understanding:
    """What the job works with, put together once by the worker."""

    engine: Engine
    mind: Mind

    def due(self, session: Session) -> list[int]:
        """The case that was heard first of those nobody has understood yet."""
        return readings.unread(session, limit=1)

    def work(self, case_id: int) -> None:
        """Understand one case. Raises Trouble when the database is away."""
        try:
            with transaction(self.engine) as session:
                understand(session, case_id, self.mind, clock.now())
        except Trouble:
            raise
        except Exception:
            log.exception("case %d could not be understood", case_id)
            with transaction(self.engine) as session:
                readings.give_up(session, case_id, clock.now())


def of_city(engine: Engine, city: City) -> Understanding:
    """The understanding of a city. Raises PackError."""
    reader = Reader.of_city(city.folder, city.languages)
    return Understanding(engine, Mind(reader, Terms.of_city(city)))


def climb(engine: Engine, now: datetime) -> int:
    """Tell the next party of alerts that nobody acknowledged; how many."""
    with transaction(engine) as session:
        return alerts.climb(session, now)
