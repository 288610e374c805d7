"""Who somebody is to a case: by role, and by what the department was asked, has or is called to."""

from collections.abc import Iterator

import pytest

from cases import agents
from cases import case as case_module
from cases.permissions import ROLES, SYSTEM, Person, may
from tests.unit.cases.conftest import NOW, Records
from tests.unit.cases.scene import refused
from tests.unit.cases.test_referrals import Desk


@pytest.fixture
def desk(records: Records) -> Iterator[Desk]:
    case, _ = records.message()
    yield Desk(records, case).confirmed()


def parts(desk: Desk, by: Person) -> set[str]:
    return {*case_module.parts(desk.session, desk.case, by)}


@pytest.mark.parametrize(
    ("role", "has"),
    [
        ("agent", {"desk"}),
        ("supervisor", {"desk", "supervisor"}),
        ("admin", {"desk", "supervisor"}),
        ("coordinator", {"coordinator"}),
        ("leader", {"leader"}),
        ("auditor", set()),
        ("emperor", set()),
    ],
)
def test_a_role_gives_its_parts_whatever_the_case(desk: Desk, role: str, has: set[str]) -> None:
    assert parts(desk, Person("agent:9", role)) == has


def test_the_system_is_itself_and_nobody_else_is(desk: Desk) -> None:
    assert parts(desk, SYSTEM) == {"system"}
    assert parts(desk, Person("agent:9", "system")) == set()


def test_an_officer_has_no_part_in_a_case_that_is_not_the_departments(desk: Desk) -> None:
    desk.refer("hyd")
    assert parts(desk, desk.of("td")) == set()
    assert parts(desk, Person("agent:9", "officer")) == set()


def test_an_officer_of_a_district_office_is_one_in_every_case(desk: Desk) -> None:
    assert parts(desk, desk.person("x", "officer", "had", district=True)) == {"district"}


def test_who_was_asked_is_asked_until_the_answer(desk: Desk) -> None:
    desk.refer("hyd", "td")
    assert parts(desk, desk.of("hyd")) == {"asked", "asked_to_lead", "lead"}
    assert parts(desk, desk.of("td")) == {"asked", "asked_to_support"}
    desk.accept("td")
    assert parts(desk, desk.of("td")) == set()
    desk.accept("hyd")
    assert parts(desk, desk.of("hyd")) == {"lead"}


def test_who_is_called_is_called_until_the_end(desk: Desk) -> None:
    whistle = desk.blow(("bd", "hd"), danger=False)
    assert parts(desk, desk.of("hd")) == {"called"}
    assert parts(desk, desk.of("bd")) == {"called", "lead"}
    whistle.ended_at = NOW
    desk.session.flush()
    assert parts(desk, desk.of("hd")) == set()


def test_an_officer_works_for_a_department_and_nobody_else_does(records: Records) -> None:
    for role in ROLES:
        works_for = "hyd" if role != "officer" else None
        with refused("needs_department"):
            agents.add(records.session, f"wrong {role}", role, NOW, works_for)
    officer, _ = agents.add(records.session, "right", "officer", NOW, "hyd")
    assert (officer.role, officer.department) == ("officer", "hyd")


def test_a_role_that_is_the_systems_alone_is_given_to_nobody(records: Records) -> None:
    assert "system" not in ROLES and not may("system", "silence")
    with refused("unknown_role"):
        agents.add(records.session, "hal", "system", NOW)
