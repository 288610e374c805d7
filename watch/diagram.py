"""Writes what the clocks of each city are, from the data that runs.

    python -m watch.diagram [cities/<city> ...]        # writes docs/clocks.md

Without folders: every folder below `cities/`.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from itertools import groupby
from pathlib import Path

import yaml

from cases import categories, clocks, departments
from cases.clocks import Grade, Terms
from cases.workdays import Span
from runtime.city import CLOSURES, City

PAGE = Path("docs/clocks.md")
ONE_DAY = timedelta(days=1)
# The year whose days are shown. The calendars of both cities' countries are published for it.
YEAR = 2026
UNITS = {"m": "minute", "h": "hour", "d": "day", "wd": "working day"}

# What each kind of clock is to a reader. A kind that is not explained here cannot be shown.
MEANINGS = {
    clocks.DISPATCH: ("派單", "the desk confirms what the matter is and refers it"),
    clocks.ACCEPT: ("簽收", "each department that was asked accepts or returns"),
    clocks.ARRIVE: ("報到", "each department that was called reports in"),
    clocks.INTERIM: ("初步回覆", "the citizen hears how it stands"),
    clocks.RESOLVE: ("解決", "the citizen has an answer"),
    clocks.FOLLOWUP: ("回訪", "the citizen was asked whether it is solved"),
    clocks.TASK: ("任務", "a task or an instruction is done"),
    clocks.REVIEW: ("覆核", "a task force is looked at again; ends on a day that a person names"),
    clocks.SUSPENSION: ("掛賬", "a suspended case goes on; ends on a day that a person names"),
}

_HEAD = """# The clocks

Written by `python -m watch.diagram` from each city's `clocks.yaml`, `closures.yaml`, `city.yaml` and
calendar, by the code that sets clocks: do not edit.

Every case has several clocks at a time, so that each screen can say *which* one is late."""

_COUNTING = """## How time is counted

- Minutes and hours run day and night, on holidays too.
- Days are counted without the day on which the clock was set, however much of it is left.
- "7 days" are days of the calendar. A last day on which nobody works moves to the next working day.
- "5 working days" are days on which the city's offices work: no public holiday, no Saturday or Sunday
  unless it is worked in exchange for a holiday, no day on which the city came to a halt.
- A clock of days ends when work ends on its last day, by the city's own time.
- A clock warns when a share of its time is gone, and has two marks more: due, and three times its length.
  What it says is stored when it is set and never changes; the database refuses it. A calendar that is
  mended later holds for the clocks that are set then.
- More time is a new clock that says which one it extends. Of a suspended case the interim and the
  resolution clock stand still and afterwards have the time that was left, in their own unit.
- A case that turns out to be of another grade is no younger for it: the new clock counts from when the
  old one was set."""


def page(cities: Iterable[City]) -> str:
    """docs/clocks.md."""
    parts = [_HEAD, "\n".join(_kinds()), _COUNTING]
    for city in cities:
        parts += _city(city)
    return "\n\n".join(parts) + "\n"


def _kinds() -> Iterator[str]:
    yield from _line("clock", "", "stops when")
    for kind in clocks.KINDS:
        yield from _line(f"`{kind}`", *MEANINGS[kind], head=False)


def _city(city: City) -> Iterator[str]:
    terms = Terms.of_city(city)
    promises = terms.promises
    yield f"## {_both(city.name)}"
    yield "\n".join(_grades(terms))
    if promises.published:
        yield (
            f"**Bold**: published ({promises.published['en']}). Everything else is this pack's default:"
            " no published figure was found."
        )
    yield "\n".join(_categories(city, terms))
    yield "\n".join(_limits(terms, city))
    yield f"### Reckoned\n\n{_EXAMPLES}"
    yield "\n".join(_examples(city, terms))
    if city.closures:
        yield "### Days on which the city came to a halt"
        yield "\n".join(_closures(city))


def _grades(terms: Terms) -> Iterator[str]:
    yield from _line("clock", *(f"`{code}` {grade.name['yue']}" for code, grade in _sorted(terms)))
    for kind in clocks.PROMISED:
        cells = (_span(grade, kind) for _, grade in _sorted(terms))
        yield from _line(f"`{kind}`", *cells, head=False)


def _sorted(terms: Terms) -> list[tuple[str, Grade]]:
    return list(terms.promises.grades.items())


def _span(grade: Grade, kind: str) -> str:
    words = in_words(grade.clocks[kind])
    return f"**{words}**" if kind in grade.published else words


def in_words(span: Span) -> str:
    """`7d` -> "7 days"."""
    return f"{span.amount} {UNITS[span.unit]}{'s' if span.amount != 1 else ''}"


def _categories(city: City, terms: Terms) -> Iterator[str]:
    kinds = categories.read(city.folder, departments.read(city.folder))
    yield from _line("grade", "categories")
    for code, grade in _sorted(terms):
        of = [kind for kind in kinds if terms.promises.grade_of(kind.code) == code]
        names = ", ".join(f"{kind.name['en']} {kind.name['yue']}" for kind in of)
        yield from _line(f"`{code}` {grade.name['en']}", names, head=False)


def _limits(terms: Terms, city: City) -> Iterator[str]:
    promises, limits = terms.promises, terms.promises.limits
    yield f"- A case without a category is `{promises.default}`."
    yield f"- A clock warns when {promises.warn_at:.0%} of its time is gone."
    yield (
        f"- Extension 延期: {limits.extensions} times for one clock at most, each by at most"
        f" {in_words(limits.longest_extension)} from when it was due."
    )
    yield (
        "- Suspension 掛賬: once for a case, until a named day, at most"
        f" {in_words(limits.longest_suspension)}."
    )
    yield f"- Work ends at {city.day_ends:%H:%M} ({city.time_zone})."
    if promises.counting:
        yield f"- Days are counted by: {promises.counting['en']}."


_EXAMPLES = f"""By the code that runs and the calendar of {YEAR}: when clocks end that are set at 10:00 on the last
working day before the year's longest break, a minute before midnight and at midnight after the first
working day that follows it, on days that are worked in exchange for a holiday, and before a day on which
the city came to a halt."""


def _examples(city: City, terms: Terms) -> Iterator[str]:
    spans = _spans(terms)
    yield from _line("set", *map(in_words, spans))
    for set_at in sorted(set(_moments(city))):
        ends = (_moment(terms.workdays.add(span, set_at), city) for span in spans)
        yield from _line(_moment(set_at, city), *ends, head=False)


def _spans(terms: Terms) -> list[Span]:
    """Every length of the resolution clocks, and one of each other unit."""
    found = [grade.clocks[clocks.RESOLVE] for _, grade in _sorted(terms)]
    return list(dict.fromkeys([*found, Span(1, "wd"), Span(5, "wd")]))


def _moments(city: City) -> Iterator[datetime]:
    days = [date(YEAR, 1, 1) + n * ONE_DAY for n in range(366)]
    first, last = _longest_break(city, [day for day in days if day.year == YEAR])
    yield _at(first - ONE_DAY, time(10), city)
    yield _at(last + ONE_DAY, time(23, 59), city)
    yield _at(last + 2 * ONE_DAY, time(), city)
    worked = [day for day in days if city.day_kind(day) == "makeup"]
    yield from (_at(day, time(10), city) for day in (worked[:1] + worked[-1:]))
    if city.closures:
        yield _at(_last_halt(city) - ONE_DAY, time(10), city)


def _longest_break(city: City, days: list[date]) -> tuple[date, date]:
    runs = [list(run) for works, run in groupby(days, city.is_working_day) if not works]
    inside = [run for run in runs if run[0] != days[0]]
    longest = max(inside, key=len)
    return longest[0], longest[-1]


def _last_halt(city: City) -> date:
    """The first day of the last time that the city came to a halt."""
    day = max(city.closures)
    while day - ONE_DAY in city.closures:
        day -= ONE_DAY
    return day


def _at(day: date, clock: time, city: City) -> datetime:
    return datetime.combine(day, clock, city.time_zone)


def _moment(at: datetime, city: City) -> str:
    return f"{at.astimezone(city.time_zone):%a %Y-%m-%d %H:%M}"


def _closures(city: City) -> Iterator[str]:
    # The city has checked this file when it was read.
    table = yaml.safe_load((city.folder / CLOSURES).read_text(encoding="utf-8"))
    yield from _line("day", "why", "source")
    for one in table["closures"]:
        yield from _line(
            f"{one['day']:%a %Y-%m-%d}", _both(one["reason"]), one["source"], head=False
        )


def _both(names: Mapping[str, str]) -> str:
    return f"{names['en']} {names['yue']}"


def _line(*cells: str, head: bool = True) -> Iterator[str]:
    yield "| " + " | ".join(cells) + " |"
    if head:
        yield "|---" * len(cells) + "|"


def main(folders: list[str]) -> int:
    """Write docs/clocks.md. Returns the exit status."""
    found = [Path(folder) for folder in folders] or sorted(
        file.parent for file in Path("cities").glob("*/city.yaml")
    )
    PAGE.write_text(page(City.read(folder) for folder in found), encoding="utf-8")
    print(f"wrote {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
