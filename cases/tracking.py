"""How a citizen follows a case without signing in: by the case's number, and proof that it is theirs.

The proof is the link of a text message, the last four digits of the number they called from, or a code
of eight digits that a person at the desk reads out to whoever called with the number withheld. Link
and code are made from DATA_KEY and the number, so none has to be kept, and nobody can make them up
from the number, which has a pattern.
"""

import base64
import hashlib
import hmac
import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from cases import signins
from cases.callers import CallerKey, derive
from cases.calls import Call
from cases.case import Case

# 12 characters of 6 bits: 2**72 possibilities for each number.
PROOF_LENGTH = 12
CODE_LENGTH = 8
# Four digits are soon tried through: besides what every sign-in is allowed, one case may be asked for
# in vain so often in a day, from wherever. At that pace half of the 10,000 take most of a year.
TRIES_A_DAY = 20
DAY = timedelta(days=1)


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

    def code(self, number: str) -> str:
        """The same proof in digits, to be read out."""
        digest = hmac.new(self._key, b"spoken " + number.encode(), hashlib.sha256).digest()
        return f"{int.from_bytes(digest) % 10**CODE_LENGTH:0{CODE_LENGTH}}"

    def is_code(self, number: str, code: str) -> bool:
        """Whether this is the code of this number."""
        return hmac.compare_digest(self.code(number).encode(), code.encode())

    def _proof(self, number: str) -> str:
        digest = hmac.new(self._key, number.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).decode()[:PROOF_LENGTH]


class Tracker:
    """Finds the case somebody asks for, and gives whoever guesses nothing to go by: whether there is
    no such case, another number called, or the number was withheld, the work and the answer are one."""

    def __init__(self, key: TrackingKey, callers: CallerKey) -> None:
        self._key = key
        self._callers = callers
        self._decoy = callers.seal("+10000000000")

    def find(self, session: Session, number: str, proof: str) -> Case | None:
        """The case with this number, if `proof` (the last four digits, the code, or the end of the link)
        is right."""
        asked = select(Case, Call.caller_sealed).join(Call, Call.id == Case.call_id)
        row = session.execute(asked.where(Case.number == number)).one_or_none()
        sealed = row.caller_sealed if row else None
        by_phone = self._callers.ends_with(sealed or self._decoy, proof) and sealed is not None
        by_code = self._key.is_code(number, proof)
        by_link = self._key.opens(number, proof)
        return row.Case if row and (by_phone or by_code or by_link) else None


def plain(text: str) -> str:
    """What was typed as a number or a proof, in the signs that either is made of."""
    return re.sub(r"[^0-9A-Za-z_-]", "", unicodedata.normalize("NFKC", text))


def count_try(session: Session, number: str, address: str, now: datetime) -> None:
    """One more try, for this case (if there is one) and from this address.

    Raises Refused("wait", minutes) after too many wrong ones, whether the case exists or not.
    """
    signins.count_try(session, _keys(number, address), now)
    signins.count_try(session, _keys_of_a_day(number), now, most=TRIES_A_DAY, within=DAY)


def was_right(session: Session, number: str, address: str) -> None:
    """The last try was right and does not count. Earlier wrong ones do, for they may be another's."""
    signins.take_back(session, (*_keys(number, address), *_keys_of_a_day(number)))


def _keys(number: str, address: str) -> Sequence[str]:
    return (_of_case("case", number), signins.of_address(f"track:{address}"))


def _keys_of_a_day(number: str) -> Sequence[str]:
    return (_of_case("case-day", number),)


def _of_case(kind: str, number: str) -> str:
    return f"{kind}:{hashlib.sha256(number.encode()).hexdigest()}"
