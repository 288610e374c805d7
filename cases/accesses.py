"""Who saw, heard, took out or passed on a citizen's data. Lines are only ever added; the database
refuses the rest. The citizen may read them (`/track`), and so may an auditor.

They stand apart from the history: that one is sealed line by line while the case's row is held, which
is right for what changes a case and far too dear for everybody who looks at it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ForeignKey, Index, String, func, literal, select, union_all
from sqlalchemy.orm import Mapped, Session, mapped_column

from cases.asked import Referral
from cases.permissions import Person
from cases.record import Id, Insert, Record, insert, prepared
from cases.tasks import Task
from cases.whistles import Called, Whistle

VIEWED, PLAYED, EXPORTED, FORWARDED, REVEALED = KINDS = (
    *("viewed", "played", "exported"),
    *("forwarded", "revealed"),
)
# Looked at again within this time by the same person, it is the same look.
ONE_LOOK = timedelta(minutes=15)
REPEATED = frozenset({VIEWED, PLAYED})
# So many cases are written down in one statement; SQLite binds no more than 32,766 values.
CHUNK = 5000

# Who exports at the server's own command line, where nobody signs in.
OPERATOR = Person("operator", "operator")
# Who follows a case with its number and the caller's last four digits, or by the link of a text.
CITIZEN = Person("citizen", "citizen")

# How a department got the case.
ASKED, CALLED, TASKED = "asked", "called", "tasked"


class Access(Record):
    """One access to the data of one case, or of several at once, which are then in `access_cases`.

    actor, role, department: who it was, and what they were that day. detail: plain JSON: `page`, the
    endpoint; `recording`, an id; `reason`, in the person's words; `format` of an export. Never a
    citizen's data itself.
    """

    __tablename__ = "accesses"
    __table_args__ = (
        Index("ix_accesses_case_id", "case_id", "at"),
        Index("ix_accesses_actor", "actor", "at"),
        Index("ix_accesses_at", "at"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(16))
    department: Mapped[str | None] = mapped_column(String(32))
    case_id: Mapped[int | None] = mapped_column(Id, ForeignKey("cases.id"))
    detail: Mapped[dict[str, Any]]


class AccessCase(Record):
    """One of the cases of an access to several: nothing but the link, for an export has thousands."""

    __tablename__ = "access_cases"
    __table_args__ = (Index("ix_access_cases_access_id", "access_id"),)

    case_id: Mapped[int] = mapped_column(
        Id, ForeignKey("cases.id"), primary_key=True, autoincrement=False
    )
    access_id: Mapped[int] = mapped_column(
        Id, ForeignKey("accesses.id"), primary_key=True, autoincrement=False
    )


@dataclass(frozen=True)
class Forward:
    """A department was given the case: asked to take it, called by a whistle, or given a task."""

    at: datetime
    department: str
    how: str


@prepared
def _add(insert: Insert) -> Any:
    return insert(Access).returning(Access.id)


def note(
    session: Session,
    kind: str,
    case_ids: Sequence[int],
    person: Person,
    now: datetime,
    **detail: Any,
) -> int | None:
    """Write down that `person` did this with the data of these cases: one line, however many.

    A second look at one case, or at one recording of it, within ONE_LOOK is the same line. Returns the
    line's id (for `also`), None for no cases at all. Raises ValueError for a kind there is not.
    """
    if kind not in KINDS:
        raise ValueError(f"no access of kind {kind!r}")
    numbers = list(dict.fromkeys(case_ids))
    if not numbers:
        return None
    one = numbers[0] if len(numbers) == 1 else None
    if one and kind in REPEATED and (same := _same_look(session, kind, one, person, now, detail)):
        return same
    line = {"kind": kind, "at": now, "actor": person.actor, "role": person.role}
    line |= {"department": person.department, "case_id": one, "detail": detail}
    access_id = int(session.execute(_add(session), line).scalar_one())
    if one is None:
        also(session, access_id, numbers)
    return access_id


def also(session: Session, access_id: int, case_ids: Sequence[int]) -> None:
    """These cases belong to that access too: an export is written down batch by batch."""
    cases = Record.metadata.tables["cases"].c.id
    for first in range(0, len(case_ids), CHUNK):
        some = case_ids[first : first + CHUNK]
        rows = select(cases, literal(access_id)).where(cases.in_(some))
        linked = insert(session, AccessCase).from_select(["case_id", "access_id"], rows)
        session.execute(linked.on_conflict_do_nothing())


def _same_look(
    session: Session,
    kind: str,
    case_id: int,
    person: Person,
    now: datetime,
    detail: dict[str, Any],
) -> int | None:
    recent = session.execute(
        select(Access.id, Access.detail).where(
            Access.case_id == case_id,
            Access.at > now - ONE_LOOK,
            Access.actor == person.actor,
            Access.kind == kind,
        )
    )
    heard = detail.get("recording")
    return next((row.id for row in recent if row.detail.get("recording") == heard), None)


def of_case(session: Session, case_id: int, limit: int | None = None) -> list[Access]:
    """Every access to the case's data, the newest first."""
    newest = select(Access).where(is_about(case_id)).order_by(Access.at.desc(), Access.id.desc())
    return list(session.scalars(newest.limit(limit)))


def count_of_case(session: Session, case_id: int) -> int:
    """How many accesses to the case's data there were."""
    counted = select(func.count()).select_from(Access).where(is_about(case_id))
    return int(session.execute(counted).scalar_one())


def is_about(case_id: int) -> Any:
    """The condition by which the accesses to one case are found."""
    alone = select(Access.id).where(Access.case_id == case_id)
    among = select(AccessCase.access_id).where(AccessCase.case_id == case_id)
    return Access.id.in_(union_all(alone, among).subquery().select())


def forwards(session: Session, case_id: int) -> list[Forward]:
    """Which departments were given the case, when and how, the newest first.

    Nothing is written for it: whoever refers, whistles or gives a task has written it already.
    """
    asked = select(Referral.asked_at, Referral.department).where(Referral.case_id == case_id)
    called = (
        select(Called.called_at, Called.department)
        .join(Whistle, Whistle.id == Called.whistle_id)
        .where(Whistle.case_id == case_id)
    )
    tasked = select(Task.given_at, Task.owner).where(Task.case_id == case_id)
    ways = ((ASKED, asked), (CALLED, called), (TASKED, tasked))
    found = [
        Forward(at, department, how)
        for how, statement in ways
        for at, department in session.execute(statement)
    ]
    return sorted(found, key=lambda one: one.at, reverse=True)
