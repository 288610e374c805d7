"""The whistle 吹哨: every department concerned is called at once, reports in, and stays to the end.

One whistle has one matter, one lead, one arrival clock for each department called, one thread and,
through its case, one answer to the citizen. Until somebody has arrived and leads, all who were called
own the case together. How each reported in, and what the blower says of it, is in `arrivals`; a
whistle that lasts is one of the `task_forces`.
"""

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, TypeVar

from sqlalchemy import Date, ForeignKey, Index, SmallInteger, String, func, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from cases import agents, asked, clocks, history, lifecycle, notices, tasks
from cases import case as case_module
from cases.agents import Agent
from cases.case import DESK, Case
from cases.clocks import Clock, Terms
from cases.errors import Refused
from cases.permissions import SYSTEM, Person
from cases.record import Id, Record
from cases.tasks import Task

One = TypeVar("One")

AGENT, DISTRICT, RULE, LEADER = "agent", "district", "rule", "leader"
BLOWN_AS = (AGENT, DISTRICT, RULE, LEADER)
RULES = ("second_return", "second_silence", "hazard", "surge")
OPEN = text("ended_at IS NULL")
DANGER = "danger"
# Parts in a case that may speak in its whistle.
SPEAKERS = frozenset({"desk", "supervisor", "coordinator", "leader", "lead", "called"})


class Whistle(Record):
    """One whistle on one case. `led_at` is None until a department has arrived and leads.

    `coordinator` is an agent as the history names one, or whoever blew it where no agent coordinates.
    A whistle with `review_on` is a task force 專班.
    """

    __tablename__ = "whistles"
    __table_args__ = (
        Index("ix_whistles_case_id", "case_id"),
        Index("uq_whistles_open", "case_id", unique=True, sqlite_where=OPEN, postgresql_where=OPEN),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(Id, ForeignKey("cases.id"))
    matter: Mapped[str]
    danger: Mapped[bool]
    blown_as: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(String(32))
    blown_by: Mapped[str] = mapped_column(String(64))
    blown_department: Mapped[str | None] = mapped_column(String(32))
    blown_at: Mapped[datetime]
    lead: Mapped[str] = mapped_column(String(32))
    led_at: Mapped[datetime | None]
    coordinator: Mapped[str] = mapped_column(String(64))
    review_on: Mapped[date | None] = mapped_column(Date)
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(String(64))


class Called(Record):
    """A department called by a whistle, how it reported in, and what the blower says of that.

    Of the token that reports it in with one tap only the SHA-256 is kept. `missed_at`: its arrival
    clock ran out before it came. `points` stay None for a department that never came.
    """

    __tablename__ = "whistle_calls"
    __table_args__ = (
        Index("ix_whistle_calls_called_at", "called_at"),
        Index("ix_whistle_calls_department", "department", "whistle_id"),
    )

    whistle_id: Mapped[int] = mapped_column(Id, ForeignKey("whistles.id"), primary_key=True)
    department: Mapped[str] = mapped_column(String(32), primary_key=True)
    called_at: Mapped[datetime]
    token_digest: Mapped[str] = mapped_column(String(64), unique=True)
    arrived_at: Mapped[datetime | None]
    arrived_by: Mapped[str | None] = mapped_column(String(64))
    late: Mapped[bool | None]
    missed_at: Mapped[datetime | None]
    points: Mapped[int | None] = mapped_column(SmallInteger)
    words: Mapped[str | None]
    scored_by: Mapped[str | None] = mapped_column(String(64))
    scored_at: Mapped[datetime | None]


class Line(Record):
    """Something said in a whistle's thread. The database refuses to change it."""

    __tablename__ = "whistle_lines"
    __table_args__ = (Index("ix_whistle_lines_whistle_id", "whistle_id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    whistle_id: Mapped[int] = mapped_column(Id, ForeignKey("whistles.id"))
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(64))
    department: Mapped[str | None] = mapped_column(String(32))
    text: Mapped[str]


def blow(
    session: Session,
    case: Case,
    matter: str,
    departments: Sequence[str],
    *,
    danger: bool,
    blown_as: str,
    by: Person,
    terms: Terms,
    now: datetime,
    lead: str | None = None,
    reason: str = "",
    version: int | None = None,
) -> Whistle:
    """Call all these departments together, each with a clock for its arrival.

    The lead is the one named, else the department that has the case, else the first; it is called
    even if it is not among `departments`. Blown again while a whistle of the case is open, it calls
    those who are not there yet and keeps its lead. `reason`, one of RULES, says which rule blew it.
    Raises Refused: `forbidden`, `changed`, `not_now`, or `incomplete` without matter or departments.
    """
    _check(blown_as, reason, by)
    lead = lead or (case.owner if case.owner != DESK else None)
    wanted = each_once([*([lead] if lead and departments else []), *departments])
    given = {"matter": matter, "departments": " ".join(wanted)}
    why: dict[str, Any] = {"blown_as": blown_as, "reason": reason or None, "danger": danger}
    case_module.act(session, case, "blow", given, by=by, version=version, now=now, **why)
    whistle = open_of(session, case.id) or _new(session, case, matter, wanted[0], by, now, **why)
    whistle.danger = whistle.danger or danger
    case.owner = whistle.lead
    call(session, case, whistle, wanted, terms, now)
    _stop_what_waited(session, case, wanted, now)
    if danger:
        _answer_sooner(session, case, terms, now)
    _promise_word(session, case, terms, now)
    if whistle.led_at is None:
        _own_together(session, whistle, now)
    return whistle


def _check(blown_as: str, reason: str, by: Person) -> None:
    if blown_as not in BLOWN_AS or (blown_as == RULE) != (reason in RULES):
        raise ValueError(f"no whistle is blown as {blown_as!r} for {reason!r}")
    fits = {RULE: by == SYSTEM, LEADER: by.role == LEADER, DISTRICT: by.district}
    if not fits.get(blown_as, by != SYSTEM and by.role != LEADER):
        raise Refused("forbidden", permission="blow", blown_as=blown_as)


def each_once(many: Iterable[One]) -> list[One]:
    """The same in the same order, without what was there before."""
    return list(dict.fromkeys(many))


def _new(
    session: Session,
    case: Case,
    matter: str,
    lead: str,
    by: Person,
    now: datetime,
    *,
    blown_as: str,
    reason: str | None,
    danger: bool,
) -> Whistle:
    whistle = Whistle(
        case_id=case.id,
        matter=matter.strip(),
        danger=danger,
        blown_as=blown_as,
        reason=reason,
        blown_by=by.actor,
        blown_department=by.department,
        blown_at=now,
        lead=lead,
        coordinator=_coordinator(session, by),
    )
    session.add(whistle)
    session.flush()
    return whistle


def _coordinator(session: Session, by: Person) -> str:
    """The coordinator with the fewest open whistles; where none is, the blower, for a name must stand
    there; and where a rule blew it, who supervises."""
    if by.role == "coordinator":
        return by.actor
    roles = ("coordinator",) if agents.id_of(by.actor) else ("coordinator", "supervisor", "admin")
    for role in roles:
        at_hand = select(Agent.id).where(Agent.role == role, Agent.active).order_by(Agent.id)
        if actors := [agents.actor(one) for one in session.scalars(at_hand)]:
            return _least_busy(session, actors)
    return by.actor


def _least_busy(session: Session, actors: list[str]) -> str:
    busy = select(Whistle.coordinator, func.count()).where(Whistle.ended_at.is_(None))
    have: dict[str, int] = {
        name: count for name, count in session.execute(busy.group_by(Whistle.coordinator))
    }
    return min(actors, key=lambda actor: have.get(actor, 0))


def _answer_sooner(session: Session, case: Case, terms: Terms, now: datetime) -> None:
    """Who is in danger is answered as soon as the city promises then, counted from when it was said."""
    if DANGER not in terms.promises.grades:
        return
    soon = terms.workdays.add(terms.promises.span(DANGER, clocks.RESOLVE), now)
    for clock in clocks.running(session, case.id):
        if clock.kind == clocks.RESOLVE and clock.due_at > soon:
            regraded = clocks.REGRADED
            case_module.promise(session, case, terms, now, grade=DANGER, instead=regraded)


def _stop_what_waited(session: Session, case: Case, wanted: list[str], now: datetime) -> None:
    """The desk has done its part, and who is called need not accept any more what was asked of it."""
    for referral in asked.open_of_case(session, case.id):
        if referral.department in wanted:
            referral.answer, referral.answered_at = asked.WITHDRAWN, now
    session.flush()
    for clock in clocks.running(session, case.id):
        if clock.kind == clocks.DISPATCH:
            clocks.halt(clock, now, clocks.MET)
        elif clock.kind == clocks.ACCEPT and not _is_asked(session, case, clock):
            clocks.halt(clock, now, clocks.WITHDRAWN)


def _is_asked(session: Session, case: Case, clock: Clock) -> bool:
    return asked.open_of(session, case.id, clock.department or "") is not None


def _promise_word(session: Session, case: Case, terms: Terms, now: datetime) -> None:
    """From now on departments have it, and the citizen is to hear how it stands, counted from the call."""
    if all(clock.kind != clocks.INTERIM for clock in clocks.of_case(session, case.id)):
        clocks.start(session, case.id, clocks.INTERIM, terms, now, since=case.opened_at)


def call(
    session: Session,
    case: Case,
    whistle: Whistle,
    departments: Iterable[str],
    terms: Terms,
    now: datetime,
) -> None:
    """Wake the departments that have not been called yet, all at once."""
    there = {one.department for one in called(session, whistle.id)}
    for department in departments:
        if department in there:
            continue
        token = secrets.token_urlsafe(24)
        session.add(
            Called(
                whistle_id=whistle.id,
                department=department,
                called_at=now,
                token_digest=digest(token),
            )
        )
        session.flush()
        grade = DANGER if whistle.danger else None
        clock = clocks.start(
            session, case.id, clocks.ARRIVE, terms, now, grade=grade, department=department
        )
        _wake(session, case, whistle, department, token, clock, now)


def _wake(
    session: Session,
    case: Case,
    whistle: Whistle,
    department: str,
    token: str,
    clock: Clock,
    now: datetime,
) -> None:
    facts = {
        **facts_of(case, whistle),
        "lead": whistle.lead,
        "due_at": clock.due_at.isoformat(),
        "link": f"/report-in/{token}",
    }
    key = f"whistle:{whistle.id}:{department}"
    to = f"department:{department}"
    notices.post(session, "whistle", to=to, case_id=case.id, facts=facts, dedupe=key, now=now)


def facts_of(case: Case, whistle: Whistle) -> dict[str, object]:
    return {"number": case.number, "what": whistle.matter}


def _own_together(session: Session, whistle: Whistle, now: datetime) -> None:
    """The backstop, on the record: nobody leads yet, so all of them own it, and this is who sees to it."""
    agent_id = agents.id_of(whistle.coordinator)
    name = agents.names(session, {agent_id}).get(agent_id) if agent_id else None
    history.add(
        session,
        whistle.case_id,
        "owned_together",
        now,
        departments=[one.department for one in called(session, whistle.id)],
        coordinator=whistle.coordinator,
        coordinator_name=name,
    )


def open_of(session: Session, case_id: int) -> Whistle | None:
    """The case's whistle that has not ended; there is one at most."""
    mine = select(Whistle).where(Whistle.case_id == case_id, Whistle.ended_at.is_(None))
    return session.scalars(mine).one_or_none()


def of_case(session: Session, case_id: int) -> list[Whistle]:
    """All whistles of a case, the first one first."""
    return list(
        session.scalars(select(Whistle).where(Whistle.case_id == case_id).order_by(Whistle.id))
    )


def called(session: Session, whistle_id: int) -> list[Called]:
    """The departments a whistle called, the lead first, then as they were called."""
    rows = session.execute(
        select(Called, Whistle.lead)
        .join(Whistle, Whistle.id == Called.whistle_id)
        .where(Called.whistle_id == whistle_id)
        .order_by(Called.called_at, Called.department)
    ).all()
    return [row.Called for row in sorted(rows, key=lambda row: row.Called.department != row.lead)]


def owners(session: Session, case: Case) -> tuple[str, ...]:
    """Who owns the case: its owner, or all departments called while none has arrived and leads."""
    whistle = open_of(session, case.id)
    if case.status != lifecycle.WHISTLED or whistle is None or whistle.led_at is not None:
        return (case.owner,)
    return tuple(one.department for one in called(session, whistle.id))


def address(actor: str) -> str | None:
    return actor if agents.id_of(actor) else None


def lead(session: Session, whistle: Whistle, department: str, *, by: Person, now: datetime) -> None:
    """A department that has arrived takes the lead where nobody leads; a coordinator may move it.

    Raises Refused: `not_called`, `not_arrived`, `forbidden`, `has_lead`, `whistle_ended`.
    """
    case = hold(session, whistle)
    still_open(whistle)
    may_move = coordinates(whistle, by)
    if not (may_move or by.department == department):
        raise Refused("forbidden", permission="lead")
    if called_one(session, whistle, department).arrived_at is None:
        raise Refused("not_arrived", department=department)
    if whistle.led_at is not None and not may_move:
        raise Refused("has_lead", lead=whistle.lead)
    take_lead(session, case, whistle, department, by.actor, now)


def take_lead(
    session: Session, case: Case, whistle: Whistle, department: str, actor: str, now: datetime
) -> None:
    was, whistle.lead, whistle.led_at = whistle.lead, department, now
    case.owner = department
    history.add(session, case.id, "lead", now, actor=actor, department=department, was=was)


def say(session: Session, whistle: Whistle, text: str, *, by: Person, now: datetime) -> Line:
    """Say something in the thread, where all who were called read it.

    Raises Refused: `forbidden` for who has no part in it, `incomplete`, `whistle_ended`.
    """
    still_open(whistle)
    case = session.get_one(Case, whistle.case_id)
    if not SPEAKERS & case_module.parts(session, case, by) and not is_blower(session, whistle, by):
        raise Refused("forbidden", permission="say")
    if not text.strip():
        raise Refused("incomplete", action="say", missing=["text"])
    line = Line(
        whistle_id=whistle.id,
        at=now,
        actor=by.actor,
        department=by.department,
        text=text.strip(),
    )
    session.add(line)
    session.flush()
    return line


def thread(session: Session, whistle_id: int) -> list[Line]:
    """Everything said in the whistle, oldest first."""
    said = select(Line).where(Line.whistle_id == whistle_id).order_by(Line.id)
    return list(session.scalars(said))


def give_task(
    session: Session,
    whistle: Whistle,
    owner: str,
    text: str,
    *,
    by: Person,
    terms: Terms,
    now: datetime,
    until: datetime | None = None,
) -> Task:
    """A sub-task for one of the departments called; the blower may give one, too.

    Raises Refused: `not_called`, `whistle_ended`, and what tasks.give raises.
    """
    still_open(whistle)
    called_one(session, whistle, owner)
    case = session.get_one(Case, whistle.case_id)
    give = tasks.add if is_blower(session, whistle, by) else tasks.give
    return give(
        session,
        case,
        owner,
        text,
        by=by,
        terms=terms,
        now=now,
        until=until,
        kind=tasks.TASK,
        whistle_id=whistle.id,
    )


def leave(session: Session, whistle: Whistle, department: str) -> None:
    """A department wants to go. It may when the whistle has ended, and never before.

    Raises Refused: `not_before_the_end`, `not_called`.
    """
    called_one(session, whistle, department)
    if whistle.ended_at is None:
        raise Refused("not_before_the_end", department=department)


def end(session: Session, whistle: Whistle, *, by: Person, now: datetime) -> None:
    """The blower or a coordinator lets everybody go. Departments that never came are scored absent.

    Raises Refused: `forbidden`, `whistle_ended`, `not_answered` while the case waits for its answer,
    `not_scored` while an arrival has no score.
    """
    case = hold(session, whistle)
    still_open(whistle)
    may_decide(session, whistle, by, "end")
    if case.status == lifecycle.WHISTLED:
        raise Refused("not_answered")
    everybody = called(session, whistle.id)
    if unscored := [one.department for one in everybody if one.arrived_at and not one.scored_at]:
        raise Refused("not_scored", departments=unscored)
    absent = [one for one in everybody if one.arrived_at is None]
    for one in absent:
        one.scored_by, one.scored_at = history.SYSTEM, now
        clocks.stop(session, case.id, clocks.ARRIVE, now, department=one.department, outcome="late")
    if whistle.review_on is not None:
        clocks.stop(session, case.id, clocks.REVIEW, now, outcome="met")
    whistle.ended_at, whistle.ended_by = now, by.actor
    names = [one.department for one in absent]
    history.add(session, case.id, "whistle_ended", now, actor=by.actor, absent=names)


def may_decide(session: Session, whistle: Whistle, by: Person, what: str) -> None:
    if not (coordinates(whistle, by) or is_blower(session, whistle, by)):
        raise Refused("forbidden", permission=what)


def coordinates(whistle: Whistle, by: Person) -> bool:
    return by.role == "coordinator" or by.actor == whistle.coordinator


def is_blower(session: Session, whistle: Whistle, by: Person) -> bool:
    """Whether this is who blew the whistle; for a district office, anybody of it."""
    if by.actor == whistle.blown_by:
        return True
    if whistle.blown_as == DISTRICT and by.department == whistle.blown_department:
        return True
    return coordinates(whistle, by) and _blower_is_gone(session, whistle)


def _blower_is_gone(session: Session, whistle: Whistle) -> bool:
    agent_id = agents.id_of(whistle.blown_by)
    blower = session.get(Agent, agent_id) if agent_id else None
    return blower is None or not blower.active


def still_open(whistle: Whistle) -> None:
    if whistle.ended_at is not None:
        raise Refused("whistle_ended")


def called_one(session: Session, whistle: Whistle, department: str) -> Called:
    """The department's row as it is now. Raises Refused("not_called")."""
    session.flush()
    one = session.get(Called, (whistle.id, department), populate_existing=True)
    if one is None:
        raise Refused("not_called", department=department)
    return one


def hold(session: Session, whistle: Whistle) -> Case:
    """The whistle's case and the whistle, locked and read anew: who comes second sees the first."""
    session.flush()
    case = session.get_one(
        Case, whistle.case_id, with_for_update={"key_share": True}, populate_existing=True
    )
    session.refresh(whistle, with_for_update={"key_share": True})
    return case


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
