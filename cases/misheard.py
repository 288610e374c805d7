"""Words of a lexicon as a recogniser mishears them: 漏店 for 漏电, "has a nife" for "has a knife".

A Chinese word counts when it sounds the same and most of it is written as it should be: of three characters
one may be wrong, of four or more two, of two one, and only where the word is among those that may. An English
phrase of some length counts when one of its words has other letters but the same consonants.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cases.lexicon import BREAKS, GAP, HOW_WIDE, Hit, plain, script
from cases.sounds import sound

_LEAST_LETTERS: Final = 9  # of an English phrase
_LEAST_WORD: Final = 3  # of the word written otherwise; in a phrase half as long again, 2
_WORD: Final = re.compile(r"[a-z']+")
_SPELT: Final = (
    *(("ght", "t"), ("gh", ""), ("kn", "n"), ("wr", "r"), ("ph", "f"), ("ck", "k"), ("dg", "j")),
    *(("ce", "s"), ("ci", "s"), ("cy", "s"), ("sh", "X"), ("ch", "C"), ("th", "0")),
    *(("c", "k"), ("q", "k"), ("z", "s"), ("d", "t")),
)


@dataclass(frozen=True)
class _Sounded:
    kind: str
    word: str
    pieces: tuple[str, ...]
    heard: tuple[str, ...]
    pattern: re.Pattern[str]
    most_wrong: int


@dataclass(frozen=True)
class Misheard:
    """Chinese words by how they sound in one language (`yue`, `cmn`)."""

    language: str
    words: tuple[_Sounded, ...]

    @classmethod
    def of(
        cls, words: Iterable[tuple[str, str]], language: str, short: Collection[str]
    ) -> Misheard:
        """words: (what it stands for, the word), English ones left out; short: words of two characters that
        may have one wrong."""
        may = {plain(word) for word in short}
        made = (_sounded(kind, plain(word), language, may) for kind, word in dict.fromkeys(words))
        return cls(language, tuple(one for one in made if one))

    def hits(self, text: str) -> Iterator[Hit]:
        """Those in a plain text that are not written as they should be."""
        heard = sound(text, self.language, rough=True)
        for one in self.words:
            if all(piece in heard for piece in one.heard):
                for found in one.pattern.finditer(heard):
                    if 0 < _wrong(one, found, text) <= one.most_wrong:
                        yield Hit(one.kind, *found.span(), one.word)


def _sounded(kind: str, word: str, language: str, may: Collection[str]) -> _Sounded | None:
    pieces = tuple(word.split(GAP))
    solid = sum(map(len, pieces))
    if script(word) == "en" or (solid < 3 and word not in may):
        return None
    heard = tuple(sound(piece, language, rough=True) for piece in pieces)
    gap = f"[^{re.escape(BREAKS)}]{{0,{HOW_WIDE['zh']}}}?"
    pattern = re.compile(gap.join(f"({re.escape(piece)})" for piece in heard))
    return _Sounded(kind, word, pieces, heard, pattern, 1 if solid < 4 else 2)


def _wrong(one: _Sounded, found: re.Match[str], text: str) -> int:
    """How many characters are not as they should be."""
    return sum(
        a != b
        for number, piece in enumerate(one.pieces, 1)
        for a, b in zip(piece, text[slice(*found.span(number))], strict=True)
    )


@dataclass(frozen=True)
class MisheardEnglish:
    """English phrases by the consonants of their words."""

    phrases: Mapping[tuple[str, ...], tuple[tuple[str, str, tuple[str, ...]], ...]]

    @classmethod
    def of(cls, words: Iterable[tuple[str, str]]) -> MisheardEnglish:
        """words: (what it stands for, the phrase); Chinese ones and short ones are left out."""
        filed = defaultdict(list)
        for kind, word in dict.fromkeys(words):
            parts = tuple(_WORD.findall(plain(word)))
            long = len(parts) > 1 and sum(map(len, parts)) + len(parts) - 1 >= _LEAST_LETTERS
            if word.isascii() and GAP not in word and long:
                filed[tuple(map(skeleton, parts))].append((kind, word, parts))
        return cls({key: tuple(found) for key, found in filed.items()})

    def hits(self, text: str) -> Iterator[Hit]:
        """Those in a plain text with one word written otherwise."""
        words = list(_WORD.finditer(text))
        bones = [skeleton(word[0]) for word in words]
        lengths = {len(key) for key in self.phrases}
        for length in lengths:
            for at in range(len(words) - length + 1):
                for kind, word, parts in self.phrases.get(tuple(bones[at : at + length]), ()):
                    said = [one[0] for one in words[at : at + length]]
                    if _one_written_otherwise(parts, said):
                        yield Hit(kind, words[at].start(), words[at + length - 1].end(), word)


def _one_written_otherwise(wanted: Sequence[str], said: Sequence[str]) -> bool:
    pairs = list(zip(wanted, said, strict=True))
    other = [(a, b) for a, b in pairs if a != b]
    least = _LEAST_WORD - (sum(len(a) for a, _ in pairs) >= _LEAST_LETTERS * 1.5)
    return len(other) == 1 and min(map(len, other[0])) >= least and len(skeleton(other[0][0])) > 0


def skeleton(word: str) -> str:
    """The consonants of a word of small letters, alike where they sound alike: knife and nife are `nf`."""
    for letters, spelt in _SPELT:
        word = word.replace(letters, spelt)
    bare = re.sub(r"(?<=.)[aeiouyhw']", "", re.sub(r"^[aeiouy]+", "a", word))
    return re.sub(r"(.)\1+", r"\1", bare)
