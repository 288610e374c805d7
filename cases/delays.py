"""More time for a case, on the record: extension 延期 and suspension 掛賬.

Neither moves a clock. The one that runs stops as `extended` or `suspended`, and another takes its place.
"""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy.orm import Session

from cases import case as case_module
from cases import clocks, lifecycle
from cases.case import Case
from cases.clocks import Clock, Terms
from cases.errors import Refused
from cases.permissions import SYSTEM, Person
from cases.workdays import Span

# What stands still while a case is suspended. A department that was asked something still answers.
STANDS_STILL = frozenset({clocks.INTERIM, clocks.RESOLVE})
# A day that a person named is no count of days: what is left of it is time as on a watch.
BY_THE_WATCH = "m"


def extend(
    session: Session,
    case: Case,
    kind: str,
    until: datetime,
    reason: str,
    *,
    by: Person,
    terms: Terms,
    now: datetime,
    department: str | None = None,
    version: int | None = None,
) -> Clock:
    """Give one running clock of the case until a later moment; the clock that now runs.

    Raises Refused: `no_such_clock`; `too_soon` unless it is later; `too_late` (`latest`) beyond the
    city's longest extension; `extended_enough` (`most`); and what `case.act` does.
    """
    clock = _running(session, case, kind, department)
    _check_extension(session, clock, until, terms)
    given = {"reason": reason.strip(), "until": until.isoformat()}
    detail = {"clock": kind, "department": department, "was_due": clock.due_at.isoformat()}
    case_module.act(session, case, "extend", given, by=by, version=version, now=now, **detail)
    clocks.halt(clock, now, clocks.EXTENDED)
    return _instead_of(session, case, clock, until, terms, now, since=clock.set_at)


def _running(session: Session, case: Case, kind: str, department: str | None) -> Clock:
    for clock in clocks.running(session, case.id):
        if clock.kind == kind and department in (None, clock.department):
            return clock
    raise Refused("no_such_clock", kind=kind, department=department)


def _check_extension(session: Session, clock: Clock, until: datetime, terms: Terms) -> None:
    limits = terms.promises.limits
    latest = terms.workdays.add(limits.longest_extension, clock.due_at)
    if until <= clock.due_at:
        raise Refused("too_soon", until=clock.due_at)
    if until > latest:
        raise Refused("too_late", latest=latest)
    if sum(1 for _ in _extended(session, clock)) >= limits.extensions:
        raise Refused("extended_enough", most=limits.extensions)


def _extended(session: Session, clock: Clock) -> Iterator[Clock]:
    """The clocks of which this one is the extension, the latest first."""
    while clock.extends is not None:
        clock = session.get_one(Clock, clock.extends)
        if clock.outcome == clocks.EXTENDED:
            yield clock


def suspend(
    session: Session,
    case: Case,
    until: datetime,
    reason: str,
    *,
    by: Person,
    terms: Terms,
    now: datetime,
    version: int | None = None,
) -> Clock:
    """Let a case rest until a day: once, and no longer than the city allows. Then it goes on by itself.

    Raises Refused: `suspended_before`; `too_soon`; `too_late` (`latest`); and what `case.act` does.
    """
    latest = terms.workdays.add(terms.promises.limits.longest_suspension, now)
    if until <= now:
        raise Refused("too_soon", until=now)
    if until > latest:
        raise Refused("too_late", latest=latest)
    if any(one.kind == clocks.SUSPENSION for one in clocks.of_case(session, case.id)):
        raise Refused("suspended_before", number=case.number)
    given = {"reason": reason.strip(), "until": until.isoformat()}
    case_module.act(session, case, "suspend", given, by=by, version=version, now=now)
    for clock in clocks.running(session, case.id):
        if clock.kind in STANDS_STILL:
            clocks.halt(clock, now, clocks.SUSPENDED)
    return clocks.start(session, case.id, clocks.SUSPENSION, terms, now, until=until)


def resume(
    session: Session,
    case: Case,
    *,
    by: Person,
    terms: Terms,
    now: datetime,
    version: int | None = None,
) -> None:
    """The case goes on: each clock that stood still has the time that it had left.

    Raises Refused as `case.act` does.
    """
    case_module.act(session, case, "resume", {}, by=by, version=version, now=now)
    suspension = _running(session, case, clocks.SUSPENSION, None)
    clocks.halt(suspension, now, clocks.MET if now < suspension.due_at else clocks.LATE)
    for clock in clocks.of_case(session, case.id):
        if clock.outcome == clocks.SUSPENDED and clock.stopped_at == suspension.set_at:
            unit = Span.parse(clock.span).unit if clock.span else BY_THE_WATCH
            until = terms.workdays.shift(unit, clock.due_at, suspension.set_at, now)
            # A case that was late already does not become punctual by having rested.
            _instead_of(session, case, clock, until, terms, now, since=min(clock.set_at, until))


def _instead_of(
    session: Session,
    case: Case,
    clock: Clock,
    until: datetime,
    terms: Terms,
    now: datetime,
    *,
    since: datetime,
) -> Clock:
    new = clocks.start(
        session,
        case.id,
        clock.kind,
        terms,
        now,
        grade=clock.grade,
        department=clock.department,
        until=until,
        task_id=clock.task_id,
        since=since,
        extends=clock,
    )
    if new.kind == clocks.RESOLVE:
        case.due_at = new.due_at
    return new


def suspension_over(session: Session, clock: Clock, now: datetime, terms: Terms) -> None:
    """The day named in a suspension came (called by the watch): the case goes on by itself."""
    case = session.get_one(Case, clock.case_id, with_for_update={"key_share": True})
    session.refresh(clock)
    if clock.stopped_at is None and case.status == lifecycle.SUSPENDED:
        resume(session, case, by=SYSTEM, terms=terms, now=now)
