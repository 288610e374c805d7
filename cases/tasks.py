"""Tasks on a case: sub-tasks of departments, and leaders' instructions 批示. Each has an owner and a clock."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from cases import case as case_module
from cases import clocks, history, notices
from cases.case import Case
from cases.clocks import Clock, Terms
from cases.errors import Refused
from cases.permissions import Person
from cases.record import Id, Record

TASK = "task"
INSTRUCTION = "instruction"
KINDS = (TASK, INSTRUCTION)
# Parts in a case that may give anybody a task; a called department may give itself one.
GIVERS = frozenset({"desk", "supervisor", "coordinator", "leader", "lead", "system"})
NOT_DONE = text("done_at IS NULL")


class Task(Record):
    """Something one department is to do about a case. `due_at` is what its clock said when set."""

    __tablename__ = "tasks"
    __table_args__ = (
        Index("ix_tasks_case_id", "case_id"),
        Index("ix_tasks_owner", "owner", "case_id"),
        Index(
            "ix_tasks_open",
            "owner",
            "due_at",
            sqlite_where=NOT_DONE,
            postgresql_where=NOT_DONE,
        ),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(Id, ForeignKey("cases.id"))
    whistle_id: Mapped[int | None] = mapped_column(Id, ForeignKey("whistles.id"))
    kind: Mapped[str] = mapped_column(String(16))
    owner: Mapped[str] = mapped_column(String(32))
    text: Mapped[str]
    given_by: Mapped[str] = mapped_column(String(64))
    given_at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    climbed_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    done_by: Mapped[str | None] = mapped_column(String(64))
    words: Mapped[str | None]
    late: Mapped[bool | None]


def give(
    session: Session,
    case: Case,
    owner: str,
    text: str,
    *,
    by: Person,
    terms: Terms,
    now: datetime,
    until: datetime | None = None,
    kind: str = TASK,
    whistle_id: int | None = None,
) -> Task:
    """Give a department something to do by `until`, or by when the city's clock for tasks says.

    Raises Refused: `forbidden`, `incomplete` without words, `too_soon` for a time that is past.
    """
    _may_give(session, case, owner, kind, by)
    return add(
        session,
        case,
        owner,
        text,
        by=by,
        terms=terms,
        now=now,
        until=until,
        kind=kind,
        whistle_id=whistle_id,
    )


def _may_give(session: Session, case: Case, owner: str, kind: str, by: Person) -> None:
    parts = case_module.parts(session, case, by)
    if kind == INSTRUCTION:
        allowed = "leader" in parts
    else:
        allowed = bool(GIVERS & parts) or ("called" in parts and owner == by.department)
    if not allowed:
        raise Refused("forbidden", permission=kind)


def add(
    session: Session,
    case: Case,
    owner: str,
    text: str,
    *,
    by: Person,
    terms: Terms,
    now: datetime,
    until: datetime | None,
    kind: str,
    whistle_id: int | None,
) -> Task:
    """The task itself, its clock, its line in the history and its notice. Who may is asked before."""
    _check(kind, text, until, now)
    task = Task(
        case_id=case.id,
        whistle_id=whistle_id,
        kind=kind,
        owner=owner,
        text=text.strip(),
        given_by=by.actor,
        given_at=now,
    )
    session.add(task)
    session.flush()
    clock = clocks.start(
        session, case.id, clocks.TASK, terms, now, department=owner, until=until, task_id=task.id
    )
    task.due_at = clock.due_at
    history.add(session, case.id, kind, now, actor=by.actor, **_line(task))
    _tell(session, case, task, kind, f"department:{owner}", "given", now)
    return task


def _check(kind: str, text: str, until: datetime | None, now: datetime) -> None:
    if kind not in KINDS:
        raise ValueError(f"no such kind of task: {kind}")
    if not text.strip():
        raise Refused("incomplete", action=kind, missing=["text"])
    if until is not None and until <= now:
        raise Refused("too_soon", until=until)


def done(session: Session, task: Task, words: str, *, by: Person, now: datetime) -> None:
    """The owner says what was done; whoever gave the task hears of it. Said twice, the first counts.

    Raises Refused: `forbidden` unless it is the owner or a coordinator, `incomplete` without words.
    """
    if not (by.department == task.owner or by.role == "coordinator"):
        raise Refused("forbidden", permission="done")
    if not words.strip():
        raise Refused("incomplete", action="done", missing=["words"])
    if not _finish(session, task, words.strip(), by, now):
        return
    clocks.stop(session, task.case_id, clocks.TASK, now, task_id=task.id)
    line = {"task_id": task.id, "owner": task.owner, "words": task.words, "late": task.late}
    history.add(session, task.case_id, f"{task.kind}_done", now, actor=by.actor, **line)
    if task.given_by.startswith("agent:"):
        case = session.get_one(Case, task.case_id)
        _tell(session, case, task, task.kind, task.given_by, "done", now)


def _finish(session: Session, task: Task, words: str, by: Person, now: datetime) -> bool:
    running = clocks.running(session, task.case_id)
    late = any(clock.task_id == task.id and now > clock.due_at for clock in running)
    first = session.execute(
        update(Task)
        .where(Task.id == task.id, Task.done_at.is_(None))
        .values(done_at=now, done_by=by.actor, words=words, late=late)
        .returning(Task.id)
        .execution_options(synchronize_session=False)
    ).first()
    session.refresh(task)
    return first is not None


def overdue(session: Session, clock: Clock, now: datetime) -> None:
    """A task's clock ran out (called by the watch): it climbs to who coordinates, and to its giver."""
    task = session.get_one(Task, clock.task_id)
    if task.done_at is not None or task.climbed_at is not None:
        return
    task.climbed_at = now
    told: dict[str, Any] = {"task_id": task.id, "owner": task.owner}
    history.add(session, task.case_id, f"{task.kind}_overdue", now, **told)
    case = session.get_one(Case, task.case_id)
    above = ["role:coordinator"]
    if task.kind == INSTRUCTION and task.given_by.startswith("agent:"):
        above.append(task.given_by)
    for to in above:
        _tell(session, case, task, "escalated", to, "overdue", now)


def of_case(session: Session, case_id: int, kind: str | None = None) -> list[Task]:
    """The tasks of a case, or those of one kind, in the order they were given."""
    given = select(Task).where(Task.case_id == case_id).order_by(Task.id)
    return list(session.scalars(given if kind is None else given.where(Task.kind == kind)))


def open_of(session: Session, owners: Iterable[str], limit: int = 100) -> list[Task]:
    """What these departments have yet to do, the soonest due first."""
    waiting = select(Task).where(Task.owner.in_([*owners]), Task.done_at.is_(None))
    return list(session.scalars(waiting.order_by(Task.due_at, Task.id).limit(limit)))


def _line(task: Task) -> dict[str, Any]:
    due = task.due_at.isoformat() if task.due_at else None
    return {"task_id": task.id, "owner": task.owner, "text": task.text, "due_at": due}


def _tell(
    session: Session, case: Case, task: Task, kind: str, to: str, what: str, now: datetime
) -> None:
    facts = {
        "number": case.number,
        "what": task.text,
        "owner": task.owner,
        "due_at": task.due_at.isoformat() if task.due_at else None,
        "state": what,
    }
    key = f"{kind}:{task.id}:{what}:{to}"
    notices.post(session, kind, to=to, case_id=case.id, facts=facts, dedupe=key, now=now)
