"""What became of cases, as the rates count it; `recount` takes the same counts from an exported file."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    and_,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.orm import Session

from cases import asked, calls, followups, kpis
from cases.agents import Agent
from cases.asked import Referral
from cases.case import DESK, Case
from cases.duty import Seat
from cases.exclusions import Exclusion
from cases.followups import Followup
from cases.history import Entry
from cases.kpis import ALL, Handled, Measure, Policy, Report, Said
from cases.lifecycle import CLOSED

# From when up to (not with) when.
Period = tuple[datetime, datetime]
# A group for what belongs to none: no place was heard, no leader took it.
NONE = "none"
# How a follow-up ends that counts as having been asked.
ASKED = (followups.ANSWERED, followups.NOT_REACHED)


@dataclass(frozen=True)
class Excluded:
    """A case that does not count, why, and who says so. `department` had it when that was asked."""

    number: str
    department: str
    reason: str
    asked_by: str
    approved_by: str
    approved_at: datetime


# What is known of cases besides, joined as a whole: to look it up for each answer of a year takes longer,
# and PostgreSQL, which thinks it takes longer still, spends most of the time on compiling the query.
_PLACE = func.row_number().over(partition_by=Referral.case_id, order_by=Referral.id)
_LEADING = (
    select(Referral.case_id, Referral.district, _PLACE.label("place"))
    .where(Referral.role == asked.LEAD)
    .subquery("leading")
)
# Where the matter lies, as the first department was told.
_PLACES = (
    select(_LEADING.c.case_id, _LEADING.c.district).where(_LEADING.c.place == 1).subquery("places")
)
# Of a case one exclusion stands at most: the database sees to that.
_EXCLUDED = select(Exclusion.case_id).where(Exclusion.approved.is_(True)).subquery("excluded")
_REOPENED = select(Entry.case_id).where(Entry.action == "reopen").distinct().subquery("reopened")


def _leader() -> ColumnElement[Any]:
    return (
        select(Agent.name)
        .join(Seat, Seat.leader_id == Agent.id)
        .where(Seat.id == Case.seat_id)
        .scalar_subquery()
    )


def _group(by: str) -> ColumnElement[Any]:
    groups: dict[str, Any] = {
        "department": Followup.department,
        # A guess that nobody confirmed is no fact to judge by.
        "category": case((Case.category_confirmed, Case.category)),
        "district": _PLACES.c.district,
        "seat": _leader(),
        "city": literal(ALL, String),
    }
    found: ColumnElement[Any] = groups[by]
    return found


def _about(by: str, cases: Select[Any], district: str) -> Select[Any]:
    """The same cases, or those of one district, with what the columns of `_group` and _EXCLUDED need
    beside them."""
    known = cases.outerjoin(_EXCLUDED, _EXCLUDED.c.case_id == Case.id)
    if district:
        return known.join(_PLACES, _PLACES.c.case_id == Case.id).where(
            _PLACES.c.district == district
        )
    return known.outerjoin(_PLACES, _PLACES.c.case_id == Case.id) if by == "district" else known


def report(
    session: Session, policy: Policy, by: str, since: datetime, until: datetime, district: str = ""
) -> Report:
    """The rates of a period by a policy, grouped as `kpis.BY` names it, of the whole city or of one
    district."""
    return trend(session, policy, by, [(since, until)], district)[0]


def trend(
    session: Session, policy: Policy, by: str, periods: Sequence[Period], district: str = ""
) -> list[Report]:
    """The same for several periods that follow one another."""
    answers = _said(session, by, periods, district)
    over: Sequence[Counter[Handled] | None] = [None] * len(periods)
    if "first_call" in policy.weights:
        over = _handled(session, by, periods, district)
    return [kpis.report(policy, *both) for both in zip(answers, over, strict=True)]


def said(session: Session, by: str, since: datetime, until: datetime) -> Counter[Said]:
    """How often each was said in follow-ups that ended in the period, grouped as `kpis.BY` names it."""
    return _said(session, by, [(since, until)])[0]


def _said(
    session: Session, by: str, periods: Sequence[Period], district: str = ""
) -> list[Counter[Said]]:
    columns = (
        _which(Followup.ended_at, periods),
        _group(by),
        Followup.state == followups.ANSWERED,
        Followup.contacted,
        Followup.solved,
        Followup.satisfied,
        _EXCLUDED.c.case_id.is_not(None),
    )
    of_cases = select(*_named(columns)).select_from(Followup).join(Case)
    whole = periods[0][0], periods[-1][1]
    ended = _about(by, of_cases, district).where(_ended(*whole), _counts())
    counts: list[Counter[Said]] = [Counter() for _ in periods]
    for period, group, valid, *told, out, count in _grouped(session, ended):
        contacted, solved, satisfied = told if valid else (None, None, None)
        said = Said(group or NONE, bool(valid), contacted, solved, satisfied, bool(out))
        counts[period][said] += count
    return counts


def _which(moment: Any, periods: Sequence[Period]) -> ColumnElement[Any]:
    """In which of several periods it was, by place."""
    ends = [(moment < until, literal(place)) for place, (_, until) in enumerate(periods)]
    return case(*ends)


def _ended(since: datetime, until: datetime) -> ColumnElement[bool]:
    within = (Followup.ended_at >= since, Followup.ended_at < until)
    return and_(Followup.state.in_(ASKED), *within)


def _counts() -> ColumnElement[bool]:
    """Not the case of a call from a browser: those are for trying the hotline."""
    return Case.call_id.not_in(calls.from_browsers())


def handled(session: Session, by: str, since: datetime, until: datetime) -> Counter[Handled]:
    """Cases opened in the period that are closed, and whether the desk answered them itself, for good.
    A case that was merged into another is that other one.

    That is the desk's own figure: by department, all of them are the desk's.
    """
    return _handled(session, by, [(since, until)])[0]


def _handled(
    session: Session, by: str, periods: Sequence[Period], district: str = ""
) -> list[Counter[Handled]]:
    for_good = and_(Case.owner == DESK, _REOPENED.c.case_id.is_(None))
    group = literal(DESK, String) if by == "department" else _group(by)
    columns = (_which(Case.opened_at, periods), group, for_good, _EXCLUDED.c.case_id.is_not(None))
    closed = and_(
        Case.opened_at >= periods[0][0],
        Case.opened_at < periods[-1][1],
        Case.status == CLOSED,
        Case.merged_into.is_(None),
    )
    of_cases = _about(by, select(*_named(columns)).select_from(Case), district)
    of_cases = of_cases.outerjoin(_REOPENED, _REOPENED.c.case_id == Case.id)
    counts: list[Counter[Handled]] = [Counter() for _ in periods]
    for period, name, first_call, out, count in _grouped(
        session, of_cases.where(closed, _counts())
    ):
        counts[period][Handled(name or NONE, bool(first_call), bool(out))] += count
    return counts


def _named(columns: tuple[Any, ...]) -> list[Any]:
    return [column.label(f"c{place}") for place, column in enumerate(columns)]


def _grouped(session: Session, statement: Select[Any]) -> Iterator[tuple[Any, ...]]:
    """Every different row, and how often it is there."""
    rows = statement.subquery()
    counted = select(*rows.c, func.count()).group_by(*rows.c)
    return (tuple(row) for row in session.execute(counted))


def excluded(
    session: Session, since: datetime, until: datetime, district: str = ""
) -> list[Excluded]:
    """What was excluded in the period, or would have counted in it; the first first. district: only what
    lies there."""
    answered = exists().where(Followup.case_id == Exclusion.case_id, _ended(since, until))
    decided = and_(Exclusion.decided_at >= since, Exclusion.decided_at < until)
    found = session.execute(
        select(
            Case.number,
            Exclusion.department,
            Exclusion.reason,
            Exclusion.asked_by,
            Exclusion.decided_by,
            Exclusion.decided_at,
        )
        .join(Case, Case.id == Exclusion.case_id)
        .where(Exclusion.approved.is_(True), or_(decided, answered), _counts())
        .where(_lies_in(district))
        .order_by(Exclusion.decided_at, Case.number)
    )
    return [Excluded(*tuple[Any, ...](row)) for row in found]


def _lies_in(district: str) -> ColumnElement[bool]:
    there = select(_PLACES.c.case_id).where(_PLACES.c.district == district)
    return Case.id.in_(there) if district else true()


@dataclass(frozen=True)
class Cost:
    """An answer that counts for less than all, and what it takes from the score: points of 100.

    contacted, solved, satisfied: what was said; all None where nobody was reached, which counts in a
    policy whose rates are of all who were asked.
    """

    number: str
    ended_at: datetime
    resolution: int
    contacted: bool | None
    solved: bool | None
    satisfied: str | None
    points: Fraction


def costs(
    session: Session,
    policy: Policy,
    department: str,
    period: Period,
    district: str = "",
) -> list[Cost]:
    """What pulled a department's figures down: the answers that count for less than all in a rate of the
    policy, the costliest first, then the latest.

    The points of all of them and the score are 100 together. In a policy without a score the rates weigh
    the same.
    """
    of_cases = (
        select(
            *(Case.number, Followup.ended_at, Followup.resolution, Followup.state),
            *(Followup.contacted, Followup.solved, Followup.satisfied),
        )
        .select_from(Followup)
        .join(Case)
        .where(Followup.department == department, _ended(*period), _counts(), _lies_in(district))
    )
    if policy.excluded == "left_out":
        of_cases = of_cases.where(Case.id.not_in(select(_EXCLUDED.c.case_id)))
    if policy.denominator == "valid":
        of_cases = of_cases.where(Followup.state == followups.ANSWERED)
    rows = session.execute(of_cases).all()
    found = [_cost(policy, row, len(rows)) for row in rows]
    dear = [one for one in found if one.points]
    return sorted(dear, key=lambda one: (-one.points, -one.ended_at.timestamp(), one.number))


def _cost(policy: Policy, row: Any, n: int) -> Cost:
    valid = row.state == followups.ANSWERED
    answer: kpis.Answer = (None, None, None)
    if valid:
        answer = row.contacted, row.solved, row.satisfied
    measures = [name for name in policy.weights if name in kpis.OF_ANSWERS]
    weights = policy.weights if policy.scores else _evenly(measures)
    lost = (weights[name] * (1 - kpis.worth(policy, name, answer)) for name in measures)
    points = 100 * sum(lost, Fraction()) / n
    return Cost(row.number, row.ended_at, row.resolution, *answer, points)


def _evenly(measures: Sequence[Measure]) -> Mapping[Measure, Fraction]:
    return dict.fromkeys(measures, Fraction(1, len(measures) or 1))
