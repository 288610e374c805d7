"""The link by which a citizen follows a case without signing in: the case's number, and proof of it.

The proof is made from DATA_KEY and the number, so none has to be kept, and nobody can make it up from
the number, which has a pattern.
"""

import base64
import hashlib
import hmac

from cases.callers import derive

# 12 characters of 6 bits: 2**72 possibilities for each number.
PROOF_LENGTH = 12


class TrackingKey:
    """The key to tracking links, derived from DATA_KEY."""

    def __init__(self, secret: str) -> None:
        self._key = derive(secret, b"tracking link")

    def path(self, number: str) -> str:
        """Where a citizen follows the case with this number."""
        return f"/track/{number}/{self._proof(number)}"

    def opens(self, number: str, proof: str) -> bool:
        """Whether this proof is the one of this number."""
        return hmac.compare_digest(self._proof(number).encode(), proof.encode())

    def _proof(self, number: str) -> str:
        digest = hmac.new(self._key, number.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).decode()[:PROOF_LENGTH]
