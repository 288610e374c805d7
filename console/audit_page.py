"""`/admin/audit`: who saw and did what, for who may look over everybody's shoulder. It changes nothing."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime, time, timedelta
from typing import Any

from flask import Blueprint, Response, g, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from cases import admin_history, agents, audit
from cases import case as case_rules
from cases.agents import Agent
from cases.audit import Asked, Line, Place
from cases.permissions import AUDIT
from console import forms
from console.door import needs
from console.office import Office
from console.who import Who, who
from console.words import Words
from runtime import clock
from runtime.database import transaction

PAGE = 50
# So many days are looked at unless it is said which.
USUAL = timedelta(days=30)
# A file has so many lines at most; whoever needs more asks month by month.
MOST = 100_000
BATCH = 2000
COLUMNS = (
    "at",
    "kind",
    "action",
    "person",
    "role",
    "department",
    "case",
    "cases",
    "page",
    "reason",
)
# Spreadsheets take a text that begins so for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Wanted:
    """What the address asks for. What it says wrongly is left out."""

    person: str = ""
    number: str = ""
    kind: str = ""
    since: str = ""
    until: str = ""

    @property
    def query(self) -> dict[str, str]:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value}


def routes(pages: Blueprint, office: Office) -> None:
    """`/admin/audit` and `/admin/audit.csv`."""

    @pages.get("/admin/audit")
    @needs(AUDIT)
    def audit_page() -> ResponseReturnValue:
        wanted = _wanted()
        with transaction(office.engine) as records:
            found = _find(records, office, wanted, _after(request.args.get("after", "")))
            people = _people(records)
            names = _names(records, found)
            numbers = audit.numbers(records, found)
        return render_template(
            "audit.html",
            wanted=wanted,
            people=people,
            found=found[:PAGE],
            names=names,
            numbers=numbers,
            kinds=audit.KINDS,
            onward=_place(found[PAGE - 1]) if len(found) > PAGE else None,
            since=wanted.since or _usual_since(office),
        )

    @pages.get("/admin/audit.csv")
    @needs(AUDIT)
    def audit_file() -> ResponseReturnValue:
        """The same lines as a file. That it was taken out is a line itself."""
        wanted = _wanted()
        text, rows = _file(office, wanted)
        with transaction(office.engine) as records:
            by = office.person(g.here)
            told = {"rows": rows, "asked": wanted.query}
            admin_history.add(records, "audit_exported", clock.now(), by=by, about="", **told)
        headers = {"Content-Disposition": 'attachment; filename="audit.csv"'}
        return Response(text, mimetype="text/csv", headers=headers)


def _wanted() -> Wanted:
    given = {name: forms.plain(request.args.get(name, "")) for name in ("person", "kind")}
    number = "".join(filter(str.isdigit, request.args.get("number", "")))[:16]
    days = {name: request.args.get(name, "") for name in ("since", "until")}
    return Wanted(
        person=given["person"] if given["person"].isdigit() else "",
        number=number,
        kind=given["kind"] if given["kind"] in audit.KINDS else "",
        **{name: text if forms.day(text) else "" for name, text in days.items()},
    )


def _find(
    records: Session, office: Office, wanted: Wanted, after: Place | None, limit: int = PAGE + 1
) -> list[Line]:
    asked = _asked(records, office, wanted)
    return [] if asked is None else list(audit.lines(records, asked, limit, after))


def _asked(records: Session, office: Office, wanted: Wanted) -> Asked | None:
    """What is looked for; None when there is no case of that number."""
    case_id = None
    if wanted.number:
        case = case_rules.by_number(records, wanted.number)
        if case is None:
            return None
        case_id = case.id
    since = wanted.since or _usual_since(office)
    return Asked(
        actor=agents.actor(int(wanted.person)) if wanted.person else None,
        case_id=case_id,
        kind=wanted.kind or None,
        since=_midnight(office, since),
        until=_midnight(office, wanted.until, days=1) if wanted.until else None,
    )


def _usual_since(office: Office) -> str:
    return (clock.now() - USUAL).astimezone(office.city.time_zone).date().isoformat()


def _midnight(office: Office, text: str, days: int = 0) -> datetime:
    day = forms.day(text)
    assert day is not None
    return datetime.combine(day + timedelta(days=days), time(), office.city.time_zone)


def _people(records: Session) -> list[tuple[str, str]]:
    rows = records.execute(select(Agent.id, Agent.name).order_by(Agent.name))
    return [(str(row.id), row.name) for row in rows]


def _names(records: Session, found: list[Line]) -> dict[str, Who]:
    return who(records, [name for line in found for name in (line.actor, line.about)])


def _place(line: Line) -> str:
    return f"{line.at.isoformat()}~{line.source}~{line.id}"


def _after(text: str) -> Place | None:
    at, _, rest = text.partition("~")
    source, _, number = rest.partition("~")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return None
    if moment.tzinfo is None or source not in audit.SOURCES or not number.isdigit():
        return None
    return Place(moment, source, int(number))


def _file(office: Office, wanted: Wanted) -> tuple[str, int]:
    """A CSV that spreadsheets read as UTF-8, and how many lines it has."""
    words, file = Words(g.wording, office), io.StringIO()
    file.write("\ufeff")
    writer, rows, after = csv.writer(file), 0, None
    writer.writerow(COLUMNS)
    while rows < MOST:
        with transaction(office.engine) as records:
            found = _find(records, office, wanted, after, BATCH)
            names, numbers = _names(records, found), audit.numbers(records, found)
        for line in found:
            writer.writerow(map(_safe, _row(line, words, names, numbers)))
        rows += len(found)
        if len(found) < BATCH:
            break
        after = found[-1].place
    return file.getvalue(), rows


def _row(line: Line, words: Words, names: dict[str, Who], numbers: dict[int, str]) -> Iterator[Any]:
    detail = line.detail
    yield line.at.isoformat(timespec="seconds")
    yield line.source
    yield line.action
    yield words.actor(line.actor, names)
    yield line.role or ""
    yield line.department or ""
    yield numbers.get(line.case_id or 0, "")
    yield line.cases or ""
    yield detail.get("page", "")
    yield detail.get("reason", "") if line.source == audit.ACCESS else ""


def _safe(value: Any) -> Any:
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA) else value
