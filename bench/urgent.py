"""`python -m bench.urgent`: how long an urgent recording waits for a worker that is busy.

One process with the demonstration's model, the whole job: behind an hour's recording at several
moments of it, and behind fifty that wait.
"""

import io
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import click
import numpy as np
import soundfile  # type: ignore[import-untyped]

from bench.desk import Desk
from bench.speech_recordings import messages
from cases import recordings
from transcription.jobs import transcribe

RATE: Final = 8000
MESSAGE: Final = 12.0  # seconds of the urgent one
LOOK_SECONDS: Final = 0.02


def waits(desk: Desk, moments: list[float]) -> list[float]:
    """Seconds from an urgent recording's arrival to its transcript, for each of the moments: so
    many seconds after the worker began with what waits."""
    return [_wait(desk, moment) for moment in moments]


def _wait(desk: Desk, pause: float) -> float:
    time.sleep(pause)
    began = time.monotonic()
    recording = desk.add("urgent", MESSAGE, recordings.ON_THE_LINE)
    while not desk.is_over(recording):
        time.sleep(LOOK_SECONDS)
    return time.monotonic() - began


@contextmanager
def _at_work(desk: Desk) -> Iterator[None]:
    """A worker works off what waits, until the block ends."""
    ended = threading.Event()
    ear = replace(desk.ear, stopping=ended.is_set)

    def work() -> None:
        while not ended.is_set():
            if not transcribe(ear):
                time.sleep(LOOK_SECONDS)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _tape(minutes: float) -> bytes:
    spoken = [soundfile.read(io.BytesIO(it.data), dtype="float32")[0] for it in messages(16)]
    whole = np.resize(np.concatenate(spoken), round(minutes * 60 * RATE))
    file = io.BytesIO()
    soundfile.write(file, whole, RATE, format="WAV", subtype="ULAW")
    return file.getvalue()


@click.command()
@click.option("--minutes", default=60.0, show_default=True, help="the long recording's")
@click.option("--waiting", default=50, show_default=True, help="recordings that wait")
def main(minutes: float, waiting: int) -> None:
    """Say how long an urgent recording of 12 s waits for its transcript."""
    with tempfile.TemporaryDirectory(prefix="urgent-") as folder:
        desk = Desk(Path(folder))
        sounds = messages(5)
        desk.ear.storage.write("urgent", sounds[2].data)
        desk.ear.storage.write("long", _tape(minutes))
        with _at_work(desk):
            (alone,) = waits(desk, [0.0])
        desk.add("long", minutes * 60)
        with _at_work(desk):
            behind_long = waits(desk, [0.5, 0.5, 2.0, 2.0])
    with tempfile.TemporaryDirectory(prefix="urgent-") as folder:
        many = Desk(Path(folder))
        many.ear.storage.write("urgent", sounds[2].data)
        for number, sound in enumerate(sounds):
            many.ear.storage.write(str(number), sound.data)
        for number in range(waiting):
            many.add(str(number % len(sounds)), sounds[number % len(sounds)].seconds)
        with _at_work(many):
            behind_many = waits(many, [0.5, 0.5, 1.0])
    for name, seconds in {
        "an idle worker": [alone],
        f"one that hears {minutes:g} minutes": behind_long,
        f"one for which {waiting} wait": behind_many,
    }.items():
        click.echo(f"{name}: {', '.join(f'{it:.1f}' for it in seconds)} s")


if __name__ == "__main__":
    main()
