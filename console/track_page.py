"""`/track/<number>/<proof>`: a citizen follows a case by the link in a text message, without signing in.

Whoever has the link sees how the case stands, whose it is, by when, and what was answered; never who
called or what was said.
"""

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from cases import case as case_rules
from cases import replies, signins
from cases.case import Case
from cases.errors import Refused
from cases.lifecycle import CLOSED, RESOLVED
from cases.wording import mask_numbers
from console.addresses import address
from console.door import ANYBODY, needs
from console.office import Office
from runtime import clock
from runtime.database import transaction

# Whoever tries proofs is not kept waiting for the hundredth.
LONGEST = 64


@dataclass(frozen=True)
class Tracked:
    """What a citizen sees of a case. due_at: None once it is answered. answers: when, and what."""

    number: str
    status: str
    owner: str
    opened_at: datetime
    due_at: datetime | None
    answers: list[tuple[datetime, str]]


def routes(pages: Blueprint, office: Office) -> None:
    """`/track/<number>/<proof>`."""

    @pages.get("/track/<number>/<proof>")
    @needs(ANYBODY)
    def track(number: str, proof: str) -> ResponseReturnValue:
        """How the case stands. Wrong links are counted, and after some of them answered no more."""
        try:
            with transaction(office.engine) as records:
                case = _case(records, office, number, proof)
                if case is None:
                    _count_wrong(records)
        except Refused as no:
            return render_template("track.html", case=None, minutes=no.details["minutes"]), 429
        return render_template("track.html", case=case, minutes=None), 200 if case else 404


def _case(records: Session, office: Office, number: str, proof: str) -> Tracked | None:
    if not case_rules.is_number(number) or len(proof) > LONGEST:
        return None
    if not office.tracking.opens(number, proof):
        return None
    case = case_rules.by_number(records, number)
    return _tracked(records, case) if case else None


def _tracked(records: Session, case: Case) -> Tracked:
    answered = case.status in (RESOLVED, CLOSED)
    return Tracked(
        number=str(case.number),
        status=case.status,
        owner=case.owner,
        opened_at=case.opened_at,
        due_at=None if answered else case.due_at,
        answers=[(one.at, mask_numbers(one.text)) for one in replies.of_case(records, case.id)],
    )


def _count_wrong(records: Session) -> None:
    key = signins.of_address(f"track:{address(request.remote_addr)}")
    signins.count_try(records, (key,), clock.now())
