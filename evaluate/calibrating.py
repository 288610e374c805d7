"""What a model's belief in a word is worth, measured on one half of the speakers, told by the other."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from evaluate.figures import Reliability, reliability
from evaluate.scores import Judged, corrected
from transcription.calibration import Calibration, fit


@dataclass(frozen=True)
class Calibrated:
    """The curves, and how the other half of the speakers fares without and with them."""

    calibration: Calibration
    before: tuple[Reliability, ...]
    after: tuple[Reliability, ...]


def calibrate(model: str, words: Sequence[Judged]) -> Calibrated:
    """Curves for `model` from the words of every second speaker.

    Raises ValueError where no language has words enough.
    """
    fitted, kept = _halves(words)
    judged = defaultdict(list)
    for word in fitted:
        judged[word.language].append((word.confidence, word.right))
    calibration = fit(model, judged)
    if not calibration.curves:
        counts = ", ".join(f"{name} {len(found)}" for name, found in judged.items()) or "none"
        raise ValueError(f"too few words to calibrate with ({counts}): take more recordings")
    return Calibrated(calibration, reliability(kept), reliability(corrected(kept, calibration)))


def _halves(words: Sequence[Judged]) -> tuple[list[Judged], list[Judged]]:
    """By speaker, always the same ones; a recording of nobody known is a speaker of its own."""
    speakers = sorted({word.speaker for word in words}, key=_draw)
    chosen = set(speakers[::2])
    return (
        [word for word in words if word.speaker in chosen],
        [word for word in words if word.speaker not in chosen],
    )


def _draw(speaker: str) -> str:
    return hashlib.sha256(speaker.encode()).hexdigest()
