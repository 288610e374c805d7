"""Who is measured: plain `transcribe()` in a process, and our workers as an operator starts them.

Each is started anew for its turn, so that nobody's memory or threads are in anybody's way, and is
ready before its turn is timed.
"""

import json
import os
import re
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import IO, Final, Literal

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from bench import processes
from bench.speech_recordings import Recording
from cases import calls, case, recordings
from cases.clocks import Terms
from cases.recordings import Announcement
from cases.transcripts import Transcript
from demo.house import PROJECT, House, HouseError
from runtime import clock, database
from runtime.city import City
from runtime.database import transaction
from runtime.settings import CITIES
from runtime.storage import Storage

LOOK_SECONDS: Final = 0.02
PATIENCE_SECONDS: Final = 600.0
TERMS: Final = Terms.of_city(City.read(CITIES / "hongkong"))


@dataclass(frozen=True)
class Outcome:
    """One recording, heard: seconds from when it was handed in, and the text."""

    seconds: float
    text: str


@dataclass
class Contestant(ABC):
    """Somebody who hears recordings with a checkpoint. Use `start`, `hear` and `stop`, in turns."""

    name: str
    model: Path
    folder: Path

    @property
    @abstractmethod
    def pid(self) -> int:
        """Its process, which may have started others."""

    @abstractmethod
    def start(self) -> None:
        """Be ready to hear. Raises HouseError."""

    @abstractmethod
    def hear(self, waiting: Sequence[Recording]) -> list[Outcome]:
        """Hear recordings that are handed in at the same moment. Raises HouseError."""

    @abstractmethod
    def stop(self) -> None:
        """End its processes."""

    def cpu_seconds(self) -> float:
        """What its processes computed so far."""
        return processes.cpu_seconds(self.pid)

    def peak_bytes(self) -> int:
        """The most memory its processes had resident, together."""
        return processes.peak_bytes(self.pid)


@dataclass
class Plain(Contestant):
    """openai-whisper's `transcribe()`, one recording after the other."""

    _process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int:
        return self._running.pid

    @property
    def _running(self) -> subprocess.Popen[str]:
        assert self._process is not None, "not started"
        return self._process

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.speech_plain", str(self.model)],
            cwd=PROJECT,
            env={name: it for name, it in os.environ.items() if name != "OMP_NUM_THREADS"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._answer()

    def hear(self, waiting: Sequence[Recording]) -> list[Outcome]:
        files = [self._file(number, it) for number, it in enumerate(waiting)]
        began = time.perf_counter()
        print(json.dumps(files), file=_open(self._running.stdin), flush=True)
        texts = (self._answer()["text"] for _ in waiting)
        return [Outcome(time.perf_counter() - began, text) for text in texts]

    def stop(self) -> None:
        with self._running as process:
            process.terminate()

    def _file(self, number: int, recording: Recording) -> str:
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / f"{number}.wav"
        file.write_bytes(recording.data)
        return str(file)

    def _answer(self) -> dict[str, str]:
        line = _open(self._running.stdout).readline()
        if not line:
            raise HouseError(f"{self.name} ended by itself")
        answer: dict[str, str] = json.loads(line)
        return answer


@dataclass
class Workers(Contestant):
    """Our workers on a database of their own, from the row of a recording to its transcript."""

    engine: Literal["openai-whisper", "faster-whisper"] = "openai-whisper"
    windows: Literal["full", "cut"] = "full"
    speech_processes: int = 1
    threads: int = 1
    _handed_in: int = field(default=0, init=False)

    @property
    def pid(self) -> int:
        return self._house.processes["worker"].pid

    @cached_property
    def _house(self) -> House:
        return House(
            self.folder,
            {
                "DATABASE_URL": f"sqlite:///{self.folder}/db",
                "RECORDINGS_URL": f"file://{self.folder}/recordings",
                "WHISPER_ENGINE": self.engine,
                "WHISPER_MODEL": str(self.model),
                "WHISPER_WINDOWS": self.windows,
                "SPEECH_PROCESSES": str(self.speech_processes),
                "OMP_NUM_THREADS": str(self.threads),
            },
        )

    @cached_property
    def _database(self) -> Engine:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._house.migrate()
        return database.engine(f"sqlite:///{self.folder}/db")

    @cached_property
    def _storage(self) -> Storage:
        return Storage(f"file://{self.folder}/recordings")

    def start(self) -> None:
        assert self._database is not None
        self._house.forget_logs()
        self._house.start_worker()
        self._wait(lambda: self._ready() == self.speech_processes)

    def hear(self, waiting: Sequence[Recording]) -> list[Outcome]:
        with transaction(self._database) as session:
            ids = [self._hand_in(session, recording) for recording in waiting]
        began = time.perf_counter()
        after: dict[int, float] = {}

        def look() -> bool:
            after.update(
                (it, time.perf_counter() - began) for it in self._settled(ids) if it not in after
            )
            return len(after) == len(ids)

        self._wait(look)
        texts = self._texts(ids)
        return [Outcome(after[it], texts.get(it, "")) for it in ids]

    def stop(self) -> None:
        self._house.stop()

    def _ready(self) -> int:
        """How many speech processes have said in the log that they can begin."""
        said = self._house.log("worker").read_text(errors="replace")
        return len(re.findall(r"transcribe\S* is ready", said))

    def _wait(self, wish: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not wish():
            self._house.check()
            if time.monotonic() > deadline:
                raise HouseError(f"{self.name} takes too long; see {self._house.log('worker')}")
            time.sleep(LOOK_SECONDS)

    def _hand_in(self, session: Session, recording: Recording) -> int:
        """A call that is over: its case is open, its recording lies in storage."""
        self._handed_in += 1
        name, now = f"{self._handed_in:06d}", clock.now()
        self._storage.write(name, recording.data)
        call = calls.begin(session, name, provider="twilio", caller=None, called="1823", now=now)
        case.open_for(session, call, TERMS, now, ["transcript_pending"])
        told = Announcement("completed", provider_id=name, seconds=recording.seconds)
        row = recordings.announce(session, call, told, now)
        claim = recordings.claim(session, row, "fetch", now, timedelta(minutes=1))
        assert claim is not None, "nobody else knows of it yet"
        recordings.fetched(session, claim, name, now)
        return row

    def _settled(self, ids: Sequence[int]) -> Iterator[int]:
        row = recordings.Recording
        with transaction(self._database) as session:
            yield from session.scalars(
                select(row.id).where(row.id.in_(ids), row.status.in_(recordings.FINAL))
            )

    def _texts(self, ids: Sequence[int]) -> dict[int, str]:
        with transaction(self._database) as session:
            rows = select(Transcript).where(Transcript.recording_id.in_(ids))
            return {it.recording_id: it.text for it in session.scalars(rows)}


def _open(stream: IO[str] | None) -> IO[str]:
    assert stream is not None, "a pipe was asked for"
    return stream
