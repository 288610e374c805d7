"""Marks of abuse: made with a reason, decided by another, over by themselves, and without any effect."""

import re
from datetime import datetime, timedelta

import pytest

from cases import abuse, history, recordings
from cases.abuse import LASTS, LASTS_UNCONFIRMED, Count, Mark
from cases.case import Case
from cases.permissions import Person
from tests.conftest import PROJECT
from tests.unit.cases.conftest import BOSS, KEY, MEI, NOW, Records
from tests.unit.cases.scene import refused

DIGEST = KEY.digest("+85291234567")
LATER = NOW + timedelta(days=1)


def mark(records: Records, case: Case, by: Person = MEI, **other: str) -> Mark:
    said = {
        "kind": "nuisance",
        "reason": "silent_calls",
        "words": "Eight calls, nothing said.",
        **other,
    }
    return abuse.mark(records.session, case, **said, by=by, now=NOW)  # type: ignore[arg-type]


def decide(
    records: Records, one: Mark, confirm: bool, by: Person = BOSS, now: datetime = LATER
) -> None:
    abuse.decide(records.session, one, confirm, "Listened to all of them.", by=by, now=now)


def standing(records: Records, now: datetime = LATER) -> list[Mark]:
    return abuse.standing(records.session, DIGEST, now)


def test_a_mark_is_seen_at_the_next_call_of_the_same_number_alone(records: Records) -> None:
    one = mark(records, records.message()[0])
    assert standing(records) == [one]
    assert abuse.standing(records.session, KEY.digest("+85298765432"), LATER) == []
    assert abuse.standing(records.session, None, LATER) == []


def test_it_needs_a_kind_a_reason_and_words(records: Records) -> None:
    case, _ = records.message()
    for wrong in ({"kind": "rude"}, {"reason": ""}, {"reason": "because"}, {"words": " "}):
        with refused("incomplete"):
            mark(records, case, **wrong)
    assert standing(records) == []


def test_a_caller_who_withheld_the_number_cannot_be_marked(records: Records) -> None:
    call_id = records.call("CA9", "anonymous")
    from cases import case as case_module
    from tests.unit.cases.conftest import TERMS

    case = case_module.open_for(records.session, call_id, TERMS, NOW)
    with refused("caller_withheld"):
        mark(records, case)


def test_nobody_but_the_desk_marks_and_nobody_but_supervisors_decide(records: Records) -> None:
    case, _ = records.message()
    for role in ("auditor", "officer", "leader", "coordinator"):
        with refused("forbidden"):
            mark(records, case, Person("agent:8", role))
    one = mark(records, case)
    for by in (MEI, Person("agent:8", "auditor")):
        with refused("forbidden"):
            decide(records, one, True, by)


def test_unless_confirmed_it_ends_soon_and_confirmed_it_ends_too(records: Records) -> None:
    one = mark(records, records.message()[0])
    assert standing(records, NOW + LASTS_UNCONFIRMED) == []
    decide(records, one, True)
    assert standing(records, NOW + LASTS_UNCONFIRMED) == [one]
    assert standing(records, NOW + LASTS) == []


def test_one_that_is_lifted_is_seen_no_more_but_stays_on_record(records: Records) -> None:
    case, _ = records.message()
    one = mark(records, case)
    decide(records, one, False)
    assert standing(records) == [] and abuse.latest(records.session) == [one]
    lines = [
        entry for entry in history.of_case(records.session, case.id) if "caller" in entry.action
    ]
    assert [(line.action, line.actor) for line in lines] == [
        ("caller_marked", MEI.actor),
        ("caller_mark_lifted", BOSS.actor),
    ]
    assert lines[0].detail["words"] == "Eight calls, nothing said."


def test_who_made_it_may_lift_but_not_confirm_it(records: Records) -> None:
    one = mark(records, records.message()[0], BOSS)
    with refused("own_mark"):
        decide(records, one, True)
    decide(records, one, False)
    with refused("decided_before"):
        decide(records, one, True, Person("agent:9", "admin"))


def test_a_confirmed_one_may_be_lifted_and_needs_words(records: Records) -> None:
    one = mark(records, records.message()[0])
    decide(records, one, True)
    with refused("decided_before"):
        decide(records, one, True)
    with refused("incomplete"):
        abuse.decide(records.session, one, False, " ", by=BOSS, now=LATER)
    decide(records, one, False)
    assert standing(records) == []


def test_a_case_marks_its_caller_once_while_the_mark_stands(records: Records) -> None:
    case, _ = records.message()
    one = mark(records, case)
    with refused("marked_before"):
        mark(records, case)
    decide(records, one, False)
    assert mark(records, case).id != one.id


def test_a_mark_changes_nothing_in_how_a_case_is_dealt_with(records: Records) -> None:
    case, recording = records.message("CA1")
    before = (case.status, list(case.flags), case.due_at, case.version, recording.priority)
    decide(records, mark(records, case), True)
    records.session.refresh(case)
    assert (case.status, list(case.flags), case.due_at, case.version, recording.priority) == before
    _, later = records.message("CA2")
    due = [one.recording_id for one in recordings.due(records.session, "fetch", NOW)]
    assert (later.priority, due) == (0, [recording.id, later.id])


def test_nothing_that_answers_calls_or_orders_work_knows_of_marks() -> None:
    knows = re.compile(r"\babuse\b")
    folders = ("ivr", "transcription", "callflows", "watch", "runtime")
    files = [file for folder in folders for file in (PROJECT / folder).rglob("*.py")]
    assert len(files) > 50
    assert [
        file for file in (*files, PROJECT / "worker.py") if knows.search(file.read_text())
    ] == []


def test_auditors_count_what_became_of_marks(records: Records) -> None:
    cases = [records.message(f"CA{n}")[0] for n in range(4)]
    made = [mark(records, case, kind="hoax" if n else "abusive") for n, case in enumerate(cases)]
    decide(records, made[0], True)
    decide(records, made[1], False)
    counted = abuse.counts(records.session, NOW - timedelta(days=1), LATER)
    assert counted["kind"] == {"abusive": Count(1, 0, 1, 0, 0), "hoax": Count(3, 2, 0, 1, 0)}
    assert counted["agent"] == {MEI.actor: Count(4, 2, 1, 1, 0)}
    over = abuse.counts(records.session, NOW - timedelta(days=1), NOW + LASTS_UNCONFIRMED)
    assert over["agent"] == {MEI.actor: Count(4, 0, 1, 1, 2)}
    assert abuse.counts(records.session, LATER, LATER)["kind"] == {}
    assert [one.id for one in abuse.waiting(records.session, LATER)] == [made[2].id, made[3].id]


@pytest.mark.parametrize("kind", abuse.KINDS)
def test_every_kind_can_be_marked(records: Records, kind: str) -> None:
    assert mark(records, records.message()[0], kind=kind).kind == kind
