"""Which hazards is a case about? Those that are counted place by place, across departments: words and
families are data (`hazards.yaml`). How urgent it is another matter (`urgency`): a net that burns easily is
a hazard long before it burns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Final

from pydantic.dataclasses import dataclass as checked

from cases import lexicon
from cases.lexicon import Lexicon
from cases.pack import STRICT, Code, Coded, Names, Pack

FILE: Final = Path(__file__).with_suffix(".yaml")


@checked(frozen=True, kw_only=True, config=STRICT)
class Kind:
    """A kind of hazard. `family`: those of one family are one danger in different words."""

    code: Code
    name: Names
    family: Code
    categories: tuple[Code, ...]
    yue: tuple[str, ...]
    cmn: tuple[str, ...]
    en: tuple[str, ...]


class _File(Pack):
    hazards: Annotated[dict[Code, Kind], Coded]


@dataclass(frozen=True)
class Hazard:
    """A hazard a case is about, and the caller's words for it; none where only its category says so."""

    kind: str
    words: tuple[str, ...]


@cache
def kinds() -> dict[str, Kind]:
    """The kinds there are, in the file's order. Raises PackError."""
    return _File.read(FILE).hazards


def family(kind: str) -> str:
    """What a kind of hazard is counted as; a kind nobody knows any more is its own family."""
    known = kinds().get(kind)
    return known.family if known else kind


def hazards(text: str, category: str | None = None) -> tuple[Hazard, ...]:
    """The hazards in what was said, and the one the category stands for, in the order of the kinds."""
    plain = lexicon.plain(text)
    words: dict[str, dict[str, None]] = {kind: {} for kind in _of_category(category)}
    for hit in sorted(_lexicon().hits(plain), key=lambda one: one.start):
        words.setdefault(hit.kind, {})[text[hit.start : hit.end]] = None
    return tuple(Hazard(kind, tuple(words[kind])) for kind in kinds() if kind in words)


def _of_category(category: str | None) -> Iterator[str]:
    for kind in kinds().values():
        if category in kind.categories:
            yield kind.code


@cache
def _lexicon() -> Lexicon:
    return Lexicon.of(
        (kind.code, word) for kind in kinds().values() for word in (*kind.yue, *kind.cmn, *kind.en)
    )
