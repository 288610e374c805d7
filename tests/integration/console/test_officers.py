"""An officer works for a department: `add-agent --role officer --department CODE`."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cases import agents
from console.__main__ import commands
from runtime.database import transaction
from tests.support.console_app import ConsoleHouse

Run = Callable[..., Result]


@pytest.fixture
def run(house: ConsoleHouse, database_url: str, tmp_path: Path) -> Run:
    """Runs a command of `python -m console` on the house's database."""
    environment = {"DATABASE_URL": database_url, "STATE_DIR": str(tmp_path)}
    return lambda *arguments: CliRunner(env=environment).invoke(commands, arguments)


class TestOfficers:
    def test_are_added_with_the_department_they_work_for(
        self, house: ConsoleHouse, run: Run
    ) -> None:
        result = run("add-agent", "wai", "--role", "officer", "--department", "hyd", "--one-time")
        assert result.exit_code == 0
        with transaction(house.engine) as session:
            agent = agents.by_name(session, "wai")
            assert agent is not None and (agent.role, agent.department) == ("officer", "hyd")

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["--role", "officer"], "an officer works for a department"),
            (["--role", "agent", "--department", "hyd"], "an officer works for a department"),
            (["--role", "officer", "--department", "magic"], "no department 'magic'"),
        ],
    )
    def test_work_for_one_that_there_is_and_nobody_else_for_any(
        self, run: Run, arguments: list[str], said: str
    ) -> None:
        refused = run("add-agent", "wai", *arguments, "--one-time")
        assert refused.exit_code == 1 and said in refused.output

    def test_can_change_their_department_and_their_role(
        self, house: ConsoleHouse, run: Run
    ) -> None:
        run("add-agent", "wai", "--role", "officer", "--department", "hyd", "--one-time")
        run("add-agent", "wai", "--role", "officer", "--department", "td", "--one-time")
        with transaction(house.engine) as session:
            agent = agents.by_name(session, "wai")
            assert agent is not None and agent.department == "td"
        run("add-agent", "wai", "--role", "coordinator", "--one-time")
        with transaction(house.engine) as session:
            agent = agents.by_name(session, "wai")
            assert agent is not None and (agent.role, agent.department) == ("coordinator", None)
