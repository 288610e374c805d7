"""Only the provider is believed. Seen from outside: what is not rightly signed is 403 and leaves no trace."""

from pathlib import Path

import pytest

from demo import web
from demo.caller import hang_up, speak
from demo.form import Parties, recording_form, twilio_form, twilio_id
from demo.media import Recording
from demo.profiles import SOMLENG
from demo.signing import Form, signature
from demo.twiml import read
from tests.support.hotline import SECOND_TOKEN, Hotline, has_transcript
from tests.support.hotline import hotline as whole_hotline

ROUTES = ["/voice", "/voice/turn", "/voice/recording", "/voice/status", "/voice/fallback"]
WRONG = {
    "no signature": lambda token, url, form: {},
    "an empty one": lambda token, url, form: {"X-Twilio-Signature": ""},
    "nonsense": lambda token, url, form: {"X-Twilio-Signature": "äö=;"},
    "another token": lambda token, url, form: signed("not-the-token", url, form),
    "another form": lambda token, url, form: signed(token, url, form[1:]),
    "another address": lambda token, url, form: signed(token, url + "?x=1", form),
    "another host": lambda token, url, form: signed(token, "https://example.org/voice", form),
}


def signed(token: str, url: str, form: Form) -> dict[str, str]:
    return {"X-Twilio-Signature": signature(token, url, form)}


def a_recording(hotline: Hotline, call_id: str) -> Form:
    """The announcement of a recording of a call nobody has heard of."""
    recording = Recording(twilio_id("RE"), hotline.exchange.account, call_id, b"", 5)
    address = hotline.exchange.media.address_of(recording)
    more = {"RecordingSid": recording.sid, "RecordingUrl": address}
    return recording_form(recording, more)


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("route", ROUTES)
def test_what_the_provider_did_not_sign_is_refused(hotline: Hotline, route: str, name: str) -> None:
    call_id = twilio_id("CA")
    url, form = hotline.house.address + route, a_recording(hotline, call_id)
    headers = WRONG[name](hotline.exchange.token, url, form)
    headers = {key: value.encode().decode("latin-1") for key, value in headers.items()}
    assert web.post(url, form, headers).status == 403


def test_a_refused_webhook_leaves_no_trace(hotline: Hotline) -> None:
    before = {case["number"] for case in hotline.house.cases()}
    call_id = twilio_id("CA")
    url, form = hotline.house.address + "/voice/recording", a_recording(hotline, call_id)
    for wrong in WRONG.values():
        headers = {k: v.encode().decode("latin-1") for k, v in wrong("x" * 32, url, form).items()}
        web.post(url, form, headers)
    assert {case["number"] for case in hotline.house.cases()} == before


def test_the_same_webhook_rightly_signed_opens_a_case(hotline: Hotline) -> None:
    call_id = twilio_id("CA")
    url, form = hotline.house.address + "/voice/recording", a_recording(hotline, call_id)
    assert web.post(url, form, signed(hotline.exchange.token, url, form)).status in (200, 204)
    assert [case for case in hotline.house.cases() if case["call_id"] == call_id]


def test_the_next_token_is_accepted_during_a_rotation(hotline: Hotline, message: Path) -> None:
    call = hotline.ring(speak(message, then="#"), hang_up(), token=SECOND_TOKEN)
    assert not call.trouble and hotline.case_of(call)


def test_a_form_cannot_be_shifted_into_another(hotline: Hotline) -> None:
    """The signature covers no limits between fields: `Digits=1&From=9` signs as `Digits=1From9`."""
    url, token = hotline.house.address + "/voice", hotline.exchange.token
    parties = Parties(hotline.exchange.account, twilio_id("CA"), "+85291234567", "1823")
    honest = tuple(sorted(twilio_form(parties, "ringing", {"Digits": "1"})))
    fields = dict(honest)
    direction = fields.pop("Direction")
    shifted = tuple({**fields, "Digits": f"1Direction{direction}"}.items())
    headers = signed(token, url, honest)
    assert headers == signed(token, url, shifted)
    assert web.post(url, shifted, headers).status in (400, 403)


def test_the_fallback_is_static(hotline: Hotline) -> None:
    url = hotline.house.address + "/voice/fallback"
    answers = set()
    for caller in ("+85291234567", "anonymous"):
        parties = Parties(hotline.exchange.account, twilio_id("CA"), caller, "1823")
        form = twilio_form(parties, "in-progress", {"ErrorCode": "11200", "ErrorUrl": "x"})
        answer = web.post(url, form, signed(hotline.exchange.token, url, form))
        assert [verb.name for verb in read(answer.body, answer.content_type)][-1] == "Hangup"
        answers.add(answer.body)
    assert len(answers) == 1


def test_somleng_is_understood(tmp_path: Path, message: Path) -> None:
    with whole_hotline(tmp_path, profile=SOMLENG) as hotline:
        call = hotline.ring(speak(message, then="#"), hang_up())
        assert not call.trouble
        assert hotline.wait_for(call, has_transcript)
        cut = hotline.ring(speak(message), hang_up())
        assert not cut.trouble and hotline.wait_for(cut, has_transcript)
