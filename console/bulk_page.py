"""`/cases/bulk`: the same done with several ticked cases, each by itself: what cannot be done with one of them
does not keep it from the others."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Blueprint, abort, g, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound

from cases.case import Case
from cases.errors import Refused
from cases.permissions import CLOSE, CONFIRM
from console import case_sheet, deeds, forms, list_address
from console.deeds import How
from console.door import needs
from console.forms import Given
from console.office import Office
from console.words import Words
from runtime import clock
from runtime.database import transaction

REFER = "refer"
# What can be done with several at once, in the order in which it is offered.
ACTIONS = (CONFIRM, REFER, CLOSE)
# Of a page of the list, and no more.
MOST = 100


@dataclass(frozen=True)
class Outcome:
    """What became of one ticked case. `no`: why it was not done, in words."""

    number: str
    no: str = ""


def routes(pages: Blueprint, office: Office) -> None:
    """`POST /cases/bulk`."""

    @pages.post("/cases/bulk")
    @needs(CONFIRM, REFER, CLOSE)
    def bulk() -> ResponseReturnValue:
        action = request.form.get("action", "")
        if action not in ACTIONS:
            abort(400)
        ticked = list(_ticked(request.form.getlist("case")))[:MOST]
        outcomes = [_one(office, action, number, version) for number, version in ticked]
        back = list_address.asked_for(office, request.form.get("query", ""))
        return render_template(
            "bulk.html",
            action=action,
            done=[one for one in outcomes if not one.no],
            not_done=[one for one in outcomes if one.no],
            back=urlencode(back),
        )


def _ticked(values: list[str]) -> Iterator[tuple[str, int]]:
    """The cases as they were ticked, each with the state of it that was on the screen."""
    for value in dict.fromkeys(values):
        number, _, version = value.partition(".")
        if version.isascii() and version.isdigit():
            yield number, int(version)


def _one(office: Office, action: str, number: str, version: int) -> Outcome:
    words = Words(g.wording, office)
    how = How(office.person(g.here), clock.now(), office.terms, version)
    try:
        with transaction(office.engine) as records:
            case = case_sheet.find(records, number, how.by)
            deeds.do(records, office, case, action, GIVEN[action](records, office, case), how)
    except NotFound:
        return Outcome(number, g.wording("bulk.unknown"))
    except Refused as no:
        missing = no.code == "incomplete"
        return Outcome(number, words.missing(action) if missing else words.refused(no))
    return Outcome(number)


def _category(records: Session, office: Office, case: Case) -> Given:
    """The one that was chosen for all; without it, each case's own guess."""
    chosen = request.form.get("category", "")
    return {"category": chosen if chosen in office.categories else case.category or ""}


def _lead(records: Session, office: Office, case: Case) -> Given:
    """The one that was chosen for all; without it, whom the routing rules name for each."""
    chosen = request.form.get("lead", "")
    lead = chosen if chosen in office.departments else ""
    return {"lead": lead, "supporting": [], "reason": _note()}


def _words(records: Session, office: Office, case: Case) -> Given:
    return {"note": _note()}


def _note() -> str:
    return forms.plain(request.form.get("note", ""))[: forms.LONGEST]


GIVEN: dict[str, Callable[[Session, Office, Case], Given]] = {
    CONFIRM: _category,
    REFER: _lead,
    CLOSE: _words,
}
