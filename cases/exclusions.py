"""Exclusion 剔除: a case that shall not count in the rates. One asks with a reason, another decides.

Nothing else changes: the case is handled like any other, and every report lists what was excluded, why,
and who approved it.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from cases import case as case_module
from cases import history, lifecycle, notices
from cases.case import Case
from cases.errors import Refused
from cases.permissions import Person
from cases.record import Id, Record

STANDS = text("approved IS NULL OR approved")
ASKERS = frozenset({lifecycle.LEAD, lifecycle.SUPERVISOR, lifecycle.COORDINATOR})
DECIDERS = frozenset({lifecycle.SUPERVISOR, lifecycle.COORDINATOR})


class Exclusion(Record):
    """Somebody asked that a case not count. `department` had it then; `approved` is None until another
    has decided."""

    __tablename__ = "exclusions"
    __table_args__ = (
        Index("ix_exclusions_case_id", "case_id"),
        Index(
            "uq_exclusions_stands",
            "case_id",
            unique=True,
            sqlite_where=STANDS,
            postgresql_where=STANDS,
        ),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(Id, ForeignKey("cases.id"))
    reason: Mapped[str]
    asked_by: Mapped[str] = mapped_column(String(64))
    department: Mapped[str] = mapped_column(String(32))
    asked_at: Mapped[datetime]
    approved: Mapped[bool | None]
    words: Mapped[str | None]
    decided_by: Mapped[str | None] = mapped_column(String(64))
    decided_at: Mapped[datetime | None]


def ask(session: Session, case: Case, reason: str, *, by: Person, now: datetime) -> Exclusion:
    """Ask that the case not count.

    Raises Refused: `forbidden` unless it is the department that has it, a supervisor or a coordinator;
    `incomplete` without a reason; `asked_before` while it is asked or granted already.
    """
    case_module.touch(session, case.id)
    if ASKERS.isdisjoint(case_module.parts(session, case, by)):
        raise Refused("forbidden", permission="exclude")
    if not reason.strip():
        raise Refused("incomplete", action="exclude", missing=["reason"])
    if any(one.approved is not False for one in of_case(session, case.id)):
        raise Refused("asked_before", number=case.number)
    exclusion = Exclusion(
        case_id=case.id,
        reason=reason.strip(),
        asked_by=by.actor,
        department=case.owner,
        asked_at=now,
    )
    session.add(exclusion)
    session.flush()
    line = {"reason": exclusion.reason, "department": exclusion.department}
    history.add(session, case.id, "exclusion_asked", now, actor=by.actor, **line)
    key = f"exclusion:{exclusion.id}"
    facts = {"number": case.number, "what": exclusion.reason, "state": "exclusion"}
    notices.post(
        session,
        "alert",
        to="role:supervisor",
        case_id=case.id,
        facts=facts,
        dedupe=key,
        now=now,
    )
    return exclusion


def decide(
    session: Session,
    exclusion: Exclusion,
    approved: bool,
    words: str,
    *,
    by: Person,
    now: datetime,
) -> None:
    """A second person decides.

    Raises Refused: `forbidden` unless a supervisor or coordinator; `same_person` for who asked;
    `decided_before`; `incomplete` without words.
    """
    case_module.touch(session, exclusion.case_id)
    session.refresh(exclusion)
    case = session.get_one(Case, exclusion.case_id)
    if DECIDERS.isdisjoint(case_module.parts(session, case, by)):
        raise Refused("forbidden", permission="decide_exclusion")
    if by.actor == exclusion.asked_by:
        raise Refused("same_person")
    if exclusion.approved is not None:
        raise Refused("decided_before", number=case.number)
    if not words.strip():
        raise Refused("incomplete", action="decide_exclusion", missing=["words"])
    exclusion.approved, exclusion.words = approved, words.strip()
    exclusion.decided_by, exclusion.decided_at = by.actor, now
    action = "exclusion_granted" if approved else "exclusion_refused"
    line = {"words": exclusion.words, "asked_by": exclusion.asked_by}
    history.add(session, case.id, action, now, actor=by.actor, **line)


def of_case(session: Session, case_id: int) -> list[Exclusion]:
    """Every time it was asked for, the first first."""
    mine = select(Exclusion).where(Exclusion.case_id == case_id).order_by(Exclusion.id)
    return list(session.scalars(mine))


def of_cases(session: Session, case_ids: Collection[int]) -> dict[int, list[Exclusion]]:
    """The same for several cases."""
    found: dict[int, list[Exclusion]] = {number: [] for number in case_ids}
    mine = select(Exclusion).where(Exclusion.case_id.in_(case_ids)).order_by(Exclusion.id)
    for one in session.scalars(mine):
        found[one.case_id].append(one)
    return found


def waiting(session: Session, limit: int = 100) -> list[tuple[Exclusion, Case]]:
    """What waits for somebody's decision, the longest waiting first."""
    asked = (
        select(Exclusion, Case)
        .join(Case, Case.id == Exclusion.case_id)
        .where(Exclusion.approved.is_(None))
        .order_by(Exclusion.id)
        .limit(limit)
    )
    return [(one, case) for one, case in session.execute(asked)]
