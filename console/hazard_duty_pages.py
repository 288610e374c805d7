"""On the board of hazards: who is on duty for each, to whom its alerts go first."""

from flask import Blueprint, abort, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from cases import hazard_duty
from cases.agents import Agent
from cases.errors import Refused
from cases.hazard_duty import HazardDuty
from cases.permissions import MANAGE_ROSTER
from console.alert_pages import board_page
from console.door import needs
from console.office import Office
from console.words import Words
from runtime import clock
from runtime.database import transaction


def routes(pages: Blueprint, office: Office) -> None:
    """`/hazards/<family>/duty` and `/hazards/duty/<id>/remove`."""

    @pages.post("/hazards/<family>/duty")
    @needs(MANAGE_ROSTER)
    def add_hazard_duty(family: str) -> ResponseReturnValue:
        if family not in hazard_duty.families():
            abort(404)
        return _add(office, family)

    @pages.post("/hazards/duty/<int:duty_id>/remove")
    @needs(MANAGE_ROSTER)
    def remove_hazard_duty(duty_id: int) -> ResponseReturnValue:
        with transaction(office.engine) as records:
            duty = records.get(HazardDuty, duty_id) or abort(404)
            hazard_duty.remove(records, duty, by=office.person(g.here), now=clock.now())
        flash("hazard_duty.removed")
        return redirect(url_for("console.hazard_board"), 303)


def _add(office: Office, family: str) -> ResponseReturnValue:
    person = request.form.get("person", "")
    by, now = office.person(g.here), clock.now()
    try:
        with transaction(office.engine) as records:
            known = person.isascii() and person.isdigit() and len(person) < 10
            agent = records.get(Agent, int(person)) if known else None
            if agent is None:
                raise Refused("incomplete", missing=["person"])
            hazard_duty.add(records, family, agent, by=by, now=now)
    except Refused as no:
        return board_page(office, Words(g.wording, office).refused(no)), 422
    flash("hazard_duty.added")
    return redirect(url_for("console.hazard_board"), 303)
