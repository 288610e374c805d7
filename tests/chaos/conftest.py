"""Servers that tests may take down, and a hotline on them."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import migrate
from tests.integration.conftest import exchange, settings
from tests.support.servers import Server, postgres_server, redis_server

__all__ = ["exchange", "settings"]


@pytest.fixture(scope="package")
def mortal_postgres() -> Iterator[Server]:
    """A migrated PostgreSQL that tests take down and bring back."""
    with postgres_server() as server:
        migrate(server.url)
        yield server


@pytest.fixture
def mortal_redis() -> Iterator[Server]:
    """A Redis that a test takes down and brings back."""
    with redis_server() as server:
        yield server


@contextmanager
def frozen(server: Server) -> Iterator[None]:
    """The server and all its children hang: connections stay open, nobody answers."""
    assert server._process is not None
    processes = [server._process.pid, *children_of(server._process.pid)]
    try:
        for pid in processes:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in processes:
            os.kill(pid, signal.SIGCONT)


def children_of(parent: int) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            ppid = int(entry.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if ppid == parent:
            found.append(int(entry.parent.name))
    return found
