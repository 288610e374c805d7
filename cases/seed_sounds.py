"""Seed words of a city as a recogniser mishears them: 易然 for 易燃.

Of three characters one may be another of the same sound, of four or more two, lazy sounds alike and with or
without breath (`sounds`). Of two characters one may, but only where tone and all sound alike, the word weighs
something and neither character is a small one (的, 喺): two syllables by chance side by side are often
somebody's word. What was written is never an everyday word. What keeps them apart is data (`seed_sounds.yaml`).

English words are found only as they are written. A text is walked through once, whatever stands there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from cases import lexicon
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


class _Seed(NamedTuple):
    """A word, as it is written in plain characters, and its sound; `toned`: with its tones, of a short word."""

    word: str
    said: str
    heard: str
    toned: str | None

    @property
    def most_wrong(self) -> int:
        return 1 if len(self.said) < 4 else 2


@dataclass(frozen=True)
class SeedSounds:
    """The seed words of one language by the sound of their first two characters."""

    language: str
    _seeds: Mapping[str, Sequence[_Seed]]

    @classmethod
    def of(cls, words: Mapping[str, float], language: str) -> SeedSounds:
        """words: those listed in this language (`yue` or `cmn`), each with its weight."""
        seeds: defaultdict[str, list[_Seed]] = defaultdict(list)
        for word, weight in words.items():
            if _may_be_misheard(said := lexicon.plain(word), weight):
                heard = sound(said, language, rough=True)
                toned = sound(said, language, toned=True) if len(said) == SHORT else None
                seeds[heard[:SHORT]].append(_Seed(word, said, heard, toned))
        return cls(language, seeds)

    def hits(self, text: str) -> Iterator[SoundsLike]:
        """Where words that are not written there are heard, from left to right; they may overlap."""
        said = lexicon.plain(text)
        heard = sound(said, self.language, rough=True)
        for start in range(len(said)):
            for seed in self._seeds.get(heard[start : start + SHORT], ()):
                end = start + len(seed.said)
                if heard.startswith(seed.heard, start) and self._is_meant(seed, said[start:end]):
                    yield SoundsLike(seed.word, start, end)

    def _is_meant(self, seed: _Seed, said: str) -> bool:
        """Whether these characters, which sound like the word, may be the word misheard."""
        wrong = sum(a != b for a, b in zip(seed.said, said, strict=True))
        if not 0 < wrong <= seed.most_wrong or said in _everyday():
            return False
        if seed.toned is None:
            return True
        return not _small(said) and sound(said, self.language, toned=True) == seed.toned


def in_language(words: Iterable[tuple[str, Mapping[str, float]]], language: str) -> SeedSounds:
    """words: each with its weight in every language in which it is listed."""
    return SeedSounds.of(
        {word: weights[language] for word, weights in words if language in weights}, language
    )


def _may_be_misheard(said: str, weight: float) -> bool:
    if said.isascii() or len(said) < SHORT:
        return False
    return len(said) > SHORT or (weight >= LEAST_WEIGHT and not _small(said))


def _small(text: str) -> bool:
    return any(char in _kept().small for char in text)


@cache
def _everyday() -> frozenset[str]:
    return frozenset(map(lexicon.plain, _kept().everyday))


@cache
def _kept() -> _Kept:
    return _Kept.read(FILE)
