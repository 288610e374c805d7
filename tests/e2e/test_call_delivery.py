"""However the provider delivers a call, it becomes one case with one transcript, and no call is lost."""

from pathlib import Path

import pytest

from demo import events
from demo.call import Call
from demo.caller import hang_up, press, speak, speak_and_hang_up
from demo.delivery import Delivery
from tests.support.hotline import Hotline, statuses

DAYS = {
    "every callback twice": Delivery(copies=2),
    "every callback four times at the same moment": Delivery(copies=4, racing=True),
    "the callback before the action": Delivery(callbacks="before action"),
    "callbacks after the call": Delivery(callbacks="after call"),
    "callbacks reversed": Delivery(callbacks="reversed"),
    "callbacks late": Delivery(callbacks="after call", late=3.0),
    "doubled, reversed and late": Delivery(copies=2, callbacks="reversed", late=2.0),
    "no recording id": Delivery(recording_id=False),
    "no recording id, callback first": Delivery(recording_id=False, callbacks="before action"),
    "no recording id, twice": Delivery(recording_id=False, copies=2),
    "the action lost": Delivery(lost=frozenset({"action"})),
    "the recording callback lost": Delivery(lost=frozenset({"recording callback"})),
    "the end of the call not told": Delivery(lost=frozenset({"status"})),
}


Outcomes = dict[tuple[str, str], Call]


@pytest.fixture(scope="module")
def outcomes(hotline: Hotline, message: Path) -> Outcomes:
    """Calls on all kinds of days, the work on them done."""
    calls = {}
    for name, day in DAYS.items():
        whole = speak(message, then="#"), hang_up()
        calls["whole", name] = hotline.ring(*whole, delivery=day)
        calls["cut", name] = hotline.ring(speak_and_hang_up(message, 4.0), delivery=day)
    hotline.all_finished(calls.values())
    return calls


@pytest.mark.parametrize("day", DAYS)
def test_a_call_is_one_case_with_one_transcript(
    hotline: Hotline, outcomes: Outcomes, day: str
) -> None:
    call = outcomes["whole", day]
    case = hotline.case_of(call)
    assert statuses(case) == ["transcribed"]
    assert case["transcript"]
    assert not call.trouble


@pytest.mark.parametrize("day", DAYS)
def test_a_hang_up_in_mid_sentence_is_one_case(
    hotline: Hotline, outcomes: Outcomes, day: str
) -> None:
    call = outcomes["cut", day]
    assert statuses(hotline.case_of(call)) == ["transcribed"]
    assert not call.trouble


def test_copies_of_a_webhook_get_the_same_answer(hotline: Hotline, message: Path) -> None:
    call = hotline.ring(speak(message, then="#"), hang_up(), delivery=Delivery(copies=2))
    posts = call.of(events.Posts)
    for first, second in zip(posts[::2], posts[1::2], strict=True):
        assert (first.url, first.form) == (second.url, second.form)
        assert (first.status, first.body) == (second.status, second.body)


def test_two_messages_in_one_call_are_two_recordings_of_one_case(
    hotline: Hotline, message: Path
) -> None:
    day = Delivery(copies=2, callbacks="reversed", late=1.0)
    acts = speak(message, then="#"), press("1"), speak(message, then="#"), hang_up()
    case = hotline.finished(hotline.ring(*acts, delivery=day))
    assert statuses(case) == ["transcribed", "transcribed"]
    assert len({one["provider_id"] for one in case["recordings"]}) == 2


def test_a_recording_that_failed_is_a_case_for_a_return_call(
    hotline: Hotline, message: Path
) -> None:
    day = Delivery(recording="failed")
    call = hotline.ring(speak(message, then="#"), hang_up(), delivery=day)
    case = hotline.wait_for(call, lambda case: statuses(case) == ["failed"], 20)
    assert not case["transcript"]
    assert "transcript_pending" not in case["flags"]


def test_who_hangs_up_at_the_beep_has_a_case_for_a_return_call(hotline: Hotline) -> None:
    call = hotline.ring(hang_up(after=0.5, at_beep=True))
    assert "missed_message" in hotline.case_of(call)["flags"]


def test_a_withheld_number_is_no_obstacle(hotline: Hotline, message: Path) -> None:
    for caller in ("anonymous", "", "+266696687", "sip:someone@example.org"):
        call = hotline.ring(speak_and_hang_up(message, 3.0), caller=caller)
        assert not call.trouble
        assert caller == "" or caller not in hotline.case_of(call)["caller_masked"]
