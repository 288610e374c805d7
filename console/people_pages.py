"""`/admin/people`: who may sign in, and as what."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, abort, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from cases import admin_history, agents, people, second_factor, signins
from cases.agents import Agent
from cases.errors import Refused
from cases.lifecycle import DISTRICT
from cases.permissions import MANAGE_AGENTS, OFFICER, STANDINGS
from console import forms
from console.door import needs
from console.office import Office
from console.who import who
from console.words import Words
from runtime import clock
from runtime.database import transaction

Deed = Callable[[Session, Office, Agent], str | None]


def routes(pages: Blueprint, office: Office) -> None:
    """`/admin/people`, `/admin/people/<id>` and what is done there."""

    @pages.get("/admin/people")
    @needs(MANAGE_AGENTS)
    def people_page() -> ResponseReturnValue:
        return _list(office)

    @pages.post("/admin/people")
    @needs(MANAGE_AGENTS)
    def add_person() -> ResponseReturnValue:
        """The new person's page, with the one-time password on this answer alone."""
        role, department = _standing()
        try:
            _known_department(office, department)
            with transaction(office.engine) as records:
                added, password = people.add(
                    records,
                    _given("name"),
                    role,
                    department=department,
                    email=_given("email"),
                    **_how(office),
                )
                agent_id = added.id
        except Refused as no:
            return _list(office, problem=_words(office).refused(no), given=request.form), 422
        return _person(office, agent_id, password=password)

    @pages.get("/admin/people/<int:agent_id>")
    @needs(MANAGE_AGENTS)
    def person_page(agent_id: int) -> ResponseReturnValue:
        return _person(office, agent_id)

    for name, deed in DEEDS.items():
        _deed_route(pages, office, name, deed)


def _deed_route(pages: Blueprint, office: Office, name: str, deed: Deed) -> None:
    @needs(MANAGE_AGENTS)
    def do(agent_id: int) -> ResponseReturnValue:
        try:
            with transaction(office.engine) as records:
                password = deed(records, office, records.get(Agent, agent_id) or abort(404))
        except Refused as no:
            return _person(office, agent_id, problem=_words(office).refused(no)), 422
        if password:
            return _person(office, agent_id, password=password)
        flash(f"people.did.{name}")
        return redirect(url_for("console.person_page", agent_id=agent_id), 303)

    path = f"/admin/people/<int:agent_id>/{name.replace('_', '-')}"
    pages.add_url_rule(path, f"person_{name}", do, methods=["POST"])


def _role(records: Session, office: Office, agent: Agent) -> None:
    role, department = _standing()
    _known_department(office, department)
    people.give_role(records, agent, role, department, **_how(office))


def _email(records: Session, office: Office, agent: Agent) -> None:
    people.give_email(records, agent, _given("email"), **_how(office))


def _off(records: Session, office: Office, agent: Agent) -> None:
    people.switch_off(records, agent, **_how(office))


def _on(records: Session, office: Office, agent: Agent) -> str:
    return people.switch_on(records, agent, **_how(office))


def _password(records: Session, office: Office, agent: Agent) -> str:
    return people.new_password(records, agent, **_how(office))


def _end(records: Session, office: Office, agent: Agent) -> None:
    people.end_signins(records, agent, **_how(office))


def _two_factor(records: Session, office: Office, agent: Agent) -> None:
    people.reset_second_factor(records, agent, **_how(office))


DEEDS: dict[str, Deed] = {
    "role": _role,
    "email": _email,
    "off": _off,
    "on": _on,
    "password": _password,
    "end": _end,
    "two_factor": _two_factor,
}


def _how(office: Office) -> dict[str, Any]:
    return {"by": office.person(g.here), "now": clock.now()}


def _list(office: Office, **more: Any) -> str:
    with transaction(office.engine) as records:
        rows = people.everybody(records)
        records.expunge_all()
    shown = {"problem": "", "given": {}, **more}
    return render_template("people.html", rows=rows, standings=_standings(office), **shown)


def _person(office: Office, agent_id: int, **more: Any) -> str:
    with transaction(office.engine) as records:
        agent = records.get(Agent, agent_id) or abort(404)
        done = admin_history.of(records, agents.actor(agent.id))
        shown = {
            "here_now": signins.going_on(records, agent.id, clock.now()),
            "two_factors": second_factor.is_on(records, agent.id),
            "done": done,
            "names": who(records, [line.actor for line in done]),
        }
        records.expunge_all()
    shown |= {"problem": "", "password": None, **more}
    standing = DISTRICT if _is_district(office, agent) else agent.role
    return render_template(
        "person.html", agent=agent, standing=standing, standings=_standings(office), **shown
    )


def _is_district(office: Office, agent: Agent) -> bool:
    return agent.role == OFFICER and office.is_district(agent.department)


def _standings(office: Office) -> list[tuple[str, str]]:
    """What people can be, a district office only where the city has one."""
    words = _words(office)
    return [
        (one, words.role(one))
        for one in STANDINGS
        if one != DISTRICT or any(map(office.is_district, office.departments))
    ]


def _standing() -> tuple[str, str | None]:
    """The role that was chosen, and for an officer the department. A district office is an officer whose
    department says so."""
    chosen = _given("role")
    role = OFFICER if chosen == DISTRICT else chosen
    return role, _given("department") or None


def _known_department(office: Office, department: str | None) -> None:
    """Raises Refused: `unknown_department`, or `not_a_district` for a district office that is none."""
    if department is not None and department not in office.departments:
        raise Refused("unknown_department", department=department)
    if _given("role") == DISTRICT and department and not office.is_district(department):
        raise Refused("not_a_district", department=department)


def _given(name: str) -> str:
    return forms.plain(request.form.get(name, ""))[: agents.EMAIL_LENGTH + 1]


def _words(office: Office) -> Words:
    return Words(g.wording, office)
