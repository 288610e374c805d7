"""A caller's number: kept encrypted, looked up by a keyed hash, shown masked."""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass

import phonenumbers
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import String
from sqlalchemy.orm import Mapped, Session, mapped_column

from cases.record import Record, insert

# What providers send instead of a number when the caller withholds it.
WITHHELD = frozenset(
    [
        "anonymous",
        "unknown",
        "restricted",
        "unavailable",
        "private",
        "+266696687",
        "+86282452253",
        "+7378742833",
    ]
)
WITHHELD_MASK = "withheld"


@dataclass(frozen=True)
class Caller:
    """One caller's number in the three forms that are stored. A withheld number has only a mask."""

    sealed: str | None
    digest: str | None
    masked: str


class CallerKey:
    """The key to callers' numbers, derived from DATA_KEY."""

    def __init__(self, secret: str) -> None:
        self._fernet = Fernet(base64.urlsafe_b64encode(derive(secret, b"caller seal")))
        self._hash_key = derive(secret, b"caller digest")
        self.fingerprint = derive(secret, b"fingerprint")[:8].hex()

    def caller(self, number: str) -> Caller:
        """The storable forms of a number as the provider sent it (E.164, SIP address or nonsense)."""
        number = number.strip()
        if is_withheld(number):
            return Caller(None, None, WITHHELD_MASK)
        return Caller(self.seal(number), self.digest(number), mask(number))

    def digest(self, number: str) -> str:
        """The same number always gives the same digest; without the key it cannot be tried out."""
        return hmac.new(self._hash_key, number.encode(), hashlib.sha256).hexdigest()

    def seal(self, text: str) -> str:
        return self._fernet.encrypt(text.encode()).decode()

    def unseal(self, sealed: str) -> str:
        """The text that was sealed. Raises ValueError under another key."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise ValueError("sealed under another DATA_KEY") from error

    def ends_with(self, sealed: str | None, last_four: str) -> bool:
        """Whether the number's last four digits are these; a withheld number's never are."""
        if sealed is None:
            return False
        digits = re.sub(r"\D", "", self.unseal(sealed))
        return len(digits) >= 4 and hmac.compare_digest(digits[-4:], last_four)


class KeyRecord(Record):
    """Which DATA_KEY this database's callers are sealed under, as a fingerprint: one row."""

    __tablename__ = "data_key"

    id: Mapped[int] = mapped_column(primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(16))


def is_key_of(session: Session, key: CallerKey) -> bool:
    """Whether this is the database's key; the first key that asks becomes it."""
    session.execute(
        insert(session, KeyRecord)
        .values(id=1, fingerprint=key.fingerprint)
        .on_conflict_do_nothing()
    )
    return session.get_one(KeyRecord, 1).fingerprint == key.fingerprint


def is_withheld(number: str) -> bool:
    """Whether this is what providers send instead of a number ("sip:anonymous@..." included)."""
    user = re.sub(r"^(sips?|client|tel):", "", number.lower()).partition("@")[0]
    return not user or user in WITHHELD


def mask(number: str) -> str:
    """A number as people may see it: country code, first digit, last two ("+852 5*****67")."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return f"{number[:1]}***{number[-2:]}" if len(number) > 6 else "***"
    national = str(parsed.national_number)
    if len(national) < 5:
        return f"+{parsed.country_code} ***"
    return f"+{parsed.country_code} {national[0]}{'*' * (len(national) - 3)}{national[-2:]}"


def derive(secret: str, purpose: bytes) -> bytes:
    """A key of 32 bytes for one purpose; it tells nothing of the keys for others."""
    return HKDF(SHA256(), 32, salt=b"whistle", info=purpose).derive(secret.encode())
