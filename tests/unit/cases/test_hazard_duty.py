"""A hazard's alert goes to who is on duty for it, by name, and climbs from one to the next."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from cases import admin_history, agents, alerts, hazard_duty
from cases.agents import Agent
from cases.alerts import Alert
from cases.hazard_duty import HazardDuty
from tests.unit.cases.conftest import BOSS, NOW, Records
from tests.unit.cases.scene import refused
from tests.unit.cases.test_understanding import LEADER, NET, City

MINUTE = timedelta(minutes=1)
LIFT = "大埔宏福苑部升降機又壞咗"


@pytest.fixture
def session(records: Records) -> Session:
    return records.session


@pytest.fixture
def city(records: Records) -> City:
    return City(records)


def person(session: Session, name: str, role: str = "coordinator") -> Agent:
    agent = Agent(name=name, role=role, active=True, added_at=NOW, password_hash="")
    session.add(agent)
    session.flush()
    return agent


def on_duty(session: Session, family: str, *people: Agent) -> list[HazardDuty]:
    return [hazard_duty.add(session, family, one, by=BOSS, now=NOW) for one in people]


def raised(city: City, text: str = NET) -> Alert:
    for day in range(3):
        city.hears(text, day)
    (alert,) = city.alerts()
    return alert


def climb(session: Session, alert: Alert, minutes: int) -> int:
    return alerts.climb(session, alert.raised_at + minutes * MINUTE)


def test_it_is_told_to_each_of_them_in_turn_and_then_climbs_as_any_alert(
    session: Session, city: City
) -> None:
    ada, bo = person(session, "Ada"), person(session, "Bo", "supervisor")
    on_duty(session, "fire", ada, bo)
    alert = raised(city)
    people = [agents.actor(ada.id), agents.actor(bo.id)]
    assert city.notices("alert") == people[:1]
    assert climb(session, alert, 9) == 0 and climb(session, alert, 10) == 1
    assert city.notices("alert") == people
    assert climb(session, alert, 19) == 0 and climb(session, alert, 20) == 1
    assert city.notices("alert")[2:] == ["role:supervisor"]
    # The others wait for as long after the supervisors as ever: 30 and 120 minutes.
    assert climb(session, alert, 49) == 0 and climb(session, alert, 50) == 1
    assert climb(session, alert, 139) == 0 and climb(session, alert, 140) == 1
    assert climb(session, alert, 9999) == 0
    assert city.notices("alert")[3:] == ["role:coordinator", "role:leader"]


def test_who_acknowledges_ends_it(session: Session, city: City) -> None:
    on_duty(session, "fire", person(session, "Ada"), person(session, "Bo"))
    alert = raised(city)
    at = alert.raised_at + 5 * MINUTE
    alerts.acknowledge(session, alert, "我去睇", by=LEADER, now=at)
    assert climb(session, alert, 9999) == 0 and len(city.notices("alert")) == 1


def test_another_hazard_is_another_persons(session: Session, city: City) -> None:
    ada, bo = person(session, "Ada"), person(session, "Bo")
    on_duty(session, "fire", ada)
    on_duty(session, "lift", bo)
    raised(city, LIFT)
    assert city.notices("alert") == [agents.actor(bo.id)]


def test_where_nobody_is_on_duty_it_climbs_as_before(session: Session, city: City) -> None:
    on_duty(session, "lift", person(session, "Bo"))
    alert = raised(city)
    assert city.notices("alert") == ["role:supervisor"]
    assert alerts.ladder(alert) == alerts.policy().climbs


def test_who_is_switched_off_or_may_not_acknowledge_is_passed_over(
    session: Session, city: City
) -> None:
    ada, bo, cy = (person(session, name) for name in ("Ada", "Bo", "Cy"))
    on_duty(session, "fire", ada, bo, cy)
    ada.active = False
    session.flush()
    alert = raised(city)
    assert city.notices("alert") == [agents.actor(bo.id)]
    # What becomes of people while it climbs counts too.
    cy.role = "agent"
    session.flush()
    climb(session, alert, 10)
    assert city.notices("alert")[1:] == ["role:supervisor"]
    assert [one.able for one in hazard_duty.roster(session)["fire"]] == [False, True, False]


def test_an_alert_climbs_by_the_roster_of_when_it_was_raised(session: Session, city: City) -> None:
    ada, bo = person(session, "Ada"), person(session, "Bo")
    first, _ = on_duty(session, "fire", ada, bo)
    alert = raised(city)
    hazard_duty.remove(session, first, by=BOSS, now=NOW)
    climb(session, alert, 10)
    assert city.notices("alert") == [agents.actor(ada.id), agents.actor(bo.id)]


def test_a_surge_goes_to_who_is_on_duty_for_the_hazard_of_its_category(session: Session) -> None:
    assert hazard_duty.family_of({"category": "lift", "district": "東區"}) == "lift"
    assert hazard_duty.family_of({"family": "gas", "category": "lift"}) == "gas"
    assert hazard_duty.family_of({"category": "noise"}) is None


def test_only_who_may_acknowledge_is_put_on_duty_and_once(session: Session) -> None:
    ada = person(session, "Ada")
    on_duty(session, "gas", ada)
    with refused("on_duty_already"):
        on_duty(session, "gas", ada)
    with refused("cannot_acknowledge"):
        on_duty(session, "gas", person(session, "Di", "agent"))
    with refused("unknown_hazard"):
        on_duty(session, "dragons", ada)


def test_every_change_stands_in_the_admin_history(session: Session) -> None:
    ada = person(session, "Ada")
    (duty,) = on_duty(session, "gas", ada)
    hazard_duty.remove(session, duty, by=BOSS, now=NOW)
    lines = admin_history.of(session, agents.actor(ada.id))
    assert [line.action for line in lines] == ["hazard_duty_removed", "hazard_duty_added"]
    assert all(line.detail == {"name": "Ada", "family": "gas"} for line in lines)
    assert hazard_duty.roster(session) == {} and isinstance(lines[0].at, datetime)
