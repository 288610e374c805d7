"""The prompts of a city: texts in each language, filled with what is known, or audio files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from callflows.events import Values
from callflows.instructions import Prompt

PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)(:digits)?\}")
_DIGITS_ALONE = re.compile(r"\{([a-z][a-z0-9_]*):digits\}[.。]?")
_UNSPEAKABLE = re.compile(r"[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\x7f-\x9f]")

DIGITS: Mapping[str, str] = {
    "yue": "零一二三四五六七八九",
    "cmn": "零幺二三四五六七八九",  # numbers are dictated with yao for 1: yi sounds like qi, 7
    "en": "0123456789",
}
SHORT_NUMBER = 5
"""Numbers up to this length are familiar ones (a hotline): said in one go, not dictated."""


@dataclass(frozen=True)
class PromptBook:
    """Every prompt of a city.

    languages: the default one first. texts: language -> prompt key -> text with placeholders.
    facts: what is the same in every call (a text, or one per language).
    audio: (language, prompt key) -> path below the city's `prompts/audio` folder.
    """

    languages: tuple[str, ...]
    texts: Mapping[str, Mapping[str, str]]
    facts: Values
    audio: Mapping[tuple[str, str], str]

    def fill(self, key: str, language: str, values: Values) -> tuple[Prompt, ...]:
        """The prompt as the caller hears it; several where digits are played file by file."""
        text = self.texts[language][key]
        known = {**values, **self.facts}
        alone = _DIGITS_ALONE.fullmatch(text)
        if alone and self._has_digit_files(language):
            return self._digit_files(_value(known, alone[1], language), language)
        return (Prompt(key, language, _filled(text, known, language), self._file(key, language)),)

    def _file(self, key: str, language: str) -> str | None:
        """A recording fits unless the text tells something that is learnt in the call."""
        names = {name for name, _ in PLACEHOLDER.findall(self.texts[language][key])}
        return self.audio.get((language, key)) if names <= set(self.facts) else None

    def _has_digit_files(self, language: str) -> bool:
        return all((language, f"digit_{digit}") in self.audio for digit in range(10))

    def _digit_files(self, value: str, language: str) -> tuple[Prompt, ...]:
        return tuple(
            Prompt(f"digit_{d}", language, DIGITS[language][int(d)], self._audio_digit(d, language))
            for d in re.findall("[0-9]", value)
        )

    def _audio_digit(self, digit: str, language: str) -> str:
        return self.audio[language, f"digit_{digit}"]


def spell(number: str, language: str) -> str:
    """The number's digits for a voice that would otherwise read them as a quantity.

    A short number in one go (`九九九`, `9 9 9`); a longer one slowly, in groups of three, so that
    it can be written down (`一、二、三，四、五、六。`, `1, 2, 3. 4, 5, 6.`). Without digits: as it is.
    """
    chinese = language in ("yue", "cmn")
    digits = [DIGITS[language][int(digit)] for digit in re.findall("[0-9]", number)]
    if not digits:
        return number
    if len(digits) <= SHORT_NUMBER:
        return ("" if chinese else " ").join(digits)
    within, between, end = ("、", "，", "。") if chinese else (", ", ". ", ".")
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    return between.join(within.join(group) for group in groups) + end


def speakable(text: str) -> str:
    """The text in one line, without the characters that XML or a voice cannot take."""
    return " ".join(_UNSPEAKABLE.sub("", text).split())


def _filled(text: str, known: Values, language: str) -> str:
    def replace(match: re.Match[str]) -> str:
        value = _value(known, match[1], language)
        return spell(value, language) if match[2] else value

    return speakable(PLACEHOLDER.sub(replace, text))


def _value(known: Values, name: str, language: str) -> str:
    value = known[name]
    return value if isinstance(value, str) else value[language]
