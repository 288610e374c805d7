"""A case changes by known actions only, each leaves a line, and no line ever changes."""

from datetime import datetime

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm.exc import StaleDataError

from cases import case as case_module
from cases import history
from cases.calls import Call
from cases.case import Case
from cases.errors import Refused
from runtime.database import transaction
from tests.unit.cases.conftest import BOSS, LAMPS, MEI, NOW, TERMS, Records


@pytest.mark.parametrize(
    "statement", ["UPDATE history SET actor = 'nobody'", "DELETE FROM history"]
)
def test_the_database_itself_refuses_to_change_history(engine: Engine, statement: str) -> None:
    with transaction(engine) as session:
        Records(session).message()
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(text(statement))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT actor FROM history")).scalars().all() == ["system"]


def test_every_action_leaves_a_line(records: Records) -> None:
    case, _ = records.message()
    version = case.version
    case_module.confirm(records.session, case, LAMPS, version=version, by=MEI, terms=TERMS, now=NOW)
    records.session.flush()
    case_module.close(records.session, case, "mended", version=case.version, by=MEI, now=NOW)
    records.session.flush()
    case_module.reopen(
        records.session, case, "dark again", version=case.version, by=BOSS, terms=TERMS, now=NOW
    )
    records.session.flush()
    lines = history.of_case(records.session, case.id)
    assert [(line.action, line.actor) for line in lines] == [
        ("opened", "system"),
        ("confirm", "agent:1"),
        ("close", "agent:1"),
        ("reopen", "agent:2"),
    ]
    assert lines[1].detail == {
        "category": "street-lamps",
        "was_category": None,
        "was": "received",
    }
    assert case.status == "received"


def test_who_looked_at_an_older_version_is_refused(records: Records) -> None:
    case, _ = records.message()
    case_module.confirm(
        records.session, case, LAMPS, version=case.version, by=MEI, terms=TERMS, now=NOW
    )
    records.session.flush()
    with pytest.raises(Refused) as refused:
        case_module.close(
            records.session, case, "mended", version=case.version - 1, by=BOSS, now=NOW
        )
    assert refused.value.code == "changed"


def test_two_people_at_once_cannot_both_change_a_case(engine: Engine) -> None:
    with transaction(engine) as session:
        case, _ = Records(session).message()
        case_id = case.id
    with transaction(engine) as session:
        late = session.get_one(Case, case_id)
        session.expunge(late)
    with transaction(engine) as session:
        case_module.mark(session.get_one(Case, case_id), "hung_up")
    with pytest.raises(StaleDataError), transaction(engine) as session:
        session.add(late)
        case_module.mark(late, "wants_person")


def test_a_moment_without_a_time_zone_is_refused(engine: Engine) -> None:
    naive = datetime(2026, 11, 24, 9, 30)
    with pytest.raises(Exception, match="without a time zone"), transaction(engine) as session:
        session.get_one(Call, Records(session).call()).ended_at = naive


def test_a_moment_comes_back_as_it_went_in(records: Records) -> None:
    call = records.session.get_one(Call, records.call())
    records.session.refresh(call)
    assert call.began_at == NOW
    assert call.began_at.tzinfo is not None
