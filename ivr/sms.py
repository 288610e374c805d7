"""Text messages through the provider, and what it tells of them later.

Source: Twilio, "Messages resource". The provider cannot be asked to send a message only once. Its
callback names our delivery, though, and so it is known to be on its way even where we died before we
could note that; only where that callback is late too does a citizen get it twice.
"""

import logging
import re
from dataclasses import dataclass
from typing import Literal

import httpx
from flask import Blueprint, Response, request

from cases import deliveries
from cases.letters import Letter, NotSent, Receipt
from ivr import ledger
from ivr.phone import Phone
from ivr.providers.profile import Profile
from runtime import clock
from runtime.breaker import Unavailable
from runtime.settings import Settings

log = logging.getLogger(__name__)

PATIENCE = httpx.Timeout(10.0)
LONGEST = 1600
PATH = "/voice/sms"
Word = Literal["sent", "delivered", "failed"]
# The provider's words in ours. Others (`read`, `receiving`) say nothing we do not know.
WORDS: dict[str, Word] = {
    "accepted": "sent",
    "scheduled": "sent",
    "queued": "sent",
    "sending": "sent",
    "sent": "sent",
    "delivered": "delivered",
    "undelivered": "failed",
    "failed": "failed",
    "canceled": "failed",
}


@dataclass(frozen=True)
class Texting:
    """The provider's REST interface for messages, and who they come from."""

    url: str
    account: tuple[str, str]
    sender: str
    callback: str
    fragment: str = ""

    @classmethod
    def of(cls, settings: Settings, profile: Profile) -> "Texting":
        """As the settings describe it."""
        api = settings.provider_api_url or profile.api_url
        return cls(
            url=f"{api}/2010-04-01/Accounts/{settings.twilio_account_sid}/Messages.json",
            account=(settings.twilio_account_sid, settings.twilio_auth_token),
            sender=settings.sms_from,
            callback=f"{settings.public_base_url}{PATH}",
            fragment=f"#{profile.callback_fragment}" if profile.callback_fragment else "",
        )

    def send(self, letter: Letter) -> Receipt:
        """Hand one message to the provider. Raises NotSent, whose words name no number."""
        try:
            with httpx.Client(auth=self.account, timeout=PATIENCE, trust_env=False) as client:
                answer = client.post(self.url, data=self._form(letter))
        except httpx.HTTPError as error:
            raise NotSent(f"the provider: {type(error).__name__}") from error
        if answer.status_code not in (200, 201):
            raise _refused(answer)
        return Receipt(answer.status_code, _sid(answer))

    def _form(self, letter: Letter) -> dict[str, str]:
        service = self.sender.startswith("MG") and len(self.sender) == 34
        return {
            "To": letter.address.at,
            "MessagingServiceSid" if service else "From": self.sender,
            "Body": letter.text.short[:LONGEST],
            "StatusCallback": f"{self.callback}?message={letter.key}{self.fragment}",
        }


def _sid(answer: httpx.Response) -> str | None:
    """The provider's id of the message, where it can be read: taken it is in any case."""
    try:
        return str(answer.json()["sid"])[:128]
    except (ValueError, KeyError, TypeError):
        return None


def _refused(answer: httpx.Response) -> NotSent:
    """400 is about this number or this text, and stays so; all else may pass."""
    try:
        code = f" ({int(answer.json()['code'])})"
    except (ValueError, KeyError, TypeError):
        code = ""
    status = answer.status_code
    why = f"the provider answered {status}{code}"
    return NotSent(why, response_status=status, for_good=status == 400)


def routes(voice: Blueprint, phone: Phone) -> None:
    """The address at which the provider tells how messages fare. It is signed like all below /voice."""

    @voice.post(PATH)
    def sms() -> Response:
        """A message was sent, arrived, or did not."""
        key, status = request.args.get("message", ""), request.form.get("MessageStatus", "")
        word = WORDS.get(status.lower())
        if not re.fullmatch(r"msg_[0-9a-f]{32}", key) or not status:
            return Response(status=400)
        if word is None:
            return Response(status=204)
        try:
            _note(phone, key, word)
        except Unavailable as why:
            log.error("the database is away (%s): a message's %s was not noted", why, word)
            return Response(status=503)
        return Response(status=204)


def _note(phone: Phone, key: str, word: Word) -> None:
    sid = request.form.get("MessageSid", "")[:128] or None
    code = re.sub(r"\D", "", request.form.get("ErrorCode", ""))[:6]
    error = f"the provider says {request.form['MessageStatus'][:16].lower()} {code}".strip()
    ledger.in_ledger(
        phone,
        lambda session: deliveries.told(
            session, key, word, clock.now(), provider_id=sid, error=error
        ),
    )
