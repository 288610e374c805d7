"""The simulated provider does what Twilio documents: else no test that uses it says much."""

import base64
import json
import urllib.error
import urllib.request
import wave
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from twilio.request_validator import RequestValidator

from demo import events, sound
from demo.call import Call
from demo.caller import Act, hang_up, press, speak, speak_and_hang_up, stay_silent
from demo.delivery import Delivery
from demo.exchange import Exchange
from demo.media import Manners, MediaServer
from demo.profiles import SOMLENG, TWILIO, Profile
from demo.signing import signature
from tests.support.tiny_hotline import Reply, TinyHotline

RECORD = (
    '<Record action="/said" maxLength="60" timeout="5" finishOnKey="#0*" trim="do-not-trim"'
    ' recordingStatusCallback="/recording" recordingStatusCallbackEvent="completed absent"/>'
    "<Redirect>/nothing-said</Redirect>"
)


@pytest.fixture
def voice(tmp_path: Path) -> Path:
    """A little over two seconds of something loud enough to be speech."""
    path = tmp_path / "voice.wav"
    tone = 8000 * np.sin(np.arange(int(2.2 * sound.RATE)) * 0.3)
    path.write_bytes(sound.wav(tone.astype(np.int16)))
    return path


class Line:
    """A tiny hotline with the given answers, and an exchange that can ring it."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def __call__(
        self,
        replies: dict[str, str | Reply],
        *acts: Act,
        delivery: Delivery | None = None,
        profile: Profile = TWILIO,
        desk: str = "no-answer",
    ) -> Call:
        made = {
            path: reply if isinstance(reply, Reply) else Reply(reply)
            for path, reply in replies.items()
        }
        self.hotline = self._stack.enter_context(TinyHotline(made))
        self.exchange = self._stack.enter_context(Exchange(self.hotline.address, profile=profile))
        call = self.exchange.place("+85291234567", acts, delivery or Delivery(), desk)
        call.settle()
        return call

    def paths(self) -> list[str]:
        return [one.target for one in self.hotline.requests]


@pytest.fixture
def line() -> Iterator[Line]:
    with ExitStack() as stack:
        yield Line(stack)


def get(url: str, login: tuple[str, str] | None = None) -> tuple[int, bytes]:
    request = urllib.request.Request(url)
    if login:
        word = base64.b64encode(":".join(login).encode()).decode()
        request.add_header("Authorization", f"Basic {word}")
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as problem:
        return problem.code, problem.read()


# Signing


def test_the_documented_example_gives_the_documented_signature() -> None:
    form = (
        ("CallSid", "CA1234567890ABCDE"),
        ("Caller", "+14158675310"),
        ("Digits", "1234"),
        ("From", "+14158675310"),
        ("To", "+18005551212"),
    )
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert signature("12345", url, form) == "GvWf1cFY/Q7PnoempGyD5oXAezc="


def test_what_we_sign_the_twilio_library_accepts(line: Line) -> None:
    line({"/voice": "<Redirect>/next?a=%E4%BD%A0&amp;b=1</Redirect>"})
    validator = RequestValidator(line.exchange.token)
    assert len(line.hotline.requests) == 3
    for request in line.hotline.requests:
        url = line.hotline.address + request.target
        assert validator.validate(url, request.form, request.headers["X-Twilio-Signature"])


def test_twilio_neither_sends_nor_signs_the_fragment(line: Line) -> None:
    line({"/voice": "<Redirect>/next#rc=2</Redirect>"})
    (request,) = line.hotline.asked("/next")
    url = line.hotline.address + "/next"
    assert request.headers["X-Twilio-Signature"] == signature(
        line.exchange.token, url, request.pairs
    )


def test_somleng_signs_the_fragment_too(line: Line) -> None:
    line({"/voice": "<Redirect>/next#rc=2</Redirect>"}, profile=SOMLENG)
    (request,) = line.hotline.asked("/next")
    url = line.hotline.address + "/next#rc=2"
    assert request.headers["X-Twilio-Signature"] == signature(
        line.exchange.token, url, request.pairs
    )


def test_a_bare_question_mark_survives(line: Line) -> None:
    with TinyHotline({}) as other:
        line({"/voice": f"<Redirect>{other.address}/next?</Redirect>"})
        assert [one.target for one in other.requests] == ["/next?"]


# Forms


def test_a_ringing_call_is_announced_with_27_fields(line: Line) -> None:
    line({"/voice": "<Hangup/>"})
    form = line.hotline.requests[0].form
    assert len(form) == 27
    assert (form["CallStatus"], form["Direction"]) == ("ringing", "inbound")
    assert form["From"] == form["Caller"] == "+85291234567"
    assert form["CallSid"].startswith("CA") and len(form["CallSid"]) == 34


def test_somleng_ids_are_uuids(line: Line) -> None:
    call = line({"/voice": "<Hangup/>"}, profile=SOMLENG)
    assert len(call.sid) == 36 and call.sid.count("-") == 4


def test_the_end_of_the_call_is_told_once_with_its_length(line: Line) -> None:
    line({"/voice": '<Say language="en-GB">Goodbye now</Say><Hangup/>'})
    (request,) = line.hotline.asked("/voice/status")
    assert request.form["CallStatus"] == "completed"
    assert int(request.form["CallDuration"]) >= 1


# Verbs


def test_what_is_said_and_in_which_language_is_logged(line: Line) -> None:
    call = line({"/voice": '<Say language="zh-HK">你好</Say><Say language="cmn-CN">您好</Say>'})
    assert [(one.language, one.text) for one in call.of(events.Hears)] == [
        ("yue", "你好"),
        ("cmn", "您好"),
    ]


GATHER = '<Gather action="/key" numDigits="1" timeout="4"><Say>Press</Say></Gather>'


def test_a_key_goes_to_the_action_of_the_gather(line: Line) -> None:
    line({"/voice": f"{GATHER}<Redirect>/silence</Redirect>"}, press("2"))
    assert line.hotline.asked("/key")[0].form["Digits"] == "2"
    assert not line.hotline.asked("/silence")


def test_silence_falls_through_to_the_verb_after_the_gather(line: Line) -> None:
    call = line({"/voice": f"{GATHER}<Redirect>/silence</Redirect>"}, stay_silent())
    assert line.hotline.asked("/silence") and not line.hotline.asked("/key")
    assert [one.seconds for one in call.of(events.StaysSilent)] == [4.0]


@pytest.mark.parametrize(
    ("attributes", "keys", "digits"),
    [
        ('finishOnKey="#"', "123#", "123"),
        ('finishOnKey="#" numDigits="2"', "12345#", "12"),
        ('finishOnKey="" numDigits="3"', "1#2", "1#2"),
        ('finishOnKey="*"', "12*3", "12"),
        ('finishOnKey="#"', "77", "77"),
    ],
)
def test_digits_end_at_the_finish_key_or_the_wanted_number(
    line: Line, attributes: str, keys: str, digits: str
) -> None:
    line({"/voice": f'<Gather action="/key" {attributes}/>'}, press(keys))
    assert line.hotline.asked("/key")[0].form["Digits"] == digits


def test_the_finish_key_alone_is_no_input(line: Line) -> None:
    line({"/voice": '<Gather action="/key"/><Redirect>/silence</Redirect>'}, press("#"))
    assert line.hotline.asked("/silence") and not line.hotline.asked("/key")


def test_a_key_pressed_over_the_prompt_stops_it(line: Line) -> None:
    gather = '<Gather action="/key" numDigits="1"><Say>One</Say><Say>Two</Say></Gather>'
    call = line({"/voice": gather}, press("1", barge_in=True))
    assert [(one.text, one.cut) for one in call.of(events.Hears)] == [("One", True)]


def test_a_caller_who_hangs_up_at_a_gather_makes_no_action(line: Line) -> None:
    call = line({"/voice": f"{GATHER}<Redirect>/silence</Redirect>"}, hang_up())
    assert line.paths() == ["/voice", "/voice/status"]
    assert [one.who for one in call.of(events.HangsUp)] == ["caller"]


def test_a_recording_ends_by_silence_and_goes_to_its_action(line: Line, voice: Path) -> None:
    call = line({"/voice": RECORD}, speak(voice))
    form = line.hotline.asked("/said")[0].form
    assert form["RecordingDuration"] == "7" and "Digits" not in form
    assert form["RecordingSid"].startswith("RE")
    assert [one.outcome for one in call.of(events.Recorded)] == ["completed"]


def test_the_key_that_ended_a_recording_is_told(line: Line, voice: Path) -> None:
    line({"/voice": RECORD}, speak(voice, then="#"))
    assert line.hotline.asked("/said")[0].form["Digits"] == "#"


def test_a_key_that_does_not_end_the_recording_is_only_sound(line: Line, voice: Path) -> None:
    line({"/voice": RECORD}, speak(voice, then="5"))
    assert "Digits" not in line.hotline.asked("/said")[0].form


def test_a_hang_up_during_a_recording_still_requests_the_action(line: Line, voice: Path) -> None:
    call = line({"/voice": RECORD}, speak_and_hang_up(voice, after=1.2))
    form = line.hotline.asked("/said")[0].form
    assert (form["Digits"], form["CallStatus"]) == ("hangup", "completed")
    with wave.open(BytesIO(call.recordings[0].sound)) as file:
        assert file.getnframes() / file.getframerate() == pytest.approx(1.2)


def test_an_empty_recording_makes_no_action_and_is_reported_absent(line: Line) -> None:
    line({"/voice": RECORD}, stay_silent())
    assert not line.hotline.asked("/said") and line.hotline.asked("/nothing-said")
    form = line.hotline.asked("/recording")[0].form
    assert (form["RecordingStatus"], form["ErrorCode"]) == ("absent", "16102")
    assert "From" not in form


def test_absent_is_not_reported_to_whom_did_not_ask(line: Line) -> None:
    record = RECORD.replace(' recordingStatusCallbackEvent="completed absent"', "")
    line({"/voice": record}, stay_silent())
    assert not line.hotline.asked("/recording")


def test_a_recording_is_cut_at_its_greatest_length(line: Line, voice: Path) -> None:
    call = line({"/voice": RECORD.replace('"60"', '"2"')}, speak(voice, then="#"))
    assert call.recordings[0].seconds == 2
    assert "Digits" not in line.hotline.asked("/said")[0].form


def test_a_pause_longer_than_the_timeout_ends_the_recording(line: Line, tmp_path: Path) -> None:
    tone = (8000 * np.sin(np.arange(sound.RATE) * 0.3)).astype(np.int16)
    path = tmp_path / "pause.wav"
    path.write_bytes(sound.wav(np.concatenate([tone, np.zeros(6 * sound.RATE, np.int16), tone])))
    call = line({"/voice": RECORD}, speak(path))
    assert call.recordings[0].seconds == 6


def test_a_recording_can_be_trimmed(line: Line, voice: Path) -> None:
    call = line({"/voice": RECORD.replace("do-not-trim", "trim-silence")}, speak(voice))
    with wave.open(BytesIO(call.recordings[0].sound)) as file:
        assert file.getnframes() / file.getframerate() == pytest.approx(2.2, abs=0.05)


def test_somleng_tells_only_address_and_length_of_a_recording(line: Line, voice: Path) -> None:
    line({"/voice": RECORD}, speak(voice, then="#"), profile=SOMLENG)
    form = line.hotline.asked("/said")[0].form
    assert {"RecordingUrl", "RecordingDuration"} == {key for key in form if "Record" in key}
    assert "Digits" not in form


@pytest.mark.parametrize(
    ("desk", "status"), [("answered", "completed"), ("busy", "busy"), ("no-answer", "no-answer")]
)
def test_the_end_of_a_dial_goes_to_its_action(line: Line, desk: str, status: str) -> None:
    dial = '<Dial action="/dialled" timeout="20"><Number>+85228001823</Number></Dial>'
    line({"/voice": dial}, desk=desk)
    assert line.hotline.asked("/dialled")[0].form["DialCallStatus"] == status


def test_a_dial_without_action_goes_on_with_the_next_verb(line: Line) -> None:
    line({"/voice": "<Dial>+85228001823</Dial><Redirect>/on</Redirect>"})
    assert line.hotline.asked("/on")


def test_a_rejected_call_ends_busy(line: Line) -> None:
    call = line({"/voice": '<Reject reason="busy"/>'})
    assert call.status == "busy"
    assert line.hotline.asked("/voice/status")[0].form["CallStatus"] == "busy"


def test_addresses_are_relative_to_the_last_document(line: Line) -> None:
    line({"/voice": "<Redirect>voice/a/b?x=1</Redirect>", "/voice/a/b": "<Redirect>c</Redirect>"})
    assert line.paths()[:3] == ["/voice", "/voice/a/b?x=1", "/voice/a/c"]


def test_an_audio_file_that_is_not_there_is_trouble_but_not_the_end(line: Line) -> None:
    call = line({"/voice": "<Play>/a.wav</Play><Say>Hello</Say>", "/a.wav": Reply(status=404)})
    assert [one.code for one in call.trouble] == [11200]
    assert "Hello" in call.heard


def test_a_call_that_never_ends_is_ended(line: Line) -> None:
    call = line({"/voice": "<Redirect>/voice</Redirect>"})
    assert [one.who for one in call.of(events.HangsUp)] == ["provider"]


# Strictness

BAD = {
    "status": (Reply(status=500), 11200),
    "forbidden": (Reply(status=403), 11200),
    "redirect": (Reply(status=302), 11200),
    "type": (Reply(content_type="application/json"), 12300),
    "plain": (Reply(content_type="text/plain"), 12300),
    "no type": (Reply(content_type=""), 12300),
    "empty": (Reply(b""), 12100),
    "broken": (Reply(b"<Response><Say>"), 12100),
    "control character": (Reply("<Say>a\x0bb</Say>"), 12100),
    "root": (Reply(b"<html></html>"), 12101),
    "verb": (Reply("<Shout>Hello</Shout>"), 12200),
    "nesting": (Reply("<Gather><Record/></Gather>"), 12200),
    "attribute": (Reply('<Say speed="fast">Hello</Say>'), 12200),
    "value": (Reply('<Record maxLength="1"/>'), 12200),
    "language": (Reply('<Say language="yue">Hello</Say>'), 12200),
    "event": (Reply('<Record recordingStatusCallbackEvent="completed,absent"/>'), 12200),
    "stray text": (Reply("Hello"), 12200),
    "empty say": (Reply("<Say> </Say>"), 12200),
    "long say": (Reply(f"<Say>{'a' * 5000}</Say>"), 12200),
    "big": (Reply(f"<!--{' ' * 66000}-->"), 11750),
}


@pytest.mark.parametrize("name", BAD)
def test_an_answer_that_cannot_be_used_leads_to_the_fallback(line: Line, name: str) -> None:
    reply, code = BAD[name]
    call = line({"/voice": reply, "/voice/fallback": "<Say>Sorry</Say>"})
    (request,) = line.hotline.asked("/voice/fallback")
    assert request.form["ErrorCode"] == str(code)
    assert request.form["ErrorUrl"] == f"{line.hotline.address}/voice"
    assert call.heard == "Sorry" and [one.code for one in call.trouble] == [code]


def test_a_useless_fallback_ends_the_call(line: Line) -> None:
    call = line({"/voice": Reply(status=500), "/voice/fallback": Reply(status=500)})
    assert [one.who for one in call.of(events.HangsUp)] == ["provider"]


def test_a_hotline_that_is_not_there_is_trouble_11205() -> None:
    with Exchange("http://127.0.0.1:9") as exchange:
        call = exchange.place("+85291234567", [])
    assert call.trouble[0].code == 11205


@pytest.mark.parametrize("verb", ['<Pause length="1"/>', "Hello", "<Gather><Pause/></Gather>"])
def test_what_is_not_portable_ends_the_call_at_somleng(line: Line, verb: str) -> None:
    call = line({"/voice": verb}, profile=SOMLENG)
    assert call.trouble[0].code == 12200


def test_a_pause_is_fine_at_twilio(line: Line) -> None:
    assert not line({"/voice": '<Pause length="2"/>'}).trouble


# Disorder


def kinds(line: Line) -> list[str]:
    return [path.rpartition("/")[2] for path in line.paths()]


@pytest.mark.parametrize(
    ("callbacks", "order"),
    [
        ("in order", ["voice", "said", "recording", "status"]),
        ("before action", ["voice", "recording", "said", "status"]),
        ("after call", ["voice", "said", "recording", "status"]),
        ("reversed", ["voice", "said", "status", "recording"]),
    ],
)
def test_callbacks_come_in_the_order_of_the_day(
    line: Line, voice: Path, callbacks: str, order: list[str]
) -> None:
    day = Delivery(callbacks=callbacks)  # type: ignore[arg-type]
    line({"/voice": RECORD}, speak(voice, then="#"), delivery=day)
    assert kinds(line) == order


@pytest.mark.parametrize("racing", [False, True])
def test_every_webhook_can_come_several_times(line: Line, voice: Path, racing: bool) -> None:
    day = Delivery(copies=3, racing=racing)
    line({"/voice": RECORD}, speak(voice, then="#"), delivery=day)
    assert kinds(line) == [one for one in ["voice", "said", "recording", "status"] for _ in "123"]


def test_copies_carry_the_same_idempotency_token(line: Line) -> None:
    line({"/voice": "<Hangup/>"}, delivery=Delivery(copies=2))
    first, second = (
        one.headers["I-Twilio-Idempotency-Token"] for one in line.hotline.asked("/voice")
    )
    assert first == second


@pytest.mark.parametrize(
    ("lost", "missing"),
    [("action", "said"), ("recording callback", "recording"), ("status", "status")],
)
def test_a_webhook_can_get_lost(line: Line, voice: Path, lost: str, missing: str) -> None:
    day = Delivery(lost=frozenset({lost}))  # type: ignore[arg-type]
    line({"/voice": RECORD}, speak(voice, then="#"), delivery=day)
    assert missing not in kinds(line)


def test_the_recording_id_can_be_missing_everywhere(line: Line, voice: Path) -> None:
    day = Delivery(recording_id=False)
    line({"/voice": RECORD}, speak(voice, then="#"), delivery=day)
    assert all("RecordingSid" not in one.form for one in line.hotline.requests)


def test_a_failed_recording_is_reported_and_never_served(line: Line, voice: Path) -> None:
    call = line({"/voice": RECORD}, speak(voice), delivery=Delivery(recording="failed"))
    assert line.hotline.asked("/recording")[0].form["RecordingStatus"] == "failed"
    url = line.exchange.media.address_of(call.recordings[0])
    assert get(url, (line.exchange.account, line.exchange.token))[0] == 404


# Media


@pytest.fixture
def recorded(line: Line, voice: Path) -> Callable[[Manners], tuple[str, tuple[str, str]]]:
    def record(manners: Manners) -> tuple[str, tuple[str, str]]:
        call = line({"/voice": RECORD}, speak(voice), delivery=Delivery(media=manners))
        url = line.exchange.media.address_of(call.recordings[0])
        return url, (line.exchange.account, line.exchange.token)

    return record


Recorder = Callable[[Manners], tuple[str, tuple[str, str]]]


def test_media_wants_the_account_and_its_token(recorded: Recorder) -> None:
    url, login = recorded(Manners())
    assert get(url)[0] == 401
    assert get(url, (login[0], "wrong"))[0] == 401
    status, body = get(f"{url}.wav", login)
    assert status == 200 and body.startswith(b"RIFF")


def test_media_may_not_be_ready_at_first(recorded: Recorder) -> None:
    url, login = recorded(Manners(not_ready=2))
    assert [get(url, login)[0] for _ in range(3)] == [404, 404, 200]


def test_media_may_be_somewhere_else(recorded: Recorder) -> None:
    with MediaServer(None) as elsewhere:
        url, login = recorded(Manners(redirect=elsewhere.address))
        get(url, login)
        assert [one.status for one in elsewhere.fetches] == [404]


def test_media_may_be_huge(recorded: Recorder) -> None:
    url, login = recorded(Manners(bytes_more=3_000_000))
    assert len(get(url, login)[1]) > 3_000_000


def test_recordings_are_listed_in_pages(line: Line, voice: Path) -> None:
    replies: dict[str, str | Reply] = {"/voice": RECORD, "/said": RECORD}
    call = line(replies, *(speak(voice, then="#") for _ in range(3)))
    login = (line.exchange.account, line.exchange.token)
    path = f"/2010-04-01/Accounts/{login[0]}/Recordings.json?PageSize=2&DateCreated%3E=2020-01-01"
    found = []
    while path:
        page = json.loads(get(line.exchange.media.address + path, login)[1])
        found += [one["sid"] for one in page["recordings"]]
        path = page["next_page_uri"]
    assert sorted(found) == sorted(one.sid for one in call.recordings if one.status == "completed")
    assert len(found) == 3


def test_mu_law_comes_back_as_it_was_said(tmp_path: Path) -> None:
    ramp = np.arange(-32000, 32000, 7).astype(np.int16)
    path = tmp_path / "ramp.wav"
    path.write_bytes(sound.wav(ramp, "mulaw"))
    error = np.abs(sound.read(path).astype(int) - ramp)
    assert (error <= np.maximum(np.abs(ramp.astype(int)) / 16, 8)).all()


# Retries a callback's address asks for


@pytest.mark.parametrize(
    ("fragment", "times"), [("", 1), ("#rc=2&rp=5xx", 3), ("#rc=3&rp=ct", 1), ("#rc=1&rp=all", 2)]
)
def test_a_callback_is_repeated_as_its_address_asks(
    line: Line, voice: Path, fragment: str, times: int
) -> None:
    record = RECORD.replace('"/recording"', f'"/recording{fragment.replace("&", "&amp;")}"')
    replies: dict[str, str | Reply] = {"/voice": record, "/recording": Reply(status=503)}
    line(replies, speak(voice, then="#"))
    assert len(line.hotline.asked("/recording")) == times


def test_a_get_is_signed_over_its_query_alone(line: Line) -> None:
    line({"/voice": '<Redirect method="GET">/next?a=1</Redirect>'})
    (request,) = line.hotline.asked("/next")
    assert request.method == "GET" and request.target.startswith("/next?a=1&")
    url = line.hotline.address + request.target
    assert request.headers["X-Twilio-Signature"] == signature(line.exchange.token, url)
