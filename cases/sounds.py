"""How Chinese is heard: characters as the syllables they stand for, so that names can be looked for by
sound. A recogniser that mishears writes another character of the same sound, or nearly so.

Tones are left out, and so are differences that many speakers do not make: in Cantonese the lazy sounds
(懶音: 你 as lei, 我 as o, 國 as gok, 江 as gon, 北 as bat), in Mandarin those of the south (是 as si,
男 as lan, 星 as xin). A character counts with the one reading it mostly has. ToJyutping's and pypinyin's
home.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from string import digits
from typing import Final

import ToJyutping
from pypinyin import Style, lazy_pinyin

from cases.script import fold, to_script

# A syllable is written as one character of the private use area: a text's sound is a text as long.
FIRST: Final = 0xE000
_HAN: Final = range(0x4E00, 0xA000)

_JYUTPING: Final = re.compile(r"(gw|kw|ng|[bpmfdtnlghkwzcsj])?(.+?)(ng|[mnptk])?")
_LAZY_ONSET: Final = {"n": "l", "ng": ""}
_LAZY_CODA: Final = {"ng": "n", "k": "t"}
_SYLLABIC: Final = ("m", "ng")  # 唔, 五: many say both alike

_PINYIN: Final = re.compile(r"(zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw])?(.*)")
_WITHOUT: Final = {"p": "b", "t": "d", "kw": "gw", "k": "g", "c": "z", "q": "j"}
_BREATH: Final = re.compile("^(?:p|t|kw|k|c|q)")
_FLAT: Final = {"zh": "z", "ch": "c", "sh": "s", "n": "l"}


def sound(text: str, language: str, *, rough: bool = False, toned: bool = False) -> str:
    """The sound of `text` in `language` (`yue`; anything else is heard as Mandarin): as long as the
    text, one character for each, alike where the two sound alike. What is not Chinese stays, in small
    letters. rough: sounds with and without breath alike as well (塌 and 踏), which a telephone blurs;
    toned: only what is the very same syllable with its tone is alike, lazy sounds told apart."""
    lowered = text.lower()
    plain = lowered if len(lowered) == len(text) else text
    home = "yue" if language == "yue" else "cmn"
    return plain.translate(_toned(home) if toned else _syllables(home, rough))


def is_sounded(char: str) -> bool:
    """Whether a character of a sound stands for a syllable."""
    return ord(char) >= FIRST


@cache
def _syllables(language: str, rough: bool) -> Mapping[int, str]:
    lazy = lazy_cantonese if language == "yue" else lazy_mandarin

    def heard(reading: str) -> str:
        syllable = lazy(reading)
        return _BREATH.sub(lambda onset: _WITHOUT[onset[0]], syllable) if rough else syllable

    return _numbered((code, heard(reading)) for code, reading in _readings(language))


@cache
def _toned(language: str) -> Mapping[int, str]:
    return _numbered(_readings(language))


def _numbered(syllables: Iterable[tuple[int, str]]) -> dict[int, str]:
    codes: dict[str, str] = {}
    return {
        code: codes.setdefault(syllable, chr(FIRST + len(codes))) for code, syllable in syllables
    }


@cache
def _readings(language: str) -> list[tuple[int, str]]:
    """The syllable of each character, its tone a figure at the end."""
    read = _cantonese if language == "yue" else _mandarin
    readings = ((code, read(chr(code))) for code in _HAN)
    return [(code, syllable) for code, syllable in readings if syllable]


def _cantonese(char: str) -> str | None:
    """One in Simplified is read as its Traditional form is."""
    for form in (to_script(char, "hk"), char):
        if reading := ToJyutping.get_jyutping_list(form)[0][1]:
            return str(reading)
    return None


def lazy_cantonese(jyutping: str) -> str:
    """A syllable of Jyutping without tone, and as lazy speakers say it: ng5 -> m, gwok3 -> got."""
    syllable = jyutping.rstrip("123456")
    if syllable in _SYLLABIC:
        return "m"
    parts = _JYUTPING.fullmatch(syllable)
    if parts is None:
        return syllable
    onset, vowel, coda = (part or "" for part in parts.groups())
    if vowel == "o" and onset in ("gw", "kw"):
        onset = onset[0]
    return _LAZY_ONSET.get(onset, onset) + vowel + _LAZY_CODA.get(coda, coda)


def _mandarin(char: str) -> str | None:
    reading = lazy_pinyin(
        fold(char), style=Style.TONE3, errors="ignore", neutral_tone_with_five=True
    )
    return str(reading[0]) if reading else None


def lazy_mandarin(pinyin: str) -> str:
    """A syllable of pinyin without tone, and as the south says it: shang4 -> san, nan -> lan."""
    syllable = pinyin.rstrip(digits)
    parts = _PINYIN.fullmatch(syllable)
    if parts is None:
        return syllable
    onset, rest = parts[1] or "", parts[2]
    return _FLAT.get(onset, onset) + (rest[:-1] if rest.endswith("ng") else rest)
