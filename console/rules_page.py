"""`/admin/rules`: for whom a matter is where that is not its category's own department; rulings beside."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint
from flask.typing import ResponseReturnValue

from cases import routing
from cases.editions import CATEGORIES, DEPARTMENTS, ROUTING
from cases.errors import Refused
from cases.permissions import EDIT_ROUTING
from cases.places import KINDS as PLACES
from console import entries, forms
from console.categories_page import said
from console.door import needs
from console.entries import Entry, Kind
from console.forms import Field, Form, Given
from console.office import Office
from console.papers import Contents
from console.who import who
from runtime.database import transaction


def routes(pages: Blueprint, office: Office) -> None:
    """`/admin/rules` and below."""

    @pages.get("/admin/rules")
    @needs(EDIT_ROUTING)
    def rules_page() -> ResponseReturnValue:
        with transaction(office.engine) as records:
            made = routing.rulings(records)
            names = who(records, [one.made_by for one in made])
            records.expunge_all()
        return entries.page(office, KIND, "city_rules.html", say=said, rulings=made, names=names)

    @pages.get("/admin/rules/<code>")
    @needs(EDIT_ROUTING)
    def rule_form(code: str) -> ResponseReturnValue:
        return entries.form_page(office, KIND, code)

    @pages.post("/admin/rules/<code>")
    @needs(EDIT_ROUTING)
    def change_rule(code: str) -> ResponseReturnValue:
        return entries.save(office, KIND, code)


def _form(office: Office, contents: Contents, code: str | None) -> Form:
    entry = (contents[ROUTING].get("rules") or {}).get(code) or {}
    kinds = contents[CATEGORIES].get("categories") or {}
    departments = contents[DEPARTMENTS].get("departments") or {}
    of = {"category": kinds, "department": departments}
    options = {
        name: [
            (one, said(known["name"]))
            for one, known in all_of_them.items()
            if not known.get("retired") or one == entry.get(name)
        ]
        for name, all_of_them in of.items()
    }
    places = [(one, entries.word(f"place.{one}")) for one in PLACES]
    return Form(
        "",
        (
            *entries.code_field(code),
            forms.choice(
                "category", options["category"], needed=False, value=entry.get("category") or ""
            ),
            Field("place", "line", needed=False, value=entry.get("place") or ""),
            forms.choice("place_kind", places, needed=False, value=entry.get("kind") or ""),
            forms.choice("department", options["department"], value=entry.get("department") or ""),
            Field("starts", "date", value=_iso(entry.get("starts"))),
            Field("ends", "date", needed=False, value=_iso(entry.get("ends"))),
            *entries.names(entry, "reason"),
        ),
    )


def _iso(day: Any) -> str:
    return day.isoformat() if isinstance(day, date) else str(day or "")


def _enter(entry: Entry, given: Given) -> None:
    starts = forms.day(given["starts"])
    if starts is None:
        raise Refused("incomplete", missing=["starts"])
    entries.put(
        entry,
        category=given["category"],
        place=given["place"],
        kind=given["place_kind"],
        department=given["department"],
        starts=starts,
        ends=forms.day(given["ends"]),
        reason=entries.named(given, "reason"),
    )


KIND = Kind(
    file=ROUTING,
    key="rules",
    page="rules_page",
    form_page="rule_form",
    form=_form,
    enter=_enter,
    besides=(CATEGORIES, DEPARTMENTS),
)
