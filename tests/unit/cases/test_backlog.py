"""What waits, what runs, what was given up; and a person who has it tried again."""

from datetime import timedelta

import pytest

from cases import backlog, deliveries, history, notices, recordings, transcripts
from cases.backlog import Step
from cases.deliveries import GONE, Delivery
from cases.permissions import ROLES, Person
from cases.recordings import Recording
from tests.unit.cases.conftest import MEI, NOW, Records
from tests.unit.cases.scene import refused

ADMIN = Person("agent:3", "admin")
LATER = NOW + timedelta(minutes=10)


def step(records: Records, name: str) -> Step:
    return next(one for one in backlog.steps(records.session, LATER) if one.name == name)


def lost(records: Records, provider_id: str, at: str) -> Recording:
    """A recording that was given up while it was fetched, or while it was heard."""
    if at == "fetch":
        _, recording = records.message(provider_id)
        claim = records.claim(recording)
        transcripts.give_up(records.session, claim, "missing", "404", NOW)
    else:
        _, claim = records.ready_to_hear(provider_id)
        transcripts.give_up(records.session, claim, "needs_listening", "broke", NOW)
        recording = records.session.get_one(Recording, claim.recording_id)
    records.session.refresh(recording)
    return recording


def again(records: Records, recording: Recording, by: Person = ADMIN) -> None:
    transcripts.try_again(records.session, recording.id, by=by, now=LATER)
    records.session.refresh(recording)


def test_steps_are_counted_by_how_their_rows_stand(records: Records) -> None:
    records.message("CA1")
    _, held = records.message("CA2")
    recordings.claim(records.session, held.id, "fetch", LATER, timedelta(minutes=1))
    _, put_off = records.message("CA3")
    claim = records.claim(put_off)
    recordings.give_back(records.session, claim, "not yet", LATER + timedelta(hours=1))
    lost(records, "CA4", "fetch")
    records.fetched("CA5")
    assert step(records, "fetch") == Step("fetch", 1, 1, 1, 1, NOW)
    assert step(records, "transcribe") == Step("transcribe", 1, 0, 0, 0, NOW)
    assert step(records, "notify") == Step("notify", 0, 0, 0, 0, None)


@pytest.mark.parametrize(
    ("at", "status", "flag"),
    [("fetch", "announced", "recording_missing"), ("transcribe", "fetched", "listen_to_recording")],
)
def test_a_recording_that_was_given_up_is_worked_on_again(
    records: Records, at: str, status: str, flag: str
) -> None:
    recording = lost(records, "CA1", at)
    case = transcripts.outgoing.case_about(records.session, recording.call_id)
    assert case is not None and flag in case.flags
    assert [one.id for one in recordings.given_up(records.session)] == [recording.id]
    again(records, recording)
    assert (recording.status, recording.attempts, recording.reason) == (status, 0, None)
    assert "transcript_pending" in case.flags
    assert recordings.given_up(records.session) == []
    assert [one.recording_id for one in recordings.due(records.session, at, LATER)] == [  # type: ignore[arg-type]
        recording.id
    ]
    line = history.of_case(records.session, case.id)[-1]
    assert (line.action, line.actor, line.detail) == (
        "tried_again",
        ADMIN.actor,
        {"recording": recording.id},
    )


def test_only_what_was_given_up_and_only_by_who_may(records: Records) -> None:
    recording = lost(records, "CA1", "fetch")
    for role in ROLES:
        if role != "admin":
            with refused("forbidden"):
                again(records, recording, Person("agent:9", role))
    again(records, recording)
    with refused("not_given_up"):
        again(records, recording)
    with refused("unknown_recording"):
        transcripts.try_again(records.session, 999, by=ADMIN, now=LATER)


def delivery(records: Records, **columns: object) -> Delivery:
    session = records.session
    notices.post(
        session, "alert", to="department:bd", case_id=None, facts={}, dedupe=str(columns), now=NOW
    )
    notice = session.query(notices.Notice).order_by(notices.Notice.id.desc()).first()
    assert notice is not None
    deliveries.add(session, notice.id, "department:bd", "webhook", NOW)
    session.flush()
    row = session.query(Delivery).order_by(Delivery.id.desc()).first()
    assert row is not None
    for name, value in columns.items():
        setattr(row, name, value)
    session.flush()
    return row


def try_again(records: Records, row: Delivery, by: Person = ADMIN) -> None:
    deliveries.try_again(records.session, row.id, by=by, now=LATER)
    records.session.refresh(row)


def test_a_delivery_that_was_given_up_begins_its_schedule_anew(records: Records) -> None:
    row = delivery(records, status="failed", attempts=10, ended_at=NOW, error="the webhook: no")
    assert [one.id for _, one in deliveries.given_up(records.session, NOW)] == [row.id]
    try_again(records, row)
    assert (row.status, row.attempts, row.ended_at) == ("waiting", 0, None)
    assert [one.delivery_id for one in deliveries.due(records.session, LATER)] == [row.id]
    assert deliveries.given_up(records.session, NOW) == []


def test_one_that_waits_for_its_next_time_is_tried_now(records: Records) -> None:
    row = delivery(records, next_try_at=LATER + timedelta(hours=5), attempts=3)
    try_again(records, row)
    assert [one.delivery_id for one in deliveries.due(records.session, LATER)] == [row.id]


def test_one_that_arrived_or_is_under_way_is_left_alone(records: Records) -> None:
    with refused("delivered_meanwhile"):
        try_again(records, delivery(records, status="sent"))
    with refused("being_sent"):
        try_again(records, delivery(records, lease_until=LATER + timedelta(minutes=1), attempts=1))
    with refused("forbidden"):
        try_again(records, delivery(records, status="failed", attempts=9), MEI)
    with refused("unknown_delivery"):
        deliveries.try_again(records.session, 999, by=ADMIN, now=LATER)


def test_a_test_goes_by_webhook_alone_and_only_from_who_may(records: Records) -> None:
    made = deliveries.send_test(records.session, "bd", by=ADMIN, now=NOW)
    ((notice, row),) = deliveries.latest(records.session, "department:bd", "webhook", 5)
    assert (row.id, notice.kind, notice.case_id, row.status) == (made, "test", None, "waiting")
    assert notice.spread_at == NOW and backlog.unspread(records.session) == 0
    with refused("forbidden"):
        deliveries.send_test(records.session, "bd", by=MEI, now=NOW)


def test_a_webhook_that_wanted_nothing_more_may_want_again(records: Records) -> None:
    at = {"address": "https://bd.example/hooks", "attempts": 1}
    gone = lambda: deliveries.is_gone(records.session, "department:bd", at["address"])  # type: ignore[arg-type]  # noqa: E731
    delivery(records, status="sent", sent_at=NOW, response_status=204, **at)
    assert not gone()
    delivery(
        records, status="failed", ended_at=NOW + timedelta(hours=1), response_status=GONE, **at
    )
    assert gone()
    delivery(records, status="sent", sent_at=NOW + timedelta(hours=2), response_status=200, **at)
    assert not gone()
