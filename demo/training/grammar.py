"""The sentences that the demonstration's callers can say, drawn at random from a grammar.

The words are in `sentences/<language>.yaml`; this module only fills the patterns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import yaml

from demo.training import numbers

SENTENCES = Path(__file__).parent / "sentences"
LANGUAGES = ("yue", "cmn", "en")
SLOT = re.compile(r"\{(number:)?(\w+)\}")


@dataclass(frozen=True)
class Grammar:
    """One language's sentences: weighted patterns, words, and themes of things and faults."""

    language: str
    patterns: Sequence[tuple[float, str]]
    words: Mapping[str, Sequence[str]]
    themes: Mapping[str, Mapping[str, Sequence[str]]]

    def sentence(self, random: Random) -> str:
        """One sentence without its final full stop."""
        weights = [weight for weight, _ in self.patterns]
        pattern = random.choices([pattern for _, pattern in self.patterns], weights)[0]
        theme = self.themes[random.choice(sorted(self.themes))]
        return self.fill(pattern, {**self.words, **theme}, random)

    def fill(self, pattern: str, words: Mapping[str, Sequence[str]], random: Random) -> str:
        """`pattern` with every slot filled, slots inside the filling included."""

        def filling(slot: re.Match[str]) -> str:
            if slot[1]:
                return numbers.spoken(slot[2], self.language, random)
            return self.fill(random.choice(words[slot[2]]), words, random)

        return SLOT.sub(filling, pattern)


@cache
def load(language: str) -> Grammar:
    """The grammar of `yue`, `cmn` or `en`, read from its YAML file."""
    with open(SENTENCES / f"{language}.yaml", encoding="utf-8") as file:
        content: dict[str, Any] = yaml.safe_load(file)
    return Grammar(
        language=language,
        patterns=[(weight, pattern) for weight, pattern in content.pop("patterns")],
        themes=content.pop("themes"),
        words=content,
    )


def sentences(language: str, seed: int) -> Iterator[str]:
    """An endless stream of random sentences; the same seed gives the same stream."""
    random = Random(f"{language} {seed}")
    grammar = load(language)
    while True:
        yield grammar.sentence(random)


def scripted_calls() -> list[dict[str, Any]]:
    """The demonstration's scripted calls (`sentences/calls.yaml`), which are never trained on."""
    with open(SENTENCES / "calls.yaml", encoding="utf-8") as file:
        return yaml.safe_load(file)["calls"]


def written(sentence: str, language: str) -> str:
    """A whole sentence as the transcript writes it: with a capital and a full stop."""
    if language == "en":
        return f" {sentence[0].upper()}{sentence[1:]}."
    return f"{sentence}。"


def has_number(sentence: str, language: str) -> bool:
    """Whether a sentence says a number of two or more units."""
    if language == "en":
        words = set(sentence.replace(",", "").split())
        return bool(words & {*numbers.ENGLISH_DIGITS, *numbers.ENGLISH_TEENS})
    return bool(
        re.search(
            r"[零一幺二三四五六七八九十百][號座樓室号层单]|[零一幺二三四五六七八九十百]{3}",
            sentence,
        )
    )
