"""The doorbell may fail in any way it likes: nobody waits for it, and it opens no door."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from demo.house import free_port
from runtime.queues import Doorbell, known_jobs
from tests.support.servers import Server


@pytest.fixture
def connection(redis: Server) -> Iterator["Redis"]:
    """An empty Redis."""
    with Redis.from_url(redis.url) as connection:
        connection.flushall()
        yield connection


@pytest.fixture
def hanging_redis() -> Iterator[str]:
    """A server that accepts everybody and answers nobody."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


def work_off(connection: "Redis", **catalogue: object) -> None:
    """One worker does all that waits at the queue of the first step of the catalogue."""
    jobs = known_jobs(catalogue)  # type: ignore[arg-type]
    queue = Queue(
        next(iter(catalogue)), connection=connection, job_class=jobs, serializer=JSONSerializer
    )
    SimpleWorker([queue], connection=connection, job_class=jobs, serializer=JSONSerializer).work(
        burst=True, logging_level="CRITICAL"
    )


def queue(connection: "Redis", name: str = "fetch") -> Queue:
    return Queue(name, connection=connection, serializer=JSONSerializer)


def test_a_bell_is_heard_by_a_worker(redis: Server, connection: "Redis") -> None:
    done: list[int] = []
    Doorbell(redis.url).ring("fetch", 7)
    work_off(connection, fetch=done.append)
    assert done == [7]


def test_a_bell_that_still_hangs_is_not_doubled(redis: Server, connection: "Redis") -> None:
    doorbell = Doorbell(redis.url)
    for _ in range(3):
        doorbell.ring("fetch", 7)
    doorbell.ring("fetch", 7, attempts=1)
    doorbell.ring("fetch", 8)
    assert doorbell.depth("fetch") == 3


def test_a_bell_can_be_rung_again_once_it_was_heard(redis: Server, connection: "Redis") -> None:
    done: list[int] = []
    for _ in range(2):
        Doorbell(redis.url).ring("fetch", 7)
        work_off(connection, fetch=done.append)
    assert done == [7, 7]


def test_redis_holds_a_step_and_an_id_and_nothing_of_a_caller(
    redis: Server, connection: "Redis"
) -> None:
    Doorbell(redis.url).ring("fetch", 7)
    (job,) = queue(connection).jobs
    assert (job.func_name, job.args, job.kwargs) == ("fetch", [7], {})


def test_without_redis_the_bell_is_mute() -> None:
    doorbell = Doorbell("")
    assert doorbell.mute
    doorbell.ring("fetch", 7)
    assert doorbell.depth("fetch") is None


def test_a_redis_that_is_away_costs_no_time() -> None:
    doorbell = Doorbell(f"redis://127.0.0.1:{free_port()}/0")
    began = time.monotonic()
    for _ in range(10):
        doorbell.ring("fetch", 7)
    assert doorbell.depth("fetch") is None
    assert time.monotonic() - began < 1


def test_a_redis_that_hangs_costs_hardly_any(hanging_redis: str) -> None:
    doorbell = Doorbell(hanging_redis)
    began = time.monotonic()
    for _ in range(10):
        doorbell.ring("fetch", 7)
    assert doorbell.depth("fetch") is None
    assert time.monotonic() - began < 1


def test_a_job_somebody_else_put_there_is_refused(connection: "Redis", tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    job = queue(connection).enqueue("os.system", f"touch {trace}")
    work_off(connection, fetch=lambda row_id: None)
    assert not trace.exists()
    assert str(job.get_status(refresh=True).value) == "failed"


@pytest.mark.parametrize("when", ["success", "failure"])
def test_what_somebody_else_wants_called_afterwards_is_not_called(
    connection: "Redis", tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    trace = tmp_path / "trace"
    (tmp_path / "evil.py").write_text(
        f"def strike(*what):\n    open({str(trace)!r}, 'w').close()\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    job = queue(connection).enqueue("fetch" if when == "success" else "os.system", 7)
    connection.hset(job.key, f"{when}_callback_name", "evil.strike")
    work_off(connection, fetch=lambda row_id: None)
    assert not trace.exists()
