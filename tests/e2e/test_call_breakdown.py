"""Things break during a call: the caller still hears sense, and no message is lost or heard twice."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import psycopg
import pytest
import redis

from demo import events, sound
from demo.call import Call
from demo.caller import hang_up, press, speak, stay_silent
from demo.delivery import Delivery
from demo.media import Manners
from tests.support import processes
from tests.support.hotline import Hotline, has_transcript, statuses
from tests.support.hotline import hotline as whole_hotline
from tests.support.servers import Server, postgres_server, redis_server

# An orphaned transcription is taken up again when its lease of 60 s is over.
LEASE = 60


@pytest.fixture(scope="module")
def database() -> Iterator[Server]:
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="module")
def bell() -> Iterator[Server]:
    with redis_server() as server:
        yield server


@pytest.fixture(scope="module")
def fragile(
    tmp_path_factory: pytest.TempPathFactory, database: Server, bell: Server
) -> Iterator[Hotline]:
    """A hotline on PostgreSQL and Redis whose parts the tests break, and mend again."""
    settings = {"DATABASE_URL": database.url, "REDIS_URL": bell.url}
    with whole_hotline(tmp_path_factory.mktemp("fragile"), settings) as hotline:
        yield hotline


@pytest.fixture(scope="module")
def long_message(message: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A minute and a half of speech: long enough to be interrupted."""
    path = tmp_path_factory.mktemp("sound") / "long.wav"
    once = sound.joined(sound.read(message), sound.silence(0.5))
    path.write_bytes(sound.wav(np.tile(once, 90 * sound.RATE // len(once))))
    return path


def until(wish: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not wish():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.01)


def leave_message(hotline: Hotline, message: Path) -> Call:
    return hotline.ring(speak(message, then="#"), hang_up())


def is_being_transcribed(database: Server, call: Call) -> bool:
    """Looks inside: from outside the moment cannot be told."""
    question = """SELECT 1 FROM recordings r JOIN calls c ON c.id = r.call_id
        WHERE c.provider_id = %s AND r.status = 'fetched' AND r.lease_token IS NOT NULL"""
    with psycopg.connect(database.url) as connection:
        return connection.execute(question, (call.sid,)).fetchone() is not None


def transcripts_of(database: Server, call: Call) -> int:
    question = """SELECT count(*) FROM transcripts t JOIN recordings r ON r.id = t.recording_id
        JOIN calls c ON c.id = r.call_id WHERE c.provider_id = %s"""
    with psycopg.connect(database.url) as connection:
        row = connection.execute(question, (call.sid,)).fetchone()
        return int(row[0]) if row else 0


def test_redis_wiped_and_the_worker_killed_in_the_middle_and_the_transcript_still_comes_once(
    fragile: Hotline, database: Server, bell: Server, long_message: Path
) -> None:
    call = leave_message(fragile, long_message)
    until(lambda: is_being_transcribed(database, call), 60)
    fragile.house.kill("worker")
    redis.Redis.from_url(bell.url).flushall()
    assert not has_transcript(fragile.case_of(call))
    fragile.house.start_worker()
    case = fragile.wait_for(call, has_transcript, LEASE + 60)
    assert statuses(case) == ["transcribed"]
    assert transcripts_of(database, call) == 1


def test_without_redis_the_transcript_still_comes(
    fragile: Hotline, bell: Server, message: Path
) -> None:
    bell.stop()
    try:
        call = leave_message(fragile, message)
        assert not call.trouble
        assert statuses(fragile.finished(call, 90)) == ["transcribed"]
    finally:
        bell.start()


def test_with_the_database_away_the_caller_leaves_a_message_and_its_case_comes_later(
    fragile: Hotline, database: Server, message: Path
) -> None:
    database.stop()
    try:
        call = leave_message(fragile, message)
    finally:
        database.start()
    assert not call.trouble
    assert "safely recorded" in call.heard
    assert has_transcript(fragile.wait_for(call, has_transcript, 90))


def test_the_database_goes_away_in_mid_call_and_it_is_still_one_case(
    fragile: Hotline, database: Server, message: Path
) -> None:
    """It is away from the moment the message ends until after the call."""

    def at_the_end_of_the_message(event: object) -> None:
        if type(event).__name__ == "Recorded":
            database.stop()

    fragile.exchange.tell = at_the_end_of_the_message
    try:
        call = fragile.ring(speak(message, then="#"), hang_up(), delivery=Delivery(copies=2))
    finally:
        fragile.exchange.tell = lambda event: None
        database.start()
    assert not call.trouble
    assert statuses(fragile.finished(call, 90)) == ["transcribed"]


def test_with_the_database_away_the_keys_still_lead_somewhere(
    fragile: Hotline, database: Server
) -> None:
    database.stop()
    try:
        progress = fragile.ring(press("*"), press("260000013"), press("4567"), hang_up())
        person = fragile.ring(press("0"), desk="answered")
        silent = fragile.ring(*(stay_silent() for _ in range(9)))
    finally:
        database.start()
    assert "cannot look up cases" in progress.heard
    assert not (progress.trouble or person.trouble or silent.trouble)
    fragile.wait_for(silent, lambda case: "missed_message" in case["flags"], 30)


def test_an_answer_never_takes_long_while_the_database_is_away(
    fragile: Hotline, database: Server
) -> None:
    database.stop()
    try:
        calls = [fragile.ring(*(stay_silent() for _ in range(9))) for _ in range(3)]
    finally:
        database.start()
    assert max(post.milliseconds for call in calls for post in call.of(events.Posts)) < 3000


def test_a_call_that_begins_at_the_fallback_has_its_case(fragile: Hotline, message: Path) -> None:
    usual = fragile.exchange.addresses
    fragile.exchange.addresses = replace(usual, voice=f"{fragile.house.address}/voice/nowhere")
    try:
        call = fragile.ring(speak(message, then="#"))
    finally:
        fragile.exchange.addresses = usual
    assert [one.code for one in call.trouble] == [11200]
    assert has_transcript(fragile.wait_for(call, has_transcript))


def test_a_recording_that_is_gone_for_good_leaves_its_case(fragile: Hotline, message: Path) -> None:
    day = Delivery(media=Manners(gone=True))
    case = fragile.case_of(fragile.ring(speak(message, then="#"), hang_up(), delivery=day))
    assert statuses(case) == ["announced"] and "transcript_pending" in case["flags"]


@pytest.mark.parametrize("name", ["web", "worker"])
def test_a_process_ends_cleanly_on_sigterm_and_leaves_nobody_behind(
    tmp_path: Path, name: str
) -> None:
    with whole_hotline(tmp_path) as hotline:
        process = hotline.house.processes[name]
        time.sleep(3 if name == "worker" else 0)
        family = processes.with_setting("STATE_DIR", str(tmp_path))
        process.terminate()
        assert process.wait(30) == 0
        others = [one.pid for key, one in hotline.house.processes.items() if key != name]
        left = processes.with_setting("STATE_DIR", str(tmp_path)) & family
        assert all(processes.ancestor_among(one, others) for one in left)
