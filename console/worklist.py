"""The list of cases: what may be filtered by, read from the address, and the rows it finds."""

import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Select, String, cast, func, or_, select
from sqlalchemy.orm import Session

from cases import clocks, grams, hazards, history, search, transcripts
from cases.calls import Call
from cases.case import DESK, FLAGS, IS_UNREVIEWED, Case
from cases.clocks import Clock
from cases.districts import located, of_hazard
from cases.grams import Piece
from cases.history import Entry
from cases.lifecycle import CLOSED, RECEIVED, REFERRED, STATUSES
from cases.permissions import OFFICER, Person
from cases.transcripts import Told
from cases.wording import mask_numbers
from console import own_cases

PAGE = 25
LAST_PAGE = 100_000
ORDERS = ("newest", "oldest", "due")
# What is asked for may be so long, and so much of a text is shown before and after it.
LONGEST = 200
AROUND = 40
# No text, or one that is in doubt: somebody should listen.
TO_BE_HEARD = ("listen_to_recording", "suspect_text", "low_confidence")
OPEN = "open"
# Whichever clock it is that is late.
ANY = "any"


@dataclass(frozen=True)
class Filter:
    """What the address asks for. What it says wrongly is left out rather than complained about."""

    q: str = ""
    number: str = ""
    status: str = ""
    language: str = ""
    category: str = ""
    flag: str = ""
    listen: str = ""
    owner: str = ""
    district: str = ""
    hazard: str = ""
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
        """Whether more is asked for than the words, the status and the order."""
        return bool({*self.query} - {"q", "status", "order", "page"})

    def at(self, page: int) -> dict[str, Any]:
        """The address of another page of the same list."""
        return replace(self, page=page).query


@dataclass(frozen=True)
class Row:
    """One case in the list. `clock`: the one that presses most. `found`: where what was searched for
    stands, of what was said or, where it does not stand there, of what was `written` about the case;
    `hidden`: where this list does not show it."""

    case: Case
    call: Call
    said: Told | None
    clock: Clock | None
    found: Sequence[Piece] = ()
    written: bool = False
    hidden: bool = False

    @property
    def text(self) -> str | None:
        """What was said, without telephone and identity numbers."""
        return self.said.masked_text if self.said else None

    @property
    def whole_text(self) -> str | None:
        return self.said.text if self.said else None


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
    arguments: Mapping[str, str],
    categories: Sequence[str],
    departments: Sequence[str],
    districts: Collection[str] = (),
) -> Filter:
    """The filter an address describes."""
    allowed: dict[str, Sequence[str]] = {
        "status": (OPEN, *STATUSES),
        "language": ("yue", "cmn", "en"),
        "category": (*categories, "none"),
        "flag": FLAGS,
        "listen": ("1",),
        "owner": (DESK, *departments),
        "district": tuple(districts),
        "hazard": tuple(kind.family for kind in hazards.kinds().values()),
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
    words = " ".join(arguments.get("q", "").replace("\0", "").split())[:LONGEST]
    return Filter(**chosen, q=words, number=number, page=_page(arguments.get("page", "")))


@dataclass(frozen=True)
class Counts:
    """How many cases of a reader's are new: at the desk those that nobody has looked at, to a department
    those that it was asked to accept (`status` finds either); and in how many a clock is late."""

    status: str
    new: int
    late: int


def counts(session: Session, reader: Person, now: datetime) -> Counts:
    """How many cases wait for the reader at this moment, in the whole list."""
    officer = reader.role == OFFICER
    status = REFERRED if officer else RECEIVED
    new: Any = Case.status == REFERRED if officer else IS_UNREVIEWED
    own = (own_cases.of(reader.department),) if officer else ()

    def count(condition: Any) -> int:
        found = select(func.count(Case.id)).where(condition, *own)
        return int(session.execute(found).scalar_one())

    return Counts(status, count(new), count(Case.id.in_(_late(ANY, now))))


def find(session: Session, wanted: Filter, reader: Person, zone: ZoneInfo, now: datetime) -> Page:
    """One page of the cases wanted that the reader may see. The rows outlive the transaction."""
    ids = _wanted(session, wanted, reader, zone, now)
    total = session.execute(select(func.count()).select_from(ids.subquery())).scalar_one()
    number = min(wanted.page, max(1, -(-total // PAGE)))
    page = ids.order_by(*_order(wanted)).offset((number - 1) * PAGE).limit(PAGE)
    rows = read_rows(session, list(session.scalars(page)), wanted, reader)
    return Page(rows, total, number)


def find_ids(
    session: Session, wanted: Filter, reader: Person, zone: ZoneInfo, now: datetime, limit: int
) -> list[int]:
    """The cases of all pages in their order, as far as `limit`."""
    ids = _wanted(session, wanted, reader, zone, now)
    return list(session.scalars(ids.order_by(*_order(wanted)).limit(limit)))


def _wanted(
    session: Session, wanted: Filter, reader: Person, zone: ZoneInfo, now: datetime
) -> Select[int]:
    conditions = list(_conditions(wanted, zone, now))
    if reader.role == OFFICER:
        conditions.append(own_cases.of(reader.department))
    ids = select(Case.id).where(*conditions)
    found = search.find(session, wanted.q, masked=reader.role == OFFICER)
    if found is None:
        return ids
    # Found first and as a whole: PostgreSQL would else go through all cases, the newest first, and look
    # at the words of each.
    hits = found.cte("hits").prefix_with("MATERIALIZED", dialect="postgresql")
    return ids.join(hits, hits.c.case_id == Case.id)


def _order(wanted: Filter) -> tuple[Any, ...]:
    orders = {
        "newest": (Case.id.desc(),),
        "oldest": (Case.id,),
        "due": (Case.due_at, Case.id),
    }
    return orders[wanted.order]


def read_rows(session: Session, ids: Sequence[int], wanted: Filter, reader: Person) -> list[Row]:
    """The rows of these cases, in this order."""
    found = session.execute(
        select(Case, Call).join(Call, Call.id == Case.call_id).where(Case.id.in_(ids))
    )
    by_id = {case.id: (case, call) for case, call in found}
    told = transcripts.told(session, [call.id for _, call in by_id.values()])
    running = clocks.of_cases(session, list(by_id))
    private = reader.role == OFFICER
    rows = []
    for case, call in (by_id[one] for one in ids if one in by_id):
        said = told.get(call.id)
        shown = _found(session, wanted.q, case, said, private) if wanted.q else {}
        rows.append(Row(case, call, said, clocks.most_pressing(running[case.id]), **shown))
    session.expunge_all()
    return rows


def _found(
    session: Session, query: str, case: Case, said: Told | None, private: bool
) -> dict[str, Any]:
    """What a row shows of what was searched for."""
    if said and (pieces := grams.marked(said.masked_text, query, AROUND)):
        return {"found": pieces}
    for line in reversed(history.of_case(session, case.id)):
        if pieces := grams.marked(_written(line, private), query, AROUND):
            return {"found": pieces, "written": True}
    return {"hidden": not grams.marked(str(case.number), query, 0)}


def _written(line: Entry, private: bool) -> str:
    text = history.written(line.actor, line.detail)
    return mask_numbers(text) if private else text


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
    if wanted.district:
        where = located().subquery()
        yield Case.id.in_(select(where.c.case_id).where(where.c.district == wanted.district))
    if wanted.hazard:
        yield Case.id.in_(of_hazard(wanted.hazard))
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
