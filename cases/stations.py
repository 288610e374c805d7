"""Which of the hotline's own processes are up: each says so again and again, in the database.

What a queue's server knows of its workers would not do: they work without one, too, and one that hears a
long recording is seen by nobody but us.
"""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import String, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from cases.record import Insert, Record, prepared

# What processes do, as `worker.py` knows it.
FETCH, TRANSCRIBE, UNDERSTAND, NOTIFY, WATCH = STEPS = (
    *("fetch", "transcribe", "understand"),
    *("notify", "watch"),
)
BEAT_EVERY = timedelta(seconds=10)
# Whoever was not heard of for so long is taken to be gone.
GONE_AFTER = timedelta(seconds=45)
FORGOTTEN_AFTER = timedelta(days=1)


class Station(Record):
    """One process, and when it was last heard of. `holder` is its name for as long as it lives."""

    __tablename__ = "stations"

    holder: Mapped[str] = mapped_column(String(32), primary_key=True)
    step: Mapped[str] = mapped_column(String(16))
    began_at: Mapped[datetime]
    seen_at: Mapped[datetime]


@prepared
def _beat(insert: Insert) -> Any:
    statement = insert(Station)
    return statement.on_conflict_do_update(
        index_elements=["holder"], set_={"seen_at": statement.excluded.seen_at}
    )


def beat(session: Session, holder: str, step: str, now: datetime) -> None:
    """This process is alive; those that were not heard of for a day are forgotten."""
    values = {"holder": holder[:32], "step": step[:16], "began_at": now, "seen_at": now}
    session.execute(_beat(session), values)
    session.execute(delete(Station).where(Station.seen_at < now - FORGOTTEN_AFTER))


def gone(session: Session, holder: str) -> None:
    """This process ends, and says so."""
    session.execute(delete(Station).where(Station.holder == holder[:32]))


def up(session: Session, now: datetime) -> dict[str, int]:
    """How many processes do each step of work now, none for a step that nobody does."""
    alive = select(Station.step).where(Station.seen_at > now - GONE_AFTER)
    found = Counter(session.scalars(alive))
    return {step: found[step] for step in STEPS}


def every(session: Session) -> list[Station]:
    """All that were heard of in the last day, by what they do."""
    return list(session.scalars(select(Station).order_by(Station.step, Station.began_at)))
