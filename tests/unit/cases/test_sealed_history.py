"""History that was changed behind the database's back gives itself away, to the line."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, text
from sqlalchemy.orm import Session

from cases import history
from cases.history import Broken
from console.__main__ import commands
from runtime import database
from runtime.database import transaction
from tests.conftest import migrate
from tests.unit.cases.conftest import NOW, Records

# How the row is reached past its guard, as somebody with the database's own password could.
GUARDS = {
    "sqlite": [
        "DROP TRIGGER history_no_UPDATE",
        "DROP TRIGGER history_no_DELETE",
        "DROP TRIGGER history_heads_grow",
        "DROP TRIGGER history_heads_no_DELETE",
    ],
    "postgresql": [
        "ALTER TABLE history DISABLE TRIGGER USER",
        "ALTER TABLE history_heads DISABLE TRIGGER USER",
    ],
}
ON_AGAIN = [
    "ALTER TABLE history ENABLE TRIGGER USER",
    "ALTER TABLE history_heads ENABLE TRIGGER USER",
]


def five_lines(engine: Engine) -> None:
    """Two cases; the first has five lines."""
    with transaction(engine) as session:
        records = Records(session)
        first, _ = records.message("CA1")
        records.message("CA2")
        for what in ("played", "revealed_number", "noted", "called"):
            history.add(session, first.id, what, NOW, actor="agent:1", words=f"Words of {what} 話")


def tamper(engine: Engine, *statements: str) -> None:
    dialect = engine.dialect.name
    with engine.begin() as connection:
        for statement in (*GUARDS[dialect], *statements):
            connection.execute(text(statement))
        for statement in ON_AGAIN if dialect == "postgresql" else ():
            connection.execute(text(statement))


def broken(engine: Engine) -> list[Broken]:
    with transaction(engine) as session:
        return list(history.verify(session))


def ids(engine: Engine) -> list[int]:
    with engine.connect() as connection:
        return list(
            connection.execute(
                text("SELECT id FROM history WHERE case_id = 1 ORDER BY id")
            ).scalars()
        )


def test_what_was_written_holds(engine: Engine) -> None:
    five_lines(engine)
    assert broken(engine) == []


TAMPERED = {
    "a changed text": (
        3,
        True,
        ['UPDATE history SET detail = \'{"words": "None."}\' WHERE id = :3'],
    ),
    "another actor": (4, True, ["UPDATE history SET actor = 'agent:9' WHERE id = :4"]),
    "another time": (2, True, ["UPDATE history SET at = '2020-01-01 00:00:00' WHERE id = :2"]),
    "another action": (1, True, ["UPDATE history SET action = 'begun' WHERE id = :1"]),
    "another case": (3, True, ["UPDATE history SET case_id = 2 WHERE id = :3"]),
    "a removed line": (3, True, ["DELETE FROM history WHERE id = :3"]),
    "a removed first line": (1, True, ["DELETE FROM history WHERE id = :1"]),
    "a removed last line": (5, False, ["DELETE FROM history WHERE id = :5"]),
    "two removed last lines": (4, False, ["DELETE FROM history WHERE id IN (:4, :5)"]),
    "a removed history": (1, False, ["DELETE FROM history WHERE case_id = 1"]),
    "a removed head": (6, False, ["DELETE FROM history_heads WHERE case_id = 1"]),
    "swapped lines": (
        3,
        True,
        [
            "UPDATE history SET id = 999 WHERE id = :3",
            "UPDATE history SET id = :3 WHERE id = :4",
            "UPDATE history SET id = :4 WHERE id = 999",
        ],
    ),
    "an inserted line": (
        6,
        True,
        [
            "INSERT INTO history (id, case_id, at, actor, action, detail, seal) "
            "SELECT 998, case_id, at, actor, action, detail, seal FROM history WHERE id = :5"
        ],
    ),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_the_first_broken_line_is_named(engine: Engine, how: str) -> None:
    five_lines(engine)
    line, is_there, statements = TAMPERED[how]
    there = ids(engine)
    assert len(there) == 5
    for number, entry in enumerate(there, start=1):
        statements = [one.replace(f":{number}", str(entry)) for one in statements]
    tamper(engine, *statements)
    first = broken(engine)[0]
    assert (first.case_id, first.line) == (1, line)
    assert (first.entry_id is not None) == is_there


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM history_heads",
        "UPDATE history_heads SET lines = 1",
        "UPDATE history_heads SET seal = ''",
    ],
)
def test_the_database_itself_lets_a_head_only_grow(engine: Engine, statement: str) -> None:
    five_lines(engine)
    with pytest.raises(Exception, match="only grows"), engine.begin() as connection:
        connection.execute(text(statement))


def test_one_case_can_be_looked_at_alone(engine: Engine) -> None:
    five_lines(engine)
    tamper(engine, "UPDATE history SET actor = 'agent:9' WHERE case_id = 1")
    with transaction(engine) as session:
        assert [one.line for one in history.verify(session, 1)] == [1]
        assert list(history.verify(session, 2)) == []


def test_the_digest_of_all_histories_changes_with_any_line(engine: Engine) -> None:
    five_lines(engine)
    with transaction(engine) as session:
        before = history.digest(session)
        history.add(session, 2, "played", NOW)
        assert history.digest(session) != before


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab中", max_size=3), inner),
    max_leaves=8,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(detail=JSON, second=st.integers(0, 10**15))
def test_whatever_a_line_says_holds_on_both_databases(
    engine: Engine, detail: object, second: int
) -> None:
    with Session(engine) as session:
        records = Records(session)
        case, _ = records.message()
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=second)
        history.add(session, case.id, "noted", at, said=detail)
        session.expire_all()
        assert list(history.verify(session)) == []
        session.rollback()


def test_many_who_write_at_once_take_turns(engine: Engine) -> None:
    five_lines(engine)

    def write(number: int) -> None:
        for _ in range(5):
            with transaction(engine) as session:
                history.add(session, 1, "noted", NOW, by=number)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(4)))
    assert len(ids(engine)) == 25
    assert broken(engine) == []


class TestTheCommand:
    @pytest.fixture
    def run(self, engine: Engine, database_url: str, tmp_path: Path) -> Callable[..., Result]:
        five_lines(engine)
        environment = {"DATABASE_URL": database_url, "STATE_DIR": str(tmp_path)}
        return lambda *more: CliRunner(env=environment).invoke(commands, ["verify", *more])

    def test_says_that_all_is_well_and_by_which_digest(self, run: Callable[..., Result]) -> None:
        result = run()
        assert result.exit_code == 0
        assert len(result.stdout.split()[-1]) == 64

    def test_names_the_case_and_the_line_that_was_changed(
        self, run: Callable[..., Result], engine: Engine
    ) -> None:
        third = ids(engine)[2]
        tamper(engine, f"UPDATE history SET actor = 'agent:9' WHERE id = {third}")
        result = run()
        assert result.exit_code == 1
        assert result.stdout == (
            f"case 260000013: line 3 (revealed_number, entry {third}) "
            "is not what was written there\n"
        )

    def test_names_the_end_that_was_cut_off(
        self, run: Callable[..., Result], engine: Engine
    ) -> None:
        tamper(engine, f"DELETE FROM history WHERE id = {ids(engine)[4]}")
        result = run()
        assert result.exit_code == 1
        assert "line 5 and what followed it is missing" in result.stdout

    def test_looks_at_one_case_when_asked(self, run: Callable[..., Result]) -> None:
        assert run("260000013").exit_code == 0
        assert run("260000099").exit_code == 1


def test_histories_from_before_they_were_sealed_are_sealed_by_the_migration(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path / 'old.sqlite3'}"
    migrate(url, "0003")
    engine = database.engine(url)
    with engine.begin() as connection:
        _old_case(connection)
    migrate(url)
    assert broken(engine) == []
    tamper(engine, "UPDATE history SET actor = 'agent:9' WHERE id = 2")
    assert [(one.line, one.entry_id) for one in broken(engine)] == [(2, 2)]
    engine.dispose()


def _old_case(connection: Connection) -> None:
    connection.execute(
        text(
            "INSERT INTO calls (id, provider_id, provider, caller_masked, called, status, "
            "status_rank, began_at) VALUES (1, 'CA1', 'twilio', '', '1823', 'completed', 1, :at)"
        ),
        {"at": "2026-01-01 00:00:00.000000"},
    )
    connection.execute(
        text(
            "INSERT INTO cases (id, call_id, number, status, opened_at, category_alternatives, "
            "category_reasons, category_confirmed, owner, due_at, flags, version) VALUES "
            "(1, 1, '260000013', 'received', :at, '[]', '[]', 0, 'desk', :at, '[]', 1)"
        ),
        {"at": "2026-01-01 00:00:00.000000"},
    )
    for words in ('{"number": "260000013"}', '{"share": 1.0, "words": "話"}', "{}"):
        connection.execute(
            text(
                "INSERT INTO history (case_id, at, actor, action, detail) "
                "VALUES (1, :at, 'system', 'opened', :detail)"
            ),
            {"at": "2026-01-01 00:00:00.123456", "detail": words},
        )
