"""`python -m bench.memory`: does a speech worker's memory grow with what it has heard?

The whole job on a real database and real storage, a thousand recordings with the demonstration's
model: claimed, read, heard, written down.
"""

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from statistics import linear_regression
from typing import Final
from zoneinfo import ZoneInfo

import click
import torch
from sqlalchemy import Engine

from cases import calls, case, recordings
from cases.case import Terms
from cases.record import Record
from cases.recordings import Announcement
from demo.house import MODEL
from runtime import clock, database
from runtime.city import City
from runtime.database import transaction
from runtime.settings import CITIES, Settings
from runtime.storage import Storage
from transcription.jobs import Ear, Standby, transcribe
from transcription.recogniser import open_recogniser

CALLS: Final = MODEL.parent.parent / "calls"
MINUTE: Final = timedelta(minutes=1)
TERMS: Final = Terms(ZoneInfo("Asia/Hong_Kong"), 10)
AT_A_TIME: Final = 50

Look = Callable[[int, float], object]


@dataclass(frozen=True)
class Growth:
    """Megabytes of resident memory after so many recordings, from first to last."""

    heard: tuple[int, ...]
    megabytes: tuple[float, ...]

    @property
    def kilobytes_each(self) -> float:
        """What one more recording adds, by the second half: until then buffers find their size."""
        half = len(self.heard) // 2
        return 1000 * linear_regression(self.heard[half:], self.megabytes[half:]).slope


def measure(total: int, folder: Path, tell: Look, at_a_time: int = AT_A_TIME) -> Growth:
    """Hear `total` recordings in this process and look at its memory after every few."""
    ear = _ear(folder)
    sounds = sorted(CALLS.glob("*.wav"))
    for sound in sounds:
        ear.storage.write(sound.name, sound.read_bytes())
    heard, megabytes = [], []
    for number in count(1):
        _add(ear.database, [sound.name for sound in sounds], number, at_a_time)
        while transcribe(ear):
            pass
        heard.append(number * at_a_time)
        megabytes.append(resident())
        tell(heard[-1], megabytes[-1])
        if heard[-1] >= total:
            return Growth(tuple(heard), tuple(megabytes))
    raise AssertionError("numbers never end")


def resident() -> float:
    """Megabytes of memory that this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _ear(folder: Path) -> Ear:
    settings = Settings(whisper_model=str(MODEL), state_dir=folder)
    engine = database.engine(f"sqlite:///{folder}/whistle.sqlite3")
    Record.metadata.create_all(engine)
    city = City.read(CITIES / "hongkong")
    recogniser = open_recogniser(settings, city, lambda _: None)
    return Ear(engine, Storage(f"file://{folder}"), Standby(lambda: recogniser), ())


def _add(engine: Engine, keys: list[str], batch: int, many: int) -> None:
    now = clock.now()
    with transaction(engine) as session:
        for number in range(many):
            call = calls.begin(
                session, f"{batch}-{number}", provider="none", caller=None, called="", now=now
            )
            case.open_for(session, call, TERMS, now)
            told = Announcement("completed", "RE", seconds=8.0)
            recording = recordings.announce(session, call, told, now)
            claim = recordings.claim(session, recording, "fetch", now, MINUTE)
            assert claim is not None
            recordings.fetched(session, claim, keys[number % len(keys)], now)


@click.command()
@click.option("--recordings", "total", default=1000, show_default=True)
def main(total: int) -> None:
    """Hear many recordings in one process and print what that does to its memory."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="memory-") as folder:
        growth = measure(
            total,
            Path(folder),
            lambda heard, megabytes: click.echo(f"{heard:6} recordings {megabytes:8.1f} MB"),
        )
    click.echo(f"each recording of the second half adds {growth.kilobytes_each:+.1f} kB")


if __name__ == "__main__":
    main()
