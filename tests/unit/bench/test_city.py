"""The year of cases that the benches are taken on is one that the rules could have written."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, func, select

from bench import city, year
from cases import clocks, followups, history, kpis, outcomes, referral_policy
from cases.case import Case
from cases.clocks import Clock
from cases.followups import Followup
from runtime.database import transaction
from tests.unit.cases.conftest import Records
from watch import clocks as watch

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
CASES = 300


@pytest.fixture
def filled(engine: Engine) -> Engine:
    city.fill([engine], CASES, NOW)
    return engine


def test_its_history_is_sealed_as_any_other(filled: Engine) -> None:
    with transaction(filled) as session:
        assert list(history.verify(session)) == []
        assert session.scalar(select(func.count(Case.id))) == CASES


def test_its_clocks_are_those_a_city_sets(filled: Engine) -> None:
    terms = city.terms()
    with transaction(filled) as session:
        for clock in session.scalars(select(Clock)):
            span = terms.promises.span(clock.grade, clock.kind)
            assert clock.due_at == terms.workdays.add(span, clock.set_at)
        case_ids = select(Case.id).where(Case.status == "accepted")
        for case in session.scalars(case_ids):
            kinds = {clock.kind for clock in clocks.running(session, case)}
            assert kinds == {"interim", "resolve"}
        stopped = select(Clock.case_id).where(Clock.stopped_at.is_(None)).distinct()
        assert len(list(session.scalars(stopped))) == CASES // city.ONE_OPEN_IN


def test_its_follow_ups_ended_in_every_way(filled: Engine) -> None:
    with transaction(filled) as session:
        ends = {(row.state, row.solved) for row in session.scalars(select(Followup))}
    assert ends == {
        (followups.ANSWERED, True),
        (followups.ANSWERED, False),
        (followups.NOT_REACHED, None),
    }


def test_some_of_it_does_not_count(filled: Engine) -> None:
    with transaction(filled) as session:
        said = outcomes.said(session, "city", NOW - city.YEAR, NOW)
    report = kpis.report(kpis.policy("10-50-40"), said)
    assert 0 < report.together.excluded < report.together.valid < report.together.asked


def test_the_watch_has_seen_to_all_of_it_and_life_goes_on(filled: Engine) -> None:
    sweep = watch.of_city(filled, city.terms(), referral_policy.of_city(city.CITY))
    assert watch.go_round(sweep, NOW) == {"warned": 0, "overdue": 0, "third": 0}
    assert sum(watch.go_round(sweep, NOW + timedelta(days=1)).values()) > 0
    with transaction(filled) as session:
        assert Records(session).message("new")[0].id == CASES + 1


def test_growth_is_how_many_times_as_long_the_most_cases_take() -> None:
    line = year.Line("SQLite", "something", (0.002, 0.003))
    assert line.as_dict((10, 100)) == {
        "database": "SQLite",
        "what": "something",
        "ms": {"10": 2.0, "100": 3.0},
        "growth": 1.5,
    }
