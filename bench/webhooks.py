"""Webhooks as a provider sends them, built and signed beforehand: raw HTTP requests as bytes."""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlencode, urlsplit

from demo.form import Parties, twilio_form
from demo.signing import Form, signature

Kind = Literal["arrival", "message"]

ACCOUNT = "AC" + "0" * 32
HOTLINE = "+85228001823"
MEDIA = f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Recordings"


@dataclass(frozen=True)
class Target:
    """Where webhooks go: `url` as the provider knows it, and the token it signs with."""

    url: str
    token: str

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or 80

    def request(self, kind: Kind, number: int) -> bytes:
        """The webhook of the call of that number, every byte of it, headers included."""
        form = _message(number) if kind == "message" else _arrival(number)
        body = urlencode(form).encode()
        parts = urlsplit(self.url)
        head = (
            f"POST {parts.path}{'?' if parts.query else ''}{parts.query} HTTP/1.1\r\n"
            f"Host: {parts.netloc}\r\n"
            "User-Agent: TwilioProxy/1.1\r\n"
            "Accept: */*\r\n"
            "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\n"
            f"X-Twilio-Signature: {signature(self.token, self.url, form)}\r\n\r\n"
        )
        return head.encode() + body


def _arrival(number: int) -> Form:
    return twilio_form(_parties(number), "ringing")


def _message(number: int) -> Form:
    recording = f"RE{number:032x}"
    said = {
        "RecordingSid": recording,
        "RecordingUrl": f"{MEDIA}/{recording}",
        "RecordingDuration": "14",
        "Digits": "#",
    }
    return twilio_form(_parties(number), "in-progress", said)


def _parties(number: int) -> Parties:
    """Every call has an id and a caller of its own."""
    return Parties(ACCOUNT, f"CA{number:032x}", f"+8529{number % 10**7:07d}", HOTLINE)
