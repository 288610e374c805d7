"""The clocks of a case: what was promised by when, and whether it was kept.

Acceptance, arrival, interim reply, resolution, call-back and the rest are clocks of their own, so that
everybody sees *which* one is late. What a clock says is stored when it is set and never changes, the
database sees to that: more time is a new clock that says which one it extends.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass as plain_dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Annotated, Any, Protocol
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, PlainValidator
from pydantic.dataclasses import dataclass
from sqlalchemy import ForeignKey, Index, Select, String, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from cases import categories, departments
from cases.categories import Category
from cases.pack import STRICT, Code, Coded, Names, Pack, PackError
from cases.record import Id, Record
from cases.workdays import Span, Workdays

FILE = "clocks.yaml"

DISPATCH = "dispatch"  # the desk confirms what the matter is and refers it
ACCEPT = "accept"  # a department that was asked accepts or returns
ARRIVE = "arrive"  # a department that was called reports in
INTERIM = "interim"  # the citizen hears how it stands
RESOLVE = "resolve"  # the citizen has an answer
FOLLOWUP = "followup"  # the citizen was asked whether it is solved
TASK = "task"  # a task or an instruction is done
REVIEW = "review"  # a task force is looked at again
SUSPENSION = "suspension"  # a suspended case goes on
# How long these last is the city's to say; the others end on a day that a person names.
PROMISED = (DISPATCH, ACCEPT, ARRIVE, INTERIM, RESOLVE, FOLLOWUP, TASK)
KINDS = (*PROMISED, REVIEW, SUSPENSION)

MET, LATE, WITHDRAWN, REGRADED, EXTENDED, SUSPENDED = OUTCOMES = (
    *("met", "late", "withdrawn", "regraded", "extended", "suspended"),
)

# The marks a clock passes, in order, and the column that says when each lies.
WARNED, OVERDUE, THIRD = "warned", "overdue", "third"
MARKS: Mapping[str, tuple[str, str]] = {
    WARNED: ("warned_at", "warn_at"),
    OVERDUE: ("overdue_at", "due_at"),
    THIRD: ("thirdly_at", "third_at"),
}


def _promised(spans: Mapping[str, Span]) -> Mapping[str, Span]:
    if set(spans) != set(PROMISED):
        raise ValueError(f"must say how long each of {', '.join(PROMISED)} lasts")
    return spans


def _kind(kind: str) -> str:
    if kind not in PROMISED:
        raise ValueError(f"{kind!r} is none of {', '.join(PROMISED)}")
    return kind


Kind = Annotated[str, AfterValidator(_kind)]
_Span = Annotated[Span, PlainValidator(lambda text: Span.parse(str(text)))]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Grade:
    """How fast a kind of matter is dealt with: the spans of its clocks, and the categories it is for.

    published: the clocks whose span somebody published; the others are the pack's own defaults.
    """

    code: Code
    name: Names
    clocks: Annotated[Mapping[str, _Span], AfterValidator(_promised)]
    categories: tuple[Code, ...] = ()
    published: tuple[Kind, ...] = ()


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Limits:
    """What may be asked for in all: extensions of one clock, and how long one, and a suspension, may be."""

    extensions: Annotated[int, Field(ge=0, le=10)]
    longest_extension: _Span
    longest_suspension: _Span


class Promises(Pack):
    """A city's `clocks.yaml`. `warn_at`: the share of a clock's time after which it warns.

    published, counting: for readers, where the published spans are from and by which law days are
    counted.
    """

    grades: Annotated[dict[Code, Grade], Coded]
    default: Code
    warn_at: Annotated[float, Field(gt=0, lt=1)]
    limits: Limits
    published: Names | None = None
    counting: Names | None = None

    @classmethod
    def of_city(cls, folder: Path, kinds: Iterable[Category]) -> Promises:
        """The city's promises. Raises PackError, also unless each category has one grade at most."""
        promises, file = cls.read(folder / FILE), folder / FILE
        if promises.default not in promises.grades:
            raise PackError(file, f"default: there is no grade {promises.default!r}")
        known = {category.code for category in kinds}
        seen: set[str] = set()
        for grade in promises.grades.values():
            for code in grade.categories:
                if code not in known or code in seen:
                    what = "has two grades" if code in seen else "is no category"
                    raise PackError(file, f"grades.{grade.code}.categories: {code!r} {what}")
                seen.add(code)
        return promises

    def grade_of(self, category: str | None) -> str:
        """The grade of a category; of one that no grade lists, the default."""
        of = {code: grade.code for grade in self.grades.values() for code in grade.categories}
        return of.get(category or "", self.default)

    def span(self, grade: str | None, kind: str) -> Span:
        """How long a clock of this kind lasts. A grade that the city no longer has is the default."""
        return self.grades.get(grade or "", self.grades[self.default]).clocks[kind]


class Calendar(Protocol):
    """What a city tells of its days: where its data are, and when people work."""

    @property
    def folder(self) -> Path: ...
    @property
    def time_zone(self) -> ZoneInfo: ...
    @property
    def day_ends(self) -> time: ...
    def is_working_day(self, day: date) -> bool: ...


@plain_dataclass(frozen=True)
class Terms:
    """On what terms a city deals with a case: its working time and its promises."""

    workdays: Workdays
    promises: Promises

    @classmethod
    def of_city(cls, city: Calendar) -> Terms:
        """The terms of a city. Raises PackError."""
        kinds = categories.read(city.folder, departments.read(city.folder))
        workdays = Workdays(city.is_working_day, city.time_zone, city.day_ends)
        return cls(workdays, Promises.of_city(city.folder, kinds))

    @property
    def time_zone(self) -> ZoneInfo:
        """The city's own clock."""
        return self.workdays.zone


RUNNING = text("stopped_at IS NULL")
AT_THE_DESK = text("stopped_at IS NULL AND kind = 'dispatch'")


def _waits(mark: str) -> Any:
    return text(f"stopped_at IS NULL AND {MARKS[mark][0]} IS NULL")


class Clock(Record):
    """One clock of one case, in the lead of `department` where it is a department's.

    span: as the rule stated it, or None where a person named the day. warn_at, due_at, third_at:
    when it warns, runs out, and has run three times its length. warned_at, overdue_at, thirdly_at:
    when the watch saw to that. outcome: one of OUTCOMES once it stopped; `extends`: the clock it
    gives more time.
    """

    __tablename__ = "clocks"
    __table_args__ = (
        Index("ix_clocks_case_id", "case_id"),
        Index(
            "ix_clocks_running",
            "due_at",
            "kind",
            "case_id",
            sqlite_where=RUNNING,
            postgresql_where=RUNNING,
        ),
        Index(
            "ix_clocks_dispatch",
            "due_at",
            "case_id",
            sqlite_where=AT_THE_DESK,
            postgresql_where=AT_THE_DESK,
        ),
        *(
            Index(
                f"ix_clocks_{mark}",
                at,
                sqlite_where=_waits(mark),
                postgresql_where=_waits(mark),
            )
            for mark, (_, at) in MARKS.items()
        ),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(Id, ForeignKey("cases.id"))
    kind: Mapped[str] = mapped_column(String(16))
    department: Mapped[str | None] = mapped_column(String(32))
    grade: Mapped[str] = mapped_column(String(32))
    span: Mapped[str | None] = mapped_column(String(8))
    task_id: Mapped[int | None] = mapped_column(Id)
    extends: Mapped[int | None] = mapped_column(Id, ForeignKey("clocks.id"))
    set_at: Mapped[datetime]
    warn_at: Mapped[datetime]
    due_at: Mapped[datetime]
    third_at: Mapped[datetime]
    stopped_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(String(16))
    warned_at: Mapped[datetime | None]
    overdue_at: Mapped[datetime | None]
    thirdly_at: Mapped[datetime | None]


def start(
    session: Session,
    case_id: int,
    kind: str,
    terms: Terms,
    now: datetime,
    *,
    grade: str | None = None,
    department: str | None = None,
    span: Span | None = None,
    until: datetime | None = None,
    task_id: int | None = None,
    since: datetime | None = None,
    extends: Clock | None = None,
) -> Clock:
    """Set a clock going: until a named moment, or for `span`, or for as long as the grade promises.

    grade: the one of the case's last resolution clock unless given. since: counted from then
    instead of from `now` (a case that turns out to be of another grade is no younger for it).
    """
    grade = grade or _grade(session, case_id) or terms.promises.default
    set_at = since or now
    if until is None and span is None:
        span = terms.promises.span(grade, kind)
    clock = Clock(
        case_id=case_id,
        kind=kind,
        department=department,
        grade=grade,
        span=str(span) if span else None,
        task_id=task_id,
        extends=extends.id if extends else None,
        set_at=set_at,
        **times(terms, set_at, span=span, until=until),
    )
    session.add(clock)
    session.flush()
    return clock


def times(
    terms: Terms, set_at: datetime, *, span: Span | None = None, until: datetime | None = None
) -> dict[str, datetime]:
    """When a clock that is set at a moment, for a span or until a moment, passes each of its marks."""
    if span is not None:
        due_at = until or terms.workdays.add(span, set_at)
        third_at = terms.workdays.add(span.times(3), set_at)
    elif until is not None:
        due_at, third_at = until, until + 2 * (until - set_at)
    else:
        raise ValueError("a clock needs a span, or an end")
    warn_at = set_at + terms.promises.warn_at * (due_at - set_at)
    return {"warn_at": warn_at, "due_at": due_at, "third_at": third_at}


def _grade(session: Session, case_id: int) -> str | None:
    last = select(Clock.grade).where(Clock.case_id == case_id, Clock.kind == RESOLVE)
    return session.scalars(last.order_by(Clock.id.desc()).limit(1)).first()


def stop(
    session: Session,
    case_id: int,
    kind: str,
    now: datetime,
    *,
    department: str | None = None,
    task_id: int | None = None,
    outcome: str = MET,
) -> int:
    """Stop the case's running clocks of a kind, of one department or of all; how many there were.

    What was to be `met` and is past its time is `late`. A clock that has stopped stays as it is.
    """
    if outcome not in OUTCOMES:
        raise ValueError(f"no clock ends {outcome!r}")
    found = [
        clock
        for clock in running(session, case_id)
        if clock.kind == kind
        and (department is None or clock.department == department)
        and (task_id is None or clock.task_id == task_id)
    ]
    for clock in found:
        halt(clock, now, outcome)
    session.flush()
    return len(found)


def halt(clock: Clock, now: datetime, outcome: str) -> None:
    """Stop one clock that runs."""
    late = outcome == MET and now > clock.due_at
    clock.stopped_at, clock.outcome = now, LATE if late else outcome


def running(session: Session, case_id: int) -> list[Clock]:
    """The case's clocks that run, the soonest due first."""
    statement = select(Clock).where(Clock.case_id == case_id, Clock.stopped_at.is_(None))
    return list(session.scalars(statement.order_by(Clock.due_at, Clock.id)))


def of_case(session: Session, case_id: int) -> list[Clock]:
    """All clocks the case ever had, the first set first."""
    statement = select(Clock).where(Clock.case_id == case_id)
    return list(session.scalars(statement.order_by(Clock.id)))


def of_cases(session: Session, case_ids: Collection[int]) -> dict[int, list[Clock]]:
    """The running clocks of several cases, each case's soonest due first."""
    found: dict[int, list[Clock]] = {number: [] for number in case_ids}
    statement = select(Clock).where(Clock.case_id.in_(case_ids), Clock.stopped_at.is_(None))
    for clock in session.scalars(statement.order_by(Clock.due_at, Clock.id)):
        found[clock.case_id].append(clock)
    return found


def most_pressing(clocks: Iterable[Clock]) -> Clock | None:
    """Of clocks that run, the one that is late the longest or, if none is late, due the soonest."""
    return min(clocks, key=lambda clock: (clock.due_at, clock.id or 0), default=None)


def due(
    session: Session, mark: str, now: datetime, limit: int = 500, kinds: Collection[str] = KINDS
) -> list[int]:
    """The running clocks that pass this mark now and were not yet marked, the first to pass first."""
    return list(session.scalars(_passing(mark, now, kinds).limit(limit)))


def _passing(mark: str, now: datetime, kinds: Collection[str]) -> Select[Any]:
    done, at = (getattr(Clock, name) for name in MARKS[mark])
    passing = select(Clock.id).where(Clock.stopped_at.is_(None), done.is_(None), at <= now)
    return passing.where(Clock.kind.in_(kinds)).order_by(at)


def mark_together(
    session: Session, mark: str, now: datetime, limit: int, kinds: Collection[str] = KINDS
) -> list[Clock]:
    """Mark up to `limit` clocks that pass this mark now, the first to pass first; those we marked.

    Clocks that somebody holds at this moment are left to the next round, so that nobody waits.
    """
    done, _ = (getattr(Clock, name) for name in MARKS[mark])
    held = _passing(mark, now, kinds).limit(limit).with_for_update(skip_locked=True)
    # In two steps: a single statement would go by the rows as they were before it got hold of them.
    marked = session.scalars(
        update(Clock)
        .where(Clock.id.in_(list(session.scalars(held))), done.is_(None))
        .values({done: now})
        .returning(Clock)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    return sorted(marked, key=lambda clock: clock.id)


def mark(session: Session, clock_id: int, mark: str, now: datetime) -> bool:
    """Mark a clock, if it runs and nobody did before; whether it was we who marked it."""
    done, at = (getattr(Clock, name) for name in MARKS[mark])
    row = session.execute(
        update(Clock)
        .where(Clock.id == clock_id, Clock.stopped_at.is_(None), done.is_(None), at <= now)
        .values({done: now})
        .returning(Clock.id)
        .execution_options(synchronize_session=False)
    ).first()
    return row is not None
