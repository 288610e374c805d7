"""Once a day every method looks at what the day added up to; each thing is raised once."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import insert
from sqlalchemy.orm import Session

from cases import alerts, daily, places, surges
from cases.alerts import Alert, Found
from cases.calls import Call
from cases.case import Case
from cases.daily import Day
from cases.hazards import Hazard
from cases.readings import Reading
from runtime.city import City
from runtime.settings import CITIES
from tests.unit.cases.conftest import BOSS, NOW, Records

HONGKONG = City.read(CITIES / "hongkong")
CENTRES = daily.centres(places.read(CITIES / "hongkong"))
DISTRICTS = sorted(CENTRES)
SUNDAY = date(2026, 11, 22)
DAY = timedelta(days=1)


class Past:
    """Cases put in by the thousand, each with the district that was understood."""

    def __init__(self, session: Session) -> None:
        self.session, self.number = session, 0

    def opens(
        self, category: str, district: str, day: date, count: int, hazards: tuple[Hazard, ...] = ()
    ) -> None:
        noon = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=4)
        rows = range(self.number + 1, self.number + count + 1)
        if not count:
            return
        self.number += count
        calls = [
            dict(
                id=n,
                provider_id=f"CA{n}",
                provider="x",
                caller_masked="x",
                called="1823",
                status="completed",
                status_rank=9,
                began_at=noon,
                outgoing=False,
            )
            for n in rows
        ]
        cases = [
            dict(
                id=n,
                call_id=n,
                status="received",
                opened_at=noon,
                category=category,
                owner="desk",
                due_at=noon,
                flags=[],
                category_alternatives=[],
                category_reasons=[],
            )
            for n in rows
        ]
        readings = [
            dict(
                case_id=n,
                of="x",
                read_at=noon,
                places=[],
                hazards=[asdict(one) for one in hazards],
                dangers=[],
                district=district,
            )
            for n in rows
        ]
        for record, values in ((Call, calls), (Case, cases), (Reading, readings)):
            self.session.execute(insert(record), values)

    def is_quiet(self, category: str, days: int, mean: float = 1.0, until: date = SUNDAY) -> None:
        counts = np.random.default_rng(5).poisson(mean, (days, len(DISTRICTS)))
        for back, row in enumerate(counts):
            for district, count in zip(DISTRICTS, row.tolist(), strict=True):
                self.opens(category, district, until - back * DAY, count)

    def looks(self, day: date = SUNDAY) -> list[Alert]:
        of = Day(HONGKONG.time_zone, HONGKONG.is_working_day, CENTRES, day)
        return daily.look(self.session, of, NOW + (day - SUNDAY))


@pytest.fixture
def past(records: Records) -> Iterator[Past]:
    yield Past(records.session)


def test_every_district_has_its_middle() -> None:
    assert len(CENTRES) == 18
    assert all(22.1 < lat < 22.6 and 113.8 < lon < 114.5 for lat, lon in CENTRES.values())


def test_a_quiet_past_raises_nothing(past: Past) -> None:
    past.is_quiet("noise", 100)
    assert past.looks() == []


def test_a_day_with_many_is_raised_once_with_its_cases(past: Past) -> None:
    past.is_quiet("noise", 100)
    past.opens("noise", "大埔區", SUNDAY, 14)
    (alert,) = past.looks()
    assert (alert.method, alert.kind) == (daily.EARS_METHOD, "surge")
    assert alert.seen >= 14 and alert.expected < 3 and alert.probability < 1e-4
    assert len(alert.cases) == alert.seen
    assert past.looks() == []
    assert daily.SCAN_METHOD in alerts.methods(alert)


def test_what_callers_speak_of_is_counted_whatever_it_is_filed_under(past: Past) -> None:
    """Four departments have a few calls more each; all of them speak of gas."""
    filed = ("noise", "street-lamp", "pests", "flooding")
    for category in filed:
        past.is_quiet(category, 100)
        past.opens(category, "大埔區", SUNDAY, 3, (Hazard("gas", ("煤氣味",)),))
    (alert,) = past.looks()
    assert (alert.method, alert.kind, alert.seen) == (daily.EARS_METHOD, "surge", 12)
    about = {"family": "gas", "hazard": "gas", "district": "大埔區", "day": "2026-11-22"}
    assert alert.subject == about
    assert len(alert.cases) == 12 and alert.probability < 1e-4
    assert past.looks() == []


def test_a_category_that_stands_for_a_hazard_is_not_counted_twice(past: Past) -> None:
    past.is_quiet("gas", 100)
    past.opens("gas", "大埔區", SUNDAY, 14, (Hazard("gas", ()),))
    (alert,) = past.looks()
    assert alert.subject["category"] == "gas" and "hazard" not in alert.subject
    zone = HONGKONG.time_zone
    assert surges.series_of(past.session, zone, SUNDAY, 3, by="hazard").cells == []


def test_each_hazard_a_caller_spoke_of_counts_once_a_case(past: Past) -> None:
    both = (Hazard("gas", ("煤氣", "漏氣")), Hazard("scaffold", ("棚網",)))
    past.opens("noise", "東區", SUNDAY, 2, both)
    past.opens("pests", "", SUNDAY - DAY, 1, both[:1])
    series = surges.series_of(past.session, HONGKONG.time_zone, SUNDAY, 3, by="hazard")
    assert dict(zip(series.cells, series.counts.tolist(), strict=True)) == {
        ("gas", ""): [0, 1, 0],
        ("gas", "東區"): [0, 0, 2],
        ("scaffold", "東區"): [0, 0, 2],
    }


def test_neighbours_with_a_little_more_each_are_found_by_the_scan(past: Past) -> None:
    past.is_quiet("pests", 120)
    for back in range(6):
        for district in ("深水埗區", "油尖旺區", "九龍城區"):
            past.opens("pests", district, SUNDAY - back * DAY, 2)
    (alert,) = past.looks()
    assert (alert.method, alert.kind, alert.probability) == (daily.SCAN_METHOD, "scan", 0.001)
    assert {"深水埗區", "油尖旺區"} <= set(alert.subject["districts"])
    assert 4 <= alert.subject["days"] <= 10
    assert len(alert.cases) == alert.seen > alert.expected


def test_the_scan_says_nothing_before_it_knows_the_past(past: Past) -> None:
    past.is_quiet("pests", 40)
    for back in range(6):
        past.opens("pests", "深水埗區", SUNDAY - back * DAY, 3)
    assert daily.SCAN_METHOD not in {one.method for one in past.looks()}


def test_a_week_is_set_against_the_same_weeks_of_years_past(past: Past) -> None:
    weeks = np.random.default_rng(1).poisson(12, 53 * 4)
    for back, count in enumerate(weeks.tolist()):
        past.opens("flooding", "", SUNDAY - (back * 7 + 3) * DAY, count)
    for back in range(7):
        past.opens("flooding", "", SUNDAY - back * DAY, 4)
    found = {one.method: one for one in past.looks()}
    alert = found[daily.FARRINGTON_METHOD]
    assert alert.seen >= 28 and 8 < alert.expected < 18 and alert.probability < 0.01
    assert len(alert.cases) == alert.seen
    assert alert.subject["district"] == ""


def test_farrington_looks_on_sundays_only_and_where_it_is_installed(
    past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = np.random.default_rng(1).poisson(5, 53 * 4)
    for back, count in enumerate(counts.tolist()):
        past.opens("flooding", "", SUNDAY - (back * 7 + 3) * DAY, count)
    past.opens("flooding", "", SUNDAY - 3 * DAY, 40)
    monkeypatch.setattr(daily, "has_farrington", lambda: False)
    assert past.looks() == []
    monkeypatch.undo()
    assert past.looks(SUNDAY - DAY) == []
    assert [one.method for one in past.looks()] == [daily.FARRINGTON_METHOD]


def test_the_same_thing_by_another_method_is_no_second_alarm(records: Records) -> None:
    first = alerts.raise_once(records.session, found("EARS C2", ["東區"], 6), NOW)
    assert first is not None
    assert (
        alerts.raise_once(records.session, found("Kulldorff scan", ["東區", "南區"], 9), NOW)
        is None
    )
    assert alerts.methods(first) == ["EARS C2", "Kulldorff scan"]
    other = alerts.raise_once(records.session, found("Kulldorff scan", ["沙田區"], 9), NOW)
    assert other is not None and other.id != first.id


def test_the_day_after_it_is_no_news_unless_it_doubled(records: Records) -> None:
    assert alerts.raise_once(records.session, found("EARS C2", ["東區"], 6, day=1), NOW)
    later = NOW + DAY
    assert alerts.raise_once(records.session, found("EARS C2", ["東區"], 7, day=2), later) is None
    assert alerts.raise_once(records.session, found("EARS C2", ["東區"], 12, day=3), later)
    assert alerts.raise_once(records.session, found("EARS C2", ["東區"], 7, day=9), NOW + 9 * DAY)


def test_the_same_cases_are_the_same_thing_whatever_they_are_called(
    past: Past, records: Records
) -> None:
    past.opens("fire-safety", "大埔區", SUNDAY, 9)
    hazard = Found(
        "hazard", "repeats", {"family": "fire", "place": "宏福苑"}, 3, 0.1, 1e-5, [1, 2, 3], "c"
    )
    first = alerts.raise_one(records.session, hazard, NOW)
    assert first is not None
    assert (
        alerts.raise_once(records.session, found("EARS C2", ["大埔區"], 4, cases=[1, 2, 3, 9]), NOW)
        is None
    )
    assert alerts.methods(first) == ["repeats", "EARS C2"]
    assert alerts.raise_once(
        records.session, found("EARS C2", ["大埔區"], 4, cases=[3, 7, 8, 9]), NOW
    )


def test_an_alert_counts_in_the_record_of_every_method_that_found_it(records: Records) -> None:
    first = alerts.raise_once(records.session, found("EARS C2", ["東區"], 6), NOW)
    alerts.raise_once(records.session, found("Kulldorff scan", ["東區"], 6), NOW)
    assert first is not None
    alerts.judge(records.session, first, "false", by=BOSS, now=NOW)
    told = [
        (one.method, one.raised, one.judged, one.false) for one in alerts.record(records.session)
    ]
    assert told == [("EARS C2", 1, 1, 1), ("Kulldorff scan", 1, 1, 1)]


def test_days_are_those_of_the_city_and_weeks_add_them_up(past: Past) -> None:
    past.session.flush()
    late = datetime(2026, 11, 21, 17, tzinfo=UTC)  # past midnight in Hong Kong
    past.opens("noise", "東區", SUNDAY, 2)
    past.session.execute(Case.__table__.update().values(opened_at=late))
    zone = HONGKONG.time_zone
    series = surges.series_of(past.session, zone, SUNDAY, 3)
    assert series.counts.tolist() == [[0, 0, 2]]
    assert surges.weeks_of(past.session, zone, SUNDAY, 2).counts.tolist() == [[0, 2]]
    assert len(surges.cases_behind(past.session, zone, "noise", ["東區"], SUNDAY, SUNDAY)) == 2


def found(
    method: str, districts: list[str], seen: int, *, day: int = 1, cases: list[int] | None = None
) -> Found:
    subject = {"category": "noise", "district": "、".join(districts), "districts": districts}
    name = f"{method}:{districts}:{day}:{cases}"
    return Found("surge", method, subject, seen, 1.0, 1e-5, cases or [], name)
