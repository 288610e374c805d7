"""Who was asked to take a case 派單, and what they answered: the rows. The rules are in `referrals`.

It stands apart from them because `case` must know who is asked, and they must know `case`.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, SmallInteger, String, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from cases.record import Id, Record

LEAD, SUPPORT = "lead", "support"
ROLES = frozenset({LEAD, SUPPORT})
# What became of it; open until then. `withdrawn`: asked otherwise, or no longer needed.
ACCEPTED, RETURNED, WITHDRAWN = "accepted", "returned", "withdrawn"
OPEN = text("answer IS NULL")


class Referral(Record):
    """One department asked to take one case, in the lead (`role`) or in support.

    round: 1 when a person first refers the case, 2 when a person refers it anew, and so on; what the
    rules refer by themselves stays in the round. category, place, district: what the case was about
    and where, that day. rule, why: the routing rule of that day, and its wording, or why else this
    department was asked. silences: how often its time to accept ran out. reason, words, named: of a
    return. `named` is the department that should have it instead.
    """

    __tablename__ = "referrals"
    __table_args__ = (
        Index("ix_referrals_case_id", "case_id"),
        Index("ix_referrals_department", "department", "case_id"),
        Index("ix_referrals_returned", "answer", "department", "named"),
        Index(
            "uq_referrals_open",
            "case_id",
            "department",
            unique=True,
            sqlite_where=OPEN,
            postgresql_where=OPEN,
        ),
        Index("ix_referrals_open", "department", sqlite_where=OPEN, postgresql_where=OPEN),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(Id, ForeignKey("cases.id"))
    round: Mapped[int] = mapped_column(SmallInteger)
    department: Mapped[str] = mapped_column(String(32))
    role: Mapped[str] = mapped_column(String(8))
    asked_at: Mapped[datetime]
    asked_by: Mapped[str] = mapped_column(String(64))
    category: Mapped[str | None] = mapped_column(String(64))
    place: Mapped[str | None]
    district: Mapped[str | None]
    rule: Mapped[str | None] = mapped_column(String(64))
    why: Mapped[dict[str, Any]]
    silences: Mapped[int] = mapped_column(SmallInteger, default=0)
    answer: Mapped[str | None] = mapped_column(String(16))
    answered_at: Mapped[datetime | None]
    answered_by: Mapped[str | None] = mapped_column(String(64))
    reason: Mapped[str | None] = mapped_column(String(32))
    words: Mapped[str | None]
    named: Mapped[str | None] = mapped_column(String(32))


def of_case(session: Session, case_id: int) -> list[Referral]:
    """Everybody ever asked to take the case, in order."""
    mine = select(Referral).where(Referral.case_id == case_id)
    return list(session.scalars(mine.order_by(Referral.id)))


def open_of_case(session: Session, case_id: int) -> list[Referral]:
    """Those who were asked and have not answered, the lead first."""
    mine = select(Referral).where(Referral.case_id == case_id, Referral.answer.is_(None))
    rows = session.scalars(mine.order_by(Referral.id))
    return sorted(rows, key=lambda one: one.role != LEAD)


def open_of(session: Session, case_id: int, department: str) -> Referral | None:
    """What this department was asked and has not answered."""
    return session.scalars(
        select(Referral).where(
            Referral.case_id == case_id,
            Referral.department == department,
            Referral.answer.is_(None),
        )
    ).one_or_none()


def withdraw(
    session: Session,
    case_id: int,
    roles: Collection[str],
    now: datetime,
    besides: str | None = None,
) -> Sequence[str]:
    """Nobody waits any more for those asked in these roles, `besides` this one; who they were."""
    gone = [
        one
        for one in open_of_case(session, case_id)
        if one.role in roles and one.department != besides
    ]
    for one in gone:
        one.answer, one.answered_at = WITHDRAWN, now
    if gone:
        session.flush()
    return [one.department for one in gone]
