"""Webhooks to departments' own systems, signed as Standard Webhooks 1.0.0 says.

Source: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md. Signed is
`{id}.{timestamp}.{body}` by HMAC-SHA256; the id is the same at every try, the timestamp the try's own.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

from cases.deliveries import GONE
from cases.letters import Letter, NotSent, Receipt
from runtime import clock

# The specification recommends 15 to 30 s; our queue is not held up longer than need be.
PATIENCE = httpx.Timeout(15.0)
LONGEST_WAIT = timedelta(days=1)


@dataclass(frozen=True)
class Webhooks:
    """Posts letters. `keys`: what they are signed with, by the secrets' names."""

    keys: Mapping[str, Sequence[bytes]]
    now: Callable[[], datetime] = clock.now

    def send(self, letter: Letter) -> Receipt:
        """Post one letter. Raises NotSent for everything but an answer 2xx; redirects are failures."""
        keys = self.keys.get(letter.address.secret)
        if not keys:
            raise NotSent(f"there is no secret {letter.address.secret!r} in WEBHOOK_SECRETS")
        body = json.dumps(letter.payload, ensure_ascii=False, separators=(",", ":")).encode()
        headers = self._headers(letter.key, keys, body)
        try:
            # What the answer says is not read: nobody can send us more than its head.
            with (
                httpx.Client(timeout=PATIENCE, trust_env=False, follow_redirects=False) as client,
                client.stream("POST", letter.address.at, content=body, headers=headers) as answer,
            ):
                return self._receipt(answer)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise NotSent(f"the webhook: {type(error).__name__}") from error

    def _headers(self, key: str, keys: Sequence[bytes], body: bytes) -> dict[str, str]:
        timestamp = int(self.now().timestamp())
        return {
            "content-type": "application/json",
            "user-agent": "Whistle",
            "webhook-id": key,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": " ".join(signature(one, key, timestamp, body) for one in keys),
        }

    def _receipt(self, answer: httpx.Response) -> Receipt:
        status = answer.status_code
        if 200 <= status < 300:
            return Receipt(status)
        raise NotSent(
            f"the webhook answered {status}",
            response_status=status,
            for_good=status == GONE,
            wait=_asked_to_wait(answer.headers.get("retry-after", ""), self.now()),
        )


def signature(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """One signature as `webhook-signature` holds it."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def _asked_to_wait(header: str, now: datetime) -> timedelta:
    """How long `Retry-After` asks for: seconds, or a date; no more than a day."""
    if header.isascii() and header.isdigit():
        return min(timedelta(seconds=int(header[:9])), LONGEST_WAIT)
    try:
        until = parsedate_to_datetime(header)
    except ValueError:
        return timedelta(0)
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return min(max(until - now, timedelta(0)), LONGEST_WAIT)
