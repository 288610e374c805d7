"""Calls: known by the provider's id, told twice without harm, over only once."""

import itertools

import pytest

from cases import calls
from cases.calls import Call, Turn
from tests.unit.cases.conftest import MINUTE, NOW, Records


def test_a_call_told_twice_is_one_call(records: Records) -> None:
    assert records.call("CA1") == records.call("CA1")
    assert records.call("CA2") != records.call("CA1")


def test_the_caller_is_known_as_soon_as_one_event_says_who_calls(records: Records) -> None:
    call_id = records.call(number=None)
    assert calls.caller_of(records.session.get_one(Call, call_id)) == "withheld"
    records.call(number="+85291234567")
    records.call(number=None)
    call = records.session.get_one(Call, call_id, populate_existing=True)
    assert calls.caller_of(call) == "+852 9*****67"
    assert call.caller_sealed is not None


def test_the_first_caller_stays(records: Records) -> None:
    call_id = records.call(number="+85291234567")
    records.call(number="+85298765432")
    assert records.session.get_one(Call, call_id).caller_masked == "+852 9*****67"


STATUSES = ["queued", "ringing", "in-progress", "completed"]


@pytest.mark.parametrize("order", list(itertools.permutations(STATUSES)))
def test_a_status_never_falls_back(records: Records, order: tuple[str, ...]) -> None:
    call_id = records.call()
    for status in order:
        calls.note_status(records.session, call_id, status, NOW)
    call = records.session.get_one(Call, call_id, populate_existing=True)
    assert call.status == "completed"
    assert call.ended_at == NOW


@pytest.mark.parametrize("ending", sorted(calls.ENDED))
def test_the_first_ending_stays(records: Records, ending: str) -> None:
    call_id = records.call()
    calls.note_status(records.session, call_id, ending, NOW)
    calls.note_status(records.session, call_id, "completed", NOW + MINUTE)
    calls.note_status(records.session, call_id, "in-progress", NOW + MINUTE)
    call = records.session.get_one(Call, call_id, populate_existing=True)
    assert (call.status, call.ended_at) == (ending, NOW)


def test_a_status_nobody_knows_changes_nothing(records: Records) -> None:
    call_id = records.call()
    calls.note_status(records.session, call_id, "levitating", NOW)
    assert records.session.get_one(Call, call_id, populate_existing=True).status == "ringing"


def test_a_turn_told_again_stays_as_it_was_first_told(records: Records) -> None:
    call_id = records.call()
    for keys in ("1", "2"):
        calls.note_turn(
            records.session, call_id, 3, step="menu", heard={"kind": "digits", "keys": keys},
            kept={"number": keys}, now=NOW,
        )  # fmt: skip
    assert records.session.get_one(Turn, (call_id, 3)).heard["keys"] == "1"
    assert calls.kept(records.session, call_id) == {"number": "1"}
    assert calls.times_asked(records.session, call_id, "number") == 1


def test_lines_are_busy_until_their_calls_end(records: Records) -> None:
    ids = [records.call(f"CA{n}") for n in range(3)]
    assert calls.busy_lines(records.session, NOW - MINUTE) == 3
    calls.note_status(records.session, ids[0], "completed", NOW)
    assert calls.busy_lines(records.session, NOW - MINUTE) == 2
    assert calls.busy_lines(records.session, NOW + MINUTE) == 0
