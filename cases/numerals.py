"""Digits as people say them: 六一二三, 幺三八, double six, 廿三, eighty eight.

Only what is certainly a number is read. 十分感謝, 一點點 and 一個人 are words that happen to hold a
digit; whoever asks says in what surroundings (before 號, in a row of four) it is one.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

# Written in one way each, a character for a character.
_ONE_WAY: Final = str.maketrans(
    "０１２３４５６７８９＋（）－，．：萬億兩貳參陸〇○壹贰叁肆伍陆柒捌玖拾佰仟么",
    "0123456789+()-,.:万亿两二三六零零一二三四五六七八九十百千幺",
)
_FULL_WIDTH: Final = {0xFEE0 + ord(letter): letter for letter in string.ascii_letters}

_CHINESE: Final = {c: str(n) for n, c in enumerate("零一二三四五六七八九")} | {"幺": "1", "两": "2"}
_UNITS: Final = {"十": 10, "百": 100, "千": 1000}
_TENS: Final = {"廿": "二十", "卅": "三十", "卌": "四十"}
# Said on the radio, and only between other digits: 洞 is also a hole, 勾 a hook.
_RADIO: Final = {"洞": "0", "拐": "7", "勾": "9"}

_SMALL: Final = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"),
    "nineteen",
)
_DECADES: Final = {
    name: 10 * n
    for n, name in enumerate(
        ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"), 2
    )
}
_ORDINALS: Final = {
    **{name: n for n, name in enumerate(("first", "second", "third"), 1)},
    **{"fifth": 5, "eighth": 8, "ninth": 9, "twelfth": 12},
    **{f"{_SMALL[n]}th": n for n in (4, 6, 7, 10, 11, *range(13, 20))},
    **{name[:-1] + "ieth": n for name, n in _DECADES.items()},
}
_UNITS_EN: Final = {name: str(n) for n, name in enumerate(_SMALL[:10])} | {"o": "0", "oh": "0"}

_ANY: Final = r"[0-9零一二三四五六七八九幺两]"
_UNIT_EN: Final = "|".join(_UNITS_EN)
_DECADE_EN: Final = "|".join(_DECADES)
# The smallest pieces of a number that is told digit by digit.
_ATOM: Final = re.compile(
    rf"(?P<amount>\d{{1,3}}(?:,\d{{3}})+(?!\d))|(?P<ascii>\d+)"
    rf"|(?P<pair>[孖双]|(?P<triple>三[条條]))(?={_ANY})(?P<of>{_ANY})"
    rf"|(?P<han>[零一二三四五六七八九幺两]|(?<={_ANY})[洞拐勾](?=[零一二三四五六七八九幺两洞拐勾\d]))"
    rf"|\b(?:(?P<times>double|triple)[ -](?P<timed>{_UNIT_EN}|[0-9])"
    rf"|(?P<decade>{_DECADE_EN})(?:[ -](?P<rest>{'|'.join(_SMALL[1:10])}))?"
    rf"|(?P<teen>{'|'.join(_SMALL[10:])})|(?P<unit>{_UNIT_EN}))\b",
    re.IGNORECASE,
)
# What may stand inside a number: breath, brackets and hesitation. 、 lists several numbers instead.
_FILLER: Final = (
    r"(?:[\s，,。()\-–—]|\.(?!\d)|…|[呃嗯啊誒诶額额唔欸哦噢]|um+|uh+|er+m?|hmm?|ah|then|and then"
    r"|然[後后]|跟住|之[後后]|那[個个]|嗰[個个]|即[係是]|就[係是]|开?括[號号弧]|開括[號弧]|brackets?|dash)"
)
_BETWEEN: Final = re.compile(rf"{_FILLER}*", re.IGNORECASE)
_PAUSE: Final = re.compile(r"[，,。\n]|\.\s")
_PART_OF_A_SUM: Final = re.compile(r"[十百千万亿]")


@dataclass(frozen=True)
class Digits:
    """Digits said in one breath: `digits`, as characters `start` up to `end` of the text."""

    digits: str
    start: int
    end: int


@dataclass(frozen=True)
class Run:
    """Digits said one after another, with breath and hesitation in between. `pauses`: how many
    breaths come before each comma or end of a sentence that is heard within."""

    breaths: tuple[Digits, ...]
    pauses: tuple[int, ...]

    @property
    def whole(self) -> Digits:
        return together(self.breaths)

    @property
    def groups(self) -> tuple[Digits, ...]:
        """The run as its speaker parted it: 302, 2345 is two groups."""
        edges = [0, *self.pauses, len(self.breaths)]
        return tuple(together(self.breaths[a:b]) for a, b in pairwise(edges))


def together(breaths: tuple[Digits, ...]) -> Digits:
    """Neighbouring breaths as one."""
    digits = "".join(breath.digits for breath in breaths)
    return Digits(digits, breaths[0].start, breaths[-1].end)


def one_way(text: str) -> str:
    """`text` with digits, letters and brackets written in one way, character for character."""
    return text.translate(_ONE_WAY).translate(_FULL_WIDTH)


def runs(text: str) -> Iterator[Run]:
    """The numbers that are told digit by digit in `text`, written `one_way`."""
    breaths: list[Digits] = []
    pauses: list[int] = []
    for breath in _breaths(text):
        gap = text[breaths[-1].end : breath.start] if breaths else ""
        if breaths and not _BETWEEN.fullmatch(gap):
            yield Run(tuple(breaths), tuple(pauses))
            breaths, pauses = [], []
        elif _PAUSE.search(gap):
            pauses.append(len(breaths))
        breaths.append(breath)
    if breaths:
        yield Run(tuple(breaths), tuple(pauses))


def _breaths(text: str) -> Iterator[Digits]:
    """Digits with nothing between them but the blank between two English words."""
    last: Digits | None = None
    for digits, written in _atoms(text):
        if last and _in_one_breath(text[last.end : digits.start], written):
            last = together((last, digits))
            continue
        if last:
            yield last
        last = digits
    if last:
        yield last


def _in_one_breath(gap: str, written: bool) -> bool:
    return gap == "" or (gap in (" ", "-") and not written)


def _atoms(text: str) -> Iterator[tuple[Digits, bool]]:
    """Each piece of a number, and whether it is written in figures."""
    end = -9
    for found in _ATOM.finditer(text):
        if found["amount"] or _is_part_of_a_sum(text, found):
            continue
        if found[0].lower() in ("o", "oh") and not 0 <= found.start() - end <= 1:
            continue  # a sigh, or a letter; only next to another digit it is a nought
        end = found.end()
        yield Digits(_digits(found), found.start(), end), bool(found["ascii"])


def _is_part_of_a_sum(text: str, found: re.Match[str]) -> bool:
    """Is it the 八 of 八百, or the 5 of 12.5?"""
    before, after = text[max(0, found.start() - 2) : found.start()], text[found.end() :][:2]
    if found["ascii"]:
        return bool(re.search(r"\d\.$", before) or re.match(r"\.\d", after))
    if found["han"] or found["pair"]:
        return bool(_PART_OF_A_SUM.match(after) or _PART_OF_A_SUM.search(before[-1:]))
    return bool(re.match(r" (hundred|thousand)\b", text[found.end() :], re.IGNORECASE))


def _digits(found: re.Match[str]) -> str:
    if found["ascii"]:
        return found["ascii"]
    if found["han"]:
        return (_CHINESE | _RADIO)[found["han"]]
    if found["pair"]:
        return _digit(found["of"]) * (3 if found["triple"] else 2)
    if found["times"]:
        return _digit(found["timed"]) * (2 if found["times"].lower() == "double" else 3)
    if found["decade"]:
        rest = _SMALL.index(found["rest"].lower()) if found["rest"] else 0
        return str(_DECADES[found["decade"].lower()] + rest)
    if found["teen"]:
        return str(_SMALL.index(found["teen"].lower()))
    return _UNITS_EN[found["unit"].lower()]


def _digit(said: str) -> str:
    return _CHINESE.get(said) or _UNITS_EN.get(said.lower()) or said


CHINESE_NUMBER: Final = r"(?:\d+|[零一二三四五六七八九十百千万亿幺两廿卅卌]+)"


def number(said: str) -> str | None:
    """A Chinese number, written `one_way`, in figures: 八十八 -> 88, 三零二 -> 302, 廿三 -> 23.

    None when it is none: 三五百 (some hundreds), 十五六 (fifteen or so).
    """
    if said.isdigit() and said.isascii():
        return said
    for short, long in _TENS.items():
        said = said.replace(short, long)
    if all(char in _CHINESE for char in said):
        return "".join(_CHINESE[char] for char in said)
    value = _large(said)
    return None if value is None else str(value)


def _large(said: str) -> int | None:
    """With 万 and 亿: what stands before them is itself a number below ten thousand (or 万亿)."""
    for unit, size in (("亿", 10**8), ("万", 10**4)):
        if unit not in said:
            continue
        above, _, below = said.rpartition(unit)
        left, right = _large(above), _below(below, size)
        return None if left is None or right is None else left * size + right
    return _thousands(said)


def _below(said: str, size: int) -> int | None:
    """What follows 万: nothing, 零 and a smaller number, or 五 for 五千."""
    if len(said) == 1 and said in _CHINESE:
        return int(_CHINESE[said]) * size // 10
    return _large(said.removeprefix("零")) if said else 0


_THOUSANDS: Final = re.compile(
    "(?:(?P<k>[一二三四五六七八九两])千)?(?:(?P<no_c>零)?(?:(?P<c>[一二三四五六七八九两])百))?"
    "(?:零?(?P<d>[一二三四五六七八九])?(?P<ten>十))?(?P<zero>零)?(?P<u>[零一二三四五六七八九两])?"
)


def _thousands(said: str) -> int | None:
    found = _THOUSANDS.fullmatch(said)
    if not found or not said:
        return None
    part = {key: int(_CHINESE[char]) for key in "kcdu" if (char := found[key])}
    tens = part.get("d", 1) if found["ten"] else 0
    value = 1000 * part.get("k", 0) + 100 * part.get("c", 0) + 10 * tens
    return value + part.get("u", 0) * _last_place(found)


def _last_place(found: re.Match[str]) -> int:
    """A digit that follows 百 or 千 at once stands for the next place: 一千三 is 1300."""
    if found["zero"] or found["ten"]:
        return 1
    return 10 if found["c"] else 100 if found["k"] else 1


ENGLISH_NUMBER: Final = (
    rf"(?:\d+(?:st|nd|rd|th)?|(?:(?:{'|'.join(_SMALL[1:10])}|a)[ -]hundred(?:[ -]and)?[ -]?)?"
    rf"(?:(?:{_DECADE_EN})(?:[ -](?:{'|'.join((*_SMALL[1:10], *_ORDINALS))}))?"
    rf"|{'|'.join(sorted((*_SMALL, *_ORDINALS), key=len, reverse=True))})(?![a-z]))"
)
_WORDS: Final[Mapping[str, int]] = {name: n for n, name in enumerate(_SMALL)} | _DECADES | _ORDINALS


def english_number(said: str) -> str | None:
    """An English number in figures: eighty eight -> 88, twenty-third -> 23, 5th -> 5; else None."""
    if figures := re.match(r"\d+", said):
        return figures[0]
    value = 0
    for word in re.findall(r"[a-z]+", said.lower()):
        if word == "hundred":
            value = 100 * max(value, 1)
        elif word in _WORDS:
            value += _WORDS[word]
        elif word not in ("a", "and"):
            return None
    return str(value) if value else None
