"""A city's own gazetteer, imported from a sheet: name, aliases, kind, district, lat, lon.

All of it or nothing: every mistake is told with its line and column, and nothing is imported while there is
one. Names in Chinese count in both scripts, names in Latin letters as English; the first of each is the one
that is written.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cases.places import COLUMNS, KEY, KINDS, OR, Place, comparable
from cases.script import fold, to_script

HEADINGS: Final = ("name", "aliases", "kind", "district", "lat", "lon")
NEEDED: Final = ("name",)
USUAL_KIND: Final = "landmark"
MOST_TOLD: Final = 20
LANGUAGES: Final = ("yue", "cmn", "en")


@dataclass(frozen=True)
class Mistake:
    """What is wrong in which line (from 1) and column."""

    line: int
    column: str
    what: str

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.what}"


class SheetRefused(ValueError):
    """The sheet is not imported. `mistakes`: all of them, the first first."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        told = [str(one) for one in mistakes[:MOST_TOLD]]
        if len(mistakes) > MOST_TOLD:
            told.append(f"and {len(mistakes) - MOST_TOLD} more")
        super().__init__("\n".join(told))
        self.mistakes = tuple(mistakes)


@dataclass(frozen=True)
class _Row:
    line: int
    cells: Mapping[str, str]

    def wrong(self, column: str, what: str) -> Mistake:
        return Mistake(self.line, column, what)


def read(text: str, known: Iterable[Place]) -> tuple[Place, ...]:
    """The places of a sheet, in its order.

    known: the places there are: their districts are the ones a place may lie in, named in any language.
    Raises SheetRefused.
    """
    mistakes: list[Mistake] = []
    rows = list(_rows(text, mistakes))
    districts = _districts(known)
    places = [_place(row, districts, mistakes) for row in rows]
    _refuse_twice(rows, places, mistakes)
    if mistakes:
        raise SheetRefused(sorted(mistakes, key=lambda one: one.line))
    return tuple(_in_scripts([place for place in places if place]))


def merged(known: Iterable[Place], imported: Sequence[Place]) -> tuple[Place, ...]:
    """The places there are and the imported ones; of the same name and district the imported one counts."""
    fresh = {_identity(place) for place in imported}
    return (*(place for place in known if _identity(place) not in fresh), *imported)


def written(places: Iterable[Place]) -> str:
    """The content of a `places.csv` with these places."""
    out = io.StringIO()
    sheet = csv.writer(out, lineterminator="\n")
    sheet.writerow(COLUMNS)
    for place in places:
        names = (OR.join(place.names[language]) for language in LANGUAGES)
        where = ("" if degrees is None else f"{degrees:.6g}" for degrees in (place.lat, place.lon))
        sheet.writerow((place.kind, *names, place.district, *where))
    return out.getvalue()


def _rows(text: str, mistakes: list[Mistake]) -> Iterator[_Row]:
    sheet = csv.reader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    try:
        headings = [cell.strip().lower() for cell in next(sheet, [])]
        unknown = [name for name in headings if name not in HEADINGS]
        missing = [name for name in NEEDED if name not in headings]
        if unknown or missing:
            what = f"there are {', '.join(HEADINGS)}; {NEEDED[0]} is needed"
            mistakes.append(Mistake(1, ", ".join(unknown or missing), what))
            return
        for cells in sheet:
            if not any(cells):
                continue
            if len(cells) != len(headings):
                what = f"has {len(cells)} cells, the heading {len(headings)}"
                mistakes.append(Mistake(sheet.line_num, headings[-1], what))
                continue
            stripped = (cell.strip() for cell in cells)
            yield _Row(sheet.line_num, dict(zip(headings, stripped, strict=True)))
    except csv.Error as error:
        mistakes.append(Mistake(max(1, sheet.line_num), HEADINGS[0], str(error)))


def _place(row: _Row, districts: Mapping[str, str], mistakes: list[Mistake]) -> Place | None:
    before = len(mistakes)
    names = _names(row, mistakes)
    kind = row.cells.get("kind") or USUAL_KIND
    if kind not in KINDS:
        mistakes.append(row.wrong("kind", f"{kind!r} is none of {', '.join(KINDS)}"))
    district = row.cells.get("district", "")
    if district and comparable(district) not in districts:
        mistakes.append(row.wrong("district", f"{district!r} is no district of the city"))
    lat, lon = (_degrees(row, *limits, mistakes) for limits in (("lat", 90.0), ("lon", 180.0)))
    if (lat is None) != (lon is None) and len(mistakes) == before:
        empty = "lat" if lat is None else "lon"
        mistakes.append(row.wrong(empty, "is empty, the other is not"))
    if len(mistakes) > before:
        return None
    return Place(kind, names, districts.get(comparable(district), ""), lat, lon)


def _names(row: _Row, mistakes: list[Mistake]) -> dict[str, tuple[str, ...]]:
    """The names by how they are written, in either script as the sheet has it."""
    name = row.cells.get("name", "")
    if not name:
        mistakes.append(row.wrong("name", "is empty"))
    given = [("name", name)] if name else []
    aliases = row.cells.get("aliases", "")
    given += [("aliases", one.strip()) for one in aliases.split(OR) if one.strip()]
    for column, one in given:
        if len(one) < KEY:
            mistakes.append(row.wrong(column, f"{one!r} needs at least {KEY} characters"))
    every = [one for _, one in given]
    chinese = tuple(one for one in every if not one.isascii()) or tuple(every)
    english = tuple(one for one in every if one.isascii()) or tuple(every)
    return {"yue": chinese, "cmn": chinese, "en": english}


def _degrees(row: _Row, column: str, most: float, mistakes: list[Mistake]) -> float | None:
    cell = row.cells.get(column, "")
    if not cell:
        return None
    try:
        degrees = float(cell)
    except ValueError:
        mistakes.append(row.wrong(column, f"{cell!r} is not a number of degrees"))
        return None
    if not abs(degrees) <= most:
        mistakes.append(row.wrong(column, f"{cell} is more than {most:g} degrees"))
    return degrees


def _districts(known: Iterable[Place]) -> dict[str, str]:
    """Every way a district may be written, and the one it is kept by."""
    found: dict[str, str] = {}
    for place in known:
        if place.kind == "district":
            for name in (name for names in place.names.values() for name in names):
                found.setdefault(comparable(name), place.district)
    return found


def _refuse_twice(
    rows: Sequence[_Row], places: Sequence[Place | None], mistakes: list[Mistake]
) -> None:
    """One name twice in a district, but not where the two lie in places of their own."""
    seen: dict[tuple[object, ...], int] = {}
    for row, place in zip(rows, places, strict=True):
        if place is not None:
            key = (row.cells.get("name"), place.kind, place.district, place.lat, place.lon)
            if (line := seen.setdefault(key, row.line)) != row.line:
                mistakes.append(row.wrong("name", f"is the same as line {line}"))


def _identity(place: Place) -> tuple[str, str]:
    return fold(place.name("yue")), place.district


def _in_scripts(places: Sequence[Place]) -> Iterator[Place]:
    """Each with its Chinese names in both scripts. All are turned at once: it is much faster."""
    traditional = _turned(places, lambda text: to_script(text, "hk"))
    simplified = _turned(places, lambda text: to_script(text, "cn"))
    for place, yue, cmn in zip(places, traditional, simplified, strict=True):
        names = {"yue": yue, "cmn": cmn, "en": place.names["en"]}
        yield Place(place.kind, names, place.district, place.lat, place.lon)


def _turned(places: Sequence[Place], turn: Callable[[str], str]) -> Iterator[tuple[str, ...]]:
    lines = turn("\n".join(OR.join(place.names["yue"]) for place in places)).split("\n")
    return (tuple(dict.fromkeys(line.split(OR))) for line in lines)
