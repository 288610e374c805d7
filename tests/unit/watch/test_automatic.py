"""The round that refers what nobody need look at: case by case, once, whatever else is wrong."""

from dataclasses import replace
from datetime import date
from threading import Barrier, Thread

import pytest
from sqlalchemy import Engine, select

from cases import asked, history
from cases.case import Case
from runtime.database import transaction
from tests.unit.cases.conftest import NOW, TERMS, Records
from tests.unit.cases.test_automatic import OFF, ON, lamp
from tests.unit.cases.test_understanding import City
from watch import automatic

RULES = automatic.Rules(TERMS, ON)


def lamps(engine: Engine, count: int) -> list[int]:
    with transaction(engine) as session:
        city = City(Records(session))
        return [lamp(city).id for _ in range(count)]


def statuses(engine: Engine) -> list[str]:
    with transaction(engine) as session:
        return list(session.scalars(select(Case.status).order_by(Case.id)))


def test_each_case_that_is_due_is_referred_once(engine: Engine) -> None:
    lamps(engine, 3)
    assert automatic.go_round(engine, RULES, NOW) == 3
    assert automatic.go_round(engine, RULES, NOW) == 0
    assert statuses(engine) == ["referred"] * 3


def test_where_the_city_does_not_say_so_nothing_is(engine: Engine) -> None:
    lamps(engine, 1)
    assert automatic.go_round(engine, automatic.Rules(TERMS, OFF), NOW) == 0
    assert statuses(engine) == ["received"]


def test_two_watches_at_once_refer_it_once(engine: Engine) -> None:
    (case_id,) = lamps(engine, 1)
    both = Barrier(2)

    def go() -> None:
        both.wait()
        automatic.go_round(engine, RULES, NOW)

    watches = [Thread(target=go) for _ in range(2)]
    for one in watches:
        one.start()
    for one in watches:
        one.join()
    with transaction(engine) as session:
        assert len(asked.of_case(session, case_id)) == 1
        told = [line.action for line in history.of_case(session, case_id)]
    assert told.count("referred_by_itself") == 1


def test_what_has_no_rule_yet_waits_for_a_person_and_hinders_no_other(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    cases = lamps(engine, 2)
    begins_later = replace(ON.routing, rules=(), starts=date(2099, 1, 1))
    rules = automatic.Rules(TERMS, replace(ON, routing=begins_later))
    assert automatic.go_round(engine, rules, NOW) == 0
    assert statuses(engine) == ["received"] * 2
    for case_id in cases:
        assert f"case {case_id} is not referred without a person" in caplog.text
