"""`/templates`: the words that are ready for replies, and the form with which supervisors write them."""

from collections.abc import Mapping

from flask import Blueprint, abort, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from cases import reply_templates
from cases.errors import Refused
from cases.pack import LANGUAGES
from cases.permissions import EDIT_TEMPLATES
from cases.reply_templates import ACTS, Template, Version
from console import forms
from console.door import needs
from console.forms import Field, Form, Given
from console.office import Office
from console.who import who
from console.words import Words
from runtime import clock
from runtime.database import transaction


def routes(pages: Blueprint, office: Office) -> None:
    """`/templates`, `/templates/new`, and a page for each."""

    @pages.get("/templates")
    @needs(EDIT_TEMPLATES)
    def template_list() -> ResponseReturnValue:
        with transaction(office.engine) as records:
            found = reply_templates.current(records)
        return render_template("templates.html", found=found, acts=list(ACTS))

    @pages.get("/templates/new")
    @needs(EDIT_TEMPLATES)
    def template_new() -> ResponseReturnValue:
        return _edit(office, None, {"action": request.args.get("action", "")})

    @pages.post("/templates")
    @needs(EDIT_TEMPLATES)
    def template_add() -> ResponseReturnValue:
        return _save(office, None)

    @pages.get("/templates/<code>")
    @needs(EDIT_TEMPLATES)
    def template_page(code: str) -> ResponseReturnValue:
        with transaction(office.engine) as records:
            template = _find(records, code)
        return _edit(office, template, _given(template))

    @pages.post("/templates/<code>")
    @needs(EDIT_TEMPLATES)
    def template_save(code: str) -> ResponseReturnValue:
        return _save(office, code)


def _find(records: Session, code: str) -> Template:
    return reply_templates.find(records, code) or abort(404)


def _form(office: Office) -> Form:
    words = Words(g.wording, office)
    told = [
        field
        for one in LANGUAGES
        for field in (Field(f"name_{one}", "line"), Field(f"ready_{one}", needed=False))
    ]
    return Form(
        "template",
        (
            forms.choice("action", words.named("deed", ACTS)),
            forms.choice("only_category", words.categories(), needed=False),
            *told,
            Field("withdrawn", "tick", needed=False),
        ),
    )


def _given(template: Template) -> Given:
    names = {f"name_{one}": template.names.get(one, "") for one in LANGUAGES}
    texts = {f"ready_{one}": template.texts.get(one, "") for one in LANGUAGES}
    return {
        **names,
        **texts,
        "action": template.action,
        "only_category": template.category or "",
        "withdrawn": "1" if template.withdrawn else "",
    }


def _edit(
    office: Office,
    template: Template | None,
    given: Given,
    problem: str = "",
    overtaken: Template | None = None,
) -> str:
    versions: list[Version] = []
    names: Mapping[str, object] = {}
    if template is not None:
        with transaction(office.engine) as records:
            versions = reply_templates.versions(records, template.code)
            names = who(records, [one.written_by for one in versions])
            records.expunge_all()
    return render_template(
        "template_edit.html",
        template=template,
        shipped=template is not None and template.code in reply_templates.shipped(),
        form=forms.filled(_form(office), given),
        problem=problem,
        overtaken=overtaken,
        versions=versions,
        names=names,
    )


def _save(office: Office, code: str | None) -> ResponseReturnValue:
    given = forms.read(_form(office), request.form)
    try:
        with transaction(office.engine) as records:
            version = 0 if code is None else _seen()
            if code is not None:
                _find(records, code)
            written = _template(code or "", version, given)
            by = office.person(g.here)
            reply_templates.write(records, written, by=by, now=clock.now())
    except Refused as no:
        return _refused(office, code, given, no)
    flash("template.saved")
    return redirect(url_for("console.template_list"), 303)


def _seen() -> int:
    try:
        return int(request.form.get("version", ""))
    except ValueError:
        abort(400)


def _template(code: str, version: int, given: Given) -> Template:
    return Template(
        code=code,
        action=given["action"],
        category=given["only_category"] or None,
        names={one: given[f"name_{one}"] for one in LANGUAGES if given[f"name_{one}"]},
        texts={one: given[f"ready_{one}"] for one in LANGUAGES if given[f"ready_{one}"]},
        version=version,
        withdrawn=bool(given["withdrawn"]),
    )


def _refused(office: Office, code: str | None, given: Given, no: Refused) -> ResponseReturnValue:
    """The form again with all that was written; and what another wrote meanwhile beside it."""
    template = overtaken = None
    if code is not None:
        with transaction(office.engine) as records:
            template = _find(records, code)
        overtaken = template if no.code == "changed" else None
    problem = Words(g.wording, office).refused(no)
    return _edit(office, template, given, problem, overtaken), 409 if overtaken else 422
