"""The browser telephone's exchange: what it sends is signed and checked, and nothing else goes through it."""

import io
import wave
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from app import create_app
from cases import browser_calls, calls, case, categories, departments, export, outcomes, recount
from cases.calls import Call
from cases.case import Case
from cases.categories import Category
from cases.permissions import Person
from ivr import jobs, media, softphone
from ivr.phone import Phone
from ivr.providers.profile import TWILIO
from ivr.spoken import Speaker
from runtime import clock, keys
from runtime.database import transaction
from runtime.settings import Settings
from runtime.storage import Storage
from tests.integration.telephone import BASE, Exchange
from tests.support.console_app import tone

MakeSettings = Callable[..., Settings]


@dataclass
class Tab:
    """A page that telephones, without a browser around it."""

    exchange: Exchange
    client: FlaskClient
    settings: Settings
    call: str
    proof: str

    def relay(self, url: str, **fields: str) -> TestResponse:
        form = {"call": self.call, "url": url, "from": self.number, **fields}
        return self._post("/phone/relay", form)

    def go(self, url: str, **fields: str) -> ElementTree.Element:
        """One turn; the TwiML answered."""
        told: Any = self.relay(url, **fields).get_json()
        assert told["status"] == 200, told
        return ElementTree.fromstring(told["body"])

    def say(self, text: str, language: str, proof: str) -> TestResponse:
        return self._post("/phone/speech", {"text": text, "language": language, "proof": proof})

    def hand_in(self, sound: bytes, take: int = 1) -> TestResponse:
        return self.client.post(
            f"/phone/recordings?call={self.call}&take={take}",
            data=sound,
            content_type="audio/wav",
            headers={"X-CSRFToken": self.proof, "Referer": f"{BASE}/phone"},
            base_url=BASE,
        )

    @property
    def number(self) -> str:
        return browser_calls.numbers("+852")[0]

    def _post(self, path: str, form: Mapping[str, str]) -> TestResponse:
        return self.client.post(
            path,
            data=form,
            headers={"X-CSRFToken": self.proof, "Referer": f"{BASE}/phone"},
            base_url=BASE,
        )


def tab_of(settings: Settings, exchange: Exchange | None = None) -> Tab:
    exchange = exchange or Exchange(create_app(settings))
    client = exchange.app.test_client()
    page = client.get("/sign-in", base_url=BASE).text
    proof = page.partition('name="csrf_token" value="')[2].partition('"')[0]
    key = browser_calls.BrowserKey(keys.secret(settings.state_dir, "data-key", settings.data_key))
    return Tab(exchange, client, settings, key.new_id(clock.now()), proof)


@pytest.fixture
def tab(settings: MakeSettings) -> Tab:
    return tab_of(settings(phone_enabled=True))


def test_a_call_is_signed_and_goes_through_our_own_check(tab: Tab) -> None:
    answered = tab.relay(f"{BASE}/voice", CallStatus="ringing")
    told: Any = answered.get_json()
    assert told["status"] == 200 and "<Record" in told["body"]
    # What was sent is what a provider may send, to the letter; changed in one digit it is refused.
    form = dict(told["form"])
    again = {"headers": {"X-Twilio-Signature": told["signature"]}, "base_url": BASE}
    client = tab.exchange.app.test_client()
    assert client.post("/voice", data=form, **again).status_code == 200
    form["From"] = "+85291234567"
    assert client.post("/voice", data=form, **again).status_code == 403


def test_a_page_that_signs_with_another_token_reaches_nothing(
    settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab = tab_of(settings(phone_enabled=True))
    monkeypatch.setattr(softphone, "_signature", lambda *_: "aaaaaaaaaaaaaaaaaaaaaaaaaaa=")
    assert tab.relay("/voice", CallStatus="ringing").get_json()["status"] == 403  # type: ignore[index]


@pytest.mark.parametrize(
    "url",
    [
        "/sign-in",
        "/healthz",
        "/phone/relay",
        "/voice/followup",
        "/voice/followup/turn?turn=1",
        "/voice/sms",
        "/voice/../sign-in",
        "/voice/%2e%2e/sign-in",
        "/voice/turn?try=" + "0" * 32,
        "https://elsewhere.example/voice",
        "//elsewhere.example/voice",
        f"{BASE}.elsewhere.example/voice",
        f"{BASE}@elsewhere.example/voice",
        "",
    ],
)
def test_only_the_webhooks_of_a_citizens_call_are_sent(tab: Tab, url: str) -> None:
    assert tab.relay(url, CallStatus="ringing").status_code == 400


@pytest.mark.parametrize(
    "field",
    [
        {"from": "+85291234567"},
        {"Digits": "1; DROP"},
        {"CallStatus": "queued"},
        {"take": "1"},
        {"take": "99", "recorded": "absent"},
        {"take": "1", "seconds": "5", "proof": "0" * 64},
    ],
)
def test_a_page_says_nothing_that_no_browser_call_can_be(tab: Tab, field: dict[str, str]) -> None:
    assert tab.relay("/voice/turn", **field).status_code == 400


def test_a_page_names_neither_account_nor_recording_of_its_own(tab: Tab) -> None:
    told: Any = tab.relay(
        "/voice", CallSid="CA1", AccountSid="AC9", RecordingUrl="https://x.example/r", To="999"
    ).get_json()
    form = dict(told["form"])
    assert form["CallSid"] == tab.call and form["AccountSid"] == "AC1" and form["To"] == "1823"
    assert "RecordingUrl" not in form


def test_an_id_that_was_not_made_here_or_is_too_old_opens_nothing(
    tab: Tab, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = tab.call
    for tab.call in ("", "CA" + "0" * 32, good[:-1] + ("0" if good[-1] != "0" else "1")):
        assert tab.relay("/voice").status_code == 403
        assert tab.hand_in(tone(1)).status_code == 403
    tab.call = good
    later = clock.now() + browser_calls.LASTS * 1.1
    monkeypatch.setattr(clock, "now", lambda: later)
    assert tab.relay("/voice").status_code == 403


def test_without_the_proof_of_our_own_page_nothing_is_sent(tab: Tab) -> None:
    tab.proof = "made up"
    assert tab.relay("/voice").status_code == 400


def test_a_call_posts_so_often_and_no_more(tab: Tab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(softphone, "MOST_POSTS", 3)
    answers = [tab.relay("/voice", CallStatus="ringing").status_code for _ in range(4)]
    assert answers == [200, 200, 200, 429]


def record(tab: Tab, sound: bytes) -> dict[str, str]:
    handed: Any = tab.hand_in(sound).get_json()
    return {"take": "1", "seconds": handed["seconds"], "proof": handed["proof"]}


def test_a_recording_becomes_a_case_by_the_providers_way(tab: Tab) -> None:
    twiml = tab.go("/voice", CallStatus="ringing")
    verb = twiml.find("Record")
    assert verb is not None
    said = record(tab, tone(2.0))
    tab.go(verb.get("action", ""), **said, Digits="#")
    told: Any = tab.relay(verb.get("recordingStatusCallback", ""), **said).get_json()
    assert told["status"] == 204 and "From" not in dict(told["form"])
    tab.relay("/voice/status", CallStatus="completed", CallDuration="12")
    (row,) = tab.exchange.export(tab.call)
    assert row["channel"] == "browser" and row["number"]
    assert [one["status"] for one in row["recordings"]] == ["announced"]  # type: ignore[attr-defined]
    assert tab.exchange.recording_rows(tab.call)[0].seconds == 2


def test_our_media_job_may_fetch_it_and_then_the_copy_goes(
    tab: Tab, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = tab.exchange.phone
    twiml = tab.go("/voice", CallStatus="ringing")
    verb = twiml.find("Record")
    assert verb is not None
    tab.go(verb.get("action", ""), **record(tab, tone(2.0)), Digits="#")
    (row,) = tab.exchange.recording_rows(tab.call)
    asked = []

    def get(client: httpx.Client, url: str, credentials: object, deadline: float) -> bytes:
        asked.append((url, credentials))
        answer = tab.exchange.app.test_client().get(url.removeprefix(BASE), base_url=BASE)
        assert answer.status_code == 200 and answer.mimetype == "audio/wav"
        return answer.data

    monkeypatch.setattr(media, "_get", get)
    storage = Storage(tab.settings.recordings_url)
    work = jobs.fetching(tab.settings, TWILIO, phone.engine, storage, phone.doorbell)
    jobs.fetch(work, row.id)
    (row,) = tab.exchange.recording_rows(tab.call)
    assert row.status == "fetched" and asked == [(row.url, None)]  # our token stays at home
    with wave.open(io.BytesIO(storage.read(row.storage_key or ""))) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (8000, 1, 2)
    gone = tab.exchange.app.test_client().get(str(row.url).removeprefix(BASE), base_url=BASE)
    assert gone.status_code == 404


@pytest.mark.parametrize(
    "url",
    [
        f"{BASE}/phone/recordings/RE{'a' * 32}",
        f"{BASE}/phone/recordings/../../sign-in",
        f"{BASE}/phone/recordings/RE{'a' * 32}.wav?x=1",
        f"{BASE}/phone/recordings/RE{'a' * 32}.wav/../x",
        f"{BASE}/sign-in",
        f"{BASE}:444/phone/recordings/RE{'a' * 32}.wav",
    ],
)
def test_the_media_job_fetches_nothing_else_of_our_own(url: str) -> None:
    own = f"{BASE}/phone/recordings/"
    source = media.Source(("api.twilio.com",), None, own)
    media.check(source, f"{own}RE{'a' * 32}.wav")
    with pytest.raises(media.Refused):
        media.check(source, url)


def test_off_it_is_not_there_and_the_media_job_fetches_nothing_of_our_own(
    settings: MakeSettings,
) -> None:
    own = settings()
    assert not own.phone_enabled
    tab = tab_of(own)
    assert tab.relay("/voice").status_code == 404
    assert tab.hand_in(tone(1)).status_code == 404
    assert tab.say("hello", "en-GB", "").status_code == 404
    assert tab.client.get("/phone", base_url=BASE).status_code == 404
    name = f"/phone/recordings/RE{'a' * 32}.wav"
    assert tab.client.get(name, base_url=BASE).status_code == 404
    phone = tab.exchange.phone
    work = jobs.fetching(own, TWILIO, phone.engine, Storage(own.recordings_url), phone.doorbell)
    with pytest.raises(media.Refused):
        media.check(work.source, BASE + name)


def wav(rate: int = 8000, channels: int = 1, width: int = 2, seconds: float = 1.0) -> bytes:
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", "not compressed"))
        file.writeframes(b"\1" * int(rate * seconds) * channels * width)
    return made.getvalue()


@pytest.mark.parametrize(
    "sound",
    [
        b"",
        b"RIFF....WAVE",
        b"ID3" + b"\0" * 100,
        wav(44100),
        wav(channels=2),
        wav(width=1),
        wav(seconds=0),
    ],
)
def test_what_is_not_such_a_recording_is_not_kept(tab: Tab, sound: bytes) -> None:
    assert tab.hand_in(sound).status_code == 415


def test_a_recording_that_is_too_long_is_not_taken(tab: Tab) -> None:
    assert tab.hand_in(wav(16000, seconds=400)).status_code == 413


@pytest.mark.skipif(not Speaker.is_there(), reason="espeak-ng is not installed")
def test_what_a_caller_is_to_hear_is_spoken_and_nothing_else(tab: Tab) -> None:
    told: Any = tab.relay("/voice", CallStatus="ringing").get_json()
    assert {one["language"] for one in told["says"]} == {"yue-CN", "cmn-CN", "en-GB"}
    said = told["says"][0]
    sound = tab.say(**said)
    assert sound.status_code == 200
    with wave.open(io.BytesIO(sound.data)) as file:
        assert file.getnframes() / file.getframerate() > 1
    assert tab.say(**said).data == sound.data
    assert tab.say("Say this for me", "en-GB", said["proof"]).status_code == 403


def test_off_the_air_nobody_is_asked_for_https(settings: MakeSettings) -> None:
    with pytest.raises(ValueError, match="PUBLIC_BASE_URL"):
        settings(phone_enabled=True, public_base_url="http://hotline.example")
    settings(phone_enabled=True, public_base_url="http://127.0.0.1:8000")


def closed_by_the_desk(tab: Tab, call_id: str) -> None:
    phone = tab.exchange.phone
    with transaction(phone.engine) as session:
        found = session.scalars(
            select(Case).join(Call, Call.id == Case.call_id).where(Call.provider_id == call_id)
        ).one()
        by = Person("agent:1", "agent")
        kind = next(iter(categories_of(phone)))
        how = {"by": by, "now": clock.now()}
        case.confirm(session, found, kind, version=found.version, terms=phone.terms, **how)
        case.close(session, found, "Done.", version=found.version, **how)


def categories_of(phone: Phone) -> tuple[Category, ...]:
    folder = phone.city.folder
    return tuple(categories.read(folder, departments.read(folder)))


def test_such_a_case_counts_in_no_rate_by_the_database_and_by_the_export_alike(tab: Tab) -> None:
    twiml = tab.go("/voice", CallStatus="ringing")
    verb = twiml.find("Record")
    assert verb is not None
    tab.go(verb.get("action", ""), **record(tab, tone(2.0)), Digits="#")
    line = tab.exchange.line()
    line.answer()
    line.speak()
    for call_id in (tab.call, line.sid):
        closed_by_the_desk(tab, call_id)
    period = (clock.now() - timedelta(days=1), clock.now() + timedelta(days=1))
    with transaction(tab.exchange.phone.engine) as session:
        counted = outcomes.handled(session, "city", *period)
        rows = list(export.batch(session, limit=100).rows)
    assert sum(counted.values()) == 1
    assert recount.recount(rows, "city", *period).handled == counted
    (browser,) = [row for row in rows if row["call_id"] == tab.call]
    with pytest.raises(recount.Tampered, match="channel"):
        recount.recount([{**browser, "channel": "telephone"}], "city", *period)


def test_it_takes_no_line_from_those_who_phone(tab: Tab) -> None:
    tab.go("/voice", CallStatus="ringing")
    with transaction(tab.exchange.phone.engine) as session:
        assert calls.busy_lines(session, clock.now() - timedelta(hours=1)) == 0
    tab.exchange.line().answer()
    with transaction(tab.exchange.phone.engine) as session:
        assert calls.busy_lines(session, clock.now() - timedelta(hours=1)) == 1


def test_for_trying_things_it_works_unsigned_on_this_machine(settings: MakeSettings) -> None:
    own = settings(
        phone_enabled=True,
        public_base_url="http://127.0.0.1:8000",
        twilio_auth_token="",
        twilio_auth_token_secondary="",
        insecure_dev_webhooks=True,
    )
    tab = tab_of(own)
    told: Any = tab.relay("/voice", CallStatus="ringing").get_json()
    assert told["status"] == 200 and told["signature"] == ""
