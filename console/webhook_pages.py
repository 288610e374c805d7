"""`/admin/webhooks`: where departments' own systems are told, what came of it, and a test."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from cases import contacts, deliveries, editions
from cases.contacts import Webhook
from cases.deliveries import Delivery
from cases.editions import CONTACTS
from cases.errors import Refused
from cases.notices import Notice
from cases.permissions import MANAGE_WEBHOOKS
from console import forms, papers
from console.door import needs
from console.forms import Field, Form, Given
from console.office import Office
from console.words import Words
from runtime import clock
from runtime.database import transaction

# So many of the last deliveries are shown of each system.
FEW = 5


@dataclass(frozen=True)
class Endpoint:
    """One department's system. signed: whether we have its secret; gone: it wants nothing any more."""

    department: str
    hook: Webhook
    signed: bool
    gone: bool
    sent: list[tuple[Notice, Delivery]]
    form: Form


def routes(pages: Blueprint, office: Office) -> None:
    """`/admin/webhooks` and below."""

    @pages.get("/admin/webhooks")
    @needs(MANAGE_WEBHOOKS)
    def webhook_list() -> ResponseReturnValue:
        return _page(office)

    @pages.post("/admin/webhooks")
    @needs(MANAGE_WEBHOOKS)
    def webhook_add() -> ResponseReturnValue:
        given = forms.read(_form(office, adds=True), request.form)
        return _change(office, given["department"], given)

    @pages.post("/admin/webhooks/<department>")
    @needs(MANAGE_WEBHOOKS)
    def webhook_change(department: str) -> ResponseReturnValue:
        _known(office, department)
        given = forms.read(_form(office), request.form)
        return _change(office, department, given, gone="take_out" in request.form)

    @pages.post("/admin/webhooks/<department>/test")
    @needs(MANAGE_WEBHOOKS)
    def webhook_test(department: str) -> ResponseReturnValue:
        _known(office, department)
        return _do(office, lambda records, by, now: _test(records, office, department, by, now))

    @pages.post("/admin/webhooks/deliveries/<int:delivery_id>/again")
    @needs(MANAGE_WEBHOOKS)
    def webhook_again(delivery_id: int) -> ResponseReturnValue:
        def again(records: Session, by: Any, now: Any) -> None:
            deliveries.try_again(records, delivery_id, by=by, now=now)

        return _do(office, again)


def _page(office: Office, problem: str = "", given: Given | None = None, of: str = "") -> str:
    """`given`: what was entered for the department `of`, or for a new one."""
    with transaction(office.engine) as records:
        found = [
            _endpoint(records, office, code, hook, given if code == of else None)
            for code, hook in _hooks(office).items()
        ]
        records.expunge_all()
    add = _form(office, adds=True)
    there = any(one.department == of for one in found)
    return render_template(
        "webhooks.html",
        found=found,
        form=add if given is None or there else forms.filled(add, given),
        problem=problem,
        of=of,
        secrets=sorted(office.settings.webhook_keys),
        now=clock.now(),
    )


def _hooks(office: Office) -> dict[str, Webhook]:
    """The systems of the edition in force, in the city's order."""
    known = contacts.read(office.city.folder, frozenset(office.departments))
    hooks = {code: one.webhook for code, one in known.departments.items() if one.webhook}
    order = [*hooks.keys() - office.departments.keys(), *office.departments]
    return {code: hooks[code] for code in order if code in hooks}


def _endpoint(
    records: Session, office: Office, code: str, hook: Webhook, given: Given | None
) -> Endpoint:
    to = f"department:{code}"
    form = forms.filled(_form(office), given or {"url": hook.url, "secret": hook.secret})
    return Endpoint(
        department=code,
        hook=hook,
        signed=hook.secret in office.settings.webhook_keys,
        gone=deliveries.is_gone(records, to, hook.url),
        sent=deliveries.latest(records, to, "webhook", FEW),
        form=form,
    )


def _form(office: Office, *, adds: bool = False) -> Form:
    names = [(name, name) for name in sorted(office.settings.webhook_keys)]
    where = (Field("url", "line"), forms.choice("secret", names))
    if not adds:
        return Form("webhook", where)
    there = _hooks(office)
    others = [one for one in Words(g.wording, office).departments() if one[0] not in there]
    return Form("webhook", (forms.choice("department", others), *where))


def _known(office: Office, department: str) -> None:
    if department not in _hooks(office):
        abort(404)


# --- what is done -----------------------------------------------------------------------------------


def _change(
    office: Office, department: str, given: Given, *, gone: bool = False
) -> ResponseReturnValue:
    """Another address, in force at once as an edition of the city: the page of the city shows who
    changed it, and the way back."""
    try:
        if not gone:
            _check(office, department, given)
        _publish(office, department, None if gone else given)
    except Refused as no:
        problem = Words(g.wording, office).refused(no)
        return _page(office, problem, given, department), 422
    papers.standing().look()
    flash("webhook.changed")
    return redirect(url_for("console.webhook_list"), 303)


def _check(office: Office, department: str, given: Given) -> None:
    given_all = {**given, "department": department}
    if missing := [name for name, value in given_all.items() if not value]:
        raise Refused("incomplete", action="webhook", missing=missing)
    contacts.check_url(given["url"], loopback=office.settings.is_of_this_machine)


def _publish(office: Office, department: str, given: Given | None) -> None:
    with transaction(office.engine) as records:
        paper = papers.in_force(records, CONTACTS)
        if editions.drafts(records, (CONTACTS,)):
            raise Refused("draft_waits")
        content = _with(paper.content(), department, given)
        text = papers.written(content)
        texts = {**editions.texts(records, editions.newest(records)), CONTACTS: text}
        records.expunge_all()
    if content == paper.content():
        raise Refused("unchanged")
    if faults := papers.faults_of(office, texts):
        raise Refused("would_not_read", what=faults[0].what)
    by, now = office.person(g.here), clock.now()
    with transaction(office.engine) as records:
        made = editions.draft(records, CONTACTS, text, paper.made_from, by=by, now=now)
        plan = editions.plan(records, [made.id])
        note = f"{CONTACTS}: webhook of {department}"
        editions.publish(records, plan, note, by=by, now=now)


def _with(content: Mapping[str, Any], department: str, given: Given | None) -> dict[str, Any]:
    """The city's contacts with this webhook, or without one. All else stays as it is."""
    known = dict(content.get("departments") or {})
    contact = dict(known.get(department) or {})
    contact.pop("webhook", None)
    if given is not None:
        contact["webhook"] = {"url": given["url"], "secret": given["secret"]}
    known[department] = contact
    if not contact:
        del known[department]
    return {**content, "departments": known}


def _test(records: Session, office: Office, department: str, by: Any, now: Any) -> None:
    deliveries.send_test(records, department, by=by, now=now)


def _do(office: Office, rule: Callable[[Session, Any, Any], None]) -> ResponseReturnValue:
    try:
        with transaction(office.engine) as records:
            rule(records, office.person(g.here), clock.now())
    except Refused as no:
        if no.code.startswith("unknown_"):
            abort(404)
        return _page(office, Words(g.wording, office).refused(no)), 409
    flash("jobs.again.done")
    return redirect(url_for("console.webhook_list"), 303)
