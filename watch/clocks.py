"""Clocks that pass a mark: somebody is warned, a rule goes on, or it climbs. Several watches may run.

A mark belongs to whoever sets it, by a conditional update; what follows from it happens in the same
transaction, so it happens once. Marks that only tell somebody are set many together; one from which a
rule goes on has a transaction of its own, and a rule that fails keeps no other clock waiting.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cases import arrivals, clocks, delays, notices, referrals, task_forces, tasks
from cases.case import DESK, Case
from cases.clocks import Clock, Terms
from cases.referral_policy import ReferralPolicy
from runtime.database import Trouble, transaction

log = logging.getLogger(__name__)

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
    alone = sweep.on_overdue if mark == clocks.OVERDUE else {}
    return _mark_one_by_one(sweep, alone, now) + _mark_together(sweep, mark, alone, now)


def _mark_together(sweep: Sweep, mark: str, alone: Mapping[str, Rule], now: datetime) -> int:
    kinds = [kind for kind in clocks.KINDS if kind not in alone]
    marked = 0
    while True:
        with transaction(sweep.engine) as session:
            batch = clocks.mark_together(session, mark, now, BATCH, kinds)
            cases = _cases_of(session, batch)
            for clock in batch:
                _tell(session, cases[clock.case_id], clock, mark, now)
        marked += len(batch)
        if len(batch) < BATCH:
            return marked


def _cases_of(session: Session, batch: Iterable[Clock]) -> dict[int, Case]:
    wanted = select(Case).where(Case.id.in_({clock.case_id for clock in batch}))
    return {case.id: case for case in session.scalars(wanted)}


def _mark_one_by_one(sweep: Sweep, rules: Mapping[str, Rule], now: datetime) -> int:
    marked = 0
    while rules:
        with transaction(sweep.engine) as session:
            batch = clocks.due(session, clocks.OVERDUE, now, BATCH, tuple(rules))
        done = sum(_go_on(sweep, clock_id, now) for clock_id in batch)
        marked += done
        if len(batch) < BATCH or not done:
            break
    return marked


def _go_on(sweep: Sweep, clock_id: int, now: datetime) -> bool:
    try:
        with transaction(sweep.engine) as session:
            return _run_out(sweep, session, clock_id, now)
    except Exception as error:
        if isinstance(error, Trouble) and not isinstance(error, IntegrityError):
            raise
        log.exception("what follows when clock %s runs out failed; it is tried again", clock_id)
        return False


def _run_out(sweep: Sweep, session: Session, clock_id: int, now: datetime) -> bool:
    clock = session.get_one(Clock, clock_id)
    # The case's row is held first, as everybody does who changes a case: nobody waits in a circle.
    case = session.get_one(Case, clock.case_id, with_for_update={"key_share": True})
    if not clocks.mark(session, clock_id, clocks.OVERDUE, now):
        return False
    session.refresh(clock)
    _tell(session, case, clock, clocks.OVERDUE, now)
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
