"""Commits are durable, and two who change one thing do so one after the other."""

import threading

import pytest
from sqlalchemy import Engine, text

from runtime import database
from runtime.database import transaction


def value(engine: Engine) -> object:
    with transaction(engine) as session:
        return session.execute(text("SELECT tries FROM signin_tries")).scalar_one()


@pytest.fixture
def counter(engine: Engine) -> Engine:
    with transaction(engine) as session:
        session.execute(
            text("INSERT INTO signin_tries VALUES ('test', 0, '2026-11-24 00:00:00+00')")
        )
    return engine


def test_work_that_fails_leaves_nothing(counter: Engine) -> None:
    with pytest.raises(ZeroDivisionError), transaction(counter) as session:
        session.execute(text("UPDATE signin_tries SET tries = 1"))
        _ = 1 / 0
    assert value(counter) == 0


def test_no_update_is_lost_when_many_write_at_once(counter: Engine) -> None:
    def count() -> None:
        for _ in range(20):
            with transaction(counter) as session:
                lock = " FOR UPDATE" if counter.dialect.name == "postgresql" else ""
                tries = session.execute(text(f"SELECT tries FROM signin_tries{lock}")).scalar_one()
                session.execute(text("UPDATE signin_tries SET tries = :n"), {"n": tries + 1})

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert value(counter) == 80


def test_a_commit_survives_a_power_cut(engine: Engine) -> None:
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            assert connection.execute(text("SHOW synchronous_commit")).scalar() == "on"
            return
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2  # FULL
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1


def test_a_database_knows_its_revision(engine: Engine) -> None:
    assert database.revision(engine) is not None


def test_a_database_nobody_migrated_has_none(tmp_path: object) -> None:
    assert database.revision(database.engine(f"sqlite:///{tmp_path}/new.sqlite3")) is None


def test_an_error_of_the_database_does_not_tell_what_was_written(engine: Engine) -> None:
    with pytest.raises(database.Trouble) as error, transaction(engine) as session:
        session.execute(text("INSERT INTO nowhere VALUES (:number)"), {"number": "+85291234567"})
    assert "91234567" not in str(error.value)
