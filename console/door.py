"""Who is at the console? Looked up before every page; a page names the permission it needs."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from flask import Blueprint, abort, current_app, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from cases import permissions, signins
from cases.signins import Here
from console import languages
from console.languages import Wording
from console.office import Office
from runtime import clock
from runtime.database import transaction

View = TypeVar("View", bound=Callable[..., ResponseReturnValue])

# Pages for anybody, and pages for whoever has signed in and must still choose a password.
ANYBODY, NEWCOMER = "anybody", "newcomer"
# For programs, which show a key; the API has a door of its own.
KEYED = "keyed"
# What a page says that asks by itself, with nobody at it: that keeps no sign-in from ending.
UNATTENDED = "X-Unattended"


def needs(*permissions: str) -> Callable[[View], View]:
    """Mark a page with the permissions of which it needs any one. A page without a mark is shut."""

    def mark(view: View) -> View:
        view.needs = permissions  # type: ignore[attr-defined]
        return view

    return mark


def takes(size: int) -> Callable[[View], View]:
    """Mark a page whose form may be larger than others: so many bytes."""

    def mark(view: View) -> View:
        view.takes = size  # type: ignore[attr-defined]
        return view

    return mark


def install(pages: Blueprint, office: Office) -> None:
    """Stand at the door of every page."""

    @pages.before_request
    def let_in() -> ResponseReturnValue | None:
        g.here, g.wording = None, wording(office)
        if request.endpoint == "console.static":
            return None
        g.here = _who(office)
        wanted = needed(request.endpoint or "")
        if ANYBODY in wanted:
            return None
        return _check(g.here, wanted) if g.here else _to_sign_in()


def needed(endpoint: str) -> tuple[str, ...]:
    """The permissions marked on a page. Raises AttributeError when none is."""
    view: Any = current_app.view_functions[endpoint]
    return tuple(view.needs)


def wording(office: Office) -> Wording:
    """The reader's language: chosen here, else asked for by the browser, else the city's own."""
    chosen = session.get("language")
    if chosen not in languages.LANGUAGES:
        chosen = languages.choose(request.accept_languages.values(), office.city)
    return Wording(chosen)


def signed_in(token: str, language: str | None) -> None:
    """The browser is given its token; nothing of an earlier visitor stays."""
    chosen = language or session.get("language")
    goal = session.get("goal")
    session.clear()
    session["token"] = token
    if chosen:
        session["language"] = chosen
    if goal:
        session["goal"] = goal


def signed_out() -> None:
    """The browser forgets who was here, but not in which language."""
    language = session.get("language")
    session.clear()
    if language:
        session["language"] = language


def onward() -> ResponseReturnValue:
    """To the page that was wanted before the sign-in, or to where work begins."""
    return redirect(session.pop("goal", None) or url_for("console.front"), 303)


def own_page(path: str) -> str:
    """The path if it is a page of ours that can be opened, else the front page."""
    if not re.fullmatch(r"/(?![/\\])[\x21-\x7e]*", path):
        return "/"
    try:
        current_app.url_map.bind("console").match(path.partition("?")[0], "GET")
    except (HTTPException, RequestRedirect):
        return "/"
    return path


def _who(office: Office) -> Here | None:
    token = session.get("token")
    if not isinstance(token, str):
        return None
    with transaction(office.engine) as records:
        in_use = UNATTENDED not in request.headers
        here = signins.find(records, token, clock.now(), in_use=in_use)
    if here and here.role in office.two_factor_roles and not here.two_factors:
        return replace(here, must_enrol=True)
    return here


def _to_sign_in() -> ResponseReturnValue:
    if "token" in session:
        signed_out()
        session["ended"] = True
    if request.method == "GET" and not request.path.endswith("/audio"):
        session["goal"] = request.full_path.rstrip("?")
    return redirect(url_for("console.sign_in"), 303)


def _check(here: Here, wanted: tuple[str, ...]) -> ResponseReturnValue | None:
    if NEWCOMER in wanted:
        return None
    if here.must_choose:
        return redirect(url_for("console.new_password"), 303)
    if here.must_enrol:
        return redirect(url_for("console.two_factor"), 303)
    if not any(permissions.may(here.role, one) for one in wanted):
        current_app.logger.warning("agent %d was refused %s", here.agent_id, request.endpoint)
        abort(403)
    return None


def admit(permission: str) -> ResponseReturnValue | None:
    """For a page that is open to anybody on conditions of its own: nothing for who may open it anyhow,
    else where to go instead. Aborts for who is signed in and may not."""
    return _check(g.here, (permission,)) if g.here else _to_sign_in()
