"""`/duty`: which leader sits at the seat when, which cases each took, and what became of them."""

from datetime import timedelta
from typing import Any

from flask import Blueprint, abort, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from cases import admin_history, agents, duty
from cases.agents import Agent
from cases.duty import Seat
from cases.errors import Refused
from cases.permissions import MANAGE_ROSTER, SEE_CASES
from console import forms
from console.door import needs
from console.forms import Field, Form, Given
from console.office import Office
from console.words import Words
from runtime import clock
from runtime.database import transaction

BEFORE, AFTER = timedelta(days=7), timedelta(days=28)


def routes(pages: Blueprint, office: Office) -> None:
    """`/duty`; `?leader=<id>` shows that leader's cases. `/duty/seats`: the roster is written there."""

    @pages.get("/duty")
    @needs(SEE_CASES)
    def duty_page() -> ResponseReturnValue:
        return _page(office)

    @pages.post("/duty/seats")
    @needs(MANAGE_ROSTER)
    def add_seat() -> ResponseReturnValue:
        return _add(office)

    @pages.post("/duty/seats/<int:seat_id>/remove")
    @needs(MANAGE_ROSTER)
    def remove_seat(seat_id: int) -> ResponseReturnValue:
        return _remove(office, seat_id)


def _page(office: Office, problem: str = "", given: Given | None = None) -> str:
    now = clock.now()
    with transaction(office.engine) as records:
        leaders = _leaders(records)
        seated = duty.on_duty(records, now)
        chosen = _chosen(leaders, seated)
        return render_template(
            "duty.html",
            now=now,
            here_now=seated,
            roster=duty.roster(records, now - BEFORE, now + AFTER),
            leaders=leaders,
            chosen=chosen,
            taken=duty.became(records, chosen) if chosen else [],
            form=forms.filled(_form(records), given or {}),
            problem=problem,
        )


def _form(records: Session) -> Form:
    """What is asked of who puts a leader on the roster."""
    sitting = select(Agent.id).where(Agent.role == duty.LEADER, Agent.active)
    names = agents.names(records, set(records.scalars(sitting)))
    people = [(str(one), name) for one, name in names.items()]
    return Form(
        "seat",
        (
            forms.choice("leader", people),
            Field("seat_from", "moment"),
            Field("seat_until", "moment"),
        ),
    )


def _add(office: Office) -> ResponseReturnValue:
    with transaction(office.engine) as records:
        given = forms.read(_form(records), request.form)
    zone = office.city.time_zone
    times = [forms.moment(given[name], zone) for name in ("seat_from", "seat_until")]
    try:
        with transaction(office.engine) as records:
            leader = records.get(Agent, int(given["leader"] or 0))
            if leader is None or times[0] is None or times[1] is None:
                raise Refused("incomplete", missing=[name for name in given if not given[name]])
            how: dict[str, Any] = {"by": office.person(g.here), "now": clock.now()}
            seat = duty.add(records, leader, times[0], times[1], **how)
            _write_down(records, office, "seat_added", seat, leader.name)
    except Refused as no:
        return _page(office, Words(g.wording, office).refused(no), given), 422
    flash("duty.added")
    return redirect(url_for("console.duty_page"), 303)


def _remove(office: Office, seat_id: int) -> ResponseReturnValue:
    try:
        with transaction(office.engine) as records:
            seat = records.get(Seat, seat_id) or abort(404)
            leader = records.get_one(Agent, seat.leader_id)
            _write_down(records, office, "seat_removed", seat, leader.name)
            duty.remove(records, seat, now=clock.now())
    except Refused as no:
        return _page(office, Words(g.wording, office).refused(no)), 422
    flash("duty.removed")
    return redirect(url_for("console.duty_page"), 303)


def _write_down(records: Session, office: Office, action: str, seat: Seat, name: str) -> None:
    period = Words(g.wording, office).period(seat.begins_at, seat.ends_at)
    told = {"about": f"agent:{seat.leader_id}", "name": name, "period": period}
    admin_history.add(records, action, clock.now(), by=office.person(g.here), **told)


def _leaders(records: Session) -> dict[int, str]:
    """Everybody who was ever given the role or sat at the seat."""
    sat = select(duty.Seat.leader_id)
    found = select(Agent.id).where((Agent.role == duty.LEADER) | Agent.id.in_(sat))
    return agents.names(records, set(records.scalars(found)))


def _chosen(leaders: dict[int, str], seated: Seat | None) -> int | None:
    """Whose cases are shown: those asked for; a leader's own; those of whoever sits there; or the first's."""
    wanted = request.args.get("leader", "")
    if wanted.isascii() and wanted.isdigit() and int(wanted) in leaders:
        return int(wanted)
    if g.here.agent_id in leaders:
        return int(g.here.agent_id)
    return seated.leader_id if seated else next(iter(leaders), None)
