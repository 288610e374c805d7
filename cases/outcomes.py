"""What became of cases, as the rates count it: from the database, or from the exported file alone."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, exists, func, literal, select
from sqlalchemy.orm import Session

from cases import asked, followups
from cases.agents import Agent
from cases.asked import Referral
from cases.case import DESK, Case
from cases.duty import Seat
from cases.exclusions import Exclusion
from cases.followups import Followup
from cases.history import NO_SEAL, sealed
from cases.kpis import ALL, Handled, Said
from cases.lifecycle import CLOSED

# A group for what belongs to none: no place was heard, no leader took it.
NONE = "none"
# How a follow-up ends that counts as having been asked.
ASKED = (followups.ANSWERED, followups.NOT_REACHED)


@dataclass(frozen=True)
class Excluded:
    """A case that does not count, why, and who says so."""

    number: str
    department: str
    reason: str
    asked_by: str
    approved_by: str
    approved_at: datetime


def _district() -> ColumnElement[Any]:
    """Where the matter lies, as the first department was told."""
    first = select(Referral.district).where(
        Referral.case_id == Case.id, Referral.role == asked.LEAD
    )
    return first.order_by(Referral.id).limit(1).correlate(Case).scalar_subquery()


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
        "category": Case.category,
        "district": _district(),
        "seat": _leader(),
        "city": literal(ALL, String),
    }
    found: ColumnElement[Any] = groups[by]
    return found


def _is_excluded() -> ColumnElement[bool]:
    return exists().where(Exclusion.case_id == Case.id, Exclusion.approved.is_(True))


def said(session: Session, by: str, since: datetime, until: datetime) -> Counter[Said]:
    """How often each was said in follow-ups that ended in the period, grouped as `kpis.BY` names it."""
    columns = (
        func.coalesce(_group(by), NONE),
        and_(Followup.state == followups.ANSWERED, Followup.solved.is_not(None)),
        Followup.contacted,
        Followup.solved,
        Followup.satisfied,
        _is_excluded(),
    )
    ended = and_(Followup.ended_at >= since, Followup.ended_at < until, Followup.state.in_(ASKED))
    rows = select(Followup.id).join(Case, Case.id == Followup.case_id).where(ended)
    return Counter({Said(*what): count for what, count in _counted(session, columns, rows)})


def _counted(
    session: Session, columns: Iterable[Any], rows: Select[Any]
) -> Iterator[tuple[list[Any], int]]:
    """What the columns say of the rows, each combination with how often it is there."""
    named = [one.label(f"c{place}") for place, one in enumerate(columns)]
    found = rows.with_only_columns(*named).subquery()
    for row in session.execute(select(*found.c, func.count()).group_by(*found.c)):
        *what, count = list(row)
        yield what, count


def handled(session: Session, by: str, since: datetime, until: datetime) -> Counter[Handled]:
    """Cases opened in the period that are closed: whether the hotline answered them itself."""
    group = Case.owner if by == "department" else _group(by)
    columns = (func.coalesce(group, NONE), Case.owner == DESK, _is_excluded())
    closed = and_(Case.opened_at >= since, Case.opened_at < until, Case.status == CLOSED)
    rows = select(Case.id).where(closed)
    return Counter({Handled(*what): count for what, count in _counted(session, columns, rows)})


def excluded(session: Session, since: datetime, until: datetime) -> list[Excluded]:
    """What was excluded in the period, the first first."""
    found = session.execute(
        select(Case.number, Case.owner, Exclusion)
        .join(Case, Case.id == Exclusion.case_id)
        .where(Exclusion.approved.is_(True))
        .where(Exclusion.decided_at >= since, Exclusion.decided_at < until)
        .order_by(Exclusion.id)
    )
    return [
        Excluded(
            str(number),
            owner,
            one.reason,
            one.asked_by,
            str(one.decided_by),
            one.decided_at or one.asked_at,
        )
        for number, owner, one in found
    ]


# --- the same from the exported file -----------------------------------------------------------------


class Tampered(ValueError):
    """A line of an exported file is not what was exported. One line: which case, and what."""


def said_in(
    rows: Iterable[Mapping[str, Any]], by: str, since: datetime, until: datetime
) -> tuple[Counter[Said], Counter[Handled]]:
    """The counts of `said` and `handled` from exported rows. Raises Tampered."""
    counts: Counter[Said] = Counter()
    over: Counter[Handled] = Counter()
    for row in rows:
        check(row)
        out = any(one["approved"] for one in row["exclusions"])
        for one in row["followups"]:
            ended = one["ended_at"] and datetime.fromisoformat(one["ended_at"])
            if one["state"] in ASKED and ended and since <= ended < until:
                counts[_said(row, one, by, out)] += 1
        opened = datetime.fromisoformat(row["opened_at"])
        if row["status"] == CLOSED and since <= opened < until:
            group = row["owner"] if by == "department" else _group_in(row, {}, by)
            over[Handled(group, row["owner"] == DESK, out)] += 1
    return counts, over


def _said(row: Mapping[str, Any], one: Mapping[str, Any], by: str, out: bool) -> Said:
    valid = one["state"] == followups.ANSWERED and one["solved"] is not None
    group = _group_in(row, one, by)
    return Said(group, valid, one["contacted"], one["solved"], one["satisfied"], out)


def _group_in(row: Mapping[str, Any], one: Mapping[str, Any], by: str) -> str:
    names = {
        "department": one.get("department"),
        "category": row["category"],
        "district": row["district"],
        "seat": row["seat"],
        "city": ALL,
    }
    return names[by] or NONE


def check(row: Mapping[str, Any]) -> None:
    """Whether the row's history is the one that was sealed, and its answers are those in it.

    Raises Tampered.
    """
    seal = NO_SEAL
    for place, line in enumerate(row["history"], start=1):
        plain = {
            "case_id": row["id"],
            "at": datetime.fromisoformat(line["at"]),
            "actor": line["actor"],
            "action": line["action"],
            "detail": line["detail"],
        }
        seal = sealed(seal, plain)
        if seal != line["seal"]:
            raise Tampered(f"case {row['number']}: line {place} of its history was changed")
    if seal != row["seal"]:
        raise Tampered(f"case {row['number']}: lines are missing at the end of its history")
    _check_answers(row)


def _check_answers(row: Mapping[str, Any]) -> None:
    told = {
        line["detail"].get("resolution"): (
            line["action"] == "solved",
            line["detail"].get("contacted"),
            line["detail"].get("satisfied"),
        )
        for line in row["history"]
        if line["action"] in ("solved", "unsolved")
    }
    for one in row["followups"]:
        if one["state"] != followups.ANSWERED or one["solved"] is None:
            continue
        if told.get(one["resolution"]) != (one["solved"], one["contacted"], one["satisfied"]):
            what = f"the answers to follow-up {one['resolution']} are not those in its history"
            raise Tampered(f"case {row['number']}: {what}")
