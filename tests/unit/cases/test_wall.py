"""The wall: what counts as lost, what waits, what is late, who is up."""

from datetime import timedelta

import pytest

from cases import calls, stations, wall
from cases import case as case_rules
from cases.browser_calls import BROWSER
from cases.case import Case
from tests.unit.cases.conftest import NOW, TERMS, Records

MIDNIGHT = NOW - timedelta(hours=5)
LATER = NOW + timedelta(minutes=5)


def a_call(
    records: Records,
    name: str,
    *,
    number: str | None = "+85291234567",
    seconds: float | None = 30,
) -> int:
    """A call to us; `seconds`: how long it lasted, None while it goes on."""
    call_id = records.call(name, number)
    if seconds is not None:
        calls.note_status(records.session, call_id, "completed", NOW + timedelta(seconds=seconds))
    return call_id


def opened(records: Records, call_id: int, *flags: str) -> Case:
    return case_rules.open_for(records.session, call_id, TERMS, NOW, flags)


def figures(records: Records, now: object = LATER) -> wall.Wall:
    records.session.flush()
    return wall.figures(records.session, now, MIDNIGHT)  # type: ignore[arg-type]


def test_an_empty_hotline_has_lost_nobody_and_knows_what_it_does_not_know(records: Records) -> None:
    found = figures(records)
    assert found.lost == wall.Lost(0, 0)
    assert (found.calls_now, found.calls_today, found.unreviewed) == (0, 0, 0)
    assert found.oldest is None and found.late == {}
    assert found.answered_in_time is None  # not 0, and not 100
    assert found.workers == dict.fromkeys(stations.STEPS, 0)


def test_a_call_that_goes_on_is_counted_and_not_lost(records: Records) -> None:
    a_call(records, "CA1", seconds=None)
    found = figures(records)
    assert found.calls_now == 1 and found.lost.all == 0


def test_a_call_of_which_no_end_was_heard_for_an_hour_is_over(records: Records) -> None:
    a_call(records, "CA1", seconds=None)
    found = figures(records, NOW + timedelta(minutes=61))
    assert found.calls_now == 0 and found.lost.all == 1


def test_who_hangs_up_and_leaves_nothing_is_lost_and_a_short_call_is_told_apart(
    records: Records,
) -> None:
    a_call(records, "CA1", seconds=3)
    a_call(records, "CA2", seconds=30)
    assert figures(records).lost == wall.Lost(all=2, short=1)


def test_a_message_that_can_be_heard_is_not_lost(records: Records) -> None:
    records.announce(a_call(records, "CA1"), provider_id="RE1")
    assert figures(records).lost.all == 0


@pytest.mark.parametrize("told", ["absent", "failed"])
def test_a_recording_without_sound_is_no_message(records: Records, told: str) -> None:
    records.announce(a_call(records, "CA1"), provider_id="RE1", told=told)
    assert figures(records).lost.all == 1


def test_a_message_whose_sound_never_came_from_a_withheld_number_is_lost(records: Records) -> None:
    call_id = a_call(records, "CA1", number=None)
    recording = records.announce(call_id, provider_id="RE1")
    opened(records, call_id, "recording_missing")
    recording.status = "missing"
    assert figures(records).lost.all == 1


def test_who_will_be_rung_back_is_not_lost_but_without_a_number_nobody_can(
    records: Records,
) -> None:
    opened(records, a_call(records, "CA1"), "missed_message")
    assert figures(records).lost.all == 0
    opened(records, a_call(records, "CA2", number=None), "missed_message")
    assert figures(records).lost.all == 1


def test_who_spoke_with_a_person_or_asked_how_a_case_stands_was_served(records: Records) -> None:
    opened(records, a_call(records, "CA1", number=None), "spoke_to_agent")
    asked = a_call(records, "CA2")
    turn = {"step": "progress_last_four", "heard": {"kind": "digits"}, "now": NOW}
    calls.note_turn(records.session, asked, 1, kept={"number": "260000013"}, **turn)
    assert figures(records).lost.all == 0


def test_calls_of_ours_from_a_browser_and_of_yesterday_are_not_lost(records: Records) -> None:
    for name, change in {
        "CA1": {"outgoing": True},
        "CA2": {"provider": BROWSER},
        "CA3": {"began_at": MIDNIGHT - timedelta(seconds=1)},
    }.items():
        call = records.session.get_one(calls.Call, a_call(records, name))
        for field, value in change.items():
            setattr(call, field, value)
    found = figures(records)
    assert found.lost.all == 0 and found.calls_today == 0


def test_what_nobody_reviewed_waits_since_the_first_was_opened(records: Records) -> None:
    for name in ("CA1", "CA2"):
        opened(records, a_call(records, name))
    first = records.session.get_one(Case, 1)
    first.opened_at = NOW - timedelta(hours=30)
    found = figures(records)
    assert (found.unreviewed, found.oldest) == (2, first.opened_at)


def test_clocks_that_ran_out_are_counted_by_kind(records: Records) -> None:
    opened(records, a_call(records, "CA1"))
    assert figures(records).late == {}
    found = figures(records, NOW + timedelta(days=90))
    assert found.late == {"dispatch": 1, "resolve": 1}


def test_recordings_wait_for_the_step_that_comes_next(records: Records) -> None:
    records.message("CA1")
    records.fetched("CA2")
    found = figures(records)
    assert (found.queues["fetch"], found.queues["transcribe"]) == (1, 1)


def test_a_process_is_up_as_long_as_it_says_so(records: Records) -> None:
    session = records.session
    stations.beat(session, "one", stations.FETCH, NOW)
    stations.beat(session, "two", stations.TRANSCRIBE, NOW)
    stations.beat(session, "one", stations.FETCH, NOW + timedelta(seconds=40))
    assert stations.up(session, NOW)["transcribe"] == 1
    later = stations.up(session, NOW + timedelta(seconds=50))
    assert (later["fetch"], later["transcribe"]) == (1, 0)
    stations.gone(session, "one")
    assert stations.up(session, NOW)["fetch"] == 0
