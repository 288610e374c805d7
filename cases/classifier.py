"""What is a caller's matter about? A guess, with its reasons and how far to trust it.

The evidence is the seed words of the city's categories, until a model taught by the city's own cases
(`models`) takes their place; of a category that it was not taught the words still count. Where the best
guess is less sure than its category asks for (`sure_from`), nothing is guessed.

A word that is not written but sounds as if it had been said (易然 for 易燃, `seed_sounds`) counts BY_SOUND of
its weight, where no written word stands; its reason names both.

Text and words are compared in Simplified and lower case, so both scripts
count alike. Of words that overlap only the longest is found (in 消防通道 not 消防), a word said
twice counts once, and English words stand on their own: "gas" is not in "gasp".

How sure: with E(c) the weights of the words found for category c, and E their sum over all
categories,

    confidence(c) = E(c) / (E + DOUBT)

that is c's share of the evidence, damped while there is little of it: more evidence for c always
raises it, evidence for another always lowers it, and what is missing to 1 is "not sure".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import fsum
from string import ascii_lowercase, ascii_uppercase
from typing import TYPE_CHECKING, NamedTuple

from cases.categories import Category
from cases.script import fold
from cases.seed_sounds import LANGUAGES, SeedSounds, in_language

if TYPE_CHECKING:
    from cases.learned import Model

DOUBT = 1.0  # the weight of "something else altogether": one plain word alone is worth 1/2
BY_SOUND = 0.8  # measured: from 0.7 on it hardly matters
ALTERNATIVES = 3


@dataclass(frozen=True)
class Guess:
    """`category` is a code, or None when it is not sure; confidences lie in 0..1. `confidence`: of the category;
    0 without one. When it is not sure, what came nearest is the first of the alternatives."""

    category: str | None
    confidence: float
    alternatives: tuple[tuple[str, float], ...]  # the next best, most likely first, at most three
    # The words that spoke for `category`, as the caller said them; 易然（易燃） where one only sounds like it.
    reasons: tuple[str, ...]


UNSURE = Guess(None, 0.0, (), ())


def guess(
    text: str, language: str | None, categories: Sequence[Category], model: Model | None = None
) -> Guess:
    """The most likely of `categories` for what a caller said, by `model` where there is one.

    `language` is the one heard: where a word is listed in several languages, its weight there
    holds. Words of all languages count, as people mix them (部lift壞咗); by sound only those of
    the language heard.
    """
    scores = _ranked(likely(text, language, categories, model), categories)
    if not scores:
        return UNSURE
    best, confidence = scores[0]
    asked = next(one.sure_from for one in categories if one.code == best)
    if confidence < (asked or 0):
        return Guess(None, 0.0, scores[:ALTERNATIVES], ())
    reasons = reasons_for(text, language, best, categories, model)
    return Guess(best, confidence, scores[1 : 1 + ALTERNATIVES], reasons)


def likely(
    text: str, language: str | None, categories: Sequence[Category], model: Model | None = None
) -> dict[str, float]:
    """How likely each of `categories` is, from 0 to 1; what is missing to 1 is "not sure"."""
    lexicon = _lexicon(tuple(categories))
    evidence = lexicon.weigh(lexicon.find(text, language), language)
    total = fsum(evidence.values()) + DOUBT
    by_words = {code: weight / total for code, weight in evidence.items()}
    taught = model.shares(text) if model else {}
    if model is None or not taught:
        return by_words
    own = {code: share for code, share in by_words.items() if code not in model.codes}
    left = 1 - fsum(own.values())
    known = {one.code for one in categories}
    return own | {code: left * share for code, share in taught.items() if code in known}


def reasons_for(
    text: str,
    language: str | None,
    code: str,
    categories: Sequence[Category],
    model: Model | None = None,
) -> tuple[str, ...]:
    """The words that speak for a category, as the caller said them: the model's, else the seed words."""
    if model and code in model.codes and model.shares(text):
        return model.reasons(text, code)
    lexicon = _lexicon(tuple(categories))
    found = [spot for spot in lexicon.find(text, language) if code in lexicon.entries[spot.word]]
    return tuple(dict.fromkeys(lexicon.told(spot, text, language) for spot in found))


def _ranked(
    shares: Mapping[str, float], categories: Sequence[Category]
) -> tuple[tuple[str, float], ...]:
    """Each category's confidence, best first; of equals the urgent one comes first."""
    urgent = {category.code for category in categories if category.urgent}
    ranked = sorted(shares, key=lambda code: (-shares[code], code not in urgent, code))
    return tuple((code, shares[code]) for code in ranked)


class _Found(NamedTuple):
    """A seed word and its place in the text. `by_sound`: something else is written there that sounds like it."""

    word: str
    start: int
    end: int
    by_sound: bool = False


def _longest_first(spot: _Found) -> tuple[int, int]:
    return spot.start - spot.end, spot.start


@dataclass(frozen=True)
class _Lexicon:
    """The seed words of all categories, ready to be looked for."""

    entries: Mapping[str, Mapping[str, Mapping[str, float]]]  # word -> category -> language: weight
    by_first: Mapping[str, Sequence[str]]  # first character -> the words
    written: Mapping[tuple[str, str], str]  # word and language -> as the city's file has it
    sounds: dict[str, SeedSounds] = field(
        default_factory=dict
    )  # by language, made when first asked

    def find(self, text: str, language: str | None) -> list[_Found]:
        """The words in `text`, from left to right; of words that overlap the longest. What is only heard
        never takes a character from what is written."""
        plain = _plain(text)
        taken = bytearray(len(plain))
        found = [
            spot
            for spots in (self._everywhere(plain), self._heard(text, language))
            for spot in sorted(spots, key=_longest_first)
            if _is_free(taken, spot)
        ]
        return sorted(found, key=lambda spot: spot.start)

    def _heard(self, text: str, language: str | None) -> Iterator[_Found]:
        if language in LANGUAGES:
            for word, start, end in self._sounds(language).hits(text):
                yield _Found(word, start, end, by_sound=True)

    def _sounds(self, language: str) -> SeedSounds:
        if language not in self.sounds:
            weights = (
                (word, dict(pair for listed in kinds.values() for pair in listed.items()))
                for word, kinds in self.entries.items()
            )
            self.sounds[language] = in_language(weights, language)
        return self.sounds[language]

    def told(self, spot: _Found, text: str, language: str | None) -> str:
        """What the caller's text holds and, where it only sounds so, the word for which it was taken."""
        said = text[spot.start : spot.end]
        return f"{said}（{self.written[spot.word, language or '']}）" if spot.by_sound else said

    def _everywhere(self, text: str) -> Iterator[_Found]:
        for start, char in enumerate(text):
            for word in self.by_first.get(char, ()):
                if end := _end(word, text, start):
                    yield _Found(word, start, end)

    def weigh(self, spots: Iterable[_Found], language: str | None) -> dict[str, float]:
        """What the words found add up to for each category; each word once, if written anywhere in full."""
        counts: dict[str, float] = {}
        for spot in spots:
            counts[spot.word] = max(counts.get(spot.word, 0), BY_SOUND if spot.by_sound else 1)
        found: defaultdict[str, list[float]] = defaultdict(list)
        for word, count in counts.items():
            for code, weights in self.entries[word].items():
                found[code].append(count * weights.get(language or "", max(weights.values())))
        return {code: fsum(weights) for code, weights in found.items()}


def _is_free(taken: bytearray, spot: _Found) -> bool:
    """Whether no character of it was taken; they are now."""
    if any(taken[spot.start : spot.end]):
        return False
    taken[spot.start : spot.end] = bytes([1]) * (spot.end - spot.start)
    return True


@lru_cache(maxsize=8)
def _lexicon(categories: tuple[Category, ...]) -> _Lexicon:
    entries: dict[str, dict[str, dict[str, float]]] = {}
    written: dict[tuple[str, str], str] = {}
    for category in categories:
        for language, words in category.words.items():
            for word, weight in words.items():
                plain = _plain(word)
                written.setdefault((plain, language), word)
                entry = entries.setdefault(plain, {}).setdefault(category.code, {})
                entry[language] = max(weight, entry.get(language, 0))
    by_first: defaultdict[str, list[str]] = defaultdict(list)
    for word in entries:
        by_first[word[0]].append(word)
    return _Lexicon(entries, by_first, written)


def _end(word: str, text: str, start: int) -> int | None:
    """Where `word` ends in `text` if it stands there; English words may have a plural s."""
    end = start + len(word)
    if not text.startswith(word, start):
        return None
    if _latin(word[0]) and _latin(text[start - 1 : start]):
        return None
    if not _latin(word[-1]) or not _latin(text[end : end + 1]):
        return end
    return end + 1 if text[end] == "s" and not _latin(text[end + 1 : end + 2]) else None


def _latin(char: str) -> bool:
    return char.isascii() and char.isalnum()


# Case, full-width letters, hyphens and line ends make no difference. One character for one, so
# that a place in the plain text is the same place in what the caller said.
_SAME = {
    **{ord(upper): lower for upper, lower in zip(ascii_uppercase, ascii_lowercase, strict=True)},
    **{code: chr(code - 0xFEE0).lower() for code in range(0xFF10, 0xFF5B)},
    **dict.fromkeys(map(ord, "-\u2010\u2011\n\r\t\u3000"), " "),
    ord("\u2019"): "'",
}


def _plain(text: str) -> str:
    """`text` as it is compared: Simplified, lower case, as long as it was."""
    folded = fold(text)
    if len(folded) != len(text):  # a phrase rule of OpenCC changed the length
        folded = "".join(map(fold, text))
    return folded.translate(_SAME)
