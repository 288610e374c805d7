"""Is somebody's life in danger? Found by rules, in the words of three languages; they are data
(`urgency.yaml`), so that a city can read and mend them.

Tuned for recall: where nothing in the same breath takes the danger out of the words, somebody is to look
at once. What takes it out: a word right before (冇火), that it was and is no more (上個月, 救熄咗), that it
might be some day (萬一着火), or that the word only looks like it (火鍋, fire drill). That it was does not
count where something says that it is *now*.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field
from pydantic.dataclasses import dataclass as checked

from cases import lexicon
from cases.lexicon import Hit, Lexicon
from cases.misheard import Misheard, MisheardEnglish
from cases.pack import LANGUAGES, STRICT, Code, Coded, Names, Pack

FILE: Final = Path(__file__).with_suffix(".yaml")

# Characters between a word and what it takes the danger from.
_NEGATED_WITHIN: Final = {"zh": 1, "en": 8}
_SPECULATED_WITHIN: Final = {"zh": 4, "en": 25}
_OVER_WITHIN: Final = 40


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
    misheard: tuple[str, ...]
    negation: _Words
    past: _Words
    over: _Words
    now: _Words
    speculation: _Words


@cache
def rules() -> Rules:
    """The rules that hold. Raises PackError."""
    return Rules.read(FILE)


def dangers(text: str, language: str | None = None) -> tuple[Danger, ...]:
    """The dangers to life in what was said, in the order in which they were; empty: none recognised.

    language: in which it was said (`yue`, `cmn`, `en`), for words that only sound right; None: any.
    """
    plain = lexicon.plain(text)
    found = (hit for hit in _hits(plain, language) if hit.kind and _is_real(plain, hit))
    return tuple(Danger(hit.kind, text[hit.start : hit.end], hit.start) for hit in found)


def _hits(plain: str, language: str | None) -> list[Hit]:
    """What is found, from left to right. Words that only look like danger and danger itself never share
    a character: the longer takes it (打個 but 打個仔); two dangers may."""
    taken: dict[bool, set[int]] = {True: set(), False: set()}
    kept: list[Hit] = []
    found = [*_lexicon().hits(plain), *_misheard(plain, language)]
    for hit in sorted(found, key=lambda hit: (hit.start - hit.end, hit.start)):
        if taken[not hit.kind].isdisjoint(hit.place):
            taken[bool(hit.kind)].update(hit.place)
            kept.append(hit)
    return sorted(kept, key=lambda one: one.start)


@cache
def _lexicon() -> Lexicon:
    held = rules()
    words = [("", word) for word in held.harmless]
    for kind in held.dangers.values():
        words += [(kind.code, word) for word in (*kind.yue, *kind.cmn, *kind.en)]
    return Lexicon.of(words)


def _misheard(plain: str, language: str | None) -> Iterator[Hit]:
    """Words of danger that a recogniser wrote otherwise."""
    for heard in _by_sound():
        if heard.language == language or language not in LANGUAGES:
            yield from heard.hits(plain)
    yield from _english_by_sound().hits(plain)


@cache
def _by_sound() -> tuple[Misheard, ...]:
    held = rules()
    return tuple(
        Misheard.of(
            [(one.code, word) for one in held.dangers.values() for word in getattr(one, language)],
            language,
            held.misheard,
        )
        for language in ("yue", "cmn")
    )


@cache
def _english_by_sound() -> MisheardEnglish:
    kinds = rules().dangers.values()
    return MisheardEnglish.of([(kind.code, word) for kind in kinds for word in kind.en])


def _is_real(plain: str, hit: Hit) -> bool:
    clause_start, clause_end = _clause(plain, hit)
    before, after = plain[clause_start : hit.start], plain[hit.end : clause_end]
    if _ends_with("negation", before, _NEGATED_WITHIN) or _is_negated_within(plain, hit):
        return False
    may_be = rules().dangers[hit.kind].speculation_counts
    if not may_be and _ends_with("speculation", before, _SPECULATED_WITHIN):
        return False
    if _says("now", plain):
        return True
    is_over = _says("over", plain[hit.start : hit.end + _OVER_WITHIN])
    return not is_over and not _says("past", before) and not _says("past", after)


def _is_negated_within(plain: str, hit: Hit) -> bool:
    """架子没有倒: right before the last part of a word with a gap."""
    _, gap, last = hit.word.rpartition(lexicon.GAP)
    middle = plain[hit.start : hit.end - len(last)]
    return bool(gap) and _ends_with("negation", middle, _NEGATED_WITHIN)


def _clause(plain: str, hit: Hit) -> tuple[int, int]:
    start = max(plain.rfind(mark, 0, hit.start) for mark in lexicon.BREAKS) + 1
    ends = [at for mark in lexicon.BREAKS if (at := plain.find(mark, hit.end)) >= 0]
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
    return {written: lexicon.any_of(texts, written) for written, texts in words.items()}
