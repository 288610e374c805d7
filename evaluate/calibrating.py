"""What a model's belief in a word is worth, and whether saying so holds for people nobody measured."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from evaluate.figures import Reliability, reliability
from evaluate.scores import Judged, corrected
from transcription.calibration import Calibration, fit
from transcription.calibration import Judged as Pair

FOLDS: Final = 10


@dataclass(frozen=True)
class Calibrated:
    """The curves, from all speakers; and how words fare without any and with the curves that all
    speakers but their own gave."""

    calibration: Calibration
    before: tuple[Reliability, ...]
    after: tuple[Reliability, ...]


def calibrate(model: str, words: Sequence[Judged]) -> Calibrated:
    """Curves for `model`. Raises ValueError where no language has words enough."""
    calibration = _fitted(model, words)
    if not calibration.curves:
        raise ValueError(f"{len(words)} words are too few to calibrate with: take more recordings")
    unseen = [word for fold in range(FOLDS) for word in _unseen(model, words, fold)]
    return Calibrated(calibration, reliability(words), reliability(unseen))


def _unseen(model: str, words: Sequence[Judged], fold: int) -> list[Judged]:
    """The words of every tenth speaker, corrected by what the others gave."""
    others = [word for word in words if _fold(word.speaker) != fold]
    return corrected([w for w in words if _fold(w.speaker) == fold], _fitted(model, others))


def _fitted(model: str, words: Sequence[Judged]) -> Calibration:
    judged: defaultdict[str, list[Pair]] = defaultdict(list)
    for word in words:
        judged[word.language].append((word.confidence, word.right))
    return fit(model, judged)


def _fold(speaker: str) -> int:
    """Always the same one. A recording of nobody known is a speaker of its own."""
    return int(hashlib.sha256(speaker.encode()).hexdigest(), 16) % FOLDS
