"""PostgreSQL is restarted, or hangs, under a process that keeps connections to it."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, text

from runtime import database
from runtime.breaker import Breaker, Unavailable
from tests.support import processes
from tests.support.servers import Server, postgres_server


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres_server() as running:
        yield running


@pytest.fixture
def engine(server: Server) -> Iterator[Engine]:
    engine = database.engine(server.url.replace("postgresql:", "postgresql+psycopg:"))
    yield engine
    engine.dispose()


def connection_number(engine: Engine) -> int:
    with database.transaction(engine) as session:
        return int(session.execute(text("SELECT pg_backend_pid()")).scalar_one())


@contextmanager
def frozen(server: Server) -> Iterator[None]:
    """The server neither answers nor goes away."""
    assert server._process is not None
    parent = server._process.pid
    family = [parent, *processes.children_of(parent)]
    for one in family:
        os.kill(one, signal.SIGSTOP)
    try:
        yield
    finally:
        for one in family:
            os.kill(one, signal.SIGCONT)


def test_a_kept_connection_is_used_again(engine: Engine) -> None:
    assert connection_number(engine) == connection_number(engine)


def test_after_a_restart_the_first_work_already_succeeds(server: Server, engine: Engine) -> None:
    with engine.connect(), engine.connect():
        pass  # two connections are kept now
    server.stop()
    server.start()
    with engine.connect() as one, engine.connect() as other:
        assert [each.execute(text("SELECT 1")).scalar_one() for each in (one, other)] == [1, 1]


def test_a_server_that_hangs_costs_a_caller_the_patience_once(
    server: Server, engine: Engine
) -> None:
    breaker = Breaker(database.Trouble, patience=0.5, pause=0.5)
    breaker.run(lambda: connection_number(engine))
    with frozen(server):
        for longest in (1.5, 0.2):
            began = time.monotonic()
            with pytest.raises(Unavailable):
                breaker.run(lambda: connection_number(engine))
            assert time.monotonic() - began < longest
    time.sleep(0.6)
    assert breaker.run(lambda: connection_number(engine))
