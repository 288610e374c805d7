"""Rung back: what the provider is asked, what the citizen hears, and what becomes of it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select

from app import create_app
from cases import followups, outgoing, recordings, transcripts
from cases.calls import Call
from cases.case import Case
from cases.followups import Followup
from cases.recordings import ON_THE_LINE, Recording
from demo.media import MediaServer
from demo.rest import RestServer
from ivr import outbound, replay
from ivr.phone import Phone
from runtime import clock
from runtime.database import transaction
from runtime.settings import Settings
from tests.integration.telephone import TOKEN, Exchange, Line, said
from tests.integration.work import MINUTE, heard
from tests.support import ringing

OURS = "+85221231823"
CITIZEN = "+85291234567"


@dataclass
class Provider:
    """The provider's REST interface, which rings nobody: the test is the citizen."""

    rest: RestServer = field(init=False)
    calls: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rest = RestServer(
            ("AC1", TOKEN), MediaServer(None), self.ring, lambda: self.calls[::-1], lambda form: {}
        )

    def ring(self, form: Mapping[str, str]) -> dict[str, Any]:
        call = {
            "sid": f"CA-ours-{len(self.calls)}",
            "to": form["To"],
            "from": form["From"],
            "status": "queued",
            "answered_by": None,
            "date_created": format_datetime(clock.now()),
        }
        self.calls.append(call)
        return call

    @property
    def asked(self) -> list[dict[str, str]]:
        return self.rest.asked

    def refuses(self, status: int, code: int = 20001) -> None:
        self.rest.manners.refusals.append((status, code))


@dataclass
class House:
    """A hotline that rings back, and its provider."""

    exchange: Exchange
    provider: Provider

    @property
    def phone(self) -> Phone:
        return self.exchange.phone

    def resolved(self, number: str = CITIZEN, language: str = "en") -> int:
        """A case that a department has resolved, planned to be followed up. The follow-up's id."""
        line = self.exchange.line(number)
        line.answer()
        line.speak()
        self.exchange.send(line.status())
        now = clock.now() - timedelta(minutes=1)
        with transaction(self.phone.engine) as session:
            case = session.scalars(
                select(Case).join(Call, Call.id == Case.call_id).where(Call.provider_id == line.sid)
            ).one()
            case.status, case.owner, case.language = "resolved", "hyd", language
            session.flush()
            return followups.plan(session, case, self.phone.terms, now).id

    def place(self, **later: float) -> bool:
        return outbound.place_next(self.phone, clock.now() + timedelta(**later))

    def row(self, followup_id: int) -> Followup:
        with transaction(self.phone.engine) as session:
            row = session.get_one(Followup, followup_id)
            session.expunge_all()
        return row

    def case(self, followup_id: int) -> Case:
        with transaction(self.phone.engine) as session:
            case = session.get_one(Case, session.get_one(Followup, followup_id).case_id)
            session.expunge_all()
        return case

    def ring(self, **later: float) -> "Ringing":
        """Place the call that is due; the citizen's end of it."""
        assert self.place(**later)
        asked = self.provider.asked[-1]
        return Ringing(self.exchange, self.provider.calls[-1]["sid"], OURS, asked=asked)


@dataclass
class Ringing(Line):
    """A call of ours, as the citizen and the provider live through it."""

    asked: Mapping[str, str] = field(default_factory=dict)

    def path(self, name: str) -> str:
        parts = urlsplit(self.asked[name])
        return f"{parts.path}?{parts.query}" if parts.query else parts.path

    def pick_up(self, by: str = "human") -> str:
        return said(self.go(self.path("Url"), AnsweredBy=by, To=CITIZEN))

    def press(self, keys: str) -> str:  # type: ignore[override]
        return said(super().press(keys))

    def ends(self, status: str = "completed", **fields: str) -> None:
        webhook = self.webhook(self.path("StatusCallback"), CallStatus=status, **fields)
        assert self.exchange.send(webhook)[0].status_code == 204


@pytest.fixture
def make(settings: Callable[..., Settings], tmp_path: Path) -> Iterator[Callable[..., House]]:
    """A hotline that rings back by the rules the test wants."""
    provider = Provider()

    def house(**rules: object) -> House:
        chosen = settings(
            city=str(ringing.city(tmp_path, **rules)),
            outbound_calls=True,
            outbound_number=OURS,
            provider_api_url=provider.rest.address,
        )
        return House(Exchange(create_app(chosen)), provider)

    with provider.rest:
        yield house


@pytest.fixture
def house(make: Callable[..., House]) -> House:
    return make()


# What the provider is asked


def test_the_provider_is_asked_for_a_bounded_call_with_machine_detection(house: House) -> None:
    house.resolved()
    house.ring()
    (asked,) = house.provider.asked
    assert (asked["To"], asked["From"]) == (CITIZEN, OURS)
    assert (asked["Timeout"], asked["TimeLimit"]) == ("30", "300")
    assert asked["MachineDetection"] == "Enable" and "AsyncAmd" not in asked
    assert CITIZEN[1:] not in asked["Url"] + asked["StatusCallback"]


def test_switched_off_nobody_is_rung(settings: Callable[..., Settings]) -> None:
    off = House(Exchange(create_app(settings(provider_api_url="http://127.0.0.1:9"))), Provider())
    off.resolved()
    assert not off.place()


def test_outside_the_hours_it_waits(make: Callable[..., House]) -> None:
    closed = dict.fromkeys(ringing.ALWAYS, "closed")
    house = make(hours=closed)
    followup_id = house.resolved()
    assert not house.place()
    assert house.row(followup_id).state == "waiting" and house.provider.asked == []


def test_a_number_abroad_is_for_a_person_and_the_provider_is_not_asked(house: House) -> None:
    followup_id = house.resolved("+8613800138000")
    assert not house.place()
    assert (house.row(followup_id).state, house.row(followup_id).reason) == ("by_hand", "foreign")
    assert house.provider.asked == []


# What the citizen hears and answers


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "Has anybody been in touch"),
        ("yue", "有冇部門聯絡過你"),
        ("cmn", "有没有部门联系过您"),
    ],
)
def test_the_citizens_own_language_is_spoken(house: House, language: str, words: str) -> None:
    house.resolved(language=language)
    call = house.ring()
    assert words in call.pick_up()
    assert len({one.get("language") for one in call.twiml.iter("Say")}) == 1


def test_the_case_number_is_told(house: House) -> None:
    number = house.case(house.resolved()).number
    call = house.ring()
    assert number in "".join(filter(str.isdigit, call.pick_up()))


def test_three_keys_and_not_solved_send_the_case_back(house: House) -> None:
    followup_id = house.resolved()
    call = house.ring()
    call.pick_up()
    assert "solved" in call.press("1")
    assert "satisfied" in call.press("2")
    assert "after the beep" in call.press("3")
    call.ends()
    row = house.row(followup_id)
    assert (row.state, row.contacted, row.solved, row.satisfied) == ("answered", True, False, "no")
    assert house.case(followup_id).status == "accepted"
    assert "reopened" in house.case(followup_id).flags


def test_the_remark_is_attached_to_the_case_and_changes_nothing_else_in_it(house: House) -> None:
    followup_id = house.resolved()
    before = house.case(followup_id)
    call = house.ring()
    call.pick_up()
    for _ in range(3):
        call.press("1")
    assert "Goodbye" in said(call.speak(seconds="9"))
    call.ends()
    row = house.row(followup_id)
    assert row.remark_recording_id is not None
    _hear(house, row.remark_recording_id, "the lamp works, thank you")
    after = house.case(followup_id)
    assert after.status == "closed"
    assert (after.category, after.transcribed_at) == (before.category, before.transcribed_at)
    with transaction(house.phone.engine) as session:
        told = transcripts.of_recording(session, row.remark_recording_id)
        assert told is not None and told.text == "the lamp works, thank you"
        recording = session.get_one(Recording, row.remark_recording_id)
        about = outgoing.case_about(session, recording.call_id)
        assert about is not None and about.id == after.id


def test_a_remark_of_which_only_the_callback_tells_is_attached_too(house: House) -> None:
    followup_id = house.resolved()
    call = house.ring()
    call.pick_up()
    for _ in range(3):
        call.press("1")
    record = next(call.twiml.iter("Record"))
    parts = urlsplit(record.get("recordingStatusCallback") or "")
    callback = call.callback()
    answer = house.exchange.post(f"{parts.path}?{parts.query}", callback.form)
    assert answer.status_code == 204
    assert house.row(followup_id).remark_recording_id is not None


def _hear(house: House, recording_id: int, text: str) -> None:
    """Fetch and transcribe one recording."""
    for step in ("fetch", "transcribe"):
        with transaction(house.phone.engine) as session:
            claim = recordings.claim(session, recording_id, step, clock.now(), MINUTE)  # type: ignore[arg-type]
            assert claim is not None
            if step == "fetch":
                recordings.fetched(session, claim, "sound", clock.now())
            else:
                assert transcripts.finish(session, claim, heard(text), [], clock.now())


# By speaking


def _speaks(house: House, call: Ringing) -> int:
    """No key, and an answer after the beep: the recording's id."""
    call.keep_silent()
    call.speak(Digits="")
    (recording,) = house.exchange.recording_rows(call.sid)
    return recording.id


def test_a_spoken_answer_is_heard_before_all_others_and_kept(house: House) -> None:
    followup_id = house.resolved()
    call = house.ring()
    call.pick_up()
    recording_id = _speaks(house, call)
    assert house.exchange.recording_rows(call.sid)[0].priority == ON_THE_LINE
    assert "One moment" in said(call.twiml)
    _hear(house, recording_id, "Yes, they did")
    call.keep_silent()
    assert "Is the matter solved" in said(call.twiml)
    assert house.row(followup_id).contacted is True


def test_what_is_not_heard_in_time_is_asked_for_by_key(house: House) -> None:
    followup_id = house.resolved()
    call = house.ring()
    call.pick_up()
    _speaks(house, call)
    call.keep_silent()
    assert "One moment" in said(call.twiml)
    call.keep_silent()
    assert "did not understand" in said(call.twiml)
    call.press("2")
    assert house.row(followup_id).contacted is False


def test_what_is_unclear_is_asked_for_by_key(house: House) -> None:
    house.resolved()
    call = house.ring()
    call.pick_up()
    _hear(house, _speaks(house, call), "well, yes and no")
    call.keep_silent()
    assert "did not understand" in said(call.twiml)


# Nobody, a machine, somebody else


@pytest.mark.parametrize("outcome", ["no-answer", "busy", "failed", "canceled"])
def test_nobody_there_is_a_try(house: House, outcome: str) -> None:
    followup_id = house.resolved()
    house.ring().ends(outcome)
    row = house.row(followup_id)
    assert (row.state, row.tries) == ("waiting", 1)


def test_after_the_last_try_the_case_is_closed_as_not_reached(make: Callable[..., House]) -> None:
    house = make(tries=2)
    followup_id = house.resolved()
    house.ring().ends("no-answer")
    house.ring(minutes=2).ends("no-answer")
    assert house.row(followup_id).state == "not_reached"
    assert house.case(followup_id).status == "closed"
    assert not house.place(minutes=9)


@pytest.mark.parametrize("by", ["machine_start", "machine_end_beep", "fax"])
def test_a_machine_is_told_nothing_and_counts_as_a_try(house: House, by: str) -> None:
    followup_id = house.resolved()
    number = house.case(followup_id).number
    call = house.ring()
    words = call.pick_up(by)
    assert words and not any(map(str.isdigit, words)) and "case" not in words
    assert number not in words and call.twiml.find("Hangup") is not None
    call.ends(AnsweredBy=by)
    row = house.row(followup_id)
    assert (row.state, row.tries) == ("waiting", 1)


def test_somebody_else_is_not_rung_again(house: House) -> None:
    first, second = house.resolved(), house.resolved()
    call = house.ring()
    call.pick_up()
    assert "not ring this number again" in call.press("9")
    call.ends()
    assert {house.row(first).reason, house.row(second).state} == {"wrong_number", "waiting"}
    assert not house.place(minutes=5)


def test_who_asks_for_a_person_is_put_through_and_then_on_the_list(house: House) -> None:
    followup_id = house.resolved()
    call = house.ring()
    call.pick_up()
    call.press("0")
    assert call.twiml.find("Dial") is not None
    call.go(call.target("Dial"), DialCallStatus="completed")
    call.ends()
    assert (house.row(followup_id).state, house.row(followup_id).reason) == (
        "by_hand",
        "wants_person",
    )


# Twice, late, out of order


def test_every_webhook_twice_changes_nothing(house: House) -> None:
    followup_id = house.resolved()
    call = house.ring()
    call.pick_up()
    call.pick_up()
    for key in "121":
        path = call.target("Gather")
        call.go(path, Digits=key)
        call.go(path, Digits=key)
    call.ends()
    call.ends()
    row = house.row(followup_id)
    assert (row.contacted, row.solved, row.satisfied, row.tries) == (True, False, "very", 1)
    assert house.case(followup_id).status == "accepted"


def test_the_last_key_may_come_after_the_end(house: House) -> None:
    followup_id = house.resolved()
    call = house.ring()
    call.pick_up()
    call.press("1")
    call.ends()
    assert house.row(followup_id).state == "waiting"
    call.press("1")
    assert house.row(followup_id).state == "answered"
    assert house.case(followup_id).status == "closed"


def test_a_call_that_was_never_placed_is_ended(house: House) -> None:
    line = house.exchange.line(OURS)
    twiml = line.go(f"/voice/followup?try={'0' * 32}")
    assert [element.tag for element in twiml] == ["Hangup"]
    with transaction(house.phone.engine) as session:
        assert session.scalars(select(Call)).all() == []


def test_a_second_call_for_one_intent_is_ended(house: House) -> None:
    followup_id = house.resolved()
    call = house.ring()
    call.pick_up()
    second = Ringing(house.exchange, "CA-second", OURS, asked=call.asked)
    assert second.pick_up() == ""
    call.press("1")
    assert house.row(followup_id).contacted is True


def test_an_old_call_cannot_answer_for_a_new_one(make: Callable[..., House]) -> None:
    house = make(tries=3)
    house.resolved()
    old = house.ring()
    old.ends("no-answer")
    house.ring(minutes=2)
    assert "when" not in old.pick_up()
    assert [element.tag for element in old.twiml] == ["Hangup"]


@pytest.mark.parametrize("path", ["", "/turn?step=solved", "/status", "/fallback"])
def test_what_is_not_signed_is_refused(house: House, path: str) -> None:
    answer = house.exchange.app.test_client().post(f"/voice/followup{path}", data={"CallSid": "1"})
    assert answer.status_code == 403


def test_the_fallback_tells_nothing_and_ends(house: House) -> None:
    house.resolved()
    call = house.ring()
    twiml = call.go(call.path("FallbackUrl"), ErrorCode="11200")
    assert twiml.find("Hangup") is not None and "case" not in said(twiml)


# When the provider says no, or nothing


def test_a_provider_that_has_enough_is_asked_again_later(house: House) -> None:
    followup_id = house.resolved()
    house.provider.refuses(429)
    house.place()
    row = house.row(followup_id)
    assert (row.state, row.tries) == ("waiting", 0)
    house.resolved("+85291111111")
    assert not house.place(seconds=30)
    assert house.place(seconds=90)


def test_a_provider_that_cannot_be_reached_is_left_alone_for_a_while(house: House) -> None:
    ids = [house.resolved(), house.resolved("+85291111111")]
    house.provider.rest.__exit__()
    assert house.place()
    assert [house.row(one).state for one in ids] == ["waiting", "waiting"]
    assert not house.place(seconds=5)


def test_a_number_the_provider_refuses_is_for_a_person(house: House) -> None:
    followup_id = house.resolved()
    house.provider.refuses(400, 21211)
    house.place()
    assert (house.row(followup_id).state, house.row(followup_id).reason) == ("by_hand", "rejected")


@pytest.mark.parametrize("status", [0, 503])
def test_where_the_answer_is_lost_nobody_is_rung_twice(house: House, status: int) -> None:
    """0: the call was placed and the line broke. 503: it was not."""
    followup_id = house.resolved()
    house.provider.refuses(status)
    house.place()
    assert house.row(followup_id).state == "calling"
    assert not house.place(minutes=2)
    outbound.look_after(house.phone, clock.now() + timedelta(minutes=3))
    if status == 0:
        assert house.row(followup_id).state == "calling"
        with transaction(house.phone.engine) as session:
            call = outgoing.latest_of(session, followup_id)
            assert call is not None and call.call_id is not None
    else:
        assert (house.row(followup_id).state, house.row(followup_id).tries) == ("waiting", 0)


def test_a_call_found_in_the_list_goes_on_as_if_nothing_had_happened(house: House) -> None:
    followup_id = house.resolved()
    house.provider.refuses(0)
    house.place()
    asked, sid = house.provider.asked[-1], house.provider.calls[-1]["sid"]
    call = Ringing(house.exchange, sid, OURS, asked=asked)
    call.pick_up()
    for _ in range(3):
        call.press("1")
    call.ends()
    assert house.row(followup_id).state == "answered"


def test_an_end_that_nobody_tells_is_asked_for(house: House) -> None:
    followup_id = house.resolved()
    house.ring()
    house.provider.calls[-1]["status"] = "no-answer"
    assert outbound.look_after(house.phone, clock.now() + timedelta(minutes=1)) == 0
    assert outbound.look_after(house.phone, clock.now() + timedelta(minutes=10)) == 1
    assert house.row(followup_id).state == "waiting"


def test_a_call_still_going_on_is_left_alone(house: House) -> None:
    followup_id = house.resolved()
    house.ring()
    house.provider.calls[-1]["status"] = "in-progress"
    outbound.look_after(house.phone, clock.now() + timedelta(minutes=10))
    assert house.row(followup_id).state == "calling"


# Without the database


def test_what_was_pressed_while_the_database_was_away_counts(house: House) -> None:
    followup_id = house.resolved()
    call = house.ring()
    call.pick_up()
    call.press("1")
    path = call.target("Gather")
    form = call.webhook(path, Digits="1").form
    event = {"kind": "followup", "query": _query(path), "form": dict(form)}
    house.phone.spool.add({**event, "at": datetime.now(UTC).isoformat()})
    assert replay.drain(house.exchange.phones) == 1
    call.ends()
    assert house.row(followup_id).state == "answered"


def _query(path: str) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in urlsplit(path).query.split("&"))
