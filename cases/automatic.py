"""Automatic referral 自動派單: what the machine is sure enough of goes to its department without a person.

How sure is enough is the city's choice, for all categories or for one (`refer_from` in `categories.yaml`); without
one nothing is referred so. Even then only the plain case is: understood, its call over, at one known place, in
nobody's hands, and with nothing marked on it. A danger, a text that may be wrong, a caller who asks for a
person: all of these are a person's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any

from sqlalchemy import Select, String, cast, func, select
from sqlalchemy import case as when
from sqlalchemy.orm import Session

from cases import asked, history, kpis, readings, referrals
from cases import case as case_rules
from cases.asked import LEAD, Referral
from cases.calls import Call
from cases.case import DESK, Case
from cases.categories import OTHER, Category
from cases.clocks import Terms
from cases.history import Entry
from cases.kpis import Rate
from cases.leases import Lease
from cases.lifecycle import RECEIVED
from cases.permissions import SYSTEM
from cases.readings import Reading
from cases.referral_policy import ReferralPolicy

ACTION = "referred_by_itself"


def thresholds(policy: ReferralPolicy) -> Mapping[str, float]:
    """How sure a guess must be to be referred without a person, of each category where that is allowed."""
    kinds: Mapping[str, Category] = policy.routing.categories
    return {
        code: one.refer_from
        for code, one in kinds.items()
        if one.refer_from is not None and code != OTHER and not one.retired
    }


def due(session: Session, policy: ReferralPolicy, now: datetime) -> list[int]:
    """Cases that may be referred without a person, the oldest first."""
    sure = thresholds(policy)
    if not sure:
        return []
    rows = session.execute(_plain(sure, now).order_by(Case.id))
    return [case_id for case_id, places in rows if _is_known(places)]


def _plain(sure: Mapping[str, float], now: datetime) -> Select[tuple[int, list[Any]]]:
    enough = when(sure, value=Case.category, else_=1.0)
    held = select(Lease.case_id).where(Lease.until > now)
    return (
        select(Case.id, Reading.places)
        .join(Call, Call.id == Case.call_id)
        .join(Reading, Reading.case_id == Case.id)
        .where(Case.status == RECEIVED, Case.owner == DESK, Case.category_confirmed.is_(False))
        .where(Case.category.in_(sure), Case.category_confidence >= enough)
        .where(cast(Case.flags, String) == "[]", Case.id.not_in(held))
        .where(Call.ended_at.is_not(None), Reading.of != "", Reading.read_at >= Case.transcribed_at)
    )


def _is_known(places: Sequence[Mapping[str, Any]]) -> bool:
    """Whether it is known where the case is, and more nearly than a whole district."""
    return any(one["confidence"] >= readings.LIKELY and not one["wide"] for one in places[:1])


def refer(
    session: Session, case_id: int, policy: ReferralPolicy, terms: Terms, now: datetime
) -> bool:
    """Refer the case to whom the rules of the day name, if it still may be; whether it was."""
    case = session.get_one(Case, case_id, with_for_update=True, populate_existing=True)
    sure = thresholds(policy)
    row = session.execute(_plain(sure, now).where(Case.id == case_id)).one_or_none()
    if row is None or not _is_known(row.places):
        return False
    history.add(
        session,
        case.id,
        ACTION,
        now,
        category=case.category,
        confidence=round(case.category_confidence or 0, 3),
        enough=sure[case.category or ""],
        words=", ".join(case.category_reasons),
    )
    case_rules.regrade(session, case, terms, now)
    referrals.refer(session, case, None, [], by=SYSTEM, terms=terms, now=now, policy=policy)
    return True


def kept(session: Session, since: datetime) -> Rate:
    """Of the cases referred without a person since then and answered, the share that was not returned."""
    itself = select(Entry.case_id).where(Entry.action == ACTION, Entry.at >= since)
    first = (
        select(func.min(Referral.id))
        .where(Referral.case_id.in_(itself), Referral.role == LEAD)
        .group_by(Referral.case_id)
    )
    answers = select(Referral.answer).where(Referral.id.in_(first))
    found = [one for one in session.scalars(answers) if one in (asked.ACCEPTED, asked.RETURNED)]
    return kpis.rate(Fraction(found.count(asked.ACCEPTED)), len(found))
