"""The position in an address: ours comes back as it was, anybody else's is refused."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callflows.engine import Position, PositionError
from callflows.flow import Callflow

GOOD = {"step": "fallback", "turn": "7", "language": "yue", "silences": "1", "wrong": "2"}


def test_a_position_comes_back_as_it_was(callflow: Callflow) -> None:
    position = Position("fallback", turn=7, language="yue", silences=1, wrong=2)
    assert position.to_query() == GOOD
    assert Position.from_query(GOOD, callflow) == position


def test_an_unknown_language_is_simply_not_there(callflow: Callflow) -> None:
    position = Position("message")
    assert "language" not in position.to_query()
    assert Position.from_query(position.to_query(), callflow) == position


def test_what_else_is_in_the_address_does_not_matter(callflow: Callflow) -> None:
    assert Position.from_query({**GOOD, "heard": "silence"}, callflow).step == "fallback"


def test_every_value_survives_any_proxy(callflow: Callflow) -> None:
    for step in callflow.flow.places:
        for value in Position(step, 41, "cmn", 3, 3).to_query().values():
            assert re.fullmatch("[A-Za-z0-9_-]+", value)


HOSTILE = {
    "no step": {"step": ""},
    "an unknown step": {"step": "treasury"},
    "a step where nobody can be": {"step": "thanks"},
    "a path": {"step": "../../etc/passwd"},
    "markup": {"step": "<Dial>900</Dial>"},
    "a step in another alphabet": {"step": "ｍessage"},
    "a step with a line break": {"step": "message\n"},
    "a very long step": {"step": "m" * 5000},
    "no turn": {"turn": ""},
    "a negative turn": {"turn": "-1"},
    "turns beyond the end": {"turn": "42"},
    "a turn of many digits": {"turn": "9" * 5000},
    "digits of another script": {"turn": "٣"},
    "a fraction": {"wrong": "1.5"},
    "a signed number": {"wrong": "+1"},
    "a number with a space": {"silences": " 1"},
    "a language we do not speak": {"language": "fr"},
    "an empty language": {"language": ""},
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_address_is_refused(hongkong: Callflow, what: str) -> None:
    with pytest.raises(PositionError):
        Position.from_query({**GOOD, **HOSTILE[what]}, hongkong)


@pytest.mark.parametrize("name", ["step", "turn", "silences", "wrong"])
def test_an_address_with_a_part_missing_is_refused(hongkong: Callflow, name: str) -> None:
    with pytest.raises(PositionError, match=name):
        Position.from_query({k: v for k, v in GOOD.items() if k != name}, hongkong)


@given(st.dictionaries(st.sampled_from(sorted(GOOD)), st.text()))
def test_an_address_is_a_position_or_refused(hongkong: Callflow, query: dict[str, str]) -> None:
    try:
        position = Position.from_query(query, hongkong)
    except PositionError:
        return
    assert position.step in hongkong.flow.steps
