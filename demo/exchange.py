"""A simulated Twilio-compatible telephone provider on loopback."""

import secrets
from collections.abc import Callable, Iterable
from dataclasses import replace

from .call import Addresses, Call
from .caller import Act, Script
from .delivery import GOOD_DAY, Delivery
from .events import Event
from .form import Parties, twilio_id
from .media import MediaServer
from .profiles import TWILIO, Profile

NUMBER = "+85218231823"


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

    def __enter__(self) -> "Exchange":
        self.media.__enter__()
        self.content_network.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.settle()
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

    def settle(self) -> None:
        """Wait until every late callback of every call has been delivered."""
        for call in self.calls:
            call.settle()

    def _as_profile_has_it(self, delivery: Delivery) -> Delivery:
        if not self.profile.media_redirects or delivery.media.redirect:
            return delivery
        media = replace(delivery.media, redirect=self.content_network.address)
        return replace(delivery, media=media)
