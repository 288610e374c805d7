"""House, block, floor and room, beside a place that was named: 宏福苑三座十二樓, 3号楼2单元501, 12/F Block 3.

Only what stands right beside the place counts: behind it, and in English also before it, with nothing but a
comma or a little word between. What is said stays; here it is in figures.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from cases import numerals
from cases.numerals import CHINESE_NUMBER, ENGLISH_NUMBER

PARTS: Final = ("house", "phase", "block", "unit", "floor", "room")
_CHINESE: Final = re.compile(
    rf"(?P<nth>第)?(?:(?P<number>{CHINESE_NUMBER})(?P<letter>[A-Za-z])?|(?P<alone>[A-Za-z]))"
    r"(?:(?P<block>座|[棟栋幢]|[號号](?:[樓楼]))|(?P<phase>期)|(?P<unit>[單单]元)"
    r"|(?P<room>[號号]?(?:室|房(?!屋))|[戶户])|(?P<floor>字[樓楼]|[樓楼](?![梯上下盤盘價价宇])|[層层])"
    r"|(?P<house>[號号](?![碼码])))"
)
_ENGLISH: Final = re.compile(
    rf"\b(?P<what>block|tower|phase|house|flat|room|unit|shop|floor|no\.|number)\s+"
    rf"(?:(?P<number>{ENGLISH_NUMBER}(?: ?[A-H])?(?![A-Za-z0-9]))|(?P<letter>[A-H])\b)"
    rf"|(?<![A-Za-z0-9])(?P<storey>\d+|G|B\d?) ?/ ?F\b"
    rf"|\b(?:(?P<nth>{ENGLISH_NUMBER})|(?P<ground>ground)) floor\b",
    re.IGNORECASE,
)
_KIND: Final = {"block": "block", "tower": "block", "phase": "phase", "house": "house"} | {
    **dict.fromkeys(("flat", "room", "unit", "shop"), "room"),
    **dict.fromkeys(("no.", "number"), "house"),
    "floor": "floor",
}
_BARE_ROOM: Final = re.compile(
    r"[ ]?(?P<digits>\d{3,4}|[零一二三四五六七八九幺两]{3,4})(?!\d|[年月日元块])"
)
_BETWEEN: Final = re.compile(
    r"(?:[\s,，、.的嘅之]|係|喺|\b(?:of|at|in|on|the)\b){0,6}", re.IGNORECASE
)
_FARTHEST: Final = 8
# 一座樓 is a building, and no block 1.
_A_BUILDING: Final = re.compile(r"一[座棟栋幢](?:[樓楼]|大[廈厦]|屋|建)")


@dataclass(frozen=True)
class Address:
    """What stands beside a place. `parts`: of `PARTS` those that were said, in figures; `text`: them with
    their units, as they were said one after the other; `start`, `end`: characters of what was said."""

    text: str
    parts: Mapping[str, str] = field(default_factory=dict)
    start: int = 0
    end: int = 0


@dataclass(frozen=True)
class _Part:
    kind: str
    value: str
    written: str
    start: int
    end: int
    latin: bool


_SPOKEN: Final[Mapping[str, Mapping[str, str]]] = {
    "yue": {
        **{"house": "{}號", "phase": "{}期", "block": "{}座"},
        **{"unit": "{}單元", "floor": "{}樓", "room": "{}室"},
    },
    "cmn": {
        **{"house": "{}号", "phase": "{}期", "block": "{}座"},
        **{"unit": "{}单元", "floor": "{}层", "room": "{}室"},
    },
    "en": {
        **{"house": ", number {}", "phase": ", phase {}", "block": ", block {}"},
        **{"unit": ", unit {}", "floor": ", floor {}", "room": ", room {}"},
    },
}
_GROUND: Final = {"yue": "地下", "cmn": "首层", "en": ", ground floor"}
_DIGITS: Final = str.maketrans("0123456789", "零一二三四五六七八九")


def spoken(parts: Mapping[str, str], text: str) -> dict[str, str]:
    """The parts of an address as they are read out behind their place, in each language.

    text: what was said, by which a 3號樓 is told from a 3座.
    """
    return {
        language: "".join(
            _out_loud(language, kind, parts[kind], text) for kind in PARTS if kind in parts
        )
        for language in _SPOKEN
    }


def _out_loud(language: str, kind: str, value: str, text: str) -> str:
    if kind == "floor" and value == "G":
        return _GROUND[language]
    # 501室 is read figure by figure; a voice would make five hundred of it.
    if kind == "room" and len(value) > 2 and language != "en":
        value = value.translate(_DIGITS)
    form = _SPOKEN[language][kind]
    if kind == "block" and language == "cmn" and re.search(r"[號号][樓楼]", text):
        form = "{}号楼"
    return form.format(value)


def beside(text: str, start: int, end: int) -> Address | None:
    """What stands beside the place at characters `start` up to `end`; None if nothing does."""
    plain = numerals.one_way(text)
    found = sorted([*_chinese(plain, text), *_english(plain)], key=lambda one: one.start)
    behind = list(_behind(plain, [one for one in found if one.start >= end], end))
    before = list(_before(plain, [one for one in found if one.latin and one.end <= start], start))
    chain = [*before, *behind]
    kept: dict[str, _Part] = {}
    for one in chain:
        kept.setdefault(one.kind, one)
    if not kept:
        return None
    used = [one for one in chain if kept[one.kind] is one]
    return Address(
        text=_written(used),
        parts={kind: kept[kind].value for kind in PARTS if kind in kept},
        start=min(one.start for one in used),
        end=max(one.end for one in used),
    )


def _behind(plain: str, found: Sequence[_Part], at: int) -> Iterator[_Part]:
    last: _Part | None = None
    for one in found:
        if one.start < at:
            continue
        if not _is_close(plain[at : one.start]):
            break
        yield one
        last, at = one, one.end
    bare = _BARE_ROOM.match(plain, at)
    if last and last.kind in ("block", "unit", "floor") and bare:
        digits = numerals.number(bare["digits"]) or bare["digits"]
        yield _Part("room", digits, digits, bare.start("digits"), bare.end(), last.latin)


def _before(plain: str, found: Sequence[_Part], at: int) -> list[_Part]:
    chain: list[_Part] = []
    for one in reversed(found):
        if not _is_close(plain[one.end : at]):
            break
        chain.insert(0, one)
        at = one.start
    house = re.search(r"(?<![\w/.])(\d{1,4}[A-Ha-h]?),? $", plain[:at]) if not chain else None
    if house:
        chain = [_Part("house", house[1], house[1], house.start(1), house.end(1), True)]
    return chain


def _is_close(gap: str) -> bool:
    return len(gap) <= _FARTHEST and _BETWEEN.fullmatch(gap) is not None


def _chinese(plain: str, text: str) -> Iterator[_Part]:
    for found in _CHINESE.finditer(plain):
        if _A_BUILDING.match(plain, found.start()) and not found["nth"]:
            continue
        kind = next(kind for kind in PARTS if found.groupdict().get(kind))
        figures = numerals.number(found["number"]) if found["number"] else ""
        if figures is None:
            continue
        value = figures + (found["letter"] or found["alone"] or "").upper()
        unit = text[found.start(kind) : found.end(kind)]
        yield _Part(kind, value, value + unit, found.start(), found.end(), latin=False)


def _english(plain: str) -> Iterator[_Part]:
    for found in _ENGLISH.finditer(plain):
        kind = _KIND[found["what"].lower()] if found["what"] else "floor"
        if value := _english_value(found):
            said = found[0].split()[0].capitalize() if found["what"] else ""
            written = f"{said} {value}" if said and kind != "floor" else f"{value}/F"
            yield _Part(kind, value, written, found.start(), found.end(), latin=True)


def _english_value(found: re.Match[str]) -> str | None:
    if found["ground"]:
        return "G"
    if found["storey"] or found["letter"]:
        return (found["storey"] or found["letter"]).upper()
    said = found["number"] or found["nth"]
    letter = ""
    if ends := re.search(r"(?<![a-z]) ?([A-H])$", said, re.IGNORECASE):
        said, letter = said[: ends.start()], ends[1].upper()
    figures = numerals.english_number(said)
    return figures + letter if figures else None


def _written(parts: Sequence[_Part]) -> str:
    """One after the other: Chinese ones without anything between them, English ones with commas."""
    told = parts[0].written
    for before, one in pairwise(parts):
        told += (", " if one.latin or before.latin else "") + one.written
    return told
