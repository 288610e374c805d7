"""`/whistles`: the board of all whistles: what is late and whose it is, who leads, who reported in.

Every reader sees the whistles on cases that are theirs to see; a district office those it blew, too.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, g
from flask.typing import ResponseReturnValue
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from cases import clocks, whistles
from cases.case import Case
from cases.clocks import Clock
from cases.permissions import OFFICER, SEE_CASES, SEE_OWN_CASES, Person
from cases.whistles import Called, Whistle
from console import live, own_cases
from console.door import needs
from console.office import Office
from console.who import Who, who
from runtime import clock
from runtime.database import transaction

# So many of those that have ended are shown.
ENDED = 20
# Seconds between two looks.
EVERY = 5


@dataclass(frozen=True)
class Owned:
    """A clock that runs, and the departments whose it is."""

    clock: Clock
    owners: Sequence[str]


@dataclass(frozen=True)
class Row:
    """One whistle. `clocks`: those of its case that run, the most pressing first."""

    whistle: Whistle
    case: Case
    called: Sequence[Called]
    clocks: Sequence[Owned]

    @property
    def here(self) -> list[Called]:
        """Who reported in, the first to come first."""
        came = [one for one in self.called if one.arrived_at is not None]
        return sorted(came, key=lambda one: (one.arrived_at, one.department))

    @property
    def awaited(self) -> list[Called]:
        return [one for one in self.called if one.arrived_at is None]

    def arrival(self, department: str) -> Clock | None:
        """The clock within which the department is to report in."""
        return next(
            (one.clock for one in self.arrivals if one.clock.department == department), None
        )

    @property
    def arrivals(self) -> list[Owned]:
        return [one for one in self.clocks if one.clock.kind == clocks.ARRIVE]

    def others(self, now: datetime) -> list[Owned]:
        """What else is late; if nothing is, what is due next."""
        found = [one for one in self.clocks if one.clock.kind != clocks.ARRIVE]
        return [one for one in found if one.clock.due_at < now] or found[:1]

    def late(self, now: datetime) -> list[Owned]:
        return [one for one in self.clocks if one.clock.due_at < now]


@dataclass(frozen=True)
class Board:
    """The whistles still open, danger first and then what presses most; and some that have ended."""

    still: Sequence[Row]
    over: Sequence[Row]
    names: Mapping[str, Who]

    @property
    def awaited(self) -> int:
        """How many departments have yet to report in."""
        return sum(len(row.awaited) for row in self.still)

    def late(self, now: datetime) -> dict[str, int]:
        """How many clocks have run out, by kind, in the order in which they are spoken of."""
        found = Counter(one.clock.kind for row in self.still for one in row.late(now))
        return {kind: found[kind] for kind in clocks.KINDS if found[kind]}


def routes(pages: Blueprint, office: Office) -> None:
    """`/whistles`."""

    @pages.get("/whistles")
    @needs(SEE_CASES, SEE_OWN_CASES)
    def whistle_list() -> ResponseReturnValue:
        now = clock.now()
        with transaction(office.engine) as records:
            board = _board(records, office.person(g.here))
            records.expunge_all()
        return live.page("whistles", office, now, board=board, late=board.late(now), every=EVERY)


def _board(records: Session, reader: Person) -> Board:
    seen = _seen(reader).order_by(Whistle.id.desc())
    still = _rows(records, seen.where(Whistle.ended_at.is_(None)))
    over = _rows(records, seen.where(Whistle.ended_at.is_not(None)).limit(ENDED))
    blowers = [row.whistle.blown_by for row in still]
    return Board(sorted(still, key=_pressing), over, who(records, blowers))


def _seen(reader: Person) -> Select[Whistle, Case]:
    every = select(Whistle, Case).join(Case, Case.id == Whistle.case_id)
    return every.where(own_cases.of(reader.department)) if reader.role == OFFICER else every


def _rows(records: Session, wanted: Select[Whistle, Case]) -> list[Row]:
    found = [(whistle, case) for whistle, case in records.execute(wanted)]
    running = clocks.of_cases(records, [case.id for _, case in found])
    rows = []
    for whistle, case in found:
        owners, called = whistles.owners(records, case), whistles.called(records, whistle.id)
        owned = _owned(running[case.id], owners) if whistle.ended_at is None else []
        rows.append(Row(whistle, case, called, owned))
    return rows


def _owned(running: Iterable[Clock], owners: Sequence[str]) -> list[Owned]:
    """Each clock with whose it is: a department's own, or the case's."""
    return [Owned(one, [one.department] if one.department else owners) for one in running]


def _pressing(row: Row) -> tuple[bool, bool, float]:
    due = row.clocks[0].clock.due_at.timestamp() if row.clocks else 0.0
    return not row.whistle.danger, not row.clocks, due
