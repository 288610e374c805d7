"""Sign-ins, kept on the server so that they can be ended there, and a brake on guessing passwords."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, ForeignKey, Index, String, case, delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from cases import agents, preferences
from cases.agents import Agent
from cases.errors import Refused
from cases.preferences import Preferences
from cases.record import Id, Record, insert
from cases.second_factor import SecondFactor

IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=12)
# The last use is written down no more often than this: it need not be known to the second.
SEEN_EVERY = timedelta(minutes=1)

# A link that was printed opens the door for so long, if nobody has used it.
LINK_LASTS = timedelta(minutes=30)

TRIES = 5
WINDOW = timedelta(minutes=15)
# Counts older than this are thrown away.
LONGEST_WINDOW = timedelta(days=1)


class SignIn(Record):
    """One agent at one browser. Of the token only its SHA-256 is kept."""

    __tablename__ = "signins"
    __table_args__ = (
        Index("ix_signins_agent_id", "agent_id"),
        Index("ix_signins_began_at", "began_at"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    token_digest: Mapped[str] = mapped_column(String(64), unique=True)
    agent_id: Mapped[int] = mapped_column(Id, ForeignKey("agents.id"))
    began_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class WrongTries(Record):
    """Sign-ins tried in vain under one name or from one address. Names are kept as digests,
    for people type passwords into the wrong field."""

    __tablename__ = "signin_tries"

    whose: Mapped[str] = mapped_column(String(80), primary_key=True)
    tries: Mapped[int]
    since: Mapped[datetime]


class Heard(Record):
    """A recording was played in a sign-in; the history hears of it once."""

    __tablename__ = "signin_heard"

    signin_id: Mapped[int] = mapped_column(Id, ForeignKey("signins.id"), primary_key=True)
    recording_id: Mapped[int] = mapped_column(Id, ForeignKey("recordings.id"), primary_key=True)


@dataclass(frozen=True)
class Here:
    """Who sits at the console, and in which sign-in. `must_choose`: the password was a one-time one;
    `two_factors`: a code was asked for as well; `must_enrol`: it has to be, and is not set up yet."""

    signin_id: int
    agent_id: int
    name: str
    role: str
    language: str | None
    must_choose: bool
    department: str | None = None
    preferences: Preferences = preferences.USUAL
    two_factors: bool = False
    must_enrol: bool = False

    @property
    def newcomer(self) -> bool:
        """Whether something has to be done before anything else."""
        return self.must_choose or self.must_enrol

    @property
    def actor(self) -> str:
        """How the history names the agent."""
        return agents.actor(self.agent_id)


def count_try(
    session: Session,
    whose: Sequence[str],
    now: datetime,
    *,
    most: int = TRIES,
    within: timedelta = WINDOW,
) -> None:
    """One more try under each of `whose`. Raises Refused("wait", minutes) after more than `most` wrong
    ones `within` a time of at most LONGEST_WINDOW; the transaction then ends without counting this one."""
    for key in sorted(whose):  # always in one order, so that two tries cannot wait for each other
        row = session.execute(_one_more(session, key, now, within)).one()
        if row.tries > most:
            left = row.since + within - now
            raise Refused("wait", minutes=int(left.total_seconds() // 60) + 1)


def was_right(session: Session, name: str, address: str, now: datetime) -> None:
    """The last try was right: it is taken off, and the name's wrong ones are forgotten."""
    session.execute(delete(WrongTries).where(WrongTries.whose == name))
    take_back(session, (address,))
    session.execute(delete(WrongTries).where(WrongTries.since <= now - LONGEST_WINDOW))


def take_back(session: Session, whose: Sequence[str]) -> None:
    """The last try under each of `whose` was a right one."""
    less = update(WrongTries).values(tries=WrongTries.tries - 1)
    for key in sorted(whose):
        session.execute(less.where(WrongTries.whose == key))


def of_name(name: str) -> str:
    """The key under which tries with a name (as stored) are counted."""
    return "name:" + hashlib.sha256(name.encode()).hexdigest()


def of_code(agent_id: int) -> str:
    """The key under which tries with a code are counted. A right password does not clear it: who has
    stolen one must not go on guessing codes."""
    return f"code:{agent_id}"


def of_address(address: str) -> str:
    """The key under which tries from an address are counted."""
    return f"address:{address}"[:80]


def _one_more(session: Session, key: str, now: datetime, within: timedelta) -> Any:
    over = WrongTries.since <= now - within
    return (
        insert(session, WrongTries)
        .values(whose=key, tries=1, since=now)
        .on_conflict_do_update(
            index_elements=["whose"],
            set_={
                "tries": case((over, 1), else_=WrongTries.tries + 1),
                "since": case((over, now), else_=WrongTries.since),
            },
        )
        .returning(WrongTries.tries, WrongTries.since)
    )


def begin(session: Session, agent: Agent, now: datetime) -> str:
    """A new sign-in; the token to give to the browser, known to nobody else."""
    token = secrets.token_urlsafe(32)
    session.add(SignIn(token_digest=_digest(token), agent_id=agent.id, began_at=now, seen_at=now))
    return token


def link(session: Session, agent: Agent, now: datetime) -> str:
    """The token of a link by which the agent signs in, once and soon. Whoever has it is the agent: for
    hotlines that nobody reaches from elsewhere."""
    token = secrets.token_urlsafe(32)
    session.add(
        SignIn(token_digest=_link_digest(token), agent_id=agent.id, began_at=now, seen_at=now)
    )
    return token


def by_link(session: Session, token: str, now: datetime) -> tuple[str, str | None] | None:
    """The token for the browser and the agent's language; None when the link is used, too old or none."""
    fresh = secrets.token_urlsafe(32)
    taken = session.execute(
        update(SignIn)
        .where(
            SignIn.token_digest == _link_digest(token),
            SignIn.ended_at.is_(None),
            SignIn.began_at > now - LINK_LASTS,
        )
        .values(token_digest=_digest(fresh), began_at=now, seen_at=now)
        .returning(SignIn.agent_id)
    ).scalar_one_or_none()
    return None if taken is None else (fresh, session.get_one(Agent, taken).language)


def find(session: Session, token: str, now: datetime, *, in_use: bool = True) -> Here | None:
    """Who signed in with this token, unless it ended, lay idle, is too old, or the agent is off.

    in_use: whether a person asks; a page that asks by itself keeps no sign-in alive.
    """
    row = session.execute(
        select(SignIn, Agent, SecondFactor.confirmed_at)
        .join(Agent, Agent.id == SignIn.agent_id)
        .outerjoin(SecondFactor, SecondFactor.agent_id == Agent.id)
        .where(
            SignIn.token_digest == _digest(token),
            SignIn.ended_at.is_(None),
            SignIn.seen_at > now - IDLE,
            SignIn.began_at > now - LONGEST,
            Agent.active,
        )
    ).one_or_none()
    if row is None:
        return None
    signin, agent, confirmed_at = row
    if in_use and now - signin.seen_at >= SEEN_EVERY:
        signin.seen_at = now
    return Here(
        signin.id,
        agent.id,
        agent.name,
        agent.role,
        agent.language,
        agent.one_time_until is not None,
        agent.department,
        preferences.read(agent.preferences),
        confirmed_at is not None,
    )


def end(session: Session, signin_id: int, now: datetime) -> None:
    """The agent signs out."""
    _end(session, now, SignIn.id == signin_id)


def end_others(session: Session, here: Here, now: datetime) -> None:
    """End every sign-in of who is here but this one."""
    _end(session, now, SignIn.agent_id == here.agent_id, SignIn.id != here.signin_id)


def going_on(session: Session, agent_id: int, now: datetime) -> Sequence[SignIn]:
    """The sign-ins of the agent that have not ended, the last used first."""
    mine = select(SignIn).where(
        SignIn.agent_id == agent_id,
        SignIn.ended_at.is_(None),
        SignIn.seen_at > now - IDLE,
        SignIn.began_at > now - LONGEST,
    )
    return session.scalars(mine.order_by(SignIn.seen_at.desc(), SignIn.id.desc())).all()


def end_all(session: Session, agent: Agent, now: datetime) -> None:
    """End every sign-in of the agent, whose password or standing has changed."""
    _end(session, now, SignIn.agent_id == agent.id)


def switch_off(session: Session, agent: Agent, now: datetime) -> None:
    """The agent may no longer sign in, and whoever is signed in under the name no longer is."""
    agent.active = False
    end_all(session, agent, now)


def first_time_heard(session: Session, signin_id: int, recording_id: int) -> bool:
    """Whether this recording is played for the first time in this sign-in; asked again, no."""
    first = session.execute(
        insert(session, Heard)
        .values(signin_id=signin_id, recording_id=recording_id)
        .on_conflict_do_nothing()
        .returning(Heard.recording_id)
    )
    return first.first() is not None


def _end(session: Session, now: datetime, *which: ColumnElement[bool]) -> None:
    session.execute(update(SignIn).where(*which, SignIn.ended_at.is_(None)).values(ended_at=now))


def _link_digest(token: str) -> str:
    """Never the digest of what a browser was given, which is hexadecimal throughout."""
    return f"link:{_digest(token)}"[:64]


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
