"""Are places found in what callers say? By their letters alone, and as the gazetteer finds them: by letters, by
sound and nearly; on the text as it is, or with a share of its characters misheard."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from math import asin, cos, radians, sin, sqrt
from pathlib import Path
from statistics import mean, quantiles
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from cases.gazetteer import Candidate, Gazetteer
from cases.places import OR, Place, Places, comparable
from cases.readings import LIKELY
from evaluate import mishearing
from evaluate.sheets import Row, rows

NEAR_METRES: Final = 300.0
_EARTH_METRES: Final = 6_371_000.0


@dataclass(frozen=True)
class Asked:
    """What a caller says, and the place they mean: any of `names`, none for no place; `lat`, `lon` where it
    lies, in degrees, None where the sheet does not say."""

    text: str
    language: str
    names: tuple[str, ...]
    lat: float | None
    lon: float | None


@dataclass(frozen=True)
class Answer:
    """What was found. `written`: by its letters alone; `rank`: of the place among the candidates, from 1,
    None when it is not among them; `surest`: the confidence of the first that is no mere district, 0 for none;
    `listed`: whether the gazetteer has it at all; `ms`: how long it took."""

    asked: Asked
    written: bool
    rank: int | None
    surest: float
    listed: bool
    ms: float


@dataclass(frozen=True)
class Score:
    """Shares over the rows with a place (`rows`) and over those of them that the gazetteer has (`listed`);
    `exact`: by letters alone; `top_1`, `top_3`: first, among the first three. Of rows without a place
    (`none`): with any candidate, and with one that is likely enough to be taken. Times in milliseconds."""

    language: str
    rows: int
    listed: int
    exact: float | None
    top_1: float | None
    top_3: float | None
    listed_exact: float | None
    listed_top_1: float | None
    listed_top_3: float | None
    none: int
    none_any: float | None
    none_likely: float | None
    ms_mean: float
    ms_p95: float


def read(file: Path, language: str) -> Iterator[Asked]:
    """The rows of a sheet: text, place (several names with | between them; empty: none), and, if it has them,
    lat, lon, language (without: `language`). Raises SheetError."""
    for row in rows(file, ("text", "place"), ("lat", "lon", "language")):
        names = tuple(name.strip() for name in row["place"].split(OR) if name.strip())
        lat, lon = row.number("lat"), row.number("lon")
        yield Asked(row["text"], _language(row, language), names, lat, lon)


def _language(row: Row, usual: str) -> str:
    given = row["language"] or usual
    if given not in ("yue", "cmn", "en"):
        raise row.wrong("language", "is none of yue, cmn, en")
    return given


def misheard(asked: Sequence[Asked], share: float, seed: int) -> list[Asked]:
    """The same with a share of the Chinese characters, drawn by `seed`, replaced by others of the same
    sound out of those that the sheet itself has; one without another stays."""
    dice = random.Random(seed)
    known = {language: _alike(asked, language) for language in {one.language for one in asked}}
    return [
        replace(one, text=mishearing.misheard(one.text, share, known[one.language], dice))
        for one in asked
    ]


def _alike(asked: Iterable[Asked], language: str) -> dict[str, list[str]]:
    """For each character of the sheet the others of its sound."""
    return mishearing.alike("".join(one.text + "".join(one.names) for one in asked), language)


def judge(asked: Iterable[Asked], known: Places) -> Iterator[Answer]:
    """Look for each in the gazetteer of these places."""
    gazetteers: dict[str, Gazetteer] = {}
    names = {comparable(name) for place in known.places for name in _names(place)}
    for one in asked:
        if one.language not in gazetteers:
            gazetteers[one.language] = Gazetteer.of(known, one.language)
            gazetteers[one.language].look_up(one.text)
        began = time.perf_counter()
        found = gazetteers[one.language].look_up(one.text)
        ms = (time.perf_counter() - began) * 1000
        narrow = [candidate for candidate in found if not candidate.wide]
        yield Answer(
            one,
            written=any(_is_meant(named.place, one) for named in known.within(one.text)),
            rank=_rank(found, one),
            surest=max((candidate.confidence for candidate in narrow), default=0.0),
            listed=any(comparable(name) in names for name in one.names),
            ms=ms,
        )


def _rank(found: Sequence[Candidate], asked: Asked) -> int | None:
    ranks = (number for number, one in enumerate(found, 1) if _is_meant(one.place, asked))
    return next(ranks, None)


def _is_meant(place: Place, asked: Asked) -> bool:
    """By one of its names, or by lying where the sheet says."""
    wanted = {comparable(name) for name in asked.names}
    if wanted & {comparable(name) for name in _names(place)}:
        return True
    if not wanted or None in (asked.lat, asked.lon, place.lat, place.lon):
        return False
    return _metres(asked, place) <= NEAR_METRES


def _metres(asked: Asked, place: Place) -> float:
    lat, lon, other_lat, other_lon = (
        radians(degrees or 0.0) for degrees in (asked.lat, asked.lon, place.lat, place.lon)
    )
    half = sin((other_lat - lat) / 2) ** 2
    half += cos(lat) * cos(other_lat) * sin((other_lon - lon) / 2) ** 2
    return 2 * _EARTH_METRES * asin(sqrt(half))


def _names(place: Place) -> Iterator[str]:
    return (name for names in place.names.values() for name in names)


def scores(answers: Sequence[Answer]) -> list[Score]:
    """By language, where there are several, and over all."""
    languages = list(dict.fromkeys(one.asked.language for one in answers))
    of_each = [[one for one in answers if one.asked.language == name] for name in languages]
    alone = [_score(*pair) for pair in zip(languages, of_each, strict=True)]
    return [*(alone if len(alone) > 1 else ()), _score("all", answers)]


def _score(language: str, answers: Sequence[Answer]) -> Score:
    with_place = [one for one in answers if one.asked.names]
    listed = [one for one in with_place if one.listed]
    without = [one for one in answers if not one.asked.names]
    times = [one.ms for one in answers] or [0.0]
    return Score(
        language,
        len(with_place),
        len(listed),
        *_shares(with_place),
        *_shares(listed),
        len(without),
        _share([one.surest > 0 for one in without]),
        _share([one.surest >= LIKELY for one in without]),
        ms_mean=round(mean(times), 3),
        ms_p95=round(quantiles(times, n=20)[-1] if len(times) > 1 else times[0], 3),
    )


def _shares(answers: Sequence[Answer]) -> tuple[float | None, float | None, float | None]:
    return (
        _share([one.written for one in answers]),
        _share([one.rank == 1 for one in answers]),
        _share([one.rank is not None and one.rank <= 3 for one in answers]),
    )


def _share(hits: Sequence[bool]) -> float | None:
    return sum(hits) / len(hits) if hits else None


def show(out: Console, found: Sequence[Score]) -> None:
    """The table."""
    table = Table(title="Places", box=None, padding=(0, 2, 0, 0))
    table.add_column("language")
    headings = ("places", "exact", "top 1", "top 3", "in gazetteer", "exact", "top 1", "top 3")
    for heading in (*headings, "no place", "any", "likely", "ms", "p95"):
        table.add_column(heading, justify="right")
    for one in found:
        values = list(asdict(one).values())
        table.add_row(*(_told(value) for value in (values[0], *_ordered(one))))
    out.print(table)


def _ordered(one: Score) -> tuple[Any, ...]:
    return (
        *(one.rows, one.exact, one.top_1, one.top_3),
        *(one.listed, one.listed_exact, one.listed_top_1, one.listed_top_3),
        *(one.none, one.none_any, one.none_likely, one.ms_mean, one.ms_p95),
    )


def _told(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def as_json(found: Sequence[Score]) -> list[dict[str, Any]]:
    """The figures as plain JSON."""
    return [asdict(one) for one in found]
