"""Everything that anybody did, in one list: who saw what, what changed in cases, who signed in, and what
admins changed. Read only, and the newest first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from cases import accesses, agents
from cases.accesses import Access, AccessCase
from cases.admin_history import AdminEntry
from cases.agents import Agent
from cases.case import Case
from cases.history import Entry
from cases.signins import SignIn

ACCESS, CHANGE, SIGN_IN, MANAGED = SOURCES = ("access", "change", "signin", "managed")
# Kinds that may be asked for: one sort of access, or everything of a source.
KINDS = (*accesses.KINDS, CHANGE, SIGN_IN, MANAGED)


@dataclass(frozen=True)
class Asked:
    """What is looked for. actor: as the histories name people; case_id, since, until, kind: all
    optional; `until` is the first moment that no longer counts."""

    actor: str | None = None
    case_id: int | None = None
    kind: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Place:
    """Where in the list the last page ended."""

    at: datetime
    source: str
    id: int


@dataclass(frozen=True)
class Line:
    """One thing done. case_id: of one case; `cases`: how many it concerned; role, department: what the
    actor was that day, where that was written down; ended_at: of a sign-in."""

    source: str
    id: int
    at: datetime
    actor: str
    action: str
    role: str | None = None
    department: str | None = None
    case_id: int | None = None
    cases: int = 0
    about: str = ""
    detail: dict[str, Any] = field(default_factory=dict)
    ended_at: datetime | None = None

    @property
    def place(self) -> Place:
        return Place(self.at, self.source, self.id)


def lines(session: Session, asked: Asked, limit: int, after: Place | None = None) -> Sequence[Line]:
    """The next lines, the newest first."""
    found = [
        line
        for source in SOURCES
        if _is_asked(source, asked)
        for line in _READ[source](session, asked, after, limit)
    ]
    found.sort(key=lambda one: (one.at, -SOURCES.index(one.source), one.id), reverse=True)
    return found[:limit]


def numbers(session: Session, found: Sequence[Line]) -> dict[int, str]:
    """The numbers of the cases that these lines are about."""
    ids = {line.case_id for line in found} - {None}
    rows = session.execute(select(Case.id, Case.number).where(Case.id.in_(ids)))
    return {row.id: str(row.number) for row in rows}


def _is_asked(source: str, asked: Asked) -> bool:
    if asked.case_id is not None and source in (SIGN_IN, MANAGED):
        return False
    if asked.kind is None:
        return True
    return asked.kind == source or (source == ACCESS and asked.kind in accesses.KINDS)


def _accesses(session: Session, asked: Asked, after: Place | None, limit: int) -> Iterator[Line]:
    among = (
        select(func.count())
        .select_from(AccessCase)
        .where(AccessCase.access_id == Access.id)
        .scalar_subquery()
    )
    statement = select(Access, among).where(*_within(Access, asked, after, ACCESS))
    if asked.actor:
        statement = statement.where(Access.actor == asked.actor)
    if asked.case_id is not None:
        statement = statement.where(accesses.is_about(asked.case_id))
    if asked.kind in accesses.KINDS:
        statement = statement.where(Access.kind == asked.kind)
    for row, count in session.execute(_newest(statement, Access, limit)):
        yield Line(
            *(ACCESS, row.id, row.at, row.actor, row.kind, row.role, row.department),
            case_id=row.case_id,
            cases=count + (row.case_id is not None),
            detail=row.detail,
        )


def _changes(session: Session, asked: Asked, after: Place | None, limit: int) -> Iterator[Line]:
    # What is told by the log of accesses is not told twice.
    statement = select(Entry).where(
        *_within(Entry, asked, after, CHANGE), Entry.action.not_in(("played", "revealed_number"))
    )
    if asked.actor:
        statement = statement.where(Entry.actor == asked.actor)
    if asked.case_id is not None:
        statement = statement.where(Entry.case_id == asked.case_id)
    for row in session.scalars(_newest(statement, Entry, limit)):
        yield Line(
            *(CHANGE, row.id, row.at, row.actor, row.action),
            case_id=row.case_id,
            cases=1,
            detail=row.detail,
        )


def _signins(session: Session, asked: Asked, after: Place | None, limit: int) -> Iterator[Line]:
    statement: Any = select(SignIn, Agent).join(Agent, Agent.id == SignIn.agent_id)
    statement = statement.where(*_within(SignIn, asked, after, SIGN_IN, SignIn.began_at))
    if asked.actor:
        statement = statement.where(SignIn.agent_id == (agents.id_of(asked.actor) or 0))
    for row, agent in session.execute(_newest(statement, SignIn, limit, SignIn.began_at)):
        actor = agents.actor(agent.id)
        yield Line(SIGN_IN, row.id, row.began_at, actor, "signed_in", ended_at=row.ended_at)


def _managed(session: Session, asked: Asked, after: Place | None, limit: int) -> Iterator[Line]:
    statement = select(AdminEntry).where(*_within(AdminEntry, asked, after, MANAGED))
    if asked.actor:
        by_or_to = or_(AdminEntry.actor == asked.actor, AdminEntry.about == asked.actor)
        statement = statement.where(by_or_to)
    for row in session.scalars(_newest(statement, AdminEntry, limit)):
        yield Line(
            *(MANAGED, row.id, row.at, row.actor, row.action),
            about=row.about,
            detail=row.detail,
        )


_READ = {ACCESS: _accesses, CHANGE: _changes, SIGN_IN: _signins, MANAGED: _managed}


def _within(
    table: Any, asked: Asked, after: Place | None, source: str, at: Any = None
) -> Iterator[ColumnElement[bool]]:
    at = table.at if at is None else at
    if asked.since is not None:
        yield at >= asked.since
    if asked.until is not None:
        yield at < asked.until
    if after is None:
        return
    # Lines of one moment stand in the order of the sources, and within one the newest first.
    here, there = SOURCES.index(source), SOURCES.index(after.source)
    if here == there:
        yield or_(at < after.at, and_(at == after.at, table.id < after.id))
    else:
        yield at <= after.at if here > there else at < after.at


def _newest(statement: Select[Any], table: Any, limit: int, at: Any = None) -> Select[Any]:
    at = table.at if at is None else at
    return statement.order_by(at.desc(), table.id.desc()).limit(limit)
