"""What happened to a case, line by line. Lines are only ever added; the database refuses the rest.

Should somebody get past the database all the same, it shows: each line carries a seal over itself and
the seal of the line before, and the last seal of every case is kept in a table of its own.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from sqlalchemy import ForeignKey, Index, String, bindparam, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from cases import search
from cases.record import Id, Insert, Record, prepared
from cases.wording import mask_numbers

SYSTEM = "system"
# What the first line of a case is sealed to.
NO_SEAL = ""


class Entry(Record):
    """One line of a case's history. `actor` is `system` or `agent:<id>`."""

    __tablename__ = "history"
    __table_args__ = (
        Index("ix_history_case_id", "case_id"),
        Index("ix_history_at", "at", "case_id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(Id, ForeignKey("cases.id"))
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(32))
    detail: Mapped[dict[str, Any]]
    seal: Mapped[str] = mapped_column(String(64), server_default="")


class Head(Record):
    """The seal of a case's last line and how many lines there are: a cut end shows. The database
    lets it only grow, a line at a time."""

    __tablename__ = "history_heads"

    case_id: Mapped[int] = mapped_column(
        Id, ForeignKey("cases.id"), primary_key=True, autoincrement=False
    )
    seal: Mapped[str] = mapped_column(String(64))
    lines: Mapped[int]


@dataclass(frozen=True)
class Broken:
    """Where a case's history is first not what was written.

    `line` counts from 1. `entry_id` and `action` are those of the line found there; None when lines
    that once stood there, at the end, are missing.
    """

    case_id: int
    line: int
    entry_id: int | None
    action: str | None


@prepared
def _add(insert: Insert) -> Any:
    return insert(Entry)


@prepared
def _keep(insert: Insert) -> Any:
    new = insert(Head)
    grown = {"seal": new.excluded.seal, "lines": Head.lines + 1}
    return new.on_conflict_do_update(index_elements=["case_id"], set_=grown)


_LAST = select(Head.seal).where(Head.case_id == bindparam("case_id"))


def add(
    session: Session,
    case_id: int,
    action: str,
    now: datetime,
    *,
    actor: str = SYSTEM,
    **detail: Any,
) -> None:
    """Write one line. `detail` holds plain JSON values, never a caller's number."""
    _take_turns(session, case_id)
    before = session.execute(_LAST, {"case_id": case_id}).scalar_one_or_none() or NO_SEAL
    line = {"case_id": case_id, "at": now, "actor": actor, "action": action, "detail": detail}
    seal = sealed(before, line)
    session.execute(_add(session), {**line, "seal": seal})
    session.execute(_keep(session), {"case_id": case_id, "seal": seal, "lines": 1})
    if words := written(actor, detail):
        search.write(session, case_id, words, mask_numbers(words))


def written(actor: str, detail: Mapping[str, Any]) -> str:
    """What a person wrote in a line, for the search; of the system's own lines nothing."""
    return "" if actor == SYSTEM else search.written(detail)


def _take_turns(session: Session, case_id: int) -> None:
    # The case's row is what everybody who changes a case holds; held first, nobody waits in a circle.
    cases = Record.metadata.tables["cases"]
    held = select(cases.c.id).where(cases.c.id == case_id).with_for_update(key_share=True)
    session.execute(held)


def sealed(before: str, line: dict[str, Any]) -> str:
    """The seal of a line that follows the one sealed `before`: SHA-256, in hexadecimal."""
    plain = {**line, "at": line["at"].astimezone(UTC).isoformat(timespec="microseconds")}
    text = json.dumps(_plain(plain), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256((before + text).encode()).hexdigest()


# Up to here a floating-point number tells whole numbers apart.
_EXACT = 2**53


def _plain(value: Any) -> Any:
    """The same in the one form in which both databases give it back: PostgreSQL makes 100000 of 1e5
    and 1 of 1.0."""
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT:
        return int(value)
    if isinstance(value, int) and abs(value) > _EXACT:
        return float(value)
    return value


def of_case(session: Session, case_id: int) -> list[Entry]:
    """The whole history, oldest first."""
    return list(session.scalars(select(Entry).where(Entry.case_id == case_id).order_by(Entry.id)))


def verify(session: Session, case_id: int | None = None) -> Iterator[Broken]:
    """The first broken line of every case, or of this one, whose history is not as it was written.

    Whoever may write to both tables can of course seal a false history anew; `digest` is what to
    keep elsewhere against that.
    """
    heads = {row.case_id: row for row in session.execute(_of(_HEADS, Head, case_id))}
    lines = session.execute(_of(_LINES, Entry, case_id).execution_options(yield_per=1000))
    for number, entries in groupby(lines, key=lambda entry: entry.case_id):
        if broken := _first_broken(number, entries, heads.pop(number, None)):
            yield broken
    for number in heads:
        yield Broken(number, 1, None, None)


_HEADS = select(Head.case_id, Head.seal, Head.lines).order_by(Head.case_id)
_LINES = select(*Entry.__table__.columns).order_by(Entry.case_id, Entry.id)


def _of(statement: Any, table: type[Entry] | type[Head], case_id: int | None) -> Any:
    return statement if case_id is None else statement.where(table.case_id == case_id)


def _first_broken(case_id: int, entries: Iterator[Any], head: Any) -> Broken | None:
    seal, count, found = NO_SEAL, 0, None
    for count, entry in enumerate(entries, start=1):
        seal = sealed(seal, {name: getattr(entry, name) for name in _SEALED})
        if found is None and seal != entry.seal:
            found = Broken(case_id, count, entry.id, entry.action)
    if found is None and (head is None or (head.seal, head.lines) != (seal, count)):
        found = Broken(case_id, count + 1, None, None)
    return found


_SEALED = ("case_id", "at", "actor", "action", "detail")


def digest(session: Session) -> str:
    """One SHA-256 over the last seals of all cases. Written down elsewhere from time to time, it
    shows whether a later history still begins with the one of that day."""
    whole = hashlib.sha256()
    for row in session.execute(_HEADS):
        whole.update(f"{row.case_id} {row.lines} {row.seal}\n".encode())
    return whole.hexdigest()
