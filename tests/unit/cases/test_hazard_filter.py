"""The cases of a hazard are found by what was read of them, on either kind of database."""

from datetime import datetime, timedelta

from sqlalchemy import Engine, select

from cases import districts, hazards
from cases.case import Case
from runtime.database import transaction
from tests.unit.cases.test_topics import ZONE, Problem, Year

DAY = datetime(2026, 11, 3, 10, 0, tzinfo=ZONE)
NOTHING = Problem("refuse", "", "大埔區")
KINDS = hazards.kinds()


def families(*kinds: str) -> set[str]:
    return {KINDS[kind].family for kind in kinds}


def found(year: Year, family: str) -> set[int]:
    wanted = select(Case.id).where(Case.id.in_(districts.of_hazard(family)))
    return set(year.session.scalars(wanted))


def test_every_family_finds_the_cases_in_which_one_of_its_kinds_was_heard(engine: Engine) -> None:
    codes = list(KINDS)
    heard = [(), *((code,) for code in codes), *zip(codes, codes[1:] + codes[:1], strict=True)]
    with transaction(engine) as session:
        year = Year(session)
        cases = {year.case(DAY, NOTHING, hazards=kinds).id: families(*kinds) for kinds in heard}
        for family in families(*codes):
            told = {case_id for case_id, which in cases.items() if family in which}
            assert found(year, family) == told and told
        assert found(year, "no-such-family") == set()


def test_a_callers_words_are_no_hazard_whatever_they_quote(engine: Engine) -> None:
    with transaction(engine) as session:
        year = Year(session)
        one = year.case(DAY, NOTHING, hazards=("gas",))
        reading = session.scalars(select(districts.Reading)).one()
        reading.hazards = [{"kind": "gas", "words": ['佢話 "kind": "lift"', "煤氣味 100%_"]}]
        session.flush()
        assert found(year, KINDS["lift"].family) == set()
        assert found(year, KINDS["gas"].family) == {one.id}


def test_a_district_counts_each_case_of_the_hazard_once(engine: Engine) -> None:
    both = [code for code in KINDS if KINDS[code].family == "fire"][:2]
    with transaction(engine) as session:
        year = Year(session)
        year.case(DAY, NOTHING, hazards=tuple(both))
        year.case(DAY, Problem("refuse", "", "東區"), hazards=("gas",))
        year.case(DAY - timedelta(days=9), NOTHING, hazards=(both[0],))
        since, until = DAY - timedelta(days=1), DAY + timedelta(days=1)
        assert districts.count(session, since, until, hazard="fire") == {"大埔區": 1}
        assert districts.count(session, since, until) == {"大埔區": 1, "東區": 1}
