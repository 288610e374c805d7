"""Digits as people say them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.numerals import english_number, number, one_way, runs

CHINESE = "零一二三四五六七八九"
UNITS = ("", "十", "百", "千")


def in_chinese(value: int) -> str:
    """A number below ten thousand, as it is written out."""
    digits = str(value)
    said = ""
    for place, digit in zip(range(len(digits) - 1, -1, -1), digits, strict=True):
        if digit != "0":
            said += CHINESE[int(digit)] + UNITS[place]
        elif said and not said.endswith("零"):
            said += "零"
    said = said.rstrip("零")
    return said.removeprefix("一") if 10 <= value < 20 else said


def told(text: str) -> list[str]:
    return [run.whole.digits for run in runs(one_way(text))]


@given(st.integers(1, 9999))
def test_a_number_written_out_is_read(value: int) -> None:
    assert number(in_chinese(value)) == str(value)


@given(st.integers(1, 9999), st.integers(0, 9999))
def test_ten_thousands_are_read(above: int, below: int) -> None:
    rest = ("零" if 0 < below < 1000 else "") + in_chinese(below) if below else ""
    assert number(f"{in_chinese(above)}万{rest}") == str(above * 10_000 + below)


@pytest.mark.parametrize(
    ("said", "figures"),
    [
        ("八十八", "88"),
        ("十", "10"),
        ("廿三", "23"),
        ("卅一", "31"),
        ("廿", "20"),
        ("三零二", "302"),
        ("一百零二", "102"),
        ("一千三", "1300"),
        ("一万二", "12000"),
        ("两百二", "220"),
        ("一亿两千三百", "100002300"),
        ("302", "302"),
    ],
)
def test_numbers_of_addresses(said: str, figures: str) -> None:
    assert number(said) == figures


@pytest.mark.parametrize("said", ["三五百", "十五六", "三四十", "百", "七百三四十"])
def test_some_hundreds_are_no_number(said: str) -> None:
    assert number(said) is None


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("這是手機一八五四四一三九一二一", "18544139121"),
        ("幺八五洞幺拐两零柒幺玖", "18501720719"),
        ("尾号幺七零二", "1702"),
        ("孖六一二三條八", "6612888"),
        ("六一二三，呃，四五六七", "61234567"),
        ("6123 4567", "61234567"),
        ("６１２３－４５６７", "61234567"),
        ("six one two three, er, double four five six", "61234456"),
        ("sixty one twenty three forty five sixty seven", "61234567"),
        ("nine oh two triple five", "902555"),
    ],
)
def test_digits_told_one_after_another_are_one_number(text: str, digits: str) -> None:
    assert told(text) == [digits]


@pytest.mark.parametrize(
    "text", ["四百六十五", "12,345", "12.50", "one hundred", "oh dear", "十分感謝", "兩千萬"]
)
def test_sums_and_words_are_not_told_digit_by_digit(text: str) -> None:
    assert told(text) == []


def test_a_list_is_several_numbers() -> None:
    assert told("三、四、五") == ["3", "4", "5"]


def test_a_comma_parts_a_number_into_groups() -> None:
    (run,) = runs("1823, 2345 6789")
    assert [group.digits for group in run.groups] == ["1823", "23456789"]


@pytest.mark.parametrize(
    ("said", "figures"),
    [
        ("eighty eight", "88"),
        ("twenty-third", "23"),
        ("fifth", "5"),
        ("5th", "5"),
        ("12", "12"),
        ("one hundred and twelve", "112"),
        ("a hundred", "100"),
        ("several", None),
    ],
)
def test_english_numbers(said: str, figures: str | None) -> None:
    assert english_number(said) == figures


@given(st.text())
def test_one_way_keeps_every_character_in_its_place(text: str) -> None:
    plain = one_way(text)
    assert len(plain) == len(text)
    for run in runs(plain):
        assert 0 <= run.whole.start < run.whole.end <= len(text)
        assert run.whole.digits.isdigit()
