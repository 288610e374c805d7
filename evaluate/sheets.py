"""CSV files of the user's own, row by row: however long, they are never held in memory."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

MOST_IN_A_CELL = 1_000_000  # characters


class SheetError(ValueError):
    """The file cannot be used. One line: the file, the line and column, and what is wrong."""


@dataclass(frozen=True)
class Row:
    """One line of the sheet: `line` as an editor counts, `cells` by the heading of their column."""

    file: Path
    line: int
    cells: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        """The cell without the blanks around it; empty where the sheet has no such column."""
        return (self.cells.get(column) or "").strip()

    def number(self, column: str) -> float | None:
        """The cell as a number, None where it is empty. Raises SheetError."""
        if not self[column]:
            return None
        try:
            return float(self[column])
        except ValueError:
            raise self.wrong(column, "is not a number") from None

    def wrong(self, column: str, what: str) -> SheetError:
        """The error that says where in the sheet it is."""
        return SheetError(f"{self.file}: line {self.line}: {column} {self[column]!r} {what}")


def rows(file: Path, needed: Collection[str], known: Collection[str] = ()) -> Iterator[Row]:
    """The rows of a CSV in UTF-8 whose first line names the columns; empty lines are none.

    needed: columns it must have; known: those it may have, others are no harm. Raises SheetError.
    """
    csv.field_size_limit(MOST_IN_A_CELL)
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            sheet = csv.DictReader(lines, strict=True)
            _check(file, sheet.fieldnames or (), needed, known)
            try:
                for cells in sheet:
                    if None in cells or None in cells.values():
                        raise SheetError(
                            f"{file}: line {sheet.line_num}: has not as many cells as the heading"
                        )
                    yield Row(file, sheet.line_num, cells)
            except csv.Error as error:
                raise SheetError(f"{file}: line {sheet.line_num}: {error}") from None
    except FileNotFoundError:
        raise SheetError(f"{file} is missing") from None
    except UnicodeDecodeError as error:
        raise SheetError(f"{file}: is not UTF-8: {error}") from None


def columns(file: Path) -> tuple[str, ...]:
    """The headings of a CSV. Raises SheetError."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            return tuple(next(csv.reader(lines), ()))
    except (OSError, UnicodeDecodeError) as error:
        raise SheetError(f"{file}: cannot be read: {error}") from None


def _check(
    file: Path, headings: Collection[str], needed: Collection[str], known: Collection[str]
) -> None:
    missing = [name for name in needed if name not in headings]
    if missing:
        may = f" (and may have {', '.join(known)})" if known else ""
        raise SheetError(f"{file}: line 1: needs a column {', '.join(missing)}{may}")
