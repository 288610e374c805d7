"""Is this process alive, and could it take a call to the end?"""

from dataclasses import asdict, dataclass
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from runtime import database
from runtime.breaker import Breaker, Unavailable
from runtime.queues import Doorbell
from runtime.spool import Spool

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Readiness:
    """`database`: ok, behind (migrate!) or away; `queue`: ok, away or none; `spool`: events kept."""

    database: str
    queue: str
    spool: int

    @property
    def ready(self) -> bool:
        """Without Redis work goes on, so only the database decides."""
        return self.database == "ok"

    def as_dict(self) -> dict[str, object]:
        return {"ready": self.ready, **asdict(self)}


def newest_revision() -> str | None:
    """The schema revision this code was written for."""
    return ScriptDirectory.from_config(Config(ROOT / "alembic.ini")).get_current_head()


def readiness(engine: Engine, breaker: Breaker, doorbell: Doorbell, spool: Spool) -> Readiness:
    try:
        found = breaker.run(lambda: database.revision(engine))
        state = "ok" if found == newest_revision() else "behind"
    except Unavailable:
        state = "away"
    depth = doorbell.depth("transcribe")
    queue = "none" if doorbell.mute else "away" if depth is None else "ok"
    return Readiness(state, queue, len(spool.waiting()))
