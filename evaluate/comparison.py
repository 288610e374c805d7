"""Two runs over the same recordings, side by side: is one better, or was it luck?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from evaluate.errors import Difference, difference, total
from evaluate.figures import MEASURES, UNITS, Report, belongs
from evaluate.scores import Clip

Pair = tuple[Clip, Clip]


@dataclass(frozen=True)
class Change:
    """The rates of both runs in one language under one condition, in percent, and how they differ."""

    condition: str
    language: str
    measure: str
    clips: int
    first: float
    second: float
    difference: Difference


def compare(first: Report, second: Report) -> list[Change]:
    """What both runs heard, by condition and language. Raises ValueError where that is nothing."""
    if first.normalisation != second.normalisation:
        raise ValueError("the two were normalised by different rules: run both again")
    others = {_key(clip): clip for clip in second.clips}
    pairs = [(clip, others[_key(clip)]) for clip in first.clips if _key(clip) in others]
    changes = list(_changes([pair for pair in pairs if pair[0].wanted]))
    if not changes:
        raise ValueError("the two have no recording with the same name, text and condition")
    return changes


def _key(clip: Clip) -> tuple[str, str, str]:
    return clip.name, clip.condition, clip.wanted


def _changes(pairs: Sequence[Pair]) -> Iterator[Change]:
    for condition in dict.fromkeys(one.condition for one, _ in pairs):
        for language, measure in MEASURES:
            part = [
                pair
                for pair in pairs
                if pair[0].condition == condition and belongs(pair[0], language)
            ]
            if part:
                yield _change(condition, language, measure, part)


def _change(condition: str, language: str, measure: str, pairs: Sequence[Pair]) -> Change:
    unit = UNITS[measure]
    counted = [(one.speaker, one.edits[unit], other.edits[unit]) for one, other in pairs]
    return Change(
        condition=condition,
        language=language,
        measure=measure,
        clips=len(pairs),
        first=round(total(edited for _, edited, _ in counted).rate, 2),
        second=round(total(edited for _, _, edited in counted).rate, 2),
        difference=difference(counted),
    )
