"""The task force 專班: a whistle that lasts, with members and a day on which it is looked at again."""

from collections.abc import Iterable
from datetime import date, datetime

from sqlalchemy import ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from cases import clocks, history, notices, whistles
from cases.case import Case
from cases.clocks import Clock, Terms
from cases.errors import Refused
from cases.permissions import Person
from cases.record import Id, Record
from cases.whistles import Whistle


class Member(Record):
    """A member of a task force: a department, or a person it sends (`name`, else empty)."""

    __tablename__ = "whistle_members"

    whistle_id: Mapped[int] = mapped_column(Id, ForeignKey("whistles.id"), primary_key=True)
    department: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), primary_key=True, default="")
    added_by: Mapped[str] = mapped_column(String(64))
    added_at: Mapped[datetime]


def form(
    session: Session,
    whistle: Whistle,
    members: Iterable[tuple[str, str]],
    review_on: date,
    *,
    by: Person,
    terms: Terms,
    now: datetime,
) -> None:
    """Make the whistle last as a task force 專班: it goes on after the case is answered, and is looked
    at again on `review_on`. A member is a department and the name of the person it sends, or "".
    A department that was not called is called now. Asked again, it adds members and moves the date.

    Raises Refused: `forbidden` unless it is the blower or a coordinator, `incomplete`, `too_soon`.
    """
    case = whistles.hold(session, whistle)
    whistles.still_open(whistle)
    whistles.may_decide(session, whistle, by, "task_force")
    each = whistles.each_once(members)
    if not each:
        raise Refused("incomplete", action="task_force", missing=["members"])
    whistles.call(session, case, whistle, [department for department, _ in each], terms, now)
    _enlist(session, whistle, each, by, now)
    _review_on(session, whistle, review_on, terms, now)
    history.add(
        session,
        case.id,
        "task_force",
        now,
        actor=by.actor,
        members=[[department, name] for department, name in each],
        review_on=review_on.isoformat(),
    )


def _enlist(
    session: Session, whistle: Whistle, members: list[tuple[str, str]], by: Person, now: datetime
) -> None:
    there = {(one.department, one.name) for one in members_of(session, whistle.id)}
    for department, name in members:
        if (department, name) not in there:
            session.add(
                Member(
                    whistle_id=whistle.id,
                    department=department,
                    name=name,
                    added_by=by.actor,
                    added_at=now,
                )
            )
    session.flush()


def members_of(session: Session, whistle_id: int) -> list[Member]:
    """The members of a task force."""
    mine = select(Member).where(Member.whistle_id == whistle_id)
    return list(session.scalars(mine.order_by(Member.department, Member.name)))


def review(
    session: Session,
    whistle: Whistle,
    words: str,
    next_on: date,
    *,
    by: Person,
    terms: Terms,
    now: datetime,
) -> None:
    """A task force was looked at: what was found, and when it is looked at next.

    Raises Refused: `not_a_task_force`, `forbidden`, `incomplete`, `too_soon`, `whistle_ended`.
    """
    case = whistles.hold(session, whistle)
    whistles.still_open(whistle)
    whistles.may_decide(session, whistle, by, "review")
    if whistle.review_on is None:
        raise Refused("not_a_task_force")
    if not words.strip():
        raise Refused("incomplete", action="review", missing=["words"])
    was = whistle.review_on.isoformat()
    _review_on(session, whistle, next_on, terms, now)
    line = {"words": words.strip(), "was_on": was, "next_on": next_on.isoformat()}
    history.add(session, case.id, "review", now, actor=by.actor, **line)


def overdue(session: Session, clock: Clock, now: datetime) -> None:
    """The day of a review is over and nobody looked (called by the watch): the coordinator is told."""
    whistle = whistles.open_of(session, clock.case_id)
    if whistle is None:
        return
    case = session.get_one(Case, clock.case_id)
    facts = {**whistles.facts_of(case, whistle), "state": clock.kind}
    notices.post(
        session,
        "overdue",
        to=whistles.address(whistle.coordinator) or "role:coordinator",
        case_id=case.id,
        facts={**facts, "due_at": clock.due_at.isoformat()},
        dedupe=f"review:{clock.id}",
        now=now,
    )


def _review_on(session: Session, whistle: Whistle, day: date, terms: Terms, now: datetime) -> None:
    until = datetime.combine(day, terms.workdays.day_ends, terms.workdays.zone)
    if until <= now:
        raise Refused("too_soon", until=until)
    if whistle.review_on is not None:
        clocks.stop(session, whistle.case_id, clocks.REVIEW, now, outcome="met")
    whistle.review_on = day
    clocks.start(session, whistle.case_id, clocks.REVIEW, terms, now, until=until)
