"""How many hours of calls one hour of this machine transcribes, with a model of a given cost.

    python -m bench.hours                                    # turbo's dimensions, on the GPU there is
    python -m bench.hours --checkpoint large-v3.pt
    python -m bench.hours --dims tiny --processes 1,2 --calls 8      # a small machine without a GPU

First one process and its engine alone, clip after clip and in batches up to what the engine found to
fit into memory; then one and more processes with everything a worker does to a recording: unpacking,
finding the speech, language, words, doubts, text.
"""

import multiprocessing
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier
from typing import Final

import click
import torch
from rich.console import Console
from rich.table import Table

from bench import checkpoint, figures
from bench.speech_recordings import Recording, messages
from runtime.city import City
from runtime.settings import Settings
from transcription import audio
from transcription.engines.interface import Clip, Engine, Hypothesis
from transcription.recogniser import Recogniser, Request, open_recogniser

CLIP_SECONDS: Final = 10.0


@dataclass(frozen=True)
class Row:
    """One way of hearing: seconds of sound, and of the clock; `memory`: of the GPU, bytes."""

    name: str
    sound: float
    seconds: float
    memory: int = 0

    @property
    def hours(self) -> float:
        """Hours of calls in an hour."""
        return self.sound / self.seconds


@click.command()
@click.option(
    "--dims", type=click.Choice(list(checkpoint.SIZES)), default="turbo", show_default=True
)
@click.option(
    "--checkpoint", "file", type=click.Path(path_type=Path, exists=True), help="a real one"
)
@click.option("--engine", default="openai-whisper", show_default=True, help="as WHISPER_ENGINE")
@click.option("--windows", default="full", show_default=True, help="as WHISPER_WINDOWS")
@click.option("--processes", default="1,2", show_default=True, help="numbers of processes to try")
@click.option("--calls", default=64, show_default=True, help="messages of 5 to 20 s, a process")
def main(
    dims: str, file: Path | None, engine: str, windows: str, processes: str, calls: int
) -> None:
    """Measure hours of calls an hour."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        if file is None:
            file = Path(folder, f"{dims}.pt")
            checkpoint.write(dims, file)
        settings = Settings(
            whisper_model=str(file),
            whisper_engine=engine,  # type: ignore[arg-type]
            whisper_windows=windows,  # type: ignore[arg-type]
            state_dir=Path(folder),
        )
        hands = [int(number) for number in processes.split(",")]
        rows = [*_alone(settings, calls), *(_together(settings, calls, it) for it in hands)]
    Console(width=100).print(_table(rows))
    best = max(rows[-len(hands) :], key=lambda row: row.hours)
    click.echo(
        f"{device()}: {best.hours:.3g} hours of calls an hour with {file.name}, {engine}, "
        f"{windows} windows, {best.name}"
    )


def device() -> str:
    """The GPU by its name, or what computes in its place."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"no GPU, {figures.machine()}"


def _alone(settings: Settings, calls: int) -> Iterator[Row]:
    """The engine by itself, in batches of 1, 2, 4 ... as many clips as it likes."""
    engine = _open(settings).engine
    sound = audio.read(messages(1)[0].data).samples
    clip = Clip(sound[: int(CLIP_SECONDS * audio.SAMPLE_RATE)])
    size = 1
    while size <= min(engine.batch, calls):
        yield _batches(engine, [clip] * size)
        size *= 2


def _batches(engine: Engine, clips: list[Clip]) -> Row:
    """One batch to warm up, one to be timed."""
    _heard(engine, clips)
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    began = time.perf_counter()
    _heard(engine, clips)
    seconds = time.perf_counter() - began
    sound = sum(len(clip.samples) for clip in clips) / audio.SAMPLE_RATE
    memory = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
    return Row(f"engine alone, {len(clips)} at a time", sound, seconds, memory)


def _heard(engine: Engine, clips: list[Clip]) -> None:
    failed = [it for it in engine.hear(clips) if not isinstance(it, Hypothesis)]
    if failed:
        sys.exit(f"the engine failed: {failed[0]}")


def _together(settings: Settings, calls: int, processes: int) -> Row:
    """So many processes, each with as many calls waiting."""
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, ProcessPoolExecutor(processes, context) as pool:
        start = manager.Barrier(processes)
        told = [pool.submit(_worker, settings, calls, start) for _ in range(processes)]
        seconds = max(it.result() for it in told)
    sound = processes * sum(it.seconds for it in messages(calls))
    hands = f"{processes} process" + ("es" if processes > 1 else "")
    return Row(f"the whole of it, {hands}", sound, seconds)


def _worker(settings: Settings, calls: int, start: Barrier) -> float:
    """Seconds for so many calls, begun when all processes are ready."""
    try:
        recogniser = _open(settings)
        _hear(recogniser, messages(2))
    except BaseException:
        start.abort()
        raise
    start.wait()
    began = time.perf_counter()
    _hear(recogniser, messages(calls))
    return time.perf_counter() - began


def _hear(recogniser: Recogniser, recordings: list[Recording]) -> None:
    requests = [Request(it.data, seconds=it.seconds) for it in recordings]
    for outcome in recogniser.hear_all(requests):
        if isinstance(outcome, Exception):
            raise outcome


def _open(settings: Settings) -> Recogniser:
    return open_recogniser(settings, City.read(settings.city_folder), click.echo)


def _table(rows: list[Row]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), title=f"hours of calls an hour; {device()}")
    table.add_column("heard by", no_wrap=True)
    for name in ("hours an hour", "ms for 10 s", "GPU GB"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        memory = f"{row.memory / 1e9:.1f}" if row.memory else "-"
        table.add_row(row.name, f"{row.hours:.3g}", f"{1e4 / row.hours:.0f}", memory)
    return table


if __name__ == "__main__":
    main()
