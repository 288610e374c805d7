"""A case number can be keyed in on a telephone, and a slip of the finger is noticed."""

from hypothesis import given
from hypothesis import strategies as st

from cases.case import is_number, number_for

ids = st.integers(1, 99_999_999)
years = st.integers(2026, 2099)


@given(ids, years)
def test_a_case_number_is_one(case_id: int, year: int) -> None:
    assert is_number(number_for(case_id, year))


@given(ids, years)
def test_every_single_wrong_digit_is_found(case_id: int, year: int) -> None:
    number = number_for(case_id, year)
    for at, right in enumerate(number):
        for wrong in set("0123456789") - {right}:
            assert not is_number(number[:at] + wrong + number[at + 1 :])


@given(st.tuples(ids, years), st.tuples(ids, years))
def test_no_two_cases_share_a_number(one: tuple[int, int], other: tuple[int, int]) -> None:
    same = one[0] == other[0] and one[1] % 100 == other[1] % 100
    assert (number_for(*one) == number_for(*other)) == same


def test_the_first_million_numbers_have_nine_digits() -> None:
    assert {len(number_for(case_id, 2026)) for case_id in (1, 999, 999_999)} == {9}


@given(st.text(max_size=12))
def test_what_has_other_characters_than_digits_is_no_number(text: str) -> None:
    assert not is_number(text) or (text.isascii() and text.isdigit())
