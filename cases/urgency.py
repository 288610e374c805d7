"""Is somebody's life in danger? Found by rules, in the words of three languages; they are data
(`urgency.yaml`), so that a city can read and mend them.

Tuned for recall: where nothing in the same breath takes the danger out of the words, somebody is to look
at once. What takes it out: a word right before (冇火), that it was and is no more (上個月, 救熄咗), that it
might be some day (萬一着火), or that the word only looks like it (火鍋, fire drill). That it was does not
count where something says that it is *now*.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field
from pydantic.dataclasses import dataclass as checked

from cases.pack import STRICT, Code, Coded, Names, Pack
from cases.script import fold

FILE: Final = Path(__file__).with_suffix(".yaml")

_BREAKS: Final = "，。！？；,.!?;\n"
_GAP: Final = "~"
_HOW_WIDE: Final = {"zh": 8, "en": 24}  # characters a gap may be
# Characters between a word and what it takes the danger from.
_NEGATED_WITHIN: Final = {"zh": 1, "en": 8}
_SPECULATED_WITHIN: Final = {"zh": 4, "en": 25}
_OVER_WITHIN: Final = 40
_ALIKE: Final = str.maketrans("’著", "'着")


@dataclass(frozen=True)
class Danger:
    """A danger, and the words by which it was recognised, as they were said from character `start` on."""

    kind: str
    words: str
    start: int


@checked(frozen=True, kw_only=True, config=STRICT)
class Kind:
    """A kind of danger: its words in each language. speculation_counts: also what may only happen."""

    code: Code
    name: Names
    yue: tuple[str, ...]
    cmn: tuple[str, ...]
    en: tuple[str, ...]
    speculation_counts: bool = False


_Words = Annotated[Mapping[str, tuple[str, ...]], Field()]


class Rules(Pack):
    """The content of `urgency.yaml`."""

    dangers: Annotated[dict[Code, Kind], Coded]
    harmless: tuple[str, ...]
    negation: _Words
    past: _Words
    over: _Words
    now: _Words
    speculation: _Words


@cache
def rules() -> Rules:
    """The rules that hold. Raises PackError."""
    return Rules.read(FILE)


def dangers(text: str) -> tuple[Danger, ...]:
    """The dangers to life in what was said, in the order in which they were; empty: none recognised."""
    plain = _plain(text)
    found = (hit for hit in _hits(plain) if hit.kind and _is_real(plain, hit))
    return tuple(Danger(hit.kind, text[hit.start : hit.end], hit.start) for hit in found)


@dataclass(frozen=True)
class _Hit:
    """Words of one kind of danger; of none: words that only look like it."""

    kind: str
    start: int
    end: int


def _hits(plain: str) -> list[_Hit]:
    """What is found, from left to right. Words that only look like danger and danger itself never share
    a character: the longer takes it (打個 but 打個仔); two dangers may."""
    taken: dict[bool, set[int]] = {True: set(), False: set()}
    kept = []
    for hit in sorted(_everywhere(plain), key=lambda one: (one.start - one.end, one.start)):
        place = range(hit.start, hit.end)
        if taken[not hit.kind].isdisjoint(place):
            taken[bool(hit.kind)].update(place)
            kept.append(hit)
    return sorted(kept, key=lambda one: one.start)


def _everywhere(plain: str) -> Iterator[_Hit]:
    for kind, pattern in _patterns():
        for hit in pattern.finditer(plain):
            yield _Hit(kind, *hit.span())


@cache
def _patterns() -> Sequence[tuple[str, re.Pattern[str]]]:
    held = rules()
    words = [("", word) for word in held.harmless]
    for kind in held.dangers.values():
        words += [(kind.code, word) for word in (*kind.yue, *kind.cmn, *kind.en)]
    return [(kind, re.compile(_pattern(_plain(word)))) for kind, word in dict.fromkeys(words)]


def _pattern(word: str) -> str:
    language = "en" if word.isascii() else "zh"
    gap = f"[^{re.escape(_BREAKS)}]{{0,{_HOW_WIDE[language]}}}?"
    parts = [re.escape(part) for part in word.split(_GAP)]
    return _bounded(gap.join(parts), language)


def _bounded(pattern: str, language: str) -> str:
    return rf"\b(?:{pattern})\b" if language == "en" else pattern


def _is_real(plain: str, hit: _Hit) -> bool:
    clause_start, clause_end = _clause(plain, hit)
    before, after = plain[clause_start : hit.start], plain[hit.end : clause_end]
    if _ends_with("negation", before, _NEGATED_WITHIN):
        return False
    may_be = rules().dangers[hit.kind].speculation_counts
    if not may_be and _ends_with("speculation", before, _SPECULATED_WITHIN):
        return False
    if _says("now", plain):
        return True
    is_over = _says("over", plain[hit.start : hit.end + _OVER_WITHIN])
    return not is_over and not _says("past", before) and not _says("past", after)


def _clause(plain: str, hit: _Hit) -> tuple[int, int]:
    start = max(plain.rfind(mark, 0, hit.start) for mark in _BREAKS) + 1
    ends = [at for mark in _BREAKS if (at := plain.find(mark, hit.end)) >= 0]
    return start, min(ends, default=len(plain))


def _says(what: str, text: str) -> bool:
    return any(pattern.search(text) for pattern in _of(what).values())


def _ends_with(what: str, before: str, within: Mapping[str, int]) -> bool:
    """Whether such a word stands in `before`, with at most so many characters after it."""
    return any(
        any(len(before) - hit.end() <= within[language] for hit in pattern.finditer(before))
        for language, pattern in _of(what).items()
    )


@cache
def _of(what: str) -> Mapping[str, re.Pattern[str]]:
    words: Mapping[str, Iterable[str]] = getattr(rules(), what)
    return {language: _any_of(language, texts) for language, texts in words.items()}


def _any_of(language: str, words: Iterable[str]) -> re.Pattern[str]:
    longest_first = sorted(map(_plain, words), key=len, reverse=True)
    return re.compile(_bounded("|".join(map(re.escape, longest_first)), language))


def _plain(text: str) -> str:
    """Simplified and small letters, one character for each of the text."""
    for plain in (fold(text).lower(), "".join(map(fold, text)).lower(), text.lower()):
        if len(plain) == len(text):
            return plain.translate(_ALIKE)
    return text
