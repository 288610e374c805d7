"""What a case can be about: a city's `categories.yaml`, with the words that give each away."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic.dataclasses import dataclass

from cases.departments import Department
from cases.pack import STRICT, Code, Coded, Names, Pack, PackError, in_every_language

FILE = "categories.yaml"
OTHER = "other"


def _weighed(words: object) -> object:
    """`[停水, {爆水管: 3}]` -> `{停水: 1, 爆水管: 3}`."""
    if isinstance(words, Mapping):
        return words
    if not isinstance(words, list):
        raise ValueError("must be a list of words; a word with a weight is {word: 3}")
    weighed: dict[object, object] = {}
    for word in words:
        entries = word.items() if isinstance(word, Mapping) else [(word, 1)]
        for text, weight in entries:
            if text in weighed:
                raise ValueError(f"{text!r} is listed twice")
            weighed[text] = weight
    return weighed


_Word = Annotated[str, Field(strict=True, min_length=1)]
_Weight = Annotated[float, Field(gt=0, le=10)]
_Sure = Annotated[float, Field(ge=0, lt=1)]
_Enough = Annotated[float, Field(gt=0, le=1)]
_Words = Annotated[Mapping[_Word, _Weight], BeforeValidator(_weighed)]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Category:
    """A kind of complaint. `words`: per language, each seed word and its weight (1 = plain).
    `sure_from`: a guess less sure than this is none. `refer_from`: one as sure as this is referred
    without a person (`automatic`); 1 is never."""

    code: Code
    name: Names
    department: Code  # who gets such a case unless someone decides otherwise
    urgent: bool = False  # cases of this kind are looked at first
    retired: bool = False  # no new case is of this kind; those there are keep its name
    sure_from: _Sure | None = None
    refer_from: _Enough | None = None
    words: Annotated[Mapping[str, _Words], AfterValidator(in_every_language)]

    def __hash__(self) -> int:
        return hash(self.code)


class _File(Pack):
    """`sure_from`, `refer_from`: of every category that has none of its own."""

    sure_from: _Sure = 0.0
    refer_from: _Enough | None = None
    categories: Annotated[dict[Code, Category], Coded]


def read(folder: Path, departments: Collection[Department]) -> tuple[Category, ...]:
    """The categories of the city kept in `folder`, in the file's order.

    Raises PackError, one line, also for a department that is not among `departments`, and when
    there is no category `other`: a caller's matter always has a place.
    """
    file = folder / FILE
    content = _File.read(file)
    categories = {code: _of(content, one) for code, one in content.categories.items()}
    known = {department.code for department in departments}
    retired = {department.code for department in departments if department.retired}
    for category in categories.values():
        if category.department in retired and not category.retired:
            where = f"categories.{category.code}.department"
            raise PackError(file, f"{where}: {category.department!r} is retired")
        if category.department not in known:
            where = f"categories.{category.code}.department"
            raise PackError(file, f"{where}: there is no {category.department!r}")
    if OTHER not in categories or categories[OTHER].retired:
        raise PackError(file, f"needs a category {OTHER!r} that is not retired")
    return tuple(categories.values())


def _of(content: _File, category: Category) -> Category:
    """A category, with what the file says for all where it says nothing itself."""
    sure, enough = category.sure_from, category.refer_from
    return replace(
        category,
        sure_from=content.sure_from if sure is None else sure,
        refer_from=content.refer_from if enough is None else enough,
    )
