"""Work whose bell was lost, or whose worker died, is rung for again."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from cases import deliveries, recordings
from runtime import clock
from runtime.database import transaction
from runtime.queues import Doorbell


def ring_again(engine: Engine, doorbell: Doorbell) -> int:
    """Ring for every row that wants work now. Bells that still hang are not doubled."""
    with transaction(engine) as session:
        waiting = list(_waiting(session, clock.now()))
    for step, row_id, attempts in waiting:
        doorbell.ring(step, row_id, attempts)
    return len(waiting)


def _waiting(session: Session, now: datetime) -> Iterator[tuple[str, int, int]]:
    """A step of work, the row that wants it, and how often it was tried."""
    for step in recordings.READY:
        for recording in recordings.due(session, step, now):
            yield step, recording.recording_id, recording.attempts
    for delivery in deliveries.due(session, now):
        yield "notify", delivery.delivery_id, delivery.attempts
