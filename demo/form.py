"""The forms a provider posts: 27 fields from Twilio, most of them empty outside North America."""

import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from .media import API_VERSION, Recording
from .signing import Form

TOO_SHORT, SILENT = "16101", "16102"
_PLACES = ("City", "State", "Zip")


@dataclass(frozen=True)
class Parties:
    """Who rings whom, under which account."""

    account: str
    call: str
    caller: str
    number: str
    country: str = "HK"
    direction: str = "inbound"


def twilio_form(parties: Parties, status: str, more: Mapping[str, str] | None = None) -> Form:
    """The fields of a Twilio voice webhook for this call, with `more` on top."""
    form = {
        "AccountSid": parties.account,
        "ApiVersion": API_VERSION,
        "CallSid": parties.call,
        "CallStatus": status,
        "Direction": parties.direction,
        "CallToken": '{"parentCallInfoToken":"simulated"}',
        "StirVerstat": "No-TN-Validation",
    }
    for side, number in (("From", parties.caller), ("To", parties.number)):
        form[side] = number
        form[{"From": "Caller", "To": "Called"}[side]] = number
        for name in (side, {"From": "Caller", "To": "Called"}[side]):
            form.update({f"{name}{place}": "" for place in _PLACES})
            form[f"{name}Country"] = parties.country
    return tuple({**form, **(more or {})}.items())


def somleng_form(parties: Parties, status: str, more: Mapping[str, str] | None = None) -> Form:
    """The fields of a Somleng voice webhook: the few that matter."""
    form = {
        "ApiVersion": API_VERSION,
        "AccountSid": parties.account,
        "CallSid": parties.call,
        "CallStatus": status,
        "Direction": parties.direction,
        "From": parties.caller,
        "To": parties.number,
    }
    return tuple({**form, **(more or {})}.items())


def end_fields(seconds: float, now: datetime) -> dict[str, str]:
    """What a status callback tells about a call that has ended."""
    return {
        "CallDuration": str(round(seconds)),
        "Duration": str(round(seconds) // 60 + 1),
        "CallbackSource": "call-progress-events",
        "SequenceNumber": "0",
        "Timestamp": format_datetime(now),
    }


def recording_form(recording: Recording, more: Mapping[str, str]) -> Form:
    """A recording callback, which has no From and no To."""
    form = {
        "AccountSid": recording.account,
        "CallSid": recording.call,
        "RecordingStatus": recording.status,
        "RecordingDuration": "0" if recording.status == "absent" else str(recording.seconds),
        "RecordingChannels": "1",
        "RecordingSource": "RecordVerb",
        "RecordingStartTime": format_datetime(recording.made),
        "RecordingTrack": "both",
    }
    if recording.status == "absent":
        form["ErrorCode"] = TOO_SHORT if recording.seconds <= 1 else SILENT
    return tuple({**form, **more}.items())


def twilio_id(kind: str) -> str:
    """An id as Twilio makes them: CA for a call, RE a recording, AC an account, then 32 hex."""
    return kind + secrets.token_hex(16)


def somleng_id(kind: str) -> str:
    """Somleng's ids are UUIDs whatever they name."""
    return str(uuid.uuid4())
