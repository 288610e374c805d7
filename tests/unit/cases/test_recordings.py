"""Recordings: one row of everything that is told of one recording; work on it is claimed."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, update

from cases import recordings
from cases.recordings import Claim, Recording
from runtime.database import transaction
from tests.unit.cases.conftest import MINUTE, NOW, Records

URL = "https://api.example/Recordings/RE1"


def test_action_and_callback_with_the_same_id_are_one_recording(records: Records) -> None:
    call = records.call()
    first = records.announce(call, provider_id="RE1", url=URL, turn=1)
    assert records.announce(call, provider_id="RE1", turn=1, seconds=9.0) is first
    assert (first.url, first.seconds) == (URL, 9.0)


def test_an_action_without_an_id_is_recognised_by_its_address(records: Records) -> None:
    call = records.call()
    first = records.announce(call, url=URL)
    assert records.announce(call, provider_id="RE1", url=URL) is first
    assert first.provider_id == "RE1"


@pytest.mark.parametrize("ending", [".wav", ".mp3", "?X-Signature=new", "/"])
def test_an_address_is_recognised_whatever_ending_is_put_to_it(
    records: Records, ending: str
) -> None:
    call = records.call()
    assert records.announce(call, url=URL) is records.announce(call, url=URL + ending)


def test_sound_is_fetched_from_the_latest_address(records: Records) -> None:
    call = records.call()
    first = records.announce(call, url=f"{URL}?X-Signature=old")
    records.announce(call, url=f"{URL}?X-Signature=new")
    assert first.url == f"{URL}?X-Signature=new"


def test_an_action_without_an_id_is_recognised_by_its_turn(records: Records) -> None:
    call = records.call()
    first = records.announce(call, url="https://bucket.example/abc", turn=1)
    assert records.announce(call, provider_id="RE1", url=URL, turn=1) is first


def test_different_ids_are_different_recordings_even_in_one_turn(records: Records) -> None:
    call = records.call()
    assert records.announce(call, provider_id="RE1", url=URL, turn=1) is not records.announce(
        call, provider_id="RE2", url=URL, turn=1
    )


def test_recordings_of_two_turns_are_two(records: Records) -> None:
    call = records.call()
    first = records.announce(call, url=URL, turn=1)
    assert records.announce(call, url=f"{URL}b", turn=2) is not first


def test_the_same_id_in_another_call_is_another_recording(records: Records) -> None:
    one, other = records.call("CA1"), records.call("CA2")
    assert records.announce(one, provider_id="RE1") is not records.announce(
        other, provider_id="RE1"
    )


@pytest.mark.parametrize("first", ["absent", "failed"])
def test_sound_that_comes_after_all_is_fetched(records: Records, first: str) -> None:
    call = records.call()
    recording = records.announce(call, told=first, provider_id="RE1", reason="too short")
    assert recording.status == first
    records.announce(call, provider_id="RE1", url=URL)
    assert (recording.status, recording.reason) == ("announced", None)


@pytest.mark.parametrize("word", ["absent", "failed"])
def test_the_callback_knows_better_than_the_action(records: Records, word: str) -> None:
    for first, second in (("left", word), (word, "left")):
        call = records.call(f"CA-{first}")
        records.announce(call, told=first, provider_id="RE1", url=URL)
        recording = records.announce(call, told=second, provider_id="RE1", url=URL)
        assert recording.status == word


@pytest.mark.parametrize("late", ["absent", "failed", "completed"])
def test_late_news_does_not_undo_work(records: Records, late: str) -> None:
    _, claim = records.ready_to_hear()
    recordings.settle(records.session, claim, "transcribed")
    recording = records.announce(claim.call_id, told=late, provider_id=claim.provider_id)
    assert recording.status == "transcribed"


def test_of_two_claimers_one_wins(records: Records) -> None:
    _, recording = records.message()
    records.claim(recording)
    assert recordings.claim(records.session, recording.id, "fetch", NOW, MINUTE) is None


def test_work_is_claimed_only_when_it_is_due(records: Records) -> None:
    _, recording = records.message()
    assert recordings.claim(records.session, recording.id, "transcribe", NOW, MINUTE) is None
    recordings.give_back(records.session, records.claim(recording), "404", NOW + MINUTE)
    assert recordings.claim(records.session, recording.id, "fetch", NOW, MINUTE) is None
    assert records.claim(recording, now=NOW + MINUTE)


def test_a_lease_that_ran_out_is_claimed_by_somebody_else(records: Records) -> None:
    _, recording = records.message()
    lost = records.claim(recording)
    later = NOW + MINUTE + timedelta(seconds=1)
    taken = records.claim(recording, now=later)
    assert taken.attempts == 2
    assert not recordings.fetched(records.session, lost, "mine", later)
    assert not recordings.give_back(records.session, lost, "slow", later)
    assert not recordings.extend(records.session, lost, later, MINUTE)
    assert not recordings.settle(records.session, lost, "missing")
    assert recordings.fetched(records.session, taken, "theirs", later)


def test_a_lease_that_is_extended_is_not_lost(records: Records) -> None:
    _, recording = records.message()
    claim = records.claim(recording)
    assert recordings.extend(records.session, claim, NOW + MINUTE, MINUTE)
    assert recordings.claim(records.session, recording.id, "fetch", NOW + MINUTE, MINUTE) is None


def test_attempts_are_counted_when_work_begins(records: Records) -> None:
    _, recording = records.message()
    for attempt in (1, 2, 3):
        claim = records.claim(recording, now=NOW + attempt * 2 * MINUTE)
        assert claim.attempts == attempt


def test_an_attempt_that_does_not_count_is_taken_off_again(records: Records) -> None:
    _, recording = records.message()
    recordings.give_back(records.session, records.claim(recording), "no model", NOW, counts=False)
    assert records.claim(recording).attempts == 1


def test_each_step_counts_its_own_attempts(records: Records) -> None:
    _, claim = records.ready_to_hear()
    assert claim.attempts == 1


def test_due_lists_what_nobody_holds_oldest_first(records: Records) -> None:
    rows = [records.message(f"CA{n}")[1] for n in range(4)]
    records.claim(rows[1])
    recordings.give_back(records.session, records.claim(rows[2]), "later", NOW + MINUTE)
    due = [item.recording_id for item in recordings.due(records.session, "fetch", NOW)]
    assert due == [rows[0].id, rows[3].id]
    assert len(recordings.due(records.session, "fetch", NOW, limit=1)) == 1
    assert recordings.due(records.session, "transcribe", NOW) == []


def test_a_replaced_recording_is_kept(records: Records) -> None:
    call = records.call()
    first = records.announce(call, provider_id="RE1", turn=1)
    recordings.replace_earlier(records.session, call, turn=2)
    second = records.announce(call, provider_id="RE2", turn=3)
    records.session.refresh(first)
    assert [first.replaced, second.replaced] == [True, False]


def test_a_wish_to_speak_again_told_twice_replaces_only_what_was_before_it(
    records: Records,
) -> None:
    call = records.call()
    records.announce(call, provider_id="RE1", turn=1)
    recordings.replace_earlier(records.session, call, turn=2)
    second = records.announce(call, provider_id="RE2", turn=3)
    recordings.replace_earlier(records.session, call, turn=2)
    records.session.refresh(second)
    assert not second.replaced


def test_a_claim_made_in_a_transaction_that_failed_was_never_made(engine: Engine) -> None:
    with transaction(engine) as session:
        _, recording = Records(session).message()
        recording_id = recording.id
    with pytest.raises(RuntimeError), transaction(engine) as session:
        recordings.claim(session, recording_id, "fetch", NOW, MINUTE)
        raise RuntimeError("the worker died")
    with transaction(engine) as session:
        claim = recordings.claim(session, recording_id, "fetch", NOW, MINUTE)
        assert isinstance(claim, Claim)
        assert claim.attempts == 1


def test_a_recording_that_is_settled_is_nobodys_work(records: Records) -> None:
    for status in sorted(recordings.FINAL):
        _, recording = records.message(f"CA-{status}")
        records.session.execute(
            update(Recording).where(Recording.id == recording.id).values(status=status)
        )
        for step in recordings.READY:
            assert recordings.claim(records.session, recording.id, step, NOW, MINUTE) is None
