"""`/cases/<number>`: one case, whole, and what an agent does with it."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from cases import (
    agents,
    history,
    lifecycle,
    permissions,
    recordings,
    transcripts,
)
from cases import (
    case as case_rules,
)
from cases.calls import Call
from cases.case import Case
from cases.errors import Refused
from cases.history import Entry
from cases.permissions import CLOSE, CONFIRM, REOPEN, REVEAL_NUMBER, SEE_CASES
from cases.recordings import Recording
from cases.transcripts import Transcript
from console.door import needs
from console.office import Office
from runtime import clock
from runtime.database import transaction

log = logging.getLogger(__name__)

LONGEST_NOTE = 4000
# What this page can do of all that the lifecycle's table allows.
ON_THIS_PAGE = ("confirm", "close", "reopen")


@dataclass(frozen=True)
class Sheet:
    """All that is known of a case. The rows outlive the transaction they were read in."""

    case: Case
    call: Call
    sounds: list[tuple[Recording, Transcript | None]]
    events: list[Entry]
    names: dict[int, str]

    @property
    def seen(self) -> int:
        """The last line of the history a reader of this sheet knows."""
        return self.events[-1].id if self.events else 0

    def since(self, seen: int) -> list[Entry]:
        """The lines of the history written after `seen`."""
        return [event for event in self.events if event.id > seen]


@dataclass(frozen=True)
class Asked:
    """What an agent sent: on which state of the case it was decided, and what was entered."""

    version: int
    seen: int
    category: str
    note: str


def routes(pages: Blueprint, office: Office) -> None:
    """`/cases/<number>` and the actions below it."""

    @pages.get("/cases/<number>")
    @needs(SEE_CASES)
    def case_page(number: str) -> ResponseReturnValue:
        return _show(office, number)

    @pages.post("/cases/<number>/confirm")
    @needs(CONFIRM)
    def confirm(number: str) -> ResponseReturnValue:
        return _act(office, number, "confirm")

    @pages.post("/cases/<number>/close")
    @needs(CLOSE)
    def close(number: str) -> ResponseReturnValue:
        return _act(office, number, "close")

    @pages.post("/cases/<number>/reopen")
    @needs(REOPEN)
    def reopen(number: str) -> ResponseReturnValue:
        return _act(office, number, "reopen")

    @pages.post("/cases/<number>/reveal")
    @needs(REVEAL_NUMBER)
    def reveal(number: str) -> ResponseReturnValue:
        """The caller's whole number, once, on this answer alone; the history knows who saw it."""
        return _show(office, number, revealed=_reveal(office, number))


def _show(office: Office, number: str, **more: object) -> str:
    with transaction(office.engine) as records:
        sheet = _sheet(records, _case(records, number))
    return _render("case.html", sheet, **more)


def _render(template: str, sheet: Sheet, **more: object) -> str:
    possible = [a for a in ON_THIS_PAGE if a in lifecycle.actions(sheet.case.status)]
    allowed = [a for a in possible if permissions.may(g.here.role, a)]
    return render_template(template, sheet=sheet, allowed=allowed, now=clock.now(), **more)


def _act(office: Office, number: str, action: str) -> ResponseReturnValue:
    """Do it; or say what is missing; or, if the case changed meanwhile, show how and ask again."""
    asked = _asked()
    try:
        with transaction(office.engine) as records:
            _do(records, office, _case(records, number), action, asked)
    except Refused as no:
        return _refused(office, number, action, asked, no)
    flash(action)
    return redirect(url_for("console.case_page", number=number), 303)


def _do(records: Session, office: Office, case: Case, action: str, asked: Asked) -> None:
    how: dict[str, Any] = {
        "version": asked.version,
        "by": office.person(g.here),
        "now": clock.now(),
    }
    if action == "confirm":
        if asked.category not in office.categories:
            raise Refused("incomplete", missing=["category"])
        category = office.categories[asked.category]
        case_rules.confirm(records, case, category, **how)
        if category.urgent:
            recordings.hasten(records, case.call_id, recordings.URGENT)
    else:
        rule: Callable[..., None] = {"close": case_rules.close, "reopen": case_rules.reopen}[action]
        rule(records, case, asked.note, **how)


def _refused(
    office: Office, number: str, action: str, asked: Asked, no: Refused
) -> ResponseReturnValue:
    with transaction(office.engine) as records:
        sheet = _sheet(records, _case(records, number))
    if no.code == "incomplete":
        return _render("case.html", sheet, missing=action), 422
    news = sheet.since(asked.seen)
    return _render("changed.html", sheet, action=action, asked=asked, news=news), 409


def _asked() -> Asked:
    form = request.form
    try:
        version, seen = int(form["version"]), int(form["seen"])
    except ValueError:
        abort(400)
    category = form.get("instead") or form.get("category", "")
    # PostgreSQL keeps every character but this one.
    note = form.get("note", "").replace("\0", "").strip()
    return Asked(version, seen, category, note[:LONGEST_NOTE])


def _reveal(office: Office, number: str) -> str | None:
    """The number, and the line in the history, together or not at all. None when it was withheld."""
    with transaction(office.engine) as records:
        case = _case(records, number)
        sealed = records.get_one(Call, case.call_id).caller_sealed
        if sealed is None:
            return None
        revealed = office.caller_key.unseal(sealed)
        history.add(records, case.id, "revealed_number", clock.now(), actor=g.here.actor)
    return revealed


def _case(records: Session, number: str) -> Case:
    """The case, its row held for this transaction; a page that says so when there is none."""
    if not case_rules.is_number(number):
        abort(404)
    statement = select(Case).where(Case.number == number)
    if request.method == "POST":
        statement = statement.with_for_update(key_share=True)
    return records.scalars(statement).one_or_none() or abort(404)


def _sheet(records: Session, case: Case) -> Sheet:
    sounds = [
        (one, transcripts.of_recording(records, one.id))
        for one in recordings.of_call(records, case.call_id)
    ]
    events = history.of_case(records, case.id)
    ids = {agents.id_of(event.actor) for event in events} - {None}
    names = agents.names(records, {number for number in ids if number})
    sheet = Sheet(case, records.get_one(Call, case.call_id), sounds, events, names)
    records.expunge_all()
    return sheet
