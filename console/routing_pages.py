"""`/routing`: whose a matter is by the rules of a day. `/disputes`: where two departments cannot agree,
and the ruling 裁決 that mends it."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cases import disputes, routing
from cases.errors import Refused
from cases.permissions import RULE, SEE_CASES, SEE_OWN_CASES
from console import forms
from console.door import needs
from console.forms import Field, Form, Given
from console.office import Office
from console.who import who
from console.words import Words
from runtime import clock
from runtime.database import transaction


@dataclass(frozen=True)
class Line:
    """One rule as the page shows it. `source`: `file`, `ruling`, or `category` for the default."""

    source: str
    category: str | None
    where: str
    department: str
    starts: date
    ends: date | None
    reason: str
    made_by: str | None = None

    def holds(self, day: date) -> bool:
        return self.starts <= day and (self.ends is None or day <= self.ends)


def routes(pages: Blueprint, office: Office) -> None:
    """`/routing`, `/disputes`, `/rulings`."""

    @pages.get("/routing")
    @needs(SEE_CASES, SEE_OWN_CASES)
    def routing_page() -> ResponseReturnValue:
        return _routing(office)

    @pages.get("/disputes")
    @needs(SEE_CASES)
    def disputes_page() -> ResponseReturnValue:
        return _disputes(office, _asked_for())

    @pages.post("/rulings")
    @needs(RULE)
    def make_ruling() -> ResponseReturnValue:
        return _rule(office)


def _routing(office: Office) -> str:
    day = forms.day(request.args.get("day", "")) or _today(office)
    with transaction(office.engine) as records:
        made = routing.rulings(records)
        names = who(records, [one.made_by for one in made])
        records.expunge_all()
    lines = [*map(_of_ruling, made), *_of_file(office), *_of_categories(office)]
    return render_template(
        "routing.html",
        lines=[line for line in lines if line.holds(day)],
        later=[line for line in lines if not line.holds(day)],
        names=names,
        day=day,
    )


def _today(office: Office) -> date:
    return clock.now().astimezone(office.city.time_zone).date()


def _of_ruling(one: routing.Ruling) -> Line:
    where = one.place or ""
    return Line(
        *("ruling", one.category, where, one.department, one.starts, one.ends, one.reason),
        made_by=one.made_by,
    )


def _of_file(office: Office) -> list[Line]:
    return [
        Line(
            *("file", one.category, one.place or _kind(one.kind), one.department),
            *(one.starts, one.ends, g.wording.name(one.reason)),
        )
        for one in office.policy.routing.rules
    ]


def _kind(kind: str | None) -> str:
    return g.wording(f"place.{kind}") if kind else ""


def _of_categories(office: Office) -> list[Line]:
    """The rule that every category has its own department."""
    known = office.policy.routing
    reason = g.wording.name(known.reason)
    return [
        Line("category", one.code, "", one.department, known.starts, None, reason)
        for one in known.categories.values()
    ]


def _disputes(office: Office, given: Given, problem: str = "") -> str:
    with transaction(office.engine) as records:
        found = disputes.register(records, clock.now())
    form = forms.filled(_form(office), given)
    return render_template("disputes.html", disputes=found, form=form, problem=problem)


def _asked_for() -> Given:
    """A ruling begun from a line of the register: its category and place stand in the form."""
    return {name: request.args.get(name, "")[:200] for name in ("category", "place")}


def _form(office: Office) -> Form:
    words = Words(g.wording, office)
    return Form(
        "rule",
        (
            forms.choice("category", words.categories()),
            Field("place", "line", needed=False),
            forms.choice("department", words.departments()),
            Field("starts", "date", value=_today(office).isoformat()),
            Field("ends", "date", needed=False),
            Field("reason"),
        ),
    )


def _rule(office: Office) -> ResponseReturnValue:
    given = forms.read(_form(office), request.form)
    try:
        with transaction(office.engine) as records:
            routing.rule(records, office.policy.routing, **_ruling(office, given))
    except Refused as no:
        return _disputes(office, given, Words(g.wording, office).refused(no)), 422
    flash("routing.ruled")
    return redirect(url_for("console.routing_page"), 303)


def _ruling(office: Office, given: Given) -> dict[str, Any]:
    """What the rule takes. Raises Refused("incomplete")."""
    starts = forms.day(given["starts"])
    missing = [name for name in ("category", "department") if not given[name]]
    if starts is None or missing:
        raise Refused("incomplete", missing=missing or ["starts"])
    return {
        "category": given["category"],
        "department": given["department"],
        "reason": given["reason"],
        "by": office.person(g.here),
        "now": clock.now(),
        "starts": starts,
        "place": given["place"] or None,
        "ends": forms.day(given["ends"]),
    }
