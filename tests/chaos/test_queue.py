"""Redis only rings the bell: wiped, frozen or gone, with workers killed, work is done, and once."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import Engine, func, select

from cases import recordings
from cases.recordings import Recording
from cases.transcripts import Transcript
from runtime import clock
from runtime.database import transaction
from runtime.queues import Doorbell
from tests.chaos.conftest import frozen
from tests.conftest import PROJECT
from tests.integration.telephone import Exchange
from tests.integration.work import MINUTE
from tests.support.servers import Server
from watch import stuck

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Stations:
    """Worker processes on one database, and what they noted."""

    def __init__(self, exchange: Exchange, redis_url: str, trace: Path) -> None:
        self.exchange, self.redis_url, self.trace = exchange, redis_url, trace
        self.processes: list[subprocess.Popen[bytes]] = []

    @property
    def engine(self) -> Engine:
        return self.exchange.phone.engine

    def start(self, seconds: float = 0.05) -> subprocess.Popen[bytes]:
        url = self.exchange.phone.settings.database_url
        command = [sys.executable, "-m", "tests.chaos.station", url, self.redis_url]
        process = subprocess.Popen(
            [*command, str(self.trace), str(seconds)], cwd=PROJECT, stderr=subprocess.DEVNULL
        )
        self.processes.append(process)
        return process

    def stop(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()

    def noted(self, what: str) -> Counter[str]:
        """How often something was noted of each recording."""
        lines = self.trace.read_text().splitlines() if self.trace.exists() else []
        return Counter(line.split()[1] for line in lines if line.startswith(what))

    def wait_for(self, wish: Callable[[], bool], seconds: float = 40) -> None:
        deadline = time.monotonic() + seconds
        while not wish():
            assert time.monotonic() < deadline, self.trace.read_text()
            assert not any(process.poll() for process in self.processes[-1:]), "it ended"
            time.sleep(0.05)

    def wait_until_ready(self) -> None:
        self.wait_for(lambda: self.noted("ready")["0"] == len(self.processes))

    def add(self, count: int) -> list[int]:
        """So many recordings that lie in storage and were never rung for."""
        ids = []
        for _ in range(count):
            line = self.exchange.line()
            self.exchange.send(line.callback())
            ids.append(self.exchange.recording_rows(line.sid)[0].id)
            with transaction(self.engine) as session:
                claim = recordings.claim(session, ids[-1], "fetch", clock.now(), MINUTE)
                assert claim is not None
                recordings.fetched(session, claim, "sound", clock.now())
        return ids

    def wait_until_heard(self, count: int) -> None:
        self.wait_for(lambda: self.heard() == count)

    def heard(self) -> int:
        with transaction(self.engine) as session:
            # In one statement: of two, the second sees what was committed in between.
            done = select(func.count(Recording.id)).where(Recording.status == "transcribed")
            written = select(func.count(Transcript.id))
            marked, transcripts = session.execute(
                select(done.scalar_subquery(), written.scalar_subquery())
            ).one()
            assert marked == transcripts
            return int(transcripts)


@pytest.fixture
def stations(exchange: Exchange, mortal_redis: Server, tmp_path: Path) -> Iterator[Stations]:
    stations = Stations(exchange, mortal_redis.url, tmp_path / "trace")
    yield stations
    stations.stop()


def test_redis_is_wiped_and_the_worker_killed_in_the_middle_of_its_work(
    stations: Stations, mortal_redis: Server
) -> None:
    first = stations.start(seconds=1.0)
    stations.wait_until_ready()
    ids = stations.add(4)
    for recording_id in ids:
        Doorbell(mortal_redis.url).ring("transcribe", recording_id)
    stations.wait_for(lambda: len(stations.noted("began")) == 2)
    with Redis.from_url(mortal_redis.url) as redis:
        redis.flushall()
    first.kill()
    stations.start()
    stations.wait_until_heard(4)
    assert set(stations.noted("kept").values()) == {1}
    assert sorted(stations.noted("began").values()) == [1, 1, 1, 2]


@SQLITE
def test_a_worker_finds_what_nobody_rang_for(stations: Stations) -> None:
    stations.start()
    stations.wait_until_ready()
    stations.add(2)
    stations.wait_until_heard(2)


@SQLITE
def test_the_watch_rings_again_for_what_was_lost_and_doubles_no_bell(
    stations: Stations, mortal_redis: Server
) -> None:
    stations.add(3)
    doorbell = Doorbell(mortal_redis.url)
    for _ in range(2):
        assert stuck.ring_again(stations.engine, doorbell) == 3
        assert doorbell.depth("transcribe") == 3
    with Redis.from_url(mortal_redis.url) as redis:
        redis.flushall()
    stuck.ring_again(stations.engine, doorbell)
    assert doorbell.depth("transcribe") == 3


def test_three_workers_never_do_one_recording_twice(
    stations: Stations, mortal_redis: Server
) -> None:
    for _ in range(3):
        stations.start()
    ids = stations.add(15)
    stations.wait_until_ready()
    for attempt in range(3):
        for recording_id in ids:
            Doorbell(mortal_redis.url).ring("transcribe", recording_id, attempt)
    stations.wait_until_heard(15)
    assert set(stations.noted("began").values()) == {1}
    assert len(stations.noted("began")) == 15


@SQLITE
@pytest.mark.parametrize("how", ["stopped", "frozen"])
def test_without_redis_workers_go_on(stations: Stations, mortal_redis: Server, how: str) -> None:
    stations.start()
    stations.wait_until_ready()
    stations.add(1)
    stations.wait_until_heard(1)
    if how == "stopped":
        mortal_redis.stop()
        stations.add(1)
        stations.wait_until_heard(2)
        return
    with frozen(mortal_redis):
        time.sleep(1)
        stations.add(1)
        stations.wait_until_heard(2)


@SQLITE
@pytest.mark.parametrize("redis_at", ["its place", "nowhere"])
def test_a_worker_stops_when_told_and_finishes_what_it_has_in_hand(
    stations: Stations, redis_at: str
) -> None:
    if redis_at == "nowhere":
        stations.redis_url = ""
    process = stations.start(seconds=1.0)
    stations.wait_until_ready()
    stations.add(3)
    stations.wait_for(lambda: len(stations.noted("began")) == 1)
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=15) == 0
    assert time.monotonic() - began < 10
    assert stations.noted("kept") == stations.noted("began")
    assert len(stations.noted("kept")) == 1
    assert not os.path.exists(f"/proc/{process.pid}")
