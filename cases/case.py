"""The case: what a call becomes. One call, one case, opened the moment a message is known of."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ForeignKey,
    Index,
    String,
    bindparam,
    column,
    delete,
    func,
    select,
    table,
    text,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.orm.attributes import flag_modified

from cases import asked, browser_calls, calls, clocks, history, lifecycle, permissions
from cases.categories import Category
from cases.clocks import Terms
from cases.errors import Refused
from cases.permissions import SYSTEM, Person
from cases.record import Id, Record

# Owner of a case that no department has been given yet: the hotline itself.
DESK = "desk"

FLAGS = (
    "danger",
    "transcript_pending",
    "listen_to_recording",
    "missed_message",
    "no_speech",
    "recording_missing",
    "hung_up",
    "wants_person",
    "spoke_to_agent",
    "suspect_text",
    "low_confidence",
    "reopened",
    "sham_fix",
)

SEATED = text("seat_id IS NOT NULL")
MERGED = text("merged_into IS NOT NULL")
# Word for word what the index of them says, or SQLite would not use it.
IS_UNREVIEWED = text("status = 'received'")


class Case(Record):
    """One citizen's matter."""

    __tablename__ = "cases"
    __table_args__ = (
        Index("ix_cases_status_due_at", "status", "due_at"),
        Index("ix_cases_owner", "owner", "due_at"),
        Index("ix_cases_seat_id", "seat_id", sqlite_where=SEATED, postgresql_where=SEATED),
        Index("ix_cases_merged_into", "merged_into", sqlite_where=MERGED, postgresql_where=MERGED),
        Index(
            "ix_cases_unreviewed",
            "opened_at",
            sqlite_where=IS_UNREVIEWED,
            postgresql_where=IS_UNREVIEWED,
        ),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    call_id: Mapped[int] = mapped_column(Id, ForeignKey("calls.id"), unique=True)
    number: Mapped[str | None] = mapped_column(String(16), unique=True)
    status: Mapped[str] = mapped_column(String(16))
    opened_at: Mapped[datetime]
    language: Mapped[str | None] = mapped_column(String(3))
    category: Mapped[str | None] = mapped_column(String(64))
    category_confidence: Mapped[float | None]
    category_alternatives: Mapped[list[Any]]
    category_reasons: Mapped[list[Any]]
    category_confirmed: Mapped[bool] = mapped_column(default=False)
    department: Mapped[str | None] = mapped_column(String(32))
    owner: Mapped[str] = mapped_column(String(32))
    due_at: Mapped[datetime]
    transcribed_at: Mapped[datetime | None]
    flags: Mapped[list[Any]]
    # A row of duty_seats: the leader on duty who took the case. `duty` knows cases, not they it.
    seat_id: Mapped[int | None] = mapped_column(Id)
    # The case in which this one is dealt with (`merges`).
    merged_into: Mapped[int | None] = mapped_column(Id)
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012


_OF_CALL = select(Case).where(Case.call_id == bindparam("call_id"))
_HELD = _OF_CALL.with_for_update(key_share=True).execution_options(populate_existing=True)


def open_for(
    session: Session, call_id: int, terms: Terms, now: datetime, flags: Iterable[str] = ()
) -> Case:
    """The call's case, opened unless it is. The caller of this holds the call's row."""
    case = held(session, call_id)
    if case is None:
        case = Case(
            call_id=call_id,
            status=lifecycle.RECEIVED,
            opened_at=now,
            owner=DESK,
            due_at=now,
            category_alternatives=[],
            category_reasons=[],
            flags=_in_order({*flags}),
        )
        session.add(case)
        session.flush()
        case.number = number_for(case.id, now.astimezone(terms.time_zone).year)
        history.add(session, case.id, "opened", now, **_opened(session, case))
        grade = terms.promises.default
        clocks.start(session, case.id, clocks.DISPATCH, terms, now, grade=grade)
        resolve = clocks.start(session, case.id, clocks.RESOLVE, terms, now, grade=grade)
        case.due_at = resolve.due_at
    else:
        mark(case, *flags)
    return case


def _opened(session: Session, case: Case) -> dict[str, Any]:
    """What the first line says; of a call from a browser, which no rate counts, that it was one."""
    call = session.get_one(calls.Call, case.call_id)
    line = {"number": case.number}
    from_browser = call.provider == browser_calls.BROWSER
    return {**line, "channel": browser_calls.BROWSER} if from_browser else line


def promise(
    session: Session,
    case: Case,
    terms: Terms,
    now: datetime,
    *,
    grade: str | None = None,
    since: datetime | None = None,
    instead: str = clocks.WITHDRAWN,
) -> None:
    """The clock by which the citizen is to have an answer, in place of one that runs.

    grade: the same as before unless given. since: counted from then. instead: the outcome of the
    clock whose place it takes.
    """
    clocks.stop(session, case.id, clocks.RESOLVE, now, outcome=instead)
    clock = clocks.start(session, case.id, clocks.RESOLVE, terms, now, grade=grade, since=since)
    case.due_at = clock.due_at


def held(session: Session, call_id: int) -> Case | None:
    """The call's case, its row held until the transaction ends."""
    # Locked and read anew: a person at the console may be changing it at this very moment.
    return session.scalars(_HELD, {"call_id": call_id}).one_or_none()


def of_call(session: Session, call_id: int) -> Case | None:
    return session.scalars(_OF_CALL, {"call_id": call_id}).one_or_none()


def by_number(session: Session, number: str) -> Case | None:
    return session.scalars(select(Case).where(Case.number == number)).one_or_none()


def count(session: Session) -> int:
    """How many cases there are."""
    return int(session.execute(select(func.count()).select_from(Case)).scalar_one())


def numbers(session: Session, ids: Collection[int]) -> dict[int, str | None]:
    """The numbers of these cases."""
    rows = session.execute(select(Case.id, Case.number).where(Case.id.in_(ids)))
    return {row.id: row.number for row in rows}


def mark(case: Case, *flags: str) -> None:
    """Set flags of a case; one that is set stays set."""
    case.flags = _in_order({*case.flags, *flags})


def unset(case: Case, *flags: str) -> None:
    """Take flags off a case."""
    case.flags = _in_order({*case.flags} - {*flags})


def _in_order(flags: set[str]) -> list[Any]:
    unknown = flags - set(FLAGS)
    if unknown:
        raise ValueError(f"no such flag: {unknown}")
    return [flag for flag in FLAGS if flag in flags]


def number_for(case_id: int, year: int) -> str:
    """A case number a person can key in: two digits of the year, six or more that count, a check digit.

    The check digit (Luhn, ISO/IEC 7812-1) finds every single wrong digit and most swapped pairs.
    """
    body = f"{year % 100:02d}{case_id:06d}"
    return body + str(-_luhn_sum(body + "0") % 10)


def is_number(text: str) -> bool:
    """Whether these digits can be a case number at all."""
    return text.isascii() and text.isdigit() and 9 <= len(text) <= 16 and _luhn_sum(text) % 10 == 0


def _luhn_sum(digits: str) -> int:
    doubled = [2 * int(d) for d in digits[-2::-2]]
    return sum(int(d) for d in digits[-1::-2]) + sum(d - 9 if d > 9 else d for d in doubled)


def act(
    session: Session,
    case: Case,
    action: str,
    given: Mapping[str, Any],
    *,
    by: Person,
    version: int | None,
    now: datetime,
    to: str | None = None,
    **detail: Any,
) -> None:
    """Do with a case what the lifecycle's table allows: its status, and one line of its history.

    given: what the action needs, kept in the history as it is, with `detail` beside it. version: the
    state of the case on which `by` decided; None for a rule, which decides on the case as it is.
    to: which of the statuses that the table offers.
    Raises Refused: `changed` when somebody else changed the case since `version`; `not_now`;
    `forbidden`; `incomplete`.
    """
    unchanged(case, version)
    was, case.status = case.status, _becomes(session, case, action, given, by, to)
    flag_modified(case, "status")  # a new version even where the status stays
    answering = by.department if action in lifecycle.ANSWERS else None
    _no_longer_wait(session, case, now, answering)
    _out_of_hands(session, case)
    line = {**given, **detail} if was == case.status else {**given, **detail, "was": was}
    history.add(session, case.id, action, now, actor=by.actor, **line)


def unchanged(case: Case, version: int | None) -> None:
    """Raises Refused("changed") when somebody else changed the case since `version`: looked at first,
    so that who comes second hears what happened and not merely that something is no longer possible."""
    if version is not None and case.version != version:
        raise Refused("changed", number=case.number, status=case.status, version=case.version)


def _becomes(
    session: Session,
    case: Case,
    action: str,
    given: Mapping[str, Any],
    by: Person,
    to: str | None,
) -> str:
    lifecycle.check(parts(session, case, by), case.status, action)
    return lifecycle.target(case.status, action, given, to)


# The table of `leases`, which knows cases likewise.
_LEASES = table("leases", column("case_id"))


def _out_of_hands(session: Session, case: Case) -> None:
    """What the desk has done with, nobody there has in hand any more."""
    if case.status not in lifecycle.UNTAKEN:
        session.execute(delete(_LEASES).where(_LEASES.c.case_id == case.id))


def _no_longer_wait(session: Session, case: Case, now: datetime, answering: str | None) -> None:
    """Who was asked to take the case, and now need not answer any more, is let go."""
    awaited = lifecycle.AWAITED.get(case.status, frozenset())
    roles = asked.ROLES - awaited
    for department in asked.withdraw(session, case.id, roles, now, besides=answering):
        clocks.stop(
            session,
            case.id,
            clocks.ACCEPT,
            now,
            department=department,
            outcome=clocks.WITHDRAWN,
        )


def parts(session: Session, case: Case, by: Person) -> frozenset[str]:
    """Who `by` is to this case, as the lifecycle's table names it."""
    if by == SYSTEM:
        return frozenset({lifecycle.SYSTEM})
    if by.role != permissions.OFFICER:
        return permissions.PARTS.get(by.role, frozenset())
    if by.department is None:
        return frozenset()
    district = {lifecycle.DISTRICT} if by.district else set()
    return frozenset({*_parts_of(session, case, by.department), *district})


def _parts_of(session: Session, case: Case, department: str) -> Iterator[str]:
    if case.owner == department:
        yield lifecycle.LEAD
    if referral := asked.open_of(session, case.id, department):
        yield lifecycle.ASKED
        lead = referral.role == asked.LEAD
        yield lifecycle.ASKED_TO_LEAD if lead else lifecycle.ASKED_TO_SUPPORT
    if _is_called(session, case.id, department):
        yield lifecycle.CALLED


# The two tables of `whistles`, which knows cases, so that cases need not know it.
_WHISTLES = table("whistles", column("id"), column("case_id"), column("ended_at"))
_CALLS = table("whistle_calls", column("whistle_id"), column("department"))


def _is_called(session: Session, case_id: int, department: str) -> bool:
    called = (
        select(_CALLS.c.department)
        .join(_WHISTLES, _WHISTLES.c.id == _CALLS.c.whistle_id)
        .where(_WHISTLES.c.case_id == case_id, _WHISTLES.c.ended_at.is_(None))
        .where(_CALLS.c.department == department)
    )
    return session.execute(called).first() is not None


def confirm(
    session: Session,
    case: Case,
    category: Category,
    *,
    version: int,
    by: Person,
    terms: Terms,
    now: datetime,
) -> None:
    """A person says what the matter is: its category, and with it the department that should have it.

    A matter of another grade than was thought has that grade's clocks from when they were set.
    Raises Refused as `act` does.
    """
    given = {"category": category.code}
    act(
        session,
        case,
        "confirm",
        given,
        by=by,
        version=version,
        now=now,
        was_category=case.category,
    )
    case.category = category.code
    case.category_confirmed = True
    case.department = category.department
    regrade(session, case, terms, now)


def regrade(session: Session, case: Case, terms: Terms, now: datetime) -> None:
    """Give the case's running clocks the grade of its category, from when they were set."""
    grade = terms.promises.grade_of(case.category)
    for clock in clocks.running(session, case.id):
        if clock.grade == grade:
            continue
        if clock.kind == clocks.RESOLVE:
            again = clocks.REGRADED
            promise(session, case, terms, now, grade=grade, since=clock.set_at, instead=again)
        elif clock.kind == clocks.DISPATCH:
            clocks.halt(clock, now, clocks.REGRADED)
            clocks.start(session, case.id, clock.kind, terms, now, grade=grade, since=clock.set_at)


def close(
    session: Session, case: Case, note: str, *, version: int, by: Person, now: datetime
) -> None:
    """The desk has answered the matter itself, and says how. Raises Refused as `act` does."""
    act(session, case, "close", {"note": note}, by=by, version=version, now=now)
    for kind in (clocks.DISPATCH, clocks.INTERIM, clocks.RESOLVE):
        clocks.stop(session, case.id, kind, now)


def reopen(
    session: Session,
    case: Case,
    note: str,
    *,
    version: int,
    by: Person,
    terms: Terms,
    now: datetime,
) -> None:
    """A person says that it was not done after all: it goes back to the department that had it, or
    to the desk; a merged one stands alone again. Raises Refused as `act` does."""
    to = lifecycle.RECEIVED if case.owner == DESK else lifecycle.ACCEPTED
    act(session, case, "reopen", {"note": note}, by=by, version=version, now=now, to=to)
    _stand_alone(session, case, by, now)
    if to == lifecycle.RECEIVED:
        clocks.start(session, case.id, clocks.DISPATCH, terms, now)
    promise(session, case, terms, now)


def _stand_alone(session: Session, case: Case, by: Person, now: datetime) -> None:
    """A case that was merged into another and is opened again is its own case again."""
    if case.merged_into is not None:
        main, case.merged_into = case.merged_into, None
        history.add(session, main, "unmerged", now, actor=by.actor, number=case.number)


def touch(session: Session, case_id: int) -> None:
    """Hold the case's row until the transaction ends."""
    session.execute(update(Case).where(Case.id == case_id).values(version=Case.version))
