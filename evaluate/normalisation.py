"""Two ways of writing the same words -> one. Every rule is told in docs/evaluation.md.

Figures of different systems compare only under the same rules: the version goes on record with
every figure, and changes with every rule.
"""

import re
import unicodedata
from math import prod
from typing import Final

from cases.script import fold

NORMALISATION: Final = "1"

CJK: Final = "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
UNIT: Final = re.compile(rf"[{CJK}]|\d|[^\s\d{CJK}]+")
STRICT_UNIT: Final = re.compile(rf"[{CJK}]|[^\s{CJK}]+")
BETWEEN_CJK: Final = re.compile(rf"(?<=[{CJK}])\s+(?=[{CJK}])")

# Two spellings of one Cantonese word, after folding to Simplified: the first becomes the second.
VARIANTS: Final = tuple(
    (re.compile(spelling), usual)
    for spelling, usual in (
        ("\U00020bb6|o个", "嗰"),
        ("噉", "咁"),
        ("o既|既(?![然有往定成得要])", "嘅"),
        ("(?<=[呢嗰有快早好大细多少平贵])d(?![a-z室座栋出单])|o的", "啲"),
        ("o左", "咗"),
        ("o系", "喺"),
        ("o野|(?<=[乜咩啲件样])野", "嘢"),
        ("o黎|(?<=[过返出入上落起])黎", "嚟"),
        ("(?<=[我你佢])地(?![址方区点盘铁])", "哋"),
        ("(?<=[呢嗰边])道", "度"),
        ("俾", "畀"),
        ("[嗮哂]", "晒"),
        ("喇", "啦"),
        ("[呀吖]", "啊"),
        ("依家", "而家"),
        ("[琴㖊噚](?=[日晚])", "寻"),
        ("岩岩|啱岩", "啱啱"),
        ("妳", "你"),
        ("(?<![名显原专巨土编卓论])著(?![名作者述称])", "着"),
    )
)
FILLERS: Final = re.compile("[呃嗯啊]")
ENGLISH_FILLERS: Final = frozenset({"uh", "uhm", "um", "umm", "er", "erm", "hm", "hmm", "mm", "ah"})

DIGITS: Final = {char: str(value) for value, char in enumerate("零一二三四五六七八九")} | {
    "〇": "0",
    "幺": "1",
    "两": "2",
}
UNITS: Final = {"十": 10, "百": 100, "千": 1000, "万": 10_000, "亿": 100_000_000}
NEXT: Final = {"百": "十", "千": "百", "万": "千"}
SHORTENED: Final = re.compile("([百千万])[一二三四五六七八九]$")  # 三百五 is 三百五十
BELOW_TEN_THOUSAND: Final = re.compile(
    "(?:([一二两三四五六七八九])千)?零?(?:([一二两三四五六七八九])百)?零?"
    "(?:([一二三四五六七八九]?)十)?零?([一二三四五六七八九])?"
)
CHINESE_RUN: Final = re.compile("[零〇一幺二两三四五六七八九十百千万亿]{2,}")
FIGURES_AND_UNIT: Final = re.compile(r"(\d+)([百千万亿]+)")
COUNTED_TWO: Final = re.compile("(?<![0-9a-z])2(?=[个位次条张间架部只辆台样户名件])")
LONE_FIGURE: Final = re.compile(r"(?<![0-9a-z])([0-9]|10)(?![0-9a-z])")

ONES: Final = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
    *("eighteen", "nineteen"),
)
TENS: Final = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
NUMBERS: Final = dict(zip(ONES, range(20), strict=True)) | {
    word: 20 + 10 * index for index, word in enumerate(TENS)
}
IRREGULAR: Final = {
    **{"first": "one", "second": "two", "third": "three", "fifth": "five"},
    **{"eighth": "eight", "ninth": "nine", "twelfth": "twelve"},
}


def normal(text: str, language: str) -> str:
    """`text` under all the rules, for counting errors; `language`: that of the reference."""
    bare = _without_marks(fold(unicodedata.normalize("NFKC", text).casefold()), language != "en")
    if language == "en":
        return " ".join(_english(bare.replace(",", " ").split()))
    return " ".join(" ".join(map(_chinese, bare.split(","))).split())


def _chinese(phrase: str) -> str:
    """What stands between two marks, spaces only where Latin words need them."""
    kept = " ".join(word for word in phrase.split() if word not in ENGLISH_FILLERS)
    kept = BETWEEN_CJK.sub("", kept)
    for spelling, usual in VARIANTS:
        kept = spelling.sub(usual, kept)
    return _numerals(FILLERS.sub("", kept))


def plain(text: str) -> str:
    """`text` in one script and one case without marks, word for word what was said."""
    bare = fold(unicodedata.normalize("NFKC", text).casefold())
    return _without_marks(bare, bool(re.search(f"[{CJK}]", bare))).replace(",", " ")


def words(text: str) -> list[str]:
    """The units of a mixed error rate: a Chinese character, a figure, a word of letters each."""
    return UNIT.findall(text)


def strict_words(text: str) -> list[str]:
    """The same of a text as it is: marks count, and a word is what stands between two spaces."""
    return STRICT_UNIT.findall(unicodedata.normalize("NFC", text))


def characters(text: str) -> list[str]:
    """The units of a character error rate: every character that is not a space."""
    return [char for char in text if not char.isspace()]


def is_mixed(text: str) -> bool:
    """Does `text` hold Chinese characters and Latin words?"""
    return bool(re.search(f"[{CJK}]", text) and re.search("[A-Za-z]{2}", text))


def _without_marks(text: str, chinese: bool) -> str:
    """Letters and figures, with a comma where there was any mark and a space where there were any."""
    text = re.sub(r"([\d.]+)%", r"百分之\1" if chinese else r"\1 percent", text)
    text = re.sub(r"(?<=\d)[.](?=\d)", "点" if chinese else " point ", text)
    text = re.sub(r"(?<=\d)[,](?=\d{3})|(?<=\w)['’](?=\w)", "", text)
    return "".join(_kept(char) for char in text)


def _kept(char: str) -> str:
    kind = unicodedata.category(char)[0]
    return char if kind in "LMN" else " " if kind in "ZC" else ","


def _numerals(text: str) -> str:
    """Chinese: numbers of two figures or more in figures, a lone one in characters."""
    text = re.sub(r"(?<=\d) (?=\d)", "", text)
    text = FIGURES_AND_UNIT.sub(lambda found: _multiplied(found[1], found[2]), text)
    text = CHINESE_RUN.sub(lambda run: _figures(run[0]), text.replace("廿", "二十"))
    text = COUNTED_TWO.sub("两", text)
    return LONE_FIGURE.sub(lambda found: "零一二三四五六七八九十"[int(found[1])], text)


def _multiplied(figures: str, units: str) -> str:
    return str(int(figures) * prod(UNITS[unit] for unit in units))


def _figures(run: str) -> str:
    """A run of numerals in figures, if it is a number: 一百零五 or 六一二三, but not 三四十."""
    if not any(char in UNITS for char in run):
        return "".join(DIGITS[char] for char in run) if len(run) > 2 else run
    value = _value(SHORTENED.sub(lambda end: end[0] + NEXT[end[1]], run))
    return run if value is None else str(value)


def _value(run: str) -> int | None:
    """What a Chinese number is worth; None where it is none of the usual form."""
    for unit in "亿万":
        high, found, low = run.partition(unit)
        if found:
            many, few = _value(high), _value(low.lstrip("零")) if low else 0
            return None if many is None or few is None else many * UNITS[unit] + few
    parts = BELOW_TEN_THOUSAND.fullmatch(run) if run else None
    if parts is None:
        return None
    tens = parts[3] if parts[3] is None else parts[3] or "一"
    figures = (parts[1], parts[2], tens, parts[4])
    return int("".join(DIGITS[figure] if figure else "0" for figure in figures))


def _english(spoken: list[str]) -> list[str]:
    """English words, every figure of every number a word of its own: forty two and 42 are 4 2."""
    said = [part for word in spoken if word not in ENGLISH_FILLERS for part in _parts(word)]
    written: list[str] = []
    while said:
        if said[0] not in NUMBERS:
            written.append(said.pop(0))
            continue
        written += str(_english_number(said))
    return written


def _parts(word: str) -> list[str]:
    """A written number as its figures, an ordinal as a number and `th`; any other word as it is."""
    if found := re.fullmatch(r"(\d+)(st|nd|rd|th)?", word):
        return [*found[1], *(["th"] if found[2] else [])]
    stem = word[:-4] + "y" if word.endswith("ieth") else word.removesuffix("th")
    cardinal = IRREGULAR.get(word, stem if word.endswith("th") else "")
    return [cardinal, "th"] if cardinal in NUMBERS else [word]


def _english_number(said: list[str]) -> int:
    """Take the number at the beginning of `said` off it: one hundred and five, or just one."""
    value = NUMBERS[said.pop(0)]
    if said[:1] == ["hundred"] and 0 < value < 100:
        said.pop(0)
        if said[:1] == ["and"] and said[1:] and said[1] in NUMBERS:
            said.pop(0)
        rest = _english_number(said) if said and said[0] in NUMBERS else 0
        return value * 100 + rest
    if value >= 20 and value % 10 == 0 and said and 0 < NUMBERS.get(said[0], 0) < 10:
        return value + NUMBERS[said.pop(0)]
    return value
