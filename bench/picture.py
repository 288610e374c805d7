"""What understanding and early warning cost, and how it grows: a year of daily series judged at once, and a
place looked for among ten times as many names."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Final

import numpy as np
from rich.table import Table

from bench import city
from bench.year import timed
from cases import places, surges
from cases.gazetteer import Gazetteer
from cases.places import Place, Places
from cases.surges import Series

CELLS: Final = (1_000, 10_000)
NAMES: Final = (10_000, 100_000)
DAYS: Final = 365
# A year of a thousand cells, by one method: what is promised.
MOST_SECONDS: Final = 1.0
LOOK_UPS: Final = 200


@dataclass(frozen=True)
class Line:
    """Seconds for the smaller and for the tenfold of something."""

    what: str
    of: tuple[int, int]
    seconds: tuple[float, float]

    @property
    def growth(self) -> float:
        return self.seconds[1] / self.seconds[0]

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {"what": self.what, "of": self.of, "seconds": self.seconds, "growth": self.growth}


def measure(tell: Callable[[str], None]) -> list[Line]:
    """Every figure."""
    return [*_detection(tell), *_look_up(tell)]


def too_slow(lines: Sequence[Line]) -> bool:
    """Whether a year of a thousand cells took longer than is promised."""
    return any(line.of == CELLS and line.seconds[0] > MOST_SECONDS for line in lines)


def _detection(tell: Callable[[str], None]) -> Iterator[Line]:
    series = [_series(cells) for cells in CELLS]
    for method in ("C1", "C2", "C3"):
        tell(f"EARS {method}")
        judged = [partial(surges.alarmed, one, _works, least=5, method=method) for one in series]
        few, many = (timed(method, judge).median for judge in judged)
        yield Line(f"a year of daily series, EARS {method}", CELLS, (few, many))


def _series(cells: int) -> Series:
    rng = np.random.default_rng(1)
    counts = rng.poisson(rng.gamma(0.6, 100, (cells, 1)), (cells, DAYS)).astype(float)
    return Series([(f"c{n}", "") for n in range(cells)], date(2025, 1, 1), counts)


def _works(day: date) -> bool:
    return day.weekday() < 5


def _look_up(tell: Callable[[str], None]) -> Iterator[Line]:
    tell("gazetteers")
    rng = random.Random(1)
    real = places.read(city.CITY.folder).places
    named = [place for place in real if len(place.name("yue")) > 2][:LOOK_UPS]
    said = [f"你好呀我想講{place.name('yue')}嗰度有好多垃圾冇人執" for place in named]
    made = [_made(rng, real, count) for count in NAMES]
    built = [timed("load", partial(_load, one), rounds=1).median for one in made]
    yield Line("a gazetteer of so many names loaded", NAMES, (built[0], built[1]))
    gazetteers = [_load(one) for one in made]
    few, many = (timed("look", partial(_all, one, said)).median / len(said) for one in gazetteers)
    yield Line("a place looked for in a sentence", NAMES, (few, many))


def _made(rng: random.Random, real: Sequence[Place], count: int) -> list[Place]:
    """The city's own places, and streets of made-up names to as many as are wanted."""
    chars = sorted({char for place in real for char in place.name("yue") if not char.isascii()})
    names = {"".join(rng.choices(chars, k=rng.randint(3, 6))) for _ in range(count - len(real))}
    return [*real, *(Place("street", _alike(name), "", None, None) for name in sorted(names))]


def _alike(name: str) -> dict[str, tuple[str, ...]]:
    return {"yue": (name,), "cmn": (name,), "en": (name,)}


def _load(made: Sequence[Place]) -> Gazetteer:
    return Gazetteer.of(Places.of(made), "yue")


def _all(gazetteer: Gazetteer, said: Sequence[str]) -> None:
    for text in said:
        gazetteer.look_up(text)


def table(lines: Sequence[Line]) -> Table:
    """The figures as a table, in milliseconds."""
    shown = Table(box=None, padding=(0, 2, 0, 0), title="Understanding and early warning: ms")
    shown.add_column("what")
    for heading in ("of", "ms", "of", "ms", "growth"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for line in lines:
        cells = [f"{line.of[0]:,}", f"{1000 * line.seconds[0]:,.1f}"]
        cells += [f"{line.of[1]:,}", f"{1000 * line.seconds[1]:,.1f}", f"{line.growth:.1f}"]
        shown.add_row(line.what, *cells)
    return shown
