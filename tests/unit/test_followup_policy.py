"""When citizens may be rung back, and which numbers never."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cases import followup_policy
from cases.followup_policy import FollowupPolicy
from cases.pack import PackError
from runtime.city import City
from tests.conftest import PROJECT

HONGKONG = ZoneInfo("Asia/Hong_Kong")
CITIES = sorted(file.parent for file in (PROJECT / "cities").glob("*/city.yaml"))
USUAL = FollowupPolicy(spec=1)


@pytest.mark.parametrize("folder", CITIES, ids=lambda folder: folder.name)
def test_every_citys_file_can_be_read(folder: Path) -> None:
    policy = followup_policy.read(folder)
    assert policy.prefixes == (City.read(folder).country_prefix,)


def test_a_city_without_the_file_has_the_careful_defaults(tmp_path: Path) -> None:
    policy = followup_policy.read(tmp_path)
    assert followup_policy.hours_in_words(policy) == {
        "workday": "09:00-20:00",
        "weekend": "09:00-20:00",
        "makeup": "09:00-20:00",
        "holiday": "closed",
    }
    assert (policy.tries, policy.per_number_per_day) == (3, 2)


@pytest.mark.parametrize(
    ("local", "kind", "may"),
    [
        ("2026-11-24 08:59", "workday", False),
        ("2026-11-24 09:00", "workday", True),
        ("2026-11-24 19:59", "workday", True),
        ("2026-11-24 20:00", "workday", False),
        ("2026-11-24 12:00", "holiday", False),
        ("2026-11-29 12:00", "weekend", True),
    ],
)
def test_the_hours_are_on_the_citys_clock(local: str, kind: str, may: bool) -> None:
    now = datetime.fromisoformat(local).replace(tzinfo=HONGKONG).astimezone(UTC)
    assert USUAL.may_ring(now, HONGKONG, kind) is may  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("day", "city", "kind"),
    [
        ("2026-11-24", "hongkong", "workday"),
        ("2026-11-29", "hongkong", "weekend"),
        ("2026-12-25", "hongkong", "holiday"),
        ("2026-02-14", "beijing", "makeup"),
        ("2026-10-01", "beijing", "holiday"),
        ("2026-10-10", "beijing", "makeup"),
        ("2026-10-11", "beijing", "weekend"),
    ],
)
def test_the_kind_of_a_day_is_the_calendars(day: str, city: str, kind: str) -> None:
    found = City.read(PROJECT / "cities" / city).day_kind(datetime.fromisoformat(day).date())
    assert found == kind


@pytest.mark.parametrize(
    ("number", "why"),
    [
        ("+85291234567", None),  # mobile
        ("+85228001823", None),  # fixed
        ("+8613800138000", "foreign"),
        ("+8529", "no_number"),
        ("anonymous", "no_number"),
        ("sip:alice@exchange.example", "no_number"),
        ("", "no_number"),
        ("999", "no_number"),
        ("+85290012345678", "costly"),  # premium rate
        ("+85212345678", "no_number"),  # not assigned to anybody
        ("+37167895432", "foreign"),
        ("+8529123456７", "no_number"),
    ],
)
def test_which_numbers_are_rung(number: str, why: str | None) -> None:
    assert USUAL.refusal(number, "+852") == why


def test_the_citys_own_list_of_countries_counts() -> None:
    policy = FollowupPolicy(spec=1, prefixes=("+852", "+861"))
    assert policy.refusal("+8613800138000", "+852") is None
    assert policy.refusal("+861065123456", "+852") is None
    assert policy.refusal("+862165123456", "+852") == "foreign"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("hours: {workday: 9 to 5}", 'write "09:00-20:00"'),
        ("hours: {workday: 22:00-06:00}", "does not end on the day"),
        ("hours: {sundays: closed}", "is not a field"),
        ("tries: 0", "greater than or equal to 1"),
        ("prefixes: ['852']", "should match pattern"),
        ("caps: 3", "is not a field"),
    ],
)
def test_a_mistake_is_told_in_one_line(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "followup.yaml").write_text(f"spec: 1\n{line}\n", encoding="utf-8")
    with pytest.raises(PackError) as refused:
        followup_policy.read(tmp_path)
    assert said in str(refused.value) and "\n" not in str(refused.value)


def test_a_day_begins_at_the_citys_midnight() -> None:
    now = datetime(2026, 11, 24, 17, 30, tzinfo=UTC)  # half past one in Hong Kong, the next day
    assert followup_policy.day_begins(now, HONGKONG) == datetime(2026, 11, 24, 16, tzinfo=UTC)
