"""What was heard reaches the case once, and only from who still holds the work."""

from dataclasses import replace

import pytest
from sqlalchemy import func, select

from cases import case as case_module
from cases import history, recordings, transcripts
from cases.case import Case
from cases.recordings import Claim, Recording
from cases.transcripts import Heard, Segment, Transcript
from tests.unit.cases.conftest import LAMPS, MEI, MINUTE, NOW, TERMS, Records


def heard(text: str = "The street lamp is broken", **other: object) -> Heard:
    values: dict[str, object] = {
        "text": text,
        "raw_text": text,
        "language": "en",
        "language_probability": 0.9,
        "segments": (Segment(0.0, 2.0, text, 0.9),),
        "confidence": 0.9,
        "engine": "test",
        "model": "test",
    }
    return Heard(**{**values, **other})  # type: ignore[arg-type]


def finish(records: Records, claim: Claim, what: Heard | None = None) -> bool:
    return transcripts.finish(records.session, claim, what or heard(), [LAMPS], NOW)


def number_of_transcripts(records: Records) -> int:
    return records.session.execute(select(func.count(Transcript.id))).scalar_one()


def another_message(records: Records, case: Case, provider_id: str, turn: int) -> Claim:
    """One more recording in the same call, ready to be heard."""
    recording = records.announce(case.call_id, provider_id=provider_id, turn=turn)
    recordings.fetched(records.session, records.claim(recording), "more", NOW)
    return records.claim(recording, "transcribe")


def test_a_transcript_tells_the_case_what_it_is_about(records: Records) -> None:
    case, claim = records.ready_to_hear()
    assert finish(records, claim)
    assert transcripts.text_of(records.session, case) == "The street lamp is broken"
    assert (case.category, case.department, case.language) == ("street-lamps", "hyd", "en")
    assert case.category_reasons
    assert "transcript_pending" not in case.flags
    assert case.transcribed_at == NOW


def test_finishing_twice_changes_nothing(records: Records) -> None:
    case, claim = records.ready_to_hear()
    assert finish(records, claim)
    assert not finish(records, claim, heard("Something else"))
    assert number_of_transcripts(records) == 1
    assert transcripts.text_of(records.session, case) == "The street lamp is broken"


def test_who_lost_the_lease_changes_nothing(records: Records) -> None:
    case, lost = records.ready_to_hear()
    recording = records.session.get_one(Recording, lost.recording_id)
    later = NOW + 2 * MINUTE
    records.claim(recording, "transcribe", later)
    assert not finish(records, lost)
    assert not transcripts.no_speech(records.session, lost, later)
    assert not transcripts.give_up(records.session, lost, "needs_listening", "slow", later)
    assert number_of_transcripts(records) == 0
    assert case.flags == ["transcript_pending"]
    assert [line.action for line in history.of_case(records.session, case.id)] == ["opened"]


def test_no_speech_is_a_missed_message_and_no_text(records: Records) -> None:
    case, claim = records.ready_to_hear()
    assert transcripts.no_speech(records.session, claim, NOW)
    assert case.flags == ["missed_message", "no_speech"]
    assert number_of_transcripts(records) == 0


def test_a_silent_addition_does_not_make_the_message_missed(records: Records) -> None:
    case, claim = records.ready_to_hear()
    finish(records, claim)
    transcripts.no_speech(records.session, another_message(records, case, "RE2", 3), NOW)
    assert case.flags == []


def test_speech_after_silence_is_a_message_after_all(records: Records) -> None:
    case, claim = records.ready_to_hear()
    transcripts.no_speech(records.session, claim, NOW)
    finish(records, another_message(records, case, "RE2", 3))
    assert case.flags == []


def test_a_case_stays_pending_until_its_last_recording_is_heard(records: Records) -> None:
    case, claim = records.ready_to_hear()
    second = another_message(records, case, "RE2", 3)
    finish(records, claim)
    assert "transcript_pending" in case.flags
    finish(records, second, heard("And the bench too"))
    assert "transcript_pending" not in case.flags
    assert (
        transcripts.text_of(records.session, case) == "The street lamp is broken\nAnd the bench too"
    )


@pytest.mark.parametrize(
    ("status", "flag"),
    [("needs_listening", "listen_to_recording"), ("missing", "recording_missing")],
)
def test_a_recording_no_machine_can_hear_is_left_to_a_person(
    records: Records, status: str, flag: str
) -> None:
    case, claim = records.ready_to_hear()
    assert transcripts.give_up(records.session, claim, status, "broken", NOW)
    assert case.flags == [flag]
    assert records.session.get_one(Recording, claim.recording_id).status == status


def test_one_recording_heard_does_not_hide_another_that_must_be_listened_to(
    records: Records,
) -> None:
    case, claim = records.ready_to_hear()
    transcripts.give_up(records.session, claim, "needs_listening", "broken", NOW)
    finish(records, another_message(records, case, "RE2", 3))
    assert case.flags == ["listen_to_recording"]


def test_waiting_for_a_model_counts_no_attempt_and_ends_when_there_is_one(
    records: Records,
) -> None:
    case, claim = records.ready_to_hear()
    assert transcripts.wait_for_model(records.session, claim, "no model", NOW + MINUTE, NOW)
    assert case.flags == ["transcript_pending", "listen_to_recording"]
    recording = records.session.get_one(Recording, claim.recording_id, populate_existing=True)
    again = records.claim(recording, "transcribe", NOW + MINUTE)
    assert again.attempts == 1
    finish(records, again)
    assert case.flags == []


def test_a_message_said_again_counts_instead_of_the_first(records: Records) -> None:
    case, claim = records.ready_to_hear()
    recordings.replace_earlier(records.session, case.call_id, turn=2)
    second = another_message(records, case, "RE2", 3)
    finish(records, claim)
    finish(records, second, heard("What I meant"))
    assert transcripts.text_of(records.session, case) == "What I meant"
    assert number_of_transcripts(records) == 2


def test_who_wanted_to_say_it_again_and_was_silent_has_still_said_it_once(
    records: Records,
) -> None:
    case, claim = records.ready_to_hear()
    recordings.replace_earlier(records.session, case.call_id, turn=2)
    finish(records, claim)
    transcripts.no_speech(records.session, another_message(records, case, "RE2", 3), NOW)
    assert transcripts.text_of(records.session, case) == "The street lamp is broken"


def test_a_category_a_person_confirmed_is_not_guessed_away(records: Records) -> None:
    case, claim = records.ready_to_hear()
    chosen = replace(LAMPS, code="noise", department="epd")
    case_module.confirm(
        records.session, case, chosen, version=case.version, by=MEI, terms=TERMS, now=NOW
    )
    records.session.flush()
    finish(records, claim)
    assert (case.category, case.department) == ("noise", "epd")


def test_a_case_opened_again_is_the_same_case(records: Records) -> None:
    case, _ = records.message()
    again = case_module.open_for(records.session, case.call_id, TERMS, NOW, ["hung_up"])
    assert again is case
    assert case.flags == ["transcript_pending", "hung_up"]


def test_a_flag_nobody_knows_is_refused(records: Records) -> None:
    case, _ = records.message()
    with pytest.raises(ValueError, match="no such flag"):
        case_module.mark(case, "on_fire")
