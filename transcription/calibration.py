"""What a model's belief in a word is worth: its probability -> how often such words are right.

Whisper's probabilities are no shares of anything: of the words it gives 0.6, far fewer or far more
than six in ten may be right. `python -m evaluate speech FOLDER --calibrate` compares what was heard
with what was said, fits a rising curve per language (isotonic regression by pool adjacent
violators; Zadrozny and Elkan 2002) and writes it beside the checkpoint. Without such a file a
probability passes as it is.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import numpy as np

VERSION: Final = 1
SUFFIX: Final = ".calibration.json"
# Fewer words than this say nothing of a language: it stays as it is.
LEAST_WORDS: Final = 200
BINS: Final = 20
REMEDY: Final = "remove it, or make it anew with `python -m evaluate speech FOLDER --calibrate`"

Curve = tuple[tuple[float, float], ...]
Judged = tuple[float, bool]


class CalibrationError(Exception):
    """A calibration file is broken or another model's. One line: what is wrong and what to do."""


@dataclass(frozen=True)
class Calibration:
    """One rising curve a language, as points (probability, share of such words that are right).

    `model`: the label of the model they were measured with, as it stands in transcripts.
    """

    model: str = ""
    curves: Mapping[str, Curve] = field(default_factory=dict)

    @classmethod
    def none(cls) -> Self:
        """No calibration: every probability is taken at its word."""
        return cls()

    @classmethod
    def read(cls, path: Path, model: str | None = None) -> Self:
        """The calibration in `path`; none where there is no such file.

        `model`: the label of the model in use, which must be the one it was measured with. Raises
        CalibrationError.
        """
        if not path.is_file():
            return cls.none()
        try:
            found = _parsed(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise CalibrationError(f"{path} cannot be used: {error}; {REMEDY}") from error
        if model is not None and found.model != model:
            raise CalibrationError(f"{path} was made for {found.model}, not for {model}; {REMEDY}")
        return cls(found.model, found.curves)

    def write(self, path: Path) -> None:
        """Keep it, a curve a line."""
        curves = {language: [list(point) for point in c] for language, c in self.curves.items()}
        head = {"version": VERSION, "model": self.model}
        lines = [f'    "{language}": {json.dumps(curve)}' for language, curve in curves.items()]
        body = ",\n".join(lines)
        start = json.dumps(head, indent=2).removesuffix("\n}")
        path.write_text(f'{start},\n  "curves": {{\n{body}\n  }}\n}}\n', encoding="utf-8")

    def confidence(self, language: str, probability: float) -> float:
        """How likely a word of `language` is right that the model gives `probability`; 0 to 1."""
        probability = min(max(probability, 0.0), 1.0)
        curve = self.curves.get(language)
        if not curve:
            return probability
        return float(np.interp(probability, [x for x, _ in curve], [y for _, y in curve]))


def beside(checkpoint: Path) -> Path:
    """Where the calibration of a checkpoint lies: that of `hotline.pt` is `hotline.calibration.json`,
    that of a folder of converted weights is in the folder."""
    if checkpoint.is_dir():
        return checkpoint / SUFFIX.lstrip(".")
    return checkpoint.with_name(checkpoint.name.removesuffix(".pt") + SUFFIX)


def fit(model: str, judged: Mapping[str, Sequence[Judged]]) -> Calibration:
    """The curves that follow from words with their probability and whether they were right.

    A language with fewer than LEAST_WORDS words gets none.
    """
    enough = {language: words for language, words in judged.items() if len(words) >= LEAST_WORDS}
    return Calibration(model, {language: _rising(words) for language, words in enough.items()})


def _rising(words: Sequence[Judged]) -> Curve:
    """The rising curve through bins of equally many words. Half a right and half a wrong word are
    added to each bin, so that no finite evidence becomes a certainty."""
    probability = np.array([x for x, _ in words])
    right = np.array([y for _, y in words], dtype=float)
    edges = np.unique(np.quantile(probability, np.linspace(0, 1, BINS + 1)))
    bins = np.searchsorted(edges[1:-1], probability, side="right")
    pools = [
        (float(right[bins == b].sum()) + 0.5, int((bins == b).sum()) + 1, probability[bins == b])
        for b in np.unique(bins)
    ]
    points = [(float(x.mean()), good / count) for good, count, x in _pooled(pools)]
    return tuple((round(x, 5), round(y, 5)) for x, y in points)


Pool = tuple[float, int, np.ndarray]


def _pooled(pools: Sequence[Pool]) -> list[Pool]:
    """Neighbours of which the first is better than the second become one, until none are."""
    done: list[Pool] = []
    for pool in pools:
        done.append(pool)
        while len(done) > 1 and done[-2][0] / done[-2][1] >= done[-1][0] / done[-1][1]:
            (good, count, x), (more, number, others) = done[-2:]
            done[-2:] = [(good + more, count + number, np.concatenate([x, others]))]
    return done


def _parsed(content: Any) -> Calibration:
    if content["version"] != VERSION:
        raise ValueError(f"version {content['version']!r} is not {VERSION}")
    curves = {str(name): _curve(points) for name, points in content["curves"].items()}
    return Calibration(str(content["model"]), curves)


def _curve(points: Any) -> Curve:
    curve = tuple((float(x), float(y)) for x, y in points)
    for axis in zip(*curve, strict=True):
        if list(axis) != sorted(axis) or not 0.0 <= axis[0] <= axis[-1] <= 1.0:
            raise ValueError("a curve must rise from 0 at least to 1 at most")
    return curve
