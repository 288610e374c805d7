"""A console for each test, on each kind of database."""

import shutil
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from cases import agents
from runtime import clock
from tests.support.console_app import ConsoleHouse, console_house


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> ConsoleHouse:
    """An empty console on an empty, migrated database."""
    return console_house(tmp_path, database_url)


@pytest.fixture
def one_house(tmp_path: Path, migrated_sqlite: Path) -> ConsoleHouse:
    """The same on SQLite alone, for what has nothing to do with databases."""
    file = tmp_path / "hotline.sqlite3"
    shutil.copy(migrated_sqlite, file)
    return console_house(tmp_path, f"sqlite:///{file}")


class Watch:
    """The clock of a test: real, until it is put forward."""

    def __init__(self) -> None:
        self.ahead = timedelta()
        self._real = clock.now

    def now(self) -> datetime:
        return self._real() + self.ahead

    def forward(self, **span: float) -> None:
        self.ahead += timedelta(**span)


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    """The time by which the console acts, to be put forward by the test."""
    watch = Watch()
    monkeypatch.setattr(clock, "now", watch.now)
    return watch


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2id for real, but with less work, for a test signs in often."""
    monkeypatch.setattr(
        agents, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    )
