"""`python -m bench.memory`: does a speech worker's memory grow with what it has heard?

The whole job on a real database and real storage, a thousand recordings with the demonstration's
model: claimed, read, heard, written down.
"""

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import linear_regression
from typing import Final

import click

from bench.desk import Desk
from demo.house import MODEL
from transcription.jobs import transcribe

CALLS: Final = MODEL.parent.parent / "calls"
AT_A_TIME: Final = 50
USUAL_SECONDS: Final = 10.0


@dataclass(frozen=True)
class Growth:
    """Megabytes of resident memory after so many recordings, from first to last."""

    heard: tuple[int, ...]
    megabytes: tuple[float, ...]

    @property
    def kilobytes_each(self) -> float:
        """What one more recording adds, by the second half: until then buffers find their size."""
        half = len(self.heard) // 2
        return 1000 * float(linear_regression(self.heard[half:], self.megabytes[half:]).slope)


def measure(
    total: int, folder: Path, tell: Callable[[int, float], object], at_a_time: int = AT_A_TIME
) -> Growth:
    """Hear `total` recordings in this process and look at its memory after every few."""
    desk = Desk(folder)
    sounds = sorted(CALLS.glob("*.wav"))
    for sound in sounds:
        desk.ear.storage.write(sound.name, sound.read_bytes())
    heard = tuple(range(at_a_time, total + 1, at_a_time))
    megabytes = []
    for number in heard:
        for call in range(at_a_time):
            desk.add(sounds[call % len(sounds)].name, USUAL_SECONDS)
        while transcribe(desk.ear):
            pass
        megabytes.append(_resident())
        tell(number, megabytes[-1])
    return Growth(heard, tuple(megabytes))


def _resident() -> float:
    """Megabytes of memory that this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@click.command()
@click.option("--recordings", "total", default=1000, show_default=True)
def main(total: int) -> None:
    """Hear many recordings in one process and print what that does to its memory."""
    with tempfile.TemporaryDirectory(prefix="memory-") as folder:
        growth = measure(
            total,
            Path(folder),
            lambda heard, megabytes: click.echo(f"{heard:6} recordings {megabytes:8.1f} MB"),
        )
    click.echo(f"each recording of the second half adds {growth.kilobytes_each:+.1f} kB")


if __name__ == "__main__":
    main()
