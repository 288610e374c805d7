"""Calls from a browser: their ids, which prove themselves, and their numbers, which nobody has.

A call is from a browser if its id says so. An id is made for whoever may call; whoever brings one that
holds goes on with that call and no other. Such calls become cases like any other, and count in no rate.
"""

import hashlib
import hmac
import re
import secrets
from datetime import datetime, timedelta

from cases.callers import derive

# What stands in a call's `provider`, and in the first line of its case's history.
BROWSER = "browser"
ID = re.compile(r"BR[0-9a-f]{32}")
# How long an id opens the door, and how many recordings a call may have.
LASTS = timedelta(hours=2)
MOST_TAKES = 20
WITHHELD = "anonymous"
NUMBERS = 5


def is_browser(call_id: str) -> bool:
    """Whether a call with this id came from a browser. No provider makes such ids."""
    return ID.fullmatch(call_id) is not None


def numbers(country_prefix: str) -> tuple[str, ...]:
    """The numbers such a call may come from: nowhere does a subscriber's number begin so, and none is
    ever rung or sent a text."""
    return tuple(f"{country_prefix}0000000{one}" for one in range(1, NUMBERS + 1))


class BrowserKey:
    """The key to such calls, derived from DATA_KEY."""

    def __init__(self, secret: str) -> None:
        self._key = derive(secret, b"browser calls")

    def new_id(self, now: datetime) -> str:
        """An id for a call that begins now: when, by chance which, and proof of both."""
        body = f"{int(now.timestamp()):08x}{secrets.token_hex(4)}"
        return f"BR{body}{self._proof('call', body)[:16]}"

    def holds(self, call_id: str, now: datetime) -> bool:
        """Whether this id was made here, and not too long ago."""
        if not is_browser(call_id):
            return False
        body, proof = call_id[2:18], call_id[18:]
        if not hmac.compare_digest(self._proof("call", body)[:16], proof):
            return False
        return timedelta(0) <= now - _began(call_id, now) <= LASTS

    def recording_id(self, call_id: str, take: int) -> str:
        """The id of the call's recording with this number: nobody guesses it who has not been told."""
        return "RE" + self._proof("recording", call_id, str(take))[:32]

    def proof_of_length(self, recording_id: str, seconds: str) -> str:
        """Proof that this recording was handed in, and is so long."""
        return self._proof("length", recording_id, seconds)

    def proof_of_words(self, language: str, text: str) -> str:
        """Proof that a caller was to hear these words."""
        return self._proof("words", language, text)

    def _proof(self, *parts: str) -> str:
        text = "\0".join(parts).encode()
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()


def _began(call_id: str, now: datetime) -> datetime:
    return datetime.fromtimestamp(int(call_id[2:10], 16), tz=now.tzinfo)
