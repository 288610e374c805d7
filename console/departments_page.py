"""`/admin/departments`: who can be given a case."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from cases.editions import DEPARTMENTS
from cases.permissions import EDIT_CITY
from console import entries, forms
from console.categories_page import said
from console.door import needs
from console.entries import Entry, Kind
from console.forms import Field, Form, Given
from console.office import Office
from console.papers import Contents

KINDS = ("department", "enterprise", "district")


def routes(pages: Blueprint, office: Office) -> None:
    """`/admin/departments` and below."""

    @pages.get("/admin/departments")
    @needs(EDIT_CITY)
    def departments_page() -> ResponseReturnValue:
        return entries.page(office, KIND, "city_departments.html", say=said)

    @pages.get("/admin/departments/<code>")
    @needs(EDIT_CITY)
    def department_form(code: str) -> ResponseReturnValue:
        return entries.form_page(office, KIND, code)

    @pages.post("/admin/departments/<code>")
    @needs(EDIT_CITY)
    def change_department(code: str) -> ResponseReturnValue:
        return entries.save(office, KIND, code)


def _form(office: Office, contents: Contents, code: str | None) -> Form:
    known = contents[DEPARTMENTS]["departments"]
    entry = known.get(code) or {}
    kinds = [(one, entries.word(f"department.kind.{one}")) for one in KINDS]
    others = [(one, said(d["name"])) for one, d in known.items() if one != code]
    fields = [
        *entries.code_field(code),
        *entries.names(entry),
        Field("abbreviation", "line", value=entry.get("abbreviation", "")),
        forms.pick("department_kind", kinds, value=entry.get("kind", KINDS[0])),
        forms.choice("parent", others, needed=False, value=entry.get("parent") or ""),
        Field("district", "line", needed=False, value=entry.get("district") or ""),
    ]
    if code:
        fields.append(Field("retired", "tick", needed=False, value=entry.get("retired") or ""))
    return Form("", tuple(fields))


def _enter(entry: Entry, given: Given) -> None:
    kind = given["department_kind"]
    entries.put(
        entry,
        kind="" if kind == KINDS[0] else kind,
        abbreviation=given["abbreviation"],
        name=entries.named(given),
        parent=given["parent"],
        district=given["district"],
        retired=bool(given.get("retired")),
    )


KIND = Kind(
    file=DEPARTMENTS,
    key="departments",
    page="departments_page",
    form_page="department_form",
    form=_form,
    enter=_enter,
)
