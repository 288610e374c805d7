"""What is a caller's matter about? A guess, with its reasons and how far to trust it.

The evidence is the seed words of the city's categories, until a model taught by the city's own cases
(`models`) takes their place; of a category that it was not taught the words still count. Where the best
guess is less sure than its category asks for (`sure_from`), nothing is guessed.

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
from dataclasses import dataclass
from functools import lru_cache
from math import fsum
from string import ascii_lowercase, ascii_uppercase
from typing import TYPE_CHECKING, NamedTuple

from cases.categories import Category
from cases.script import fold

if TYPE_CHECKING:
    from cases.learned import Model

DOUBT = 1.0  # the weight of "something else altogether": one plain word alone is worth 1/2
ALTERNATIVES = 3


@dataclass(frozen=True)
class Guess:
    """`category` is a code, or None when it is not sure; confidences lie in 0..1. `confidence`: of the category;
    0 without one. When it is not sure, what came nearest is the first of the alternatives."""

    category: str | None
    confidence: float
    alternatives: tuple[tuple[str, float], ...]  # the next best, most likely first, at most three
    reasons: tuple[str, ...]  # the words that spoke for `category`, as the caller said them


UNSURE = Guess(None, 0.0, (), ())


def guess(
    text: str, language: str | None, categories: Sequence[Category], model: Model | None = None
) -> Guess:
    """The most likely of `categories` for what a caller said, by `model` where there is one.

    `language` is the one heard: where a word is listed in several languages, its weight there
    holds. Words of all languages count, as people mix them (部lift壞咗).
    """
    scores = _ranked(likely(text, language, categories, model), categories)
    if not scores:
        return UNSURE
    best, confidence = scores[0]
    asked = next(one.sure_from for one in categories if one.code == best)
    if confidence < (asked or 0):
        return Guess(None, 0.0, scores[:ALTERNATIVES], ())
    reasons = reasons_for(text, best, categories, model)
    return Guess(best, confidence, scores[1 : 1 + ALTERNATIVES], reasons)


def likely(
    text: str, language: str | None, categories: Sequence[Category], model: Model | None = None
) -> dict[str, float]:
    """How likely each of `categories` is, from 0 to 1; what is missing to 1 is "not sure"."""
    lexicon = _lexicon(tuple(categories))
    found = dict.fromkeys(spot.word for spot in lexicon.find(_plain(text)))
    evidence = lexicon.weigh(found, language)
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
    text: str, code: str, categories: Sequence[Category], model: Model | None = None
) -> tuple[str, ...]:
    """The words that speak for a category, as the caller said them: the model's, else the seed words."""
    if model and code in model.codes and model.shares(text):
        return model.reasons(text, code)
    return words_for(text, categories).get(code, ())


def words_for(text: str, categories: Sequence[Category]) -> dict[str, tuple[str, ...]]:
    """The words in what a caller said that speak for each category, as the caller said them."""
    lexicon = _lexicon(tuple(categories))
    found: defaultdict[str, list[str]] = defaultdict(list)
    for word, start, end in lexicon.find(_plain(text)):
        for code in lexicon.entries[word]:
            found[code].append(text[start:end])
    return {code: tuple(dict.fromkeys(words)) for code, words in found.items()}


def _ranked(
    shares: Mapping[str, float], categories: Sequence[Category]
) -> tuple[tuple[str, float], ...]:
    """Each category's confidence, best first; of equals the urgent one comes first."""
    urgent = {category.code for category in categories if category.urgent}
    ranked = sorted(shares, key=lambda code: (-shares[code], code not in urgent, code))
    return tuple((code, shares[code]) for code in ranked)


class _Found(NamedTuple):
    """A seed word and its place in the text."""

    word: str
    start: int
    end: int


def _longest_first(spot: _Found) -> tuple[int, int]:
    return spot.start - spot.end, spot.start


@dataclass(frozen=True)
class _Lexicon:
    """The seed words of all categories, ready to be looked for."""

    entries: Mapping[str, Mapping[str, Mapping[str, float]]]  # word -> category -> language: weight
    by_first: Mapping[str, Sequence[str]]  # first character -> the words

    def find(self, text: str) -> list[_Found]:
        """The words in `text` (plain), from left to right; of words that overlap the longest."""
        taken = bytearray(len(text))
        found = []
        for spot in sorted(self._everywhere(text), key=_longest_first):
            if not any(taken[spot.start : spot.end]):
                taken[spot.start : spot.end] = bytes([1]) * (spot.end - spot.start)
                found.append(spot)
        return sorted(found, key=lambda spot: spot.start)

    def _everywhere(self, text: str) -> Iterator[_Found]:
        for start, char in enumerate(text):
            for word in self.by_first.get(char, ()):
                if end := _end(word, text, start):
                    yield _Found(word, start, end)

    def weigh(self, words: Iterable[str], language: str | None) -> dict[str, float]:
        """What the words found add up to for each category."""
        found: defaultdict[str, list[float]] = defaultdict(list)
        for word in words:
            for code, weights in self.entries[word].items():
                found[code].append(weights.get(language or "", max(weights.values())))
        return {code: fsum(weights) for code, weights in found.items()}


@lru_cache(maxsize=8)
def _lexicon(categories: tuple[Category, ...]) -> _Lexicon:
    entries: dict[str, dict[str, dict[str, float]]] = {}
    for category in categories:
        for language, words in category.words.items():
            for word, weight in words.items():
                entry = entries.setdefault(_plain(word), {}).setdefault(category.code, {})
                entry[language] = max(weight, entry.get(language, 0))
    by_first: defaultdict[str, list[str]] = defaultdict(list)
    for word in entries:
        by_first[word[0]].append(word)
    return _Lexicon(entries, by_first)


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
