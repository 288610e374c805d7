"""A hotline at which nobody can sign in prints, once, how the first admin does."""

import re
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

import app
from cases import agents
from cases.agents import Agent
from demo.house import free_port
from runtime import database
from runtime.database import transaction
from runtime.settings import SQLITE_FILE, Settings
from tests.conftest import PROJECT


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


def test_the_program_itself_prints_it_at_its_first_start_and_never_again(tmp_path: Path) -> None:
    port = str(free_port())
    address = f"127.0.0.1:{port}"
    environment = {
        "PATH": "",
        "STATE_DIR": str(tmp_path),
        "INSECURE_DEV_WEBHOOKS": "1",  # listens on this machine alone
        "PORT": port,
        "PUBLIC_BASE_URL": f"http://{address}",
    }
    alembic = [sys.executable, "-m", "alembic", "upgrade", "head"]
    subprocess.run(alembic, cwd=PROJECT, env=environment, check=True, timeout=60)
    first, second = (_started(environment, address) for _ in range(2))
    assert len(re.findall(r"^ *name +admin$", first, re.MULTILINE)) == 1
    found = re.findall(r"one-time password +(\S+)", first)
    assert len(found) == 1 and f"http://{address}/sign-in" in first
    assert "one-time password" not in second
    engine = database.engine(f"sqlite:///{tmp_path / SQLITE_FILE}")
    with transaction(engine) as session:
        [agent] = session.scalars(select(Agent))
        assert agents.matches(agent.password_hash, found[0])


def _started(environment: dict[str, str], address: str) -> str:
    """What `app.py` says from its start until it answers and is stopped."""
    process = subprocess.Popen(
        [sys.executable, "app.py"],
        cwd=PROJECT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until and process.poll() is None:
            with suppress(OSError), urllib.request.urlopen(f"http://{address}/healthz", timeout=5):
                break
            time.sleep(0.2)
    finally:
        process.terminate()
        said, _ = process.communicate(timeout=40)
    return said
