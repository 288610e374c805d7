"""What the provider posts is read field by field; what no provider posts is refused by name."""

import re

import pytest
from werkzeug.datastructures import MultiDict

from callflows.events import DialEnded, Digits, Event, HungUp, Recorded, Ringing, Silence
from ivr import form
from ivr.form import BadForm, Form

GRAMMAR = re.compile(r"[A-Za-z0-9:_-]{1,128}")
URL = "https://api.example/Recordings/RE1"


def read(**fields: str) -> Form:
    return form.read(MultiDict({"CallSid": "CA1", **fields}), GRAMMAR)


@pytest.mark.parametrize(
    ("fields", "event"),
    [
        ({"Digits": "1"}, Digits("1")),
        ({"Digits": "26000001*"}, Digits("26000001*")),
        ({"Digits": ""}, Silence()),
        ({}, Silence()),
        ({"CallStatus": "in-progress"}, Silence()),
        ({"Digits": "hangup"}, HungUp()),
        ({"CallStatus": "completed"}, HungUp()),
        ({"CallStatus": "canceled"}, HungUp()),
        ({"RecordingUrl": URL, "RecordingDuration": "4"}, Recorded(4.0, None, False)),
        ({"RecordingUrl": URL, "Digits": "#"}, Recorded(None, "#", False)),
        ({"RecordingSid": "RE1", "Digits": "0"}, Recorded(None, "0", False)),
        ({"RecordingUrl": URL, "Digits": "hangup"}, Recorded(None, None, True)),
        ({"RecordingUrl": URL, "CallStatus": "completed"}, Recorded(None, None, True)),
        ({"DialCallStatus": "completed"}, DialEnded("answered")),
        ({"DialCallStatus": "answered"}, DialEnded("answered")),
        ({"DialCallStatus": "busy"}, DialEnded("busy")),
        ({"DialCallStatus": "no-answer"}, DialEnded("no-answer")),
        ({"DialCallStatus": "canceled"}, DialEnded("no-answer")),
        ({"DialCallStatus": "failed"}, DialEnded("failed")),
        ({"DialCallStatus": "levitating"}, DialEnded("failed")),
    ],
)
def test_a_form_is_one_event(fields: dict[str, str], event: Event) -> None:
    assert read(**fields).event(turn=1) == event


def test_the_first_turn_of_a_call_is_its_ringing() -> None:
    assert read(CallStatus="ringing").event(turn=0) == Ringing()


def test_an_address_reached_by_doing_nothing_is_silence() -> None:
    assert read(Digits="1", RecordingUrl=URL).event(turn=1, silent=True) == Silence()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("CallSid", ""),
        ("CallSid", "CA 1"),
        ("CallSid", "CA1/../.."),
        ("CallSid", "C" * 129),
        ("CallSid", "CA1\n"),
        ("RecordingSid", "RE'1"),
        ("RecordingUrl", "ftp://api.example/RE1"),
        ("RecordingUrl", "/Recordings/RE1"),
        ("RecordingUrl", "http://[not-closed"),
        ("RecordingUrl", "https://api.example/" + "x" * 2000),
        ("RecordingDuration", "long"),
        ("RecordingDuration", "-5"),
        ("RecordingDuration", "1e99"),
        ("RecordingDuration", "٥"),
        ("Digits", "1; DROP TABLE calls"),
        ("Digits", "1" * 65),
        ("CallStatus", "levitating"),
    ],
)
def test_what_no_provider_sends_is_refused_by_the_fields_name(field: str, value: str) -> None:
    with pytest.raises(BadForm, match=field):
        one = read(**{"RecordingSid": "RE1", field: value})
        one.announcement(None)
        one.event(1)
        _ = one.call_status


def test_a_field_given_twice_is_refused() -> None:
    twice = MultiDict([("CallSid", "CA1"), ("Digits", "1"), ("Digits", "2")])
    with pytest.raises(BadForm, match="Digits is given twice"):
        form.read(twice, GRAMMAR)


def test_more_than_a_hundred_fields_are_refused() -> None:
    with pytest.raises(BadForm, match="100 fields"):
        read(**{f"Extra{n}": "x" for n in range(100)})
    assert read(**{f"Extra{n}": "x" for n in range(99)})


def test_fields_nobody_knows_do_not_disturb() -> None:
    assert read(Digits="1", StirVerstat="TN-Validation-Passed-A", Neu="喂").event(1) == Digits("1")


def test_a_nul_is_taken_out() -> None:
    assert read(From="+852\x0091234567").caller == "+85291234567"


def test_a_recordings_address_stays_as_the_provider_wrote_it() -> None:
    for ending in ("", ".wav", ".mp3", "?RequestedChannels=2", "?X-Amz-Signature=1"):
        assert read(RecordingUrl=URL + ending).recording_url == URL + ending


@pytest.mark.parametrize(
    ("status", "told"),
    [(None, "left"), ("completed", "completed"), ("absent", "absent"), ("failed", "failed")],
)
def test_a_recording_that_is_over_is_announced(status: str | None, told: str) -> None:
    fields = {} if status is None else {"RecordingStatus": status}
    announced = read(RecordingSid="RE1", ErrorCode="16101", **fields).announcement(3)
    assert announced is not None
    assert (announced.told, announced.turn) == (told, 3)
    assert announced.reason == "provider error 16101"


@pytest.mark.parametrize("fields", [{"RecordingStatus": "in-progress", "RecordingSid": "RE1"}, {}])
def test_a_recording_that_is_not_over_is_not(fields: dict[str, str]) -> None:
    assert read(**fields).announcement(1) is None


def test_a_length_that_is_not_known_yet_is_no_length() -> None:
    assert read(RecordingSid="RE1", RecordingDuration="-1").seconds is None


def test_a_form_without_a_caller_does_not_say_that_the_number_is_withheld() -> None:
    assert read().caller is None
    assert read(From="").caller == ""
