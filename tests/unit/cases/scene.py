"""The people around a case, for tests of what they do together."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import pytest
from sqlalchemy.orm import Session

from cases import agents, clocks, history, whistles
from cases.agents import Agent
from cases.case import Case
from cases.errors import Refused
from cases.permissions import SYSTEM, Person
from cases.whistles import Whistle
from tests.unit.cases.conftest import NOW, TERMS, Records

MATTER = "The net on the scaffold burns; the stairs are blocked."
THREE = ("bd", "fsd", "hd")


@dataclass
class Scene:
    """One case, and whoever is asked for by name."""

    records: Records
    case: Case

    @property
    def session(self) -> Session:
        return self.records.session

    def person(
        self, name: str, role: str, department: str | None = None, district: bool = False
    ) -> Person:
        """An agent of this name, the same one each time."""
        found = agents.by_name(self.session, name)
        if found is None:
            found = Agent(name=name, role=role, active=True, added_at=NOW, password_hash="")
            found.department = department
            self.session.add(found)
            self.session.flush()
        return Person(agents.actor(found.id), role, department, district)

    def desk(self) -> Person:
        return self.person("one at the desk", "agent")

    def coordinator(self) -> Person:
        return self.person("one who coordinates", "coordinator")

    def leader(self) -> Person:
        return self.person("one who leads", "leader")

    def of(self, department: str) -> Person:
        return self.person(f"one of {department}", "officer", department)

    def blow(
        self,
        departments: tuple[str, ...] = THREE,
        *,
        by: Person | None = None,
        blown_as: str = "agent",
        danger: bool = True,
        now: datetime = NOW,
        **more: str,
    ) -> Whistle:
        """A whistle for these departments, blown at the desk unless another blows it."""
        return whistles.blow(
            self.session,
            self.case,
            MATTER,
            departments,
            danger=danger,
            blown_as=blown_as,
            by=by or self.desk(),
            terms=TERMS,
            now=now,
            **more,
        )

    def blow_by_rule(self, reason: str = "second_return") -> Whistle:
        return self.blow(by=SYSTEM, blown_as="rule", reason=reason)

    def lines(self, action: str) -> list[dict[str, object]]:
        """What the history says of every such action."""
        entries = history.of_case(self.session, self.case.id)
        return [entry.detail for entry in entries if entry.action == action]

    def running(self, kind: str) -> dict[str | None, datetime]:
        """When each running clock of this kind runs out, by department."""
        return {
            clock.department: clock.due_at
            for clock in clocks.running(self.session, self.case.id)
            if clock.kind == kind
        }


@contextmanager
def refused(code: str) -> Iterator[None]:
    """A rule says no, and says so by this code."""
    with pytest.raises(Refused) as no:
        yield
    assert no.value.code == code
