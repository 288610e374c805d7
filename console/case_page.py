"""`/cases/<number>`: one case, whole, and what its reader does with it."""

import logging
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from cases import leases, permissions
from cases.case import Case
from cases.errors import Refused
from cases.permissions import REVEAL_NUMBER, SEE_CASES, SEE_OWN_CASES
from console import case_sheet, deeds, forms, in_hand
from console.case_sheet import Sheet
from console.deeds import Desk, How
from console.door import needs
from console.forms import Form, Given
from console.in_hand import InHand
from console.office import Office
from console.words import Words
from runtime import clock
from runtime.database import transaction

log = logging.getLogger(__name__)

# Somebody else was quicker: what was typed comes back beside what happened meanwhile.
OVERTAKEN = frozenset({"changed", "not_now"})
# What a form says that wants the next case afterwards.
NEXT = "next"
# From the inbox of a department, to which it goes back.
INBOX = "inbox"


@dataclass(frozen=True)
class Sent:
    """What a form sent: on which state of the case it was decided, and what was entered."""

    version: int
    seen: int
    given: Given


def routes(pages: Blueprint, office: Office) -> None:
    """`/cases/<number>`, an address below it for every act, and `/tasks/<id>/done`."""

    @pages.get("/cases/<number>")
    @needs(SEE_CASES, SEE_OWN_CASES)
    def case_page(number: str) -> ResponseReturnValue:
        return _show(office, number)

    @pages.post("/cases/<number>/reveal")
    @needs(REVEAL_NUMBER)
    def reveal(number: str) -> ResponseReturnValue:
        """The caller's whole number, once, on this answer alone; the history knows who saw it."""
        return _show(office, number, revealed=_reveal(office, number))

    for action in deeds.FORMS:
        _deed_route(pages, office, action)


def _deed_route(pages: Blueprint, office: Office, action: str) -> None:
    @needs(*deeds.permissions(action))
    def deed(number: str) -> ResponseReturnValue:
        return _act(office, number, action)

    path = f"/cases/<number>/{action.replace('_', '-')}"
    pages.add_url_rule(path, f"deed_{action}", deed, methods=["POST"])


def _show(office: Office, number: str, **more: Any) -> str:
    with transaction(office.engine) as records:
        sheet = _sheet(records, office, number)
        strip = _look(records, office, sheet)
    return _page(office, sheet, strip=strip, **more)


def _look(records: Session, office: Office, sheet: Sheet) -> list[InHand]:
    """The reader has the case open now; what the reader has in hand, for who works at the desk."""
    reader = office.person(g.here)
    if not permissions.may(reader.role, permissions.WORK_DESK):
        return []
    if request.method == "GET":
        leases.look(records, sheet.case.id, by=reader, now=clock.now())
    return in_hand.of(records, reader)


def _page(office: Office, sheet: Sheet, problem: str = "", **more: Any) -> str:
    """The case with every act that its reader may do now. `missing`: the act that needs more, whose
    form comes back with what was `given`."""
    desk = Desk(office, _words(office), sheet)
    acts = deeds.possible(sheet)
    made = {action: _form(desk, action, more) for action in acts}
    return render_template(
        "case.html",
        sheet=sheet,
        names=sheet.names,
        movers=sheet.movers(),
        acts=acts,
        forms=made,
        now=clock.now(),
        problem=problem,
        **{"missing": None, "strip": [], **more},
    )


def _form(desk: Desk, action: str, more: dict[str, Any]) -> Form:
    made = deeds.form(desk, action)
    return forms.filled(made, more["given"]) if more.get("missing") == action else made


def _act(office: Office, number: str, action: str) -> ResponseReturnValue:
    """Do it; or say what is missing; or, if the case changed meanwhile, show how and ask again."""
    with transaction(office.engine) as records:
        if action in deeds.OF_THE_CITY:
            case = _find(records, office, number)
            asked_of = case_sheet.outline(records, case, office.person(g.here))
        else:
            asked_of = _sheet(records, office, number)
    form = deeds.form(Desk(office, _words(office), asked_of), action)
    sent = _sent(form)
    if "insert" in request.form:
        return _inserted(office, number, action, form, sent)
    if request.form.get("then") == INBOX:
        sent.given.update(deeds.in_short(_words(office), action, sent.given))
    how = How(office.person(g.here), clock.now(), office.terms, sent.version)
    try:
        with transaction(office.engine) as records:
            case = _find(records, office, number)
            deeds.do(records, office, case, action, sent.given, how)
    except Refused as no:
        return _refused(office, number, action, sent, no)
    if request.form.get("then") == NEXT:
        return in_hand.go_on(office, after=f"desk.{action}")
    flash(f"case.done.{action}")
    if request.form.get("then") == INBOX:
        return redirect(url_for("console.department_page", _anchor="to-accept"), 303)
    return redirect(_onward(office, number), 303)


def _inserted(
    office: Office, number: str, action: str, form: Form, sent: Sent
) -> ResponseReturnValue:
    """Nothing is done yet: the form again, with the template that was chosen in it."""
    with transaction(office.engine) as records:
        sheet = _sheet(records, office, number, sent.given.get("category", ""))
    given = forms.inserted(form, sent.given, request.form)
    if action in deeds.possible(sheet):
        return _page(office, sheet, missing=action, given=given)
    return _changed(office, sheet, action, Sent(sent.version, sent.seen, given)), 409


def _onward(office: Office, number: str) -> str:
    """The case again; the inbox for who has just given the case away."""
    with transaction(office.engine) as records:
        if case_sheet.is_seen(records, number, office.person(g.here)):
            return url_for("console.case_page", number=number)
    return url_for("console.front")


def _refused(
    office: Office, number: str, action: str, sent: Sent, no: Refused
) -> ResponseReturnValue:
    if no.code == "forbidden":
        log.warning("agent %d was refused %s", g.here.agent_id, action)
        abort(403)
    with transaction(office.engine) as records:
        sheet = _sheet(records, office, number, sent.given.get("category", ""))
        strip = _look(records, office, sheet)
    if no.code in OVERTAKEN:
        return _changed(office, sheet, action, sent), 409
    words = _words(office)
    problem = words.missing(action) if no.code == "incomplete" else words.refused(no)
    return _page(office, sheet, problem, missing=action, given=sent.given, strip=strip), 422


def _changed(office: Office, sheet: Sheet, action: str, sent: Sent) -> str:
    desk = Desk(office, _words(office), sheet)
    return render_template(
        "changed.html",
        sheet=sheet,
        action=action,
        form=forms.filled(deeds.form(desk, action), sent.given),
        possible=action in deeds.possible(sheet),
        news=sheet.since(sent.seen),
    )


def _sent(form: Form) -> Sent:
    try:
        version, seen = int(request.form["version"]), int(request.form["seen"])
    except ValueError:
        abort(400)
    sent = request.form.copy()
    for name in ("category", "lead"):  # none of those in sight: the one from the whole list
        if not sent.get(name) and (other := sent.get(f"{name}-other")):
            sent[name] = other
    return Sent(version, seen, forms.read(form, sent))


def _reveal(office: Office, number: str) -> str | None:
    with transaction(office.engine) as records:
        case = _find(records, office, number)
        return case_sheet.reveal(records, office, case, office.person(g.here))


def _find(records: Session, office: Office, number: str) -> Case:
    return case_sheet.find(records, number, office.person(g.here))


def _sheet(records: Session, office: Office, number: str, category: str = "") -> Sheet:
    case = _find(records, office, number)
    return case_sheet.read(records, office, case, office.person(g.here), category)


def _words(office: Office) -> Words:
    return Words(g.wording, office)
