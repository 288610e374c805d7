"""Cases as a sheet that an office program opens: CSV, and Excel's own format.

A citizen may say, and an agent type, what a sheet would take for a formula; it never becomes one.
"""

import csv
import io
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import IO, Final, Literal

import xlsxwriter

from console.words import Words
from console.worklist import Row

Format = Literal["csv", "xlsx"]
TYPES: Final[dict[str, str]] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
COLUMNS: Final = (
    *("number", "opened", "status", "category", "confirmed", "owner", "language"),
    *("due", "clock", "flags", "text"),
)
WIDTHS: Final = (14, 17, 12, 24, 10, 24, 12, 17, 26, 24, 80)
# With one of these a cell begins that is reckoned; the wide ones are as good in some languages' Excel.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# Excel's own limit of a cell.
LONGEST: Final = 32_767
PIECE: Final = 64 * 1024

# None: what is not known, an empty cell.
Cell = str | datetime | int | Decimal | None


def cells(row: Row, words: Words, now: datetime, *, whole: bool) -> list[Cell]:
    """One case as a line of the sheet, in COLUMNS' order; moments by the city's clock."""
    case, say = row.case, words.say
    zone = words.office.city.time_zone
    text = row.whole_text if whole else row.text
    return [
        str(case.number),
        case.opened_at.astimezone(zone).replace(tzinfo=None),
        say(f"status.{case.status}"),
        words.category(case.category),
        say("answer.yes" if case.category_confirmed else "answer.no"),
        words.owner(case),
        words.language(case.language),
        case.due_at.astimezone(zone).replace(tzinfo=None),
        words.clock_chip(row.clock, now).text if row.clock else "",
        say("list.comma").join(say(f"flag.{flag}") for flag in case.flags),
        text or "",
    ]


def heads(words: Words) -> list[str]:
    """What stands above the columns."""
    return [words.say(f"sheet.{name}") for name in COLUMNS]


def harmless(text: str) -> str:
    """The text so that no program takes it for a formula: an apostrophe before what looks like one."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def as_csv(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
    """The sheet piece by piece, with the mark by which Excel knows UTF-8."""
    yield b"\xef\xbb\xbf" + _line(head)
    for row in rows:
        yield _line(row)


def _line(row: Sequence[Cell]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerow([_as_text(cell) for cell in row])
    return out.getvalue().encode()


def _as_text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return harmless(cell)
    return f"{cell:%Y-%m-%d %H:%M}" if isinstance(cell, datetime) else str(cell)


def as_xlsx(
    head: Sequence[str], rows: Iterable[Sequence[Cell]], widths: Sequence[int] = WIDTHS
) -> Iterator[bytes]:
    """The sheet in Excel's format, piece by piece."""
    with tempfile.TemporaryFile() as file:
        write_xlsx(file, head, rows, widths)
        file.seek(0)
        while piece := file.read(PIECE):
            yield piece


def write_xlsx(
    file: IO[bytes],
    head: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    widths: Sequence[int] = WIDTHS,
) -> None:
    """The sheet in Excel's format, row after row to disk: a hundred thousand need little memory. widths: of
    the first columns, in characters."""
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(file, options)
    sheet = book.add_worksheet()
    bold = book.add_format({"bold": True})
    moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm", "align": "left"})
    for place, width in enumerate(widths):
        sheet.set_column(place, place, width)
    sheet.freeze_panes(1, 1)
    for place, text in enumerate(head):
        sheet.write_string(0, place, text, bold)
    for line, row in enumerate(rows, start=1):
        for place, cell in enumerate(row):
            if isinstance(cell, str):
                sheet.write_string(line, place, harmless(cell)[:LONGEST])
            elif isinstance(cell, datetime):
                sheet.write_datetime(line, place, cell, moment)
            elif cell is not None:
                sheet.write_number(line, place, cell)
    book.close()
