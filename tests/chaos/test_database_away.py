"""The database goes away in the middle of a call: the caller hears us, and the case is there later."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import make_url

from app import create_app
from ivr import replay
from runtime.settings import Settings
from tests.chaos.conftest import frozen
from tests.integration.telephone import Exchange, Line, Told, said
from tests.support.servers import Server

ONE_KIND = pytest.mark.parametrize("trouble", ["unusable"], indirect=True)
Trouble = Callable[[Exchange], AbstractContextManager[None]]
LONGEST = 4.0  # seconds a caller may have to wait for an answer


def file_of(hotline: Exchange) -> Path:
    return Path(make_url(hotline.phone.settings.database_url).database or "")


@contextmanager
def unusable(hotline: Exchange) -> Iterator[None]:
    """The file cannot be opened any more."""
    file, aside = file_of(hotline), file_of(hotline).with_suffix(".aside")
    hotline.phone.engine.dispose()
    file.rename(aside)
    file.mkdir()
    try:
        yield
    finally:
        file.rmdir()
        aside.rename(file)


@contextmanager
def locked(hotline: Exchange) -> Iterator[None]:
    """Somebody else holds the file and does not let go."""
    with closing(sqlite3.connect(file_of(hotline))) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.rollback()


@pytest.fixture(params=["unusable", "locked", "stopped", "hanging"])
def trouble(request: pytest.FixtureRequest) -> Trouble:
    if request.param in {"unusable", "locked"}:
        return {"unusable": unusable, "locked": locked}[request.param]
    server: Server = request.getfixturevalue("mortal_postgres")

    @contextmanager
    def stopped(hotline: Exchange) -> Iterator[None]:
        server.stop()
        try:
            yield
        finally:
            server.start()

    return {"stopped": stopped, "hanging": lambda hotline: frozen(server)}[request.param]


@pytest.fixture
def hotline(
    request: pytest.FixtureRequest,
    trouble: Trouble,
    settings: Callable[..., Settings],
    mortal_postgres: Server,
) -> Iterator[Exchange]:
    """A hotline on the database that is about to go away."""
    on_sqlite = trouble in (unusable, locked)
    chosen = {} if on_sqlite else {"database_url": mortal_postgres.url}
    hotline = Exchange(create_app(settings(**chosen)))
    yield hotline
    hotline.phone.engine.dispose()


pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def timed(do: Callable[[], object]) -> float:
    began = time.monotonic()
    do()
    return time.monotonic() - began


def whole_call(line: Line) -> list[float]:
    """Somebody rings, speaks, presses 0, hangs up; how long each answer took."""
    return [
        timed(line.answer),
        timed(line.speak),
        timed(lambda: line.exchange.send(line.callback())),
        timed(lambda: line.exchange.send(line.status())),
    ]


def recover(hotline: Exchange, seconds: float = 20) -> None:
    """Tell the database what it missed, as the web process does every two seconds."""
    deadline = time.monotonic() + seconds
    while hotline.phone.spool.waiting():
        assert time.monotonic() < deadline, "the spool is not drained"
        replay.drain(hotline.phones)
        time.sleep(0.2)


def test_a_call_during_trouble_is_one_case_with_its_caller_afterwards(
    hotline: Exchange, trouble: Trouble
) -> None:
    before, during = hotline.line(), hotline.line()
    before.answer()
    with trouble(hotline):
        assert max(whole_call(during)) < LONGEST
        assert during.heard[0].find("Record") is not None
        assert said(during.heard[1])
        before.speak()
        assert len(hotline.phone.spool.waiting()) == 5
    recover(hotline)
    assert before.told.cases == during.told.cases == 1
    assert during.told.recordings == ("announced",)
    assert during.told.caller == before.told.caller == "+852 9*****67"


@ONE_KIND
def test_a_silence_that_is_told_after_the_end_of_the_call_is_a_missed_case(
    hotline: Exchange, trouble: Trouble
) -> None:
    line = hotline.line()
    line.answer()
    with trouble(hotline):
        line.keep_silent()
    another_process = Exchange(create_app(hotline.phone.settings))
    another_process.send(line.status())
    recover(hotline)
    assert line.told == Told(1, (), "+852 9*****67", frozenset({"missed_message"}))


def test_without_a_spool_too_the_provider_is_asked_to_tell_again(
    hotline: Exchange, trouble: Trouble
) -> None:
    spool = hotline.phone.settings.state_dir / "spool"
    spool.parent.mkdir(exist_ok=True)
    spool.write_text("a file is in the way")
    line = hotline.line()
    with trouble(hotline):
        assert timed(line.answer) < LONGEST
        assert line.twiml.find("Record") is not None
        assert said(line.speak())
        assert hotline.send(line.callback())[0].status_code == 503
        assert hotline.send(line.status())[0].status_code == 503
        fallback = line.webhook("/voice/fallback")
        assert hotline.send(fallback)[0].status_code == 200


@ONE_KIND
def test_the_web_process_tells_the_database_by_itself(
    hotline: Exchange, trouble: Trouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "EVERY_SECONDS", 0.1)
    replay.keep_draining(hotline.phones)
    line = hotline.line()
    with trouble(hotline):
        whole_call(line)
        time.sleep(0.3)
    deadline = time.monotonic() + 15
    while hotline.phone.spool.waiting():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert line.told.cases == 1
