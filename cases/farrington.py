"""Farrington Flexible: is a week's count more than the same weeks of past years let expect?

The method of Farrington and others, JRSS A 159 (1996) 547, as improved by Noufaily and others, Statistics
in Medicine 32 (2013) 1206: a quasi-Poisson regression on `years` past years, with a trend where it can be
trusted and a factor for the season; past outbreaks are weighed down by their Anscombe residuals, and the
threshold is a quantile of the negative binomial with the fitted mean and dispersion (the `nbPlugin` of the R
package `surveillance`, to which the tests hold it). It needs three years of weeks at least.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Final

import numpy as np
import statsmodels.api as sm
from numpy.typing import NDArray
from scipy.stats import nbinom, poisson

Floats = NDArray[np.float64]

WEEK: Final = timedelta(weeks=1)
YEARS: Final = 5
HALF: Final = 3  # weeks on either side of the same week
PERIODS: Final = 10  # into which the year is cut for the season
LEFT_OUT: Final = 26  # weeks before the one in question, lest a beginning outbreak counts as usual
ALPHA: Final = 0.01
UNUSUAL: Final = 2.58  # standard deviations from which on a past week is weighed down
# Fewer calls than so many in so many weeks are no outbreak.
FEWEST, FEWEST_IN = 5, 4


@dataclass(frozen=True)
class Week:
    """One week judged. `expected`: the fitted mean; `upper`: the count above which it is an alarm;
    `probability`: of as many or more, were it a week like the others."""

    seen: int
    expected: float
    upper: float
    probability: float
    alarm: bool


def judge(
    counts: NDArray[np.int_],
    first: date,
    at: int,
    *,
    years: int = YEARS,
    half: int = HALF,
    periods: int = PERIODS,
    left_out: int = LEFT_OUT,
    alpha: float = ALPHA,
) -> Week | None:
    """Week `at` of a weekly series that begins on the day `first`; None if the model cannot be fitted.

    Raises ValueError when the series does not go back `years` years and `half` weeks.
    """
    groups = _groups(first, at, years, half, periods)
    groups[max(0, at - left_out) : at + 1] = 0
    past = np.flatnonzero(groups)
    trend_days = (past - past[0]).astype(float)
    model = _Model(counts[past].astype(float), trend_days, groups[past], periods)
    fitted = model.fit(float(at - past[0]), with_trend=years >= 3)
    return None if fitted is None else _week(counts, at, *fitted, alpha)


def _week(counts: NDArray[np.int_], at: int, mean: float, phi: float, alpha: float) -> Week:
    seen = int(counts[at])
    likely = nbinom(mean / (phi - 1), 1 / phi) if phi > 1 else poisson(mean)
    upper = float(likely.ppf(1 - alpha))
    enough = counts[max(0, at - FEWEST_IN + 1) : at + 1].sum() >= FEWEST
    return Week(seen, mean, upper, float(likely.sf(seen - 1)), bool(enough and seen > upper))


def _groups(first: date, at: int, years: int, half: int, periods: int) -> NDArray[np.int_]:
    """For each week the part of the year it lies in, counted from the week in question; 0: not used.

    The last period is the window around the same week of each year; the weeks between two windows are
    cut into the others.
    """
    groups = np.zeros(at + 1, dtype=int)
    same = [at, *(_same_week(first, at, back) for back in range(1, years + 1))]
    if same[-1] - half < 0:
        raise ValueError(f"week {at} has no {years} years before it")
    groups[at - half : at + 1] = periods
    for later, earlier in pairwise(same):
        groups[earlier - half : earlier + half + 1] = periods
        if periods > 1:
            between = np.arange(earlier + half + 1, later - half)
            for number, weeks in enumerate(np.array_split(between, periods - 1), 1):
                groups[weeks] = number
    return groups


def _same_week(first: date, at: int, years_back: int) -> int:
    """The week whose first day is nearest to the same date `years_back` years before."""
    day = first + at * WEEK
    try:
        then = day.replace(year=day.year - years_back)
    except ValueError:  # the 29th of February
        then = day.replace(year=day.year - years_back, month=3, day=1)
    return round((then - first) / WEEK)


class _Model:
    """The regression on the past weeks of one series."""

    def __init__(self, seen: Floats, time: Floats, groups: NDArray[np.int_], periods: int) -> None:
        self.seen, self.time = seen, time
        self.seasons = np.stack([groups == one for one in range(2, periods + 1)], axis=1)
        self.periods = periods

    def fit(self, now: float, *, with_trend: bool) -> tuple[float, float] | None:
        """The mean expected at `now`, and the dispersion; None if it does not converge.

        The trend stays only where it does not promise more than was ever seen.
        """
        if with_trend and (found := self._fitted(with_trend=True)):
            mean = self._mean(found[0], now)
            if mean <= self.seen.max():
                return mean, found[1]
        found = self._fitted(with_trend=False)
        return None if found is None else (self._mean(found[0], None), found[1])

    def _design(self, *, with_trend: bool) -> Floats:
        columns = [np.ones((len(self.seen), 1)), self.seasons.astype(float)]
        if with_trend:
            columns.append(self.time[:, None])
        return np.hstack(columns)

    def _fitted(self, *, with_trend: bool) -> tuple[Floats, float] | None:
        design = self._design(with_trend=with_trend)
        plain = _quasi_poisson(self.seen, design, np.ones(len(self.seen)))
        if plain is None:
            return None
        weighed = _quasi_poisson(self.seen, design, _weights(self.seen, *plain))
        return None if weighed is None else (weighed[0], weighed[1])

    def _mean(self, coefficients: Floats, now: float | None) -> float:
        row = np.zeros(len(coefficients))
        row[0] = 1
        if self.periods > 1:
            row[self.periods - 1] = 1
        if now is not None:
            row[-1] = now
        return float(np.exp(row @ coefficients))


def _quasi_poisson(
    seen: Floats, design: Floats, weights: Floats
) -> tuple[Floats, float, Floats, Floats] | None:
    """Coefficients, dispersion (1 at least), fitted means and leverages; None without convergence."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            fit = sm.GLM(seen, design, family=sm.families.Poisson(), var_weights=weights).fit(
                scale="X2", tol=1e-8, maxiter=25
            )
        except (ValueError, np.linalg.LinAlgError):
            return None
    if not fit.converged or not np.isfinite(fit.params).all():
        return None
    leverage = fit.get_hat_matrix_diag(observed=False)
    return fit.params, max(float(fit.scale), 1.0), fit.mu, leverage


def _weights(
    seen: Floats, coefficients: Floats, phi: float, mean: Floats, leverage: Floats
) -> Floats:
    """Less for weeks that were unusual themselves: their squared Anscombe residual the other way up."""
    raw = 1.5 * (seen ** (2 / 3) * mean ** (-1 / 6) - np.sqrt(mean))
    residual = raw / np.sqrt(phi * np.maximum(1 - leverage, 1e-9))
    unusual = residual > UNUSUAL
    weights = np.ones(len(seen))
    weights[unusual] = residual[unusual] ** -2
    scaled: Floats = weights * len(weights) / weights.sum()
    return scaled
