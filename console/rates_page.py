"""`/rates` and `/rates/<department>`: what citizens answered, by a policy, a period and a unit, with all
that is needed to doubt it."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from flask import Blueprint, Response, abort, g, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from cases import outcomes
from cases.case import DESK
from cases.kpis import BY
from cases.outcomes import Cost, Excluded
from cases.permissions import OFFICER, SEE_CASES, SEE_OWN_CASES
from console import list_address, rates_asked, rates_rows, sheets
from console.door import needs
from console.office import Office
from console.rates_asked import LENGTHS, Wanted, asked_for
from console.rates_rows import Row
from console.who import Who, who
from console.words import Words
from runtime.database import transaction

# Of what pulled a department's figures down, so many are shown.
MOST = 100
WIDTHS = (16, 24)
FILE = "<any(csv, xlsx):format>"


def routes(pages: Blueprint, office: Office) -> None:
    """`/rates`, `/rates/<department>`, and both as CSV and in Excel's format. `table=trend`: the months."""

    @pages.get("/rates")
    @needs(SEE_CASES, SEE_OWN_CASES)
    def rates_page() -> ResponseReturnValue:
        return _page(office, asked_for(office))

    @pages.get(f"/rates.{FILE}")
    @needs(SEE_CASES, SEE_OWN_CASES)
    def rates_file(format: str) -> ResponseReturnValue:
        return _file(office, asked_for(office), format)

    @pages.get("/rates/<department>")
    @needs(SEE_CASES, SEE_OWN_CASES)
    def department_rates(department: str) -> ResponseReturnValue:
        return _department(office, asked_for(office), _known(office, department))

    @pages.get(f"/rates/<department>.{FILE}")
    @needs(SEE_CASES, SEE_OWN_CASES)
    def department_rates_file(department: str, format: str) -> ResponseReturnValue:
        wanted, code = asked_for(office), _known(office, department)
        with transaction(office.engine) as records:
            rows = _months(records, wanted, code)
        return _sheet(wanted, rows, f"{code}-by-month", format)


def _known(office: Office, department: str) -> str:
    """A department there is, or was; the desk has rates of its own."""
    if department != DESK and department not in office.departments:
        abort(404)
    return department


def _page(office: Office, wanted: Wanted) -> str:
    words = Words(g.wording, office)
    with transaction(office.engine) as records:
        report = rates_asked.reckoned(records, wanted)
        months = _months(records, wanted)
        left_out = _excluded(records, wanted)
        names = _names(records, left_out)
    return render_template(
        "rates.html",
        rows=rates_rows.of_units(words, wanted, report),
        months=months,
        excluded=left_out,
        names=names,
        by=words.named("rates.by", BY),
        **_choices(office, wanted),
    )


def _department(office: Office, wanted: Wanted, code: str) -> str:
    words = Words(g.wording, office)
    with transaction(office.engine) as records:
        report = rates_asked.reckoned(records, _by_department(wanted))
        months = _months(records, wanted, code)
        left_out = [one for one in _excluded(records, wanted) if one.department == code]
        costs = outcomes.costs(records, wanted.policy, code, wanted.period, wanted.district)
        names = _names(records, left_out)
    rows = rates_rows.of_units(words, _by_department(wanted), report)
    return render_template(
        "rates_department.html",
        department=code,
        rows=[one for one in rows if one.code in (code, rows[-1].code)],
        known=any(one.code == code for one in rows),
        months=months,
        excluded=left_out,
        names=names,
        **_pulled(wanted, costs, code),
        **_choices(office, wanted),
    )


def _choices(office: Office, wanted: Wanted) -> dict[str, Any]:
    """What a reader may choose, and what is chosen."""
    known = rates_asked.policies().items()
    return {
        "wanted": wanted,
        "policies": [(code, g.wording.name(one.name)) for code, one in known],
        "lengths": LENGTHS,
        "districts": [(name, name) for name in list_address.districts(office)],
    }


def _pulled(wanted: Wanted, costs: Sequence[Cost], code: str) -> dict[str, Any]:
    """Which answers pulled the figures down: how many to everybody, which to whoever may see the cases."""
    may_see = g.here.role != OFFICER or g.here.department == code
    taken = sum((one.points for one in costs), Fraction())
    return {
        "may_see": may_see,
        "count": len(costs),
        "taken": rates_rows.points(taken, wanted.policy),
        "costs": [
            (one, rates_rows.points(one.points, wanted.policy)) for one in costs[:MOST] if may_see
        ],
        "most": MOST,
    }


def _by_department(wanted: Wanted) -> Wanted:
    return Wanted(**{**vars(wanted), "by": "department"})


def _months(records: Session, wanted: Wanted, code: str | None = None) -> list[Row]:
    """All together month by month, or one department."""
    if code is None:
        units = [one.together for one in rates_asked.by_month(records, wanted)]
        return rates_rows.of_months(wanted, wanted.months, units)
    reports = rates_asked.by_month(records, _by_department(wanted))
    found = [rates_rows.unit_of(one, code) for one in reports]
    return rates_rows.of_months(wanted, wanted.months, found)


def _excluded(records: Session, wanted: Wanted) -> list[Excluded]:
    """Every case that does not count; an officer sees those of the own department."""
    found = outcomes.excluded(records, *wanted.period, wanted.district)
    if g.here.role != OFFICER:
        return found
    return [one for one in found if one.department == g.here.department]


def _names(records: Session, left_out: list[Excluded]) -> dict[str, Who]:
    return who(records, [name for one in left_out for name in (one.asked_by, one.approved_by)])


def _file(office: Office, wanted: Wanted, format: str) -> Response:
    words = Words(g.wording, office)
    with transaction(office.engine) as records:
        if request.args.get("table") == "trend":
            return _sheet(wanted, _months(records, wanted), f"{wanted.by}-by-month", format)
        report = rates_asked.reckoned(records, wanted)
    return _sheet(wanted, rates_rows.of_units(words, wanted, report), wanted.by, format)


def _sheet(wanted: Wanted, rows: Sequence[Row], of: str, format: str) -> Response:
    head = rates_rows.heads(wanted, months=rows[0].first is not None)
    lines = rates_rows.cells(wanted, rows)
    body: Iterator[bytes] = (
        sheets.as_csv(head, lines) if format == "csv" else sheets.as_xlsx(head, lines, WIDTHS)
    )
    name = f"rates-{wanted.name}-{of}-{wanted.first}-{wanted.last}.{format}"
    return Response(
        body,
        content_type=sheets.TYPES[format],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
