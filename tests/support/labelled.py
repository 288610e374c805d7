"""Rows of made-up matters for tests of learning, in the words of the replay: no caller ever said them."""

import csv
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

import yaml

from cases.labelled import Row
from tests.conftest import PROJECT

PLACES = (
    "海晴邨",
    "富安大廈",
    "和平街",
    "青山道",
    "利民樓",
    "北角道",
    "康和苑",
    "大埔墟",
    "新光里",
    "東興街",
)
FIRST = date(2026, 1, 1)


def rows() -> list[Row]:
    """Every sentence of the replay at every place, a day after the other."""
    script = yaml.safe_load((PROJECT / "evaluate" / "replay.yaml").read_text(encoding="utf-8"))
    said = [
        (sentence, place, category)
        for place in PLACES
        for category, told in script["usual"].items()
        for language in ("yue", "cmn", "en")
        for sentence in told.get(language, ())
    ]
    return [
        Row(line, sentence.format(place=place), category, day=FIRST + timedelta(days=line))
        for line, (sentence, place, category) in enumerate(said, start=2)
    ]


def write(file: Path, lines: Sequence[Sequence[object]], *columns: str) -> Path:
    """A CSV file with these columns."""
    with file.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows([columns or ("text", "category"), *lines])
    return file


def plainly(some: Sequence[Row]) -> Iterator[tuple[str, str, str]]:
    """Rows as they stand in a file: text, category, date."""
    return ((one.text, one.category, one.day.isoformat() if one.day else "") for one in some)
