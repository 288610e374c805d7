"""Words looked for in what was said, whichever script it is in: each with what it stands for.

A word of English stands alone (`gas` is not in `gasp`); `~` is a gap within a clause, of up to eight
characters in Chinese and twenty-four in English. The words are data of whoever looks for them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from cases.script import fold

BREAKS: Final = "，。！？；,.!?;\n"  # where a clause ends
GAP: Final = "~"
HOW_WIDE: Final = {"zh": 8, "en": 24}  # characters
_ALIKE: Final = str.maketrans("’著", "'着")


@dataclass(frozen=True)
class Hit:
    """A word found, from character `start` up to `end`, and what it stands for; `word`: as the lexicon has
    it, plain."""

    kind: str
    start: int
    end: int
    word: str = ""

    @property
    def place(self) -> range:
        return range(self.start, self.end)


@dataclass(frozen=True)
class Lexicon:
    """Words ready to be looked for."""

    patterns: tuple[tuple[str, str, re.Pattern[str]], ...]

    @classmethod
    def of(cls, words: Iterable[tuple[str, str]]) -> Lexicon:
        """words: (what it stands for, the word)."""
        once = dict.fromkeys(words)
        return cls(tuple((kind, plain(word), re.compile(pattern(word))) for kind, word in once))

    def hits(self, text: str) -> list[Hit]:
        """Everything found in a plain text, the longest first; much of it may overlap."""
        return sorted(self._everywhere(text), key=lambda hit: (hit.start - hit.end, hit.start))

    def _everywhere(self, text: str) -> Iterator[Hit]:
        for kind, word, expression in self.patterns:
            for found in expression.finditer(text):
                yield Hit(kind, *found.span(), word)


def plain(text: str) -> str:
    """Text as it is compared: Simplified and small letters, one character for each."""
    form = next(form for form in _forms(text) if len(form) == len(text))
    return form.translate(_ALIKE)


def _forms(text: str) -> Iterator[str]:
    """The best that may have another length than the text first; at the end what has not."""
    yield fold(text).lower()
    yield "".join(map(fold, text)).lower()
    yield text.lower()
    yield text


def script(word: str) -> str:
    """`en` or `zh`: how far a gap reaches, and whether the word must stand alone."""
    return "en" if word.isascii() else "zh"


def pattern(word: str) -> str:
    """The regular expression of one word, gaps and all."""
    gap = f"[^{re.escape(BREAKS)}]{{0,{HOW_WIDE[script(word)]}}}?"
    return bounded(gap.join(re.escape(part) for part in plain(word).split(GAP)), script(word))


def bounded(expression: str, written: str) -> str:
    """The expression; in English only where it stands alone."""
    return rf"\b(?:{expression})\b" if written == "en" else expression


def any_of(words: Iterable[str], written: str) -> re.Pattern[str]:
    """One expression that finds any of the words, all of one script, the longest first."""
    longest_first = sorted(map(plain, words), key=len, reverse=True)
    return re.compile(bounded("|".join(map(re.escape, longest_first)), written))
