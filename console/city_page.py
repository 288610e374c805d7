"""`/admin/city`: what was changed of the city and is not yet in force, what is, and the way back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flask import Blueprint, abort, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from cases import editions, permissions
from cases.editions import MAY, Plan, Version
from cases.errors import Refused
from cases.permissions import EDIT_CITY, EDIT_ROUTING
from console import forms, papers, proof
from console.door import needs, takes
from console.office import Office
from console.papers import Paper
from console.proof import Fault
from console.who import Who, who
from console.words import Words
from runtime import clock
from runtime.database import transaction

LARGEST = 4 * editions.LONGEST
"""Bytes of a form with a file's text in it."""
# Where a file is changed in forms; any other as text.
FORMS = {
    editions.CATEGORIES: "categories_page",
    editions.DEPARTMENTS: "departments_page",
    editions.CLOSURES: "calendar_page",
    editions.ROUTING: "rules_page",
    editions.SOUNDS: "prompts_page",
    **dict.fromkeys(editions.PROMPTS.values(), "prompts_page"),
}


@dataclass(frozen=True)
class Change:
    """A file that an edition would change: what differs."""

    name: str
    version: Version | None
    lines: list[papers.Line]


def routes(pages: Blueprint, office: Office) -> None:
    """`/admin/city` and below."""

    @pages.get("/admin/city")
    @needs(EDIT_CITY, EDIT_ROUTING)
    def city_page() -> ResponseReturnValue:
        return _overview(office)

    @pages.get("/admin/city/review")
    @needs(EDIT_CITY, EDIT_ROUTING)
    def city_review() -> ResponseReturnValue:
        return _review(office, _wanted())

    @pages.post("/admin/city/publish")
    @needs(EDIT_CITY, EDIT_ROUTING)
    def publish_city() -> ResponseReturnValue:
        return _publish(office)

    @pages.post("/admin/city/drop")
    @needs(EDIT_CITY, EDIT_ROUTING)
    def drop_draft() -> ResponseReturnValue:
        return _drop(office)

    @pages.get("/admin/city/files/<path:name>")
    @needs(EDIT_CITY, EDIT_ROUTING)
    def city_file(name: str) -> ResponseReturnValue:
        return _file(office, name)

    @pages.post("/admin/city/files/<path:name>")
    @needs(EDIT_CITY, EDIT_ROUTING)
    @takes(LARGEST)
    def change_city_file(name: str) -> ResponseReturnValue:
        return save_text(office, name, "city_file.html")


# --- the overview ------------------------------------------------------------------------------------


def _overview(office: Office) -> str:
    with transaction(office.engine) as records:
        made = editions.editions(records)
        newest = editions.newest(records)
        drafts = {one.name: one for one in editions.drafts(records)}
        current = {name: editions.in_force(records, name) for name in mine()}
        names = who(records, [one.published_by for one in made])
        records.expunge_all()
    return render_template(
        "city.html",
        editions=made,
        newest=newest,
        drafts=drafts,
        current=current,
        names=names,
        forms=FORMS,
        taken_up=papers.standing().edition,
    )


def mine() -> list[str]:
    """The files that who is here may change."""
    return [name for name, needed in MAY.items() if permissions.may(g.here.role, needed)]


# --- the review, and publishing -----------------------------------------------------------------------


@dataclass(frozen=True)
class Wanted:
    """What is to be published: these versions, or an earlier edition once more."""

    versions: tuple[int, ...] = ()
    back_to: int | None = None

    def plan(self, office: Office) -> Plan:
        """What would be in force. Raises Refused."""
        with transaction(office.engine) as records:
            if self.back_to is not None:
                return editions.plan_back(records, self.back_to)
            ids = self.versions or [one.id for one in editions.drafts(records, mine())]
            return editions.plan(records, ids)


def _wanted() -> Wanted:
    """What the address or the form names; every draft of the reader's files where it names nothing."""
    versions = [int(one) for one in request.values.getlist("version") if _is_number(one)]
    back = request.values.get("back_to", "")
    return Wanted(tuple(versions), int(back) if _is_number(back) else None)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 16


def _review(office: Office, wanted: Wanted, problem: str = "", note: str = "") -> str:
    plan, problem = _planned(office, wanted, problem)
    faults = papers.proof_read(office, plan) if plan and plan.changed else ()
    return render_template(
        "city_review.html",
        wanted=wanted,
        plan=plan,
        changes=_changes(office, plan) if plan else [],
        faults=faults,
        note=note,
        problem=problem,
    )


def _planned(office: Office, wanted: Wanted, problem: str) -> tuple[Plan | None, str]:
    try:
        return wanted.plan(office), problem
    except Refused as no:
        nothing = not wanted.versions and wanted.back_to is None
        return None, problem or ("" if nothing else Words(g.wording, office).refused(no))


def _changes(office: Office, plan: Plan) -> list[Change]:
    with transaction(office.engine) as records:
        found = []
        for name in sorted(plan.changed):
            if name in editions.IMPORTED:
                found.append(Change(name, None, []))
                continue
            before = papers.in_force(records, name).text
            after = plan.texts.get(name, papers.installed_text(name))
            key = plan.versions.get(name)
            version = records.get(Version, key) if key else None
            found.append(Change(name, version, papers.difference(before, after)))
        records.expunge_all()
    return found


def _publish(office: Office) -> ResponseReturnValue:
    wanted, note = _wanted(), forms.plain(request.form.get("note", ""))[: forms.LONGEST]
    words = Words(g.wording, office)
    plan, problem = _planned(office, wanted, "")
    if plan is None:
        return _review(office, wanted, problem or words.say("refused.unchanged")), 422
    if _is_number(seen := request.form.get("on", "")) and int(seen) != plan.on:
        return _review(office, wanted, words.say("refused.changed_since"), note), 409
    if papers.proof_read(office, plan):
        return _review(office, wanted, words.say("refused.does_not_read"), note), 422
    try:
        with transaction(office.engine) as records:
            by = papers.editions_by()
            editions.publish(records, plan, note, by=by, now=clock.now())
    except Refused as no:
        return _review(office, wanted, words.refused(no), note), 422
    papers.standing().look()
    flash("city.published")
    return redirect(url_for("console.city_page"), 303)


def _drop(office: Office) -> ResponseReturnValue:
    given = request.form.get("version", "")
    try:
        with transaction(office.engine) as records:
            key = int(given) if _is_number(given) else 0
            editions.drop(records, key, by=papers.editions_by(), now=clock.now())
    except Refused as no:
        return _review(office, Wanted(), Words(g.wording, office).refused(no)), 422
    flash("city.dropped")
    return redirect(url_for("console.city_page"), 303)


# --- one file as text --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sheet:
    """A file on its page: what stands in the field, what is wrong with it, and how it came to be."""

    paper: Paper
    text: str
    faults: tuple[Fault, ...]
    checked: bool
    versions: list[Version]
    shown: Version | None
    lines: list[papers.Line]
    names: Mapping[str, Who]


def allowed(name: str) -> None:
    """Ends with 404 for a file that is none, and 403 for one that is somebody else's."""
    if name not in MAY:
        abort(404)
    if not permissions.may(g.here.role, MAY[name]):
        abort(403)


def _file(office: Office, name: str) -> str:
    allowed(name)
    return render_template("city_file.html", sheet=sheet(office, name), problem="")


def sheet(
    office: Office,
    name: str,
    text: str | None = None,
    faults: Iterable[Fault] = (),
    *,
    checked: bool = False,
) -> Sheet:
    """What a file's page shows. `text`: what somebody has just typed."""
    asked = request.args.get("version", "")
    with transaction(office.engine) as records:
        paper = papers.working(records, name)
        versions = editions.versions(records, name)[:50]
        shown = next((one for one in versions if str(one.id) == asked), None)
        before = papers.in_force(records, name).text
        names = who(records, [one.made_by for one in versions])
        records.expunge_all()
    after = shown.text if shown else paper.text
    return Sheet(
        paper=paper,
        text=paper.text if text is None else text,
        faults=tuple(faults),
        checked=checked,
        versions=versions,
        shown=shown,
        lines=papers.difference(before, after),
        names=names,
    )


def save_text(office: Office, name: str, template: str, **more: object) -> ResponseReturnValue:
    """Check what was typed, and keep it as the file's draft if that was asked for. A draft may have
    mistakes; what is published has none."""
    allowed(name)
    text = request.form.get("text", "").replace("\0", "").replace("\r\n", "\n").rstrip() + "\n"
    faults = faults_with(office, name, text)
    problem = ""
    if request.form.get("do") == "save":
        try:
            with transaction(office.engine) as records:
                _keep_on(records, name, text)
        except Refused as no:
            problem = Words(g.wording, office).refused(no)
        else:
            flash("city.kept")
            return redirect(request.path, 303)
    shown = sheet(office, name, text, faults, checked=True)
    return render_template(template, sheet=shown, problem=problem, **more), 422 if problem else 200


def _keep_on(records: Session, name: str, text: str) -> None:
    paper = papers.working(records, name)
    if request.form.get("made_from", "") != str(paper.made_from or ""):
        raise Refused("changed_since", file=name)
    papers.keep(records, paper, text)


def faults_with(office: Office, name: str, text: str) -> tuple[Fault, ...]:
    """What is wrong with a text together with all that is in force or drafted."""
    with transaction(office.engine) as records:
        texts = papers.draft_texts(records)
    return proof.read(papers.installed(), {**texts, name: text}).faults
