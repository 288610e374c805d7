"""Entries of a city's files as forms: one form a category, department or routing rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import abort, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cases.errors import Refused
from console import forms, papers
from console.forms import Field, Form, Given
from console.office import Office
from console.papers import Contents
from console.words import Words
from runtime.database import transaction

LANGUAGES = ("yue", "cmn", "en")
CODE = re.compile(r"[a-z][a-z0-9-]{0,31}")
NEW = "new"

Entry = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """A kind of entries. `file`, `key`: where they stand; `page`, `form_page`: their pages.

    form: what one is asked to be filled in with. enter: what was given goes into the entry.
    besides: other files that it changes, and how.
    """

    file: str
    key: str
    page: str
    form_page: str
    form: Callable[[Office, Contents, str | None], Form]
    enter: Callable[[Entry, Given], None]
    besides: tuple[str, ...] = ()
    enter_besides: Callable[[Contents, str, Given | None], None] = lambda *_: None

    @property
    def files(self) -> tuple[str, ...]:
        return (self.file, *self.besides)


def contents(office: Office, files: Iterable[str]) -> tuple[Contents, bool]:
    """The files' contents as one goes on from them, and whether any is a draft. Raises
    Refused("does_not_read")."""
    with transaction(office.engine) as records:
        found = [papers.working(records, name) for name in files]
        told = {paper.name: paper.content() for paper in found}
        return told, any(paper.is_draft for paper in found)


def page(office: Office, kind: Kind, template: str, **more: Any) -> ResponseReturnValue:
    """The list of entries; a file that no form can change is shown as text."""
    try:
        told, is_draft = contents(office, kind.files)
    except Refused:
        return redirect(url_for("console.city_file", name=kind.file), 303)
    entries: Mapping[str, Entry] = told[kind.file].get(kind.key) or {}
    return render_template(
        template, kind=kind, entries=entries, contents=told, is_draft=is_draft, **more
    )


def form_page(
    office: Office,
    kind: Kind,
    code: str,
    given: Given | None = None,
    faults: Iterable[Any] = (),
    problem: str = "",
) -> str:
    """The form of one entry, or of a new one."""
    told, is_draft = contents(office, kind.files)
    known = told[kind.file].get(kind.key) or {}
    if code != NEW and code not in known:
        abort(404)
    form = kind.form(office, told, None if code == NEW else code)
    return render_template(
        "entry.html",
        kind=kind,
        code=None if code == NEW else code,
        form=forms.filled(form, given) if given else form,
        faults=faults,
        problem=problem,
        is_draft=is_draft,
    )


def save(office: Office, kind: Kind, code: str) -> ResponseReturnValue:
    """Change, add or remove an entry, as the form's button says."""
    told, _ = contents(office, kind.files)
    form = kind.form(office, told, None if code == NEW else code)
    given = forms.read(form, request.form)
    removes = request.form.get("do") == "remove"

    def edit(found: Contents) -> None:
        entries = found[kind.file].setdefault(kind.key, {})
        if removes:
            entries.pop(code, None)
            kind.enter_besides(found, code, None)
            return
        target = _code(given, entries) if code == NEW else code
        entry = dict(entries.get(target) or {})
        kind.enter(entry, given)
        entries[target] = entry
        kind.enter_besides(found, target, given)

    try:
        faults = papers.change(office, kind.files, edit)
    except Refused as no:
        told_why = Words(g.wording, office).refused(no)
        return form_page(office, kind, code, given, problem=told_why), 422
    if faults:
        return form_page(office, kind, code, given, faults), 422
    flash("city.kept")
    return redirect(url_for(f"console.{kind.page}"), 303)


def _code(given: Given, entries: Mapping[str, Entry]) -> str:
    code = given["code"]
    if not CODE.fullmatch(code):
        raise Refused("not_a_code", given=code)
    if code in entries:
        raise Refused("code_taken", given=code)
    return str(code)


# --- pieces of forms ----------------------------------------------------------------------------------


def code_field(code: str | None) -> tuple[Field, ...]:
    """A new entry is given a code, which it keeps."""
    return () if code else (Field("code", "line"),)


def names(entry: Mapping[str, Any], key: str = "name") -> tuple[Field, ...]:
    """A text in the city's three languages."""
    said = entry.get(key) or {}
    return tuple(
        Field(f"{key}_{language}", "line", value=str(said.get(language, "")))
        for language in LANGUAGES
    )


def named(given: Given, key: str = "name") -> dict[str, str]:
    """The same, given."""
    return {language: given[f"{key}_{language}"] for language in LANGUAGES}


def put(entry: Entry, **values: Any) -> None:
    """Values that are there go into the entry; what is nothing, or as it is without, is left out."""
    for name, value in values.items():
        if value in ("", None, False):
            entry.pop(name, None)
        else:
            entry[name] = value


def word(key: str) -> str:
    """What the reader calls a code that has words of its own."""
    return str(g.wording(key))
