"""`/settings/sessions`: where one is signed in oneself, and the way to end it everywhere else."""

from flask import Blueprint, flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from cases import signins
from cases.permissions import OWN_SETTINGS
from console.door import needs
from console.office import Office
from runtime import clock
from runtime.database import transaction


def routes(pages: Blueprint, office: Office) -> None:
    """`/settings/sessions`."""

    @pages.get("/settings/sessions")
    @needs(OWN_SETTINGS)
    def sessions_page() -> ResponseReturnValue:
        with transaction(office.engine) as records:
            found = signins.going_on(records, g.here.agent_id, clock.now())
            records.expunge_all()
        return render_template("sessions.html", found=found)

    @pages.post("/settings/sessions/end-others")
    @needs(OWN_SETTINGS)
    def end_other_sessions() -> ResponseReturnValue:
        with transaction(office.engine) as records:
            signins.end_others(records, g.here, clock.now())
        flash("sessions.ended")
        return redirect(url_for("console.sessions_page"), 303)
