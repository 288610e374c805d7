"""The migrations and the tables say the same, forwards and backwards, on both databases."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, inspect, text

from cases.record import Record
from runtime import database
from runtime.health import newest_revision
from tests.conftest import PROJECT, environment, migrate
from tests.support.servers import Server


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated database of its own."""
    if request.param == "sqlite":
        file = tmp_path / "own.sqlite3"
        shutil.copy(request.getfixturevalue("migrated_sqlite"), file)
        yield f"sqlite:///{file}"
        return
    server: Server = request.getfixturevalue("postgres")
    admin = database.engine(server.url.replace("postgresql:", "postgresql+psycopg:"))
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))  # a busy disk is no fault
        connection.execute(text("DROP DATABASE IF EXISTS own WITH (FORCE)"))
        connection.execute(text("CREATE DATABASE own"))
    admin.dispose()
    own = server.url.rpartition("/")[0] + "/own"
    migrate(own)
    yield own


def opened(url: str) -> Engine:
    return database.engine(url.replace("postgresql:", "postgresql+psycopg:"))


def test_every_table_and_column_has_its_migration(url: str) -> None:
    with environment(DATABASE_URL=url):
        command.check(Config(str(PROJECT / "alembic.ini")))


def test_every_module_with_a_table_is_known_to_the_migrations() -> None:
    """By name: which tests ran before must not decide what is compared."""
    known = (PROJECT / "migrations" / "env.py").read_text(encoding="utf-8")
    modules = [
        file.stem
        for file in (PROJECT / "cases").glob("*.py")
        if "(Record):" in file.read_text(encoding="utf-8")
    ]
    assert len(modules) > 30
    assert [name for name in modules if f"    {name},\n" not in known] == []


def test_a_migrated_database_is_at_the_newest_revision(url: str) -> None:
    engine = opened(url)
    assert database.revision(engine) == newest_revision()
    assert set(Record.metadata.tables) <= set(inspect(engine).get_table_names())
    engine.dispose()


def test_the_way_back_works_and_the_way_forward_again(url: str) -> None:
    migrate(url, "base")
    engine = opened(url)
    assert set(inspect(engine).get_table_names()) <= {"alembic_version"}
    engine.dispose()
    migrate(url)


def test_migrating_twice_changes_nothing(url: str) -> None:
    migrate(url)
    migrate(url)
