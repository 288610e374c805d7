"""The people a page names: agents, and whom officers among them work for."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from cases import agents, api_keys
from cases.agents import Agent


@dataclass(frozen=True)
class Who:
    """An agent's name, and the department an officer works for."""

    name: str
    department: str | None = None


def who(records: Session, actors: Iterable[str]) -> dict[str, Who]:
    """Those of the actors who are agents, those switched off included; and the keys among them."""
    actors = set(actors)
    ids = {agents.id_of(actor) for actor in actors} - {None}
    rows = records.execute(select(Agent.id, Agent.name, Agent.department).where(Agent.id.in_(ids)))
    found = {agents.actor(row.id): Who(row.name, row.department) for row in rows}
    keys = [one for one in actors if one.startswith("key:")]
    return found | {one: Who(name) for one, name in api_keys.names(records, keys).items()}
