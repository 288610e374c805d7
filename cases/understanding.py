"""A case is understood the moment it has a text: where it is, what is dangerous about it, which cases it
belongs with; and what that means: somebody is rung, a fix turns out a sham, an alert is raised.

All of it in one transaction, apart from the text's own: whatever goes wrong here, what was said is kept, and
the watch tries again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cases import alerts, clusters, history, readings
from cases import case as case_rules
from cases.case import Case
from cases.clocks import Terms
from cases.clusters import Cluster, Sighting
from cases.history import Entry
from cases.lifecycle import CLOSED
from cases.permissions import SYSTEM
from cases.readings import Reader

# How the history names that a case was done with.
_DONE = ("close", "solved", "not_reached")


@dataclass(frozen=True)
class Mind:
    """What it takes to understand a case of one city."""

    reader: Reader
    terms: Terms


def understand(session: Session, case_id: int, mind: Mind, now: datetime) -> bool:
    """Understand a case as its text now stands; whether there was anything new to it."""
    case = session.get_one(Case, case_id, with_for_update={"key_share": True})
    reading = readings.read(session, case, mind.reader, now)
    if reading is None:
        return False
    held = alerts.policy()
    joined = clusters.join(
        session, case, reading, joined_days=held.joined_days, near_metres=held.near_metres
    )
    for cluster in joined:
        _note(session, case, cluster, now)
        _sham(session, case, cluster, mind.terms, now)
        alerts.look(session, cluster, now)
    return True


def _note(session: Session, case: Case, cluster: Cluster, now: datetime) -> None:
    """That a case was joined with others stands in its history; a first one joins nobody."""
    if cluster.cases < 2:
        return
    others = _numbers(session, cluster, besides=case.id)
    history.add(
        session,
        case.id,
        "joined_others",
        now,
        place=cluster.place,
        hazard=cluster.family,
        cases=", ".join(others[-5:]),
        count=cluster.cases,
    )


def _numbers(session: Session, cluster: Cluster, besides: int) -> list[str]:
    wanted = (
        select(Case.number)
        .join(Sighting, Sighting.case_id == Case.id)
        .where(Sighting.cluster_id == cluster.id, Case.id != besides)
        .order_by(Case.id)
    )
    return [number or "" for number in session.scalars(wanted)]


def _sham(session: Session, case: Case, cluster: Cluster, terms: Terms, now: datetime) -> None:
    """The same again, shortly after it was called done: the case that was closed is opened again."""
    for other in _closed_lately(session, case, cluster):
        case_rules.mark(other, "sham_fix")
        note = f"{case.number}"
        case_rules.reopen(
            session, other, note, version=other.version, by=SYSTEM, terms=terms, now=now
        )
        case_rules.mark(other, "reopened")
        session.flush()


def _closed_lately(session: Session, case: Case, cluster: Cluster) -> Iterable[Case]:
    """The last case of the cluster that was closed before this one came, not too long ago."""
    since = case.opened_at - timedelta(days=alerts.policy().sham_days)
    done_at = (
        select(Entry.case_id, func.max(Entry.at).label("at"))
        .where(Entry.action.in_(_DONE))
        .group_by(Entry.case_id)
        .subquery()
    )
    closed = (
        select(Case)
        .join(Sighting, Sighting.case_id == Case.id)
        .join(done_at, done_at.c.case_id == Case.id)
        .where(Sighting.cluster_id == cluster.id, Case.id != case.id, Case.status == CLOSED)
        .where(done_at.c.at >= since, done_at.c.at <= case.opened_at)
        .order_by(done_at.c.at.desc())
        .limit(1)
        .with_for_update(of=Case)
    )
    return session.scalars(closed).all()
