"""Abuse marks: an agent says, with a reason, that a caller abuses the hotline.

A mark is a word from one agent to the next and nothing else: it never hides or refuses a call, nothing that
answers calls or orders work knows of it, and it ends by itself. Another person confirms it or lifts it.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, Index, String, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from cases import case as case_module
from cases import history
from cases.calls import Call
from cases.case import Case
from cases.errors import Refused
from cases.permissions import DECIDE_MARKS, MARK_CALLERS, Person, require
from cases.record import Id, Record

# What it is, and what it may be because of.
KINDS = ("abusive", "nuisance", "hoax")
REASONS = (
    *("threats", "insults", "harassment"),
    *("silent_calls", "no_matter", "same_matter_again"),
    *("false_report", "pretends_to_be_another"),
    "something_else",
)
# Default: no published figure. One that nobody has confirmed ends sooner.
LASTS, LASTS_UNCONFIRMED = timedelta(days=90), timedelta(days=14)


class Mark(Record):
    """One mark, made in one case. `confirmed`: None until another person has decided."""

    __tablename__ = "abuse_marks"
    __table_args__ = (
        Index("ix_abuse_marks_case_id", "case_id"),
        Index("ix_abuse_marks_caller", "caller_digest", "expires_at"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(Id, ForeignKey("cases.id"))
    caller_digest: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(32))
    words: Mapped[str]
    marked_by: Mapped[str] = mapped_column(String(64))
    marked_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    confirmed: Mapped[bool | None]
    decided_by: Mapped[str | None] = mapped_column(String(64))
    decided_at: Mapped[datetime | None]
    decided_why: Mapped[str | None]

    def stands(self, now: datetime) -> bool:
        """Whether it is shown: not lifted and not over."""
        return self.confirmed is not False and now < self.expires_at

    def waits(self, now: datetime) -> bool:
        """Whether somebody is still to decide."""
        return self.confirmed is None and now < self.expires_at


def mark(
    session: Session,
    case: Case,
    kind: str,
    reason: str,
    words: str,
    *,
    by: Person,
    now: datetime,
) -> Mark:
    """Mark the caller of this case.

    Raises Refused: `forbidden`; `incomplete` without a kind, a reason or words; `caller_withheld` where
    the number was withheld, for nobody could be recognised by it; `marked_before` while a mark stands
    that was made in the same case.
    """
    require(by.role, MARK_CALLERS)
    case_module.touch(session, case.id)
    given = {"kind": kind in KINDS, "reason": reason in REASONS, "words": words.strip()}
    if missing := [name for name, there in given.items() if not there]:
        raise Refused("incomplete", action="mark_caller", missing=missing)
    digest = session.get_one(Call, case.call_id).caller_digest
    if digest is None:
        raise Refused("caller_withheld")
    if any(one.case_id == case.id for one in standing(session, digest, now)):
        raise Refused("marked_before", number=case.number)
    made = Mark(
        case_id=case.id,
        caller_digest=digest,
        kind=kind,
        reason=reason,
        words=words.strip(),
        marked_by=by.actor,
        marked_at=now,
        expires_at=now + LASTS_UNCONFIRMED,
    )
    session.add(made)
    session.flush()
    line = {"mark": kind, "why": reason, "words": made.words}
    history.add(session, case.id, "caller_marked", now, actor=by.actor, **line)
    return made


def decide(
    session: Session, mark: Mark, confirm: bool, why: str, *, by: Person, now: datetime
) -> None:
    """Confirm the mark, which then lasts its whole time, or lift it at once. One that is confirmed may
    still be lifted.

    Raises Refused: `forbidden`; `own_mark` for who made it (who may lift it all the same);
    `incomplete` without words; `decided_before` where there is nothing left to decide.
    """
    require(by.role, DECIDE_MARKS)
    case_module.touch(session, mark.case_id)
    session.refresh(mark)
    if not why.strip():
        raise Refused("incomplete", action="mark_decision", missing=["words"])
    if not mark.stands(now) or (confirm and mark.confirmed):
        raise Refused("decided_before")
    if confirm and by.actor == mark.marked_by:
        raise Refused("own_mark")
    mark.confirmed, mark.decided_why = confirm, why.strip()
    mark.decided_by, mark.decided_at = by.actor, now
    if confirm:
        mark.expires_at = mark.marked_at + LASTS
    action = "caller_mark_confirmed" if confirm else "caller_mark_lifted"
    line = {"mark": mark.kind, "words": mark.decided_why, "marked_by": mark.marked_by}
    history.add(session, mark.case_id, action, now, actor=by.actor, **line)


def standing(session: Session, caller_digest: str | None, now: datetime) -> list[Mark]:
    """The marks of a caller that are shown now, the latest first; none of who withheld the number."""
    if caller_digest is None:
        return []
    mine = select(Mark).where(
        Mark.caller_digest == caller_digest,
        Mark.expires_at > now,
        or_(Mark.confirmed.is_(None), Mark.confirmed.is_(True)),
    )
    return list(session.scalars(mine.order_by(Mark.id.desc())))


def numbers(session: Session, marks: Collection[Mark]) -> dict[int, str | None]:
    """The numbers of the cases in which these were made."""
    return case_module.numbers(session, {one.case_id for one in marks})


def latest(session: Session, limit: int = 100) -> list[Mark]:
    """The marks made last, those that are over and lifted among them."""
    return list(session.scalars(select(Mark).order_by(Mark.id.desc()).limit(limit)))


def waiting(session: Session, now: datetime, limit: int = 100) -> list[Mark]:
    """The marks that somebody is to decide, what ends soonest first."""
    undecided = select(Mark).where(Mark.confirmed.is_(None), Mark.expires_at > now)
    return list(session.scalars(undecided.order_by(Mark.expires_at, Mark.id).limit(limit)))


@dataclass(frozen=True)
class Count:
    """How many marks somebody made, and what became of them. `run_out`: nobody decided in time."""

    made: int
    waiting: int
    confirmed: int
    lifted: int
    run_out: int


def counts(session: Session, since: datetime, now: datetime) -> dict[str, dict[str, Count]]:
    """Marks made since then: by `kind`, by `reason`, by `agent` (as the history names them)."""
    made = list(session.scalars(select(Mark).where(Mark.marked_at >= since).order_by(Mark.id)))
    by = {"kind": "kind", "reason": "reason", "agent": "marked_by"}
    return {name: _counted(made, field, now) for name, field in by.items()}


def _counted(marks: Collection[Mark], field: str, now: datetime) -> dict[str, Count]:
    became = Counter((getattr(one, field), _became(one, now)) for one in marks)
    groups = dict.fromkeys(getattr(one, field) for one in marks)
    states = ("waiting", "confirmed", "lifted", "run_out")
    return {
        group: Count(
            sum(became[group, state] for state in states),
            *(became[group, state] for state in states),
        )
        for group in groups
    }


def _became(mark: Mark, now: datetime) -> str:
    if mark.confirmed is None:
        return "waiting" if mark.waits(now) else "run_out"
    return "confirmed" if mark.confirmed else "lifted"
