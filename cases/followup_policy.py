"""How a city may phone its callers back: `followup.yaml` of its folder, and which numbers never.

What the file leaves out has a default, and every default is on the careful side.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers import PhoneNumberType
from pydantic import BeforeValidator, Field

from cases.pack import Pack

FILE = "followup.yaml"
DayKind = Literal["workday", "weekend", "makeup", "holiday"]
DAY_KINDS: tuple[DayKind, ...] = ("workday", "weekend", "makeup", "holiday")
# What a citizen answers a call on. Others cost the caller (premium, shared cost), reach nobody in
# person (pager, voice mail), or are not known to be a telephone at all.
ORDINARY = frozenset(
    [
        PhoneNumberType.FIXED_LINE,
        PhoneNumberType.MOBILE,
        PhoneNumberType.FIXED_LINE_OR_MOBILE,
        PhoneNumberType.VOIP,
        PhoneNumberType.PERSONAL_NUMBER,
    ]
)


@dataclass(frozen=True)
class Hours:
    """A stretch of one day, in minutes after midnight on the city's clock; empty: no calls."""

    start: int = 0
    end: int = 0

    def has(self, minute: int) -> bool:
        return self.start <= minute < self.end


def _hours(text: object) -> object:
    """`09:00-20:00`, or `closed`."""
    if isinstance(text, Hours) or text == "closed":
        return Hours() if text == "closed" else text
    found = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)", str(text))
    if not found:
        raise ValueError('write "09:00-20:00" (in quotes) or closed')
    hour, minute, end_hour, end_minute = map(int, found.groups())
    hours = Hours(hour * 60 + minute, end_hour * 60 + end_minute)
    if not hours.start < hours.end <= 24 * 60:
        raise ValueError(f"{text!r} does not end on the day it begins")
    return hours


_Span = Annotated[Hours, BeforeValidator(_hours)]
_DAYTIME = Hours(9 * 60, 20 * 60)


class CallingHours(Pack):
    """When citizens may be rung, by the kind of day. Default: no published figure."""

    spec: Literal[1] = 1
    workday: _Span = _DAYTIME
    weekend: _Span = _DAYTIME
    makeup: _Span = _DAYTIME
    holiday: _Span = Hours()


class FollowupPolicy(Pack):
    """A city's rules for follow-up calls. Defaults: no published figure.

    tries: how often one resolution is rung for. spacing_minutes: from a call that was not answered
    to the next. per_number_per_day, per_day: how many calls we place at most, on the city's own
    day. rings: seconds the telephone rings. longest: seconds a call lasts at most. prefixes: what a
    number must begin with; empty: the city's own country. sms: whether who was never reached gets
    one message.
    """

    hours: CallingHours = CallingHours()
    tries: int = Field(default=3, ge=1, le=10)
    spacing_minutes: int = Field(default=240, ge=1, le=7 * 24 * 60)
    per_number_per_day: int = Field(default=2, ge=1, le=10)
    per_day: int = Field(default=500, ge=1, le=100_000)
    rings: int = Field(default=30, ge=10, le=60)
    longest: int = Field(default=300, ge=60, le=900)
    prefixes: tuple[Annotated[str, Field(pattern=r"^\+[1-9][0-9]{0,7}$")], ...] = ()
    sms: bool = True

    @property
    def spacing(self) -> timedelta:
        return timedelta(minutes=self.spacing_minutes)

    def may_ring(self, now: datetime, zone: ZoneInfo, kind: DayKind) -> bool:
        """Whether citizens may be rung at this moment, on a day of this kind."""
        local = now.astimezone(zone)
        hours: Hours = getattr(self.hours, kind)
        return hours.has(local.hour * 60 + local.minute)

    def refusal(self, number: str, country: str) -> str | None:
        """Why this number (E.164) is not rung: `no_number`, `foreign`, `costly`; None if it may be.

        country: the city's own prefix, such as `+852`.
        """
        if not re.fullmatch(r"\+[1-9][0-9]{6,14}", number):
            return "no_number"
        if not number.startswith(self.prefixes or (country,)):
            return "foreign"
        parsed = phonenumbers.parse(number)
        if not phonenumbers.is_valid_number(parsed):
            return "no_number"
        return None if phonenumbers.number_type(parsed) in ORDINARY else "costly"


def read(folder: Path) -> FollowupPolicy:
    """The rules of the city in `folder`; the defaults where it has no file. Raises PackError."""
    file = folder / FILE
    return FollowupPolicy.read(file) if file.exists() else FollowupPolicy(spec=1)


def day_begins(now: datetime, zone: ZoneInfo) -> datetime:
    """The midnight, on the city's clock, with which the present day began."""
    day: date = now.astimezone(zone).date()
    return datetime(day.year, day.month, day.day, tzinfo=zone)


def hours_in_words(policy: FollowupPolicy) -> Mapping[DayKind, str]:
    """For documents: when each kind of day is open, such as `09:00-20:00`, or `closed`."""
    return {kind: _words(getattr(policy.hours, kind)) for kind in DAY_KINDS}


def _words(hours: Hours) -> str:
    if hours.start == hours.end:
        return "closed"
    return "-".join(f"{at // 60:02d}:{at % 60:02d}" for at in (hours.start, hours.end))
