"""A hotline at which nobody can sign in prints, once, how the first admin does."""

import re
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

import app
from cases import agents
from cases.agents import Agent
from runtime import database
from runtime.database import transaction
from runtime.settings import Settings


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return Settings(
        state_dir=tmp_path,
        database_url=database_url,
        twilio_auth_token="a-token-for-the-tests",
        public_base_url="https://hotline.example",
    )


def test_the_address_and_a_one_time_password_are_printed_exactly_once(
    settings: Settings, engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    app.welcome_first_admin(settings, engine)
    told = capsys.readouterr()
    assert told.out == "" and "https://hotline.example/sign-in" in told.err
    found = re.search(r"one-time password +(\S+)", told.err)
    assert found is not None
    with transaction(engine) as session:
        [agent] = session.scalars(select(Agent))
        assert (agent.name, agent.role) == ("admin", "admin")
        assert agents.matches(agent.password_hash, found[1])
    app.welcome_first_admin(settings, engine)
    assert capsys.readouterr().err == ""


def test_a_database_that_is_away_or_not_migrated_stops_nothing(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app.welcome_first_admin(settings, database.engine(f"sqlite:///{tmp_path}/new.sqlite3"))
    assert capsys.readouterr().err == ""
