"""Who may sign in is changed by admins, each change is told for good, and there is always an admin left."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from cases import admin_history, agents, people, signins
from cases.accesses import OPERATOR
from cases.admin_history import AdminEntry
from cases.agents import Agent
from cases.errors import Refused
from cases.permissions import Person
from runtime.database import transaction
from tests.unit.cases.conftest import NOW, Records


def add(session: Session, name: str, role: str = "admin", department: str | None = None) -> Agent:
    made, _ = people.add(session, name, role, by=OPERATOR, now=NOW, department=department)
    return made


def as_person(agent: Agent) -> Person:
    return Person(agents.actor(agent.id), agent.role)


def told(session: Session, agent: Agent) -> list[tuple[str, str]]:
    """Action and actor of what was done to somebody, the first first."""
    found = admin_history.of(session, agents.actor(agent.id))
    return [(line.action, line.actor) for line in reversed(found)]


def test_every_change_is_told_with_who_did_it(records: Records) -> None:
    session = records.session
    boss, mei = add(session, "boss"), add(session, "mei", "agent")
    how = {"by": as_person(boss), "now": NOW}
    people.give_role(session, mei, "officer", "hyd", **how)
    people.give_email(session, mei, "mei@city.example", **how)
    people.new_password(session, mei, **how)
    people.end_signins(session, mei, **how)
    people.reset_second_factor(session, mei, **how)
    people.switch_off(session, mei, **how)
    people.switch_on(session, mei, **how)
    by = agents.actor(boss.id)
    actions = ("role", "email", "password", "end", "two_factor_reset", "off", "on")
    assert told(session, mei) == [("add", "operator"), *((one, by) for one in actions)]


def test_what_changes_nothing_is_not_told(records: Records) -> None:
    session = records.session
    boss, mei = add(session, "boss"), add(session, "mei", "agent")
    how = {"by": as_person(boss), "now": NOW}
    people.give_role(session, mei, "agent", None, **how)
    people.give_email(session, mei, "", **how)
    assert told(session, mei) == [("add", "operator")]


@pytest.mark.parametrize(
    "statement", ["UPDATE admin_history SET actor = 'me'", "DELETE FROM admin_history"]
)
def test_the_database_itself_refuses_to_change_what_was_told(
    engine: Engine, statement: str
) -> None:
    with transaction(engine) as session:
        add(session, "boss")
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(text(statement))


def test_neither_a_password_nor_an_address_stands_in_what_is_told(records: Records) -> None:
    _, password = people.add(
        records.session, "mei", "agent", by=OPERATOR, now=NOW, email="mei@city.example"
    )
    details = str(records.session.scalars(select(AdminEntry.detail)).all())
    assert password not in details and "city.example" not in details


def test_nobody_takes_the_admin_role_from_themselves_or_switches_themselves_off(
    records: Records,
) -> None:
    session = records.session
    boss, _other = add(session, "boss"), add(session, "other")
    how = {"by": as_person(boss), "now": NOW}
    with pytest.raises(Refused, match="own_role"):
        people.give_role(session, boss, "agent", None, **how)
    with pytest.raises(Refused, match="own_role"):
        people.switch_off(session, boss, **how)
    assert boss.role == "admin" and boss.active


def test_an_admin_may_make_another_admin_something_else(records: Records) -> None:
    session = records.session
    boss, other = add(session, "boss"), add(session, "other")
    people.give_role(session, other, "auditor", None, by=as_person(boss), now=NOW)
    assert other.role == "auditor"


@pytest.mark.parametrize("how", ["role", "off"])
def test_two_admins_who_remove_one_another_at_the_same_moment_leave_one(
    engine: Engine, how: str
) -> None:
    with transaction(engine) as session:
        one, two = add(session, "one"), add(session, "two")
        pairs = [(as_person(one), two.id), (as_person(two), one.id)]

    def remove(pair: tuple[Person, int]) -> str:
        by, agent_id = pair
        try:
            with transaction(engine) as session:
                agent = session.get_one(Agent, agent_id)
                if how == "role":
                    people.give_role(session, agent, "agent", None, by=by, now=NOW)
                else:
                    people.switch_off(session, agent, by=by, now=NOW)
        except Refused as no:
            return no.code
        return "done"

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(remove, pairs)) == ["done", "last_admin"]


def test_an_admin_who_is_switched_off_does_not_count_as_one_left(records: Records) -> None:
    session = records.session
    boss, gone = add(session, "boss"), add(session, "gone")
    people.switch_off(session, gone, by=as_person(boss), now=NOW)
    stranger = Person("agent:999", "admin")
    with pytest.raises(Refused, match="last_admin"):
        people.switch_off(session, boss, by=stranger, now=NOW)


def test_at_the_servers_command_line_everything_may_be_done(records: Records) -> None:
    boss = add(records.session, "boss")
    people.switch_off(records.session, boss, by=OPERATOR, now=NOW)
    assert not boss.active


@pytest.mark.parametrize(
    "deed", ["new_password", "end_signins", "switch_off", "reset_second_factor"]
)
def test_what_shuts_the_old_way_in_ends_the_sign_ins(records: Records, deed: str) -> None:
    session = records.session
    boss, mei = add(session, "boss"), add(session, "mei", "agent")
    token = signins.begin(session, mei, NOW)
    assert signins.find(session, token, NOW) is not None
    getattr(people, deed)(session, mei, by=as_person(boss), now=NOW)
    assert signins.find(session, token, NOW) is None


def test_everybody_is_listed_those_switched_off_last(records: Records) -> None:
    session = records.session
    boss, _, zoe = add(session, "boss"), add(session, "amy", "agent"), add(session, "zoe", "agent")
    amy = agents.by_name(session, "amy")
    assert amy is not None
    people.switch_off(session, amy, by=as_person(boss), now=NOW)
    signins.begin(session, zoe, NOW)
    rows = people.everybody(session)
    assert [row.agent.name for row in rows] == ["boss", "zoe", "amy"]
    assert [row.seen_at for row in rows] == [None, NOW, None]


def test_where_there_is_nobody_the_first_admin_is_made_with_a_one_time_password(
    records: Records,
) -> None:
    password = people.first_admin(records.session, NOW)
    made = agents.by_name(records.session, "admin")
    assert password and made and made.role == "admin" and made.active
    assert agents.matches(made.password_hash, password)
    assert made.one_time_until == NOW + agents.ONE_TIME_LASTS
    assert told(records.session, made) == [("add", "operator")]
    assert people.first_admin(records.session, NOW) is None


def test_where_there_is_anybody_no_admin_is_made(records: Records) -> None:
    add(records.session, "mei", "agent")
    assert people.first_admin(records.session, NOW) is None
    assert agents.by_name(records.session, "admin") is None


def test_of_processes_that_start_at_once_one_makes_the_first_admin(engine: Engine) -> None:
    def start(_turn: int) -> str | None:
        with transaction(engine) as session:
            return people.first_admin(session, NOW)

    with ThreadPoolExecutor(4) as threads:
        made = [one for one in threads.map(start, range(4)) if one]
    with transaction(engine) as session:
        assert session.scalar(select(func.count()).select_from(Agent)) == 1
        agent = agents.by_name(session, "admin")
        assert agent and len(made) == 1 and agents.matches(agent.password_hash, made[0])
