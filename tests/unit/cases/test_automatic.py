"""What is referred without a person: only where the city says so, and only the plain case."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from cases import (
    agents,
    asked,
    automatic,
    calls,
    clocks,
    history,
    leases,
    referral_policy,
    referrals,
)
from cases.case import Case, mark
from cases.permissions import Person
from cases.referral_policy import ReferralPolicy
from runtime.city import City as Town
from runtime.settings import CITIES
from tests.unit.cases.conftest import NOW, TERMS, Records
from tests.unit.cases.test_understanding import City

OFF = referral_policy.of_city(Town.read(CITIES / "hongkong"))
LAMP = "宏福苑門口盞街燈壞咗，街燈唔着，好黑"


def from_(enough: float, *codes: str) -> ReferralPolicy:
    """The city's rules, with this threshold for these categories."""
    kinds = {
        code: replace(one, refer_from=enough) if code in codes else one
        for code, one in OFF.routing.categories.items()
    }
    return replace(OFF, routing=replace(OFF.routing, categories=kinds))


ON = from_(0.5, "street-lamp")


@pytest.fixture
def city(records: Records) -> Iterator[City]:
    yield City(records)


def over(city: City, one: Case) -> Case:
    """The provider told that its call is over."""
    calls.note_status(city.records.session, one.call_id, "completed", NOW)
    city.records.session.flush()
    return one


def lamp(city: City, text: str = LAMP) -> Case:
    one = over(city, city.hears(text))
    assert one.category == "street-lamp" and (one.category_confidence or 0) > 0.5
    return one


def referred(city: City, policy: ReferralPolicy = ON) -> list[int]:
    """The cases that are referred by themselves now."""
    session = city.records.session
    session.flush()
    due = automatic.due(session, policy, NOW)
    return [one for one in due if automatic.refer(session, one, policy, TERMS, NOW)]


def test_out_of_the_box_nothing_is_referred_without_a_person(city: City) -> None:
    assert automatic.thresholds(OFF) == {}
    lamp(city)
    assert referred(city, OFF) == []


def test_what_is_sure_enough_goes_to_its_department(city: City) -> None:
    one = lamp(city)
    assert referred(city) == [one.id]
    (ask,) = asked.of_case(city.records.session, one.id)
    assert (one.status, ask.department, ask.asked_by) == ("referred", "hd", "system")
    # By rule an estate's lamps are not Highways's.
    assert ask.rule is not None and one.owner == "hd"
    running = {clock.kind for clock in clocks.running(city.records.session, one.id)}
    assert running == {clocks.ACCEPT, clocks.RESOLVE}


def test_its_history_says_that_no_person_looked_and_why(city: City) -> None:
    one = lamp(city)
    referred(city)
    lines = {line.action: line for line in history.of_case(city.records.session, one.id)}
    told = lines["referred_by_itself"]
    assert told.actor == lines["refer"].actor == history.SYSTEM
    assert (told.detail["category"], told.detail["enough"]) == ("street-lamp", 0.5)
    assert told.detail["confidence"] == round(one.category_confidence or 0, 3)
    assert "街燈" in told.detail["words"]
    assert one.category_confirmed is False


def test_it_happens_once(city: City) -> None:
    one = lamp(city)
    assert referred(city) == [one.id]
    assert referred(city) == []
    assert automatic.refer(city.records.session, one.id, ON, TERMS, NOW) is False
    assert len(asked.of_case(city.records.session, one.id)) == 1


@pytest.mark.parametrize(
    "policy",
    [from_(1, "street-lamp"), from_(0.5, "noise"), from_(0.5, "other")],
    ids=["not as sure as that", "of another category", "of no category"],
)
def test_all_else_waits_for_a_person(city: City, policy: ReferralPolicy) -> None:
    one = lamp(city)
    assert referred(city, policy) == []
    assert one.status == "received"


@pytest.mark.parametrize(
    "flag", ["danger", "suspect_text", "low_confidence", "hung_up", "wants_person"]
)
def test_a_case_with_anything_marked_on_it_is_a_persons(city: City, flag: str) -> None:
    mark(lamp(city), flag)
    assert referred(city) == []


def test_while_the_caller_still_speaks_nothing_is_decided(city: City) -> None:
    one = city.hears(LAMP)
    assert referred(city) == []
    over(city, one)
    assert referred(city) == [one.id]


@pytest.mark.parametrize("text", ["盞街燈壞咗，街燈唔着，好黑", "大埔盞街燈壞咗，街燈唔着，好黑"])
def test_where_the_place_is_not_known_somebody_must_ask(city: City, text: str) -> None:
    lamp(city, text)
    assert referred(city) == []


def test_what_somebody_has_in_hand_is_left_to_them(city: City) -> None:
    one = lamp(city)
    session = city.records.session
    agent, _ = agents.add(session, "mei", "agent", NOW)
    session.flush()
    leases.take(session, one, by=Person(f"agent:{agent.id}", "agent"), now=NOW)
    assert referred(city) == []
    later = NOW + leases.LASTS + timedelta(seconds=1)
    assert automatic.due(session, ON, later) == [one.id]


def test_a_case_that_cannot_be_referred_keeps_no_other_waiting(city: City) -> None:
    for _ in range(3):
        lamp(city, "大埔盞街燈壞咗，街燈唔着，好黑")
    one = lamp(city)
    assert referred(city) == [one.id]


def test_what_departments_kept_is_counted(city: City) -> None:
    session = city.records.session
    assert automatic.kept(session, NOW).share is None
    cases = [lamp(city) for _ in range(3)]
    referred(city)
    housing = Person("agent:5", "officer", "hd")
    referrals.accept(session, cases[0], by=housing, terms=TERMS, now=NOW)
    referrals.give_back(
        *(session, cases[1], next(iter(ON.reasons)), "不屬本署", "hyd"),
        by=housing,
        terms=TERMS,
        policy=ON,
        now=NOW,
    )
    rate = automatic.kept(session, NOW)
    assert (rate.n, float(rate.share or 0)) == (2, 0.5)
