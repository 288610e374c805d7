"""How loud somebody speaks, compared with others in the same recording.

Telephones differ by 30 dB, so a level says nothing by itself. But a television across the room is
much quieter than the caller beside it, and a voice detector takes both for speech.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from transcription.audio import SAMPLE_RATE, Samples
from transcription.speech import Span

FRAME: Final = SAMPLE_RATE * 30 // 1000
# The level of a stretch is one that a tenth of it exceeds: pauses in it do not count.
LOUD_PART: Final = 90
SILENCE_DB: Final = -120.0
# The loudest speech is as much as this, or a tenth of all: not a shout.
LEAST_MS: Final = 1000
PER_MS: Final = SAMPLE_RATE // 1000


def level(samples: Samples) -> float:
    """How loud the speech in mono samples is, in dB of full scale."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    return decibels(np.mean(np.square(frames, dtype=np.float64), axis=1))


def decibels(powers: NDArray[np.float64]) -> float:
    """The same, of the mean square of each 30 ms."""
    power = float(np.percentile(powers, LOUD_PART)) if len(powers) else 0.0
    return max(SILENCE_DB, 10.0 * float(np.log10(power))) if power > 0.0 else SILENCE_DB


def levels(samples: Samples, spans: Sequence[Span]) -> list[float]:
    """The level of each span of a recording, in dB of full scale."""
    return [level(samples[span.start * PER_MS : span.end * PER_MS]) for span in spans]


def loudest(spans: Sequence[Span], levels: Sequence[float]) -> float:
    """The level of the loudest speech in a recording; `levels`: of each span, in dB."""
    enough = max(LEAST_MS, sum(span.length for span in spans) / 10)
    found = SILENCE_DB
    for loud, span in sorted(zip(levels, spans, strict=True), key=lambda it: -it[0]):
        found, enough = loud, enough - span.length
        if enough <= 0:
            break
    return found
