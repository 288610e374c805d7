"""A city is a folder of data, and no city's name stands in the code."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from runtime.city import City, CityError

ROOT = Path(__file__).resolve().parents[2]
CITIES = ROOT / "cities"
PRODUCTION = "ivr transcription callflows cases console watch runtime migrations"
DESK = {
    **dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "09:00-18:00"),
    **dict.fromkeys(("sat", "sun", "holiday"), "closed"),
    "makeup": "10:00-16:00",
}
LEFT_OUT = object()

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes Hong Kong's city.yaml with some fields changed to a folder of its own."""

    def _write(**changes: Any) -> Path:
        fields = yaml.safe_load((CITIES / "hongkong" / "city.yaml").read_text("utf-8")) | changes
        kept = {field: value for field, value in fields.items() if value is not LEFT_OUT}
        folder = tmp_path / "testville"
        folder.mkdir(exist_ok=True)
        (folder / "city.yaml").write_text(yaml.safe_dump(kept, allow_unicode=True), "utf-8")
        return folder

    return _write


def at(local: str, zone: str = "Asia/Hong_Kong") -> datetime:
    """`2026-02-17 10:00` on the city's clock, as the aware UTC time the program uses."""
    return datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


# --- the two cities we ship


def test_hong_kong_is_modelled_on_1823() -> None:
    city = City.read(CITIES / "hongkong")
    assert (city.code, city.script) == ("hongkong", "hk")
    assert (city.hotline, city.emergency) == ("1823", "999")
    assert city.languages == ("yue", "cmn", "en")
    assert (str(city.time_zone), city.holidays) == ("Asia/Hong_Kong", "HK")
    assert (city.country_prefix, city.day_ends) == ("+852", time(18))


def test_beijing_is_modelled_on_12345() -> None:
    city = City.read(CITIES / "beijing")
    assert (city.code, city.script) == ("beijing", "cn")
    assert (city.hotline, city.emergency) == ("12345", "110")
    assert city.languages == ("cmn", "en", "yue")
    assert (str(city.time_zone), city.holidays) == ("Asia/Shanghai", "CN")
    assert (city.country_prefix, city.day_ends) == ("+86", time(18))


@pytest.mark.parametrize("code", ["hongkong", "beijing"])
def test_both_hotlines_answer_day_and_night_and_on_new_years_day(code: str) -> None:
    city = City.read(CITIES / code)
    for moment in ("2026-01-01 04:00", "2026-02-17 12:00", "2026-06-06 23:59", "2026-06-07 00:00"):
        assert city.office_hours(at(moment)) == "open"


@pytest.mark.parametrize("file", sorted(CITIES.glob("*/city.yaml")), ids=lambda f: f.parent.name)
def test_every_city_here_can_be_read(file: Path) -> None:
    assert City.read(file.parent).code == file.parent.name


def test_prompts_may_say_the_facts_of_a_city() -> None:
    facts = City.read(CITIES / "beijing").facts()
    assert facts["hotline"] == "12345"
    assert (facts["emergency"], facts["fire"]) == ("110", "119")
    assert facts["city"] == {"yue": "北京", "cmn": "北京", "en": "Beijing"}
    assert set(facts["desk"]) == {"yue", "cmn", "en"}


def test_where_fire_has_no_number_of_its_own_it_is_the_emergency_number() -> None:
    assert City.read(CITIES / "hongkong").facts()["fire"] == "999"


def test_no_citys_name_or_number_stands_in_the_code() -> None:
    told = re.compile(r"Hong ?Kong|Beijing|香港|北京|(?<!\d)(?:1823|12345)(?!\d)", re.IGNORECASE)
    sources = [ROOT / "app.py", ROOT / "worker.py"]
    sources += [file for package in PRODUCTION.split() for file in (ROOT / package).rglob("*.py")]
    found = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()}"
        for file in sources
        if file.exists()
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1)
        if told.search(line)
    ]
    assert len(sources) > 10
    assert found == []


# --- a city of one's own


def test_a_copied_folder_is_a_new_city(tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere"
    shutil.copytree(CITIES / "hongkong", copy)
    assert City.read(copy).code == "elsewhere"


def test_an_unknown_city_is_answered_with_the_cities_there_are() -> None:
    with pytest.raises(CityError, match=r"no city 'atlantis'; CITY can be: beijing, hongkong$"):
        City.read(CITIES / "atlantis")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"hotlin": "1823"}, "hotlin: is not a field of this file; is it misspelt?"),
        ({"hotline": LEFT_OUT}, "hotline: is missing"),
        ({"hotline": 1823}, "hotline: must be text; put it in quotes"),
        ({"emergency": "nine nine nine"}, "emergency: "),
        ({"country_prefix": "852"}, "country_prefix: "),
        (
            {"name": {"yue": "某市", "en": "Some City"}},
            "name: must be given in each of yue, cmn, en",
        ),
        ({"languages": []}, "languages: list each language once, the default first"),
        ({"languages": ["en", "en"]}, "languages: list each language once, the default first"),
        ({"languages": ["en", "fr"]}, "languages.1: Input should be 'yue', 'cmn' or 'en'"),
        ({"script": "tw"}, "script: Input should be 'hk' or 'cn'"),
        ({"time_zone": "Mars/Olympus"}, "time_zone: 'Mars/Olympus' is not a time zone"),
        ({"holidays": "ZZ"}, "holidays: the holidays package knows no country 'ZZ'"),
        ({"overflow_calls": 0}, "overflow_calls: "),
        ({"day_ends": "soon"}, "day_ends: "),
        ({"closures": []}, "closures: "),
        ({"holiday_categories": ["bank"]}, "holiday_categories: "),
        ({"spec": 2}, "spec: Input should be 1"),
        ({"code": "other"}, "code: leave it out; the folder's name is the city's code"),
        ({"hours": {**DESK, "mon": "9 to 5"}}, "hours.mon: '9 to 5' is not like 09:00-18:00"),
        ({"hours": {**DESK, "mon": "25:00-26:00"}}, "hours.mon: '25:00-26:00' is not a span"),
        ({"hours": {**DESK, "tue": 540}}, 'hours.tue: write hours as "09:00-18:00" (in quotes)'),
        ({"hours": {"mon": "closed"}}, "hours.tue: is missing"),
    ],
)
def test_a_mistake_is_one_line_naming_file_and_field(
    write: Write, changes: dict[str, Any], said: str
) -> None:
    folder = write(**changes)
    with pytest.raises(CityError) as caught:
        City.read(folder)
    assert str(caught.value).startswith(f"{folder / 'city.yaml'}: {said}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["a: [1\nb: }", "- a list", "", "a: \x00"])
def test_a_file_that_is_no_yaml_of_fields_is_one_line_too(write: Write, content: str) -> None:
    folder = write()
    (folder / "city.yaml").write_text(content, "utf-8")
    with pytest.raises(CityError) as caught:
        City.read(folder)
    assert "\n" not in str(caught.value)


# --- when the desk is staffed


@pytest.mark.parametrize(
    ("moment", "status"),
    [
        ("2026-11-23 08:59", "closed"),  # a Monday
        ("2026-11-23 09:00", "open"),
        ("2026-11-23 17:59", "open"),
        ("2026-11-23 18:00", "closed"),
        ("2026-11-21 12:00", "closed"),  # Saturday
        ("2026-12-25 12:00", "holiday"),  # Christmas, a Friday
        ("2026-12-25 03:00", "holiday"),  # at an hour that is closed on any day
        ("2026-12-26 12:00", "holiday"),
        ("2026-12-28 12:00", "open"),
        ("2026-02-14 12:00", "closed"),  # a Saturday like any other here
    ],
)
def test_a_weekday_desk(write: Write, moment: str, status: str) -> None:
    assert City.read(write(hours=DESK)).office_hours(at(moment)) == status


@pytest.mark.parametrize(
    ("moment", "status"),
    [
        ("2026-02-14 09:30", "closed"),  # a Saturday worked for the Spring Festival, from ten
        ("2026-02-14 10:00", "open"),
        ("2026-02-14 16:00", "closed"),
        ("2026-02-17 12:00", "holiday"),  # Spring Festival
        ("2026-10-01 12:00", "holiday"),
        ("2026-10-10 12:00", "open"),  # a Saturday worked for the Golden Week
        ("2026-12-25 12:00", "open"),  # Christmas is no holiday here
    ],
)
def test_make_up_working_days_have_hours_of_their_own(
    write: Write, moment: str, status: str
) -> None:
    city = City.read(
        write(hours=DESK, holidays="CN", holiday_categories=["public"], time_zone="Asia/Shanghai")
    )
    assert city.office_hours(at(moment, "Asia/Shanghai")) == status


@pytest.mark.parametrize(
    ("moment", "status"),
    [
        ("2026-11-27 21:59", "closed"),
        ("2026-11-27 22:00", "open"),  # Friday night ...
        ("2026-11-28 00:00", "open"),
        ("2026-11-28 05:59", "open"),  # ... until Saturday morning
        ("2026-11-28 06:00", "closed"),
        ("2026-11-29 22:30", "closed"),  # no shift on Sunday
    ],
)
def test_a_shift_may_run_past_midnight(write: Write, moment: str, status: str) -> None:
    night = {**DESK, "fri": "22:00-06:00"}
    assert City.read(write(hours=night)).office_hours(at(moment)) == status


def test_a_shift_begun_before_a_holiday_is_finished(write: Write) -> None:
    city = City.read(write(hours={**DESK, "thu": "22:00-06:00"}))
    assert city.office_hours(at("2026-12-25 05:59")) == "open"  # since Thursday, Christmas Eve
    assert city.office_hours(at("2026-12-25 06:00")) == "holiday"


def test_several_shifts_leave_a_lunch_break(write: Write) -> None:
    city = City.read(write(hours={**DESK, "mon": "09:00-13:00, 14:00-18:00"}))
    assert city.office_hours(at("2026-11-23 12:59")) == "open"
    assert city.office_hours(at("2026-11-23 13:30")) == "closed"
    assert city.office_hours(at("2026-11-23 14:00")) == "open"


def test_the_hours_are_the_citys_not_the_machines(write: Write) -> None:
    city = City.read(write(hours=DESK))
    assert city.office_hours(datetime(2026, 11, 23, 1, 0, tzinfo=UTC)) == "open"  # 09:00 there
    assert city.office_hours(datetime(2026, 11, 23, 10, 0, tzinfo=UTC)) == "closed"  # 18:00 there


def test_a_time_without_a_zone_is_refused(write: Write) -> None:
    with pytest.raises(ValueError, match="aware"):
        City.read(write()).office_hours(datetime(2026, 11, 23, 9, 0))
