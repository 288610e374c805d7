"""The turf-dispute register: which two departments send the same matters to each other, and since when.

A return names who should have the case instead. Where the same two disagree again and again about one
category in one place, the rule is unclear, and a ruling 裁決 mends it; what was returned before the
ruling no longer counts.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, case, distinct, exists, func, or_, select
from sqlalchemy.orm import Session

from cases.asked import RETURNED, Referral
from cases.routing import Ruling

# Returned once is an answer; returned again, a dispute.
RECURRING = 2


@dataclass(frozen=True)
class Dispute:
    """Two departments (in the order of their codes) and a kind of matter each says is not its own.

    place: the district's name, else the place's, else None. count: returns; cases: in how many cases.
    """

    category: str | None
    place: str | None
    departments: tuple[str, str]
    count: int
    cases: int
    first: datetime
    last: datetime
    age: timedelta


def register(session: Session, now: datetime, least: int = RECURRING) -> list[Dispute]:
    """Disputes with at least so many returns since they were last ruled upon, the most first."""
    place = func.coalesce(Referral.district, Referral.place)
    one = case((Referral.department < Referral.named, Referral.department), else_=Referral.named)
    other = case((Referral.department < Referral.named, Referral.named), else_=Referral.department)
    key = (Referral.category, place, one, other)
    count, first = func.count(), func.min(Referral.answered_at)
    found = session.execute(
        select(
            Referral.category,
            place.label("place"),
            one.label("one"),
            other.label("other"),
            count.label("returns"),
            func.count(distinct(Referral.case_id)).label("cases"),
            first.label("first"),
            func.max(Referral.answered_at).label("last"),
        )
        .where(Referral.answer == RETURNED, ~_ruled_upon())
        .group_by(*key)
        .having(count >= least)
        .order_by(count.desc(), first)
    )
    return [
        Dispute(
            category=row.category,
            place=row.place,
            departments=(row.one, row.other),
            count=row.returns,
            cases=row.cases,
            first=row.first,
            last=row.last,
            age=now - row.first,
        )
        for row in found
    ]


def _ruled_upon() -> ColumnElement[bool]:
    return exists().where(
        Ruling.category == Referral.category,
        or_(Ruling.place.is_(None), Ruling.place.in_([Referral.place, Referral.district])),
        Ruling.made_at >= Referral.answered_at,
    )
