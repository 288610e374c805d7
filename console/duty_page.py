"""`/duty`: which leader sits at the seat when, which cases each took, and what became of them."""

from datetime import timedelta

from flask import Blueprint, g, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from cases import agents, duty
from cases.agents import Agent
from cases.duty import Seat
from cases.permissions import SEE_CASES
from console.door import needs
from console.office import Office
from runtime import clock
from runtime.database import transaction

BEFORE, AFTER = timedelta(days=7), timedelta(days=28)


def routes(pages: Blueprint, office: Office) -> None:
    """`/duty`; `?leader=<id>` shows that leader's cases."""

    @pages.get("/duty")
    @needs(SEE_CASES)
    def duty_page() -> ResponseReturnValue:
        now = clock.now()
        with transaction(office.engine) as records:
            leaders = _leaders(records)
            seated = duty.on_duty(records, now)
            chosen = _chosen(leaders, seated)
            page = render_template(
                "duty.html",
                now=now,
                here_now=seated,
                roster=duty.roster(records, now - BEFORE, now + AFTER),
                leaders=leaders,
                chosen=chosen,
                taken=duty.became(records, chosen) if chosen else [],
            )
        return page


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
