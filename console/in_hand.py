"""What one person at the desk has in hand, and how the next case gets there."""

from dataclasses import dataclass

from flask import flash, g, redirect, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from cases import clocks, leases
from cases.case import Case
from cases.clocks import Clock
from cases.errors import Refused
from cases.permissions import Person
from console.office import Office
from runtime import clock
from runtime.database import transaction


@dataclass(frozen=True)
class InHand:
    """One case in somebody's hands, and the clock that presses most."""

    case: Case
    clock: Clock | None


def of(records: Session, person: Person) -> list[InHand]:
    """What the person has in hand, the first taken first."""
    cases = leases.in_hand(records, person)
    running = clocks.of_cases(records, [case.id for case in cases])
    held = [InHand(case, clocks.most_pressing(running[case.id])) for case in cases]
    records.flush()
    records.expunge_all()
    return held


def go_on(office: Office, after: str = "") -> ResponseReturnValue:
    """Take the next case and go there, or back to the desk with the reason why not.

    after: the message for what was done just before. Its `.last` says that nothing else waits.
    """
    person = office.person(g.here)
    urgent = [one.code for one in office.categories.values() if one.urgent]
    try:
        with transaction(office.engine) as records:
            case = leases.take_next(records, by=person, now=clock.now(), urgent=urgent)
            number = case.number if case else None
    except Refused as no:
        flash(f"refused.{no.code}")
        return redirect(url_for("console.desk_page"), 303)
    if number is None:
        flash(f"{after}.last" if after else "desk.none")
        return redirect(url_for("console.desk_page"), 303)
    if after:
        flash(f"{after}.next")
    return redirect(url_for("console.case_page", number=number, play=1), 303)
