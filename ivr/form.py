"""What the provider posts, read into typed facts. Beyond this module nobody knows field names."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from werkzeug.datastructures import MultiDict

from callflows.events import (
    DialEnded,
    DialOutcome,
    Digits,
    Event,
    HungUp,
    Recorded,
    Ringing,
    Silence,
)
from cases.recordings import Announcement, Told

MAX_FIELDS = 100
HANG_UP = "hangup"
# In the query of an address that is reached only by doing nothing.
SILENCE = "heard=silence"
DIGITS = re.compile(r"[0-9*#A-D]{0,64}")
STATUSES = frozenset(
    ["queued", "ringing", "in-progress", "completed", "busy", "failed", "no-answer", "canceled"]
)
DIAL_OUTCOMES: Mapping[str, DialOutcome] = {
    "completed": "answered",
    "answered": "answered",
    "busy": "busy",
    "no-answer": "no-answer",
    "canceled": "no-answer",
}
TOLD: Mapping[str, Told] = {
    "left": "left",
    "completed": "completed",
    "absent": "absent",
    "failed": "failed",
}


class BadForm(ValueError):
    """The provider's form cannot be understood; the message says which field."""


@dataclass(frozen=True)
class Form:
    """One posted form, every field at most once."""

    fields: Mapping[str, str]
    call_id: str
    id_grammar: re.Pattern[str]

    @property
    def caller(self) -> str | None:
        """Who calls, as claimed. None where the form does not say, as recording callbacks do not."""
        return self.fields.get("From")

    @property
    def called(self) -> str:
        return self.fields.get("To", "")

    @property
    def call_status(self) -> str | None:
        status = self.fields.get("CallStatus")
        if status is not None and status not in STATUSES:
            raise BadForm(f"CallStatus is {status[:40]!r}")
        return status

    def event(self, turn: int, *, silent: bool = False) -> Event:
        """What the caller did at this turn; `silent` when the address itself says: nothing."""
        if "DialCallStatus" in self.fields:
            return DialEnded(DIAL_OUTCOMES.get(self.fields["DialCallStatus"], "failed"))
        if not silent and (self.recording_url or self.recording_id):
            keys = self._digits
            hung_up = keys == HANG_UP or self.call_status == "completed"
            return Recorded(self.seconds, None if keys == HANG_UP else keys or None, hung_up)
        if self._digits == HANG_UP or self.call_status in {"completed", "canceled"}:
            return HungUp()
        if self._digits and not silent:
            return Digits(self._digits)
        return Silence() if turn else Ringing()

    @property
    def answered_by(self) -> str | None:
        """Who or what picked up a call of ours: `human`, `machine_start`, `fax`, `unknown` ..."""
        told = self.fields.get("AnsweredBy") or None
        if told is not None and not re.fullmatch(r"[a-z_]{1,32}", told):
            raise BadForm("AnsweredBy is malformed")
        return told

    @property
    def _digits(self) -> str:
        digits = self.fields.get("Digits", "")
        if digits != HANG_UP and not DIGITS.fullmatch(digits):
            raise BadForm("Digits holds what no telephone has")
        return digits

    @property
    def recording_id(self) -> str | None:
        found = self.fields.get("RecordingSid") or None
        if found is not None and not self.id_grammar.fullmatch(found):
            raise BadForm("RecordingSid is malformed")
        return found

    @property
    def recording_url(self) -> str | None:
        """Where the recording lies, as the provider wrote it."""
        url = self.fields.get("RecordingUrl") or None
        if url is None:
            return None
        try:
            parts = urlsplit(url)
        except ValueError:
            raise BadForm("RecordingUrl is not an address") from None
        if parts.scheme not in {"http", "https"} or not parts.hostname or len(url) > 2000:
            raise BadForm("RecordingUrl is not an address")
        return url

    @property
    def _error_code(self) -> str | None:
        code = self.fields.get("ErrorCode", "")
        return f"provider error {code[:10]}" if code else None

    @property
    def seconds(self) -> float | None:
        """Length of the recording in seconds, as the provider counts."""
        value = self.fields.get("RecordingDuration", "")
        if value in {"", "-1"}:  # -1: not known yet
            return None
        if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]+)?", value):
            raise BadForm("RecordingDuration is not a number of seconds")
        return float(value)

    def announcement(self, turn: int | None) -> Announcement | None:
        """What this form says of a recording; None when it says nothing of one that is over."""
        told = TOLD.get(self.fields.get("RecordingStatus", "left"))
        if told is None or not (self.recording_url or self.recording_id):
            return None
        return Announcement(
            told=told,
            provider_id=self.recording_id,
            url=self.recording_url,
            turn=turn,
            seconds=self.seconds,
            hung_up=self._digits == HANG_UP or self.call_status == "completed",
            reason=self._error_code,
        )


def read(form: MultiDict[str, str], id_grammar: re.Pattern[str]) -> Form:
    """The form as posted. Raises BadForm when it is not one a provider would send."""
    if len(form) > MAX_FIELDS:
        raise BadForm(f"more than {MAX_FIELDS} fields")
    for name in form:
        if len(form.getlist(name)) > 1:
            raise BadForm(f"{name[:40]} is given twice")
    call_id = form.get("CallSid", "")
    if not id_grammar.fullmatch(call_id):
        raise BadForm("CallSid is missing or malformed")
    fields = {name: value.replace("\x00", "") for name, value in form.items()}
    return Form(fields, call_id, id_grammar)
