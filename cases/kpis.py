"""The rates 響應率, 解決率, 滿意率: what citizens said when they were asked, by policies that are data.

All counting is of whole numbers and fractions, so that the same answers give the same figures to the
last digit, from the database or from the exported file. A rate of nothing is no rate: None, never 0
or 100.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass as plain_dataclass
from dataclasses import field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Literal, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator
from pydantic.dataclasses import dataclass

from cases import intervals
from cases.intervals import Group, Part
from cases.pack import STRICT, Names, Pack, PackError

FOLDER = Path(__file__).parent / "policies"
# By whom the answers are grouped; `city`: all together.
BY = ("department", "district", "category", "seat", "city")
ALL = "all"
VERY, FAIRLY = "very", "fairly"
# What is counted of a unit, besides who was asked, who answered and what was excluded.
COUNTS = ("contacted", "solved", "very", "fairly", "handled", "first_call")
# The measures that one and the same answer gives.
OF_ANSWERS = ("contacted", "solved", "satisfied")

Span = Literal["month", "quarter", "year"]
SPANS: Mapping[Span, int] = {"month": 1, "quarter": 3, "year": 12}
Measure = Literal["contacted", "solved", "satisfied", "first_call", "answered_within"]
# What somebody said who answered: contacted, solved, satisfied.
Answer = tuple[bool | None, bool | None, str | None]


def _fraction(text: object) -> Fraction:
    try:
        share = Fraction(str(text))
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"{text!r} is not a number like 0.9") from None
    if not 0 <= share <= 1:
        raise ValueError(f"{text!r} does not lie between 0 and 1")
    return share


def _time(text: object) -> time:
    return time.fromisoformat(str(text))


def _one_in_all(weights: Mapping[Measure, Fraction]) -> Mapping[Measure, Fraction]:
    if sum(weights.values()) not in (0, 1):
        raise ValueError("the weights must add up to 1, or all be 0 where there is no score")
    return weights


_Share = Annotated[Fraction, PlainValidator(_fraction)]
_Time = Annotated[time, BeforeValidator(_time)]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Period:
    """A month of a policy begins on a day of the calendar's month at a time of day; a day's report is
    of the day that ends at `day_begins`."""

    begins_on: Annotated[int, Field(ge=1, le=28)]
    begins_at: _Time
    day_begins: _Time


class Policy(Pack):
    """How answers become rates and rates a score.

    weights: of each measure shown, in the score; all 0 for a policy without a score. fairly: what
    "fairly satisfied" counts. denominator: `valid`, those who said whether it is solved, or `asked`,
    all who were to be asked, also those nobody reached. excluded: an excluded case is `left_out`, or
    `counted` all the same; it is listed in either case. decimals: of a percentage, rounded half up.
    least: below so many answers a unit is shown and not ranked. ties: of equal scores the unit stands
    first that was asked about more (`volume`), or they share a rank (`shared`). summary: of all units
    together, `volume` over all answers, or `plain`, the mean of the units' rates. seconds: for
    answered_within. note: what a reader has to know of its figures.
    """

    name: Names
    source: str
    note: str | None = None
    weights: Annotated[Mapping[Measure, _Share], AfterValidator(_one_in_all)]
    fairly: _Share
    denominator: Literal["valid", "asked"]
    excluded: Literal["left_out", "counted"]
    period: Period
    decimals: Annotated[int, Field(ge=0, le=4)]
    least: Annotated[int, Field(ge=1)]
    ties: Literal["volume", "shared"]
    summary: Literal["volume", "plain"]
    seconds: Annotated[int, Field(gt=0)] | None = None

    @property
    def scores(self) -> bool:
        """Whether the rates add up to a score."""
        return any(self.weights.values())


def policies(folder: Path = FOLDER) -> dict[str, Policy]:
    """Every policy file of a folder, by its name. Raises PackError."""
    return {file.stem: Policy.read(file) for file in sorted(folder.glob("*.yaml"))}


def policy(name: str, folder: Path = FOLDER) -> Policy:
    """One policy. Raises PackError naming those there are."""
    known = policies(folder)
    if name not in known:
        raise PackError(folder, f"there is no policy {name!r}; there are {', '.join(known)}")
    return known[name]


def month(policy: Policy, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """From when up to (not with) when the policy's month runs in which this day lies."""
    begins = day.replace(day=policy.period.begins_on)
    if begins > day:
        begins = _a_month_on(begins, -1)
    at = policy.period.begins_at
    return _at(begins, at, zone), _at(_a_month_on(begins, 1), at, zone)


def months(
    policy: Policy, day: date, zone: ZoneInfo, count: int
) -> list[tuple[datetime, datetime]]:
    """The policy's month in which this day lies, and those before it, `count` in all; the first first."""
    last = month(policy, day, zone)[0].date()
    return [month(policy, _a_month_on(last, back), zone) for back in range(1 - count, 1)]


def span(policy: Policy, length: Span, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """From when up to (not with) when the policy's month, quarter or year runs in which this day lies:
    so many of its months, the first of them the one that begins in January, April, July or October."""
    begins = month(policy, day, zone)[0].date()
    into_it = (begins.month - 1) % SPANS[length]
    first = _a_month_on(begins, -into_it)
    at = policy.period.begins_at
    return _at(first, at, zone), _at(_a_month_on(first, SPANS[length]), at, zone)


def report_day(policy: Policy, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """What a report made on this day is of: the last full day of the policy."""
    at = policy.period.day_begins
    return _at(day - timedelta(days=1), at, zone), _at(day, at, zone)


def _a_month_on(day: date, months: int) -> date:
    count = day.year * 12 + day.month - 1 + months
    return day.replace(year=count // 12, month=count % 12 + 1)


def _at(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, zone)


class Said(NamedTuple):
    """What came of asking about one resolution of one case. `group`: the unit it counts for.

    valid: it was said whether the matter is solved. excluded: it counts for nothing 剔除.
    """

    group: str
    valid: bool
    contacted: bool | None
    solved: bool | None
    satisfied: str | None
    excluded: bool


class Handled(NamedTuple):
    """A case that is over. first_call: the desk answered it itself, and nobody had to reopen it."""

    group: str
    first_call: bool
    excluded: bool


@plain_dataclass(frozen=True)
class Rate:
    """A share of `n`, with where it lies in 95 of 100 such samples. All three None: no data.

    The interval is Wilson's score interval. For a mean of values from 0 to 1 ("fairly" counts
    0.9) it is wider than need be, since no such value scatters more than yes and no do. That of a plain
    mean over units is put together from theirs (`intervals.of_sum`).
    """

    n: int
    share: Fraction | None
    low: Decimal | None
    high: Decimal | None


@plain_dataclass(frozen=True)
class Unit:
    """One unit's figures. asked, valid, excluded: numbers of resolutions; counts: of what was said, and
    of cases that are over. low, high: where the score lies in 95 of 100 such samples, by
    `intervals.of_sum` over its rates. rank: 1 is the best, None where there are too few answers or no
    score."""

    group: str
    asked: int
    valid: int
    excluded: int
    counts: Mapping[str, int]
    rates: Mapping[str, Rate]
    score: Fraction | None
    low: Fraction | None
    high: Fraction | None
    rank: int | None


@plain_dataclass(frozen=True)
class Report:
    """Every unit, the best first, and all together."""

    units: tuple[Unit, ...]
    together: Unit


@plain_dataclass
class _Tally:
    asked: int = 0
    valid: int = 0
    excluded: int = 0
    contacted: int = 0
    solved: int = 0
    very: int = 0
    fairly: int = 0
    handled: int = 0
    first_call: int = 0
    answers: Counter[Answer] = field(default_factory=Counter)

    def add(self, said: Said, count: int, leave_out: bool) -> None:
        self.excluded += count * said.excluded
        if said.excluded and leave_out:
            return
        self.asked += count
        if not said.valid:
            return
        self.valid += count
        self.contacted += count * bool(said.contacted)
        self.solved += count * bool(said.solved)
        self.very += count * (said.satisfied == VERY)
        self.fairly += count * (said.satisfied == FAIRLY)
        self.answers[said.contacted, said.solved, said.satisfied] += count

    def add_handled(self, handled: Handled, count: int, leave_out: bool) -> None:
        if not (handled.excluded and leave_out):
            self.handled += count
            self.first_call += count * handled.first_call

    def plus(self, other: _Tally) -> _Tally:
        mine, theirs = vars(self), vars(other)
        return _Tally(**{name: mine[name] + theirs[name] for name in mine})


def report(
    policy: Policy, said: Mapping[Said, int], handled: Mapping[Handled, int] | None = None
) -> Report:
    """The figures of all units. `said`, `handled`: how often each happened; `handled` is looked at by
    a policy that has `first_call`."""
    tallies: defaultdict[str, _Tally] = defaultdict(_Tally)
    leave_out = policy.excluded == "left_out"
    for one, count in said.items():
        tallies[one.group].add(one, count, leave_out)
    if "first_call" in policy.weights:
        for case, count in (handled or {}).items():
            tallies[case.group].add_handled(case, count, leave_out)
    in_order = dict(sorted(tallies.items()))
    units = [_unit(policy, group, tally) for group, tally in in_order.items()]
    return Report(_ranked(policy, units), _together(policy, units, in_order))


def counted(said: Iterable[Said]) -> Counter[Said]:
    """How often each happened."""
    return Counter(said)


def _unit(policy: Policy, group: str, tally: _Tally) -> Unit:
    rates = _rates(policy, tally)
    score = _score(policy, {name: rate.share for name, rate in rates.items()})
    counts = {name: vars(tally)[name] for name in COUNTS}
    low, high = _about(policy, {group: tally}, score)
    return Unit(
        group=group,
        asked=tally.asked,
        valid=tally.valid,
        excluded=tally.excluded,
        counts=counts,
        rates=rates,
        score=score,
        low=low,
        high=high,
        rank=None,
    )


def _rates(policy: Policy, tally: _Tally) -> dict[str, Rate]:
    return {name: _rate(policy, name, tally) for name in policy.weights}


def _rate(policy: Policy, measure: Measure, tally: _Tally) -> Rate:
    n = tally.valid if policy.denominator == "valid" else tally.asked
    match measure:
        case "contacted":
            return rate(Fraction(tally.contacted), n)
        case "solved":
            return rate(Fraction(tally.solved), n)
        case "satisfied":
            return rate(tally.very + policy.fairly * tally.fairly, n)
        case "first_call":
            return rate(Fraction(tally.first_call), tally.handled)
        case "answered_within":
            # How long a caller heard it ring, a provider does not tell: see docs/rates.md.
            return rate(Fraction(0), 0)


def rate(hits: Fraction, n: int) -> Rate:
    """`hits` of `n`, with its interval; no data where there is nothing to take a share of."""
    if n == 0:
        return Rate(0, None, None, None)
    share = hits / n
    return Rate(n, share, *intervals.wilson(share, n))


def _score(policy: Policy, shares: Mapping[str, Fraction | None]) -> Fraction | None:
    """100 x the weighted sum of the rates; None as long as one that has a weight has no data."""
    weighed = [(weight, shares[name]) for name, weight in policy.weights.items() if weight]
    if not weighed or any(share is None for _, share in weighed):
        return None
    return 100 * sum((weight * share for weight, share in weighed if share is not None), Fraction())


def _about(
    policy: Policy, tallies: Mapping[str, _Tally], score: Fraction | None
) -> tuple[Fraction, Fraction] | tuple[None, None]:
    """Where the score of a unit lies, or that of the plain mean over several."""
    if score is None:
        return None, None
    rates = {group: _rates(policy, tally) for group, tally in tallies.items()}
    over: dict[str, int] = {
        name: sum(1 for one in rates.values() if one[name].n) for name in policy.weights
    }
    groups = (_together_with(policy, tallies[group], rates[group], over) for group in tallies)
    low, high = intervals.of_sum(*groups)
    return 100 * Fraction(low), 100 * Fraction(high)


def _together_with(
    policy: Policy, tally: _Tally, rates: Mapping[str, Rate], over: Mapping[str, int]
) -> Group:
    """The rates of a unit that are in the score, and what they have in common: those of the same
    answers, what these say; those of different things, nothing. over: of how many units each rate is
    the mean."""
    names = [name for name, weight in policy.weights.items() if weight and rates[name].n]

    def related(one: int, other: int) -> Decimal:
        pair = names[one], names[other]
        return _correlation(policy, tally, *pair) if {*pair} <= {*OF_ANSWERS} else Decimal(0)

    return Group([_part(rates[name], policy.weights[name] / over[name]) for name in names], related)


def _part(rate: Rate, weight: Fraction) -> Part:
    if rate.share is None or rate.low is None or rate.high is None:
        raise ValueError("a rate without data is part of no sum")
    return Part(weight, rate.share, rate.low, rate.high)


def _correlation(policy: Policy, tally: _Tally, one: Measure, other: Measure) -> Decimal:
    """Of two rates over the same answers; those who were asked and said nothing count 0 in both."""
    n = tally.valid if policy.denominator == "valid" else tally.asked
    pairs = [
        (worth(policy, one, answer), worth(policy, other, answer), count)
        for answer, count in tally.answers.items()
    ]
    sums = (
        sum((a * n for a, _, n in pairs), Fraction()),
        sum((b * n for _, b, n in pairs), Fraction()),
    )
    products = (
        sum((a * a * n for a, _, n in pairs), Fraction()),
        sum((b * b * n for _, b, n in pairs), Fraction()),
        sum((a * b * n for a, b, n in pairs), Fraction()),
    )
    return intervals.correlation(n, sums, products)


def worth(policy: Policy, measure: Measure, answer: Answer) -> Fraction:
    """What one answer counts in a measure, from 0 to 1; 0 in one that is not of answers."""
    contacted, solved, satisfied = answer
    match measure:
        case "contacted":
            return Fraction(bool(contacted))
        case "solved":
            return Fraction(bool(solved))
        case "satisfied":
            return policy.fairly if satisfied == FAIRLY else Fraction(satisfied == VERY)
    return Fraction()


def _ranked(policy: Policy, units: list[Unit]) -> tuple[Unit, ...]:
    """By score as it is shown; of equals as the policy says, then by code. Equal is equal."""
    able = [one for one in units if one.score is not None and one.valid >= policy.least]
    able.sort(key=lambda one: (*(-figure for figure in _place(policy, one)), one.group))
    ranks = {_place(policy, one): place for place, one in reversed([*enumerate(able, start=1)])}
    ranked = [_with_rank(one, ranks[_place(policy, one)]) for one in able]
    return (*ranked, *(one for one in units if one not in able))


def _place(policy: Policy, unit: Unit) -> tuple[Fraction, int]:
    return _shown(policy, unit), unit.asked if policy.ties == "volume" else 0


def _shown(policy: Policy, unit: Unit) -> Fraction:
    return _half_up(unit.score or Fraction(), policy.decimals)


def _with_rank(unit: Unit, rank: int) -> Unit:
    return Unit(**{**vars(unit), "rank": rank})


def _together(policy: Policy, units: list[Unit], tallies: Mapping[str, _Tally]) -> Unit:
    whole = _Tally()
    for tally in tallies.values():
        whole = whole.plus(tally)
    all_of_it = _unit(policy, ALL, whole)
    if policy.summary == "volume":
        return all_of_it
    means = {name: _mean(units, name, rate) for name, rate in all_of_it.rates.items()}
    score = _score(policy, {name: rate.share for name, rate in means.items()})
    low, high = _about(policy, tallies, score)
    return Unit(**{**vars(all_of_it), "rates": means, "score": score, "low": low, "high": high})


def _mean(units: list[Unit], name: str, over_all: Rate) -> Rate:
    """The plain mean over units that have data: each counts the same, and they have nothing in common."""
    known = [rate for one in units if (rate := one.rates[name]).n]
    if not known:
        return Rate(0, None, None, None)
    shares = [rate.share for rate in known if rate.share is not None]
    groups = (Group([_part(rate, Fraction(1, len(known)))], _nothing) for rate in known)
    low, high = intervals.of_sum(*groups)
    return Rate(over_all.n, sum(shares, Fraction()) / len(known), low, high)


def _nothing(one: int, other: int) -> Decimal:
    return Decimal(0)


def percent(share: Fraction | Decimal | None, decimals: int) -> str | None:
    """A share as a percentage, rounded half up: 0.98765 -> "98.8". None stays None: no data."""
    if share is None:
        return None
    return figure(100 * Fraction(share), decimals)


def figure(value: Fraction | None, decimals: int) -> str | None:
    """A number with so many decimals, rounded half up."""
    if value is None:
        return None
    whole = int(_half_up(value, decimals) * 10**decimals)
    digits = f"{whole:0{decimals + 1}d}"
    return f"{digits[:-decimals]}.{digits[-decimals:]}" if decimals else digits


def _half_up(value: Fraction, decimals: int) -> Fraction:
    scale = 10**decimals
    return Fraction((value * scale * 2 + 1) // 2, scale)
