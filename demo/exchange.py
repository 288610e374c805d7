"""A simulated Twilio-compatible telephone provider on loopback."""

import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from .call import Addresses, Call
from .caller import Act, Pickup, Script, does_not_answer
from .delivery import GOOD_DAY, Delivery
from .events import Event
from .form import Parties, twilio_id
from .media import MediaServer
from .profiles import TWILIO, Profile
from .rest import Message, RestServer
from .webhooks import Webhooks

NUMBER = "+85218231823"
# Seconds from a request for a call to its ringing.
RING_AFTER = 0.05


class Exchange:
    """Places calls to the hotline at `hotline` (its PUBLIC_BASE_URL); use with `with`.

    `media` serves the recordings; `content_network` is the other host they may be redirected to.
    `addresses` is what the number is configured with, and may be changed between calls.
    """

    def __init__(
        self,
        hotline: str,
        *,
        account: str | None = None,
        token: str | None = None,
        number: str = NUMBER,
        profile: Profile = TWILIO,
        tell: Callable[[Event], None] = lambda event: None,
    ) -> None:
        self.hotline = hotline.rstrip("/")
        self.account = account or twilio_id("AC")
        self.token = token or secrets.token_hex(16)
        self.number = number
        self.profile = profile
        voice = f"{self.hotline}/voice"
        self.addresses = Addresses(voice, f"{voice}/fallback", f"{voice}/status")
        self.tell = tell
        self.calls: list[Call] = []
        login = (self.account, self.token) if profile.media_login else None
        self.media = MediaServer(login)
        self.content_network = MediaServer(None, origin=self.media)
        self.rest = RestServer(
            (self.account, self.token), self.media, self._asked_to_ring, self._listed, self._text
        )
        self.messages: list[Message] = []
        self._pickups: dict[str, list[Pickup]] = {}
        self._ringing: list[threading.Thread] = []

    def __enter__(self) -> "Exchange":
        self.rest.__enter__()
        self.media.__enter__()
        self.content_network.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.settle()
        self.rest.__exit__()
        self.media.__exit__()
        self.content_network.__exit__()

    def place(
        self,
        caller: str,
        acts: Iterable[Act],
        delivery: Delivery = GOOD_DAY,
        desk: str = "no-answer",
        token: str | None = None,
    ) -> Call:
        """Place one call and stay on the line to its end.

        `desk` is what becomes of a Dial: answered, busy, no-answer or failed. `token` signs this
        call instead of the account's own.
        """
        call = Call(
            parties=Parties(self.account, self.profile.new_id("CA"), caller, self.number),
            profile=self.profile,
            addresses=self.addresses,
            script=Script(acts),
            delivery=self._as_profile_has_it(delivery),
            media=self.media,
            token=token or self.token,
            tell=self.tell,
            desk=desk,
        )
        self.calls.append(call)
        call.run()
        return call

    def when_rung(self, number: str, *pickups: Pickup) -> None:
        """What happens at this telephone when the hotline rings it, time after time; afterwards
        nobody answers."""
        self._pickups.setdefault(number, []).extend(pickups)

    def rung(self, number: str) -> list[Call]:
        """The calls that the hotline made to this number, as far as they are over."""
        return [call for call in self.calls if call.pickup and call.parties.number == number]

    def _asked_to_ring(self, form: Mapping[str, str]) -> dict[str, Any]:
        """A call that the hotline asks for: queued now, rung in a moment."""
        call = self._outgoing(form)
        self.calls.append(call)
        thread = threading.Thread(target=self._ring, args=(call,), daemon=True)
        self._ringing.append(thread)
        thread.start()
        return {**call.as_json(), "status": "queued"}

    def _outgoing(self, form: Mapping[str, str]) -> Call:
        waiting = self._pickups.get(form["To"])
        pickup = waiting.pop(0) if waiting else does_not_answer()
        sid = self.profile.new_id("CA")
        parties = Parties(self.account, sid, form["From"], form["To"], direction="outbound-api")
        return Call(
            parties=parties,
            profile=self.profile,
            addresses=Addresses(
                form["Url"], form.get("FallbackUrl", ""), form.get("StatusCallback", "")
            ),
            script=Script(pickup.acts),
            delivery=self._as_profile_has_it(pickup.delivery),
            media=self.media,
            token=self.token,
            tell=self.tell,
            pickup=pickup,
            rings=int(form.get("Timeout", "60")),
            longest=float(form.get("TimeLimit", "14400")),
            status="queued",
        )

    def _ring(self, call: Call) -> None:
        time.sleep(RING_AFTER)
        call.run()

    def _listed(self) -> list[dict[str, Any]]:
        return [call.as_json() for call in reversed(self.calls)]

    def _text(self, form: Mapping[str, str]) -> dict[str, Any]:
        sid = self.profile.new_id("SM")
        told = form.get("StatusCallback", "")
        sender = form.get("From") or form.get("MessagingServiceSid", "")
        self.messages.append(Message(sid, form["To"], sender, form["Body"], told))
        return {"sid": sid, "status": "queued", "to": form["To"]}

    def tell_of(self, message: Message, status: str, error: str = "") -> int:
        """Tell the hotline how a message fares (`sent`, `delivered`, `undelivered`, ...); the status it
        answers."""
        form = {
            "AccountSid": self.account,
            "From": message.sender,
            "MessageSid": message.sid,
            "MessageStatus": status,
            "SmsSid": message.sid,
            "SmsStatus": status,
            "To": message.to,
            **({"ErrorCode": error} if error else {}),
        }
        told = Webhooks(self.profile, self.token, GOOD_DAY, lambda *_: None)
        return told.send(message.callback, "POST", tuple(form.items())).status

    def settle(self) -> None:
        """Wait until every late callback of every call has been delivered."""
        for thread in self._ringing:
            thread.join()
        for call in self.calls:
            call.settle()

    def _as_profile_has_it(self, delivery: Delivery) -> Delivery:
        if not self.profile.media_redirects or delivery.media.redirect:
            return delivery
        media = replace(delivery.media, redirect=self.content_network.address)
        return replace(delivery, media=media)
