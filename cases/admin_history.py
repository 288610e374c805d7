"""What those who run the hotline changed: who did what, to whom or to what. Lines are only ever added;
the database refuses the rest."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from cases.permissions import Person
from cases.record import Id, Record


class AdminEntry(Record):
    """One thing done. actor: who; `about`: to what, such as `agent:5`; detail: plain JSON, never a
    password, a key or a citizen's data."""

    __tablename__ = "admin_history"
    __table_args__ = (
        Index("ix_admin_history_at", "at"),
        Index("ix_admin_history_about", "about"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(32))
    about: Mapped[str] = mapped_column(String(64))
    detail: Mapped[dict[str, Any]]


def add(
    session: Session, action: str, now: datetime, *, by: Person, about: str = "", **detail: Any
) -> None:
    """Write one line."""
    session.add(AdminEntry(at=now, actor=by.actor, action=action, about=about, detail=detail))
    session.flush()


def of(session: Session, about: str) -> list[AdminEntry]:
    """Everything that was done to `about`, the newest first."""
    mine = select(AdminEntry).where(AdminEntry.about == about)
    return list(session.scalars(mine.order_by(AdminEntry.id.desc())))
