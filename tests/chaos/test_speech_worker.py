"""Speech workers that are killed, that hang, that are busy: nothing is lost, nothing done twice,
and who is urgent does not wait for them."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from cases import recordings
from cases.recordings import Recording
from cases.transcripts import Transcript
from runtime import clock
from runtime.database import transaction
from runtime.storage import Storage
from tests.chaos.conftest import children_of
from tests.conftest import PROJECT
from tests.integration.telephone import Exchange
from tests.integration.work import MINUTE

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PATIENCE = 120.0  # seconds, on a machine that is busy with other things


class Workers:
    """`worker.py` on a hotline's database, with an ear that does what the recordings say."""

    def __init__(self, exchange: Exchange, folder: Path) -> None:
        self.engine = exchange.phone.engine
        self.exchange = exchange
        settings = exchange.phone.settings
        self.storage = Storage(settings.recordings_url)
        self.trace = folder / "trace"
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(PROJECT),
            "TRACE": str(self.trace),
            "DATABASE_URL": settings.database_url,
            "RECORDINGS_URL": settings.recordings_url,
            "STATE_DIR": str(settings.state_dir),
            "REDIS_URL": "",
            "WHISPER_ENGINE": "openai-whisper",
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, processes: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(PROJECT / "tests" / "chaos" / "ear.py")],
            cwd=PROJECT,
            env={**self.environment, "SPEECH_PROCESSES": str(processes)},
            stderr=subprocess.DEVNULL,
        )

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(timeout=40)

    def add(self, order: str, seconds: float = 5.0, priority: int = 0) -> int:
        """A recording in storage that tells the ear what to do."""
        line = self.exchange.line()
        self.exchange.send(line.callback(RecordingDuration=str(round(seconds))))
        row = self.exchange.recording_rows(line.sid)[0]
        self.storage.write(str(row.id), order.encode())
        with transaction(self.engine) as session:
            claim = recordings.claim(session, row.id, "fetch", clock.now(), MINUTE)
            assert claim is not None
            recordings.hasten(session, row.call_id, priority)
            recordings.fetched(session, claim, str(row.id), clock.now())
        return row.id

    def rows(self) -> dict[int, Recording]:
        with transaction(self.engine) as session:
            rows = {row.id: row for row in session.scalars(select(Recording))}
            session.expunge_all()
            return rows

    def transcripts(self) -> Counter[int]:
        """How many transcripts each recording has."""
        with transaction(self.engine) as session:
            return Counter(session.scalars(select(Transcript.recording_id)))

    def steps(self) -> list[str]:
        """What the ears did, in order: `PID step N of HOW-MANY ORDER`."""
        return self.trace.read_text().splitlines() if self.trace.exists() else []

    def wait_for(self, wish: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not wish():
            assert time.monotonic() < deadline, self.steps()[-10:]
            time.sleep(0.02)

    def kill_in_the_middle_of_a_batch(self) -> None:
        """SIGKILL a process that holds several recordings right now."""
        seen = len(self.steps())

        def begun() -> list[str]:
            return [step for step in self.steps()[seen:] if " of 1 " not in step]

        self.wait_for(lambda: bool(begun()))
        os.kill(int(begun()[-1].split()[0]), signal.SIGKILL)

    def processes(self) -> list[int]:
        assert self.process is not None
        return children_of(self.process.pid)


@pytest.fixture
def workers(exchange: Exchange, tmp_path: Path) -> Iterator[Workers]:
    workers = Workers(exchange, tmp_path)
    yield workers
    workers.stop()


def test_killed_in_the_middle_of_batches_nothing_is_lost_and_nothing_done_twice(
    workers: Workers,
) -> None:
    ids = [workers.add("words") for _ in range(60)]
    workers.start(processes=2)

    for _ in range(3):
        workers.kill_in_the_middle_of_a_batch()
    workers.wait_for(lambda: len(workers.transcripts()) == len(ids))

    assert set(workers.transcripts().values()) == {1}
    rows = workers.rows()
    assert {row.status for row in rows.values()} == {"transcribed"}
    assert sum(row.deaths for row in rows.values()) >= 6  # or nothing was in hand when it died


@SQLITE
def test_what_kills_or_hangs_the_decoder_is_marked_and_takes_no_other_with_it(
    workers: Workers,
) -> None:
    good = [workers.add("words") for _ in range(3)]
    bad = [workers.add("dies SIGSEGV"), workers.add("hangs")]
    good += [workers.add("words") for _ in range(3)]
    workers.start(processes=1)

    workers.wait_for(lambda: all(row.status != "fetched" for row in workers.rows().values()))

    rows = workers.rows()
    assert {rows[one].status for one in good} == {"transcribed"}
    assert {rows[one].status for one in bad} == {"needs_listening"}
    reason = "listening to it ended the speech process 3 times"
    assert {rows[one].reason for one in bad} == {reason}
    # Together once, and after that each alone.
    assert [step for step in workers.steps() if " of 1 " not in step] == workers.steps()[:1]


@SQLITE
def test_the_urgent_wait_for_one_step_of_a_long_recording_and_no_longer(workers: Workers) -> None:
    long = workers.add("steps 60", seconds=3600)
    workers.start(processes=1)
    workers.wait_for(lambda: len(workers.steps()) >= 3)
    before = len(workers.steps())

    urgent = workers.add("urgent", priority=recordings.ON_THE_LINE)
    workers.wait_for(lambda: workers.rows()[urgent].status == "transcribed")

    assert workers.rows()[long].status == "fetched"
    told = [step for step in workers.steps() if step.endswith("urgent")]
    # The step it came in, and one that may have begun while it was being added.
    assert workers.steps().index(told[0]) - before <= 2
    workers.wait_for(lambda: workers.rows()[long].status == "transcribed")
    assert workers.rows()[long].attempts == 1


@SQLITE
def test_the_urgent_overtake_all_that_wait(workers: Workers) -> None:
    for _ in range(50):
        workers.add("words")
    workers.start(processes=1)
    workers.wait_for(lambda: len(workers.transcripts()) > 0)

    urgent = workers.add("urgent", priority=recordings.URGENT)
    workers.wait_for(lambda: urgent in workers.transcripts())

    assert len(workers.transcripts()) <= 1 + 3 * 8


@SQLITE
def test_told_to_end_the_workers_leave_at_once_and_leave_nothing_behind(workers: Workers) -> None:
    long = workers.add("steps 600", seconds=3600)
    workers.start(processes=1)
    workers.wait_for(lambda: len(workers.steps()) >= 2)
    ears = workers.processes()

    began = time.monotonic()
    workers.stop()

    assert time.monotonic() - began < 15
    assert not any(Path(f"/proc/{pid}").exists() for pid in ears)
    row = workers.rows()[long]
    assert (row.status, row.attempts, row.lease_token) == ("fetched", 0, None)
