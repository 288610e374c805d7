"""A city is a folder of data. This module reads its `city.yaml` and knows when the desk is staffed.

Every field is explained in `cities/README.md`. Nothing here, or anywhere in the code, knows a city
by name: `CITY` names the folder.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

import holidays
import yaml
from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    TypeAdapter,
    ValidationError,
)
from pydantic.dataclasses import dataclass

Language = Literal["yue", "cmn", "en"]
OfficeHours = Literal["open", "closed", "holiday"]
DayKind = Literal["workday", "weekend", "makeup", "holiday"]

FILE = "city.yaml"
CLOSURES = "closures.yaml"
LANGUAGES = ("yue", "cmn", "en")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class CityError(ValueError):
    """A city's folder cannot be used. One line: the file, the field, and what to do."""

    def __init__(self, file: Path, what: str) -> None:
        super().__init__(f"{file}: {what}")
        self.file, self.what = file, what


class Span(NamedTuple):
    """A stretch of staffed time on one day, in the city's own clock, in minutes after its midnight.

    `end` is not in the span, and lies beyond 24 x 60 when the shift runs past midnight.
    """

    start: int
    end: int


class NamedDay(NamedTuple):
    """A public holiday, with its name in the calendar's own language, or a make-up working day."""

    day: date
    kind: Literal["holiday", "makeup"]
    name: str


DAY = 24 * 60


def _spans(text: object) -> tuple[Span, ...]:
    """`09:00-13:00, 14:00-18:00` is two spans, `22:00-06:00` one past midnight, `closed` none."""
    if text == "closed":
        return ()
    if not isinstance(text, str):
        raise ValueError('write hours as "09:00-18:00" (in quotes) or closed')
    return tuple(_span(part.strip()) for part in text.split(","))


def _span(text: str) -> Span:
    found = re.fullmatch(r"(\d\d):([0-5]\d)-(\d\d):([0-5]\d)", text)
    if not found:
        raise ValueError(f"{text!r} is not like 09:00-18:00 (00:00-24:00 is the whole day)")
    hour, minute, end_hour, end_minute = map(int, found.groups())
    start, end = hour * 60 + minute, end_hour * 60 + end_minute
    if start >= DAY or end > DAY or start == end:
        raise ValueError(f"{text!r} is not a span of one day (00:00-24:00 is the whole day)")
    return Span(start, end if end > start else end + DAY)


def _complete(names: Mapping[str, str]) -> Mapping[str, str]:
    if set(names) != set(LANGUAGES) or not all(names.values()):
        raise ValueError(f"must be given in each of {', '.join(LANGUAGES)}")
    return names


def _each_once(languages: tuple[Language, ...]) -> tuple[Language, ...]:
    if not languages or len(set(languages)) != len(languages):
        raise ValueError("list each language once, the default first")
    return languages


def _time_zone(name: object) -> ZoneInfo:
    try:
        return ZoneInfo(str(name))
    except (LookupError, ValueError, OSError):
        raise ValueError(f"{name!r} is not a time zone like Europe/Paris") from None


def _time_of_day(text: object) -> time:
    found = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)", text) if isinstance(text, str) else None
    if not found:
        raise ValueError(f"{text!r} is not a time of day like 18:00, in quotes")
    return time(int(found[1]), int(found[2]))


def _calendar_code(code: str) -> str:
    try:
        _calendar(code, 2000)
    except NotImplementedError:
        raise ValueError(f"the holidays package knows no country {code!r}") from None
    return code


Names = Annotated[Mapping[str, str], AfterValidator(_complete)]
Spans = Annotated[tuple[Span, ...], PlainValidator(_spans)]
Digits = Annotated[str, Field(pattern=r"^[0-9]{2,12}$")]
_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Hours:
    """When people answer: per weekday, on public holidays, and on make-up working days."""

    mon: Spans
    tue: Spans
    wed: Spans
    thu: Spans
    fri: Spans
    sat: Spans
    sun: Spans
    holiday: Spans
    makeup: Spans  # a weekend day worked in exchange for a holiday, as in mainland China

    def of(self, row: str) -> tuple[Span, ...]:
        """The spans of one row: a weekday's short name, `holiday` or `makeup`."""
        spans: tuple[Span, ...] = getattr(self, row)
        return spans


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class City:
    """One city's settings. Languages are `yue`, `cmn`, `en`; the first listed is the default."""

    spec: Literal[1]
    folder: Path
    code: str  # the folder's name
    name: Names
    desk: Names  # the hotline's own desk: owner of a case nobody has been given yet
    hotline: Digits
    emergency: Digits
    fire: Digits | None = None  # where fire has a number of its own
    ambulance: Digits | None = None  # where the ambulance has a number of its own
    country_prefix: Annotated[str, Field(pattern=r"^\+[1-9][0-9]{0,3}$")]
    languages: Annotated[tuple[Language, ...], AfterValidator(_each_once)]
    script: Literal["hk", "cn"]  # how Chinese is written here: Traditional (HK) or Simplified
    time_zone: Annotated[ZoneInfo, BeforeValidator(_time_zone)]
    holidays: Annotated[str, AfterValidator(_calendar_code)]
    # Which of the package's categories are days off here: `public` alone, unless a city says more.
    holiday_categories: tuple[str, ...] = ("public",)
    hours: Hours
    overflow_calls: Annotated[int, Field(gt=0)]  # live calls from which the flow says "busy"
    day_ends: Annotated[time, PlainValidator(_time_of_day)]  # when a clock of days ends on its last
    closures: frozenset[date]  # days on which the city came to a halt: `closures.yaml`

    @classmethod
    def read(cls, folder: Path) -> City:
        """The city kept in `folder`. Raises CityError, one line, naming file and field."""
        file = folder / FILE
        if not file.is_file():
            raise CityError(file, _no_such_city(folder))
        fields = _fields(file)
        if own := sorted({"folder", "code"} & fields.keys()):
            raise CityError(file, f"{own[0]}: leave it out; the folder's name is the city's code")
        if "closures" in fields:
            raise CityError(file, f"closures: they have a file of their own, {CLOSURES}")
        closures = _closures(folder / CLOSURES)
        given = {**fields, "folder": folder, "code": folder.name, "closures": closures}
        try:
            city = TypeAdapter(cls).validate_python(given)
            _calendar(city.holidays, 2000, city.holiday_categories)
        except ValidationError as error:
            raise CityError(file, _first_problem(error)) from None
        except ValueError as error:
            raise CityError(file, f"holiday_categories: {error}") from None
        return city

    def facts(self) -> Mapping[str, str | Mapping[str, str]]:
        """What prompts may say of the city; a mapping is one text per language."""
        return {
            "city": self.name,
            "desk": self.desk,
            "hotline": self.hotline,
            "emergency": self.emergency,
            "fire": self.fire or self.emergency,
            "ambulance": self.ambulance or self.emergency,
        }

    def office_hours(self, now: datetime) -> OfficeHours:
        """Is the agents' desk staffed at `now` (aware)? `holiday`: no, because today is one."""
        if now.tzinfo is None:
            raise ValueError("office_hours needs an aware time")
        local = now.astimezone(self.time_zone)
        today, minute = local.date(), local.hour * 60 + local.minute
        shifts = (*self._shifts(today), *_shifted(self._shifts(today - timedelta(days=1))))
        if any(start <= minute < end for start, end in shifts):
            return "open"
        return "holiday" if self._row(today) == "holiday" else "closed"

    def day_kind(self, day: date) -> DayKind:
        """What kind of day it is by the city's calendar."""
        row = self._row(day)
        if row == "holiday":
            return "holiday"
        if row == "makeup":
            return "makeup"
        return "weekend" if row in ("sat", "sun") else "workday"

    def is_working_day(self, day: date) -> bool:
        """Whether the city's offices work on that day: no holiday, no weekend that is not made up for,
        no typhoon."""
        return day not in self.closures and self._row(day) not in ("sat", "sun", "holiday")

    def named_days(self, year: int, locales: Sequence[str] = ()) -> list[NamedDay]:
        """The year's days off that have a name, and the weekend days worked for them, in order.

        locales: in which the names are wanted, as in `zh_HK`; the first that the calendar has counts.
        """
        calendar = _named(self.holidays, year, self.holiday_categories, tuple(locales))
        days = [
            NamedDay(day, "holiday", name) for day, name in calendar.items() if day.year == year
        ]
        first = date(year, 1, 1)
        weekends = [first + timedelta(days=n) for n in range(366)]
        days += [NamedDay(d, "makeup", "") for d in weekends if self._is_makeup(d, year)]
        return sorted(days)

    def _is_makeup(self, day: date, year: int) -> bool:
        return day.year == year and self._row(day) == "makeup"

    def _shifts(self, day: date) -> tuple[Span, ...]:
        return self.hours.of(self._row(day))

    def _row(self, day: date) -> str:
        """Which row of the hours holds on `day`."""
        calendar = _calendar(self.holidays, day.year, self.holiday_categories)
        if day in calendar:
            return "holiday"
        if calendar.is_weekend(day) and calendar.is_working_day(day):
            return "makeup"
        return WEEKDAYS[day.weekday()]


def _shifted(spans: tuple[Span, ...]) -> tuple[Span, ...]:
    """Yesterday's spans in today's minutes: only what ran past midnight is left of them."""
    return tuple(Span(start - DAY, end - DAY) for start, end in spans)


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Closure:
    """A day that did not count as a working day, why, and who says so."""

    day: date
    reason: Names
    source: str


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class _Closures:
    spec: Literal[1]
    closures: tuple[Closure, ...]


def _closures(file: Path) -> frozenset[date]:
    """The days of a city's own table; none where it has no such file. Raises CityError."""
    if not file.is_file():
        return frozenset()
    try:
        table = TypeAdapter(_Closures).validate_python(_fields(file))
    except ValidationError as error:
        raise CityError(file, _first_problem(error)) from None
    return frozenset(closure.day for closure in table.closures)


@cache
def _calendar(
    code: str, year: int, categories: tuple[str, ...] = ("public",)
) -> holidays.HolidayBase:
    """One year of a country (`CN`) or a part of it (`GB-SCT`), built whole: threads share it."""
    country, _, part = code.partition("-")
    return holidays.country_holidays(
        country, subdiv=part or None, years=year, expand=False, categories=categories
    )


@cache
def _named(
    code: str, year: int, categories: tuple[str, ...], locales: tuple[str, ...]
) -> holidays.HolidayBase:
    """The same year with its days named in another language."""
    own = _calendar(code, year, categories)
    known = [one for one in locales if one in own.supported_languages]
    if not known:
        return own
    country, _, part = code.partition("-")
    return holidays.country_holidays(
        country,
        subdiv=part or None,
        years=year,
        expand=False,
        categories=categories,
        language=known[0],
    )


def _fields(file: Path) -> dict[str, Any]:
    try:
        fields = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CityError(file, " ".join(str(error).split())) from None
    if not isinstance(fields, dict):
        raise CityError(file, "must be a list of `field: value` lines")
    return fields


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    field = ".".join(str(part) for part in problem["loc"])
    said = problem["msg"].removeprefix("Value error, ")
    return f"{field}: {_IN_PLAIN_WORDS.get(problem['type'], said)}"


_IN_PLAIN_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is not a field of this file; is it misspelt?",
    "unexpected_keyword_argument": "is not a field of this file; is it misspelt?",
    "string_type": "must be text; put it in quotes",
}


def _no_such_city(folder: Path) -> str:
    there = sorted(file.parent.name for file in folder.parent.glob(f"*/{FILE}"))
    return f"there is no city {folder.name!r}; CITY can be: {', '.join(there) or '(none found)'}"
