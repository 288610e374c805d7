"""Recordings whose bell was lost, or whose worker died, are rung for again."""

from sqlalchemy import Engine

from cases import recordings
from runtime import clock
from runtime.database import transaction
from runtime.queues import Doorbell


def ring_again(engine: Engine, doorbell: Doorbell) -> int:
    """Ring for every recording that wants work now. Bells that still hang are not doubled."""
    rung = 0
    for step in recordings.READY:
        with transaction(engine) as session:
            due = recordings.due(session, step, clock.now())
        for item in due:
            doorbell.ring(step, item.recording_id, item.attempts)
        rung += len(due)
    return rung
