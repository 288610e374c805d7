"""The list of cases: what may be filtered by, read from the address, and the rows it finds."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import String, cast, func, or_, select
from sqlalchemy.orm import Session

from cases import clocks, transcripts
from cases.calls import Call
from cases.case import DESK, FLAGS, Case
from cases.clocks import Clock
from cases.lifecycle import CLOSED, STATUSES
from cases.permissions import OFFICER, Person
from console import own_cases

PAGE = 25
LAST_PAGE = 100_000
ORDERS = ("newest", "due")
# No text, or one that is in doubt: somebody should listen.
TO_BE_HEARD = ("listen_to_recording", "suspect_text", "low_confidence")
OPEN = "open"
# Whichever clock it is that is late.
ANY = "any"


@dataclass(frozen=True)
class Filter:
    """What the address asks for. What it says wrongly is left out rather than complained about."""

    number: str = ""
    status: str = ""
    language: str = ""
    category: str = ""
    flag: str = ""
    listen: str = ""
    owner: str = ""
    late: str = ""
    since: str = ""
    until: str = ""
    order: str = "newest"
    page: int = 1

    @property
    def query(self) -> dict[str, Any]:
        """The filter as it stands in an address, without what is as always."""
        usual = Filter()
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value != getattr(usual, name)}

    @property
    def narrowed(self) -> bool:
        """Whether more is asked for than the number, the status and the order."""
        return bool({*self.query} - {"number", "status", "order", "page"})

    def at(self, page: int) -> dict[str, Any]:
        """The address of another page of the same list."""
        return replace(self, page=page).query


@dataclass(frozen=True)
class Row:
    """One case in the list. `text`: what was said, without telephone and identity numbers; `clock`: the
    one that presses most."""

    case: Case
    call: Call
    text: str | None
    clock: Clock | None


@dataclass(frozen=True)
class Page:
    """One page of the list, and how many cases there are in all."""

    rows: Sequence[Row]
    total: int
    number: int

    @property
    def last(self) -> int:
        return max(1, -(-self.total // PAGE))


def read(
    arguments: Mapping[str, str], categories: Sequence[str], departments: Sequence[str]
) -> Filter:
    """The filter an address describes."""
    allowed: dict[str, Sequence[str]] = {
        "status": (OPEN, *STATUSES),
        "language": ("yue", "cmn", "en"),
        "category": (*categories, "none"),
        "flag": FLAGS,
        "listen": ("1",),
        "owner": (DESK, *departments),
        "late": (ANY, *clocks.KINDS),
        "order": ORDERS,
    }
    chosen: dict[str, Any] = {
        name: arguments[name] for name in allowed if arguments.get(name) in allowed[name]
    }
    for name in ("since", "until"):
        chosen[name] = _day_text(arguments.get(name, ""))
    typed = unicodedata.normalize("NFKC", arguments.get("number", ""))
    number = "".join(filter(str.isdigit, typed))[:16]
    return Filter(**chosen, number=number, page=_page(arguments.get("page", "")))


def find(session: Session, wanted: Filter, reader: Person, zone: ZoneInfo, now: datetime) -> Page:
    """One page of the cases wanted that the reader may see. The rows outlive the transaction."""
    conditions = list(_conditions(wanted, zone, now))
    if reader.role == OFFICER:
        conditions.append(own_cases.of(reader.department))
    total = session.execute(select(func.count()).select_from(Case).where(*conditions)).scalar_one()
    number = min(wanted.page, max(1, -(-total // PAGE)))
    found = session.execute(
        select(Case, Call)
        .join(Call, Call.id == Case.call_id)
        .where(*conditions)
        .order_by(*((Case.due_at, Case.id) if wanted.order == "due" else (Case.id.desc(),)))
        .offset((number - 1) * PAGE)
        .limit(PAGE)
    ).all()
    told = transcripts.told(session, [call.id for _, call in found])
    running = clocks.of_cases(session, [case.id for case, _ in found])
    rows = [
        Row(
            case,
            call,
            told[call.id].masked_text if call.id in told else None,
            clocks.most_pressing(running[case.id]),
        )
        for case, call in found
    ]
    session.expunge_all()
    return Page(rows, total, number)


def _conditions(wanted: Filter, zone: ZoneInfo, now: datetime) -> Iterator[Any]:
    if wanted.number:
        yield Case.number.contains(wanted.number)
    if wanted.status:
        yield Case.status != CLOSED if wanted.status == OPEN else Case.status == wanted.status
    if wanted.language:
        yield Case.language == wanted.language
    if wanted.category:
        yield Case.category == (None if wanted.category == "none" else wanted.category)
    if wanted.flag:
        yield _flagged(wanted.flag)
    if wanted.listen:
        yield Case.status != CLOSED
        yield or_(*map(_flagged, TO_BE_HEARD))
    if wanted.owner:
        yield Case.owner == wanted.owner
    if wanted.late:
        yield Case.id.in_(_late(wanted.late, now))
    if wanted.since:
        yield Case.opened_at >= _midnight(wanted.since, zone)
    if wanted.until:
        yield Case.opened_at < _midnight(wanted.until, zone, days=1)


def _late(kind: str, now: datetime) -> Any:
    """The cases of which a clock is late: any, or one of this kind."""
    late = select(Clock.case_id).where(Clock.stopped_at.is_(None), Clock.due_at < now)
    return late if kind == ANY else late.where(Clock.kind == kind)


def _flagged(flag: str) -> Any:
    # Flags are plain words, and both databases write a list of them with the word in quotes.
    return cast(Case.flags, String).contains(f'"{flag}"', autoescape=True)


def _midnight(day: str, zone: ZoneInfo, days: int = 0) -> datetime:
    return datetime.combine(date.fromisoformat(day) + timedelta(days=days), time(), zone)


def _day_text(text: str) -> str:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return ""
    return day.isoformat() if 1970 <= day.year < 9999 else ""


def _page(text: str) -> int:
    return min(max(int(text), 1), LAST_PAGE) if text.isascii() and text.isdigit() else 1
