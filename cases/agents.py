"""The people at the console: their names, passwords, roles and interface languages."""

import re
import secrets
import unicodedata
from datetime import datetime, timedelta
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from cases.errors import Refused
from cases.permissions import OFFICER, ROLES
from cases.record import Id, Record

INTERFACE_LANGUAGES = ("zh-Hant-HK", "zh-Hans", "en")
NAME_LENGTH = 64
EMAIL_LENGTH = 254
_EMAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[\w-]+(\.[\w-]+)+", re.ASCII)
PASSWORD_LENGTH = range(12, 257)  # characters
ONE_TIME_LASTS = timedelta(hours=72)

# argon2id with the library's defaults (RFC 9106, the profile for little memory).
_hasher = PasswordHasher()
# What is verified when there is no such agent, so that both answers cost the same: a password that
# was thrown away.
_NOBODY = (
    "$argon2id$v=19$m=65536,t=3,p=4"
    "$sYDiUg1JTNAwtYadvqx20Q$d9yU5O1sf4obzm749mz0wd+rDYX5rNd9hZJ5MaWXix0"
)


class Agent(Record):
    """One person who may sign in. `one_time_until` is set while a password waits to be replaced;
    `department`: whom an officer works for."""

    __tablename__ = "agents"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH), unique=True)
    password_hash: Mapped[str] = mapped_column(String(256))
    one_time_until: Mapped[datetime | None]
    role: Mapped[str] = mapped_column(String(16))
    department: Mapped[str | None] = mapped_column(String(32))
    email: Mapped[str | None] = mapped_column(String(EMAIL_LENGTH))
    language: Mapped[str | None] = mapped_column(String(16))
    active: Mapped[bool] = mapped_column(default=True)
    preferences: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    added_at: Mapped[datetime]


def add(
    session: Session, name: str, role: str, now: datetime, department: str | None = None
) -> tuple[Agent, str]:
    """A new agent and the one-time password to sign in with first.

    Raises Refused: `bad_name`, `unknown_role`, `needs_department` for an officer without one (and
    for anybody else with one), or `known_name` when there is such an agent.
    """
    name = plain_name(name)
    if not 0 < len(name) <= NAME_LENGTH:
        raise Refused("bad_name", name=name)
    if by_name(session, name) is not None:
        raise Refused("known_name", name=name)
    agent = Agent(name=name, active=True, added_at=now, password_hash="")
    give_role(agent, role, department)
    password = give_one_time_password(agent, now)
    session.add(agent)
    session.flush()
    return agent, password


def give_role(agent: Agent, role: str, department: str | None = None) -> None:
    """What the agent may do from now on. Raises Refused: `unknown_role`, `needs_department`."""
    if role not in ROLES:
        raise Refused("unknown_role", role=role)
    if (role == OFFICER) != bool(department):
        raise Refused("needs_department", role=role)
    agent.role, agent.department = role, department or None


def give_email(agent: Agent, email: str) -> None:
    """Where the agent reads notices; empty: nowhere. Raises Refused("bad_email")."""
    if email and not is_email(email):
        raise Refused("bad_email", email=email)
    agent.email = email or None


def is_email(text: str) -> bool:
    """Whether this can be an address of e-mail."""
    return len(text) <= EMAIL_LENGTH and bool(_EMAIL.fullmatch(text))


def plain_name(name: str) -> str:
    """A name as it is stored and compared: capitals and full-width letters make no difference."""
    words = unicodedata.normalize("NFKC", name).casefold().split()
    return "".join(char for char in " ".join(words) if char.isprintable())


def by_name(session: Session, name: str) -> Agent | None:
    return session.scalars(select(Agent).where(Agent.name == plain_name(name))).one_or_none()


def names(session: Session, ids: set[int]) -> dict[int, str]:
    """The names of these agents, those switched off included."""
    rows = session.execute(select(Agent.id, Agent.name).where(Agent.id.in_(ids)))
    return {row.id: row.name for row in rows}


def actor(agent_id: int) -> str:
    """How the history names the agent."""
    return f"agent:{agent_id}"


def id_of(actor: str) -> int | None:
    """The agent's id, or None when the actor was no agent."""
    kind, _, number = actor.partition(":")
    return int(number) if kind == "agent" else None


def give_one_time_password(agent: Agent, now: datetime) -> str:
    """A random password that opens the door for 72 hours, and then only to choosing another."""
    password = secrets.token_urlsafe(12)
    agent.password_hash = hash_password(password)
    agent.one_time_until = now + ONE_TIME_LASTS
    return password


def choose_password(agent: Agent, password: str) -> None:
    """The agent's own password from now on. Raises Refused: `too_short`, `too_long`,
    `holds_name`, `too_simple` or `same_password`."""
    password = unicodedata.normalize("NFKC", password)
    check_password(agent.name, password)
    if matches(agent.password_hash, password):
        raise Refused("same_password")
    agent.password_hash = hash_password(password)
    agent.one_time_until = None


def check_password(name: str, password: str) -> None:
    """Length counts, not a recipe of signs (NIST SP 800-63B)."""
    if len(password) < PASSWORD_LENGTH.start:
        raise Refused("too_short", least=PASSWORD_LENGTH.start)
    if len(password) not in PASSWORD_LENGTH:
        raise Refused("too_long", most=PASSWORD_LENGTH.stop - 1)
    if name in password.casefold():
        raise Refused("holds_name")
    if len(set(password)) < 5:
        raise Refused("too_simple")


def hash_password(password: str) -> str:
    return _hasher.hash(unicodedata.normalize("NFKC", password))


def matches(password_hash: str | None, password: str) -> bool:
    """Whether the password is the one hashed; without a hash the same work is done in vain."""
    try:
        right = _hasher.verify(password_hash or _NOBODY, unicodedata.normalize("NFKC", password))
    except (VerificationError, InvalidHashError):
        return False
    return right and password_hash is not None
