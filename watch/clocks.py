"""Clocks that pass a mark: somebody is warned, a rule goes on, or it climbs. Several watches may run.

A mark belongs to whoever sets it, by a conditional update; what follows from it happens in the same
transaction, so it happens once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from cases import arrivals, clocks, delays, notices, referrals, task_forces, tasks
from cases.case import DESK, Case
from cases.clocks import Clock, Terms
from cases.referral_policy import ReferralPolicy
from runtime.database import transaction

BATCH = 500
DESK_ROLE = "role:supervisor"
ABOVE = ("role:coordinator", "role:supervisor")
NOTICE = {clocks.WARNED: "warned", clocks.OVERDUE: "overdue", clocks.THIRD: "escalated"}

Rule = Callable[[Session, Clock, datetime], None]


@dataclass(frozen=True)
class Sweep:
    """What the watch does with clocks. `on_overdue`: the rule for a kind of clock that runs out."""

    engine: Engine
    on_overdue: Mapping[str, Rule]


def of_city(engine: Engine, terms: Terms, policy: ReferralPolicy) -> Sweep:
    """The rules of a city: what happens by itself when a clock runs out."""
    return Sweep(
        engine,
        {
            clocks.ACCEPT: referrals.on_silence(terms, policy),
            clocks.ARRIVE: arrivals.late,
            clocks.TASK: tasks.overdue,
            clocks.REVIEW: task_forces.overdue,
            clocks.SUSPENSION: partial(_suspension_over, terms),
        },
    )


def _suspension_over(terms: Terms, session: Session, clock: Clock, now: datetime) -> None:
    delays.suspension_over(session, clock, now, terms)


def go_round(sweep: Sweep, now: datetime) -> dict[str, int]:
    """Mark every clock that passed a mark until `now`; how many, by mark."""
    return {mark: _mark_all(sweep, mark, now) for mark in clocks.MARKS}


def _mark_all(sweep: Sweep, mark: str, now: datetime) -> int:
    marked = 0
    while True:
        with transaction(sweep.engine) as session:
            batch = clocks.due(session, mark, now, BATCH)
        for clock_id in batch:
            with transaction(sweep.engine) as session:
                marked += _mark(sweep, session, clock_id, mark, now)
        if len(batch) < BATCH:
            return marked


def _mark(sweep: Sweep, session: Session, clock_id: int, mark: str, now: datetime) -> bool:
    clock = session.get_one(Clock, clock_id)
    # The case's row is held first, as everybody does who changes a case: nobody waits in a circle.
    case = session.get_one(Case, clock.case_id, with_for_update={"key_share": True})
    if not clocks.mark(session, clock_id, mark, now):
        return False
    session.refresh(clock)
    _tell(session, case, clock, mark, now)
    if mark == clocks.OVERDUE and clock.kind in sweep.on_overdue:
        sweep.on_overdue[clock.kind](session, clock, now)
    return True


def _tell(session: Session, case: Case, clock: Clock, mark: str, now: datetime) -> None:
    whose = clock.department or case.owner
    facts = {
        "number": case.number,
        "state": clock.kind,
        "department": None if whose == DESK else whose,
        "due_at": clock.due_at.isoformat(),
    }
    for to in _who(whose, clock, mark):
        notices.post(
            session,
            NOTICE[mark],
            to=to,
            case_id=case.id,
            facts=facts,
            dedupe=f"clock:{clock.id}:{mark}:{to}",
            now=now,
        )


def _who(whose: str, clock: Clock, mark: str) -> tuple[str, ...]:
    if mark == clocks.THIRD:
        return ABOVE
    at_the_desk = whose == DESK or clock.kind in (clocks.DISPATCH, clocks.FOLLOWUP)
    return (DESK_ROLE,) if at_the_desk else (f"department:{whose}",)
