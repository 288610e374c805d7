"""Who has a case in hand 持有: a lease of a few minutes, and who is looking at it.

A lease says who is at it, so that nobody does the same work twice. It locks nothing: whoever may act on
a case may do so whoever holds it. It lasts while its holder is at work and runs out by itself, and the
case is then the next one's to take.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    Index,
    String,
    cast,
    delete,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from cases import agents, clocks, history, lifecycle, permissions
from cases.case import Case
from cases.clocks import Clock
from cases.errors import Refused
from cases.permissions import Person
from cases.record import Id, Record, insert

# A lease runs so long after its holder last did anything.
LASTS = timedelta(minutes=5)
# So many cases one person may have in hand: one at work, and others set aside for a moment.
MOST = 5
# Whoever was heard of so lately is still looking; it need not be written down more often than this.
LOOKS_FOR = timedelta(seconds=25)
LOOK_EVERY = timedelta(seconds=8)
# Two who reach for the same case: one has it, the other reaches again. So often at most.
_TRIES = 50


class Lease(Record):
    """One case in one person's hands until a moment."""

    __tablename__ = "leases"
    __table_args__ = (Index("ix_leases_agent_id", "agent_id"),)

    case_id: Mapped[int] = mapped_column(
        Id, ForeignKey("cases.id"), primary_key=True, autoincrement=False
    )
    agent_id: Mapped[int] = mapped_column(Id, ForeignKey("agents.id"))
    taken_at: Mapped[datetime]
    until: Mapped[datetime]


class Look(Record):
    """One person who has a case open in front of them."""

    __tablename__ = "looks"
    __table_args__ = (Index("ix_looks_agent_id", "agent_id"),)

    case_id: Mapped[int] = mapped_column(
        Id, ForeignKey("cases.id"), primary_key=True, autoincrement=False
    )
    agent_id: Mapped[int] = mapped_column(
        Id, ForeignKey("agents.id"), primary_key=True, autoincrement=False
    )
    seen_at: Mapped[datetime]


@dataclass(frozen=True)
class Holder:
    """Who holds a case, or held it last. `runs`: whether the lease has not run out."""

    agent_id: int
    name: str
    until: datetime
    runs: bool


# --- taking -------------------------------------------------------------------------------------------


def take_next(
    session: Session, *, by: Person, now: datetime, urgent: Collection[str] = ()
) -> Case | None:
    """The case that waits longest for the desk, by the clock that is due first, now in `by`'s hands.

    A case in which somebody's life may be in danger comes before all others, and then those of the
    categories `urgent` (codes), even where it is only a guess. A case
    whose words are still being written down comes after those that can be read. What `by` holds
    already is passed over. Of parallel takers each gets another. None when nothing waits.
    Raises Refused: `forbidden`, `enough_in_hand`.
    """
    agent_id = _at_the_desk(by)
    _room_for_more(session, agent_id)
    danger, pending = _marked("danger"), _marked("transcript_pending")
    for those in (danger, Case.category.in_(urgent), ~pending, pending):
        for _ in range(_TRIES):
            case: Case | None = session.scalars(_first(agent_id, now, those)).first()
            if case is None:
                break
            if _put_in_hand(session, case, by, now):
                return case
    return None


def _marked(flag: str) -> ColumnElement[bool]:
    # Flags are plain words, and both databases write a list of them with the word in quotes.
    return cast(Case.flags, String).contains(f'"{flag}"', autoescape=True)


def take(
    session: Session, case: Case, *, by: Person, now: datetime, knowingly: bool = False
) -> None:
    """This very case in `by`'s hands. Another's lease that ran out is taken over, and the history
    says so; one that runs only `knowingly`, by who supervises.

    Raises Refused: `forbidden`; `not_now` when it is no longer at the desk; `enough_in_hand`;
    `held` (`name`: by whom).
    """
    agent_id = _at_the_desk(by)
    if case.status not in lifecycle.UNTAKEN:
        raise Refused("not_now", action="take", status=case.status)
    held = holder(session, case.id, now)
    if held is None or held.agent_id != agent_id:
        _room_for_more(session, agent_id)
    if knowingly:
        permissions.require(by.role, permissions.TAKE_OVER)
    if not _put_in_hand(session, case, by, now, knowingly=knowingly):
        held = holder(session, case.id, now)
        raise Refused("held", name=held.name if held else "")


def _at_the_desk(by: Person) -> int:
    permissions.require(by.role, permissions.WORK_DESK)
    agent_id = agents.id_of(by.actor)
    assert agent_id is not None, "only people sit at the desk"
    return agent_id


def _room_for_more(session: Session, agent_id: int) -> None:
    mine = select(func.count()).select_from(Lease).where(Lease.agent_id == agent_id)
    if session.execute(mine).scalar_one() >= MOST:
        raise Refused("enough_in_hand", most=MOST)


def _first(agent_id: int, now: datetime, those: ColumnElement[bool]) -> Any:
    """The first of those that are nobody's and at which nobody else is reaching at this moment."""
    held = select(Lease.case_id).where(
        Lease.case_id == Case.id, or_(Lease.until > now, Lease.agent_id == agent_id)
    )
    return (
        _waiting(select(Case))
        .where(~held.exists(), those)
        .order_by(Clock.due_at, Case.id)
        .limit(1)
        .with_for_update(of=Case, key_share=True, skip_locked=True)
    )


def _waiting(what: Any) -> Any:
    """Of the cases that nobody has seen to yet."""
    return (
        what.select_from(Case)
        .join(Clock, Clock.case_id == Case.id)
        .where(
            Clock.kind == clocks.DISPATCH,
            Clock.stopped_at.is_(None),
            Case.status.in_(lifecycle.UNTAKEN),
        )
    )


def _put_in_hand(
    session: Session, case: Case, by: Person, now: datetime, knowingly: bool = False
) -> bool:
    """Whether it is `by`'s from now on. The caller holds the case's row."""
    agent_id = _at_the_desk(by)
    before = holder(session, case.id, now)
    mine = {"agent_id": agent_id, "taken_at": now, "until": now + LASTS}
    put = insert(session, Lease).values(case_id=case.id, **mine)
    free = None if knowingly else or_(Lease.until <= now, Lease.agent_id == agent_id)
    row = session.execute(
        put.on_conflict_do_update(index_elements=["case_id"], set_=mine, where=free).returning(
            Lease.case_id
        )
    ).first()
    if row is None:
        return False
    if before and before.agent_id != agent_id:
        line = {"was_by": before.name, "expired": not before.runs}
        history.add(session, case.id, "taken_over", now, actor=by.actor, **line)
    return True


# --- keeping and giving back ------------------------------------------------------------------------


def keep(session: Session, by: Person, now: datetime) -> None:
    """`by` is at work: all that is in `by`'s hands stays there for a while longer."""
    agent_id = agents.id_of(by.actor)
    session.execute(
        update(Lease)
        .where(Lease.agent_id == agent_id)
        .values(until=now + LASTS)
        .execution_options(synchronize_session=False)
    )


def put_back(session: Session, case_id: int, *, by: Person) -> bool:
    """`by` lets the case go, undone: anybody may take it. Whether it was in `by`'s hands."""
    mine = (Lease.case_id == case_id, Lease.agent_id == agents.id_of(by.actor))
    return session.execute(delete(Lease).where(*mine).returning(Lease.case_id)).first() is not None


def put_back_all(session: Session, by: Person) -> None:
    """`by` goes: everything in `by`'s hands is anybody's to take, and `by` looks at nothing."""
    agent_id = agents.id_of(by.actor)
    session.execute(delete(Lease).where(Lease.agent_id == agent_id))
    session.execute(delete(Look).where(Look.agent_id == agent_id))


# --- who has what -------------------------------------------------------------------------------------


def holder(session: Session, case_id: int, now: datetime) -> Holder | None:
    """Who has the case in hand, or had it last and has not finished."""
    return holders(session, [case_id], now).get(case_id)


def holders(session: Session, case_ids: Sequence[int], now: datetime) -> dict[int, Holder]:
    """The same for several cases; those that nobody has are left out."""
    rows = session.execute(
        select(Lease.case_id, Lease.agent_id, Lease.until, agents.Agent.name)
        .join(agents.Agent, agents.Agent.id == Lease.agent_id)
        .where(Lease.case_id.in_(case_ids))
    )
    return {row.case_id: Holder(row.agent_id, row.name, row.until, row.until > now) for row in rows}


def in_hand(session: Session, by: Person) -> list[Case]:
    """What `by` holds, the first taken first."""
    mine = select(Case).join(Lease, Lease.case_id == Case.id)
    mine = mine.where(Lease.agent_id == agents.id_of(by.actor))
    return list(session.scalars(mine.order_by(Lease.taken_at, Case.id)))


def waiting(session: Session) -> int:
    """How many cases nobody has seen to yet, those in somebody's hands included."""
    return int(session.execute(_waiting(select(func.count()))).scalar_one())


def waiting_until(session: Session, until: datetime, limit: int) -> list[tuple[Case, Clock]]:
    """Those of them whose clock runs out before `until`, the first due first; before them those in which
    somebody's life may be in danger, whenever they are due."""
    rows = session.execute(
        _waiting(select(Case, Clock))
        .where(or_(Clock.due_at < until, _marked("danger")))
        .order_by(_marked("danger").desc(), Clock.due_at, Case.id)
        .limit(limit)
    )
    return [(case, clock) for case, clock in rows]


# --- looking -------------------------------------------------------------------------------------------


def look(session: Session, case_id: int, *, by: Person, now: datetime) -> None:
    """`by` has the case open at this moment."""
    agent_id = agents.id_of(by.actor)
    known = session.execute(
        select(Look.seen_at).where(Look.case_id == case_id, Look.agent_id == agent_id)
    ).scalar()
    if known is not None and now - known < LOOK_EVERY:
        return
    old = (Look.agent_id == agent_id, Look.seen_at <= now - LOOKS_FOR, Look.case_id != case_id)
    session.execute(delete(Look).where(*old).execution_options(synchronize_session=False))
    session.execute(
        insert(session, Look)
        .values(case_id=case_id, agent_id=agent_id, seen_at=now)
        .on_conflict_do_update(index_elements=["case_id", "agent_id"], set_={"seen_at": now})
    )


def look_away(session: Session, case_id: int, *, by: Person) -> None:
    """`by` has closed the case's page."""
    here = (Look.case_id == case_id, Look.agent_id == agents.id_of(by.actor))
    session.execute(delete(Look).where(*here).execution_options(synchronize_session=False))


def lookers(session: Session, case_id: int, *, besides: Person, now: datetime) -> list[str]:
    """The names of the others who have the case open."""
    rows = (
        select(agents.Agent.name)
        .join(Look, Look.agent_id == agents.Agent.id)
        .where(
            Look.case_id == case_id,
            Look.agent_id != agents.id_of(besides.actor),
            Look.seen_at > now - LOOKS_FOR,
        )
        .order_by(agents.Agent.name)
    )
    return list(session.scalars(rows))
