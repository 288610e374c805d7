"""Writes what the policies for the rates are, and works one example through, by the code that runs.

python -m cases.worked_rates        # writes docs/rates.md
"""

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

from cases import intervals, kpis
from cases.kpis import Handled, Policy, Rate, Said, Unit

PAGE = Path("docs/rates.md")
ZONE = ZoneInfo("UTC")  # of the example; a report is made in its city's own
DAY = date(2026, 11, 25)

# What each rate means to a reader. A measure that is not explained here cannot be shown.
MEANINGS = {
    "contacted": ("響應率", "of those who answered, whom the department had been in touch with"),
    "solved": ("解決率", "of those who answered, who say that it is solved"),
    "satisfied": (
        "滿意率",
        'of those who answered, who are very satisfied; "fairly" counts in part',
    ),
    "first_call": (
        "首次來電解決率",
        "of the cases opened in the period that are closed, which the desk answered itself, for good",
    ),
    "answered_within": ("接聽率", "of the calls, which somebody answered in time"),
}

# How each word of a policy reads.
DENOMINATORS = {
    "valid": "who said whether it is solved",
    "asked": "all who were to be asked, also those nobody reached",
}
EXCLUSIONS = {
    "left_out": "left out, and listed",
    "counted": "counted all the same, and listed",
}
TIES = {
    "volume": "the unit that was asked about more stands first",
    "shared": "they share a rank",
}
SUMMARIES = {
    "volume": "over all answers of all units",
    "plain": "the plain mean of the units' rates",
}

# What citizens said of the departments of the example: how often, and what.
SAID = Counter(
    {
        Said("lamps", True, True, True, "very", False): 24,
        Said("lamps", True, True, True, "fairly", False): 10,
        Said("lamps", True, True, False, "no", False): 4,
        Said("lamps", True, False, False, "no", False): 2,
        Said("lamps", False, None, None, None, False): 10,
        Said("lamps", True, True, False, "no", True): 3,
        Said("water", True, True, True, "very", False): 20,
        Said("water", True, True, True, "fairly", False): 5,
        Said("water", True, False, False, "no", False): 25,
        Said("trees", True, True, True, "very", False): 6,
        Said("noise", False, None, None, None, False): 2,
    }
)
HANDLED = Counter({Handled("desk", False, False): 50, Handled("desk", True, False): 30})
SHOWN = "lamps"

_HEAD = """# The rates 三率

Written by `python -m cases.worked_rates` from the files in `cases/policies`, by the code that reckons the
rates: do not edit. What the words of a call-back mean is told in [followups.md](followups.md).

After a case is resolved the citizen is asked: was anybody in touch, is it solved, are you satisfied? How
answers become rates, and rates a score, is a *policy*: a file that anybody can read. A city may add its own
in `cities/<city>/policies`.

    python -m console kpi policies
    python -m console kpi 10-50-40 --by district --from 2026-10-01 --until 2026-11-01"""

_RULES = """## What holds for all of them

- **What is counted.** One resolution of one case, in the period in which the call-back ended. A case that
  was resolved twice was asked about twice: the first answer, *not solved*, counts against the department that
  said it was.
- **Valid** is a call-back in which the citizen said whether it is solved. Who was not reached, asked not to
  be rung, or hung up before that is not valid, and is never counted as satisfied. Who answered that, and no
  question after it, counts as not satisfied.
- **Excluded 剔除.** Somebody asks for it with a reason, a supervisor or coordinator who is somebody else
  approves it. Every report says how many were excluded, and lists which, why, and who asked and approved:
  those decided on in the period, and those that would have counted in it.
- **Not counted at all** is a case that came from the browser telephone, which is for trying things; the first
  line of its sealed history says so.
- **By whom.** `department` as it was when the case was resolved; `district` as the first department was
  told; `category` as a person last confirmed it (a guess is no fact to judge by); `seat` is the leader who
  took the case at the duty seat; `none` is what belongs to none; `city` is all together. `first_call` is the
  desk's own: by department, all cases are `desk`'s.
- **A merged case 併案** counts once: its main case is counted, it is not, neither for `first_call` nor in a
  call-back of its own. Taken apart again it counts as reopened.
- **No data** is shown where there is nothing to take a share of, never 0 or 100; a unit without data for a
  rate that has a weight has no score.
- **The score** is 100 x the weighted sum of the rates, unrounded; figures are rounded once, half up, when
  they are shown. All reckoning is in fractions: the same answers give the same figures to the last digit.
- **Too few.** A unit with fewer valid answers than `least` is shown and not ranked.
- **Rank** is by the score as it is shown; what comes of equal scores, the policy says (`ties`)."""

_INTERVAL = """## How sure a rate is

Beside each rate of a unit stand n and an interval. Reckoned so from sample after sample, 95 of 100 such
intervals hold the share that all would have given who could have been asked. It is Wilson's score interval,
with z = {z},

    (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n)

It holds for small n and near 0 and 100, never leaves that range, and is wide where little was said. Where
"fairly" counts in part, p is a mean of values from 0 to 1; these scatter less than yes and no do, so the
interval is wider than need be.

**The score's own interval** is put together from those of its rates by the method of variance estimates
recovery: with the weights w, the rates p and their limits l and u,

    low  = S - √(Σ r w (p - l) w' (p' - l'))
    high = S + √(Σ r w (u - p) w' (u' - p'))

over all pairs of rates, a rate with itself included (Zou, Huang and Zhang 2009, *Computational Statistics &
Data Analysis* 53, 1080-1085). r is what two rates have in common: over the same answers Pearson's correlation
of what these say (put in as in Newcombe 1998, *Statistics in Medicine* 17, 2635-2650), since who says that it
is not solved is seldom satisfied; between rates over different things 0; and 1 where a rate is 0 or 100 in the
sample, which makes the interval widest. It needs no chance: the same answers give the same interval. Tried on
1,500 made-up samples in each of twelve situations (10 to 400 answers, a true score of 60, 80 or 96), 93.4 to
96.8 of 100 intervals held what was true. A plain
mean over units is such a sum too, of units that have nothing in common (r = 0), each with the weight 1/units.

## Months, quarters, years and districts

The page `/rates` shows a policy's month, quarter or year, or any days; a month begins when the policy says, a
quarter and a year with its month that begins in January, April, July or October. *By month* is each of the
twelve months that end with the one the period ends in, reckoned like any other period; a month in which
nobody answered is a gap and never 0. A district is where the first department was told that the matter lies.

`/rates/<department>` lists what pulled its figures down: the answers that count for less than all, the
costliest first, each with what it takes from the score. An answer takes 100 x Σ w (1 - what it counts) / n: what
all answers take, and the score, are 100 together. Whoever may see the cases sees which they are.

Figures go to a sheet as CSV or Excel's format, as the page shows them."""

_MISSING = """## What has no data today

`answered_within`: a call reaches us when our machine answers it, at once, and how long a person let it ring
before that a provider does not tell. The rate is shown as *no data* until there is something to count."""

_AGAIN = """## Reckoned again by anybody

    python -m console export > log.jsonl
    python -m console kpi recompute log.jsonl --policy 10-50-40 --zone Europe/Paris

reckons the same figures from the file alone, without the database. It believes the sealed history of each
case and nothing else; where a line is not as it was sealed, or a column tells another story than the history,
it ends with the case's number and what is wrong. Whoever changes a line can seal all the lines after it anew,
or leave a case out: against that, compare the digest it prints last, on standard error, with the one that
`python -m console verify` printed at the office. Options and output are those of the report; `--json` gives
figures for a program."""


def page() -> str:
    """docs/rates.md."""
    parts = [_HEAD, "\n".join(_measures()), "## The policies", "\n".join(_policies())]
    parts += [_RULES, _INTERVAL.format(z=intervals.Z), "## One example, worked through", _example()]
    for code, policy in kpis.policies().items():
        parts += [f"### By {code}", *_worked(policy)]
    return "\n\n".join([*parts, _MISSING, _AGAIN]) + "\n"


def _measures() -> Iterator[str]:
    yield from _line("rate", "", "meaning")
    for measure, (name, meaning) in MEANINGS.items():
        yield from _line(f"`{measure}`", name, meaning, head=False)


def _policies() -> Iterator[str]:
    known = kpis.policies()
    yield from _line("", *(f"`{code}`" for code in known))
    for field, values in _fields(known).items():
        yield from _line(field, *values, head=False)


def _fields(known: Mapping[str, Policy]) -> dict[str, list[str]]:
    return {
        "source": [one.source for one in known.values()],
        "weights": [_weights(one) for one in known.values()],
        '"fairly" counts': [_plain(one.fairly) for one in known.values()],
        "out of (`denominator`)": [DENOMINATORS[one.denominator] for one in known.values()],
        "excluded cases (`excluded`)": [EXCLUSIONS[one.excluded] for one in known.values()],
        "a month begins": [_period(one) for one in known.values()],
        "decimals of a percentage": [str(one.decimals) for one in known.values()],
        "ranked from (`least`)": [f"{one.least} valid answers" for one in known.values()],
        "equal scores (`ties`)": [TIES[one.ties] for one in known.values()],
        "all together (`summary`)": [SUMMARIES[one.summary] for one in known.values()],
    }


def _weights(policy: Policy) -> str:
    if not policy.scores:
        return ", ".join(policy.weights) + ": shown, no score"
    return ", ".join(f"{name} {_plain(weight)}" for name, weight in policy.weights.items())


def _period(policy: Policy) -> str:
    begin, end = kpis.month(policy, DAY, ZONE)
    last = end - timedelta(minutes=1)
    return (
        f"on day {policy.period.begins_on} at {policy.period.begins_at:%H:%M}; that of"
        f" {DAY} is {begin:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}"
        f"; a day's report ends at {policy.period.day_begins:%H:%M}"
    )


def _example() -> str:
    return "\n".join(
        [
            f"What was said in a month of four departments. Besides, {_closed()}.",
            "",
            *_line("department", "times", "valid", "contacted", "solved", "satisfied", "excluded"),
            *(line for said, count in SAID.items() for line in _said(said, count)),
        ]
    )


def _closed() -> str:
    first = sum(count for one, count in HANDLED.items() if one.first_call)
    return f"{HANDLED.total()} cases were closed, {first} of them by the desk itself"


def _said(said: Said, count: int) -> list[str]:
    answers = (_word(value) for value in (said.valid, said.contacted, said.solved))
    cells = (said.group, str(count), *answers, said.satisfied or "-", _word(said.excluded))
    return _line(*cells, head=False)


def _word(value: bool | None) -> str:
    return "-" if value is None else "yes" if value else "no"


def _worked(policy: Policy) -> Iterator[str]:
    if policy.note:
        yield policy.note
    report = kpis.report(policy, SAID, HANDLED)
    units = {one.group: one for one in report.units}
    yield f"```\n{chr(10).join(_steps(policy, units[SHOWN]))}\n```"
    yield "\n".join(_report(policy, [*report.units, report.together]))


def _steps(policy: Policy, unit: Unit) -> Iterator[str]:
    yield f"{SHOWN}: asked {unit.asked}, valid {unit.valid}, excluded {unit.excluded}"
    for name, rate in unit.rates.items():
        yield f"{name:<15} = {_share(policy, name, rate)}"
    if unit.score is None:
        return
    sums = " + ".join(
        f"{_plain(weight)} x {_ratio(unit.rates[name].share)}"
        for name, weight in policy.weights.items()
    )
    yield f"{'score':<15} = 100 x ({sums})"
    shown = kpis.figure(unit.score, policy.decimals)
    yield f"{'':<15} = {_plain(unit.score)}, shown as {shown}"
    low, high = (kpis.figure(one, policy.decimals) for one in (unit.low, unit.high))
    yield f"{'':<15}   between {low} and {high}"


def _share(policy: Policy, name: str, rate: Rate) -> str:
    if rate.share is None:
        return "no data"
    hits = _plain(rate.share * rate.n)
    how = f" = ({_parts(policy)}) / {rate.n}" if name == "satisfied" else ""
    shown, low, high = (
        kpis.percent(one, policy.decimals) for one in (rate.share, rate.low, rate.high)
    )
    return f"{hits} / {rate.n}{how} = {shown} %, between {low} and {high}"


def _parts(policy: Policy) -> str:
    """How many are very and how many fairly satisfied, as the policy counts them."""
    very, fairly = (_how_many(mark) for mark in (kpis.VERY, kpis.FAIRLY))
    return f"{very} + {_plain(policy.fairly)} x {fairly}"


def _how_many(mark: str) -> int:
    said = {one: count for one, count in SAID.items() if one.group == SHOWN and not one.excluded}
    return sum(count for one, count in said.items() if one.satisfied == mark)


def _report(policy: Policy, units: list[Unit]) -> Iterator[str]:
    yield from _line("", "asked", "valid", "excluded", *policy.weights, "score", "rank")
    for unit in units:
        rates = (_cell(policy, rate) for rate in unit.rates.values())
        score = _score(policy, unit)
        counts = (str(one) for one in (unit.asked, unit.valid, unit.excluded))
        yield from _line(unit.group, *counts, *rates, score, str(unit.rank or "-"), head=False)


def _cell(policy: Policy, rate: Rate) -> str:
    share = kpis.percent(rate.share, policy.decimals)
    if share is None:
        return "no data"
    low, high = (kpis.percent(one, policy.decimals) for one in (rate.low, rate.high))
    return f"{share} ({low}-{high}), n {rate.n}" if low else f"{share}, n {rate.n}"


def _score(policy: Policy, unit: Unit) -> str:
    shown = [kpis.figure(one, policy.decimals) for one in (unit.score, unit.low, unit.high)]
    if shown[0] is None:
        return "no data" if policy.scores else "-"
    return f"{shown[0]} ({shown[1]}-{shown[2]})" if shown[1] else shown[0]


def _ratio(share: Fraction | None) -> str:
    return "no data" if share is None else str(share)


def _plain(value: Fraction) -> str:
    """A fraction as a decimal number: 9/10 -> "0.9"."""
    return f"{(Decimal(value.numerator) / Decimal(value.denominator)).normalize():f}"


def _line(*cells: str, head: bool = True) -> list[str]:
    line = "| " + " | ".join(cells) + " |"
    return [line, "|---" * len(cells) + "|"] if head else [line]


def main() -> int:
    """Write docs/rates.md. Returns the exit status."""
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
