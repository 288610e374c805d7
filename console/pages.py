"""The console as a whole: `install` puts it on the web process."""

import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, cast

from flask import Blueprint, Flask, g, has_app_context, request
from jinja2 import StrictUndefined
from sqlalchemy import Engine
from werkzeug.local import LocalProxy

from cases import permissions, preferences
from cases.signins import Here
from console import (
    abuse_pages,
    admin_page,
    alert_pages,
    api,
    article_pages,
    audit_page,
    bulk_page,
    calendar_page,
    case_list,
    case_page,
    categories_page,
    city_page,
    department_page,
    departments_page,
    desk_page,
    door,
    duty_page,
    export_page,
    flows_page,
    follow_up_page,
    hazard_duty_pages,
    job_pages,
    key_pages,
    languages,
    map_page,
    model_page,
    notices_page,
    office,
    people_pages,
    phone_page,
    prompts_page,
    rates_page,
    report_in,
    routing_pages,
    rules_page,
    security,
    sessions_page,
    settings_page,
    sign_in,
    sound,
    system_page,
    template_pages,
    text_pages,
    topic_page,
    track_page,
    trouble,
    two_factor_page,
    view_pages,
    wall_page,
    webhook_pages,
    whistle_board,
    whistle_pages,
)
from console.office import Office
from console.words import Words
from runtime import keys
from runtime.settings import Settings
from runtime.shelf import Standing

STATIC = Path(__file__).with_name("static")

PAGES = (
    sign_in,
    desk_page,
    case_list,
    view_pages,
    bulk_page,
    export_page,
    case_page,
    text_pages,
    notices_page,
    department_page,
    whistle_board,
    whistle_pages,
    report_in,
    track_page,
    follow_up_page,
    duty_page,
    routing_pages,
    rates_page,
    phone_page,
    wall_page,
    webhook_pages,
    alert_pages,
    hazard_duty_pages,
    map_page,
    topic_page,
    sound,
    article_pages,
    template_pages,
    abuse_pages,
    job_pages,
    key_pages,
    system_page,
    settings_page,
    admin_page,
    city_page,
    categories_page,
    departments_page,
    calendar_page,
    rules_page,
    model_page,
    prompts_page,
    flows_page,
    people_pages,
    audit_page,
    two_factor_page,
    sessions_page,
)
# The main menu: a page stands there for whoever may open it.
MENU = (
    "department_page",
    "desk_page",
    "case_list",
    "whistle_list",
    "alert_list",
    "follow_up_list",
    "disputes_page",
    "routing_page",
    "wall_page",
    "rates_page",
    "duty_page",
    "article_list",
    "admin",
)


def install(app: Flask, settings: Settings, engine: Engine) -> Standing[Office]:
    """Put pages, error pages, forms' protection and headers on the application.

    Leaves the blueprint `voice` alone. What is given back wants to be asked now and then to look for
    another edition of the city. Raises CityError or PackError when its data cannot be used.
    """
    secret = keys.secret(settings.state_dir, "secret-key", settings.secret_key)
    standing = office.standing(settings, engine)
    app.extensions["console"] = standing
    here = _in_force(app, standing)
    security.install(app, secret, https=settings.public_base_url.startswith("https://"))
    trouble.install(app, here)
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.register_blueprint(blueprint(here))
    app.register_blueprint(api.blueprint(here))
    app.context_processor(lambda: _for_templates(here))
    return standing


def _in_force(app: Flask, standing: Standing[Office]) -> Office:
    """The office of the edition in force, the same one from the beginning of a request to its end."""

    @app.before_request
    def keep_to_one_edition() -> None:
        g.office = standing.now

    def found() -> Office:
        kept: Office | None = g.get("office") if has_app_context() else None
        return kept or standing.now

    return cast(Office, LocalProxy(found))


def blueprint(here: Office) -> Blueprint:
    """All pages of the console."""
    pages = Blueprint(
        "console",
        __name__,
        template_folder="templates",
        static_folder="static",
        static_url_path=f"/static/{_edition_of(STATIC)}",
    )
    door.install(pages, here)
    for page in PAGES:
        page.routes(pages, here)
    return pages


@cache
def _edition_of(folder: Path) -> str:
    """What is in a folder, in a few letters: part of the address of what browsers keep, so that they
    keep it for good and still never mix two versions."""
    whole = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            whole.update(file.relative_to(folder).as_posix().encode() + file.read_bytes())
    return whole.hexdigest()[:12]


def _for_templates(here: Office) -> dict[str, Any]:
    """What every template may use."""
    agent = g.get("here")
    return {
        "t": g.wording,
        "words": Words(g.wording, here),
        "office": here,
        "here": agent,
        "likes": agent.preferences if agent else preferences.USUAL,
        "may": lambda permission: bool(agent) and permissions.may(agent.role, permission),
        "menu": [*_menu(agent, here)],
        "style_nonce": security.style_nonce,
        "languages": languages.OWN_NAMES,
        "back": request.full_path.rstrip("?") if request.method == "GET" else "/",
    }


def _menu(agent: Here | None, here: Office) -> Iterator[str]:
    """The pages in the menu of who is here; the telephone where there is one."""
    if agent is None:
        return
    yield from (name for name in MENU if _is_open(agent.role, name))
    if here.phone:
        yield "phone_page"


def _is_open(role: str, name: str) -> bool:
    return any(permissions.may(role, one) for one in door.needed(f"console.{name}"))
