"""Whether anything on record speaks of a category or of a department: then its code may not go."""

from __future__ import annotations

from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from cases.agents import Agent
from cases.asked import Referral
from cases.case import Case
from cases.clocks import Clock
from cases.followups import Followup
from cases.routing import Ruling
from cases.tasks import Task
from cases.whistles import Called


def uses_category(session: Session, code: str) -> bool:
    """Whether a case is of this category, or a ruling or a referral for it."""
    return _any(session, Case.category == code, Ruling.category == code, Referral.category == code)


def uses_department(session: Session, code: str) -> bool:
    """Whether a case is or was this department's, or somebody works for it."""
    return _any(
        session,
        *(Case.owner == code, Case.department == code, Referral.department == code),
        *(Agent.department == code, Ruling.department == code, Task.owner == code),
        *(Called.department == code, Clock.department == code, Followup.department == code),
    )


def _any(session: Session, *uses: Any) -> bool:
    return any(session.scalar(select(exists().where(use))) for use in uses)
