"""The register of disputes: the same two departments about the same matter, again and again."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from cases import disputes, routing
from cases.disputes import Dispute
from tests.unit.cases.conftest import BOSS, NOW, Records
from tests.unit.cases.test_referrals import POLICY, Desk

DAY = timedelta(days=1)
LATER = NOW + 30 * DAY


@dataclass
class Turf:
    """Cases that are returned, one after another."""

    records: Records
    cases: int = 0

    def returned(
        self,
        by: str,
        naming: str,
        category: str = "street-lamp",
        place: str | None = None,
        now: datetime = NOW,
    ) -> None:
        self.cases += 1
        case, _ = self.records.message(f"CA{self.cases}")
        desk = Desk(self.records, case).confirmed(category)
        for referral in desk.refer(by, now=now):
            referral.district = place
        desk.give_back(by, naming, now=now)

    def register(self, least: int = 2) -> list[Dispute]:
        self.records.session.flush()
        return disputes.register(self.records.session, LATER, least)


@pytest.fixture
def turf(records: Records) -> Turf:
    return Turf(records)


def test_a_dispute_is_between_two_whoever_returned_it(turf: Turf) -> None:
    turf.returned("hyd", "hd", now=NOW + 3 * DAY)
    turf.returned("hd", "hyd", now=NOW)
    turf.returned("hyd", "hd", now=NOW + 5 * DAY)
    assert turf.register() == [
        Dispute(
            category="street-lamp",
            place=None,
            departments=("hd", "hyd"),
            count=3,
            cases=3,
            first=NOW,
            last=NOW + 5 * DAY,
            age=30 * DAY,
        )
    ]


def test_returned_once_is_an_answer_and_no_dispute(turf: Turf) -> None:
    turf.returned("hyd", "hd")
    assert turf.register() == []
    assert [one.count for one in turf.register(least=1)] == [1]


def test_another_place_category_or_pair_is_another_dispute(turf: Turf) -> None:
    for _ in range(2):
        turf.returned("hyd", "hd", place="九龍城區")
        turf.returned("hyd", "hd", place="沙田區")
        turf.returned("hyd", "td", place="沙田區")
        turf.returned("hyd", "hd", category="road", place="沙田區")
    assert {(d.category, d.place, d.departments, d.count) for d in turf.register()} == {
        ("street-lamp", "九龍城區", ("hd", "hyd"), 2),
        ("street-lamp", "沙田區", ("hd", "hyd"), 2),
        ("street-lamp", "沙田區", ("hyd", "td"), 2),
        ("road", "沙田區", ("hd", "hyd"), 2),
    }


def test_the_most_frequent_and_then_the_oldest_come_first(turf: Turf) -> None:
    for days, department in ((3, "td"), (2, "hd"), (1, "landsd")):
        for _ in range(3 if department == "landsd" else 2):
            turf.returned("hyd", department, now=NOW + days * DAY)
    assert [one.departments[0] for one in turf.register()] == ["hyd", "hd", "hyd"]
    assert [one.count for one in turf.register()] == [3, 2, 2]


def test_two_returns_of_one_case_are_two_returns_in_one_case(turf: Turf) -> None:
    case, _ = turf.records.message()
    desk = Desk(turf.records, case).confirmed()
    desk.refer("hyd")
    desk.give_back("hyd", "hd")
    desk.give_back("hd", "hyd")
    (one,) = turf.register()
    assert (one.count, one.cases) == (2, 1)


@pytest.mark.parametrize(
    ("place", "settled"), [(None, True), ("沙田區", True), ("九龍城區", False)]
)
def test_a_ruling_takes_its_dispute_off_the_register(
    turf: Turf, place: str | None, settled: bool
) -> None:
    for _ in range(2):
        turf.returned("hyd", "hd", place="沙田區")
    routing.rule(
        turf.records.session,
        POLICY.routing,
        "street-lamp",
        "hd",
        "All lamps there are one department's.",
        by=BOSS,
        now=NOW + DAY,
        starts=(NOW + DAY).date(),
        place=place,
    )
    assert (turf.register() == []) == settled
    for _ in range(2):
        turf.returned("hd", "hyd", place="沙田區", now=NOW + 9 * DAY)
    (again,) = turf.register()
    assert again.count == (2 if settled else 4)
