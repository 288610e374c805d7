"""Times of day and dates as people say them: 下晝三點半, 八點三個字, 三月五號, half past three in the afternoon.

Only what is certainly one is read: 一點點 and 三點意見 are words. Where the part of the day was said, the hour
is one of twenty-four; else it stays as it was said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from cases import numerals
from cases.numerals import CHINESE_NUMBER, ENGLISH_NUMBER
from cases.places import comparable

# Before noon; from noon on; by night, when twelve is midnight.
_MORNING: Final = "朝早|今朝|听朝|上昼|上午|早上|早晨|清晨|凌晨|半夜"
_LATER: Final = "下昼|下午|晏昼|午后|中午|正午|傍晚|黄昏"
_NIGHT: Final = "今晚|夜晚|晚上|晚黑|夜里|深夜|寻晚|昨晚|听晚|明晚"
_TIME: Final = re.compile(
    rf"(?:(?P<morning>{_MORNING})|(?P<later>{_LATER})|(?P<night>{_NIGHT}))?的?"
    rf"(?P<hour>{CHINESE_NUMBER})[点點时]"
    rf"(?:(?P<half>半)|(?P<full>正|整|[钟鐘])|(?P<quarter>[一三])刻|搭?(?P<fives>{CHINESE_NUMBER})[个個]字"
    rf"|搭(?P<five>[一二三四五六七八九十]+)|[零〇]?(?P<minute>{CHINESE_NUMBER})分?(?![个個之]))?"
)
_WRITTEN: Final = re.compile(r"(?<![\d:.])(?P<hour>[01]?\d|2[0-4]):(?P<minute>[0-5]\d)(?![\d:])")
_DATE: Final = re.compile(
    rf"(?:(?P<year>\d{{4}}|[零一二三四五六七八九]{{4}})年)?(?P<month>{CHINESE_NUMBER})月(?:份)?"
    rf"(?P<day>{CHINESE_NUMBER})[日号號]"
)
_AFTER_NOON: Final = (
    r"(?P<noon>[ap])\.?m\b\.?|in the (?P<part>morning|afternoon|evening)|at (?P<dark>night)"
)
_ENGLISH: Final = re.compile(
    rf"\b(?:(?P<past>half|quarter|{ENGLISH_NUMBER})(?: minutes?)? (?P<way>past|to) )?"
    rf"(?P<hour>{ENGLISH_NUMBER})(?:[ :](?P<minute>{ENGLISH_NUMBER}))?"
    rf"(?P<clock> o'?clock)?(?: ?(?:{_AFTER_NOON}))?",
    re.IGNORECASE,
)
_NAMED: Final = {"half": 30, "quarter": 15}
_DAYS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True)
class Time:
    """A time of day (`15:30`) or a date (`2026-03-05`, without a year `03-05`), as characters `start` up to
    `end`."""

    value: str
    start: int
    end: int


def times(text: str) -> Iterator[Time]:
    """The times and dates in a text, those of a kind together."""
    plain = comparable(numerals.one_way(text))
    for pattern, read in (
        (_DATE, _date),
        (_WRITTEN, _written),
        (_TIME, _time),
        (_ENGLISH, _english),
    ):
        for found in pattern.finditer(plain):
            if value := read(found):
                yield Time(value, found.start(), found.start() + len(found[0].rstrip()))


def _date(found: re.Match[str]) -> str | None:
    month, day = (_whole(found[name]) for name in ("month", "day"))
    if month is None or day is None or not 1 <= month <= 12 or not 1 <= day <= _DAYS[month - 1]:
        return None
    year = _whole(found["year"]) if found["year"] else None
    return f"{f'{year:04d}-' if year else ''}{month:02d}-{day:02d}"


def _written(found: re.Match[str]) -> str | None:
    return f"{int(found['hour'])}:{found['minute']}"


def _time(found: re.Match[str]) -> str | None:
    hour, minute = _whole(found["hour"]), _minute(found)
    part = found["morning"] or found["later"] or found["night"]
    bare = not any(found[name] for name in ("half", "full", "quarter", "fives", "five", "minute"))
    if hour is None or minute is None or hour > 24 or minute > 59 or (bare and not part):
        return None
    return _told(_of_day(hour, found), minute)


def _of_day(hour: int, found: re.Match[str]) -> int:
    if found["later"] and 1 <= hour < 11:
        return hour + 12
    if found["night"]:
        return 0 if hour == 12 else hour + 12 if 5 <= hour < 12 else hour
    return 0 if found["morning"] and hour == 12 else hour


def _minute(found: re.Match[str]) -> int | None:
    if found["half"]:
        return 30
    if found["quarter"]:
        return 15 if found["quarter"] == "一" else 45
    if fives := found["fives"] or found["five"]:
        number = _whole(fives)
        return None if number is None else number * 5
    return _whole(found["minute"]) if found["minute"] else 0


def _english(found: re.Match[str]) -> str | None:
    hour = _english_whole(found["hour"])
    late = (found["noon"] or "").lower() == "p" or found["part"] in ("afternoon", "evening")
    sure = found["way"] or found["clock"] or found["noon"] or found["part"] or found["dark"]
    if hour is None or not sure or hour > 24:
        return None
    minute = _english_minute(found)
    if minute is None or not 0 <= minute <= 59:
        return None
    hour = (hour - 1) % 12 if found["way"] and found["way"].lower() == "to" else hour
    return _told(_of_english_day(hour, late or bool(found["dark"]), found), minute)


def _of_english_day(hour: int, late: bool, found: re.Match[str]) -> int:
    if late and 1 <= hour < 12:
        return hour + 12
    early = (found["noon"] or "").lower() == "a" or found["part"] == "morning" or found["dark"]
    return 0 if early and hour == 12 else hour


def _english_minute(found: re.Match[str]) -> int | None:
    if found["way"]:
        past = _NAMED.get(found["past"].lower()) or _english_whole(found["past"])
        if past is None or found["minute"]:
            return None
        return past if found["way"].lower() == "past" else 60 - past
    return _english_whole(found["minute"]) if found["minute"] else 0


def _told(hour: int, minute: int) -> str:
    return f"{hour}:{minute:02d}"


def _whole(said: str) -> int | None:
    figures = numerals.number(said.lstrip("零") or "零")
    return int(figures) if figures else None


def _english_whole(said: str) -> int | None:
    figures = numerals.english_number(said)
    return int(figures) if figures else None
