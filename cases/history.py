"""What happened to a case, line by line. Lines are only ever added; the database refuses the rest."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from cases.record import Id, Insert, Record, prepared

SYSTEM = "system"


class Entry(Record):
    """One line of a case's history. `actor` is `system` or `agent:<id>`."""

    __tablename__ = "history"
    __table_args__ = (Index("ix_history_case_id", "case_id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(Id, ForeignKey("cases.id"))
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(32))
    detail: Mapped[dict[str, Any]]


@prepared
def _add(insert: Insert) -> Any:
    return insert(Entry)


def add(
    session: Session,
    case_id: int,
    action: str,
    now: datetime,
    *,
    actor: str = SYSTEM,
    **detail: Any,
) -> None:
    """Write one line. `detail` holds plain JSON values, never a caller's number."""
    line = {"case_id": case_id, "at": now, "actor": actor, "action": action, "detail": detail}
    session.execute(_add(session), line)


def of_case(session: Session, case_id: int) -> list[Entry]:
    """The whole history, oldest first."""
    return list(session.scalars(select(Entry).where(Entry.case_id == case_id).order_by(Entry.id)))
