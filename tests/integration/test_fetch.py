"""The sound of a message is fetched as soon as it is there, once, and for two days if need be."""

import itertools
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ivr import jobs
from ivr.jobs import Fetching
from runtime import clock
from runtime.queues import Doorbell
from runtime.settings import Settings
from runtime.storage import Storage
from tests.integration.telephone import Exchange, Line
from tests.unit.ivr.test_media import Host, answer


@pytest.fixture
def host() -> Iterator[Host]:
    with Host() as host:
        yield host


@pytest.fixture
def fetching(
    exchange: Exchange, host: Host, settings: Callable[..., Settings], tmp_path: Path
) -> Fetching:
    chosen = settings(media_hosts=(host.name,), provider_api_url=f"http://{host.name}")
    phone = exchange.phone
    storage = Storage(f"file://{tmp_path}/recordings")
    return jobs.fetching(chosen, phone.profile, phone.engine, storage, Doorbell(""))


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Let time pass."""
    ahead = timedelta()
    now = clock.now

    def moved() -> datetime:
        return now() + ahead

    def pass_by(span: timedelta) -> None:
        nonlocal ahead
        ahead += span

    monkeypatch.setattr(clock, "now", moved)
    return pass_by


def a_message(exchange: Exchange, host: Host, **fields: str) -> tuple[Line, int]:
    """A call whose recording lies at `/RE1` of the host."""
    line = exchange.line()
    exchange.send(line.callback(**{"RecordingUrl": host.url(), **fields}))
    return line, exchange.recording_rows(line.sid)[0].id


def test_a_fetched_recording_is_ready_to_be_heard(
    exchange: Exchange, host: Host, fetching: Fetching
) -> None:
    host.replies["/RE1"] = [answer(200, b"sound")]
    line, recording_id = a_message(exchange, host)
    jobs.fetch(fetching, recording_id)
    (row,) = exchange.recording_rows(line.sid)
    assert (row.status, row.attempts, row.lease_token) == ("fetched", 0, None)
    assert fetching.storage.read(row.storage_key or "") == b"sound"


def test_fetching_twice_asks_the_provider_once(
    exchange: Exchange, host: Host, fetching: Fetching
) -> None:
    host.replies["/RE1"] = [answer(200, b"sound")]
    _, recording_id = a_message(exchange, host)
    for _ in range(2):
        jobs.fetch(fetching, recording_id)
    assert len(host.asked) == 1


def test_a_recording_announced_by_its_id_alone_is_found_at_the_provider(
    exchange: Exchange, host: Host, fetching: Fetching
) -> None:
    line = exchange.line()
    path = f"/2010-04-01/Accounts/AC1/Recordings/{line.recording_sid()}"
    host.replies[path] = [answer(200, b"sound")]
    exchange.send(line.callback(RecordingUrl=""))
    jobs.fetch(fetching, exchange.recording_rows(line.sid)[0].id)
    assert line.told.recordings == ("fetched",)


def test_what_is_not_there_yet_is_fetched_a_moment_later(
    exchange: Exchange, host: Host, fetching: Fetching, later: Callable[[timedelta], None]
) -> None:
    host.replies["/RE1"] = [answer(404), answer(200, b"sound")]
    line, recording_id = a_message(exchange, host)
    jobs.fetch(fetching, recording_id)
    (row,) = exchange.recording_rows(line.sid)
    assert (row.status, row.attempts) == ("announced", 1)
    assert timedelta(0) < row.next_try_at - clock.now() < timedelta(seconds=2)
    later(timedelta(seconds=2))
    jobs.fetch(fetching, recording_id)
    assert line.told.recordings == ("fetched",)


def waits(
    exchange: Exchange,
    line: Line,
    fetching: Fetching,
    later: Callable[[timedelta], None],
) -> Iterator[timedelta]:
    """Fetch again and again as soon as it is due; how long each wait is."""
    while True:
        row = exchange.recording_rows(line.sid)[0]
        jobs.fetch(fetching, row.id)
        row = exchange.recording_rows(line.sid)[0]
        if row.status != "announced":
            return
        wait = row.next_try_at - clock.now()
        yield wait
        later(wait + timedelta(seconds=1))


def test_waits_grow_to_an_hour_and_after_two_days_a_person_must_look(
    exchange: Exchange, host: Host, fetching: Fetching, later: Callable[[timedelta], None]
) -> None:
    host.replies["/RE1"] = [answer(500)]
    line, _ = a_message(exchange, host)
    seconds = [wait.total_seconds() for wait in waits(exchange, line, fetching, later)]
    assert seconds[0] < 2 and seconds[5] > 20
    assert 2000 < max(seconds) < 4400
    assert timedelta(hours=47) < timedelta(seconds=sum(seconds)) < timedelta(hours=50)
    assert line.told.recordings == ("missing",)
    assert line.told.flags == {"recording_missing"}


def test_a_provider_that_is_nearly_ready_is_asked_at_least_every_few_seconds(
    exchange: Exchange, host: Host, fetching: Fetching, later: Callable[[timedelta], None]
) -> None:
    line, _ = a_message(exchange, host)
    first = itertools.islice(waits(exchange, line, fetching, later), 12)
    assert max(wait.total_seconds() for wait in first) < 20


def test_a_place_we_may_not_fetch_from_is_shown_to_a_person_at_once(
    exchange: Exchange, host: Host, fetching: Fetching
) -> None:
    line, recording_id = a_message(exchange, host, RecordingUrl="https://evil.example/RE1")
    jobs.fetch(fetching, recording_id)
    assert line.told.recordings == ("announced",)
    assert "recording_missing" in line.told.flags


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999/RE1", "http://127.0.0.1/\x01"])
def test_an_address_that_is_none_does_not_end_the_worker(
    exchange: Exchange, host: Host, fetching: Fetching, url: str
) -> None:
    line, recording_id = a_message(exchange, host, RecordingUrl=url)
    jobs.fetch(fetching, recording_id)
    assert "recording_missing" in line.told.flags


def test_a_full_disk_is_tried_again(
    exchange: Exchange, host: Host, fetching: Fetching, tmp_path: Path
) -> None:
    host.replies["/RE1"] = [answer(200, b"sound")]
    (tmp_path / "recordings").write_text("a file is in the way")
    line, recording_id = a_message(exchange, host)
    jobs.fetch(fetching, recording_id)
    (row,) = exchange.recording_rows(line.sid)
    assert (row.status, row.attempts, row.lease_token) == ("announced", 1, None)
