"""API keys: other programs read cases and rates with one. Of a key only its SHA-256 is kept.

A key is 32 random bytes, so one hash without salt is enough: nobody tries them out.
"""

import hashlib
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import String, case, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from cases.errors import Refused
from cases.permissions import MANAGE_KEYS, Person, require
from cases.record import Id, Record

# What a key may be good for.
CASES, RATES = SCOPES = ("cases", "rates")
PREFIX = "whistle_"
NAME_LENGTH = range(1, 65)
LONGEST_LIFE = timedelta(days=366)
# Default: no published figure. A program that reads a page of cases a second stays within it.
MOST, WINDOW = 120, timedelta(minutes=1)
_TOKEN = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}")


class Key(Record):
    """One key. `hint`: how it begins, so that it is known again; `asked`, `since`: how many requests
    came with it in the present window, and when that began."""

    __tablename__ = "api_keys"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    hint: Mapped[str] = mapped_column(String(16))
    scopes: Mapped[list[Any]]
    made_by: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[str | None] = mapped_column(String(64))
    asked: Mapped[int] = mapped_column(default=0)
    since: Mapped[datetime]

    def state(self, now: datetime) -> str:
        """`works`, `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        return "works" if now < self.expires_at else "expired"


@dataclass(frozen=True)
class Caller:
    """Which program asks. `person`: how what it reads is written down."""

    key_id: int
    name: str
    scopes: frozenset[str]
    person: Person


def make(
    session: Session,
    name: str,
    scopes: Collection[str],
    expires_at: datetime,
    *,
    by: Person,
    now: datetime,
) -> tuple[Key, str]:
    """A new key, and the key itself, which is told this once and known to nobody afterwards.

    Raises Refused: `forbidden`; `incomplete` without a name or a scope; `known_key` when one of that
    name was made before (names stay, for what was read stands under them); `bad_expiry` unless it ends
    in the year to come.
    """
    require(by.role, MANAGE_KEYS)
    name = " ".join(name.split())
    given = {"name": len(name) in NAME_LENGTH, "scopes": bool(set(scopes) & set(SCOPES))}
    if missing := [one for one, there in given.items() if not there]:
        raise Refused("incomplete", action="api_key", missing=missing)
    if not now < expires_at <= now + LONGEST_LIFE:
        raise Refused("bad_expiry")
    if session.scalars(select(Key.id).where(Key.name == name)).first() is not None:
        raise Refused("known_key", name=name)
    token = PREFIX + secrets.token_urlsafe(32)
    key = Key(
        name=name,
        digest=_digest(token),
        hint=token[: len(PREFIX) + 4],
        scopes=[one for one in SCOPES if one in scopes],
        made_by=by.actor,
        made_at=now,
        expires_at=expires_at,
        since=now,
    )
    session.add(key)
    session.flush()
    return key, token


def revoke(session: Session, key: Key, *, by: Person, now: datetime) -> None:
    """The key opens nothing from now on. Raises Refused("forbidden"); done twice, the first stands."""
    require(by.role, MANAGE_KEYS)
    session.execute(
        update(Key)
        .where(Key.id == key.id, Key.revoked_at.is_(None))
        .values(revoked_at=now, revoked_by=by.actor)
        .execution_options(synchronize_session=False)
    )
    session.refresh(key)


def find(session: Session, token: str, now: datetime) -> Caller | None:
    """Who asks with this key, the request counted; None if it is none, expired or revoked.

    Raises Refused("wait", seconds) after too many requests; the one that is refused does not count.
    """
    if not _TOKEN.fullmatch(token):
        return None
    over = Key.since <= now - WINDOW
    counted = session.execute(
        update(Key)
        .where(Key.digest == _digest(token), Key.revoked_at.is_(None), Key.expires_at > now)
        .values(
            asked=case((over, 1), else_=Key.asked + 1),
            since=case((over, now), else_=Key.since),
            last_used_at=now,
        )
        .returning(Key.id, Key.name, Key.scopes, Key.asked, Key.since)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if counted is None:
        return None
    if counted.asked > MOST:
        left = counted.since + WINDOW - now
        raise Refused("wait", seconds=max(1, int(left.total_seconds()) + 1))
    person = Person(actor(counted.id), "api")
    return Caller(counted.id, counted.name, frozenset(counted.scopes), person)


def actor(key_id: int) -> str:
    """How what a key did is written down."""
    return f"key:{key_id}"


def names(session: Session, actors: Collection[str]) -> dict[str, str]:
    """The names of those among the actors that are keys."""
    ids = [int(one[4:]) for one in set(actors) if re.fullmatch(r"key:\d{1,18}", one)]
    rows = session.execute(select(Key.id, Key.name).where(Key.id.in_(ids)))
    return {actor(row.id): row.name for row in rows}


def every(session: Session) -> list[Key]:
    """All keys there ever were, the newest first."""
    return list(session.scalars(select(Key).order_by(Key.id.desc())))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
