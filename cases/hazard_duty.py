"""Who is on duty for a hazard: its alerts go to these people first, by name, one after the other.

Each has some minutes to acknowledge before the next is told, and after the last it is the turn of whom any
alert climbs to (`alerts`). Who may not acknowledge alerts, or is switched off, is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from cases import admin_history, agents, hazards, permissions
from cases.agents import Agent
from cases.errors import Refused
from cases.permissions import ACKNOWLEDGE, Person
from cases.record import Id, Record, insert


class HazardDuty(Record):
    """One person on duty for one family of hazards. `turn`: the smallest is told first."""

    __tablename__ = "hazard_duties"
    __table_args__ = (UniqueConstraint("family", "agent_id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    family: Mapped[str] = mapped_column(String(32))
    agent_id: Mapped[int] = mapped_column(Id, ForeignKey("agents.id"))
    turn: Mapped[int]
    added_by: Mapped[str] = mapped_column(String(64))
    added_at: Mapped[datetime]


@dataclass(frozen=True)
class OnDuty:
    """One of those on duty. `id`: of the row; `able`: whether they can acknowledge at this moment."""

    id: int
    agent_id: int
    name: str
    able: bool

    @property
    def actor(self) -> str:
        return agents.actor(self.agent_id)


def roster(session: Session) -> dict[str, list[OnDuty]]:
    """Who is on duty for each family of hazards that has anybody, in the order in which they are told."""
    rows = session.execute(
        select(HazardDuty, Agent)
        .join(Agent, Agent.id == HazardDuty.agent_id)
        .order_by(HazardDuty.turn, HazardDuty.id)
    )
    found: dict[str, list[OnDuty]] = {}
    for row, agent in rows:
        one = OnDuty(row.id, agent.id, agent.name, _is_able(agent))
        found.setdefault(row.family, []).append(one)
    return found


def able(session: Session, family: str) -> list[OnDuty]:
    """Those on duty for a family who can acknowledge, in their order."""
    return [one for one in roster(session).get(family, []) if one.able]


def able_people(session: Session) -> dict[int, str]:
    """Everybody who can be put on duty, by name."""
    people = session.scalars(select(Agent).where(Agent.active).order_by(Agent.name))
    return {one.id: one.name for one in people if _is_able(one)}


def can_act(session: Session, to: str) -> bool:
    """Whether a party can acknowledge: of a person that they still may; of any other party, always."""
    agent_id = agents.id_of(to)
    if agent_id is None:
        return True
    agent = session.get(Agent, agent_id)
    return agent is not None and _is_able(agent)


def _is_able(agent: Agent) -> bool:
    return agent.active and permissions.may(agent.role, ACKNOWLEDGE)


def families() -> list[str]:
    """What people can be on duty for."""
    return list(dict.fromkeys(kind.family for kind in hazards.kinds().values()))


def family_of(subject: Mapping[str, Any]) -> str | None:
    """The family of hazards that an alert is about: its own, or that of the hazard its category stands for."""
    if family := subject.get("family"):
        return str(family)
    category = subject.get("category")
    kinds = hazards.kinds().values()
    return next((kind.family for kind in kinds if category in kind.categories), None)


def add(session: Session, family: str, agent: Agent, *, by: Person, now: datetime) -> HazardDuty:
    """Put somebody on duty, to be told after those who are.

    Raises Refused: `unknown_hazard`; `cannot_acknowledge`; `on_duty_already`.
    """
    if family not in families():
        raise Refused("unknown_hazard", hazard=family)
    if not _is_able(agent):
        raise Refused("cannot_acknowledge", name=agent.name)
    last = select(func.max(HazardDuty.turn)).where(HazardDuty.family == family)
    values = {
        "family": family,
        "agent_id": agent.id,
        "turn": (session.execute(last).scalar_one() or 0) + 1,
        "added_by": by.actor,
        "added_at": now,
    }
    added = insert(session, HazardDuty).values(**values).on_conflict_do_nothing()
    duty_id = session.execute(added.returning(HazardDuty.id)).scalar_one_or_none()
    if duty_id is None:
        raise Refused("on_duty_already", name=agent.name)
    _write_down(session, "hazard_duty_added", family, agent, by, now)
    return session.get_one(HazardDuty, duty_id)


def remove(session: Session, duty: HazardDuty, *, by: Person, now: datetime) -> None:
    """Take somebody off duty. Alerts that were raised before climb as they would have."""
    agent = session.get_one(Agent, duty.agent_id)
    _write_down(session, "hazard_duty_removed", duty.family, agent, by, now)
    session.delete(duty)
    session.flush()


def _write_down(
    session: Session, action: str, family: str, agent: Agent, by: Person, now: datetime
) -> None:
    about = agents.actor(agent.id)
    admin_history.add(session, action, now, by=by, about=about, name=agent.name, family=family)
