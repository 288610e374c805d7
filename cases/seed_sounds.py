"""Seed words of a city as a recogniser mishears them: 朋網 for 棚網.

Of three characters one may be another of the same sound, of four or more two, lazy sounds alike (`misheard`). Of two
characters one may, but only where tone and all sound alike, the word weighs something, neither
character is a small one (的, 喺) and what was written is no everyday word: two syllables by chance side
by side are often somebody's word. What keeps them apart is data (`seed_sounds.yaml`).

English words are found only as they are written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from cases import lexicon
from cases.misheard import Misheard
from cases.pack import Pack
from cases.sounds import sound

FILE: Final = Path(__file__).with_suffix(".yaml")
LANGUAGES: Final = ("yue", "cmn")
SHORT: Final = 2
"""Characters of a word of which more is asked."""
LEAST_WEIGHT: Final = 2.0
"""Of a short word: a mere hint that was not even written is none."""


class _Kept(Pack):
    small: str
    everyday: tuple[str, ...]


class SoundsLike(NamedTuple):
    """From `start` up to `end` of a text stands something that sounds like the seed word `word`."""

    word: str
    start: int
    end: int


@dataclass(frozen=True)
class SeedSounds:
    """The seed words of one language by their sound. `_toned`: short words with their tones."""

    language: str
    _misheard: Misheard
    _toned: Mapping[str, str]

    @classmethod
    def of(cls, words: Mapping[str, float], language: str) -> SeedSounds:
        """words: those listed in this language (`yue` or `cmn`), each with its weight."""
        plain = {word: lexicon.plain(word) for word in words}
        short = {
            word: sound(said, language, toned=True)
            for word, said in plain.items()
            if len(said) == SHORT and words[word] >= LEAST_WEIGHT and not _small(said)
        }
        held = ((word, word) for word in words if len(plain[word]) > SHORT or word in short)
        return cls(language, Misheard.of(held, language, short), short)

    def hits(self, text: str) -> Iterator[SoundsLike]:
        """Where words that are not written there are heard, in any order; they may overlap."""
        plain = lexicon.plain(text)
        for hit in self._misheard.hits(plain):
            toned = self._toned.get(hit.kind)
            if toned is None or self._is_meant(plain[hit.start : hit.end], toned):
                yield SoundsLike(hit.kind, hit.start, hit.end)

    def _is_meant(self, said: str, toned: str) -> bool:
        if _small(said) or said in _everyday():
            return False
        return sound(said, self.language, toned=True) == toned


def in_language(words: Iterable[tuple[str, Mapping[str, float]]], language: str) -> SeedSounds:
    """words: each with its weight in every language in which it is listed."""
    return SeedSounds.of(
        {word: weights[language] for word, weights in words if language in weights}, language
    )


def _small(text: str) -> bool:
    return any(char in _kept().small for char in text)


@cache
def _everyday() -> frozenset[str]:
    return frozenset(map(lexicon.plain, _kept().everyday))


@cache
def _kept() -> _Kept:
    return _Kept.read(FILE)
