"""`/admin/keys`: the keys with which other programs read. A new one is shown once."""

from datetime import datetime, time, timedelta

from flask import Blueprint, abort, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cases import api_keys
from cases.api_keys import SCOPES, Key
from cases.errors import Refused
from cases.permissions import MANAGE_KEYS
from console import forms
from console.door import needs
from console.forms import Field, Form, Given
from console.office import Office
from console.who import who
from console.words import Words
from runtime import clock
from runtime.database import transaction

# How long a key lasts unless another day is chosen.
USUAL = timedelta(days=90)


def routes(pages: Blueprint, office: Office) -> None:
    """`/admin/keys`."""

    @pages.get("/admin/keys")
    @needs(MANAGE_KEYS)
    def key_list() -> ResponseReturnValue:
        return _page(office, {})

    @pages.post("/admin/keys")
    @needs(MANAGE_KEYS)
    def key_make() -> ResponseReturnValue:
        return _make(office)

    @pages.post("/admin/keys/<int:key_id>/revoke")
    @needs(MANAGE_KEYS)
    def key_revoke(key_id: int) -> ResponseReturnValue:
        with transaction(office.engine) as records:
            key = records.get(Key, key_id) or abort(404)
            api_keys.revoke(records, key, by=office.person(g.here), now=clock.now())
        flash("api_key.revoked")
        return redirect(url_for("console.key_list"), 303)


def _page(office: Office, given: Given, problem: str = "", token: str = "") -> str:
    with transaction(office.engine) as records:
        found = api_keys.every(records)
        actors = [one for key in found for one in (key.made_by, key.revoked_by or "")]
        names = who(records, actors)
        records.expunge_all()
    return render_template(
        "keys.html",
        found=found,
        names=names,
        form=forms.filled(_form(office), given),
        problem=problem,
        token=token,
        now=clock.now(),
        address=office.house.base_url,
    )


def _form(office: Office) -> Form:
    words = Words(g.wording, office)
    last = (clock.now() + USUAL).astimezone(office.city.time_zone).date()
    return Form(
        "api_key",
        (
            Field("key_name", "line"),
            forms.choices("scopes", words.named("scope", SCOPES)),
            Field("last_day", "date", value=last.isoformat()),
        ),
    )


def _make(office: Office) -> ResponseReturnValue:
    """The new key is on this answer alone."""
    given = forms.read(_form(office), request.form)
    try:
        with transaction(office.engine) as records:
            _, token = api_keys.make(
                records,
                given["key_name"],
                given["scopes"],
                _end(office, given["last_day"]),
                by=office.person(g.here),
                now=clock.now(),
            )
    except Refused as no:
        return _page(office, given, Words(g.wording, office).refused(no)), 422
    return _page(office, {}, token=token)


def _end(office: Office, text: str) -> datetime:
    """The end of that day in the city. Raises Refused("bad_expiry")."""
    day = forms.day(text)
    if day is None:
        raise Refused("bad_expiry")
    return datetime.combine(day + timedelta(days=1), time(), office.city.time_zone)
