"""The case: what a call becomes. One call, one case, opened the moment a message is known of."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ForeignKey, Index, String, bindparam, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from cases import history, lifecycle
from cases.categories import Category
from cases.errors import Refused
from cases.record import Id, Record

# Owner of a case that no department has been given yet: the hotline itself.
DESK = "desk"

FLAGS = (
    "transcript_pending",
    "listen_to_recording",
    "missed_message",
    "no_speech",
    "recording_missing",
    "hung_up",
    "wants_person",
    "spoke_to_agent",
    "suspect_text",
    "low_confidence",
    "reopened",
)

SEATED = text("seat_id IS NOT NULL")


class Case(Record):
    """One citizen's matter."""

    __tablename__ = "cases"
    __table_args__ = (
        Index("ix_cases_status_due_at", "status", "due_at"),
        Index("ix_cases_seat_id", "seat_id", sqlite_where=SEATED, postgresql_where=SEATED),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    call_id: Mapped[int] = mapped_column(Id, ForeignKey("calls.id"), unique=True)
    number: Mapped[str | None] = mapped_column(String(16), unique=True)
    status: Mapped[str] = mapped_column(String(16))
    opened_at: Mapped[datetime]
    language: Mapped[str | None] = mapped_column(String(3))
    category: Mapped[str | None] = mapped_column(String(64))
    category_confidence: Mapped[float | None]
    category_alternatives: Mapped[list[Any]]
    category_reasons: Mapped[list[Any]]
    category_confirmed: Mapped[bool] = mapped_column(default=False)
    department: Mapped[str | None] = mapped_column(String(32))
    owner: Mapped[str] = mapped_column(String(32))
    due_at: Mapped[datetime]
    transcribed_at: Mapped[datetime | None]
    flags: Mapped[list[Any]]
    # A row of duty_seats: the leader on duty who took the case. `duty` knows cases, not they it.
    seat_id: Mapped[int | None] = mapped_column(Id)
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012


_OF_CALL = select(Case).where(Case.call_id == bindparam("call_id"))
_HELD = _OF_CALL.with_for_update(key_share=True).execution_options(populate_existing=True)


@dataclass(frozen=True)
class Terms:
    """What the city promises for a new case: its calendar's time zone and the days to an answer."""

    time_zone: ZoneInfo
    response_days: int


def open_for(
    session: Session, call_id: int, terms: Terms, now: datetime, flags: Iterable[str] = ()
) -> Case:
    """The call's case, opened unless it is. The caller of this holds the call's row."""
    case = _held(session, call_id)
    if case is None:
        case = Case(
            call_id=call_id,
            status=lifecycle.RECEIVED,
            opened_at=now,
            owner=DESK,
            due_at=now + timedelta(days=terms.response_days),
            category_alternatives=[],
            category_reasons=[],
            flags=_in_order({*flags}),
        )
        session.add(case)
        session.flush()
        case.number = number_for(case.id, now.astimezone(terms.time_zone).year)
        history.add(session, case.id, "opened", now, number=case.number)
    else:
        mark(case, *flags)
    return case


def _held(session: Session, call_id: int) -> Case | None:
    # Locked and read anew: a person at the console may be changing it at this very moment.
    return session.scalars(_HELD, {"call_id": call_id}).one_or_none()


def of_call(session: Session, call_id: int) -> Case | None:
    return session.scalars(_OF_CALL, {"call_id": call_id}).one_or_none()


def by_number(session: Session, number: str) -> Case | None:
    return session.scalars(select(Case).where(Case.number == number)).one_or_none()


def mark(case: Case, *flags: str) -> None:
    """Set flags of a case; one that is set stays set."""
    case.flags = _in_order({*case.flags, *flags})


def unset(case: Case, *flags: str) -> None:
    """Take flags off a case."""
    case.flags = _in_order({*case.flags} - {*flags})


def _in_order(flags: set[str]) -> list[Any]:
    unknown = flags - set(FLAGS)
    if unknown:
        raise ValueError(f"no such flag: {unknown}")
    return [flag for flag in FLAGS if flag in flags]


def number_for(case_id: int, year: int) -> str:
    """A case number a person can key in: two digits of the year, six or more that count, a check digit.

    The check digit (Luhn, ISO/IEC 7812-1) finds every single wrong digit and most swapped pairs.
    """
    body = f"{year % 100:02d}{case_id:06d}"
    return body + str(-_luhn_sum(body + "0") % 10)


def is_number(text: str) -> bool:
    """Whether these digits can be a case number at all."""
    return text.isascii() and text.isdigit() and 9 <= len(text) <= 16 and _luhn_sum(text) % 10 == 0


def _luhn_sum(digits: str) -> int:
    doubled = [2 * int(d) for d in digits[-2::-2]]
    return sum(int(d) for d in digits[-1::-2]) + sum(d - 9 if d > 9 else d for d in doubled)


def confirm(
    session: Session, case: Case, category: Category, *, version: int, actor: str, now: datetime
) -> None:
    """A person says what the matter is: its category, and with it the department that owns it.

    Raises Refused("changed") when somebody else changed the case since `version`.
    """
    _act(session, case, "confirm", {"category": category.code}, version, actor, now)
    case.category = category.code
    case.category_confirmed = True
    case.department = category.department
    case.owner = category.department


def close(
    session: Session, case: Case, note: str, *, version: int, actor: str, now: datetime
) -> None:
    """A person says that the matter is done, and why."""
    _act(session, case, "close", {"note": note}, version, actor, now)


def reopen(
    session: Session, case: Case, note: str, *, version: int, actor: str, now: datetime
) -> None:
    """A person says that it was not done after all."""
    _act(session, case, "reopen", {"note": note}, version, actor, now)


def _act(
    session: Session,
    case: Case,
    action: str,
    given: dict[str, str],
    version: int,
    actor: str,
    now: datetime,
) -> None:
    if case.version != version:
        raise Refused("changed", number=case.number)
    was = case.status
    case.status = lifecycle.target(was, action, given)
    before = {"category": case.category} if "category" in given else {}
    history.add(
        session,
        case.id,
        action,
        now,
        actor=actor,
        **given,
        **{f"was_{k}": v for k, v in before.items()},
    )


def touch(session: Session, case_id: int) -> None:
    """Hold the case's row until the transaction ends."""
    session.execute(update(Case).where(Case.id == case_id).values(version=Case.version))
