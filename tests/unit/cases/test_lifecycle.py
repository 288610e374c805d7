"""The life of a case: what may be done with it, from where, and what it becomes."""

import pytest

from cases import lifecycle
from cases.errors import Refused

GIVEN = {"category": "street-lighting", "note": "done", "reason": "because"}
BECOMES = {
    ("received", "confirm"): "confirmed",
    ("confirmed", "confirm"): "confirmed",
    ("received", "close"): "closed",
    ("confirmed", "close"): "closed",
    ("closed", "reopen"): "received",
}
ACTIONS = ("confirm", "close", "reopen")


def test_the_tables_actions_are_the_ones_specified_here() -> None:
    assert {t.action for t in lifecycle.TRANSITIONS} == set(ACTIONS)


@pytest.mark.parametrize("status", lifecycle.STATUSES)
@pytest.mark.parametrize("action", ACTIONS)
def test_every_pair_of_status_and_action_is_allowed_or_refused(status: str, action: str) -> None:
    expected = BECOMES.get((status, action))
    assert (action in lifecycle.actions(status)) == (expected is not None)
    if expected is not None:
        assert lifecycle.target(status, action, GIVEN) == expected
        return
    with pytest.raises(Refused) as refused:
        lifecycle.target(status, action, GIVEN)
    assert refused.value.code == "not_now"


@pytest.mark.parametrize("pair", BECOMES)
@pytest.mark.parametrize("given", [{}, {"category": " ", "note": "\t"}])
def test_an_action_needs_what_it_needs(pair: tuple[str, str], given: dict[str, str]) -> None:
    with pytest.raises(Refused) as refused:
        lifecycle.target(*pair, given)
    assert refused.value.code == "incomplete"
    assert refused.value.details["missing"]


def test_an_unknown_action_is_refused() -> None:
    with pytest.raises(Refused):
        lifecycle.target("received", "explode", GIVEN)
