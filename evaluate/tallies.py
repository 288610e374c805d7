"""Daily counts by category and district out of a CSV, however long: one row a day and cell, or one a call.

A year of a city of seventy thousand calls a day is 25 million rows; they are counted a million at a time and
never held.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cases.surges import DAY, Series
from evaluate.sheets import SheetError, columns

CHUNK: Final = 1_000_000  # rows
DATE, CATEGORY, DISTRICT, COUNT, OUTBREAK = "date", "category", "district", "count", "outbreak"
LONGEST_DAYS: Final = 366 * 20
_NOT: Final = frozenset({"", "0", "no", "false"})

Key = tuple[str, str, str]
Tell = Callable[[int], None]


@dataclass(frozen=True)
class Tally:
    """The counts; `outbreaks`: of the same shape, which days of which cell belong to a known outbreak, None
    when the sheet does not say; `rows`: how many were read."""

    series: Series
    outbreaks: NDArray[np.bool_] | None
    rows: int


def read(file: Path, tell: Tell = lambda rows: None) -> Tally:
    """The tally of a sheet: date (its first ten characters), category, district; with count, rows of the
    same day and cell are added up; without, each row is one call. outbreak: 1 on the days of a known one.

    Raises SheetError; of a date or count that is none it names the line.
    """
    head = columns(file)
    missing = [name for name in (DATE, CATEGORY, DISTRICT) if name not in head]
    if missing:
        raise SheetError(f"{file}: line 1: needs a column {', '.join(missing)}")
    counts: Counter[Key] = Counter()
    marked: set[Key] = set()
    read_rows = 0
    for chunk in _chunks(file):
        _add(file, head, chunk, read_rows, counts, marked)
        read_rows += len(chunk)
        tell(read_rows)
    if not counts:
        raise SheetError(f"{file}: has no rows")
    days = _days(file, head, {key[0] for key in counts})
    return _tally(counts, marked if OUTBREAK in head else None, days, read_rows)


def _chunks(file: Path) -> Iterator[list[list[str]]]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        sheet = csv.reader(lines, strict=True)
        next(sheet, None)
        try:
            while chunk := list(islice(sheet, CHUNK)):
                yield chunk
        except (csv.Error, UnicodeDecodeError) as error:
            raise SheetError(f"{file}: line {sheet.line_num}: {error}") from None


def _add(
    file: Path,
    head: Sequence[str],
    chunk: list[list[str]],
    before: int,
    counts: Counter[Key],
    marked: set[Key],
) -> None:
    at = [head.index(name) for name in (DATE, CATEGORY, DISTRICT)]
    day, category, district = at
    try:
        keys = [(row[day][:10], row[category], row[district]) for row in chunk]
        if OUTBREAK in head:
            outbreak = head.index(OUTBREAK)
            told = zip(keys, chunk, strict=True)
            marked.update(key for key, row in told if row[outbreak].lower() not in _NOT)
    except IndexError:
        number = next(n for n, row in enumerate(chunk) if len(row) < len(head))
        where = f"{file}: row {before + number + 1}"
        raise SheetError(f"{where}: has not as many cells as the heading") from None
    if COUNT not in head:
        counts.update(keys)
        return
    column = head.index(COUNT)
    for number, (key, row) in enumerate(zip(keys, chunk, strict=True)):
        counts[key] += _count(file, row[column], before + number + 1)


def _count(file: Path, cell: str, row: int) -> int:
    try:
        count = int(cell)
    except ValueError:
        raise SheetError(f"{file}: row {row}: count {cell!r} is not a whole number") from None
    if count < 0:
        raise SheetError(f"{file}: row {row}: count {cell} is below nothing")
    return count


def _days(file: Path, head: Sequence[str], written: set[str]) -> dict[str, date]:
    days = {}
    for text in written:
        try:
            days[text] = date.fromisoformat(text)
        except ValueError:
            row = _row_of(file, head, text)
            raise SheetError(f"{file}: row {row}: date {text!r} is not like 2026-01-31") from None
    if (max(days.values()) - min(days.values())).days > LONGEST_DAYS:
        raise SheetError(f"{file}: from {min(days.values())} to {max(days.values())}: too long")
    return days


def _row_of(file: Path, head: Sequence[str], text: str) -> int:
    """The first row with that date: looked for once more, now that one is wrong."""
    column, number = head.index(DATE), 0
    for chunk in _chunks(file):
        for row in chunk:
            number += 1
            if row[column][:10] == text:
                return number
    return number


def _tally(
    counts: Counter[Key], marked: set[Key] | None, days: dict[str, date], read_rows: int
) -> Tally:
    first, last = min(days.values()), max(days.values())
    width = (last - first).days + 1
    rows: defaultdict[tuple[str, str], int] = defaultdict(lambda: len(rows))
    for _, category, district in sorted(counts, key=lambda key: key[1:]):
        _ = rows[category, district]
    found = np.zeros((len(rows), width))
    outbreaks = None if marked is None else np.zeros((len(rows), width), dtype=bool)
    for (day, category, district), count in counts.items():
        found[rows[category, district], (days[day] - first) // DAY] += count
    if outbreaks is not None:
        for day, category, district in marked or ():
            outbreaks[rows[category, district], (days[day] - first) // DAY] = True
    return Tally(Series(list(rows), first, found), outbreaks, read_rows)
