"""Who may sign in, and as what: changed by an admin, or at the server's own command line, and each change
told in the admin history. An admin can shut nobody out for good, and neither themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cases import admin_history, agents, second_factor, signins
from cases.accesses import OPERATOR
from cases.agents import Agent
from cases.errors import Refused
from cases.permissions import Person
from cases.record import insert
from cases.second_factor import SecondFactor
from cases.signins import SignIn

ADMIN = "admin"
# The name of the very first admin, made when there is nobody at all.
FIRST = "admin"


@dataclass(frozen=True)
class Row:
    """One person in the list. two_factors: whether a code is asked for at the sign-in; seen_at: when they
    last did anything."""

    agent: Agent
    two_factors: bool
    seen_at: datetime | None


def everybody(session: Session) -> Sequence[Row]:
    """All people, those switched off last."""
    seen = select(SignIn.agent_id, func.max(SignIn.seen_at).label("at")).group_by(SignIn.agent_id)
    last = seen.subquery()
    rows = session.execute(
        select(Agent, SecondFactor.confirmed_at, last.c.at)
        .outerjoin(SecondFactor, SecondFactor.agent_id == Agent.id)
        .outerjoin(last, last.c.agent_id == Agent.id)
        .order_by(Agent.active.desc(), Agent.name)
    )
    return [Row(agent, confirmed is not None, at) for agent, confirmed, at in rows]


def first_admin(session: Session, now: datetime) -> str | None:
    """When there is nobody at all: an admin named FIRST, and the one-time password to sign in with.

    None when there is anybody, or when another process makes the first one at this moment.
    """
    if session.execute(select(Agent.id).limit(1)).first() is not None:
        return None
    made = Agent(name=FIRST, role=ADMIN, active=True, added_at=now, password_hash="")
    password = agents.give_one_time_password(made, now)
    values = {
        **{"name": made.name, "role": made.role, "active": True, "added_at": now},
        **{"password_hash": made.password_hash, "one_time_until": made.one_time_until},
    }
    row = session.execute(
        insert(session, Agent)
        .values(values)
        .on_conflict_do_nothing(index_elements=["name"])
        .returning(Agent.id)
    ).first()
    if row is None:
        return None
    about = agents.actor(row.id)
    admin_history.add(session, "add", now, by=OPERATOR, about=about, role=ADMIN, first=True)
    return password


def add(
    session: Session,
    name: str,
    role: str,
    *,
    by: Person,
    now: datetime,
    department: str | None = None,
    email: str = "",
) -> tuple[Agent, str]:
    """A new person, and the one-time password to sign in with first. Raises Refused as `agents` does."""
    agent, password = agents.add(session, name, role, now, department)
    agents.give_email(agent, email)
    _tell(session, "add", agent, by, now, role=role, department=agent.department)
    return agent, password


def give_role(
    session: Session, agent: Agent, role: str, department: str | None, *, by: Person, now: datetime
) -> None:
    """What the person may do from now on. Raises Refused: `own_role`, `last_admin`, and as `agents` does."""
    was = {"was_role": agent.role, "was_department": agent.department}
    if (role, department or None) == (agent.role, agent.department):
        return
    if role != ADMIN:
        _stays_admin(session, agent, by)
    agents.give_role(agent, role, department)
    _tell(session, "role", agent, by, now, role=role, department=agent.department, **was)


def give_email(session: Session, agent: Agent, email: str, *, by: Person, now: datetime) -> None:
    """Where the person reads notices. Raises Refused("bad_email")."""
    if (email or None) == agent.email:
        return
    agents.give_email(agent, email)
    _tell(session, "email", agent, by, now)


def switch_off(session: Session, agent: Agent, *, by: Person, now: datetime) -> None:
    """No sign-in any more, and none that goes on. Raises Refused: `own_role`, `last_admin`."""
    if not agent.active:
        return
    _stays_admin(session, agent, by)
    if by.actor == agents.actor(agent.id):
        raise Refused("own_role")
    signins.switch_off(session, agent, now)
    _tell(session, "off", agent, by, now)


def switch_on(session: Session, agent: Agent, *, by: Person, now: datetime) -> str:
    """Back again, with a one-time password."""
    agent.active = True
    password = agents.give_one_time_password(agent, now)
    _tell(session, "on", agent, by, now)
    return password


def new_password(session: Session, agent: Agent, *, by: Person, now: datetime) -> str:
    """A one-time password; every sign-in of the old one ends."""
    signins.end_all(session, agent, now)
    password = agents.give_one_time_password(agent, now)
    _tell(session, "password", agent, by, now)
    return password


def end_signins(session: Session, agent: Agent, *, by: Person, now: datetime) -> None:
    """Whoever is signed in under the name no longer is."""
    signins.end_all(session, agent, now)
    _tell(session, "end", agent, by, now)


def reset_second_factor(session: Session, agent: Agent, *, by: Person, now: datetime) -> None:
    """The telephone is lost: no code is asked for until the person sets one up anew. Ends the sign-ins."""
    second_factor.remove(session, agent.id)
    signins.end_all(session, agent, now)
    _tell(session, "two_factor_reset", agent, by, now)


def _stays_admin(session: Session, agent: Agent, by: Person) -> None:
    """Nobody gives up being an admin by mistake, and there is always one. At the server's command line
    anything may be done, for there it can be undone."""
    if agent.role != ADMIN or by == OPERATOR:
        return
    if by.actor == agents.actor(agent.id):
        raise Refused("own_role")
    admins = session.scalars(
        select(Agent.id)
        .where(Agent.role == ADMIN, Agent.active)
        .order_by(Agent.id)
        .with_for_update()
    )
    if not set(admins) - {agent.id}:
        raise Refused("last_admin")


def _tell(
    session: Session, action: str, agent: Agent, by: Person, now: datetime, **detail: object
) -> None:
    about = agents.actor(agent.id)
    admin_history.add(session, action, now, by=by, about=about, name=agent.name, **detail)
