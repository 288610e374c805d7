"""`/admin/calendar`: the working days as the city reckons them, and the days on which it came to a halt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cases import clocks, editions
from cases.clocks import Promises, Terms
from cases.editions import CLOSURES
from cases.errors import Refused
from cases.permissions import EDIT_CITY
from cases.workdays import Workdays
from console import entries, forms, languages, papers, proof
from console.categories_page import said
from console.door import needs
from console.forms import Field, Form, Given
from console.office import Office
from console.papers import Contents
from console.words import Words
from runtime import clock
from runtime.city import City
from runtime.database import transaction

# In which languages of the calendar's package days are named to a reader, the best first.
LOCALES = {
    languages.HANT: ("zh_HK", "zh_TW", "zh_CN"),
    languages.HANS: ("zh_CN",),
    languages.EN: ("en_US", "en_GB", "en_HK"),
}


@dataclass(frozen=True)
class Promise:
    """When a case opened now would be due, by its grade; in force, and as drafted."""

    grade: str
    due: datetime
    drafted: datetime | None


def routes(pages: Blueprint, office: Office) -> None:
    """`/admin/calendar`."""

    @pages.get("/admin/calendar")
    @needs(EDIT_CITY)
    def calendar_page() -> ResponseReturnValue:
        return _page(office)

    @pages.post("/admin/calendar")
    @needs(EDIT_CITY)
    def close_a_day() -> ResponseReturnValue:
        return _save(office)


def _page(office: Office, given: Given | None = None, faults: Any = (), problem: str = "") -> str:
    year = _year(office)
    with transaction(office.engine) as records:
        paper = papers.working(records, CLOSURES)
        texts = papers.draft_texts(records)
        records.expunge_all()
    try:
        closures = sorted(
            paper.content().get("closures") or (), key=lambda one: str(one.get("day"))
        )
    except Refused:
        closures = []
    drafted = proof.read(papers.installed(), texts) if paper.is_draft else None
    city = drafted.city if drafted and drafted.city else office.city
    form = _form()
    return render_template(
        "city_calendar.html",
        year=year,
        days=city.named_days(year, LOCALES[g.wording.language]),
        closures=closures,
        is_draft=paper.is_draft,
        form=forms.filled(form, given) if given else form,
        faults=faults,
        problem=problem,
        promises=_promises(office, city if paper.is_draft else None),
        say=said,
        file=CLOSURES,
    )


def _year(office: Office) -> int:
    asked = request.args.get("year", "")
    today = clock.now().astimezone(office.city.time_zone).year
    return (
        int(asked) if asked.isascii() and asked.isdigit() and 1970 <= int(asked) < 2100 else today
    )


def _promises(office: Office, drafted: City | None) -> list[Promise]:
    now = clock.now()
    return [
        Promise(
            grade,
            _due(office.terms, grade, now),
            _due(_terms(drafted, office.terms.promises), grade, now) if drafted else None,
        )
        for grade in office.terms.promises.grades
    ]


def _terms(city: City, promises: Promises) -> Terms:
    return Terms(Workdays(city.is_working_day, city.time_zone, city.day_ends), promises)


def _due(terms: Terms, grade: str, now: datetime) -> datetime:
    span = terms.promises.span(grade, clocks.RESOLVE)
    return clocks.times(terms, now, span=span)["due_at"]


def _form() -> Form:
    return Form("", (Field("day", "date"), *entries.names({}, "reason"), Field("source", "line")))


def _save(office: Office) -> ResponseReturnValue:
    given = forms.read(_form(), request.form)
    reopened = forms.day(request.form.get("reopen", ""))

    def edit(found: Contents) -> None:
        closures = list(found[CLOSURES].get("closures") or ())
        if reopened:
            closures = [one for one in closures if one.get("day") != reopened]
        else:
            closures.append(_closure(given, closures))
        found[CLOSURES]["closures"] = sorted(closures, key=lambda one: str(one.get("day")))

    try:
        faults = papers.change(office, (editions.CLOSURES,), edit)
    except Refused as no:
        problem = Words(g.wording, office).refused(no)
        return _page(office, given, problem=problem), 422
    if faults:
        return _page(office, given, faults), 422
    flash("city.kept")
    return redirect(url_for("console.calendar_page", year=request.args.get("year")), 303)


def _closure(given: Given, closures: list[Mapping[str, Any]]) -> dict[str, Any]:
    day: date | None = forms.day(given["day"])
    reason = entries.named(given, "reason")
    if day is None or not all(reason.values()) or not given["source"]:
        raise Refused("incomplete", missing=["day"])
    if any(one.get("day") == day for one in closures):
        raise Refused("day_taken", day=day.isoformat())
    return {"day": day, "reason": reason, "source": given["source"]}
