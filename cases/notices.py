"""Notices: who must learn of what. A rule posts one, in its own transaction, and is done with it.

What a notice says to whom, and on which ways it goes out, is found later (`deliveries`); a notice that
nobody can be sent stands in the case all the same.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from cases.record import Id, Insert, Record, prepared

KINDS = (
    "case_opened",
    "referred",
    "warned",
    "overdue",
    "escalated",
    "whistle",
    "whistle_joined",
    "task",
    "instruction",
    "reopened",
    "resolved",
    "merged",
    "followup_missed",
    "danger",
    "alert",
    "article_review",
    "topic",
    # Somebody at the console tries out whether a department's system hears us.
    "test",
    # Ours alone: a way to somebody does not work.
    "undelivered",
)
CALLER = "caller"
# What a citizen may be told by text message: each is one line of its own in the texts.
TO_CALLERS = frozenset({"case_opened", "resolved", "followup_missed", "merged"})
# What a text may tell, and a webhook's payload with it. Whatever else a rule notes stays in the house.
FACTS = (
    *("number", "what", "due_at", "department", "owner", "lead", "late", "state", "link"),
    *("hazard", "category", "place", "seen"),
)
UNSPREAD = text("spread_at IS NULL")


class Notice(Record):
    """One thing that one party must learn, posted once: `dedupe` is its name.

    `to`: `department:<code>`, `agent:<id>`, `role:<role>` or `caller`. `spread_at`: since when it has
    its deliveries.
    """

    __tablename__ = "notices"
    __table_args__ = (
        Index("ix_notices_case_id", "case_id"),
        Index("ix_notices_unspread", "id", sqlite_where=UNSPREAD, postgresql_where=UNSPREAD),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    to: Mapped[str] = mapped_column(String(64))
    case_id: Mapped[int | None] = mapped_column(Id, ForeignKey("cases.id"))
    facts: Mapped[dict[str, Any]]
    dedupe: Mapped[str] = mapped_column(String(255), unique=True)
    at: Mapped[datetime]
    spread_at: Mapped[datetime | None]


@prepared
def _post(insert: Insert) -> Any:
    return insert(Notice).on_conflict_do_nothing(index_elements=["dedupe"])


def post(
    session: Session,
    kind: str,
    *,
    to: str,
    case_id: int | None,
    facts: Mapping[str, object],
    dedupe: str,
    now: datetime,
) -> None:
    """Let `to` know. Posted again under the same `dedupe`, the first posting stands.

    facts: plain JSON; of these a text uses FACTS, a moment in ISO 8601, a department by its code, a
    link as a path of ours. Raises ValueError for a kind or a party that there is not, and for what is
    not meant for a caller.
    """
    if kind not in KINDS or not is_party(to) or (to == CALLER and kind not in TO_CALLERS):
        raise ValueError(f"no notice of kind {kind!r} to {to!r}")
    values = {"kind": kind, "to": to, "case_id": case_id, "facts": dict(facts)}
    session.execute(_post(session), {**values, "dedupe": dedupe, "at": now})


def is_party(to: str) -> bool:
    """Whether a notice can be addressed so."""
    what, _, name = to.partition(":")
    if what == "agent":
        return name.isascii() and name.isdigit()
    return to == CALLER or (what in ("department", "role") and bool(name))


def of_case(session: Session, case_id: int) -> list[Notice]:
    """All notices about a case, the first posted first."""
    return list(
        session.scalars(select(Notice).where(Notice.case_id == case_id).order_by(Notice.id))
    )
