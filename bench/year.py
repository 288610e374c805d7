"""What is asked of a year of cases again and again, with ten thousand cases and with ten times as many.

A part measures on one filled database. What it gives is the time of one go, and the growth beside it:
1 for what costs the same with ten times the cases, 10 for what has to look at each.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Final

import pytest
from rich.table import Table
from sqlalchemy import Engine, select, union_all

from bench import city
from cases import clocks, kpis, outcomes, referral_policy
from cases.clocks import Clock
from runtime import clock, database
from runtime.database import transaction
from tests.conftest import migrate
from tests.support.servers import postgres_server
from watch import clocks as watch

ROUNDS: Final = 5
# Twelve times the calls that a city of 70,000 a day takes within one round of the watch.
PASSING: Final = 100
# The cases of the last month are still being worked on: the rates are of the one before.
OLD: Final = timedelta(days=60)


@dataclass(frozen=True)
class Figure:
    """Seconds that something took on one database, each time it was done."""

    what: str
    seconds: Sequence[float]

    @property
    def median(self) -> float:
        return median(self.seconds)


# Measures on a filled database; `now` is the moment up to which its cases were put in.
Part = Callable[[Engine, datetime], Iterator[Figure]]


def timed(what: str, act: Callable[[], object], rounds: int = ROUNDS) -> Figure:
    """How long `act` takes, by the wall's clock."""
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - began)
    return Figure(what, seconds)


def sweep(engine: Engine, now: datetime) -> Iterator[Figure]:
    """The watch's round over all clocks that run: with nothing to do; with a hundred marks to set and as
    many notices to post, or twice as many where it climbs; and after a day on which no watch ran."""
    sweep = watch.of_city(engine, city.terms(), referral_policy.of_city(city.CITY))

    def rounds_at(moments: Sequence[datetime]) -> Callable[[], object]:
        following = iter(moments)
        return lambda: watch.go_round(sweep, next(following))

    passing = _when_so_many_pass(engine, PASSING, ROUNDS)
    days = [passing[-1] + n * timedelta(days=1) for n in range(1, ROUNDS + 1)]
    yield timed("sweep, no clock passes a mark", lambda: watch.go_round(sweep, now))
    yield timed(f"sweep, {PASSING} clocks pass a mark", rounds_at(passing))
    yield timed("sweep, the marks of a day at once", rounds_at(days))


def _when_so_many_pass(engine: Engine, many: int, rounds: int) -> list[datetime]:
    """Moments by each of which so many more marks have been passed than by the one before, or more
    where many lie at one moment, as at the end of a day's work."""
    waiting = [
        select(getattr(Clock, at).label("at")).where(
            Clock.stopped_at.is_(None), getattr(Clock, done).is_(None)
        )
        for done, at in clocks.MARKS.values()
    ]
    together = union_all(*waiting).subquery()
    with transaction(engine) as session:
        times = list(session.scalars(select(together.c.at).order_by(together.c.at)))
    moments: list[datetime] = []
    passed = 0
    for count, (at, following) in enumerate(pairwise(times), start=1):
        if count - passed >= many and at != following:
            moments.append(at)
            passed = count
    return moments[:rounds]


def rates(engine: Engine, now: datetime) -> Iterator[Figure]:
    """The three rates of all units by 10/50/40: of a month, and of the whole year."""
    policy = kpis.policy("10-50-40")
    year = now - city.YEAR, now
    month = kpis.month(policy, (now - OLD).date(), city.CITY.time_zone)

    def reckoned(by: str, since: datetime, until: datetime) -> None:
        with transaction(engine) as session:
            outcomes.report(session, policy, by, since, until)

    yield timed("rates of all departments, a month", partial(reckoned, "department", *month))
    yield timed("rates of all departments, the year", partial(reckoned, "department", *year))
    yield timed("rates of all districts, the year", partial(reckoned, "district", *year))


PARTS: Final[tuple[Part, ...]] = (sweep, rates)


@dataclass(frozen=True)
class Line:
    """One thing measured on one database: seconds with so many cases, from few to many."""

    database: str
    what: str
    seconds: tuple[float, ...]

    @property
    def growth(self) -> float:
        """How many times as long it takes with the most cases as with the fewest."""
        return self.seconds[-1] / self.seconds[0]

    def as_dict(self, counts: Sequence[int]) -> dict[str, object]:
        """For JSON: milliseconds by number of cases."""
        times = {str(n): round(1000 * one, 2) for n, one in zip(counts, self.seconds, strict=True)}
        return {
            "database": self.database,
            "what": self.what,
            "ms": times,
            "growth": round(self.growth, 2),
        }


def measure(counts: Sequence[int], tell: Callable[[str], object]) -> list[Line]:
    """Every part on every database, with each number of cases: one right after the other, so that what
    else the machine does slows both."""
    now = clock.now() - timedelta(minutes=1)
    with ExitStack() as stack:
        filled = []
        for count in counts:
            tell(f"putting in {count:,} cases")
            databases = stack.enter_context(_databases())
            city.fill(list(databases.values()), count, now)
            filled.append(databases)
        lines = []
        for name in filled[0]:
            for part in PARTS:
                for of_each in zip(*(part(one[name], now) for one in filled), strict=True):
                    tell(f"{name}: {of_each[0].what}")
                    seconds = tuple(figure.median for figure in of_each)
                    lines.append(Line(name, of_each[0].what, seconds))
    return lines


@contextmanager
def _databases() -> Iterator[dict[str, Engine]]:
    """Empty databases by name. PostgreSQL only where it is installed."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        urls = {"SQLite": f"sqlite:///{folder / 'year.sqlite3'}", **_postgres(stack)}
        engines = {}
        for name, url in urls.items():
            migrate(url)
            engines[name] = database.engine(url.replace("postgresql:", "postgresql+psycopg:"))
            stack.callback(engines[name].dispose)
        yield engines


def _postgres(stack: ExitStack) -> dict[str, str]:
    try:
        return {"PostgreSQL": stack.enter_context(postgres_server()).url}
    except pytest.skip.Exception:
        return {}


def table(lines: Sequence[Line], counts: Sequence[int]) -> Table:
    """The figures as a table, in milliseconds."""
    shown = Table(box=None, padding=(0, 2, 0, 0), title="A year of cases: ms, median of five")
    shown.add_column("what")
    for count in counts:
        shown.add_column(f"{count:,}", justify="right", no_wrap=True)
    shown.add_column("growth", justify="right", no_wrap=True)
    for line in lines:
        times = (f"{1000 * seconds:,.1f}" for seconds in line.seconds)
        shown.add_row(f"{line.database}, {line.what}", *times, f"{line.growth:.1f}")
    return shown
