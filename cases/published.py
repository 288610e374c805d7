"""Cases as other programs read them with an API key: without who called, and with no long number in any
text. Fields are added over time, never renamed."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cases import asked, case, clocks, replies
from cases.asked import Referral
from cases.case import Case
from cases.clocks import Clock
from cases.export import moment
from cases.history import Entry
from cases.transcripts import told
from cases.wording import mask_numbers


@dataclass(frozen=True)
class Wanted:
    """Which cases: of this status, category, owner; changed since then; after the one of this id."""

    changed_since: datetime | None = None
    status: str | None = None
    category: str | None = None
    department: str | None = None
    after: int = 0


@dataclass(frozen=True)
class Found:
    """Some cases, ready for JSON, and their ids; `more`: whether others follow."""

    rows: Sequence[dict[str, Any]]
    ids: Sequence[int]
    more: bool


def page(session: Session, wanted: Wanted, limit: int) -> Found:
    """The next cases, in the order in which they were opened."""
    conditions = [
        Case.id > wanted.after,
        *(Case.status == one for one in (wanted.status,) if one),
        *(Case.category == one for one in (wanted.category,) if one),
        *(Case.owner == one for one in (wanted.department,) if one),
    ]
    if wanted.changed_since is not None:
        changed = select(Entry.case_id).where(Entry.at >= wanted.changed_since)
        conditions.append(Case.id.in_(changed))
    found = session.scalars(
        select(Case).where(*conditions).order_by(Case.id).limit(limit + 1)
    ).all()
    cases = found[:limit]
    return Found(_rows(session, cases), [one.id for one in cases], len(found) > limit)


def one(session: Session, number: str) -> Found:
    """The case of this number with what was done about it; nothing if there is none."""
    found = case.by_number(session, number) if case.is_number(number) else None
    if found is None:
        return Found([], [], False)
    (row,) = _rows(session, [found])
    return Found([{**row, **_life(session, found)}], [found.id], False)


def _rows(session: Session, cases: Sequence[Case]) -> list[dict[str, Any]]:
    spoken = told(session, [one.call_id for one in cases])
    changed = _changed(session, [one.id for one in cases])
    running = _running(session, [one.id for one in cases])
    return [
        {
            "number": one.number,
            "status": one.status,
            "opened_at": moment(one.opened_at),
            "changed_at": moment(changed.get(one.id, one.opened_at)),
            "due_at": moment(one.due_at),
            "language": one.language,
            "text": spoken[one.call_id].masked_text if one.call_id in spoken else None,
            "category": one.category,
            "category_confirmed": one.category_confirmed,
            "department": one.department,
            "owner": one.owner,
            "flags": one.flags,
            "clocks": running[one.id],
        }
        for one in cases
    ]


def _changed(session: Session, ids: Sequence[int]) -> dict[int, datetime]:
    """When something last happened to each."""
    last = select(Entry.case_id, func.max(Entry.id)).where(Entry.case_id.in_(ids))
    entries = [entry for _, entry in session.execute(last.group_by(Entry.case_id))]
    at = select(Entry.case_id, Entry.at).where(Entry.id.in_(entries))
    return {row.case_id: row.at for row in session.execute(at)}


def _running(session: Session, ids: Sequence[int]) -> defaultdict[int, list[dict[str, Any]]]:
    of: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    running = select(Clock).where(Clock.case_id.in_(ids), Clock.stopped_at.is_(None))
    for clock in session.scalars(running.order_by(Clock.due_at, Clock.id)):
        of[clock.case_id].append(_clock(clock))
    return of


def _clock(clock: Clock) -> dict[str, Any]:
    return {
        "kind": clock.kind,
        "department": clock.department,
        "due_at": moment(clock.due_at),
        "stopped_at": moment(clock.stopped_at),
        "outcome": clock.outcome,
    }


def _life(session: Session, found: Case) -> dict[str, Any]:
    return {
        "clocks": [_clock(one) for one in clocks.of_case(session, found.id)],
        "referrals": [_referral(one) for one in asked.of_case(session, found.id)],
        "answers": [
            {"at": moment(one.at), "outcome": one.outcome, "text": mask_numbers(one.text)}
            for one in replies.of_case(session, found.id)
        ],
    }


def _referral(one: Referral) -> dict[str, Any]:
    return {
        "department": one.department,
        "role": one.role,
        "asked_at": moment(one.asked_at),
        "answer": one.answer,
        "answered_at": moment(one.answered_at),
    }
