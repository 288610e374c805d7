"""EARS C1, C2 and C3: is a day's count more than the days before it let expect?

The three methods of the Early Aberration Reporting System: Hutwagner and others, Journal of Urban Health
80 (2003) i89; their bounds are those of the R package `surveillance`, to which the tests hold them. C1
compares with the seven days before; C2 leaves a gap of two days, so that a beginning surge does not raise
its own threshold; C3 adds up what C2 found on three days. All series are reckoned at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.stats import norm

Floats = NDArray[np.float64]
Method = Literal["C1", "C2", "C3"]

BASELINE: Final = 7  # days
GAP: Final = 2  # days between the baseline and the day in question, for C2 and C3
# The share of days on which a quiet series would alarm, were its counts normal.
ALPHA: Final = {"C1": 0.001, "C2": 0.001, "C3": 0.025}


@dataclass(frozen=True)
class Bounds:
    """For each series (row) and day (column): what was to be expected, and the count above which it is
    an alarm; NaN on the first days, which have no past."""

    expected: Floats
    upper: Floats

    def alarms(self, counts: Floats) -> NDArray[np.bool_]:
        """The days on which the counts are above the bounds."""
        with np.errstate(invalid="ignore"):
            return counts > self.upper


def bounds(
    counts: Floats,
    method: Method = "C2",
    *,
    baseline: int = BASELINE,
    alpha: float | None = None,
    min_sigma: float = 0.5,
) -> Bounds:
    """The bounds for daily counts of shape (series, days).

    min_sigma: the standard deviation that even an even past is given; without it a series of nothing
    alarms at its first call. Raises ValueError for a baseline of less than three days.
    """
    if baseline < 3:
        raise ValueError("a baseline needs three days at least")
    z = norm.ppf(1 - (ALPHA[method] if alpha is None else alpha))
    gap = 0 if method == "C1" else GAP
    mean, sigma = _past(counts, baseline, gap, min_sigma)
    if method != "C3":
        return Bounds(mean, mean + z * sigma)
    return Bounds(mean, _third(counts, mean, sigma, z))


def _past(counts: Floats, baseline: int, gap: int, min_sigma: float) -> tuple[Floats, Floats]:
    """Mean and standard deviation of the `baseline` days that end `gap` days before each day."""
    mean = np.full(counts.shape, np.nan)
    sigma = np.full(counts.shape, np.nan)
    first = baseline + gap
    if counts.shape[1] > first:
        windows = sliding_window_view(counts, baseline, axis=1)[:, : counts.shape[1] - first]
        mean[:, first:] = windows.mean(axis=2)
        sigma[:, first:] = np.maximum(windows.std(axis=2, ddof=1), min_sigma)
    return mean, sigma


def _third(counts: Floats, mean: Floats, sigma: Floats, z: float) -> Floats:
    """C3's bound: what is missing to `z` once the two days before have added their excess over one."""
    excess = np.maximum((counts - mean) / sigma - 1, 0)
    upper = np.full(counts.shape, np.nan)
    before = excess[:, :-2] + excess[:, 1:-1]
    upper[:, 2:] = np.maximum(mean[:, 2:] + sigma[:, 2:] * (z - before), 0)
    return upper
