"""Matters whose category is known, from a CSV file: to learn from, or to be tested on.

Columns `text` and `category`, and if there are, `department`, `language` and `date` (2026-11-28, or a moment that
begins so); others are passed over. UTF-8, with or without the mark that spreadsheets put before it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple, TextIO

from cases.categories import Category
from cases.lexicon import plain

TEXT, CATEGORY, DEPARTMENT, DATE, LANGUAGE = "text", "category", "department", "date", "language"
_SHOWN: Final = 5
_LONGEST: Final = 100_000
"""Characters of one text."""


class LabelledError(ValueError):
    """A file cannot be read. Each line names the file, its line and its column, and what to do."""


class TooLittle(LabelledError):
    """There is not enough to learn from. One line that says what is missing."""


class Row(NamedTuple):
    """A matter, as the file tells it. `line`: of the file, counted from 1; `language`: as the file calls it."""

    line: int
    text: str
    category: str
    department: str | None = None
    day: date | None = None
    language: str | None = None


@dataclass
class Unknown:
    """A category that the city does not have: how many rows name it, and the first such line."""

    first: int
    rows: int = 0


@dataclass(frozen=True)
class Known:
    """The rows whose category is one of the city's, by its code; and what was named besides."""

    rows: Sequence[Row]
    unknown: Mapping[str, Unknown] = field(default_factory=dict)


def read(source: Path) -> list[Row]:
    """The rows of a file, or of every .csv file of a folder, in the order of their names. Raises LabelledError,
    also where there is none."""
    files = sorted(source.glob("*.csv")) if source.is_dir() else [source]
    if not files:
        raise LabelledError(f"{source}: there is no .csv file")
    return [row for file in files for row in _of_file(file)]


def _of_file(file: Path) -> list[Row]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows, wrong = _rows(lines)
    except FileNotFoundError:
        raise LabelledError(f"{file}: there is no such file") from None
    except UnicodeDecodeError:
        raise LabelledError(f"{file}: is not UTF-8; save it as CSV UTF-8") from None
    except (OSError, csv.Error) as error:
        raise LabelledError(f"{file}: {error}") from None
    if wrong:
        more = [f"{file}: and {len(wrong) - _SHOWN} more"] if len(wrong) > _SHOWN else []
        raise LabelledError("\n".join([*(f"{file}, {one}" for one in wrong[:_SHOWN]), *more]))
    if not rows:
        raise LabelledError(f"{file}: has no row")
    return rows


def _rows(lines: TextIO) -> tuple[list[Row], list[str]]:
    reader = csv.reader(lines)
    columns = [name.strip().lower() for name in next(reader, [])]
    if missing := [name for name in (TEXT, CATEGORY) if name not in columns]:
        there = ", ".join(columns) or "nothing"
        return [], [f"line 1: needs a column {' and '.join(missing)}; there is {there}"]
    if twice := sorted({name for name in columns if name and columns.count(name) > 1}):
        return [], [f"line 1: column {twice[0]} stands there twice"]
    rows, wrong = [], []
    begins = reader.line_num + 1
    for cells in reader:
        line, begins = begins, reader.line_num + 1
        if not any(cell.strip() for cell in cells):
            continue
        given = dict(zip(columns, map(str.strip, cells), strict=False))
        if mistakes := list(_mistakes(given)):
            wrong += [f"line {line}, column {column}: {what}" for column, what in mistakes]
        else:
            day = _day(given[DATE]) if given.get(DATE) else None
            department, language = given.get(DEPARTMENT) or None, given.get(LANGUAGE) or None
            rows.append(Row(line, given[TEXT], given[CATEGORY], department, day, language))
    return rows, wrong


def _mistakes(given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for column in (TEXT, CATEGORY):
        if not given.get(column):
            yield column, "is empty"
    if len(given.get(TEXT, "")) > _LONGEST:
        yield TEXT, f"is longer than {_LONGEST} characters"
    if (day := given.get(DATE)) and _day(day) is None:
        yield DATE, f"{day!r} is not a date like 2026-11-28"


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.replace("/", "-")[:10])
    except ValueError:
        return None


def known(rows: Sequence[Row], categories: Sequence[Category]) -> Known:
    """The rows with the city's own codes in place of the names that may stand there in any of its languages."""
    codes = {plain(name): one.code for one in categories for name in one.name.values()}
    codes |= {one.code: one.code for one in categories}
    kept, unknown = [], dict[str, Unknown]()
    for row in rows:
        code = codes.get(plain(row.category))
        if code is None:
            unknown.setdefault(row.category, Unknown(row.line)).rows += 1
        else:
            kept.append(row._replace(category=code))
    return Known(kept, unknown)
