"""How long a promise lasts, and on which days of a city it is worked off.

Minutes and hours run day and night. Days are counted without the day on which the clock was set; a
clock of days ends when work ends on its last day, and a last day on which nobody works moves to the
next working day. `d` counts every day, `wd` only the working ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1)}
DAYS, WORKING_DAYS = "d", "wd"
ONE_DAY = timedelta(days=1)
# A calendar that knows no working day in so long is broken; no public holiday comes near it.
LONGEST_BREAK = 60


@dataclass(frozen=True)
class Span:
    """A length of time as a rule states it: `amount` of `m`, `h`, `d` (days) or `wd` (working days)."""

    amount: int
    unit: str

    @classmethod
    def parse(cls, text: str) -> Span:
        """`30m`, `2h`, `7d`, `5wd`. Raises ValueError for anything else, zero included."""
        found = re.fullmatch(r"([1-9][0-9]{0,3})(m|h|d|wd)", text)
        if not found:
            raise ValueError(f"{text!r} is not a span like 30m, 2h, 7d or 5wd")
        return cls(int(found[1]), found[2])

    def times(self, count: int) -> Span:
        """So many of it, one after the other."""
        return Span(self.amount * count, self.unit)

    def __str__(self) -> str:
        return f"{self.amount}{self.unit}"


@dataclass(frozen=True)
class Workdays:
    """A city's working time. is_working: whether people work on that day; day_ends: when they stop."""

    is_working: Callable[[date], bool]
    zone: ZoneInfo
    day_ends: time

    def add(self, span: Span, start: datetime) -> datetime:
        """When a clock of `span` that is set at `start` (aware) ends. UTC is what comes back."""
        if span.unit in UNITS:
            return start + span.amount * UNITS[span.unit]
        return self._end_of(self._last_day(span, self.day(start)), start)

    def shift(self, span_unit: str, due: datetime, began: datetime, ended: datetime) -> datetime:
        """`due`, later by the time between two moments, counted as the clock's own unit counts."""
        if span_unit in UNITS:
            return due + (ended - began)
        lost = self._days_between(span_unit, self.day(began), self.day(ended))
        if not lost:
            return due
        return self._end_of(self._last_day(Span(lost, span_unit), self.day(due)), due)

    def day(self, moment: datetime) -> date:
        """The city's day on which a moment falls."""
        return moment.astimezone(self.zone).date()

    def _days_between(self, unit: str, began: date, ended: date) -> int:
        days = [began + n * ONE_DAY for n in range(1, (ended - began).days + 1)]
        return sum(unit == DAYS or self.is_working(day) for day in days)

    def _last_day(self, span: Span, day: date) -> date:
        if span.unit == DAYS:
            return self._working_from(day + span.amount * ONE_DAY)
        for _ in range(span.amount):
            day = self._working_from(day + ONE_DAY)
        return day

    def _working_from(self, day: date) -> date:
        """This day if it is worked, else the next that is."""
        for _ in range(LONGEST_BREAK):
            if self.is_working(day):
                return day
            day += ONE_DAY
        raise ValueError(f"no working day within {LONGEST_BREAK} days before {day}")

    def _end_of(self, day: date, like: datetime) -> datetime:
        return datetime.combine(day, self.day_ends, self.zone).astimezone(like.tzinfo)
