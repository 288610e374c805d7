"""Real databases and a real Redis for every test that asks for one."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import hypothesis
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, text

from cases.record import Record
from runtime import database
from tests.support.servers import Server, postgres_server, redis_server

PROJECT = Path(__file__).resolve().parent.parent
DATABASES = ("sqlite", "postgresql")

hypothesis.settings.register_profile(
    "whistle",
    deadline=None,
    database=None,
    derandomize=os.environ.get("CI") == "true",
    # A busy machine is not a fault of what is tested.
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("whistle")


def migrate(url: str, to: str = "head") -> None:
    """Bring a database to a revision by the project's own migrations."""
    with environment(DATABASE_URL=url):
        config = Config(str(PROJECT / "alembic.ini"))
        command.downgrade(config, to) if to == "base" else command.upgrade(config, to)


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    """These environment variables while the block runs."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL that all tests share and nobody stops."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def redis() -> Iterator[Server]:
    """A Redis that all tests share and nobody stops."""
    with redis_server() as server:
        yield server


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty hotline in one SQLite file, to be copied."""
    file = tmp_path_factory.mktemp("sqlite") / "empty.sqlite3"
    migrate(f"sqlite:///{file}")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return file


@pytest.fixture(scope="session")
def migrated_postgres(postgres: Server) -> Iterator[Engine]:
    """An empty hotline on PostgreSQL, to be emptied again before each test."""
    migrate(postgres.url)
    engine = database.engine(postgres.url.replace("postgresql:", "postgresql+psycopg:"))
    yield engine
    engine.dispose()


def _used_tables(connection: Connection) -> list[str]:
    """Those that hold rows or have ever given a number; to empty all of them takes far longer."""
    rows = " UNION ALL ".join(
        f"SELECT '{table.name}' WHERE EXISTS (SELECT 1 FROM {table.name})"
        for table in Record.metadata.sorted_tables
    )
    numbers = """
        SELECT regexp_replace(sequencename, '_id_seq$', '') FROM pg_sequences
        WHERE last_value IS NOT NULL AND sequencename LIKE '%\\_id\\_seq'"""
    return sorted({*connection.scalars(text(f"{rows} UNION ALL {numbers}"))})


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty, migrated hotline; the test runs once on each kind of database."""
    if request.param == "sqlite":
        file = tmp_path / "hotline.sqlite3"
        shutil.copy(request.getfixturevalue("migrated_sqlite"), file)
        return f"sqlite:///{file}"
    engine: Engine = request.getfixturevalue("migrated_postgres")
    with engine.begin() as connection:
        if used := _used_tables(connection):
            connection.execute(text(f"TRUNCATE {', '.join(used)} RESTART IDENTITY CASCADE"))
    return engine.url.render_as_string(hide_password=False)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An empty, migrated hotline's database, once of each kind."""
    engine = database.engine(database_url)
    yield engine
    engine.dispose()
