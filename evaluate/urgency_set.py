"""Sentences of callers in danger, and of callers who are not, written by rule from `urgency.yaml`, the places of
two cities and their categories. The same every time.

Half of what they are made of is for mending the rules (`tuning`), half is held out: nobody looks at which of
these fail, only at how many. A sentence's own characters draw the lot, so that adding one moves no other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic.dataclasses import dataclass as checked

from cases import categories, departments, places
from cases.pack import LANGUAGES, STRICT, Code, Coded, Pack
from evaluate.sheets import SheetError, rows
from runtime.settings import CITIES

FILE: Final = Path(__file__).with_name("urgency.yaml")
# Whose places and categories a language's sentences have.
CITY: Final = {"yue": "hongkong", "cmn": "beijing", "en": "hongkong"}
URGENT: Final = ("urgent", "misheard", "again")
PROCEDURE: Final = "procedure"
Part = Literal["tuning", "held out", ""]


@checked(frozen=True, kw_only=True, config=STRICT)
class Phrases:
    """What is said of one danger in one language."""

    urgent: tuple[str, ...]
    misheard: tuple[str, ...]
    again: tuple[str, ...]
    negated: tuple[str, ...]
    past: tuple[str, ...]
    alike: tuple[str, ...]
    asked: tuple[str, ...]


@checked(frozen=True, kw_only=True, config=STRICT)
class Topic:
    """A danger and the category that calls about it come under."""

    code: Code
    category: str
    yue: Phrases
    cmn: Phrases
    en: Phrases


class Parts(Pack):
    """The content of `urgency.yaml`."""

    frames: Mapping[str, tuple[str, ...]]
    procedures: Mapping[str, tuple[str, ...]]
    dangers: Annotated[dict[Code, Topic], Coded]


@dataclass(frozen=True)
class Sentence:
    """What a caller says. `danger`: the one they are in, empty for none; `form`: how it is said, empty in a
    sheet of the user's own, as is `part`."""

    text: str
    language: str
    danger: str
    form: str = ""
    part: Part = ""


@cache
def sentences() -> tuple[Sentence, ...]:
    """The whole set. Raises PackError."""
    parts = Parts.read(FILE)
    return tuple(
        sentence
        for language in LANGUAGES
        for sentence in (*_of_dangers(parts, language), *_of_categories(parts, language))
    )


def read(file: Path) -> Iterator[Sentence]:
    """The sentences of a sheet: text, danger (empty: none) and, if it has one, language. Raises
    SheetError."""
    known = Parts.read(FILE).dangers
    for row in rows(file, ("text", "danger"), ("language",)):
        if row["danger"] and row["danger"] not in known and row["danger"] != "medical":
            raise row.wrong("danger", f"is none of {', '.join(known)}, medical")
        if not row["text"]:
            raise SheetError(f"{file}: line {row.line}: text is empty")
        yield Sentence(row["text"], row["language"], row["danger"])


def _of_dangers(parts: Parts, language: str) -> Iterator[Sentence]:
    for topic in parts.dangers.values():
        phrases: Phrases = getattr(topic, language)
        for form in Phrases.__dataclass_fields__:
            danger = topic.code if form in URGENT else ""
            for phrase in getattr(phrases, form):
                yield _sentence(parts, language, phrase, danger, form)


def _of_categories(parts: Parts, language: str) -> Iterator[Sentence]:
    """A question about procedure on everything that can be complained of."""
    folder = CITIES / CITY[language]
    for category in categories.read(folder, departments.read(folder)):
        for question in parts.procedures[language]:
            phrase = question.format(name=category.name[language])
            yield _sentence(parts, language, phrase, "", PROCEDURE)


def _sentence(parts: Parts, language: str, phrase: str, danger: str, form: str) -> Sentence:
    lot = _lot(phrase)
    frames, named = parts.frames[language], _named(CITY[language], language)
    text = frames[lot // 2 % len(frames)].replace("{place}", named[lot // 16 % len(named)])
    part: Part = "held out" if lot % 2 else "tuning"
    return Sentence(text.replace("{}", phrase), language, danger, form, part)


def _lot(phrase: str) -> int:
    return int.from_bytes(hashlib.sha256(phrase.encode()).digest()[:6])


@cache
def _named(city: str, language: str) -> Sequence[str]:
    """Names of places of the city as they are properly written."""
    known = places.read(CITIES / city).places
    return tuple(place.name(language) for place in known)
