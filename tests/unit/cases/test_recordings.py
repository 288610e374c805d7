"""Recordings: one row of everything that is told of one recording; work on it is claimed."""

from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import Engine, event, text, update

from cases import calls, recordings
from cases.recordings import Claim, Recording
from runtime.database import transaction
from tests.unit.cases.conftest import MINUTE, NOW, Records

# So many recordings, or so many seconds of them, are heard together at most.
TOGETHER = {"limit": 8, "most_seconds": 100.0}
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


def heard_together(records: Records, **otherwise: float) -> list[int]:
    claims = recordings.claim_many(
        records.session,
        "transcribe",
        NOW,
        MINUTE,
        **{**TOGETHER, **otherwise},  # type: ignore[arg-type]
    )
    return [claim.recording_id for claim in claims]


def test_the_urgent_come_first_and_then_the_oldest(records: Records) -> None:
    rows = [records.message(f"CA{n}")[1] for n in range(4)]
    recordings.hasten(records.session, rows[2].call_id, recordings.URGENT)
    recordings.hasten(records.session, rows[3].call_id, recordings.ON_THE_LINE)
    due = [item.recording_id for item in recordings.due(records.session, "fetch", NOW)]
    assert due == [rows[3].id, rows[2].id, rows[0].id, rows[1].id]
    above = recordings.due(records.session, "fetch", NOW, above=recordings.URGENT)
    assert [item.recording_id for item in above] == [rows[3].id]


def test_how_soon_a_recording_is_wanted_only_rises(records: Records) -> None:
    call = records.call()
    recording = records.announce(call, provider_id="RE1", priority=recordings.ON_THE_LINE)
    records.announce(call, provider_id="RE1")
    recordings.hasten(records.session, call, recordings.URGENT)
    records.session.refresh(recording)
    assert recording.priority == recordings.ON_THE_LINE


def test_what_is_said_later_in_an_urgent_call_is_urgent(records: Records) -> None:
    call = records.call()
    records.announce(call, provider_id="RE1", turn=1, priority=recordings.ON_THE_LINE)
    later = records.announce(call, provider_id="RE2", turn=2)
    elsewhere = records.announce(records.call("CA2"), provider_id="RE3")
    assert (later.priority, elsewhere.priority) == (recordings.URGENT, recordings.USUAL)


def test_several_are_claimed_at_once_each_with_a_token_of_its_own(records: Records) -> None:
    rows = [records.fetched(f"CA{n}", seconds=10.0) for n in range(3)]
    claims = recordings.claim_many(records.session, "transcribe", NOW, MINUTE, **TOGETHER)  # type: ignore[arg-type]
    assert [claim.recording_id for claim in claims] == [row.id for row in rows]
    assert len({claim.token for claim in claims}) == 3
    assert heard_together(records) == []
    assert recordings.settle(records.session, claims[1], "transcribed")
    assert recordings.extend(records.session, claims[0], NOW, MINUTE)


def test_no_more_are_claimed_than_asked_for(records: Records) -> None:
    rows = [records.fetched(f"CA{n}", seconds=30.0) for n in range(5)]
    assert heard_together(records, limit=2) == [row.id for row in rows[:2]]
    assert heard_together(records, most_seconds=60.0) == [row.id for row in rows[2:4]]


def test_a_long_recording_is_claimed_alone(records: Records) -> None:
    short, long = (records.fetched(f"CA{n}", seconds=s) for n, s in enumerate((5.0, 3600.0)))
    last = records.fetched("CA9", seconds=5.0)
    assert heard_together(records) == [short.id]
    assert heard_together(records) == [long.id]
    assert heard_together(records) == [last.id]


def test_recordings_nobody_told_the_length_of_fill_the_time_too(records: Records) -> None:
    rows = [records.fetched(f"CA{n}") for n in range(2)]
    assert heard_together(records, most_seconds=100.0) == [rows[0].id]
    assert heard_together(records, most_seconds=120.0) == [rows[1].id]


def test_the_urgent_are_not_claimed_together_with_the_usual(records: Records) -> None:
    usual = [records.fetched(f"CA{n}", seconds=5.0) for n in range(2)]
    urgent = [records.fetched(f"CB{n}", seconds=5.0, priority=1) for n in range(2)]
    assert heard_together(records) == [row.id for row in urgent]
    assert heard_together(records, above=recordings.USUAL) == []
    assert heard_together(records) == [row.id for row in usual]


def test_what_was_tried_before_is_claimed_alone(records: Records) -> None:
    rows = [records.fetched(f"CA{n}", seconds=5.0) for n in range(4)]
    for row in rows[1:3]:
        records.session.execute(update(Recording).where(Recording.id == row.id).values(attempts=1))
    assert heard_together(records) == [rows[0].id, rows[3].id]
    assert heard_together(records) == [rows[1].id]
    assert heard_together(records) == [rows[2].id]


def test_an_attempt_that_ended_with_its_worker_is_a_death(records: Records) -> None:
    _, recording = records.message()
    claim = records.claim(recording)
    recordings.give_back(records.session, claim, "404", NOW)
    assert records.claim(recording).deaths == 0
    assert records.claim(recording, now=NOW + 2 * MINUTE).deaths == 1
    assert records.claim(recording, now=NOW + 4 * MINUTE).deaths == 2


def test_what_a_process_held_that_is_gone_can_be_claimed_at_once(records: Records) -> None:
    rows = [records.message(f"CA{n}")[1] for n in range(2)]
    for row, holder in zip(rows, ("00c0ffee", "0000cafe"), strict=True):
        assert recordings.claim(records.session, row.id, "fetch", NOW, MINUTE, holder)
    recordings.let_go(records.session, "00c0ffee")
    due = [item.recording_id for item in recordings.due(records.session, "fetch", NOW)]
    assert due == [rows[0].id]
    assert records.claim(rows[0]).deaths == 1


def test_a_claim_tells_what_is_known_of_the_callers_language(records: Records) -> None:
    for number, language in enumerate(["yue", "en", "yue"]):
        case, _ = records.message(f"CA{number}")
        case.language = language
    stranger, _ = records.message("CA-stranger")
    stranger.language = "cmn"
    records.session.execute(
        text("UPDATE calls SET caller_digest = 'other' WHERE id = :id"), {"id": stranger.call_id}
    )
    recording = records.announce(records.call("CA4"), provider_id="RE")
    calls.note_language(records.session, recording.call_id, "en")
    claim = records.claim(recording)
    assert claim.earlier == {"yue": 2, "en": 1}
    assert (claim.language, claim.calling_code) == ("en", "852")


@pytest.mark.parametrize("number", [None, "sip:somebody@example.org"])
def test_of_a_caller_without_a_number_nothing_is_known(
    records: Records, number: str | None
) -> None:
    call = records.call(number=number)
    claim = records.claim(records.announce(call, provider_id="RE"))
    assert (claim.earlier, claim.calling_code) == ({}, None)


def test_where_the_masked_copy_lies_is_noted_by_who_holds_the_lease(records: Records) -> None:
    _, claim = records.ready_to_hear()
    assert recordings.masked(records.session, claim, "masked")
    assert recordings.settle(records.session, claim, "transcribed")
    assert not recordings.masked(records.session, claim, "late")
    (row,) = recordings.of_call(records.session, claim.call_id)
    assert row.masked_key == "masked"


def test_the_next_piece_of_work_is_found_without_sorting_all_that_waits(engine: Engine) -> None:
    postgres = engine.dialect.name == "postgresql"
    asked: list[tuple[str, object]] = []

    @event.listens_for(engine, "before_cursor_execute")
    def note(_connection, _cursor, statement, parameters, *_: object) -> None:  # type: ignore[no-untyped-def]
        asked.append((statement, parameters))

    with transaction(engine) as session:
        recordings.due(session, "transcribe", NOW, limit=10)
        statement, parameters = asked[-1]
        if postgres:  # an empty table is read from end to end otherwise
            session.execute(text("SET LOCAL enable_seqscan = off"))
        explain = "EXPLAIN" if postgres else "EXPLAIN QUERY PLAN"
        plan = session.connection().exec_driver_sql(f"{explain} {statement}", parameters).all()  # type: ignore[arg-type]
    assert "ix_recordings_work" in str(plan)
    assert "Sort" not in str(plan) and "B-TREE" not in str(plan)


def test_what_is_in_hand_counts_with_what_waits_and_not_for_ever(records: Records) -> None:
    rows = [records.fetched(f"CA{n}", priority=n % 2) for n in range(4)]
    claim = records.claim(rows[0], "transcribe")
    in_hand = partial(recordings.in_hand, records.session, "transcribe", NOW)
    assert (in_hand(10), in_hand(3), in_hand(10, above=recordings.USUAL)) == (4, 3, 2)
    recordings.settle(records.session, claim, "transcribed")
    assert in_hand(10) == 3
