"""A case may be left out of the rates: one asks, another decides, and it is all on the record."""

import pytest

from cases import exclusions
from cases.exclusions import Exclusion
from tests.unit.cases.conftest import NOW, Records
from tests.unit.cases.scene import refused
from tests.unit.cases.test_referrals import Desk


@pytest.fixture
def desk(records: Records) -> Desk:
    desk = Desk(records, records.message()[0]).confirmed()
    desk.refer("hyd")
    desk.accept("hyd")
    return desk


def ask(desk: Desk, reason: str = "The caller asks for the impossible.") -> Exclusion:
    return exclusions.ask(desk.session, desk.case, reason, by=desk.of("hyd"), now=NOW)


def decide(desk: Desk, one: Exclusion, approved: bool, who: str = "supervisor") -> None:
    by = desk.person(f"a {who}", who)
    exclusions.decide(desk.session, one, approved, "Agreed.", by=by, now=NOW)


def test_the_department_asks_and_a_supervisor_grants(desk: Desk) -> None:
    one = ask(desk)
    decide(desk, one, True)
    assert (one.approved, one.department, one.words) == (True, "hyd", "Agreed.")
    assert desk.lines("exclusion_asked")[0]["reason"] == one.reason
    assert desk.lines("exclusion_granted")[0]["asked_by"] == one.asked_by
    assert desk.case.status == "accepted"


def test_who_asked_does_not_decide(desk: Desk) -> None:
    boss = desk.person("a supervisor", "supervisor")
    one = exclusions.ask(desk.session, desk.case, "twice the same", by=boss, now=NOW)
    with refused("same_person"):
        decide(desk, one, True)
    decide(desk, one, False, who="coordinator")
    assert one.approved is False


def test_only_who_has_the_case_or_supervises_asks_and_only_these_decide(desk: Desk) -> None:
    with refused("forbidden"):
        exclusions.ask(desk.session, desk.case, "not ours", by=desk.of("bd"), now=NOW)
    with refused("forbidden"):
        exclusions.ask(desk.session, desk.case, "too hard", by=desk.desk(), now=NOW)
    one = ask(desk)
    with refused("forbidden"):
        exclusions.decide(desk.session, one, True, "why not", by=desk.desk(), now=NOW)


def test_it_needs_a_reason_and_words(desk: Desk) -> None:
    with refused("incomplete"):
        ask(desk, reason=" ")
    one = ask(desk)
    with refused("incomplete"):
        by = desk.person("a supervisor", "supervisor")
        exclusions.decide(desk.session, one, True, " ", by=by, now=NOW)


def test_it_is_asked_once_and_again_only_after_a_no(desk: Desk) -> None:
    one = ask(desk)
    with refused("asked_before"):
        ask(desk)
    decide(desk, one, False)
    with refused("decided_before"):
        decide(desk, one, True)
    again = ask(desk)
    decide(desk, again, True)
    with refused("asked_before"):
        ask(desk)
    assert [found.approved for found in exclusions.of_case(desk.session, desk.case.id)] == [
        False,
        True,
    ]


def test_what_waits_for_a_decision_is_listed(desk: Desk) -> None:
    one = ask(desk)
    assert [(found.id, case.id) for found, case in exclusions.waiting(desk.session)] == [
        (one.id, desk.case.id)
    ]
    decide(desk, one, True)
    assert exclusions.waiting(desk.session) == []
