"""What a caller hears is always well-formed, small, portable, and leads only to our own addresses."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import urlencode, urlsplit

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from app import create_app
from runtime.settings import Settings
from tests.integration.telephone import CALLER, MEDIA, Exchange, said

OUR_CHARACTERS = re.compile(r"[A-Za-z0-9_=&\-/.:?#]+")
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
Way = tuple[str, Mapping[str, str]]


def read(response: TestResponse, exchange: Exchange) -> ET.Element:
    """The TwiML, after every check that holds for all TwiML."""
    assert response.content_type == "text/xml; charset=utf-8"
    assert len(response.data) < 64 * 1024
    twiml = ET.fromstring(response.data)
    assert twiml.tag == "Response"
    for element in twiml.iter():
        assert element.tag in exchange.phone.profile.verbs
        assert element.tag != "Say" or (element.text or "").strip()
        for address in addresses(element):
            assert OUR_CHARACTERS.fullmatch(address)
            assert address.startswith(f"{exchange.base}/")
    return twiml


def addresses(element: ET.Element) -> list[str]:
    named = [element.get("action"), element.get("recordingStatusCallback")]
    own = [element.text] if element.tag in {"Redirect", "Play"} else []
    return [address for address in [*named, *own] if address is not None]


def target(address: str | None) -> str:
    parts = urlsplit(address or "")
    return f"{parts.path}?{parts.query}"


def ways(twiml: ET.Element) -> Iterator[Way]:
    """Everything a caller can do next."""
    for element in twiml.iter():
        action = target(element.get("action"))
        match element.tag:
            case "Gather":
                yield from ((action, {"Digits": d}) for d in ("0", "1", "2", "9", "*", "4567"))
                yield action, {"Digits": "260000018"}
            case "Record":
                sound = {"RecordingSid": "RE1", "RecordingUrl": f"{MEDIA}/RE1"}
                yield from ((action, {**sound, "Digits": d}) for d in ("#", "0", "*", "hangup"))
            case "Dial":
                yield from ((action, {"DialCallStatus": s}) for s in ("completed", "busy"))
            case "Redirect":
                yield target(element.text), {}


def walk_everywhere(exchange: Exchange) -> int:
    """Go every way the TwiML offers until there is nothing new; how many there were."""
    waiting: list[Way] = [("/voice", {"CallStatus": "ringing"})]
    seen = set()
    while waiting:
        path, did = waiting.pop()
        form = {"CallSid": "CA1", "From": CALLER, "To": "1823", **did}
        for way in ways(read(exchange.post(path, form), exchange)):
            key = re.sub(r"(turn|silences|wrong)=\d+", "", way[0]), *way[1].values()
            if key not in seen:
                seen.add(key)
                waiting.append(way)
    return len(seen)


@SQLITE
@pytest.mark.parametrize("provider", ["twilio", "somleng"])
@pytest.mark.parametrize("city", ["hongkong", "beijing"])
def test_every_way_through_a_call_is_spoken_in_portable_twiml(
    settings: Callable[..., Settings], city: str, provider: str
) -> None:
    chosen = settings(city=city, provider=provider, media_hosts=("api.twilio.com",))
    assert walk_everywhere(Exchange(create_app(chosen))) > 60


@SQLITE
def test_a_dial_to_a_sip_desk_is_a_sip_address(settings: Callable[..., Settings]) -> None:
    desk = Exchange(create_app(settings(agent_dial="sip:desk@pbx.example")))
    response = desk.post("/voice/turn?step=desk&turn=3&silences=0&wrong=0", {"CallSid": "CA1"})
    read(response, desk)


@pytest.mark.parametrize(("provider", "fragment"), [("twilio", "rc=3&rp=all"), ("somleng", "")])
@SQLITE
def test_only_who_leaves_it_out_of_the_signature_is_asked_for_retries_in_a_fragment(
    settings: Callable[..., Settings], provider: str, fragment: str
) -> None:
    hotline = Exchange(create_app(settings(provider=provider, media_hosts=("a.example",))))
    record = hotline.line().answer().find("Record")
    assert record is not None
    assert urlsplit(record.attrib["recordingStatusCallback"]).fragment == fragment
    assert record.attrib["recordingStatusCallbackEvent"] == "completed absent"


def test_a_verb_follows_every_recording(exchange: Exchange) -> None:
    children = list(exchange.line().answer())
    assert [c.tag for c in children].index("Record") < len(children) - 1


def test_a_message_is_answered_with_its_case_number_twice(exchange: Exchange) -> None:
    line = exchange.line()
    line.answer()
    words = said(line.speak())
    (row,) = exchange.export(line.sid)
    digits = [" ".join(re.findall(r"\d", part)) for part in words.split("。") if part]
    assert " ".join(str(row["number"])) in " ".join(digits)


def test_the_same_turn_told_twice_is_answered_the_same(exchange: Exchange) -> None:
    line = exchange.line()
    line.answer()
    webhook = line.webhook(line.target("Record"), RecordingSid="RE1", RecordingUrl=f"{MEDIA}/RE1")
    first, second = exchange.send(webhook, webhook)
    assert first.data == second.data


def test_a_place_that_is_gone_from_the_flow_greets_again(exchange: Exchange) -> None:
    greeting = said(exchange.line().answer())
    for query in ("step=gone&turn=3&silences=0&wrong=0", "", "step=message&turn=-1", "step=%00"):
        assert said(exchange.line().go(f"/voice/turn?{query}")) == greeting


FIELDS = st.sampled_from(
    [
        *("CallSid", "From", "To", "CallStatus", "Digits", "RecordingUrl", "RecordingSid"),
        *("RecordingStatus", "RecordingDuration", "DialCallStatus", "ErrorCode", "CallerName"),
    ]
)
VALUES = st.one_of(
    st.sampled_from(
        [
            *("", "CA1", "hangup", "0", "#", "*", "123456789", "completed", "absent", "-1", "1e9"),
            *("https://api.twilio.com/RE1", "http://[", "</Say><Dial>", "\x00\x0b\ufffe"),
        ]
    ),
    st.text(max_size=30),
)
STEPS = [
    "message",
    "progress_number",
    "progress_last_four",
    "progress",
    "what_next",
    "desk",
    "gone",
]


@SQLITE
@hypothesis_settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    form=st.dictionaries(st.one_of(FIELDS, st.text(max_size=8)), VALUES, max_size=8),
    step=st.sampled_from(STEPS),
    turn=st.one_of(st.integers(0, 45).map(str), st.text(max_size=3)),
)
def test_whatever_the_provider_signs_the_caller_hears_twiml_and_never_an_error(
    exchange: Exchange, form: dict[str, str], step: str, turn: str
) -> None:
    query = urlencode({"step": step, "turn": turn, "silences": "0", "wrong": "0"})
    named = {"CallSid": "CA1", **form}
    for path in ("/voice", f"/voice/turn?{query}"):
        for answered in (exchange.post(path, form), exchange.post(path, named)):
            assert answered.status_code in {200, 400}
            read(answered, exchange)
    for path in (f"/voice/recording?{urlencode({'turn': turn})}", "/voice/status"):
        assert exchange.post(path, named).status_code in {204, 400}
    fallback = exchange.post("/voice/fallback", form)
    assert fallback.status_code == 200
    read(fallback, exchange)
