"""`/report-in/<token>`: a department reports in with one tap on the link that its notice holds.

Nobody signs in here, the token is the proof. Opening the page changes nothing: programs that look at
links in mail open them too.
"""

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from cases import accesses, arrivals, clocks, signins, whistles
from cases.case import Case
from cases.errors import Refused
from cases.permissions import OFFICER, Person
from cases.wording import mask_numbers
from console.addresses import address
from console.door import ANYBODY, needs
from console.office import Office
from runtime import clock
from runtime.database import transaction

# A token is 32 characters; longer ones are not even looked up.
LONGEST = 64


@dataclass(frozen=True)
class Call:
    """What a department is called to. `matter`: without anything like a telephone number."""

    number: str | None
    matter: str
    department: str
    danger: bool
    due_at: datetime | None
    arrived_at: datetime | None
    ended: bool


def routes(pages: Blueprint, office: Office) -> None:
    """`/report-in/<token>`."""

    @pages.get("/report-in/<token>")
    @needs(ANYBODY)
    def report_in(token: str) -> ResponseReturnValue:
        return _answer(office, token)

    @pages.post("/report-in/<token>")
    @needs(ANYBODY)
    def reported_in(token: str) -> ResponseReturnValue:
        return _answer(office, token, arrive=True)


def _answer(office: Office, token: str, *, arrive: bool = False) -> ResponseReturnValue:
    """The page for this token. Wrong ones are counted, and after some of them answered no more; a
    right one always works, for somebody may be in danger."""
    try:
        with transaction(office.engine) as records:
            call = _call(records, token, arrive)
            if call is None:
                _count_wrong(records)
    except Refused as no:
        minutes = no.details["minutes"]
        return render_template("report_in.html", call=None, minutes=minutes), 429
    if call is None:
        return render_template("report_in.html", call=None, minutes=None), 404
    return render_template("report_in.html", call=call, token=token, now=clock.now(), just=arrive)


def _call(records: Session, token: str, arrive: bool) -> Call | None:
    found = arrivals.by_token(records, token) if len(token) <= LONGEST else None
    if found is None:
        return None
    whistle, department = found
    if arrive and whistle.ended_at is None:
        arrivals.arrive(records, whistle, department, token=token, now=clock.now())
    reader = Person(f"department:{department}", OFFICER, department)
    seen = {"page": "report_in", "by_link": True}
    accesses.note(records, accesses.VIEWED, [whistle.case_id], reader, clock.now(), **seen)
    running = clocks.running(records, whistle.case_id)
    mine = [c for c in running if (c.kind, c.department) == (clocks.ARRIVE, department)]
    return Call(
        number=records.get_one(Case, whistle.case_id).number,
        matter=mask_numbers(whistle.matter),
        department=department,
        danger=whistle.danger,
        due_at=mine[0].due_at if mine else None,
        arrived_at=whistles.called_one(records, whistle, department).arrived_at,
        ended=whistle.ended_at is not None,
    )


def _count_wrong(records: Session) -> None:
    key = signins.of_address(f"report-in:{address(request.remote_addr)}")
    signins.count_try(records, (key,), clock.now())
