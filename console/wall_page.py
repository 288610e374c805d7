"""`/wall`: how the hotline stands at this moment, large enough for a screen on the wall.

`?kiosk=<token>` shows it where nobody signs in: counts alone, and no other page. `?every=<seconds>` says
how often it is renewed. `/wall/links`: making and revoking such links.
"""

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, abort, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cases import kiosks, wall
from cases.errors import Refused
from cases.kiosks import Kiosk
from cases.permissions import MANAGE_KIOSKS, SEE_WALL
from console import door, forms, live
from console.door import ANYBODY, needs
from console.office import Office
from console.who import who
from console.words import Words
from runtime import clock
from runtime.database import transaction

# Seconds between two looks, unless the address says otherwise.
EVERY, SOONEST, SELDOMEST = 2, 1, 300


def routes(pages: Blueprint, office: Office) -> None:
    """`/wall`, `/wall/links` and `/wall/links/<id>/revoke`."""

    @pages.get("/wall")
    @needs(ANYBODY, SEE_WALL)
    def wall_page() -> ResponseReturnValue:
        token = request.args.get("kiosk")
        if token is None:
            return door.admit(SEE_WALL) or _page(office)
        g.here = None  # whoever signed in at this browser: it is a screen now
        return _page(office) if _holds(office, token) else _gone()

    @pages.get("/wall/links")
    @needs(MANAGE_KIOSKS)
    def kiosk_links() -> ResponseReturnValue:
        return _links(office)

    @pages.post("/wall/links")
    @needs(MANAGE_KIOSKS)
    def make_kiosk() -> ResponseReturnValue:
        return _make(office)

    @pages.post("/wall/links/<int:kiosk_id>/revoke")
    @needs(MANAGE_KIOSKS)
    def revoke_kiosk(kiosk_id: int) -> ResponseReturnValue:
        with transaction(office.engine) as records:
            kiosk = records.get(Kiosk, kiosk_id) or abort(404)
            kiosks.revoke(records, kiosk, by=office.person(g.here), now=clock.now())
        flash("wall.links.revoked")
        return redirect(url_for("console.kiosk_links"), 303)


def _page(office: Office) -> ResponseReturnValue:
    now = clock.now()
    with transaction(office.engine) as records:
        figures = wall.figures(records, now, _midnight(office, now))
    return live.page("wall", office, now, figures=figures, every=_every())


def _midnight(office: Office, now: datetime) -> datetime:
    """When today began in the city."""
    here = now.astimezone(office.city.time_zone)
    return here.replace(hour=0, minute=0, second=0, microsecond=0)


def _every() -> int:
    wanted = request.args.get("every", "")
    if not (wanted.isascii() and wanted.isdigit() and len(wanted) < 4):
        return EVERY
    return min(max(int(wanted), SOONEST), SELDOMEST)


def _holds(office: Office, token: str) -> bool:
    with transaction(office.engine) as records:
        return kiosks.find(records, token, clock.now()) is not None


def _gone() -> ResponseReturnValue:
    return render_template("wall_gone.html"), 404


@dataclass(frozen=True)
class Made:
    """A link that was made just now: it can be shown this once."""

    name: str
    address: str


def _links(office: Office, made: Made | None = None, problem: str = "") -> str:
    with transaction(office.engine) as records:
        rows = kiosks.all_links(records)
        named = [actor or "" for one in rows for actor in (one.made_by, one.revoked_by)]
        names = who(records, named)
        records.expunge_all()
    return render_template("wall_links.html", rows=rows, names=names, made=made, problem=problem)


def _make(office: Office) -> ResponseReturnValue:
    name = forms.plain(request.form.get("name", ""))
    try:
        with transaction(office.engine) as records:
            by = office.person(g.here)
            kiosk, token = kiosks.make(records, name, by=by, now=clock.now())
            made = Made(kiosk.name, url_for("console.wall_page", kiosk=token, _external=True))
    except Refused as no:
        return _links(office, problem=Words(g.wording, office).refused(no)), 422
    return _links(office, made), 201
