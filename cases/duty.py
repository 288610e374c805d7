"""Leaders at the hotline's seat: who sits there when, which cases they took, what became of them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ForeignKey, Index, Select, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from cases import agents, followups, history
from cases.agents import Agent
from cases.case import Case
from cases.errors import Refused
from cases.followups import Followup
from cases.permissions import Person
from cases.record import Id, Record

LEADER = "leader"
# A city with one seat need not name it.
SEAT = "leader"


class Seat(Record):
    """A leader's time at a seat, from `begins_at` up to, and not with, `ends_at`."""

    __tablename__ = "duty_seats"
    __table_args__ = (Index("ix_duty_seats_name_begins_at", "name", "begins_at"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(32))
    leader_id: Mapped[int] = mapped_column(Id, ForeignKey("agents.id"))
    begins_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    added_by: Mapped[str] = mapped_column(String(64))
    added_at: Mapped[datetime]


@dataclass(frozen=True)
class Taken:
    """A case a leader took, and what became of it.

    `contacted`, `solved` and `satisfied` are what the citizen last answered, None before any answer.
    """

    number: str
    status: str
    owner: str
    opened_at: datetime
    contacted: bool | None
    solved: bool | None
    satisfied: str | None


def add(
    session: Session,
    leader: Agent,
    begins_at: datetime,
    ends_at: datetime,
    *,
    by: Person,
    now: datetime,
    name: str = SEAT,
) -> Seat:
    """Put a leader on the roster.

    Raises Refused: `not_a_leader`, `ends_before_it_begins`, or `seat_taken` when somebody sits there
    at any moment of that time.
    """
    if leader.role != LEADER or not leader.active:
        raise Refused("not_a_leader", name=leader.name)
    if begins_at >= ends_at:
        raise Refused("ends_before_it_begins")
    _hold_roster(session)
    if taken := _at(session, name, begins_at, ends_at):
        other = session.get_one(Agent, taken[0].leader_id)
        until = taken[0].ends_at.isoformat()
        raise Refused("seat_taken", seat=name, name=other.name, until=until)
    seat = Seat(
        name=name,
        leader_id=leader.id,
        begins_at=begins_at,
        ends_at=ends_at,
        added_by=by.actor,
        added_at=now,
    )
    session.add(seat)
    session.flush()
    return seat


def remove(session: Session, seat: Seat, *, now: datetime) -> None:
    """Take a leader's time off the roster. Raises Refused("seat_began") once it has begun: cases may keep
    the leader's name."""
    _hold_roster(session)
    if seat.begins_at <= now:
        raise Refused("seat_began")
    session.delete(seat)
    session.flush()


def roster(session: Session, since: datetime, until: datetime) -> list[Seat]:
    """Everybody's time at every seat in the period, in order."""
    return list(session.scalars(_within(since, until)))


def on_duty(session: Session, now: datetime, name: str = SEAT) -> Seat | None:
    """Who sits at the seat at this moment."""
    here = select(Seat).where(Seat.name == name, Seat.begins_at <= now, now < Seat.ends_at)
    return session.scalars(here).one_or_none()


def take(session: Session, case: Case, *, by: Person, now: datetime) -> Seat:
    """The leader on duty takes the case; taking it twice changes nothing.

    Raises Refused: `not_on_duty`, or `seat_has_it` when the case is another leader's.
    """
    seat = _own_seat(session, by, now)
    if case.seat_id is None:
        case.seat_id = seat.id
        leader = session.get_one(Agent, seat.leader_id).name
        line = {"seat": seat.name, "seat_id": seat.id, "leader": leader}
        history.add(session, case.id, "taken", now, actor=by.actor, **line)
    elif session.get_one(Seat, case.seat_id).leader_id != seat.leader_id:
        raise Refused("seat_has_it", number=case.number)
    return seat


def _own_seat(session: Session, by: Person, now: datetime) -> Seat:
    mine = select(Seat).where(
        Seat.leader_id == agents.id_of(by.actor), Seat.begins_at <= now, now < Seat.ends_at
    )
    seat = session.scalars(mine.order_by(Seat.id)).first() if by.role == LEADER else None
    if seat is None:
        raise Refused("not_on_duty")
    return seat


def cases_of(session: Session, leader_id: int) -> list[Case]:
    """The cases the leader took at any time, the newest first."""
    taken = select(Case).join(Seat, Seat.id == Case.seat_id).where(Seat.leader_id == leader_id)
    return list(session.scalars(taken.order_by(Case.id.desc())))


def became(session: Session, leader_id: int) -> list[Taken]:
    """What became of the cases the leader took, the newest first."""
    taken = cases_of(session, leader_id)
    answers = _last_answers(session, [case.id for case in taken])
    return [_taken(case, answers.get(case.id)) for case in taken]


def _last_answers(session: Session, case_ids: list[int]) -> dict[int, Followup]:
    given = select(Followup).where(
        Followup.case_id.in_(case_ids), Followup.state == followups.ANSWERED
    )
    # A later resolution's answer takes the place of an earlier one's.
    return {row.case_id: row for row in session.scalars(given.order_by(Followup.resolution))}


def _taken(case: Case, answer: Followup | None) -> Taken:
    return Taken(
        number=str(case.number),
        status=case.status,
        owner=case.owner,
        opened_at=case.opened_at,
        contacted=answer.contacted if answer else None,
        solved=answer.solved if answer else None,
        satisfied=answer.satisfied if answer else None,
    )


def _at(session: Session, name: str, since: datetime, until: datetime) -> list[Seat]:
    return list(session.scalars(_within(since, until).where(Seat.name == name)))


def _within(since: datetime, until: datetime) -> Select[Seat]:
    meets = (Seat.begins_at < until, since < Seat.ends_at)
    return select(Seat).where(*meets).order_by(Seat.begins_at, Seat.name)


def _hold_roster(session: Session) -> None:
    # Two who write the roster at once take turns, or each would not see the other's time.
    leaders = select(Agent.id).where(Agent.role == LEADER).order_by(Agent.id)
    session.execute(leaders.with_for_update(key_share=True)).all()
