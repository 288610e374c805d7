"""Believe only what the provider signed.

The signed address is PUBLIC_BASE_URL and the path and query exactly as they arrived: a framework's
own idea of the request's URL rewrites escapes, and headers that name a host can be forged.
"""

import hmac
import logging
import re
from collections.abc import Mapping, Sequence
from typing import Protocol

from flask import Request
from twilio.request_validator import RequestValidator

from ivr.providers.profile import Profile
from runtime.settings import Settings

log = logging.getLogger(__name__)


class Signature(Protocol):
    """One provider's way to prove that a request is its own."""

    def holds(self, request: Request) -> bool:
        """Whether the provider signed this request. Anything odd is a no, never an exception."""


class HmacSha1:
    """Twilio's scheme: `X-Twilio-Signature` under each token in force."""

    def __init__(self, base_url: str, tokens: Sequence[str], fragment: str = "") -> None:
        self._base_url = base_url
        self._validators = [RequestValidator(token) for token in tokens]
        # A client that signs the address as it found it in our TwiML signs the fragment too.
        self._endings = ("", f"#{fragment}") if fragment else ("",)

    def holds(self, request: Request) -> bool:
        signature = request.headers.get("X-Twilio-Signature", "")
        if not signature or not self._validators:
            return False
        url = self._base_url + raw_target(request)
        try:
            return any(
                _matches(validator, url + ending, request.form, signature)
                for ending in self._endings
                for validator in self._validators
            )
        except (TypeError, ValueError, AttributeError) as error:
            log.warning("a signature could not be checked: %s", error)
            return False


def _matches(
    validator: RequestValidator, url: str, form: Mapping[str, str], signature: str
) -> bool:
    # The library tries the address with and without its port, and loses a bare `?` doing so.
    exactly = str(validator.compute_signature(url, form))
    return hmac.compare_digest(exactly.encode(), signature.encode()) or bool(
        validator.validate(url, form, signature)
    )


SCHEMES: Mapping[str, type[HmacSha1]] = {"hmac-sha1": HmacSha1}


def of(settings: Settings, profile: Profile) -> Signature | None:
    """The check the settings ask for; None where development accepts unsigned webhooks."""
    if settings.insecure_dev_webhooks and not settings.auth_tokens:
        return None
    scheme = SCHEMES[profile.signature]
    return scheme(settings.public_base_url, settings.auth_tokens, profile.callback_fragment)


def raw_target(request: Request) -> str:
    """Path and query of the request, byte for byte as they came."""
    environ = request.environ
    target = str(environ.get("RAW_URI") or environ.get("REQUEST_URI") or request.full_path)
    return re.sub(r"^https?://[^/]*", "", target)
