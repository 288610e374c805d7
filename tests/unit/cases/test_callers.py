"""A caller's number is kept sealed, found by its digest and shown masked."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from cases import callers
from cases.callers import CallerKey, mask
from runtime.database import transaction

KEY = CallerKey("a key of the tests alone")
OTHER = CallerKey("quite another key, too")
NUMBER = "+85291234567"

countries = st.sampled_from(["+852", "+86", "+1", "+44", "+39", "+853"])
national = st.text("0123456789", min_size=5, max_size=11)


def test_a_sealed_number_comes_back_whole() -> None:
    assert KEY.unseal(KEY.seal(NUMBER)) == NUMBER


def test_a_sealed_number_does_not_show_the_number() -> None:
    assert NUMBER[4:] not in KEY.seal(NUMBER)


def test_the_same_number_is_sealed_differently_each_time() -> None:
    assert KEY.seal(NUMBER) != KEY.seal(NUMBER)


def test_another_key_cannot_unseal() -> None:
    with pytest.raises(ValueError, match="another DATA_KEY"):
        OTHER.unseal(KEY.seal(NUMBER))


def test_the_digest_of_a_number_is_stable_and_needs_the_key() -> None:
    again = CallerKey("a key of the tests alone")
    assert KEY.digest(NUMBER) == again.digest(NUMBER)
    assert KEY.digest(NUMBER) != OTHER.digest(NUMBER)
    assert KEY.digest(NUMBER) != KEY.digest("+85291234568")


def test_a_mask_shows_country_first_digit_and_last_two() -> None:
    assert mask("+85291234567") == "+852 9*****67"
    assert mask("+8613800138000") == "+86 1********00"


@given(country=countries, number=national)
def test_a_mask_never_shows_more_than_first_digit_and_last_two(country: str, number: str) -> None:
    shown = mask(country + number)
    digits = re.sub(r"\D", "", shown.removeprefix(country))
    assert len(digits) <= 3


@given(st.text(max_size=40))
def test_a_mask_of_nonsense_shows_at_most_three_of_its_characters(number: str) -> None:
    shown = mask(number)
    assert len(shown.replace("*", "").replace(" ", "").lstrip("+")) <= 6
    assert len(number) <= 3 or number not in shown


@pytest.mark.parametrize(
    "sent",
    [
        *("", " ", "anonymous", "Anonymous", "unknown", "restricted", "unavailable", "+266696687"),
        *("sip:anonymous@anonymous.invalid", "client:anonymous"),
    ],
)
def test_a_withheld_number_is_neither_sealed_nor_found(sent: str) -> None:
    caller = KEY.caller(sent)
    assert (caller.sealed, caller.digest, caller.masked) == (None, None, "withheld")


def test_an_address_is_a_caller_too() -> None:
    caller = KEY.caller("sip:alice@exchange.example")
    assert caller.sealed is not None
    assert "alice" not in caller.masked


def test_the_last_four_digits_are_checked_without_showing_them() -> None:
    sealed = KEY.seal(NUMBER)
    assert KEY.ends_with(sealed, "4567")
    assert not KEY.ends_with(sealed, "4568")
    assert not KEY.ends_with(sealed, "")


def test_a_withheld_number_ends_with_nothing() -> None:
    assert not KEY.ends_with(None, "4567")
    assert not KEY.ends_with(KEY.seal("sip:desk@pbx"), "")


def test_the_first_key_becomes_the_databases_key(engine: Engine) -> None:
    with transaction(engine) as session:
        assert callers.is_key_of(session, KEY)
    with transaction(engine) as session:
        assert callers.is_key_of(session, KEY)
        assert not callers.is_key_of(session, OTHER)
