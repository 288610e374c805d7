"""A year of a city's cases, put into a database at once: histories, clocks, referrals, follow-ups.

The rows are the ones that the rules would have written (seals hold, clocks end on the city's working
days); only the way is shorter, because going it a hundred thousand times takes hours.
"""

import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from itertools import islice
from typing import Any, Final, NamedTuple

from sqlalchemy import JSON, Connection, Engine, Table, text

from cases import asked, categories, clocks, departments, followups, lifecycle
from cases import case as case_module
from cases.categories import Category
from cases.clocks import Terms
from cases.history import NO_SEAL, sealed
from cases.record import Record
from runtime.city import City
from runtime.settings import CITIES

CITY: Final = City.read(CITIES / "hongkong")
KINDS: Final = categories.read(CITY.folder, departments.read(CITY.folder))
YEAR: Final = timedelta(days=365)
HOUR: Final = timedelta(hours=1)
# The last of all cases are still being worked on: one in ten, come in within so long.
ONE_OPEN_IN: Final = 10
OPEN_SINCE: Final = timedelta(days=30)
# One case in so many is not solved the first time; one in so many is never reached.
ONE_UNSOLVED_IN, ONE_NOT_REACHED_IN = 12, 7
# One case in so many does not count in the rates.
ONE_EXCLUDED_IN: Final = 100
DISTRICTS: Final = 18
BATCH: Final = 2000
# In the order in which rows need one another.
TABLES: Final = (
    "calls",
    "cases",
    "history",
    "history_heads",
    "clocks",
    "referrals",
    "followups",
    "exclusions",
)

Row = dict[str, Any]
Rows = dict[str, list[Row]]


def terms() -> Terms:
    """The city's terms, which remember what kind of day each day is."""
    found = Terms.of_city(CITY)
    return replace(
        found, workdays=replace(found.workdays, is_working=cache(found.workdays.is_working))
    )


def fill(engines: Sequence[Engine], count: int, now: datetime) -> None:
    """Put `count` cases, the last year's up to `now`, into databases that are migrated and empty: the
    same into each."""
    lives = _lives(count, now)
    while rows := _together(islice(lives, BATCH)):
        for engine in engines:
            with engine.begin() as connection:
                for table in TABLES:
                    _insert(connection, Record.metadata.tables[table], rows[table])
    for engine in engines:
        _settle(engine)


def _lives(count: int, now: datetime) -> Iterator[Rows]:
    agreed, dice = terms(), random.Random(count)
    for number, opened_at in enumerate(_openings(count, now), start=1):
        over = opened_at <= now - OPEN_SINCE
        yield _Life(number, opened_at, dice.choice(KINDS), agreed, dice).rows(over, now)


def _openings(count: int, now: datetime) -> Iterator[datetime]:
    still_open = count // ONE_OPEN_IN
    over = count - still_open
    for n in range(over):
        yield now - YEAR + (YEAR - OPEN_SINCE) * n / over
    for n in range(1, still_open + 1):
        yield now - OPEN_SINCE + OPEN_SINCE * n / (still_open + 1)


class _Life(NamedTuple):
    """What becomes of one case."""

    number: int
    opened_at: datetime
    kind: Category
    terms: Terms
    dice: random.Random

    def rows(self, over: bool, now: datetime) -> Rows:
        """Its rows: from the call to the last answer, or to where a department works on it."""
        rows: Rows = {name: [] for name in TABLES}
        accepted_at = self.opened_at + HOUR
        self._asked(rows, accepted_at)
        if over:
            self._tries(rows, accepted_at)
            if not self.dice.randrange(ONE_EXCLUDED_IN):
                self._excluded(rows)
        else:
            for kind in (clocks.INTERIM, clocks.RESOLVE):
                self._clock(rows, kind, self.opened_at, None, now=now)
        status = lifecycle.CLOSED if over else lifecycle.ACCEPTED
        self._case(rows, status)
        return rows

    def _asked(self, rows: Rows, accepted_at: datetime) -> None:
        at, agent, officer = self.opened_at, "agent:1", "agent:2"
        department = self.kind.department
        self._line(rows, "opened", at, number=self._case_number)
        self._line(rows, "confirm", at + HOUR / 6, agent, category=self.kind.code)
        district = f"district {self.dice.randrange(DISTRICTS) + 1}"
        self._line(rows, "refer", at + HOUR / 5, agent, lead=department, district=district)
        self._line(rows, "accept", accepted_at, officer, department=department)
        self._clock(rows, clocks.DISPATCH, at, at + HOUR / 5)
        self._clock(rows, clocks.ACCEPT, at + HOUR / 5, accepted_at)
        rows["referrals"].append(self._referral(accepted_at, district))

    def _tries(self, rows: Rows, accepted_at: datetime) -> None:
        """Resolved and, mostly, solved; else resolved a second time."""
        self._clock(rows, clocks.INTERIM, self.opened_at, accepted_at + HOUR)
        resolved_at = accepted_at + self.dice.random() * OPEN_SINCE / 3
        if not self.dice.randrange(ONE_UNSOLVED_IN):
            self._resolved(rows, 1, resolved_at, solved=False)
            resolved_at += OPEN_SINCE / 3
            self._resolved(rows, 2, resolved_at, solved=True)
        else:
            reached = self.dice.randrange(ONE_NOT_REACHED_IN) > 0
            self._resolved(rows, 1, resolved_at, solved=True if reached else None)

    def _resolved(self, rows: Rows, resolution: int, at: datetime, solved: bool | None) -> None:
        since = self.opened_at if resolution == 1 else at - HOUR
        told_at = at + 5 * HOUR
        said: Row = {"resolution": resolution, "contacted": None, "satisfied": None}
        if solved is not None:
            liked = self.dice.choice(("very", "very", "fairly", "no")) if solved else "no"
            said.update(contacted=self.dice.random() < 0.9, satisfied=liked)
        action = {True: "solved", False: "unsolved", None: "not_reached"}[solved]
        self._line(rows, "resolve", at, "agent:2", answer="It was seen to.", outcome="done")
        self._line(rows, action, told_at, **said, department=self.kind.department)
        self._clock(rows, clocks.RESOLVE, since, at)
        self._clock(rows, clocks.FOLLOWUP, at, told_at)
        rows["followups"].append(self._followup(said, solved, at, told_at))

    def _excluded(self, rows: Rows) -> None:
        asked_at = rows["history"][-1]["at"] + HOUR
        reason, words, decided_at = "No department's matter.", "So it is.", asked_at + HOUR
        whose: Row = {"reason": reason, "department": self.kind.department}
        self._line(rows, "exclusion_asked", asked_at, "agent:2", **whose)
        granted: Row = {"words": words, "asked_by": "agent:2"}
        self._line(rows, "exclusion_granted", decided_at, "agent:3", **granted)
        rows["exclusions"].append(
            {
                **whose,
                "case_id": self.number,
                "asked_by": "agent:2",
                "asked_at": asked_at,
                "approved": True,
                "words": words,
                "decided_by": "agent:3",
                "decided_at": decided_at,
            }
        )

    def _case(self, rows: Rows, status: str) -> None:
        last = rows["history"][-1]
        heads = {"case_id": self.number, "seal": last["seal"], "lines": len(rows["history"])}
        rows["history_heads"].append(heads)
        rows["calls"].append(
            {
                "id": self.number,
                "provider_id": f"CA{self.number}",
                "provider": "bench",
                "caller_masked": "withheld",
                "called": CITY.hotline,
                "status": "completed",
                "status_rank": 9,
                "language": "yue",
                "began_at": self.opened_at,
                "ended_at": self.opened_at + HOUR / 30,
                "outgoing": False,
            }
        )
        due = [clock["due_at"] for clock in rows["clocks"] if clock["kind"] == clocks.RESOLVE]
        rows["cases"].append(
            {
                "id": self.number,
                "call_id": self.number,
                "number": self._case_number,
                "status": status,
                "opened_at": self.opened_at,
                "language": "yue",
                "category": self.kind.code,
                "category_confidence": 0.9,
                "category_alternatives": [],
                "category_reasons": [],
                "category_confirmed": True,
                "department": self.kind.department,
                "owner": self.kind.department,
                "due_at": due[-1],
                "flags": [],
                "version": len(rows["history"]),
            }
        )

    @property
    def _case_number(self) -> str:
        year = self.opened_at.astimezone(self.terms.time_zone).year
        return case_module.number_for(self.number, year)

    def _referral(self, accepted_at: datetime, district: str) -> Row:
        return {
            "case_id": self.number,
            "round": 1,
            "department": self.kind.department,
            "role": asked.LEAD,
            "asked_at": self.opened_at + HOUR / 5,
            "asked_by": "agent:1",
            "category": self.kind.code,
            "district": district,
            "why": {},
            "silences": 0,
            "answer": asked.ACCEPTED,
            "answered_at": accepted_at,
            "answered_by": "agent:2",
        }

    def _followup(
        self, said: Row, solved: bool | None, resolved_at: datetime, ended_at: datetime
    ) -> Row:
        return {
            **said,
            "case_id": self.number,
            "department": self.kind.department,
            "state": followups.NOT_REACHED if solved is None else followups.ANSWERED,
            "language": "yue",
            "tries": 1,
            "next_try_at": resolved_at,
            "solved": solved,
            "by": followups.VOICE,
            "resolved_at": resolved_at,
            "ended_at": ended_at,
        }

    def _line(
        self, rows: Rows, action: str, at: datetime, actor: str = "system", **detail: Any
    ) -> None:
        before = rows["history"][-1]["seal"] if rows["history"] else NO_SEAL
        line = {
            "case_id": self.number,
            "at": at,
            "actor": actor,
            "action": action,
            "detail": detail,
        }
        rows["history"].append({**line, "seal": sealed(before, line)})

    def _clock(
        self,
        rows: Rows,
        kind: str,
        set_at: datetime,
        stopped_at: datetime | None,
        now: datetime | None = None,
    ) -> None:
        """A clock that stopped, or runs and has had the marks that are due until `now`."""
        grade = self.terms.promises.grade_of(self.kind.code)
        span = self.terms.promises.span(grade, kind)
        times = clocks.times(self.terms, set_at, span=span)
        until = stopped_at or now or set_at
        late = clocks.LATE if until > times["due_at"] else clocks.MET
        seen = {
            done: times[at] if times[at] <= until else None for done, at in clocks.MARKS.values()
        }
        at_the_desk = kind in (clocks.DISPATCH, clocks.RESOLVE, clocks.INTERIM, clocks.FOLLOWUP)
        rows["clocks"].append(
            {
                "case_id": self.number,
                "kind": kind,
                "department": None if at_the_desk else self.kind.department,
                "grade": grade,
                "span": str(span),
                "set_at": set_at,
                **times,
                "stopped_at": stopped_at,
                "outcome": late if stopped_at else None,
                **seen,
            }
        )


def _together(lives: Iterable[Rows]) -> Rows | None:
    together: Rows = {name: [] for name in TABLES}
    for life in lives:
        for name, rows in life.items():
            together[name] += rows
    return together if together["cases"] else None


def _insert(connection: Connection, table: Table, rows: list[Row]) -> None:
    if rows and connection.dialect.name == "postgresql":
        _copy(connection, table, rows)
    elif rows:
        connection.execute(table.insert(), rows)


def _copy(connection: Connection, table: Table, rows: list[Row]) -> None:
    """COPY, which takes rows several times as fast as INSERT does."""
    names = list(rows[0])
    as_json = [isinstance(table.c[name].type, JSON) for name in names]
    statement = f"COPY {table.name} ({', '.join(names)}) FROM STDIN"
    raw: Any = connection.connection.cursor()
    with raw, raw.copy(statement) as copy:
        for row in rows:
            copy.write_row(_values(row, names, as_json))


def _values(row: Mapping[str, Any], names: list[str], as_json: list[bool]) -> list[Any]:
    return [
        json.dumps(row[name]) if is_json else row[name]
        for name, is_json in zip(names, as_json, strict=True)
    ]


def _settle(engine: Engine) -> None:
    """Have the database look at what it holds now, as it does by itself in the course of a day; and
    have it count on where the rows put in end."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if engine.dialect.name != "postgresql":
            connection.execute(text("ANALYZE"))
            return
        for name in TABLES:
            if "id" in Record.metadata.tables[name].c:
                last = f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), max(id)) FROM {name}"
                connection.execute(text(last))
        connection.execute(text("VACUUM ANALYZE"))
