"""The database: the one truth. Commit and rollback appear here and nowhere else."""

import select
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError, DisconnectionError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

# What the database, and not our code, does wrong: it is away, full, locked or too slow.
Trouble = (DBAPIError, PoolTimeout, OSError)

# A server whose machine is gone is noticed within half a minute, by workers that wait for it.
KEEPALIVE = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
POSTGRES_OPTIONS = (
    "-c statement_timeout=10000 -c lock_timeout=5000 -c idle_in_transaction_session_timeout=30000"
)


def engine(url: str) -> Engine:
    """An engine for `url` with durable commits; nothing is connected yet."""
    return _sqlite(url) if make_url(url).get_backend_name() == "sqlite" else _postgres(url)


@contextmanager
def transaction(engine: Engine) -> Iterator[Session]:
    """A session whose work is committed at the end, or rolled back when anything is raised."""
    with Session(engine) as session, session.begin():
        yield session


def revision(engine: Engine) -> str | None:
    """The schema's revision, or None for a database that was never migrated."""
    try:
        with engine.connect() as connection:
            return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    except SQLAlchemyError as error:
        if isinstance(error, DBAPIError) and not is_missing_table(error):
            raise
        return None


def is_missing_table(error: DBAPIError) -> bool:
    message = str(error.orig).lower()
    return "no such table" in message or "does not exist" in message


def _postgres(url: str) -> Engine:
    engine = create_engine(
        url,
        # What is written may be a caller's: errors, and with them logs, tell only the statement.
        hide_parameters=True,
        pool_size=5,
        max_overflow=5,
        pool_timeout=2,
        pool_recycle=300,
        connect_args={"connect_timeout": 2, "options": POSTGRES_OPTIONS, **KEEPALIVE},
    )
    event.listen(engine, "checkout", _refuse_if_gone)
    return engine


def _refuse_if_gone(connection: Any, _record: object, _proxy: object) -> None:
    """Have the pool connect anew if the server is gone, without asking it, which takes a round trip.

    On an idle connection a server says nothing until it says that it goes.
    """
    if connection.closed or _has_something_to_say(connection.fileno()):
        raise DisconnectionError


def _has_something_to_say(handle: int) -> bool:
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(0))


def _sqlite(url: str) -> Engine:
    file = make_url(url).database
    if file and file != ":memory:":
        Path(file).parent.mkdir(parents=True, exist_ok=True)
    # One connection a process: its threads queue for it fairly, which SQLite's own waiting is not.
    engine = create_engine(
        url,
        hide_parameters=True,
        poolclass=QueuePool,
        pool_size=1,
        max_overflow=0,
        pool_timeout=2,
        connect_args={"timeout": 5},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver's own transactions start too late and lose updates; `_begin_immediate` starts ours.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_immediate(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
