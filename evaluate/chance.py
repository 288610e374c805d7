"""What chance alone makes of a calibration error: on few guesses even shares that hold exactly seem to miss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from cases.accuracy import BINS

_DRAWS: Final = 1000
_SEED: Final = 1


def ece_by_chance(guesses: Sequence[Mapping[str, float]]) -> float:
    """The mean calibration error (ECE, as in `cases.accuracy`) if each first guess were right exactly as often as
    it promises. An error no larger than this shows nothing. Raises ValueError for no guesses."""
    if not guesses:
        raise ValueError("needs a guess at least")
    sure = np.array([max(shares.values(), default=0.0) for shares in guesses])
    tenth = np.minimum((sure * BINS).astype(np.int64), BINS - 1)
    dice = np.random.default_rng(_SEED)
    drawn = [_missed(sure, tenth, dice.random(len(sure)) < sure) for _ in range(_DRAWS)]
    return float(np.mean(drawn))


def _missed(sure: np.ndarray, tenth: np.ndarray, right: np.ndarray) -> float:
    off = np.bincount(tenth, weights=sure - right, minlength=BINS)
    return float(np.abs(off).sum() / len(sure))
