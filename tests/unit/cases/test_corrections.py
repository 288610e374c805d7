"""A person's text of a recording: it counts, keeps its times, is masked anew, and loses nothing."""

from collections.abc import Sequence
from dataclasses import asdict

import pytest

from cases import corrections, history, recordings, search, transcripts
from cases.case import Case
from cases.errors import Refused
from cases.permissions import Person
from cases.places import Places
from cases.recordings import Recording
from cases.transcripts import Segment, Transcript, Word
from tests.unit.cases.conftest import BOSS, LAMPS, MEI, MINUTE, NOW, Records
from tests.unit.cases.test_transcripts import another_message, finish, heard

FIRST, SECOND = "我住彌敦道八十八號。", "條街燈壞咗"


def line(text: str, start: float, confidence: float = 0.9, **more: object) -> Segment:
    words = tuple(
        Word(start + i * 0.25, start + (i + 1) * 0.25, char, confidence)
        for i, char in enumerate(text)
    )
    return Segment(start, start + len(text) * 0.25, text, confidence, words=words, **more)  # type: ignore[arg-type]


def heard_lines(*segments: Segment, **more: object) -> transcripts.Heard:
    told = [one for one in segments if not one.flags]
    return heard("".join(one.text for one in told), segments=segments, language="yue", **more)


@pytest.fixture
def spoken(records: Records) -> tuple[Case, Recording]:
    """A case of which two lines were heard, and one that nobody said."""
    case, claim = records.ready_to_hear()
    phantom = line("字幕由志願者提供", 6.0, flags=("phantom",))
    said = heard_lines(line(FIRST, 0.0), line(SECOND, 3.0), phantom, flags=("low_confidence",))
    assert finish(records, claim, said)
    return case, records.session.get_one(Recording, claim.recording_id)


def correct(
    records: Records,
    spoken: tuple[Case, Recording],
    *written: str,
    by: Person = MEI,
    base: int | None = -1,
) -> Transcript | None:
    """Write these lines, made from the reading that counts unless another is named."""
    case, recording = spoken
    counts = transcripts.of_recording(records.session, recording.id)
    newest = counts.id if counts else None
    return corrections.correct(
        records.session,
        case,
        recording,
        "\n".join(written),
        base=newest if base == -1 else base,
        by=by,
        language="yue",
        categories=[LAMPS],
        places=Places.of(()),
        now=NOW + MINUTE,
    )


def texts(rows: Sequence[Transcript]) -> list[str]:
    return [row.text for row in rows]


def test_a_persons_text_is_the_text_of_the_case(
    records: Records, spoken: tuple[Case, Recording]
) -> None:
    correct(records, spoken, FIRST, "盞街燈壞咗")
    case, recording = spoken
    told = transcripts.told(records.session, [case.call_id])[case.call_id]
    assert told.text == told.masked_text == FIRST + "盞街燈壞咗"
    assert texts(transcripts.readings(records.session, recording.id)) == [
        FIRST + SECOND,
        FIRST + "盞街燈壞咗",
    ]


def test_versions_follow_one_another_and_each_knows_who_made_it_from_what(
    records: Records, spoken: tuple[Case, Recording]
) -> None:
    correct(records, spoken, FIRST, "盞街燈壞咗")
    correct(records, spoken, FIRST, "盞街燈爛咗", by=BOSS)
    machine, agent, supervisor = transcripts.readings(records.session, spoken[1].id)
    assert (machine.made_by, machine.based_on) == (None, None)
    assert (agent.made_by, agent.role, agent.based_on) == ("agent:1", "agent", machine.id)
    assert (supervisor.made_by, supervisor.role) == ("agent:2", "supervisor")
    assert supervisor.based_on == agent.id and machine.text == FIRST + SECOND


def test_characters_that_stay_keep_their_seconds(
    records: Records, spoken: tuple[Case, Recording]
) -> None:
    row = correct(records, spoken, FIRST, "嗰條街燈都壞咗")
    assert row is not None
    words = {word["text"]: word["start"] for word in row.segments[1]["words"]}
    assert (words["條"], words["街"], words["燈"]) == (3.0, 3.25, 3.5)
    assert words["燈"] <= words["都"] <= words["壞"] == 3.75


def test_what_nobody_said_to_us_stays_beside_the_text_and_out_of_it(
    records: Records, spoken: tuple[Case, Recording]
) -> None:
    row = correct(records, spoken, FIRST, "盞街燈壞咗")
    assert row is not None and "字幕" not in row.text
    told = [(one.segment.text, one.counts) for one in corrections.lines(row)]
    assert (
        told[-1] == ("字幕由志願者提供", False) and [counts for _, counts in told[:2]] == [True] * 2
    )
    assert corrections.text_to_edit(row) == f"{FIRST}\n盞街燈壞咗"


def test_a_number_that_a_person_writes_is_masked_and_one_heard_wrong_is_no_longer(
    records: Records, spoken: tuple[Case, Recording]
) -> None:
    row = correct(records, spoken, FIRST, "電話係六一二三四五六七")
    assert row is not None and row.masked_text == FIRST + "電話係[phone]"
    assert [mask["kind"] for mask in row.masks] == ["phone"]
    machine = transcripts.readings(records.session, spoken[1].id)[0]
    assert corrections.reveals_more(row, machine) and not corrections.reveals_more(machine, row)
    again = correct(records, spoken, FIRST, SECOND)
    assert again is not None and again.masked_text == again.text and again.masks == []


def test_places_and_numbers_are_found_anew_and_are_as_sure_as_the_person(
    records: Records, spoken: tuple[Case, Recording]
) -> None:
    row = correct(records, spoken, "我住太子道九十號。", SECOND)
    assert row is not None
    (slot,) = row.slots
    assert (slot["kind"], slot["value"]) == ("place", "太子道90號")
    assert 0.5 <= slot["start"] < slot["end"] <= 2.5 and slot["confidence"] > 0.6


def test_the_guess_follows_the_text_until_a_person_has_said_it(
    records: Records, spoken: tuple[Case, Recording]
) -> None:
    case, _ = spoken
    assert case.category == "street-lamps"
    correct(records, spoken, "條渠塞咗")
    assert case.category is None
    case.category, case.category_confirmed = "street-lamps", True
    correct(records, spoken, "條渠真係塞咗")
    assert case.category == "street-lamps"


def test_the_search_finds_the_case_by_the_new_words_and_no_longer_by_the_old(
    records: Records, spoken: tuple[Case, Recording]
) -> None:
    case, _ = spoken

    def finds(words: str) -> bool:
        found = search.find(records.session, words)
        return found is not None and case.id in set(records.session.scalars(found))

    assert finds("街燈") and not finds("條渠")
    correct(records, spoken, "條渠塞咗")
    assert finds("條渠") and not finds("街燈")


def test_the_history_tells_who_and_not_what(
    records: Records, spoken: tuple[Case, Recording]
) -> None:
    row = correct(records, spoken, "條渠塞咗")
    assert row is not None
    last = history.of_case(records.session, spoken[0].id)[-1]
    assert (last.actor, last.action) == ("agent:1", "text_corrected")
    assert last.detail == {"recording": spoken[1].id, "reading": row.id}


def test_doubts_about_the_text_are_over_when_a_person_has_read_it(
    records: Records, spoken: tuple[Case, Recording]
) -> None:
    case, _ = spoken
    later = another_message(records, case, "RE2", turn=2)
    finish(records, later, heard("Hello", flags=("suspect_text",)))
    assert {"low_confidence", "suspect_text"} <= set(case.flags)
    correct(records, spoken, FIRST)
    assert "low_confidence" not in case.flags and "suspect_text" in case.flags


def test_who_saves_on_an_older_text_is_told_and_nothing_is_written(
    records: Records, spoken: tuple[Case, Recording]
) -> None:
    base = transcripts.readings(records.session, spoken[1].id)[0].id
    correct(records, spoken, "條渠塞咗", by=BOSS)
    with pytest.raises(Refused) as refused:
        correct(records, spoken, "盞燈壞咗", base=base)
    assert refused.value.code == "text_changed"
    assert len(transcripts.readings(records.session, spoken[1].id)) == 2


def test_saving_what_is_there_already_makes_no_version(
    records: Records, spoken: tuple[Case, Recording]
) -> None:
    row = correct(records, spoken, f"{FIRST} ", "", SECOND)
    assert row is not None and row.made_by is None
    assert "text_corrected" not in {
        one.action for one in history.of_case(records.session, spoken[0].id)
    }


def test_a_recording_that_no_machine_could_hear_is_written_down_by_a_person(
    records: Records,
) -> None:
    case, claim = records.ready_to_hear()
    transcripts.give_up(records.session, claim, "needs_listening", "no model", NOW)
    recording = records.session.get_one(Recording, claim.recording_id)
    recording.seconds = 10.0
    row = correct(records, (case, recording), "盞街燈", "壞咗呀")
    assert row is not None and row.based_on is None and row.language == "yue"
    assert [one["start"] for one in row.segments] == [0.0, 5.0]
    assert transcripts.text_of(records.session, case) == "盞街燈 壞咗呀"
    assert case.category == "street-lamps"


def test_what_a_machine_hears_later_does_not_replace_what_a_person_wrote(
    records: Records, spoken: tuple[Case, Recording]
) -> None:
    correct(records, spoken, "條渠塞咗")
    _, recording = spoken
    recording.status, recording.lease_until, recording.lease_token = "fetched", None, None
    records.session.flush()
    claim = recordings.claim(records.session, recording.id, "transcribe", NOW + MINUTE, MINUTE)
    assert claim is not None
    assert finish(records, claim, heard_lines(line(SECOND, 0.0), engine="another"))
    assert transcripts.text_of(records.session, spoken[0]) == "條渠塞咗"


@pytest.mark.parametrize("role", ["auditor", "officer", "coordinator", "leader"])
def test_only_the_desk_writes(records: Records, spoken: tuple[Case, Recording], role: str) -> None:
    with pytest.raises(Refused) as refused:
        correct(records, spoken, "x", by=Person("agent:3", role, "hyd"))
    assert refused.value.code == "forbidden"


def test_a_text_longer_than_anybody_speaks_is_refused(
    records: Records, spoken: tuple[Case, Recording]
) -> None:
    with pytest.raises(Refused) as refused:
        correct(records, spoken, "街" * (corrections.MOST_CHARACTERS + 1))
    assert refused.value.code == "text_too_long"


def test_lines_that_do_not_make_up_the_text_all_count() -> None:
    odd = Transcript(text="something else", segments=[asdict(line(FIRST, 0.0))])
    assert [one.counts for one in corrections.lines(odd)] == [True]
    assert corrections.text_to_edit(odd) == "something else"
