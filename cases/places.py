"""The places of a city that callers name: its `places.csv`, and finding them in what was said.

Names are compared in Simplified (`script.fold`), English ones without regard to capitals and only
as whole words. Of names that overlap the longest counts: 旺角東站 is not 旺角.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cases.pack import PackError
from cases.script import fold

FILE: Final = "places.csv"
COLUMNS: Final = ("kind", "yue", "cmn", "en", "district", "lat", "lon")
KINDS: Final = (
    *("district", "subdistrict", "area", "estate", "block", "street", "station", "landmark"),
)
# Names in one cell; the first is the one we write.
OR: Final = "|"
# How many of its first characters a name is filed under.
KEY: Final = 2


@dataclass(frozen=True)
class Place:
    """Somewhere in the city. `names`: in each language, the proper one first; `district`: its
    name, empty where the place lies in several or it is not known; `lat`, `lon`: degrees."""

    kind: str
    names: Mapping[str, tuple[str, ...]]
    district: str
    lat: float | None
    lon: float | None

    def name(self, language: str) -> str:
        """What it is properly called in `yue`, `cmn` or `en`."""
        return self.names[language][0]


@dataclass(frozen=True)
class Named:
    """A place named in a text, from character `start` up to `end`, in `language`'s writing."""

    start: int
    end: int
    place: Place
    language: str


@dataclass(frozen=True)
class Places:
    """The gazetteer of one city. `_filed`: names, longest first, under their first characters."""

    places: tuple[Place, ...]
    _filed: Mapping[str, tuple[tuple[str, Place], ...]]

    @classmethod
    def of(cls, places: Iterable[Place]) -> Places:
        """A gazetteer of these places; of two with the same name the first counts."""
        all_places = tuple(places)
        filed: defaultdict[str, dict[str, Place]] = defaultdict(dict)
        for name, place in _searchable(all_places):
            filed[name[:KEY]].setdefault(name, place)
        ordered = {
            key: tuple(sorted(names.items(), key=lambda it: -len(it[0])))
            for key, names in filed.items()
        }
        return cls(all_places, ordered)

    def within(self, text: str) -> Iterator[Named]:
        """The places named in `text`, first first."""
        plain = comparable(text)
        at = 0
        while at < len(plain) - 1:
            found = self._at(plain, text, at)
            if found:
                yield found
            at = found.end if found else at + 1

    def _at(self, plain: str, text: str, at: int) -> Named | None:
        for name, place in self._filed.get(plain[at : at + KEY], ()):
            end = at + len(name)
            if plain.startswith(name, at) and stands_alone(plain, text, at, end):
                return Named(at, end, place, _language(plain, text, at, end))
        return None


def read(folder: Path) -> Places:
    """The gazetteer of the city kept in `folder`, empty if it has none. Raises PackError."""
    file = folder / FILE
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Places.of(())
    except UnicodeDecodeError as error:
        raise PackError(file, f"is not UTF-8: {error}") from None
    rows = csv.reader(text.splitlines(), strict=True)
    try:
        return Places.of(_places(rows))
    except (ValueError, csv.Error) as error:
        raise PackError(file, f"line {max(1, rows.line_num)}: {error}") from None


def comparable(text: str) -> str:
    """`text` as names are compared: Simplified, small letters, one character for each."""
    for plain in (fold(text).lower(), text.lower()):
        if len(plain) == len(text):
            return plain
    return text


def _places(rows: Iterator[list[str]]) -> Iterator[Place]:
    if tuple(next(rows, ())) != COLUMNS:
        raise ValueError(f"must be {','.join(COLUMNS)}")
    yield from map(_place, rows)


def _place(row: list[str]) -> Place:
    if len(row) != len(COLUMNS):
        raise ValueError(f"has {len(row)} cells, but there are {len(COLUMNS)} columns")
    kind, yue, cmn, en, district, lat, lon = row
    if kind not in KINDS:
        raise ValueError(f"kind {kind!r} is none of {', '.join(KINDS)}")
    names = {"yue": _names(yue), "cmn": _names(cmn), "en": _names(en)}
    for language, given in names.items():
        if not all(len(name) >= KEY for name in given):
            raise ValueError(f"{language}: a name needs at least {KEY} characters")
    return Place(kind, names, district, _degrees("lat", lat, 90), _degrees("lon", lon, 180))


def _names(cell: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in cell.split(OR))


def _degrees(column: str, cell: str, most: int) -> float | None:
    if not cell:
        return None
    try:
        degrees = float(cell)
    except ValueError:
        raise ValueError(f"{column} {cell!r} is not a number of degrees") from None
    if not abs(degrees) <= most:
        raise ValueError(f"{column} {cell} is more than {most} degrees")
    return degrees


def _searchable(places: tuple[Place, ...]) -> Iterator[tuple[str, Place]]:
    """Every name of every place as it is looked for. OpenCC is asked once for all of them."""
    named = [(name, place) for place in places for all_ in place.names.values() for name in all_]
    names = comparable("\n".join(name for name, _ in named)).splitlines()
    return zip(names, (place for _, place in named), strict=True)


def stands_alone(plain: str, text: str, start: int, end: int) -> bool:
    """English names are whole words; one of a single word (Central) also needs its capital."""
    if not plain[start:end].isascii():
        return True
    if _is_letter(plain, start - 1) or _is_letter(plain, end):
        return False
    return " " in plain[start:end] or text[start].isupper()


def _is_letter(plain: str, at: int) -> bool:
    return 0 <= at < len(plain) and plain[at].isascii() and plain[at].isalnum()


def _language(plain: str, text: str, start: int, end: int) -> str:
    """How the name is written. Many look the same in both scripts: then as the whole text is."""
    if plain[start:end].isascii():
        return "en"
    return "cmn" if text.lower() == plain else "yue"
