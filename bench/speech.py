"""`make bench-speech`: how fast our workers hear, as a ratio of plain `whisper.transcribe()`.

All in one run, on the same recordings, with text of the same length (see `bench.checkpoint`).
"""

import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from bench import checkpoint, processes, speech_report
from bench.speech_contestants import Contestant, Plain, Workers
from bench.speech_recordings import Recording, calls, messages
from bench.speech_report import Report, Row, Turn
from demo.accuracy import character_error_rate
from demo.house import MODEL

# Made of a name, a checkpoint and a folder of its own.
Maker = Callable[[str, Path, Path], Contestant]
OPENAI: Final = partial(Workers, engine="openai-whisper")
FAST: Final = partial(Workers, engine="faster-whisper")
CONVERT: Final = (sys.executable, "-m", "transcription", "convert", "--to", "faster-whisper")
ORDER: Final = 1
MESSAGES: Final = 16
WIDTH: Final = 120  # of the table, wherever it is printed


@click.command()
@click.option(
    "--dims", type=click.Choice(list(checkpoint.SIZES)), default="base", show_default=True
)
@click.option(
    "--checkpoint", "file", type=click.Path(path_type=Path, exists=True), help="a real one"
)
@click.option("--rounds", default=2, show_default=True, help="rounds, each in an order of its own")
@click.option("--waiting", default="1,4,16", show_default=True, help="calls waiting at a time")
@click.option("--only", default="", help="contestants whose names hold one of these: cut,fast")
@click.option("--markdown", type=click.Path(path_type=Path), help="also write the tables here")
def main(
    dims: str, file: Path | None, rounds: int, waiting: str, only: str, markdown: Path | None
) -> None:
    """Measure plain transcribe() and our workers side by side."""
    makers = {name: maker for name, maker in _makers().items() if _wanted(name, only)}
    queues = {int(number): _queue(int(number)) for number in waiting.split(",")}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        model = file or _scripted(dims, Path(folder, f"{dims}.pt"))
        rows = [Row(it) for it in _contestants(makers, model, Path(folder, "speed"))]
        _measure(rows, queues, rounds)
        errors = _errors(_contestants(makers, MODEL, Path(folder, "text")))
    text = None if file else checkpoint.text()
    report = Report(file.name if file else dims, rows, queues, errors, text)
    Console(width=WIDTH).print(speech_report.table(report))
    print("\n".join(speech_report.verdicts(report)))
    if markdown:
        markdown.write_text(speech_report.markdown(report), encoding="utf-8")
    sys.exit(not speech_report.equal_texts(report))


def _makers() -> dict[str, Maker]:
    """Who takes part, in the order of the table; the fast engine only where it is installed."""
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    many = {"speech_processes": cores}
    one = {"threads": cores}
    makers: dict[str, Maker] = {
        speech_report.PLAIN: Plain,
        "openai, full": partial(OPENAI, **many),
        "openai, full, 1 process": partial(OPENAI, **one),
        "openai, cut": partial(OPENAI, windows="cut", **many),
    }
    if find_spec("ctranslate2"):
        makers |= {
            "fast, full": partial(FAST, **many),
            "fast, full, 1 process": partial(FAST, **one),
            "fast, cut": partial(FAST, windows="cut", **many),
        }
    return makers


def _wanted(name: str, only: str) -> bool:
    return name == speech_report.PLAIN or any(part in name for part in only.split(","))


def _queue(waiting: int) -> list[Recording]:
    """So many messages that wait at the same time, of all lengths, in no order of length."""
    length = max(MESSAGES, waiting)
    picked = messages(length)[length // waiting // 2 :: length // waiting][:waiting]
    return random.Random(ORDER).sample(picked, waiting)


def _scripted(dims: str, file: Path) -> Path:
    checkpoint.write(dims, file)
    return file


def _contestants(makers: dict[str, Maker], model: Path, folder: Path) -> list[Contestant]:
    folder.mkdir()
    converted = folder / "converted"
    if any(name.startswith("fast") for name in makers):
        subprocess.run([*CONVERT, str(model), str(converted)], check=True, capture_output=True)
    return [
        make(name, converted if name.startswith("fast") else model, folder / str(number))
        for number, (name, make) in enumerate(makers.items())
    ]


def _measure(rows: Sequence[Row], queues: dict[int, list[Recording]], rounds: int) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, transient=True) as progress:
        task = progress.add_task("", total=len(rows) * rounds)
        for number in range(1, rounds + 1):
            for row in random.sample(rows, len(rows)):
                progress.update(task, description=f"round {number}: {row.name}")
                row.turns.append(_turn(row.contestant, queues))
                progress.advance(task)


def _turn(contestant: Contestant, queues: dict[int, list[Recording]]) -> Turn:
    with _ready(contestant):
        outcomes = {}
        for waiting in sorted(queues):
            before, all_before = contestant.cpu_seconds(), processes.busy_seconds()
            outcomes[waiting] = contestant.hear(queues[waiting])
        used = contestant.cpu_seconds() - before
        others = processes.busy_seconds() - all_before - used
        return Turn(outcomes, used, contestant.peak_bytes(), others)


@contextmanager
def _ready(contestant: Contestant) -> Iterator[None]:
    """The contestant, started and warm."""
    try:
        contestant.start()
        contestant.hear(messages(2))
        yield
    finally:
        contestant.stop()


def _errors(contestants: Sequence[Contestant]) -> dict[str, float]:
    """Each one's character error rate with the demonstration's model on the demonstration's calls."""
    said = calls()
    rates = {}
    for contestant in contestants:
        with _ready(contestant):
            heard = [it.text for it in contestant.hear(said)]
        rates[contestant.name] = character_error_rate(
            "".join(it.says for it in said), "".join(heard)
        )
    return rates


if __name__ == "__main__":
    main()
