"""`/rates`: what citizens answered, by a policy, a period and a unit, with all that is needed to doubt it."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from flask import Blueprint, Response, g, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from cases import kpis, outcomes
from cases.kpis import BY, Policy, Rate, Report, Unit
from cases.outcomes import Excluded
from cases.permissions import OFFICER, SEE_CASES, SEE_OWN_CASES
from console import forms
from console.door import needs
from console.office import Office
from console.who import Who, who
from console.words import Words
from runtime import clock
from runtime.database import transaction

# A spreadsheet takes what begins so for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Wanted:
    """What the address asks for: which policy, whose rates, and from which day to which, both counted.
    `since`, `until`: the same as moments, by when the policy's months begin."""

    name: str
    policy: Policy
    by: str
    first: date
    last: date
    since: datetime
    until: datetime

    @property
    def query(self) -> dict[str, str]:
        first, last = self.first.isoformat(), self.last.isoformat()
        return {"policy": self.name, "by": self.by, "first": first, "last": last}


def routes(pages: Blueprint, office: Office) -> None:
    """`/rates` and `/rates.csv`."""

    @pages.get("/rates")
    @needs(SEE_CASES, SEE_OWN_CASES)
    def rates_page() -> ResponseReturnValue:
        return _page(office, asked_for(office))

    @pages.get("/rates.csv")
    @needs(SEE_CASES, SEE_OWN_CASES)
    def rates_file() -> ResponseReturnValue:
        return _file(office, asked_for(office))


@cache
def policies() -> dict[str, Policy]:
    return kpis.policies()


def asked_for(office: Office) -> Wanted:
    """What the address says wrongly is left out rather than complained about."""
    known, asked = policies(), request.args
    name = asked.get("policy", "")
    name = name if name in known else next(iter(known))
    by = asked["by"] if asked.get("by") in BY else BY[0]
    policy, zone = known[name], office.city.time_zone
    since, until = kpis.month(policy, clock.now().astimezone(zone).date(), zone)
    first = forms.day(asked.get("first", "")) or since.date()
    last = forms.day(asked.get("last", "")) or until.date() - timedelta(days=1)
    last = max(first, last)
    begins = policy.period.begins_at
    return Wanted(
        *(name, policy, by, first, last),
        datetime.combine(first, begins, zone),
        datetime.combine(last + timedelta(days=1), begins, zone),
    )


def reckoned(records: Session, wanted: Wanted) -> Report:
    return outcomes.report(records, wanted.policy, wanted.by, wanted.since, wanted.until)


def _page(office: Office, wanted: Wanted) -> str:
    with transaction(office.engine) as records:
        report = reckoned(records, wanted)
        left_out = _excluded(records, wanted)
        names = _names(records, left_out)
    words = Words(g.wording, office)
    return render_template(
        "rates.html",
        wanted=wanted,
        report=report,
        rows=[_row(words, wanted, unit) for unit in (*report.units, report.together)],
        excluded=left_out,
        names=names,
        policies=[(code, g.wording.name(one.name)) for code, one in policies().items()],
    )


def _excluded(records: Session, wanted: Wanted) -> list[Excluded]:
    """Every case that does not count; an officer sees those of the own department."""
    found = outcomes.excluded(records, wanted.since, wanted.until)
    if g.here.role != OFFICER:
        return found
    return [one for one in found if one.department == g.here.department]


def _names(records: Session, left_out: list[Excluded]) -> dict[str, Who]:
    return who(records, [name for one in left_out for name in (one.asked_by, one.approved_by)])


def _row(words: Words, wanted: Wanted, unit: Unit) -> dict[str, Any]:
    """One unit in words."""
    rank = str(unit.rank) if unit.rank else words.say("rates.not_ranked")
    no_score = words.say("rates.no_data")
    return {
        "unit": unit,
        "name": group_name(words, wanted.by, unit.group),
        "rates": [_cell(words, wanted, rate) for rate in unit.rates.values()],
        "score": kpis.figure(unit.score, wanted.policy.decimals) or no_score,
        "rank": rank if unit.group != kpis.ALL else "",
    }


def _cell(words: Words, wanted: Wanted, rate: Rate) -> dict[str, Any]:
    share, low, high = (
        kpis.percent(one, wanted.policy.decimals) for one in (rate.share, rate.low, rate.high)
    )
    return {"share": share, "low": low, "high": high, "n": rate.n}


def group_name(words: Words, by: str, group: str) -> str:
    """A unit's name in words."""
    if group == kpis.ALL:
        return words.say("rates.all")
    if group == outcomes.NONE:
        return words.say("rates.none")
    if by == "department":
        return words.department(group)
    return words.category(group) if by == "category" else group


def _file(office: Office, wanted: Wanted) -> Response:
    with transaction(office.engine) as records:
        report = reckoned(records, wanted)
    words, text = Words(g.wording, office), io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerows([_plain(cell) for cell in row] for row in _lines(words, wanted, report))
    name = f"rates-{wanted.name}-{wanted.by}-{wanted.first}-{wanted.last}.csv"
    # Without the mark some spreadsheets take UTF-8 for something else.
    return Response(
        text.getvalue().encode("utf-8-sig"),
        mimetype="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _lines(words: Words, wanted: Wanted, report: Report) -> Iterator[list[object]]:
    measures = list(wanted.policy.weights)
    head = [f"{one}{end}" for one in measures for end in ("", "_low", "_high", "_n")]
    yield ["code", "name", "asked", "valid", "excluded", *head, "score", "rank"]
    for unit in (*report.units, report.together):
        cells = [_cell(words, wanted, unit.rates[one]) for one in measures]
        rates = [one[part] for one in cells for part in ("share", "low", "high", "n")]
        yield [
            *(unit.group, group_name(words, wanted.by, unit.group)),
            *(unit.asked, unit.valid, unit.excluded, *rates),
            *(kpis.figure(unit.score, wanted.policy.decimals), unit.rank),
        ]


def _plain(cell: object) -> str:
    """What is not known is empty, and never 0; a text is never a formula."""
    text = "" if cell is None else str(cell)
    return f"'{text}" if isinstance(cell, str) and text.startswith(FORMULA) else text
