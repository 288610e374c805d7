"""`/admin`: the pages of those who run the hotline, for whoever may open them. `/admin/roles`: the table
of who may do what."""

from flask import Blueprint, current_app, g, render_template
from flask.typing import ResponseReturnValue

from cases import permissions
from cases.permissions import ROLES, SEE_ADMIN, STANDINGS
from console import door
from console.door import needs
from console.office import Office

# Endpoints without their prefix, in this order. Each has the words `admin.<endpoint>`, and may have a
# line about it, `admin.<endpoint>.about`.
ADMIN_PAGES = [
    "city_page",
    "categories_page",
    "departments_page",
    "calendar_page",
    "rules_page",
    "model_page",
    "prompts_page",
    "flows_page",
    "people_page",
    "roles_page",
    "audit_page",
    "template_list",
    "abuse_page",
    "key_list",
    "webhook_list",
    "job_page",
    "system_page",
]


def routes(pages: Blueprint, office: Office) -> None:
    """`/admin` and `/admin/roles`."""

    @pages.get("/admin")
    @needs(SEE_ADMIN)
    def admin() -> ResponseReturnValue:
        there = [page for page in ADMIN_PAGES if f"console.{page}" in current_app.view_functions]
        return render_template("admin.html", pages=[page for page in there if _may_open(page)])

    @pages.get("/admin/roles")
    @needs(SEE_ADMIN)
    def roles_page() -> ResponseReturnValue:
        known = list(dict.fromkeys(one for role in ROLES.values() for one in sorted(role)))
        table = {standing: permissions.of_standing(standing) for standing in STANDINGS}
        return render_template("roles.html", known=_in_order(known), table=table)


def _may_open(page: str) -> bool:
    wanted = door.needed(f"console.{page}")
    return any(permissions.may(g.here.role, one) for one in wanted)


def _in_order(known: list[str]) -> list[str]:
    """What most may do comes first."""
    return sorted(known, key=lambda one: (-sum(one in role for role in ROLES.values()), one))
