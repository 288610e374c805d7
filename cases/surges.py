"""More calls of one kind in one district than a day there let expect: found once a day, for all at once.

By EARS (`ears`), on counts that were made comparable first: a Monday has more calls than a Sunday, and a
holiday fewer than either, so every day is divided by what such a day has of an average day in the whole
city. The probability told with an alarm is that of as many or more under the expectation (Poisson), whatever
the method's own threshold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from scipy.stats import poisson
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cases import alerts, ears
from cases.alerts import SURGE, Alert, Found
from cases.case import Case
from cases.ears import Method
from cases.readings import Reading

Floats = NDArray[np.float64]

DAY: Final = timedelta(days=1)
# How many days the weekdays and holidays are learned from.
LEARNED: Final = 180
# A kind of day that was seen on fewer days says too little of itself.
FEWEST_DAYS: Final = 3
NOWHERE: Final = ""

Cell = tuple[str, str]
"""(category, district)."""


@dataclass(frozen=True)
class Series:
    """Daily counts: `counts` of shape (cells, days), the first column being the day `first`."""

    cells: Sequence[Cell]
    first: date
    counts: Floats

    def day(self, column: int) -> date:
        return self.first + column * DAY


@dataclass(frozen=True)
class Surge:
    """One cell on one day with more calls than expected."""

    cell: Cell
    day: date
    seen: int
    expected: float
    probability: float


def detect(
    series: Series,
    is_working: Callable[[date], bool],
    *,
    least: int,
    method: Method = "C2",
    days: int | None = None,
) -> list[Surge]:
    """The surges of the last `days` days (of all of them without), the earliest first.

    least: fewer calls on a day are no surge. is_working: whether people work on that day in the city.
    """
    expected, found = alarmed(series, is_working, least=least, method=method)
    if days is not None:
        found[:, : max(0, found.shape[1] - days)] = False
    surges = [
        _surge(series, row, column, expected[row, column])
        for row, column in zip(*np.nonzero(found), strict=True)
    ]
    return sorted(surges, key=lambda one: (one.day, one.probability))


def alarmed(
    series: Series, is_working: Callable[[date], bool], *, least: int, method: Method = "C2"
) -> tuple[Floats, NDArray[np.bool_]]:
    """For each cell and day what was to be expected, NaN where there is no past, and whether it is an
    alarm: more than the method's bound, and `least` calls."""
    factors = day_factors(series, is_working)
    usual = ears.bounds(series.counts / factors, method)
    with np.errstate(invalid="ignore"):
        above = (series.counts > usual.upper * factors) & (series.counts >= least)
    return usual.expected * factors, above


def _surge(series: Series, row: int, column: int, expected: float) -> Surge:
    seen = int(series.counts[row, column])
    # Where nothing was expected at all, one call in a fortnight is what can be told from zero.
    probability = float(poisson.sf(seen - 1, max(expected, 1 / 14)))
    return Surge(series.cells[row], series.day(int(column)), seen, float(expected), probability)


def day_factors(series: Series, is_working: Callable[[date], bool]) -> Floats:
    """What each day has of an average day, by its weekday and whether people work, learned from the whole
    city over the last half year. A kind of day that was hardly seen is an average one."""
    total = series.counts.sum(axis=0)
    kinds = [_kind(series.day(column), is_working) for column in range(len(total))]
    lately = slice(max(0, len(total) - LEARNED), None)
    average = total[lately].mean() if len(total) else 0.0
    learned: dict[int, float] = {}
    for kind in set(kinds):
        of_kind = [n for n, one in zip(total[lately], kinds[lately], strict=True) if one == kind]
        if len(of_kind) >= FEWEST_DAYS and average > 0 and sum(of_kind) > 0:
            learned[kind] = float(np.mean(of_kind)) / float(average)
    return np.array([learned.get(kind, 1.0) for kind in kinds])


def _kind(day: date, is_working: Callable[[date], bool]) -> int:
    """The weekday, Monday 0; a weekday on which nobody works is a holiday, 7; a Saturday or Sunday on
    which people do is a make-up day, 8."""
    if day.weekday() < 5:
        return day.weekday() if is_working(day) else 7
    return 8 if is_working(day) else day.weekday()


def series_of(session: Session, zone: ZoneInfo, until: date, days: int) -> Series:
    """The daily counts of the `days` days up to and with `until`, from the cases as they stand."""
    first = until - (days - 1) * DAY
    since = datetime.combine(first, datetime.min.time(), zone)
    before = datetime.combine(until + DAY, datetime.min.time(), zone)
    rows = session.execute(
        select(Case.category, Reading.district, Case.opened_at)
        .outerjoin(Reading, Reading.case_id == Case.id)
        .where(Case.opened_at >= since, Case.opened_at < before, Case.category.is_not(None))
    )
    counted: dict[Cell, Floats] = {}
    for category, district, opened_at in rows:
        cell = (str(category), district or NOWHERE)
        column = (opened_at.astimezone(zone).date() - first).days
        counted.setdefault(cell, np.zeros(days))[column] += 1
    cells = sorted(counted)
    counts = np.array([counted[cell] for cell in cells]).reshape(len(cells), days)
    return Series(cells, first, counts)


def look(
    session: Session,
    zone: ZoneInfo,
    is_working: Callable[[date], bool],
    yesterday: date,
    now: datetime,
) -> list[Alert]:
    """Raise an alert for every surge of that day; those that were not raised before."""
    series = series_of(session, zone, yesterday, LEARNED)
    held = alerts.policy()
    surges = detect(series, is_working, least=held.surge_least, days=1)
    told = (_found(session, zone, one) for one in surges)
    return [alert for found in told if (alert := alerts.raise_one(session, found, now))]


def _found(session: Session, zone: ZoneInfo, surge: Surge) -> Found:
    category, where = surge.cell
    return Found(
        SURGE,
        "EARS C2",
        {"category": category, "district": where, "day": surge.day.isoformat()},
        surge.seen,
        surge.expected,
        surge.probability,
        _behind(session, zone, surge),
        f"surge:{category}:{where}:{surge.day.isoformat()}",
    )


def _behind(session: Session, zone: ZoneInfo, surge: Surge) -> list[int]:
    category, where = surge.cell
    since = datetime.combine(surge.day, datetime.min.time(), zone)
    wanted = (
        select(Case.id)
        .outerjoin(Reading, Reading.case_id == Case.id)
        .where(Case.opened_at >= since, Case.opened_at < since + DAY)
        .where(Case.category == category, func.coalesce(Reading.district, NOWHERE) == where)
        .order_by(Case.id)
    )
    return list(session.scalars(wanted))
