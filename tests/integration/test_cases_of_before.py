"""Cases that were open before there were clocks go on under the new rules: an owner, a clock, a way on."""

from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, text

from cases import accesses, clocks, history
from cases.case import Case
from runtime import database
from runtime.database import transaction
from tests.conftest import migrate

OPENED, DUE = "2026-11-01 00:00:00.000000", "2026-12-01 10:00:00.000000"
STATUSES = {1: "received", 2: "confirmed", 3: "closed"}


def insert(connection: Connection, number: int, status: str) -> None:
    """A call and its case as version 0.1 wrote them; a confirmed case was its department's."""
    values = {"id": number, "sid": f"CA{number}", "at": OPENED, "due": DUE, "status": status}
    values |= {"owner": "desk" if status == "received" else "hyd"}
    connection.execute(
        text(
            "INSERT INTO calls (id, provider_id, provider, caller_masked, called, status, "
            "status_rank, began_at) VALUES (:id, :sid, 'twilio', '', '1823', 'completed', 1, :at)"
        ),
        values,
    )
    connection.execute(
        text(
            "INSERT INTO cases (id, call_id, number, status, opened_at, category_alternatives, "
            "category_reasons, category_confirmed, owner, due_at, flags, version) VALUES "
            "(:id, :id, :sid, :status, :at, '[]', '[]', false, :owner, :due, '[]', 1)"
        ),
        values,
    )


def look(connection: Connection) -> None:
    """An agent of those days played a recording and had the number shown."""
    connection.execute(
        text(
            "INSERT INTO agents (id, name, password_hash, role, active, added_at) "
            "VALUES (5, 'mei', '', 'supervisor', true, :at)"
        ),
        {"at": OPENED},
    )
    for action in ("opened", "played", "revealed_number"):
        connection.execute(
            text(
                "INSERT INTO history (case_id, at, actor, action, detail) "
                "VALUES (1, :at, 'agent:5', :action, '{\"recording\": 4}')"
            ),
            {"at": OPENED, "action": action},
        )


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'before.sqlite3'}"
    migrate(url, "0003")
    engine = database.engine(url)
    with engine.begin() as connection:
        for number, status in STATUSES.items():
            insert(connection, number, status)
        look(connection)
    engine.dispose()
    migrate(url)
    return url


def test_what_is_open_has_clocks_and_keeps_what_was_promised(url: str) -> None:
    with transaction(database.engine(url)) as session:
        cases = {case.id: case for case in session.scalars(select(Case))}
        running = clocks.of_cases(session, [*cases])
        assert {number: {one.kind for one in running[number]} for number in cases} == {
            1: {"dispatch", "resolve"},
            2: {"dispatch", "resolve"},
            3: set(),
        }
        assert {one.due_at for one in running[1]} == {datetime.fromisoformat(DUE + "+00:00")}
        assert cases[1].due_at == datetime.fromisoformat(DUE + "+00:00")


def test_a_case_nobody_was_asked_about_is_the_desks_to_refer(url: str) -> None:
    with transaction(database.engine(url)) as session:
        owners = {case.status: case.owner for case in session.scalars(select(Case))}
        assert list(history.verify(session)) == []
    assert owners == {"received": "desk", "confirmed": "desk", "closed": "hyd"}


def test_who_had_listened_and_seen_the_number_stands_in_the_log_of_accesses(url: str) -> None:
    with transaction(database.engine(url)) as session:
        lines = accesses.of_case(session, 1)
        assert [(one.kind, one.actor, one.role) for one in lines] == [
            ("revealed", "agent:5", "supervisor"),
            ("played", "agent:5", "supervisor"),
        ]
        assert lines[1].detail == {"recording": 4} and lines[1].at.isoformat()[:10] == "2026-11-01"
