"""Two cases that have to do with each other, and why: each goes its own way, and shows the other."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from cases import case as case_module
from cases import history, lifecycle
from cases.case import Case
from cases.errors import Refused
from cases.permissions import Person
from cases.record import Id, Record, insert

# Who says so.
LINKERS = frozenset({lifecycle.DESK, lifecycle.COORDINATOR})


class Link(Record):
    """A link has no direction: `one_id` is the older case."""

    __tablename__ = "case_links"
    __table_args__ = (Index("ix_case_links_other_id", "other_id"),)

    one_id: Mapped[int] = mapped_column(
        Id, ForeignKey("cases.id"), primary_key=True, autoincrement=False
    )
    other_id: Mapped[int] = mapped_column(
        Id, ForeignKey("cases.id"), primary_key=True, autoincrement=False
    )
    reason: Mapped[str]
    made_by: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[datetime]


def link(
    session: Session, case: Case, number: str, reason: str, *, by: Person, now: datetime
) -> None:
    """Say that a case has to do with the one of this number. Said twice, the first reason stands.

    Raises Refused: `forbidden`, `incomplete` without a reason, `unknown_case`, `same_case`.
    """
    _check(session, case, by)
    reason = reason.strip()
    if not number.strip() or not reason:
        raise Refused("incomplete", missing=["other", "note"])
    other = _other(session, case, number)
    one, two = sorted((case.id, other.id))
    row = {"one_id": one, "other_id": two, "reason": reason, "made_by": by.actor, "made_at": now}
    # The older first, as whoever links them the other way round: two never wait for each other.
    for case_id in (one, two):
        case_module.touch(session, case_id)
    made = insert(session, Link).values(row).on_conflict_do_nothing().returning(Link.one_id)
    if session.execute(made).first() is None:
        return
    for here, there in ((case, other), (other, case)):
        told = {"number": there.number, "note": reason}
        history.add(session, here.id, "linked", now, actor=by.actor, **told)


def unlink(session: Session, case: Case, number: str, *, by: Person, now: datetime) -> None:
    """They have nothing to do with each other after all. Raises Refused as `link` does."""
    _check(session, case, by)
    other = _other(session, case, number)
    one, two = sorted((case.id, other.id))
    for case_id in (one, two):
        case_module.touch(session, case_id)
    found = session.get(Link, (one, two))
    if found is None:
        return
    session.delete(found)
    for here, there in ((case, other), (other, case)):
        history.add(session, here.id, "unlinked", now, actor=by.actor, number=there.number)


def of_case(session: Session, case_id: int) -> Sequence[tuple[Case, str]]:
    """The cases this one is linked with, the newest first, each with the reason."""
    there = or_(
        (Link.one_id == case_id) & (Case.id == Link.other_id),
        (Link.other_id == case_id) & (Case.id == Link.one_id),
    )
    found = session.execute(select(Case, Link.reason).join(Link, there).order_by(Case.id.desc()))
    return [(case, reason) for case, reason in found]


def _check(session: Session, case: Case, by: Person) -> None:
    if not case_module.parts(session, case, by) & LINKERS:
        raise Refused("forbidden", permission="link")


def _other(session: Session, case: Case, number: str) -> Case:
    other = case_module.by_number(session, number.strip())
    if other is None:
        raise Refused("unknown_case", number=number)
    if other.id == case.id:
        raise Refused("same_case", number=number)
    return other
