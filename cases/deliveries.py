"""Deliveries: one notice on one way to one party. The row is the ticket for sending it.

Claimed with a lease and a token like all our work. A worker may die after the other side has taken a
message and before that is noted; then the same message, under the same `key`, is sent again. A webhook
carries the key as `webhook-id` and a mail as its Message-ID, by which the other side knows it again. A
text message cannot be known again; but the provider tells us of it by its key, see `told`.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import (
    ForeignKey,
    Index,
    SmallInteger,
    String,
    UniqueConstraint,
    and_,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from cases import notices, permissions
from cases.errors import Refused
from cases.notices import Notice
from cases.permissions import MANAGE_JOBS, MANAGE_WEBHOOKS, Person
from cases.record import Id, Record

Channel = Literal["email", "sms", "webhook"]
CHANNELS: tuple[Channel, ...] = ("email", "sms", "webhook")

# `sent`: somebody took it; `delivered`: it is known to have arrived; `failed`: given up; `skipped`: a
# rule forbids it, and `error` says which.
WAITING, SENT, DELIVERED, FAILED, SKIPPED = "waiting", "sent", "delivered", "failed", "skipped"
# What a later word may still change: an ending stays.
BEFORE = {SENT: (WAITING,), DELIVERED: (WAITING, SENT), FAILED: (WAITING, SENT)}
IS_WAITING = text("status = 'waiting'")
GONE = 410  # the status by which a webhook says: never again


class Delivery(Record):
    """One notice on one way. `to`: a party as in Notice, but never a role. `address`: where the last
    try went, masked if it was a citizen's; `error` and `response_status`: what came of it."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("notice_id", "to", "channel"),
        Index("ix_deliveries_to", "to", "at"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    notice_id: Mapped[int] = mapped_column(Id, ForeignKey("notices.id"))
    channel: Mapped[str] = mapped_column(String(8))
    to: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(40), unique=True)
    status: Mapped[str] = mapped_column(String(16))
    address: Mapped[str | None]
    at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(SmallInteger, default=0)
    next_try_at: Mapped[datetime]
    lease_token: Mapped[str | None] = mapped_column(String(32))
    lease_until: Mapped[datetime | None]
    provider_id: Mapped[str | None] = mapped_column(String(128))
    response_status: Mapped[int | None] = mapped_column(SmallInteger)
    error: Mapped[str | None]
    sent_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


Index(
    "ix_deliveries_work",
    Delivery.next_try_at,
    Delivery.id,
    sqlite_where=IS_WAITING,
    postgresql_where=IS_WAITING,
)


@dataclass(frozen=True)
class Due:
    """A delivery that wants to be tried, and how often it was."""

    delivery_id: int
    attempts: int


@dataclass(frozen=True)
class Claim:
    """The right to try one delivery until the lease ends. `attempts`: this one included; `again`: a
    try before this one ended without a word, so the message may have arrived already; the rest is the
    notice's."""

    delivery_id: int
    token: str
    attempts: int
    again: bool
    channel: Channel
    to: str
    key: str
    notice_id: int
    kind: str
    case_id: int | None
    facts: Mapping[str, Any]
    posted_at: datetime


def add(
    session: Session,
    notice_id: int,
    to: str,
    channel: Channel,
    now: datetime,
    refusal: str | None = None,
) -> None:
    """A delivery to be made from now on, or one that a rule forbids."""
    session.add(
        Delivery(
            notice_id=notice_id,
            to=to,
            channel=channel,
            key=f"msg_{secrets.token_hex(16)}",
            status=SKIPPED if refusal else WAITING,
            error=refusal,
            at=now,
            next_try_at=now,
            ended_at=now if refusal else None,
        )
    )


def due(session: Session, now: datetime, limit: int = 100) -> list[Due]:
    """What wants to be tried now and is in nobody's hands, what is due longest first."""
    rows = session.execute(
        select(Delivery.id, Delivery.attempts)
        .where(IS_WAITING, _wanted(now))
        .order_by(Delivery.next_try_at, Delivery.id)
        .limit(limit)
    )
    return [Due(row.id, row.attempts) for row in rows]


def _wanted(now: datetime) -> Any:
    free = or_(Delivery.lease_until.is_(None), Delivery.lease_until < now)
    return and_(Delivery.status == WAITING, Delivery.next_try_at <= now, free)


def claim(
    session: Session, delivery_id: int, now: datetime, lease: timedelta, holder: str = ""
) -> Claim | None:
    """Take the delivery in hand, or None if it is over, not yet due, or somebody has it.

    The attempt is counted here, so that one that kills its worker counts too. `holder`: see `let_go`.
    """
    before = session.execute(
        select(Delivery.lease_token).where(Delivery.id == delivery_id)
    ).scalar()
    token = (holder + secrets.token_hex(16))[:32]
    taken = session.execute(
        update(Delivery)
        .where(Delivery.id == delivery_id, _wanted(now))
        .values(
            lease_token=token, lease_until=now + lease, attempts=Delivery.attempts + 1, error=None
        )
        .execution_options(synchronize_session=False)
    )
    if taken.rowcount != 1:  # type: ignore[attr-defined]
        return None
    row = session.get_one(Delivery, delivery_id, populate_existing=True)
    notice = session.get_one(Notice, row.notice_id)
    return Claim(
        delivery_id=row.id,
        token=token,
        attempts=row.attempts,
        again=before is not None,
        channel=row.channel,  # type: ignore[arg-type]
        to=row.to,
        key=row.key,
        notice_id=notice.id,
        kind=notice.kind,
        case_id=notice.case_id,
        facts=notice.facts,
        posted_at=notice.at,
    )


def put_off(session: Session, claim: Claim, until: datetime) -> None:
    """Should this try end with its worker and without a word, the next one comes no sooner: what kills
    its worker must not do so again and again, before all others."""
    _change(session, claim, next_try_at=until)


def let_go(session: Session, holder: str) -> None:
    """Free at once what a process that is gone still has in hand. Its tokens begin with `holder`."""
    session.execute(
        update(Delivery)
        .where(IS_WAITING, Delivery.lease_token.startswith(holder))
        .values(lease_until=None)
        .execution_options(synchronize_session=False)
    )


def sent(
    session: Session,
    claim: Claim,
    now: datetime,
    *,
    address: str,
    response_status: int | None = None,
    provider_id: str | None = None,
) -> bool:
    """Somebody took it. False when the lease was lost, or the provider told us first."""
    done = _change(
        session,
        claim,
        status=SENT,
        sent_at=now,
        address=address,
        response_status=response_status,
        provider_id=provider_id,
        error=None,
        lease_token=None,
        lease_until=None,
    )
    if done:
        forget_link(session, claim.notice_id)
    return done


def not_sent(
    session: Session,
    claim: Claim,
    error: str,
    now: datetime,
    *,
    again: datetime | None,
    address: str | None = None,
    response_status: int | None = None,
) -> bool:
    """It did not go: somebody tries again from `again`. None: it is given up, and supervisors learn that
    this party could not be told. False when the lease was lost."""
    ending = {"status": FAILED, "ended_at": now} if again is None else {"next_try_at": again}
    done = _change(
        session,
        claim,
        error=error[:500],
        address=address,
        response_status=response_status,
        lease_token=None,
        lease_until=None,
        **ending,
    )
    if done and again is None:
        forget_link(session, claim.notice_id)
        _tell_supervisors(session, claim.delivery_id, now)
    return done


def _change(session: Session, claim: Claim, **values: object) -> bool:
    done = session.execute(
        update(Delivery)
        .where(Delivery.id == claim.delivery_id, Delivery.lease_token == claim.token)
        .where(Delivery.status == WAITING)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    return bool(done.rowcount == 1)  # type: ignore[attr-defined]


def try_again(session: Session, delivery_id: int, *, by: Person, now: datetime) -> None:
    """A person has a delivery tried now, and on its whole schedule from then: one that was given up, or
    one that would wait for its next time.

    Raises Refused: `forbidden`; `unknown_delivery`; `delivered_meanwhile`; `being_sent`.
    """
    if not {MANAGE_JOBS, MANAGE_WEBHOOKS} & permissions.ROLES.get(by.role, frozenset()):
        raise Refused("forbidden", permission=MANAGE_JOBS)
    row = session.get(Delivery, delivery_id, populate_existing=True)
    if row is None:
        raise Refused("unknown_delivery")
    free = or_(Delivery.lease_until.is_(None), Delivery.lease_until < now)
    done = session.execute(
        update(Delivery)
        .where(Delivery.id == delivery_id, Delivery.status.in_((WAITING, FAILED)), free)
        .values(status=WAITING, next_try_at=now, attempts=0, ended_at=None, lease_token=None)
        .execution_options(synchronize_session=False)
    )
    if done.rowcount != 1:  # type: ignore[attr-defined]
        raise Refused("being_sent" if row.status == WAITING else "delivered_meanwhile")


def send_test(session: Session, department: str, *, by: Person, now: datetime) -> int:
    """Send a department's own system a test, which says that nothing is to be done: the delivery's id.

    It goes out even where the system once said that it wants nothing more: it may want again.
    Raises Refused("forbidden").
    """
    permissions.require(by.role, MANAGE_WEBHOOKS)
    to, key = f"department:{department}", secrets.token_hex(8)
    notices.post(
        session,
        "test",
        to=to,
        case_id=None,
        facts={"department": department, "link": "/"},
        dedupe=f"test:{department}:{key}",
        now=now,
    )
    made = select(Notice).where(Notice.dedupe == f"test:{department}:{key}")
    notice = session.scalars(made).one()
    notice.spread_at = now  # on this way alone
    add(session, notice.id, to, "webhook", now)
    session.flush()
    return session.scalars(select(Delivery.id).where(Delivery.notice_id == notice.id)).one()


def latest(
    session: Session, to: str, channel: Channel, limit: int
) -> list[tuple[Notice, Delivery]]:
    """The last deliveries to this party on this way, the newest first."""
    mine = (
        select(Notice, Delivery)
        .join(Delivery, Delivery.notice_id == Notice.id)
        .where(Delivery.to == to, Delivery.channel == channel)
        .order_by(Delivery.at.desc(), Delivery.id.desc())
        .limit(limit)
    )
    return [(row.Notice, row.Delivery) for row in session.execute(mine)]


def given_up(session: Session, since: datetime, limit: int = 50) -> list[tuple[Notice, Delivery]]:
    """What could not be delivered since then, the newest first."""
    lost = (
        select(Notice, Delivery)
        .join(Delivery, Delivery.notice_id == Notice.id)
        .where(Delivery.status == FAILED, Delivery.ended_at >= since)
        .order_by(Delivery.id.desc())
        .limit(limit)
    )
    return [(row.Notice, row.Delivery) for row in session.execute(lost)]


def told(
    session: Session,
    key: str,
    status: Literal["sent", "delivered", "failed"],
    now: datetime,
    *,
    provider_id: str | None = None,
    error: str | None = None,
) -> bool:
    """The provider's word on a message, which may come before our own: a status never falls back and
    the first ending stays. False when nothing was changed by it."""
    values: dict[str, object] = {"status": status, "lease_token": None, "lease_until": None}
    if provider_id is not None:
        values["provider_id"] = provider_id
    values["sent_at" if status == SENT else "ended_at"] = now
    if status == FAILED:
        values["error"] = (error or "")[:500]
    done = session.execute(
        update(Delivery)
        .where(Delivery.key == key, Delivery.status.in_(BEFORE[status]))
        .values(**values)
        .returning(Delivery.id, Delivery.notice_id)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if done is None:
        return False
    forget_link(session, done.notice_id)
    if status == FAILED:
        _tell_supervisors(session, done.id, now)
    return True


def forget_link(session: Session, notice_id: int) -> None:
    """A link may open a door to whoever has it: it is kept only as long as a delivery waits for it."""
    # Held, so that of two deliveries that end at the same moment the second sees the first.
    held = select(Notice).where(Notice.id == notice_id).with_for_update(key_share=True)
    notice = session.scalars(held.execution_options(populate_existing=True)).one()
    if "link" not in notice.facts:
        return
    waiting = select(Delivery.id).where(Delivery.notice_id == notice_id, IS_WAITING)
    if session.scalars(waiting.limit(1)).first() is None:
        notice.facts = {name: one for name, one in notice.facts.items() if name != "link"}
        session.flush()


def _tell_supervisors(session: Session, delivery_id: int, now: datetime) -> None:
    """A department that cannot be told must not stay so in silence. What tells of it ends there."""
    row = session.get_one(Delivery, delivery_id, populate_existing=True)
    notice = session.get_one(Notice, row.notice_id)
    if notice.kind == "undelivered" or row.to == notices.CALLER:
        return
    what, _, code = row.to.partition(":")
    notices.post(
        session,
        "undelivered",
        to="role:supervisor",
        case_id=notice.case_id,
        facts={"state": row.channel, **({"department": code} if what == "department" else {})},
        dedupe=f"undelivered:{row.id}",
        now=now,
    )


def is_gone(session: Session, to: str, address: str) -> bool:
    """Whether the webhook at this address said, when it last said anything, that it wants nothing from
    us any more."""
    said = (
        select(Delivery.response_status)
        .where(
            Delivery.to == to,
            Delivery.channel == "webhook",
            Delivery.address == address,
            Delivery.response_status.is_not(None),
        )
        .order_by(func.coalesce(Delivery.sent_at, Delivery.ended_at, Delivery.at).desc())
        .limit(1)
    )
    return session.scalars(said).first() == GONE


def of_case(session: Session, case_id: int) -> Sequence[tuple[Notice, Delivery | None]]:
    """The notices about a case, each with its deliveries, or with None if there is none."""
    rows = session.execute(
        select(Notice, Delivery)
        .outerjoin(Delivery, Delivery.notice_id == Notice.id)
        .where(Notice.case_id == case_id)
        .order_by(Notice.id, Delivery.id)
    )
    return [(row.Notice, row.Delivery) for row in rows]
