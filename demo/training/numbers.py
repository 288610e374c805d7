"""Numbers as callers say them: house and floor numbers, telephone numbers, bus routes.

Every function returns words, never figures: what is written is what is heard, one written unit for
one spoken syllable (or English word), so that the recogniser never has to do sums.
"""

from __future__ import annotations

from random import Random

CHINESE_DIGITS = "零一二三四五六七八九"
ENGLISH_DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
ENGLISH_TEENS = [
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
ENGLISH_TENS = [
    "-",
    "ten",
    "twenty",
    "thirty",
    "forty",
    "fifty",
    "sixty",
    "seventy",
    "eighty",
    "ninety",
]
ENGLISH_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth",
    "nine": "ninth", "twelve": "twelfth",
}  # fmt: skip


def chinese(number: int) -> str:
    """A number from 0 to 999 in Chinese characters: 105 -> 一百零五, 12 -> 十二."""
    if number < 10:
        return CHINESE_DIGITS[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return ("" if tens == 1 else chinese(tens)) + "十" + (chinese(ones) if ones else "")
    hundreds, rest = divmod(number, 100)
    words = chinese(hundreds) + "百"
    if not rest:
        return words
    if rest < 10:
        return words + "零" + chinese(rest)
    return words + ("一" if rest < 20 else "") + chinese(rest)


def english(number: int) -> str:
    """A number from 0 to 999 in English words: 105 -> one hundred and five."""
    if number < 10:
        return ENGLISH_DIGITS[number]
    if number < 20:
        return ENGLISH_TEENS[number - 10]
    if number < 100:
        tens, ones = divmod(number, 10)
        return ENGLISH_TENS[tens] + (f" {ENGLISH_DIGITS[ones]}" if ones else "")
    hundreds, rest = divmod(number, 100)
    return f"{ENGLISH_DIGITS[hundreds]} hundred" + (f" and {english(rest)}" if rest else "")


def english_ordinal(number: int) -> str:
    """A floor as an ordinal: 12 -> twelfth, 23 -> twenty third, 30 -> thirtieth."""
    words = english(number).split()
    last = words[-1]
    if last in ENGLISH_ORDINALS:
        words[-1] = ENGLISH_ORDINALS[last]
    else:
        words[-1] = last[:-1] + "ieth" if last.endswith("y") else last + "th"
    return " ".join(words)


def digits(random: Random, language: str, count: int, one: str = "一") -> str:
    """`count` random digits read one by one; `one` is how a Mandarin speaker says 1 (一 or 幺)."""
    figures = [random.randrange(10) for _ in range(count)]
    if language == "en":
        return " ".join(ENGLISH_DIGITS[figure] for figure in figures)
    return "".join(one if figure == 1 else CHINESE_DIGITS[figure] for figure in figures)


def telephone(random: Random, language: str) -> str:
    """A telephone number: 8 digits in Hong Kong, 11 on the mainland; sometimes said in groups."""
    one = random.choice("一幺")
    groups = {
        "yue": [[4, 4], [8]],
        "cmn": [[3, 4, 4], [11]],
        "en": [[4, 4], [8]],
    }[language]
    comma = ", " if language == "en" else "，"
    return comma.join(digits(random, language, size, one) for size in random.choice(groups))


def spoken(kind: str, language: str, random: Random) -> str:
    """The words of one random number.

    kind: phone, digits (3 to 8 of them), house (1 to 999), route, block, stair, floor,
    floor_ordinal, flat. Raises KeyError for a kind that the language does not have.
    """
    if kind == "phone":
        return telephone(random, language)
    if kind == "digits":
        return digits(random, language, random.randint(3, 8))
    if kind == "route":
        if random.random() < 0.5:
            return digits(random, language, 3)
        return (english if language == "en" else chinese)(random.randint(1, 99))
    house = random.randint(1, 99) if random.random() < 0.6 else random.randint(100, 999)
    number = {"house": house, "block": random.randint(1, 30), "stair": random.randint(1, 6)}.get(
        kind, random.randint(1, 42)
    )
    if language == "en":
        return english_number(kind, number, random)
    if kind == "flat" and language == "cmn":
        return digits(random, language, random.choice([3, 3, 4])) + "室"
    suffix = {
        "yue": {"house": "號", "block": "座", "floor": "樓", "flat": "室"},
        "cmn": {"house": "号", "block": "号楼", "stair": "单元", "floor": "层"},
    }[language][kind]
    return chinese(number) + suffix


def english_number(kind: str, number: int, random: Random) -> str:
    """An English number with the word that English puts before it."""
    if kind == "floor_ordinal":
        return english_ordinal(number)
    if kind == "floor" and random.random() < 0.4:
        return f"{english_ordinal(number)} floor"
    before = {"house": "", "block": "block ", "floor": "floor ", "flat": "flat "}[kind]
    return before + english(number)
