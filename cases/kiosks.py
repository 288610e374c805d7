"""Links that show the wall on a screen that nobody signs in at. Of a link's token only a digest is kept."""

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from cases import permissions
from cases.errors import Refused
from cases.permissions import MANAGE_KIOSKS, Person
from cases.record import Id, Record

SEEN_EVERY = timedelta(minutes=1)
LONGEST_NAME = 80


class Kiosk(Record):
    """One link: where its screen hangs, who made it, when it was last asked for, and until when it held."""

    __tablename__ = "kiosks"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(LONGEST_NAME))
    token_digest: Mapped[str] = mapped_column(String(64), unique=True)
    made_by: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[datetime]
    seen_at: Mapped[datetime | None]
    revoked_by: Mapped[str | None] = mapped_column(String(64))
    revoked_at: Mapped[datetime | None]


def make(session: Session, name: str, *, by: Person, now: datetime) -> tuple[Kiosk, str]:
    """A new link; the token that is in it, known to nobody else.

    Raises Refused: `forbidden`; `incomplete` without a name.
    """
    permissions.require(by.role, MANAGE_KIOSKS)
    if not name.strip():
        raise Refused("incomplete", missing=["name"])
    token = secrets.token_urlsafe(24)
    kiosk = Kiosk(
        name=name.strip()[:LONGEST_NAME],
        token_digest=_digest(token),
        made_by=by.actor,
        made_at=now,
    )
    session.add(kiosk)
    session.flush()
    return kiosk, token


def find(session: Session, token: str, now: datetime) -> Kiosk | None:
    """The link with this token, unless it was revoked."""
    valid = (Kiosk.token_digest == _digest(token), Kiosk.revoked_at.is_(None))
    kiosk = session.scalars(select(Kiosk).where(*valid)).one_or_none()
    if kiosk and (kiosk.seen_at is None or now - kiosk.seen_at >= SEEN_EVERY):
        kiosk.seen_at = now
    return kiosk


def revoke(session: Session, kiosk: Kiosk, *, by: Person, now: datetime) -> None:
    """From now on the link shows nothing; revoked again, the first time stands.

    Raises Refused("forbidden").
    """
    permissions.require(by.role, MANAGE_KIOSKS)
    if kiosk.revoked_at is None:
        kiosk.revoked_by, kiosk.revoked_at = by.actor, now


def all_links(session: Session) -> list[Kiosk]:
    """Those that hold, the newest first, then those that were revoked."""
    order = (Kiosk.revoked_at.is_not(None), Kiosk.id.desc())
    return list(session.scalars(select(Kiosk).order_by(*order)))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
