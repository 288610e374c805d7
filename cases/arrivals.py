"""Reporting in 報到: a called department arrives, or is late, and who blew the whistle scores it.

This is the double evaluation 雙考核: not only the case counts, but how each department came to it.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cases import clocks, history, notices, whistles
from cases.case import Case
from cases.clocks import Clock
from cases.errors import Refused
from cases.permissions import Person
from cases.whistles import Called, Whistle

POINTS = range(1, 6)


@dataclass(frozen=True)
class Seen:
    """How a department reported in over a period, for the rates.

    `waiting` of those `called` have neither arrived nor run out of time. `mean` is the mean of the `n`
    scores from 1 to 5 that were given; None, and not 0, when none was.
    """

    department: str
    called: int
    waiting: int
    arrived: int
    in_time: int
    mean: float | None
    n: int


def arrive(
    session: Session,
    whistle: Whistle,
    department: str,
    *,
    now: datetime,
    by: Person | None = None,
    token: str | None = None,
) -> Called:
    """The department reports in: an officer of it, a coordinator for it, or who holds its token.

    The lead that arrives takes the lead. Arriving twice changes nothing.
    Raises Refused: `not_called`, `forbidden`, `whistle_ended`.
    """
    case = whistles.hold(session, whistle)
    one = whistles.called_one(session, whistle, department)
    reporter = _arriving(one, by, token)
    if one.arrived_at is not None:
        return one
    whistles.still_open(whistle)
    clock = _arrival_clock(session, whistle, department)
    one.arrived_at, one.arrived_by = now, reporter
    one.late = one.missed_at is not None or (clock is not None and now > clock.due_at)
    clocks.stop(
        session,
        case.id,
        clocks.ARRIVE,
        now,
        department=department,
        outcome="late" if one.late else "met",
    )
    line = {"department": department, "late": one.late, "by_link": by is None}
    actor = by.actor if by else history.SYSTEM
    history.add(session, case.id, "arrive", now, actor=actor, **line)
    _tell_of_arrival(session, case, whistle, one, now)
    if department == whistle.lead:
        whistles.take_lead(session, case, whistle, department, actor, now)
    return one


def _arriving(one: Called, by: Person | None, token: str | None) -> str:
    if by is not None and (by.department == one.department or by.role == "coordinator"):
        return by.actor
    if token is not None and secrets.compare_digest(whistles.digest(token), one.token_digest):
        return by.actor if by else f"department:{one.department}"
    raise Refused("forbidden", permission="arrive")


def by_token(session: Session, token: str) -> tuple[Whistle, str] | None:
    """The whistle, and the department of it, that this token reports in."""
    row = session.execute(
        select(Whistle, Called.department)
        .join(Whistle, Whistle.id == Called.whistle_id)
        .where(Called.token_digest == whistles.digest(token))
    ).one_or_none()
    return None if row is None else (row.Whistle, row.department)


def _tell_of_arrival(
    session: Session, case: Case, whistle: Whistle, one: Called, now: datetime
) -> None:
    facts = {**whistles.facts_of(case, whistle), "department": one.department, "late": one.late}
    concerned = (whistles.address(actor) for actor in (whistle.coordinator, whistle.blown_by))
    for to in whistles.each_once(filter(None, concerned)):
        key = f"arrived:{whistle.id}:{one.department}:{to}"
        notices.post(
            session, "whistle_joined", to=to, case_id=case.id, facts=facts, dedupe=key, now=now
        )


def late(session: Session, clock: Clock, now: datetime) -> None:
    """An arrival clock ran out (called by the watch). It is recorded, coordinator and supervisors are
    told, and the department goes on owning its share."""
    whistle = whistles.open_of(session, clock.case_id)
    if whistle is None or clock.department is None:
        return
    case = whistles.hold(session, whistle)
    one = whistles.called_one(session, whistle, clock.department)
    if one.arrived_at is not None or one.missed_at is not None:
        return
    one.missed_at = now
    history.add(session, case.id, "not_arrived", now, department=one.department)
    facts = {
        **whistles.facts_of(case, whistle),
        "department": one.department,
        "due_at": clock.due_at.isoformat(),
    }
    for to in (whistles.address(whistle.coordinator) or "role:coordinator", "role:supervisor"):
        key = f"not_arrived:{whistle.id}:{one.department}:{to}"
        notices.post(session, "escalated", to=to, case_id=case.id, facts=facts, dedupe=key, now=now)


def _arrival_clock(session: Session, whistle: Whistle, department: str) -> Clock | None:
    running = clocks.running(session, whistle.case_id)
    mine = (one for one in running if (one.kind, one.department) == (clocks.ARRIVE, department))
    return next(mine, None)


def score(
    session: Session,
    whistle: Whistle,
    department: str,
    points: int,
    words: str,
    *,
    by: Person,
    now: datetime,
) -> None:
    """Who blew the whistle says how a department reported in: 1 (worst) to 5, and why. Once.

    Where a rule blew it, or who did is no longer here or was called as well, a coordinator scores.
    Raises Refused: `not_called`, `not_the_blower`, `own_arrival`, `not_arrived`, `scored_already`, `bad_points`,
    `incomplete` without words.
    """
    case = whistles.hold(session, whistle)
    one = whistles.called_one(session, whistle, department)
    _may_score(session, whistle, department, by)
    if points not in POINTS:
        raise Refused("bad_points", least=POINTS[0], most=POINTS[-1])
    if not words.strip():
        raise Refused("incomplete", action="score", missing=["words"])
    if one.arrived_at is None:
        raise Refused("not_arrived", department=department)
    if one.scored_at is not None:
        raise Refused("scored_already", department=department)
    one.points, one.words, one.scored_by, one.scored_at = points, words.strip(), by.actor, now
    line = {"department": department, "points": points, "words": one.words}
    history.add(session, case.id, "score", now, actor=by.actor, **line)


def _may_score(session: Session, whistle: Whistle, department: str, by: Person) -> None:
    if by.department == department:
        raise Refused("own_arrival", department=department)
    if not may_score(session, whistle, department, by):
        raise Refused("not_the_blower")


def may_score(session: Session, whistle: Whistle, department: str, by: Person) -> bool:
    """Whether it is this person who scores how that department reported in."""
    if by.department == department:
        return False
    blowers_own = department == whistle.blown_department and whistles.coordinates(whistle, by)
    return blowers_own or whistles.is_blower(session, whistle, by)


def scores(session: Session, since: datetime, until: datetime) -> list[Seen]:
    """How each department reported in to the whistles that called it in the period."""
    arrived = Called.arrived_at.is_not(None)
    gone = Called.missed_at.is_not(None) | Whistle.ended_at.is_not(None)
    counts = (
        select(
            Called.department,
            func.count().label("called"),
            func.count().filter(~arrived, ~gone).label("waiting"),
            func.count().filter(arrived).label("arrived"),
            func.count().filter(arrived, Called.late.is_(False)).label("in_time"),
            func.sum(Called.points).label("points"),
            func.count(Called.points).label("n"),
        )
        .join(Whistle, Whistle.id == Called.whistle_id)
        .where(since <= Called.called_at, Called.called_at < until)
        .group_by(Called.department)
        .order_by(Called.department)
    )
    return [
        Seen(
            row.department,
            row.called,
            row.waiting,
            row.arrived,
            row.in_time,
            row.points / row.n if row.n else None,
            row.n,
        )
        for row in session.execute(counts)
    ]
