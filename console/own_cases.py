"""Which cases an officer sees: those the department was asked for, has, is called to or has a task of; and a
district office those on which it blew the whistle."""

from typing import Any

from sqlalchemy import select, union
from sqlalchemy.orm import Session

from cases.asked import Referral
from cases.case import Case
from cases.permissions import OFFICER, Person
from cases.tasks import Task
from cases.whistles import Called, Whistle


def of(department: str | None) -> Any:
    """The condition by which a department's cases are found."""
    ways = union(
        select(Case.id).where(Case.owner == department),
        select(Referral.case_id).where(Referral.department == department),
        select(Task.case_id).where(Task.owner == department),
        select(Whistle.case_id)
        .join(Called, Called.whistle_id == Whistle.id)
        .where(Called.department == department),
        select(Whistle.case_id).where(Whistle.blown_department == department),
    )
    return Case.id.in_(ways.subquery().select())


def sees(records: Session, reader: Person, case: Case) -> bool:
    """Whether the reader may know that there is this case."""
    if reader.role != OFFICER:
        return True
    if reader.department is None:
        return False
    mine = select(Case.id).where(Case.id == case.id, of(reader.department))
    return records.execute(mine).first() is not None
