"""`/views`: what the list shows is kept under a name, and forgotten again."""

from urllib.parse import urlencode

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cases import views
from cases.errors import Refused
from cases.permissions import SEE_CASES, SEE_OWN_CASES
from console import forms, list_address
from console.door import needs
from console.office import Office
from console.words import Words
from runtime import clock
from runtime.database import transaction


def routes(pages: Blueprint, office: Office) -> None:
    """`POST /views` and `POST /views/<id>/remove`."""

    @pages.post("/views")
    @needs(SEE_CASES, SEE_OWN_CASES)
    def save_view() -> ResponseReturnValue:
        query = list_address.asked_for(office, request.form.get("query", ""))
        name = forms.plain(request.form.get("name", ""))
        by, shared = office.person(g.here), "shared" in request.form
        try:
            with transaction(office.engine) as records:
                now = clock.now()
                views.save(records, name, urlencode(query), by=by, now=now, shared=shared)
        except Refused as no:
            problem = Words(g.wording, office).refused(no)
            return render_template("refused.html", problem=problem, typed=name), 422
        flash("views.saved")
        return redirect(url_for("console.case_list", **query), 303)

    @pages.post("/views/<int:view_id>/remove")
    @needs(SEE_CASES, SEE_OWN_CASES)
    def remove_view(view_id: int) -> ResponseReturnValue:
        with transaction(office.engine) as records:
            views.remove(records, view_id, by=office.person(g.here))
        flash("views.removed")
        return redirect(url_for("console.case_list"), 303)
