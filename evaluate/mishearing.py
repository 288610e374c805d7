"""Texts as a recogniser mishears them: a share of the Chinese characters are others of the same sound."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Final

from cases.script import to_script
from cases.sounds import is_sounded, sound

Alike = Mapping[str, Sequence[str]]
"""For each character the others of its sound; those without any are not there."""

# The first level of GB 2312, which is ordered by use: two bytes a character, from B0A1 up to D7F9.
_FIRST, _LAST, _BYTES = 0xB0A1, 0xD7F9, range(0xA1, 0xFF)
CHINESE: Final = ("yue", "cmn")


def alike(chars: Iterable[str], language: str) -> dict[str, list[str]]:
    """Which of these characters sound the same in a language, lazy sounds folded and tones apart from it."""
    by_sound: defaultdict[str, list[str]] = defaultdict(list)
    for char in sorted(set(chars)):
        if is_sounded(heard := sound(char, language)):
            by_sound[heard].append(char)
    return {
        char: [other for other in group if other != char]
        for group in by_sound.values()
        for char in group
        if len(group) > 1
    }


def misheard(text: str, share: float, others: Alike, dice: random.Random) -> str:
    """The text with about this share (0 to 1) of its characters replaced; one that has no other stays."""
    return "".join(
        dice.choice(others[char]) if dice.random() < share and char in others else char
        for char in text
    )


def all_misheard(said: Sequence[tuple[str, str]], share: float, seed: int) -> list[str]:
    """Texts, each with its language, misheard by the dice of `seed`: the others are common characters, in the
    script of the language, and those of the texts themselves. What is not Chinese stays as it is."""
    dice = random.Random(seed)
    theirs = {char for text, _ in said for char in text}
    known = {language: alike(theirs | common(language), language) for language in CHINESE}
    return [misheard(text, share, known.get(language, {}), dice) for text, language in said]


@cache
def common(language: str) -> frozenset[str]:
    """The 3,755 most used characters, as readers of the language write them."""
    codes = (code for code in range(_FIRST, _LAST + 1) if code & 0xFF in _BYTES)
    chars = (code.to_bytes(2).decode("gb2312") for code in codes)
    return frozenset(to_script(char, "hk") if language == "yue" else char for char in chars)
