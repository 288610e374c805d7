"""`/topics`: the problems of a month, ranked, and which of them was chosen as its topic 每月一題."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from flask import Blueprint, Response, abort, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from cases import kpis, topics
from cases.errors import Refused
from cases.kpis import Rate
from cases.permissions import CHOOSE_TOPIC, SEE_ALERTS
from cases.topics import MonthlyTopic, Problem, Ranked, Report, Tally
from console import forms, sheets
from console.door import needs
from console.forms import Field, Form, Given
from console.office import Office
from console.rates_rows import Shown
from console.sheets import Cell
from console.who import who
from console.words import Words
from runtime import clock
from runtime.database import transaction

TOGETHER = "together"
ORDERS = (TOGETHER, *topics.MEASURES)
# So many months back a month can be chosen from the list; any month by its address.
MONTHS = 24
# So many problems stand on the page; all of them in the file.
MOST = 50
DECIMALS = 1


@dataclass(frozen=True)
class Wanted:
    """What the address asks for. `month`: its first day; `now`: the month that runs today."""

    month: date
    order: str
    now: date

    def at(self, **changes: str) -> dict[str, Any]:
        """The same on a page, but for `changes`."""
        return {"month": f"{self.month:%Y-%m}", "order": self.order, **changes}

    @property
    def earlier(self) -> dict[str, Any]:
        return self.at(month=f"{topics.first_of(self.month, -1):%Y-%m}")

    @property
    def later(self) -> dict[str, Any] | None:
        """The month after, unless it has not begun."""
        following = topics.first_of(self.month, 1)
        return self.at(month=f"{following:%Y-%m}") if following <= self.now else None


@dataclass(frozen=True)
class Row:
    """A problem as it is shown. `ranked` is None where there are too few cases; `growth`: in per cent, None
    where there is nothing to compare; `usual`: what a month before had on average; `cases`: the address of
    the list of them."""

    tally: Tally
    ranked: Ranked | None
    name: str
    usual: str | None
    growth: str | None
    repeats: Shown
    unresolved: Shown
    cases: str | None


def routes(pages: Blueprint, office: Office) -> None:
    """`/topics`, the same as CSV, and the choice of a topic and its undoing."""

    @pages.get("/topics")
    @needs(SEE_ALERTS)
    def topics_page() -> ResponseReturnValue:
        return _page(office, _wanted(office))

    @pages.get("/topics.csv")
    @needs(SEE_ALERTS)
    def topics_file() -> ResponseReturnValue:
        return _file(office, _wanted(office))

    @pages.post("/topics/choose")
    @needs(CHOOSE_TOPIC)
    def choose_topic() -> ResponseReturnValue:
        return _choose(office, _wanted(office))

    @pages.post("/topics/<int:topic_id>/undo")
    @needs(CHOOSE_TOPIC)
    def undo_topic(topic_id: int) -> ResponseReturnValue:
        return _undo(office, topic_id)


def _wanted(office: Office) -> Wanted:
    """What the address says wrongly is left out rather than complained about. Usually the last whole month."""
    now = topics.first_of(clock.now().astimezone(office.city.time_zone).date())
    month = forms.day(f"{request.values.get('month', '')}-01") or topics.first_of(now, -1)
    order = request.values.get("order", "")
    return Wanted(min(month, now), order if order in ORDERS else TOGETHER, now)


def _page(office: Office, wanted: Wanted, problem: str = "", given: Given | None = None) -> str:
    words, zone = Words(g.wording, office), office.city.time_zone
    with transaction(office.engine) as records:
        report = topics.report(records, wanted.month, zone, clock.now())
        standing = topics.standing(records, wanted.month)
        chosen = topics.chosen(records)
        names = _names(records, chosen)
        records.expunge_all()
    form = _form(words, report)
    return render_template(
        "topics.html",
        wanted=wanted,
        report=report,
        rows=_rows(words, report, wanted.order)[:MOST],
        few=[_row(words, report, one, None) for one in report.few[:MOST]],
        months=[_month(wanted.now, -back) for back in range(MONTHS)],
        orders=ORDERS,
        standing=standing,
        chosen=chosen,
        names=names,
        form=forms.filled(form, given) if given else form,
        problem=problem,
        least=topics.LEAST,
        most=MOST,
    )


def _month(now: date, later: int) -> tuple[str, str]:
    name = f"{topics.first_of(now, later):%Y-%m}"
    return name, name


def _names(records: Session, chosen: Sequence[MonthlyTopic]) -> Any:
    return who(records, [name for one in chosen for name in (one.chosen_by, one.undone_by or "")])


def _form(words: Words, report: Report) -> Form:
    """What is asked of who chooses a topic: the problems are offered in their order."""
    problems = [
        (one.problem.key, f"{one.rank}. {_name(words, one.problem)}") for one in report.ranked
    ]
    return Form(
        "choose_topic",
        (
            forms.choice("problem", problems),
            Field("reason", most=topics.MOST_WORDS),
            forms.choice("lead", words.departments()),
        ),
    )


def _name(words: Words, problem: Problem) -> str:
    return words.problem(vars(problem))


# --- rows -----------------------------------------------------------------------------------------------


def _rows(words: Words, report: Report, order: str) -> list[Row]:
    """The ranked problems in the order that was asked for."""
    in_order = report.ranked if order == TOGETHER else topics.ordered(report.ranked, order)
    return [_row(words, report, one.tally, one) for one in in_order]


def _row(words: Words, report: Report, tally: Tally, ranked: Ranked | None) -> Row:
    before = tally.before
    usual = kpis.figure(Fraction(sum(before), len(before)), DECIMALS) if before else None
    return Row(
        tally=tally,
        ranked=ranked,
        name=_name(words, tally.problem),
        usual=usual,
        growth=_growth(tally),
        repeats=_shown(tally.repeat_rate),
        unresolved=_shown(tally.unresolved_rate),
        cases=cases_of(report.month, tally.problem),
    )


def _growth(tally: Tally) -> str | None:
    """With its sign, in per cent."""
    growth = tally.growth
    if growth is None:
        return None
    sign = "+" if growth > 0 else "−" if growth < 0 else ""
    return f"{sign}{kpis.percent(abs(growth), 0)}"


def _shown(rate: Rate) -> Shown:
    share, low, high = (kpis.percent(one, DECIMALS) for one in (rate.share, rate.low, rate.high))
    return Shown(share, low, high, rate.n)


def cases_of(month: date, problem: Problem) -> str | None:
    """Where a month's cases of a problem are listed. Those without a hazard or a district cannot be asked for."""
    if not problem.hazard or not problem.district:
        return None
    last = topics.first_of(month, 1) - timedelta(days=1)
    return url_for(
        "console.case_list",
        category=problem.category or "none",
        hazard=problem.hazard,
        district=problem.district,
        since=month.isoformat(),
        until=last.isoformat(),
    )


# --- the file -------------------------------------------------------------------------------------------

HEADS = (
    *("month", "rank", "points", "category", "category_name", "hazard", "hazard_name", "district"),
    *("cases", "before", "months_before", "growth"),
    *("repeats", "repeat_share", "repeat_low", "repeat_high"),
    *("unresolved", "unresolved_share", "unresolved_low", "unresolved_high"),
    *(f"place_{name}" for name in topics.MEASURES),
)


def _file(office: Office, wanted: Wanted) -> Response:
    words = Words(g.wording, office)
    with transaction(office.engine) as records:
        report = topics.report(records, wanted.month, office.city.time_zone, clock.now())
    rows = [*_rows(words, report, wanted.order)]
    rows += [_row(words, report, one, None) for one in report.few]
    name = f"topics-{wanted.month:%Y-%m}.csv"
    return Response(
        sheets.as_csv(HEADS, _cells(words, report, rows)),
        content_type=sheets.TYPES["csv"],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _cells(words: Words, report: Report, rows: Sequence[Row]) -> Iterator[list[Cell]]:
    """What is not known is empty, and never 0; the rank of what is not ranked, too."""
    for row in rows:
        tally, problem, ranked = row.tally, row.tally.problem, row.ranked
        growth = None if tally.growth is None else kpis.figure(abs(100 * tally.growth), DECIMALS)
        sign = -1 if tally.growth is not None and tally.growth < 0 else 1
        yield [
            f"{report.month:%Y-%m}",
            *((ranked.rank, ranked.points) if ranked else (None, None)),
            *(problem.category or "", words.category(problem.category)),
            *(problem.hazard, words.hazard(problem.hazard) if problem.hazard else ""),
            problem.district,
            tally.cases,
            sum(tally.before) if tally.before else None,
            len(tally.before),
            None if growth is None else sign * Decimal(growth),
            *(tally.repeats, *_numbers(row.repeats)),
            *(tally.unresolved, *_numbers(row.unresolved)),
            *(ranked.places[name] if ranked else None for name in topics.MEASURES),
        ]


def _numbers(one: Shown) -> list[Cell]:
    return [None if text is None else Decimal(text) for text in (one.share, one.low, one.high)]


# --- choosing -------------------------------------------------------------------------------------------


def _choose(office: Office, wanted: Wanted) -> ResponseReturnValue:
    """Choose it; or say what is missing, with what was typed."""
    words, zone, now = Words(g.wording, office), office.city.time_zone, clock.now()
    given: Given = {}
    try:
        with transaction(office.engine) as records:
            report = topics.report(records, wanted.month, zone, now)
            given = forms.read(_form(words, report), request.form)
            topics.choose(
                records,
                report,
                given["problem"],
                given["reason"],
                given["lead"],
                by=office.person(g.here),
                now=now,
            )
    except Refused as no:
        status = 409 if no.code == "topic_stands" else 422
        return _page(office, wanted, words.refused(no), given), status
    flash("topics.done.choose")
    return redirect(url_for("console.topics_page", **wanted.at()), 303)


def _undo(office: Office, topic_id: int) -> ResponseReturnValue:
    words = Words(g.wording, office)
    with transaction(office.engine) as records:
        topic = records.get(MonthlyTopic, topic_id) or abort(404)
        month = topic.month
    try:
        with transaction(office.engine) as records:
            topic = records.get_one(MonthlyTopic, topic_id)
            topics.undo(records, topic, by=office.person(g.here), now=clock.now())
    except Refused as no:
        return _page(office, _wanted(office), words.refused(no)), 409
    flash("topics.done.undo")
    return redirect(url_for("console.topics_page", month=month), 303)
