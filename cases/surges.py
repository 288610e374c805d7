"""More calls of one kind in one district than a day there let expect: found for all at once.

By EARS (`ears`), on counts that were made comparable first: a Monday has more calls than a Sunday, and a
holiday fewer than either, so every day is divided by what such a day has of an average day in the whole
city. The probability told with an alarm is that of as many or more under the expectation (Poisson), whatever
the method's own threshold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from scipy.stats import poisson
from sqlalchemy import ColumnElement, Select, String, func, select, true, type_coerce
from sqlalchemy.orm import Session

from cases import ears
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
"""(category or kind of hazard, district)."""

By = Literal["category", "hazard"]
"""What is counted: what a case is filed under, or of which hazards its caller spoke, however it is filed."""


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
    surprise: float = 1.0,
) -> list[Surge]:
    """The surges of the last `days` days (of all of them without), the earliest first.

    least: fewer calls on a day are no surge; surprise: nor are as many as are likelier than this. is_working:
    whether people work on that day in the city.
    """
    expected, found = alarmed(series, is_working, least=least, method=method, surprise=surprise)
    if days is not None:
        found[:, : max(0, found.shape[1] - days)] = False
    surges = [
        _surge(series, row, column, expected[row, column])
        for row, column in zip(*np.nonzero(found), strict=True)
    ]
    return sorted(surges, key=lambda one: (one.day, one.probability))


def alarmed(
    series: Series,
    is_working: Callable[[date], bool],
    *,
    least: int,
    method: Method = "C2",
    surprise: float = 1.0,
) -> tuple[Floats, NDArray[np.bool_]]:
    """For each cell and day what was to be expected, NaN where there is no past, and whether it is an
    alarm: more than the method's bound, at least `least` calls, and no likelier than `surprise`."""
    factors = day_factors(series, is_working)
    usual = ears.bounds(series.counts / factors, method)
    with np.errstate(invalid="ignore"):
        above = (series.counts > usual.upper * factors) & (series.counts >= least)
    expected = usual.expected * factors
    if surprise < 1:
        above[above] = _by_chance(series.counts[above], expected[above]) <= surprise
    return expected, above


def _surge(series: Series, row: int, column: int, expected: float) -> Surge:
    seen = int(series.counts[row, column])
    probability = float(_by_chance(np.array([seen]), np.array([expected]))[0])
    return Surge(series.cells[row], series.day(int(column)), seen, float(expected), probability)


def _by_chance(seen: NDArray[Any], expected: Floats) -> Floats:
    """The probability of as many or more (Poisson)."""
    # Where nothing was expected at all, one call in a fortnight is what can be told from zero.
    chance: Floats = poisson.sf(seen - 1, np.maximum(expected, 1 / 14))
    return chance


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


def series_of(
    session: Session, zone: ZoneInfo, until: date, days: int, by: By = "category"
) -> Series:
    """The daily counts of the `days` days up to and with `until`, from the cases as they stand."""
    return _series(session, zone, until - (days - 1) * DAY, days, 1, by)


def weeks_of(session: Session, zone: ZoneInfo, until: date, weeks: int) -> Series:
    """The weekly counts of the `weeks` weeks that end with `until`: `first` is the first day of the first,
    each column a week."""
    return _series(session, zone, until - (weeks * 7 - 1) * DAY, weeks, 7, "category")


def _series(
    session: Session, zone: ZoneInfo, first: date, columns: int, days: int, by: By
) -> Series:
    """Counted by the database: a year of a large city is millions of cases."""
    after = first + columns * days * DAY
    day, where = _day(session, zone, after), func.coalesce(Reading.district, NOWHERE)
    cases, what = _cases(session, by)
    rows = session.execute(
        cases.add_columns(what, where, day, func.count())
        .where(Case.opened_at >= _midnight(first, zone), Case.opened_at < _midnight(after, zone))
        .group_by(what, where, day)
    )
    counted: dict[Cell, Floats] = {}
    for kind, district, told, count in rows:
        column = min(max((date.fromisoformat(told) - first).days // days, 0), columns - 1)
        counted.setdefault((str(kind), district), np.zeros(columns))[column] += count
    cells = sorted(counted)
    counts = np.array([counted[cell] for cell in cells]).reshape(len(cells), columns)
    return Series(cells, first, counts)


def _cases(session: Session, by: By) -> tuple[Select[Any], ColumnElement[str]]:
    """The cases with their readings, and what is counted of them: their category, or each kind of hazard
    for which the caller had words (a category that stands for a hazard is counted already)."""
    cases = select().select_from(Case).outerjoin(Reading, Reading.case_id == Case.id)
    if by == "category":
        return cases.where(Case.category.is_not(None)), type_coerce(Case.category, String)
    if session.get_bind().dialect.name == "postgresql":
        heard = func.jsonb_array_elements(Reading.hazards).table_valued("value")
        kind = func.jsonb_extract_path_text(heard.c.value, "kind", type_=String)
        words = func.jsonb_array_length(func.jsonb_extract_path(heard.c.value, "words"))
    else:
        heard = func.json_each(Reading.hazards).table_valued("value")
        kind = func.json_extract(heard.c.value, "$.kind", type_=String)
        words = func.json_array_length(heard.c.value, "$.words")
    return cases.join(heard, true()).where(words > 0), kind


def _day(session: Session, zone: ZoneInfo, near: date) -> ColumnElement[str]:
    """The day a case was opened as people there count. SQLite knows no zones: it is told the distance
    to UTC `near` the end, which elsewhere than in China may be an hour wrong in the other half of the year."""
    if session.get_bind().dialect.name == "postgresql":
        local = func.timezone(zone.key, Case.opened_at)
        return func.to_char(local, "YYYY-MM-DD", type_=String)
    offset = _midnight(near, zone).utcoffset() or timedelta()
    return func.date(Case.opened_at, f"{offset.total_seconds():+.0f} seconds", type_=String)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, datetime.min.time(), zone)


def cases_behind(
    session: Session,
    zone: ZoneInfo,
    kind: str,
    districts: Sequence[str],
    first: date,
    last: date,
    by: By = "category",
) -> list[int]:
    """The ids of the cases of that kind in these districts on the days `first` to `last`."""
    cases, what = _cases(session, by)
    wanted = (
        cases.add_columns(Case.id)
        .where(Case.opened_at >= _midnight(first, zone))
        .where(Case.opened_at < _midnight(last + DAY, zone))
        .where(what == kind)
        .where(func.coalesce(Reading.district, NOWHERE).in_(districts))
        .order_by(Case.id)
    )
    return list(session.scalars(wanted))
