"""The second thing a person needs to sign in: a code of six digits from a telephone (TOTP, RFC 6238).

The secret is kept sealed under DATA_KEY. Who loses the telephone signs in with one of ten recovery codes,
of which only digests are kept, or has an admin reset it.
"""

import base64
import hashlib
import hmac
import re
import secrets
import unicodedata
from collections.abc import Sequence
from datetime import datetime

import pyotp
from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import ForeignKey, String, delete, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from cases.callers import derive
from cases.errors import Refused
from cases.record import Id, Record, insert

# Seconds that one code lasts, and how many codes before and after the present one are taken as well,
# for clocks differ.
PERIOD = 30
AROUND = (0, -1, 1)
RECOVERY_CODES = 10
# Without what is read wrongly: 0 and o, 1 and l and i.
_SIGNS = "abcdefghjkmnpqrstuvwxyz23456789"


class SecondFactor(Record):
    """One person's secret. confirmed_at: when the first right code showed that the telephone has it;
    until then no code is asked for. last_step: the time step of the last code taken, which is never
    taken again, nor any before it."""

    __tablename__ = "second_factors"

    agent_id: Mapped[int] = mapped_column(
        Id, ForeignKey("agents.id"), primary_key=True, autoincrement=False
    )
    secret_sealed: Mapped[str]
    begun_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    last_step: Mapped[int] = mapped_column(Id)


class RecoveryCode(Record):
    """A code that is good for one sign-in without the telephone."""

    __tablename__ = "recovery_codes"

    agent_id: Mapped[int] = mapped_column(
        Id, ForeignKey("agents.id"), primary_key=True, autoincrement=False
    )
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    used_at: Mapped[datetime | None]


class SecondFactorKey:
    """What secrets are sealed and recovery codes digested with, derived from DATA_KEY."""

    def __init__(self, secret: str) -> None:
        key = derive(secret, b"second factor seal")
        self._fernet = Fernet(base64.urlsafe_b64encode(key))
        self._hash_key = derive(secret, b"recovery code digest")

    def seal(self, text: str) -> str:
        return self._fernet.encrypt(text.encode()).decode()

    def unseal(self, sealed: str) -> str:
        """Raises ValueError under another key."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise ValueError("sealed under another DATA_KEY") from error

    def digest(self, agent_id: int, code: str) -> str:
        told = f"{agent_id} {code}".encode()
        return hmac.new(self._hash_key, told, hashlib.sha256).hexdigest()


def begin(session: Session, key: SecondFactorKey, agent_id: int, now: datetime) -> str:
    """The secret to bring into the telephone: a new one, or the one begun and not yet confirmed.

    Raises Refused("two_factor_on") when there is a confirmed one.
    """
    row = session.get(SecondFactor, agent_id)
    if row is not None and row.confirmed_at is not None:
        raise Refused("two_factor_on")
    if row is None:
        values = {"agent_id": agent_id, "secret_sealed": key.seal(pyotp.random_base32())}
        values |= {"begun_at": now, "last_step": 0}
        session.execute(insert(session, SecondFactor).values(values).on_conflict_do_nothing())
        row = session.get_one(SecondFactor, agent_id)
    return key.unseal(row.secret_sealed)


def address(secret: str, name: str, issuer: str) -> str:
    """What the picture for the telephone holds: an otpauth:// address."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=issuer)


def confirm(
    session: Session, key: SecondFactorKey, agent_id: int, code: str, now: datetime
) -> Sequence[str]:
    """From now on a code is asked for; the recovery codes, to be shown once. Raises Refused("wrong_code")."""
    row = session.get(SecondFactor, agent_id)
    if row is None or row.confirmed_at is not None or not _is_code(session, key, row, code, now):
        raise Refused("wrong_code")
    session.execute(
        update(SecondFactor).where(SecondFactor.agent_id == agent_id).values(confirmed_at=now)
    )
    session.expire_all()
    return new_recovery_codes(session, key, agent_id)


def is_on(session: Session, agent_id: int) -> bool:
    """Whether a code is asked for when this person signs in."""
    row = session.get(SecondFactor, agent_id)
    return row is not None and row.confirmed_at is not None


def check(session: Session, key: SecondFactorKey, agent_id: int, code: str, now: datetime) -> bool:
    """Whether this is the telephone's present code or a recovery code; either is taken once."""
    row = session.get(SecondFactor, agent_id)
    if row is None or row.confirmed_at is None:
        return False
    typed = _plain(code)
    if re.fullmatch(r"\d{6}", typed, re.ASCII):
        return _is_code(session, key, row, typed, now)
    return _is_recovery_code(session, key, agent_id, typed, now)


def new_recovery_codes(session: Session, key: SecondFactorKey, agent_id: int) -> Sequence[str]:
    """Ten new ones; the old ones are good no more."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.agent_id == agent_id))
    codes = ["".join(secrets.choice(_SIGNS) for _ in range(10)) for _ in range(RECOVERY_CODES)]
    for code in codes:
        session.add(RecoveryCode(agent_id=agent_id, digest=key.digest(agent_id, code)))
    session.flush()
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def recovery_codes_left(session: Session, agent_id: int) -> int:
    """How many of them were not used yet."""
    mine = select(func.count()).select_from(RecoveryCode)
    unused = mine.where(RecoveryCode.agent_id == agent_id, RecoveryCode.used_at.is_(None))
    return int(session.execute(unused).scalar_one())


def remove(session: Session, agent_id: int) -> None:
    """No code is asked for any more."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.agent_id == agent_id))
    session.execute(delete(SecondFactor).where(SecondFactor.agent_id == agent_id))
    session.expire_all()


def _is_code(
    session: Session, key: SecondFactorKey, row: SecondFactor, code: str, now: datetime
) -> bool:
    step = _step_of(key.unseal(row.secret_sealed), _plain(code), now)
    if step is None:
        return False
    # Two sign-ins with one code at the same moment: one of them changes the row.
    taken = session.execute(
        update(SecondFactor)
        .where(SecondFactor.agent_id == row.agent_id, SecondFactor.last_step < step)
        .values(last_step=step)
        .returning(SecondFactor.agent_id)
    )
    return taken.first() is not None


def _step_of(secret: str, code: str, now: datetime) -> int | None:
    """The time step whose code this is, if it is one around now."""
    totp, present = pyotp.TOTP(secret), int(now.timestamp()) // PERIOD
    right = [
        present + one
        for one in AROUND
        if hmac.compare_digest(totp.generate_otp(present + one).encode(), code.encode())
    ]
    return right[0] if right else None


def _is_recovery_code(
    session: Session, key: SecondFactorKey, agent_id: int, code: str, now: datetime
) -> bool:
    used = session.execute(
        update(RecoveryCode)
        .where(
            RecoveryCode.agent_id == agent_id,
            RecoveryCode.digest == key.digest(agent_id, code),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=now)
        .returning(RecoveryCode.agent_id)
    )
    return used.first() is not None


def _plain(code: str) -> str:
    """Capitals, blanks and the stroke between make no difference."""
    return re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", code)).lower()[:64]
