"""What a case needs, found in what was said: places, times, numbers of houses and telephones, names.

A slot never replaces the text. It is kept beside it, as it was said and in its usual form, with its
own confidence. Chinese numerals are only read where they are certainly numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

import yaml

from cases import numerals
from cases.numerals import CHINESE_NUMBER, ENGLISH_NUMBER, Digits
from cases.personal import personal
from cases.places import Named, Places, comparable
from cases.spoken import Spoken, by_speaker
from cases.transcripts import PHANTOM, Segment, Slot, SlotKind

SURNAMES: Final = Path(__file__).with_name("surnames.yaml")

# Below this a slot is marked, so that a person hears it again. A wrong telephone number costs more than
# a wrong name: nobody can be called back.
DOUBTFUL: Final = 0.6
DOUBTFUL_NUMBER: Final = 0.8
LEAST_TELEPHONE: Final = 7
# So many digits in a row are a number, whatever stands around them.
LEAST_DIGITS: Final = 4
_YEAR: Final = re.compile(r"19[5-9]\d|20[0-4]\d")


@dataclass(frozen=True)
class Part:
    """A slot in the making: characters `start` up to `end` of what one speaker said."""

    kind: SlotKind
    start: int
    end: int
    value: str


def slots(segments: Sequence[Segment], places: Places) -> tuple[Slot, ...]:
    """The places, times, numbers and names in what was said, in order of time; no two overlap.

    A place with the number of a house behind it is one slot: 彌敦道八十八號 is 彌敦道88號. Identity
    numbers are nobody's need and no slots; invented lines have none.
    """
    real = [segment for segment in segments if PHANTOM not in segment.flags]
    found = [
        _slot(spoken, part)
        for spoken in by_speaker(real)
        for part in _apart(_parts(spoken.text, places))
    ]
    return tuple(sorted(found, key=lambda slot: slot.start))


def is_telephone(slot: Mapping[str, Any]) -> bool:
    """Whether a kept slot is a number somebody can be called back at."""
    value = str(slot["value"])
    return slot["kind"] == "number" and value.isdigit() and len(value) >= LEAST_TELEPHONE


def is_doubtful(slot: Mapping[str, Any]) -> bool:
    """Whether a kept slot should be heard again before anybody relies on it."""
    return float(slot["confidence"]) < (DOUBTFUL_NUMBER if is_telephone(slot) else DOUBTFUL)


def _parts(text: str, places: Places) -> Iterator[Part]:
    """All that is found, what is surest first."""
    plain = numerals.one_way(text)
    houses = list(_numbers_with_unit(plain, text))
    yield from _places(plain, text, places, houses)
    yield from houses
    yield from _times(plain, text)
    yield from _rows_of_digits(plain)
    yield from _names(text)


def _apart(parts: Iterator[Part]) -> list[Part]:
    """Of parts that overlap the first stays."""
    kept: list[Part] = []
    for part in parts:
        if all(part.end <= other.start or part.start >= other.end for other in kept):
            kept.append(part)
    return kept


def _slot(spoken: Spoken, part: Part) -> Slot:
    words = spoken.said(part.start, part.end)
    return Slot(
        kind=part.kind,
        text=spoken.text[part.start : part.end].replace("\n", " "),
        value=part.value,
        start=min(word.start for word in words),
        end=max(word.end for word in words),
        confidence=spoken.confidence(part.start, part.end),
    )


# --- numbers ---

_UNIT: Final = (
    r"(?:[號号][樓楼院]?(?![碼码](?!頭|头)|[風风]球|波|人)|字[樓楼]|[樓楼](?![上下梯道宇市價价盤盘])|[層层]|室|座|[棟栋幢]"
    r"|[單单]元|巷|弄|路(?![人口上])|期(?![間间望]))"
)
# 一座 is also 'a', and 一路 'all the way': these want a 第, or another such number beside them.
_OFTEN_WORDS: Final = re.compile(r"(?:一|两|幾)(?:座|路|巷|弄|[棟栋幢]|[層层]|期|室)")
_CHINESE_ADDRESS: Final = re.compile(
    rf"(?<!月)(?<!月份)(?<![\d零一二三四五六七八九十廿卅百千])(?P<nth>第)?(?P<number>{CHINESE_NUMBER}[A-Za-z]?)(?P<unit>{_UNIT})"
    r"|(?<![A-Za-z])(?P<letter>[A-Za-z])(?P<room>室|座)"
)
_ENGLISH_ADDRESS: Final = re.compile(
    r"\b(?P<what>flat|room|unit|block|tower|house|phase|number|no\.|floor|shop) "
    rf"(?:(?P<figures>{ENGLISH_NUMBER}(?: ?[A-H])?(?![A-Za-z0-9]))|(?P<letter>[A-H])\b)"
    rf"|\b(?P<nth>{ENGLISH_NUMBER}) floor\b",
    re.IGNORECASE,
)


def _numbers_with_unit(plain: str, text: str) -> Iterator[Part]:
    for found in _CHINESE_ADDRESS.finditer(plain):
        value = _chinese_address(found, text)
        if value and not _is_only_a_word(plain, found):
            yield Part("number", found.start(), found.end(), value)
    for found in _ENGLISH_ADDRESS.finditer(plain):
        yield Part("number", found.start(), found.end(), _english_address(found))


def _chinese_address(found: re.Match[str], text: str) -> str | None:
    """88號, with the unit as it was said."""
    if found["letter"]:
        return found["letter"].upper() + text[found.start("room") : found.end("room")]
    said = found["number"]
    letter = said[-1].upper() if said[-1].isascii() and said[-1].isalpha() else ""
    figures = numerals.number(said[: len(said) - len(letter)])
    unit = text[found.start("unit") : found.end("unit")]
    return f"{'第' if found['nth'] else ''}{figures}{letter}{unit}" if figures else None


def _is_only_a_word(plain: str, found: re.Match[str]) -> bool:
    """Is it 'a block' rather than block 1?"""
    if not _OFTEN_WORDS.fullmatch(found[0]):
        return False
    before, after = plain[max(0, found.start() - 1) : found.start()], plain[found.end() :]
    return not (re.search(r"[號号樓楼座期棟栋]", before) or _CHINESE_ADDRESS.match(after))


def _english_address(found: re.Match[str]) -> str:
    """flat 12B, floor 5: what it is, then figures."""
    if found["nth"]:
        return f"floor {numerals.english_number(found['nth'])}"
    what = found["what"].lower().replace("no.", "number")
    if found["letter"]:
        return f"{what} {found['letter'].upper()}"
    said, letter = found["figures"], ""
    if ends := re.search(r"(?<![a-z]) ?([A-H])$", said, re.IGNORECASE):
        said, letter = said[: ends.start()], ends[1].upper()
    return f"{what} {numerals.english_number(said)}{letter}"


def _rows_of_digits(plain: str) -> Iterator[Part]:
    """Telephone numbers whole; of other rows each group of at least four digits."""
    found = list(personal(plain))
    for one in found:
        if one.kind == "phone":
            yield Part("number", one.start, one.end, one.digits)
    hidden = [(one.start, one.end) for one in found]
    for run in numerals.runs(plain):
        groups = run.groups if any(_is_long(group) for group in run.groups) else (run.whole,)
        for group in groups:
            if _is_long(group) and not _is_word(plain, group) and not _within(group, hidden):
                yield Part("number", group.start, group.end, group.digits)


def _is_long(group: Digits) -> bool:
    return len(group.digits) >= LEAST_DIGITS


def _is_word(plain: str, group: Digits) -> bool:
    """A year (二零一九), or 七七八八 and 三三兩兩, which are words for 'nearly' and 'few'?"""
    said = plain[group.start : group.end]
    is_year = _YEAR.fullmatch(group.digits) or plain.startswith("年", group.end)
    return bool(is_year or re.fullmatch(r"([^\W\d])\1([^\W\d])\2", said))


def _within(group: Digits, hidden: Sequence[tuple[int, int]]) -> bool:
    return any(start < group.end and group.start < end for start, end in hidden)


# --- times ---

_DAY: Final = (
    "今[日天朝早晚晨]|[琴尋寻昨][日天晚]|前[日天晚]|[聽听明][日天晚]|[後后][日天]"
    "|[上下呢這这今]?[個个]?(?:星期|禮拜|礼拜|[週周])[一二三四五六日天末]"
    rf"|{CHINESE_NUMBER}月{CHINESE_NUMBER}[日號号]"
)
_PART_OF_DAY: Final = (
    "朝早|早上|上[晝昼午]|中午|晏[晝昼]|下[晝昼午]|傍晚|夜晚|晚上|[夜晚][間间]|半夜|凌晨|深夜"
)
_CLOCK: Final = rf"{CHINESE_NUMBER}[點点](?P<{{}}>[鐘钟半]|{CHINESE_NUMBER}分?)?"
# 一點 is also 'a little': the clock is meant behind a day or a part of one, or with 鐘, 半 or 分.
_CHINESE_TIME: Final = re.compile(
    rf"(?:(?:{_DAY})[嘅的]?(?:{_PART_OF_DAY})?|(?:{_PART_OF_DAY})(?={CHINESE_NUMBER}[點点]))"
    rf"(?:{_CLOCK.format('after')})?"
    rf"|{CHINESE_NUMBER}[點点](?:[鐘钟半]|{CHINESE_NUMBER}分)"
)
_FIGURES: Final = re.compile(rf"{CHINESE_NUMBER}(?=[點点月日號号分])")
_PART_EN: Final = "morning|afternoon|evening|night"
_DAY_EN: Final = (
    rf"(?:yesterday|today|tomorrow|last|this)(?: (?:{_PART_EN}))\b|yesterday|today|tonight|tomorrow"
    r"|(?:(?:last|this|next|on|since) )?(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
)
_CLOCK_EN: Final = (
    rf"(?:at )?(?:\d{{1,2}}(?::\d\d)?|{ENGLISH_NUMBER}) ?(?:[ap]\.?m\b\.?|o'?clock\b)"
)
_ENGLISH_TIME: Final = re.compile(
    rf"\b(?:(?:{_DAY_EN})(?:,? {_CLOCK_EN})?|{_CLOCK_EN}(?: (?:{_DAY_EN}))?)", re.IGNORECASE
)


def _times(plain: str, text: str) -> Iterator[Part]:
    """When it happened, as far as a day or an hour is named: 琴晚十點半, last night, 5 pm."""
    for found in _CHINESE_TIME.finditer(plain):
        said = text[found.start() : found.end()]
        yield Part("time", found.start(), found.end(), _in_figures(plain, found, said))
    for found in _ENGLISH_TIME.finditer(text):
        yield Part("time", found.start(), found.end(), found[0])


def _in_figures(plain: str, found: re.Match[str], said: str) -> str:
    """What was said, with its hours and dates in figures: 琴晚10點半."""
    for number in reversed(list(_FIGURES.finditer(plain[found.start() : found.end()]))):
        if figures := numerals.number(number[0]):
            said = said[: number.start()] + figures + said[number.end() :]
    return said


# --- places ---

# Streets and estates that the gazetteer does not know, behind a place that it knows.
_PLAIN_WORDS: Final = (
    "嘅喺啲咗左有條条呢嗰個个的在了这這那去到住係是同跟好又先隔籬旁边邊门門口附近我哋们們你您"
)
_STREET: Final = (
    "(?:[道路街](?![邊边](?![間间])|[面口市頭头上坊])(?:[東东南西北中](?![邊边面方]))?"
    "|公路|徑|径|里(?![面邊边])|(?<!街)坊|巷)"
)
_ESTATE: Final = "(?:[圍围](?!住)|坪|胡同|邨|苑|村|花[園园]|大[廈厦]|小[區区]|中心|[廣广]場)"
_UNLISTED: Final = re.compile(rf"[^\W\da-zA-Z_{_PLAIN_WORDS}]{{0,6}}?(?:{_STREET}|{_ESTATE})")
_ALONE: Final = re.compile(
    rf"(?:^|[\s，。,.{_PLAIN_WORDS}])"
    rf"(?P<name>[^\W\da-zA-Z_{_PLAIN_WORDS}]{{2,8}}?(?:{_STREET}|{_ESTATE}))$"
)
_ENDS_IN_STREET: Final = re.compile(rf"{_STREET}(?<!街道)$")
_UNLISTED_ENGLISH: Final = re.compile(
    r"\b(?:[A-Z][a-z']+ ){1,3}(?:Road|Street|Avenue|Lane|Path|Drive|Terrace|Estate|Court|Garden"
    r"|Gardens|Building|Mansion|Highway)\b(?: (?:North|South|East|West|Central)\b)?"
)
_HOUSE_BEFORE: Final = re.compile(
    rf"\b(?:number |no\. )?(?P<number>{ENGLISH_NUMBER}[A-Ha-h]?),? $", re.IGNORECASE
)
_HOUSE: Final = re.compile(r"[^樓楼层層室座]*[號号][院樓楼]?$")


def _places(plain: str, text: str, places: Places, houses: Sequence[Part]) -> Iterator[Part]:
    listed = [_named(named) for named in places.within(text)]
    unlisted = [Part("place", m.start(), m.end(), m[0]) for m in _UNLISTED_ENGLISH.finditer(text)]
    unlisted += _with_number(plain, text, houses)
    for place in _joined(_apart(iter([*listed, *unlisted])), plain, text):
        yield _with_house(place, plain, houses)


def _with_number(plain: str, text: str, houses: Sequence[Part]) -> Iterator[Part]:
    """Streets and estates that nobody listed, told by the number of a house behind them."""
    for house in houses:
        street = _ALONE.search(plain[: house.start]) if _HOUSE.fullmatch(house.value) else None
        if street:
            start, end = street.span("name")
            yield Part("place", start, end, text[start:end])


def _named(named: Named) -> Part:
    return Part("place", named.start, named.end, named.place.name(named.language))


def _joined(listed: list[Part], plain: str, text: str) -> Iterator[Part]:
    """Places that stand together (旺角彌敦道) as one, with a street behind them nobody listed."""
    waiting: Part | None = None
    for part in sorted(listed, key=lambda part: part.start):
        if waiting and waiting.end >= part.start:
            waiting = Part("place", waiting.start, part.end, waiting.value + part.value)
            continue
        if waiting:
            yield _longer(waiting, plain, text, part.start)
        waiting = part
    if waiting:
        yield _longer(waiting, plain, text, len(text))


def _longer(place: Part, plain: str, text: str, before: int) -> Part:
    """With the estate or street behind it that nobody listed, up to the next place that is."""
    more = _UNLISTED.match(plain, place.end, before)
    if not more or _ENDS_IN_STREET.search(plain[: place.end]):
        return place
    value = place.value + text[place.end : more.end()]
    return _longer(Part("place", place.start, more.end(), value), plain, text, before)


def _with_house(place: Part, plain: str, houses: Sequence[Part]) -> Part:
    for house in houses:
        if house.start == place.end and _HOUSE.fullmatch(house.value):
            return Part("place", place.start, house.end, place.value + house.value)
    before = _HOUSE_BEFORE.search(plain[: place.start]) if plain[place.start].isascii() else None
    if before and (figures := numerals.english_number(before["number"])):
        return Part("place", before.start(), place.end, f"{figures} {place.value}")
    return place


# --- names ---

_TITLE: Final = "(?:先生|生|小姐|女士|太太|太|師傅|师傅|伯|婆婆|姑娘)"
_GIVEN: Final = r"[^\W\da-zA-Z_想要住係是打嚟来來的嘅在喺我你佢他她們们問问投報报有]{1,2}"
_ENDS: Final = r"(?=$|[\s，。,.！？!?、]|[想要住係是打嚟来來我嘅的喺在投報报]|" + _TITLE + ")"
_NOT_NAMES: Final = frozenset(
    (
        "and",
        "i",
        "im",
        "am",
        "from",
        "calling",
        "living",
        "the",
        "a",
        "is",
        "my",
        "we",
        "not",
        "here",
    )
)
_ENGLISH_NAME: Final = re.compile(
    r"\b(?:my (?:full )?name is|my name's|(?:sur|last )name is|this is|i am|i'm|call me)"
    r" (?P<title>(?:mr|mrs|ms|miss|dr)\.? )?(?P<name>[A-Za-z][A-Za-z'-]*(?: [A-Za-z][A-Za-z'-]*){0,3})",
    re.IGNORECASE,
)


def _names(text: str) -> Iterator[Part]:
    plain = comparable(text)
    for pattern in _chinese_names():
        for found in pattern.finditer(plain):
            start, end = found.span("name")
            yield Part("name", start, end, text[start:end])
    for found in _ENGLISH_NAME.finditer(text):
        if part := _english_name(found):
            yield part


@cache
def _chinese_names() -> tuple[re.Pattern[str], ...]:
    """How a name is given: 我姓陳, 免貴姓陳; 我叫陳大文; 我係陳太."""
    listed = yaml.safe_load(SURNAMES.read_text(encoding="utf-8"))
    everyday = set(comparable(listed["everyday"]).split())
    surnames = comparable(listed["chinese"]).split()
    every = "|".join(sorted(set(surnames), key=len, reverse=True))
    plain = "|".join(sorted(set(surnames) - everyday, key=len, reverse=True))
    return tuple(
        re.compile(pattern)
        for pattern in (
            rf"(?:我|本人|小|免贵|敝|我是|我系)姓(?P<name>(?:{every}){_TITLE}?)",
            rf"(?:我|本人)(?:个)?(?:名|的?名字)?(?:就)?(?:叫|叫做|系|是)(?P<name>(?:{every}){_TITLE})",
            rf"(?:我|本人)(?:个|的)?(?:名|名字)?叫(?:做)?(?P<name>(?:{plain}){_GIVEN}){_ENDS}",
            rf"(?:我|本人)(?:个|的)?(?:名|名字)(?:叫|系|是)(?:做)?(?P<name>(?:{every}){_GIVEN}){_ENDS}",
        )
    )


@cache
def _romanised() -> frozenset[str]:
    listed = yaml.safe_load(SURNAMES.read_text(encoding="utf-8"))
    return frozenset(listed["romanised"].lower().split())


def _english_name(found: re.Match[str]) -> Part | None:
    """Mary Chan. After 'my name is' any name; after 'I am' one with a title or a known surname."""
    words = list(takewhile(lambda word: word.lower() not in _NOT_NAMES, found["name"].split(" ")))
    if words and words[0][0].isupper():
        words = list(takewhile(lambda word: word[0].isupper(), words))
    known = found["title"] or any(word.lower() in _romanised() for word in words)
    if not words or not (known or "name" in found[0].lower()):
        return None
    start = found.start("title" if found["title"] else "name")
    end = found.start("name") + len(" ".join(words))
    return Part("name", start, end, found.string[start:end].title())
