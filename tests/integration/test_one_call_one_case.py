"""One recording, one case, always: whatever is told, in whatever order, however often."""

import itertools
import threading

import pytest
from sqlalchemy import Engine

from tests.integration.telephone import Exchange, Line, Told, Webhook
from tests.integration.work import transcribe

RECORD_STEP = "/voice/turn?step=message&turn=1&silences=0&wrong=0"


def events(line: Line) -> dict[str, Webhook]:
    """Everything a provider may tell of a call with one recording."""
    sid = line.recording_sid()
    url = f"https://api.twilio.com/2010-04-01/Accounts/AC1/Recordings/{sid}"
    hung_up = {"Digits": "hangup", "CallStatus": "completed", "RecordingDuration": "5"}
    return {
        "answer": line.webhook("/voice", CallStatus="ringing"),
        "action": line.webhook(RECORD_STEP, RecordingUrl=url, RecordingSid=sid, **hung_up),
        "action without id": line.webhook(RECORD_STEP, RecordingUrl=url, **hung_up),
        "completed": line.callback(),
        "absent": line.callback(RecordingStatus="absent", ErrorCode="16101"),
        "failed": line.callback(RecordingStatus="failed"),
        "in-progress": line.callback(RecordingStatus="in-progress"),
        "ended": line.status("completed"),
    }


STORIES = {
    "as documented": ("answer", "action", "completed", "ended"),
    "without an id": ("answer", "action without id", "completed", "ended"),
    "everything twice": ("action", "action", "completed", "completed"),
    "begun and over": ("answer", "in-progress", "completed", "ended"),
    "absent after all": ("action", "completed", "absent", "ended"),
    "failed after all": ("action without id", "completed", "failed", "ended"),
    "callback alone": ("completed", "completed", "in-progress"),
    "all five words": ("action without id", "completed", "absent", "failed", "in-progress"),
}
HEARD = frozenset({"transcript_pending"})


@pytest.mark.parametrize("story", STORIES)
def test_every_order_of_the_same_events_comes_to_the_same_one_case(
    exchange: Exchange, story: str
) -> None:
    names = STORIES[story]
    outcomes: dict[Told, tuple[str, ...]] = {}
    for order in sorted(set(itertools.permutations(names))):
        line = exchange.line()
        known = events(line)
        for response in exchange.send(*(known[name] for name in order)):
            assert response.status_code in {200, 204}
        outcomes.setdefault(line.told, order)
    (told,) = outcomes
    hung_up = any(name.startswith("action") for name in names)
    assert told.cases == 1
    assert told.recordings == ("announced",)
    assert told.flags == HEARD | ({"hung_up"} if hung_up else set())
    assert told.caller == (
        "+852 9*****67" if set(names) - {"completed", "in-progress"} else "withheld"
    )


@pytest.mark.parametrize("word", ["absent", "failed"])
def test_every_order_of_a_call_without_sound_comes_to_one_missed_case(
    exchange: Exchange, word: str
) -> None:
    outcomes = set()
    for order in sorted(set(itertools.permutations(("answer", word, "ended", word)))):
        line = exchange.line()
        known = events(line)
        exchange.send(*(known[name] for name in order))
        outcomes.add(line.told)
    assert outcomes == {Told(1, (word,), "+852 9*****67", frozenset({"missed_message"}))}


@pytest.mark.parametrize("word", ["absent", "failed"])
def test_every_order_of_an_action_whose_sound_never_came_is_one_missed_case(
    exchange: Exchange, word: str
) -> None:
    outcomes = set()
    for order in itertools.permutations(("answer", "action", word, "ended")):
        line = exchange.line()
        known = events(line)
        exchange.send(*(known[name] for name in order))
        outcomes.add(line.told)
    missed = frozenset({"missed_message", "hung_up"})
    assert outcomes == {Told(1, (word,), "+852 9*****67", missed)}


def test_late_duplicates_long_after_the_transcript_change_nothing(exchange: Exchange) -> None:
    line = exchange.line()
    known = events(line)
    exchange.send(known["answer"], known["action"], known["completed"])
    transcribe(exchange, line, "The street lamp is broken")
    before = exchange.export(line.sid)
    exchange.send(*(known[name] for name in ("answer", "action", "completed", "absent", "failed")))
    assert line.told.recordings == ("transcribed",)
    assert exchange.export(line.sid) == before
    assert exchange.text(line.sid) == "The street lamp is broken"


def test_two_recordings_of_one_call_are_two_recordings_and_one_case(exchange: Exchange) -> None:
    line = exchange.line()
    first, second = line.callback(turn=1, number=1), line.callback(turn=3, number=2)
    for order in itertools.permutations([first, second, first, second]):
        exchange.send(*order)
    assert line.told == Told(1, ("announced", "announced"), "withheld", HEARD)


def test_the_same_event_from_many_at_once_is_one_case(exchange: Exchange, engine: Engine) -> None:
    line = exchange.line()
    known = events(line)
    names = ["answer", "action", "completed", "action without id", "in-progress", "ended"] * 3
    statuses: list[int] = []

    def send(name: str) -> None:
        statuses.extend(response.status_code for response in exchange.send(known[name]))

    threads = [threading.Thread(target=send, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(statuses) == len(names)
    assert set(statuses) <= {200, 204}
    told = line.told
    assert (told.cases, told.recordings, told.caller) == (1, ("announced",), "+852 9*****67")
    assert exchange.phone.spool.waiting() == []
