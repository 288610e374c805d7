"""Errors of recognition: counted, summed over a set, with how far chance may have moved them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from rapidfuzz.distance import Levenshtein

RESAMPLES: Final = 1000
SEED: Final = 1
LEAST_SPEAKERS: Final = 5
Units = Sequence[str]


class Edits(NamedTuple):
    """Wrong, missing and invented units, and how many there should be."""

    substituted: int = 0
    deleted: int = 0
    inserted: int = 0
    wanted: int = 0

    @property
    def errors(self) -> int:
        return self.substituted + self.deleted + self.inserted

    @property
    def rate(self) -> float:
        """Errors per unit that should be there, in percent; 0 where nothing should be."""
        return 100 * self.errors / self.wanted if self.wanted else 0.0


class Span(NamedTuple):
    """What became of a stretch of the reference: `equal`, `replace`, `delete` or `insert`."""

    kind: str
    wanted: Units
    heard: Units


def edits(wanted: Units, heard: Units) -> Edits:
    """The fewest edits that make what was heard of what was said."""
    kinds = [operation.tag for operation in Levenshtein.editops(wanted, heard)]
    return Edits(kinds.count("replace"), kinds.count("delete"), kinds.count("insert"), len(wanted))


def spans(wanted: Units, heard: Units) -> list[Span]:
    """The same, stretch by stretch, for showing."""
    return [
        Span(
            code.tag, wanted[code.src_start : code.src_end], heard[code.dest_start : code.dest_end]
        )
        for code in Levenshtein.opcodes(wanted, heard)
    ]


def total(several: Iterable[Edits]) -> Edits:
    """Sums, so that long recordings count for more than short ones."""
    return Edits(*(sum(column) for column in zip(Edits(), *several, strict=True)))


@dataclass(frozen=True)
class Interval:
    """Where the rate lies in 95 of 100 such sets; in percent. `by`: speaker or file."""

    low: float
    high: float
    by: str


def interval(clips: Sequence[tuple[str, Edits]]) -> Interval:
    """Bootstrap over speakers, or over files where fewer than LEAST_SPEAKERS are known.

    `clips`: the speaker and the edits of each. Source: Bisani and Ney 2004, ICASSP.
    """
    groups, by = _groups([speaker for speaker, _ in clips])
    table = np.array([[edited.errors, edited.wanted] for _, edited in clips], dtype=float)
    drawn = _drawn(_summed(table, groups))
    rates = 100 * drawn[:, 0] / np.maximum(drawn[:, 1], 1)
    low, high = np.percentile(rates, [2.5, 97.5])
    return Interval(round(float(low), 2), round(float(high), 2), by)


@dataclass(frozen=True)
class Difference:
    """The second rate less the first, in points of percent: `points`, and where it lies in 95 of
    100 such sets. `p`: how often chance alone makes as much of a difference."""

    points: float
    low: float
    high: float
    p: float


def difference(pairs: Sequence[tuple[str, Edits, Edits]]) -> Difference:
    """Of two readings of the same recordings, each with its speaker; bootstrap of the pairs."""
    groups, _ = _groups([speaker for speaker, _, _ in pairs])
    rows = [[one.errors, other.errors, one.wanted] for _, one, other in pairs]
    summed = _summed(np.array(rows, dtype=float), groups)
    drawn = _drawn(summed)
    points = 100 * (drawn[:, 1] - drawn[:, 0]) / np.maximum(drawn[:, 2], 1)
    whole = summed.sum(axis=0)
    low, high = np.percentile(points, [2.5, 97.5])
    p = min(1.0, 2 * min(float(np.mean(points <= 0)), float(np.mean(points >= 0))))
    exact = 100 * (whole[1] - whole[0]) / max(whole[2], 1)
    return Difference(
        round(float(exact), 2), round(float(low), 2), round(float(high), 2), round(p, 3)
    )


def right(wanted: Units, heard: Units) -> list[bool]:
    """Of each unit that was heard: was it said?"""
    found = [False] * len(heard)
    for code in Levenshtein.opcodes(wanted, heard):
        if code.tag == "equal":
            found[code.dest_start : code.dest_end] = [True] * (code.dest_end - code.dest_start)
    return found


def _groups(speakers: Sequence[str]) -> tuple[list[int], str]:
    """To which group each clip belongs, and whether groups are speakers or files."""
    known = sorted(set(speakers))
    if all(known) and len(known) >= LEAST_SPEAKERS:
        return [known.index(speaker) for speaker in speakers], "speaker"
    return list(range(len(speakers))), "file"


def _summed(table: np.ndarray, groups: Sequence[int]) -> np.ndarray:
    summed = np.zeros((max(groups) + 1, table.shape[1]))
    np.add.at(summed, list(groups), table)
    return summed


def _drawn(summed: np.ndarray) -> np.ndarray:
    """Sums over as many groups as there are, drawn with replacement, RESAMPLES times."""
    random = np.random.default_rng(SEED)
    count = len(summed)
    return np.array([summed[random.integers(0, count, count)].sum(0) for _ in range(RESAMPLES)])
