"""The whole hotline, once on SQLite alone and once on PostgreSQL and Redis."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from demo import scenario
from demo.scenario import Scenario
from tests.support.hotline import Hotline
from tests.support.hotline import hotline as whole_hotline
from tests.support.servers import postgres_server, redis_server


@pytest.fixture(scope="session", params=["sqlite", "postgres and redis"])
def hotline(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Hotline]:
    """A hotline that the tests share: each looks only at its own calls and leaves all running."""
    with ExitStack() as stack:
        settings = {}
        if request.param != "sqlite":
            settings["DATABASE_URL"] = stack.enter_context(postgres_server()).url
            settings["REDIS_URL"] = stack.enter_context(redis_server()).url
        state = tmp_path_factory.mktemp("state")
        yield stack.enter_context(whole_hotline(state, settings))


@pytest.fixture(scope="session")
def scripted() -> dict[str, Scenario]:
    """The demonstration's calls by the name of their sound file."""
    return {one.recording.stem: one for one in scenario.read()}


@pytest.fixture(scope="session")
def message(scripted: dict[str, Scenario]) -> Path:
    """Somebody speaking for six seconds: any message will do."""
    return scripted["yue-cut-off"].recording
