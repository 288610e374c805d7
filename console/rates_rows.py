"""Rates in words and as cells of a sheet: a page and its file say the same figures."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from cases import kpis, outcomes
from cases.kpis import Policy, Rate, Report, Unit
from cases.outcomes import Period
from console.rates_asked import Wanted
from console.sheets import Cell
from console.words import Words

NOBODY = kpis.Rate(0, None, None, None)


@dataclass(frozen=True)
class Shown:
    """A figure as it is shown, with where it lies and what it is of; None: no data."""

    share: str | None
    low: str | None
    high: str | None
    n: int


@dataclass(frozen=True)
class Row:
    """One unit, or one month of one. `code`: of the unit; `first`: the month's first day. `score` is None
    in a policy without one."""

    code: str
    name: str
    first: date | None
    asked: int
    valid: int
    excluded: int
    score: Shown | None
    rates: Mapping[str, Shown]
    rank: int | None
    ranked: bool

    @property
    def figures(self) -> dict[str, Shown]:
        """The score, where there is one, and the rates."""
        return {**({"score": self.score} if self.score else {}), **self.rates}


def of_units(words: Words, wanted: Wanted, report: Report) -> list[Row]:
    """Every unit, the best first, and all together."""
    units = (*report.units, report.together)
    return [_row(wanted.policy, one, _name(words, wanted.by, one.group)) for one in units]


def of_months(wanted: Wanted, periods: Iterable[Period], units: Iterable[Unit | None]) -> list[Row]:
    """One unit month by month; a month of which nothing is known has a row too."""
    rows = []
    for (since, _), unit in zip(periods, units, strict=True):
        first = since.date()
        name = f"{first:%Y-%m}" if wanted.policy.period.begins_on == 1 else first.isoformat()
        rows.append(_row(wanted.policy, unit or _of_nobody(wanted.policy), name, first))
    return rows


def unit_of(report: Report, group: str) -> Unit | None:
    """The unit of this code, if anything is known of it."""
    return next((one for one in report.units if one.group == group), None)


def _of_nobody(policy: Policy) -> Unit:
    rates: dict[str, Rate] = dict.fromkeys(policy.weights, NOBODY)
    return Unit("", 0, 0, 0, {}, rates, None, None, None, None)


def _row(policy: Policy, unit: Unit, name: str, first: date | None = None) -> Row:
    places = policy.decimals
    score, low, high = (kpis.figure(one, places) for one in (unit.score, unit.low, unit.high))
    return Row(
        *(unit.group, name, first, unit.asked, unit.valid, unit.excluded),
        Shown(score, low, high, unit.valid) if policy.scores else None,
        {code: _shown(rate, places) for code, rate in unit.rates.items()},
        unit.rank,
        unit.group != kpis.ALL,
    )


def _shown(rate: Rate, places: int) -> Shown:
    share, low, high = (kpis.percent(one, places) for one in (rate.share, rate.low, rate.high))
    return Shown(share, low, high, rate.n)


def _name(words: Words, by: str, group: str) -> str:
    """A unit's name in words."""
    if group == kpis.ALL:
        return words.say("rates.all")
    if group == outcomes.NONE:
        return words.say("rates.none")
    if by == "department":
        return words.department(group)
    return words.category(group) if by == "category" else group


# --- as a sheet ----------------------------------------------------------------------------------------


def heads(wanted: Wanted, *, months: bool) -> list[str]:
    """What stands above the columns: codes that stay the same in every language."""
    own = ("month", "first", "last") if months else ("code", "name")
    rates = [f"{one}{end}" for one in wanted.policy.weights for end in ("", "_low", "_high", "_n")]
    return [*own, "asked", "valid", "excluded", *rates, "score", "score_low", "score_high", "rank"]


def cells(wanted: Wanted, rows: Iterable[Row]) -> Iterator[list[Cell]]:
    """The rows as cells; what is not known is empty, and never 0."""
    for row in rows:
        yield [*_own(wanted, row), *_counted(row), *_figures(row), row.rank]


def _own(wanted: Wanted, row: Row) -> list[Cell]:
    if row.first is None:
        return [row.code, row.name]
    until = kpis.month(wanted.policy, row.first, wanted.zone)[1].date()
    return [row.name, row.first.isoformat(), (until - timedelta(days=1)).isoformat()]


def _counted(row: Row) -> list[Cell]:
    return [row.asked, row.valid, row.excluded]


def _figures(row: Row) -> Iterator[Cell]:
    for one in row.rates.values():
        yield from (*_numbers(one), one.n)
    yield from _numbers(row.score) if row.score else (None, None, None)


def _numbers(one: Shown) -> list[Cell]:
    return [None if text is None else Decimal(text) for text in (one.share, one.low, one.high)]


def points(value: Fraction, policy: Policy) -> str:
    """Points of a score, with one decimal more than the score is shown with."""
    return kpis.figure(value, policy.decimals + 1) or ""
