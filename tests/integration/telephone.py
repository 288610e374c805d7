"""The provider's end of the line, as small as can be: it signs, posts, and reads the TwiML."""

import itertools
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from flask import Flask
from sqlalchemy import select
from twilio.request_validator import RequestValidator
from werkzeug.test import TestResponse

from cases import calls, export, recordings, transcripts
from cases.calls import Call
from cases.case import Case
from cases.recordings import Recording
from ivr.phone import Phone, Phones
from runtime.database import transaction

TOKEN = "0123456789abcdef0123456789abcdef"
NEXT_TOKEN = "fedcba9876543210fedcba9876543210"
BASE = "https://hotline.example"
CALLER = "+85291234567"
MEDIA = "https://api.twilio.com/2010-04-01/Accounts/AC1/Recordings"

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Webhook:
    """One request of the provider: where to, and what the form says."""

    path: str
    form: Mapping[str, str]


@dataclass(frozen=True)
class Told:
    """What all that was posted came to, without ids and moments: to be compared."""

    cases: int
    recordings: tuple[str, ...]
    caller: str
    flags: frozenset[str] = frozenset()


@dataclass
class Exchange:
    """Posts signed forms to the application."""

    app: Flask
    base: str = BASE
    token: str = TOKEN

    @property
    def phone(self) -> Phone:
        return self.phones.now

    @property
    def phones(self) -> Phones:
        phones: Phones = self.app.extensions["phones"]
        return phones

    def post(self, path: str, form: Mapping[str, str], token: str | None = None) -> TestResponse:
        url = f"{self.base}{path}"
        signature = RequestValidator(token or self.token).compute_signature(url, dict(form))
        return self.app.test_client().post(
            path,
            data=urlencode(form),
            content_type="application/x-www-form-urlencoded",
            headers={"X-Twilio-Signature": signature},
            base_url=self.base,
        )

    def send(self, *webhooks: Webhook) -> list[TestResponse]:
        return [self.post(webhook.path, webhook.form) for webhook in webhooks]

    def line(self, caller: str = CALLER) -> "Line":
        return Line(self, f"CA{next(_numbers):032x}", caller)

    def told(self, call_id: str) -> Told:
        """What is known of the call with this provider's id."""
        with transaction(self.phone.engine) as session:
            call = session.scalars(select(Call).where(Call.provider_id == call_id)).one()
            cases = session.scalars(select(Case).where(Case.call_id == call.id)).all()
            rows = recordings.of_call(session, call.id)
            flags = frozenset(flag for case in cases for flag in case.flags)
            statuses = tuple(sorted(row.status for row in rows))
            return Told(len(cases), statuses, calls.caller_of(call), flags)

    def export(self, call_id: str) -> list[dict[str, object]]:
        """The call's cases as the export shows them."""
        with transaction(self.phone.engine) as session:
            rows = export.batch(session, limit=10_000).rows
            return [row for row in rows if row["call_id"] == call_id]

    def recording_rows(self, call_id: str) -> list[Recording]:
        with transaction(self.phone.engine) as session:
            statement = select(Recording).join(Call).where(Call.provider_id == call_id)
            rows = list(session.scalars(statement.order_by(Recording.id)))
            session.expunge_all()
            return rows

    def text(self, call_id: str) -> str:
        with transaction(self.phone.engine) as session:
            case = session.scalars(select(Case).join(Call).where(Call.provider_id == call_id)).one()
            return transcripts.text_of(session, case)


@dataclass
class Line:
    """One call, as the caller and the provider live through it."""

    exchange: Exchange
    sid: str
    caller: str
    heard: list[ET.Element] = field(default_factory=list)

    def webhook(self, path: str, **fields: str) -> Webhook:
        usual = {"CallSid": self.sid, "AccountSid": "AC1", "CallStatus": "in-progress"}
        return Webhook(path, {**usual, "From": self.caller, "To": "1823", **fields})

    def callback(self, turn: int = 1, number: int = 1, **fields: str) -> Webhook:
        """A callback about a recording; it says neither who calls nor how the call stands."""
        known = {
            "CallSid": self.sid,
            "RecordingSid": self.recording_sid(number),
            "RecordingUrl": f"{MEDIA}/{self.recording_sid(number)}",
            "RecordingStatus": "completed",
            "RecordingDuration": "5",
        }
        return Webhook(f"/voice/recording?turn={turn}", {**known, **fields})

    def recording_sid(self, number: int = 1) -> str:
        return f"RE{number:04d}{self.sid[6:]}"

    def go(self, path: str, **fields: str) -> ET.Element:
        """Post one turn; its TwiML is what the caller hears next."""
        response = self.exchange.send(self.webhook(path, **fields))[0]
        assert response.status_code == 200, response.text
        self.heard.append(ET.fromstring(response.data))
        return self.heard[-1]

    def answer(self) -> ET.Element:
        return self.go("/voice", CallStatus="ringing")

    @property
    def twiml(self) -> ET.Element:
        return self.heard[-1]

    def target(self, verb: str) -> str:
        """Path and query of where the verb last heard leads."""
        element = next(self.twiml.iter(verb))
        parts = urlsplit(element.get("action") or element.text or "")
        return f"{parts.path}?{parts.query}" if parts.query else parts.path

    def press(self, keys: str) -> ET.Element:
        return self.go(self.target("Gather"), Digits=keys)

    def keep_silent(self) -> ET.Element:
        return self.go(self.target("Redirect"))

    def speak(self, number: int = 1, **fields: str) -> ET.Element:
        sid = self.recording_sid(number)
        told = {"RecordingSid": sid, "RecordingUrl": f"{MEDIA}/{sid}", "RecordingDuration": "5"}
        return self.go(self.target("Record"), **{**told, **fields})

    @property
    def turn(self) -> int:
        """The turn the address of the verb last heard belongs to."""
        query = self.target("Record" if self.twiml.find("Record") is not None else "Gather")
        return int(query.partition("turn=")[2].partition("&")[0])

    def status(self, status: str = "completed") -> Webhook:
        return self.webhook("/voice/status", CallStatus=status)

    @property
    def told(self) -> Told:
        return self.exchange.told(self.sid)


def said(twiml: ET.Element) -> str:
    """All that is spoken or played."""
    return " ".join(
        element.text or "" for element in twiml.iter() if element.tag in {"Say", "Play"}
    )
