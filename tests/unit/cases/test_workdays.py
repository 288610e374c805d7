"""When a clock ends: one table of dates, reckoned by hand with the calendars of both cities."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import clocks
from cases.clocks import Terms
from cases.workdays import Span, Workdays
from runtime.city import City
from runtime.settings import CITIES

CITY = {code: City.read(CITIES / code) for code in ("beijing", "hongkong")}
TERMS = {code: Terms.of_city(city) for code, city in CITY.items()}
WORKDAYS = {code: terms.workdays for code, terms in TERMS.items()}

# fmt: off
TABLE = [
    # Beijing. New Year's Eve to the ninth day off, 15 to 23 February 2026; Saturdays 14 and 28 are worked.
    ("beijing", "30m", "2026-02-14 23:45", "2026-02-15 00:15", "minutes run through midnight and holidays"),
    ("beijing", "2h",  "2026-10-01 23:30", "2026-10-02 01:30", "hours too"),
    ("beijing", "24h", "2026-12-31 20:00", "2027-01-01 20:00", "and over the turn of the year"),
    ("beijing", "7d",  "2026-02-10 10:00", "2026-02-24 18:00", "the 17th is New Year: the next working day"),
    ("beijing", "7d",  "2026-02-07 10:00", "2026-02-14 18:00", "a Saturday that is worked is a last day"),
    ("beijing", "1wd", "2026-02-13 17:59", "2026-02-14 18:00", "and a working day"),
    ("beijing", "2wd", "2026-02-13 10:00", "2026-02-24 18:00", "the 14th, then nine days off"),
    ("beijing", "5wd", "2026-02-13 10:00", "2026-02-27 18:00", "14, 24, 25, 26, 27"),
    ("beijing", "6wd", "2026-02-13 10:00", "2026-02-28 18:00", "and Saturday the 28th is worked"),
    # National Day, 1 to 7 October 2026; Sunday 20 September and Saturday 10 October are worked.
    ("beijing", "15d", "2026-09-20 09:00", "2026-10-08 18:00", "the 5th of October is in Golden Week"),
    ("beijing", "3wd", "2026-09-30 09:00", "2026-10-10 18:00", "8, 9, and Saturday the 10th"),
    ("beijing", "1wd", "2026-09-18 09:00", "2026-09-20 18:00", "a Sunday that is worked"),
    # 2025: Mid-Autumn and National Day together, 1 to 8 October; Sunday 28 September is worked.
    ("beijing", "7d",  "2025-09-28 12:00", "2025-10-09 18:00", "the 5th of October, then the 9th"),
    # Midnight. The day on which a clock is set does not count, however much of it is left.
    ("beijing", "1wd", "2026-03-01 23:59", "2026-03-02 18:00", "Sunday, a minute before midnight"),
    ("beijing", "1wd", "2026-03-02 00:00", "2026-03-03 18:00", "Monday, at midnight"),
    # Hong Kong. Lunar New Year, Tuesday 17 to Thursday 19 February 2026; Saturdays are not worked.
    ("hongkong", "30m", "2026-02-17 00:00", "2026-02-17 00:30", "minutes run through holidays"),
    ("hongkong", "10d", "2026-02-09 10:00", "2026-02-20 18:00", "the 19th is the third day of the year"),
    ("hongkong", "2wd", "2026-02-13 10:00", "2026-02-20 18:00", "Monday the 16th, Friday the 20th"),
    ("hongkong", "5wd", "2026-02-14 10:00", "2026-02-25 18:00", "16, 20, 23, 24, 25"),
    # Easter and Ching Ming, Friday 3 to Tuesday 7 April 2026.
    ("hongkong", "30d", "2026-03-05 10:00", "2026-04-08 18:00", "the 4th of April is Holy Saturday"),
    ("hongkong", "2wd", "2026-04-02 10:00", "2026-04-09 18:00", "Wednesday the 8th, Thursday the 9th"),
    # Christmas and New Year.
    ("hongkong", "3wd", "2026-12-24 10:00", "2026-12-30 18:00", "28, 29, 30"),
    ("hongkong", "10d", "2026-12-22 10:00", "2027-01-04 18:00", "New Year's Day is a Friday"),
    # Typhoons and black rain: no working days, by the city's own table.
    ("hongkong", "1wd", "2023-08-31 10:00", "2023-09-04 18:00", "Saola on Friday the 1st"),
    ("hongkong", "1d",  "2023-08-31 10:00", "2023-09-04 18:00", "nor a last day"),
    ("hongkong", "2wd", "2023-09-05 10:00", "2023-09-11 18:00", "black rain on the 7th and the 8th"),
    ("hongkong", "1wd", "2025-09-22 10:00", "2025-09-25 18:00", "Ragasa on the 23rd and the 24th"),
    ("hongkong", "24h", "2025-09-23 10:00", "2025-09-24 10:00", "hours run through a typhoon"),
    ("hongkong", "1wd", "2026-02-15 23:59", "2026-02-16 18:00", "Sunday, a minute before midnight"),
    ("hongkong", "1wd", "2026-02-16 00:00", "2026-02-20 18:00", "Monday, at midnight"),
]
# fmt: on


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Shanghai"))


@pytest.mark.parametrize("city, span, set_at, due_at, why", TABLE)
def test_a_clock_ends_when_the_table_says(
    city: str, span: str, set_at: str, due_at: str, why: str
) -> None:
    assert WORKDAYS[city].add(Span.parse(span), local(set_at)) == local(due_at), why


@pytest.mark.parametrize("set_at", ["2026-02-10 10:00", "2026-02-10 00:00", "2026-02-10 23:59"])
def test_the_citys_own_day_counts_wherever_the_machine_stands(set_at: str) -> None:
    here = WORKDAYS["beijing"].add(Span.parse("7d"), local(set_at))
    assert WORKDAYS["beijing"].add(Span.parse("7d"), local(set_at).astimezone(UTC)) == here


@pytest.mark.parametrize("text", ["", "7", "d", "0d", "-1d", "1.5h", "7 d", "7w", "99999d", "７d"])
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a span"):
        Span.parse(text)


moments = st.datetimes(datetime(2024, 1, 1), datetime(2026, 11, 30), timezones=st.just(UTC))
spans = st.builds(Span, st.integers(1, 40), st.sampled_from(["m", "h", "d", "wd"]))
cities = st.sampled_from(sorted(WORKDAYS))


@given(cities, spans, moments)
def test_a_clock_ends_after_it_was_set_and_in_working_hours(
    code: str, span: Span, set_at: datetime
) -> None:
    due_at = WORKDAYS[code].add(span, set_at)
    assert due_at > set_at
    if span.unit in ("d", "wd"):
        end = due_at.astimezone(WORKDAYS[code].zone)
        assert CITY[code].is_working_day(end.date()) and end.time() == time(18)


@given(cities, st.sampled_from(["m", "h", "d", "wd"]), st.integers(1, 30), moments)
def test_a_longer_span_never_ends_sooner(
    code: str, unit: str, amount: int, set_at: datetime
) -> None:
    days = WORKDAYS[code]
    assert days.add(Span(amount + 1, unit), set_at) >= days.add(Span(amount, unit), set_at)


@given(cities, spans, moments, st.timedeltas(timedelta(0), timedelta(days=60)))
def test_a_clock_that_stood_still_ends_later_by_as_much(
    code: str, span: Span, set_at: datetime, rest: timedelta
) -> None:
    days = WORKDAYS[code]
    due_at = days.add(span, set_at)
    later = days.shift(span.unit, due_at, set_at, set_at + rest)
    assert later >= due_at
    if span.unit in ("m", "h"):
        assert later == due_at + rest


@given(cities, spans, moments)
def test_a_clock_warns_then_runs_out_then_climbs(code: str, span: Span, set_at: datetime) -> None:
    times = clocks.times(TERMS[code], set_at, span=span)
    assert set_at < times["warn_at"] < times["due_at"] <= times["third_at"]


def test_a_clock_needs_a_length() -> None:
    with pytest.raises(ValueError, match="needs a span, or an end"):
        clocks.times(TERMS["beijing"], local("2026-03-06 12:00"))


def test_working_days_lost_are_given_back_and_weekends_are_not() -> None:
    days = WORKDAYS["hongkong"]
    due = local("2026-03-13 18:00")  # a Friday
    friday, monday = local("2026-03-06 12:00"), local("2026-03-09 12:00")
    assert days.shift("wd", due, friday, monday) == local("2026-03-16 18:00")
    assert days.shift("wd", due, friday, local("2026-03-08 12:00")) == due
    assert days.shift("d", due, friday, monday) == local("2026-03-16 18:00")


def test_a_calendar_without_working_days_is_an_error_and_no_endless_search() -> None:
    never = Workdays(lambda _: False, ZoneInfo("Asia/Shanghai"), time(18))
    with pytest.raises(ValueError, match="no working day"):
        never.add(Span.parse("1wd"), local("2026-03-06 12:00"))


def test_every_typhoon_day_says_why_and_who_says_so() -> None:
    assert date(2025, 9, 24) in CITY["hongkong"].closures
    assert not CITY["beijing"].closures
