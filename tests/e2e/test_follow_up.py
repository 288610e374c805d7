"""A resolved case, and the telephone rings: web, workers and watch as processes, and a provider."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, update

from cases import followups, transcripts
from cases.calls import Call as CallRow
from cases.case import Case
from cases.followups import Followup
from cases.notices import Notice
from demo import events
from demo.call import Call
from demo.caller import (
    Pickup,
    does_not_answer,
    hang_up,
    machine,
    picks_up,
    press,
    speak,
    stay_silent,
)
from demo.delivery import Delivery
from demo.scenario import Scenario
from ivr import phone as telephone
from runtime import clock, database
from runtime.database import transaction
from runtime.settings import Settings
from tests.support import ringing
from tests.support.hotline import Hotline
from tests.support.hotline import hotline as whole_hotline
from tests.support.servers import postgres_server, redis_server

OURS = "+85221231823"
LANGUAGES = ("yue", "cmn", "en")


@dataclass
class Desk:
    """Resolves cases by the rules, and looks at what the telephone made of them."""

    hotline: Hotline
    engine: Engine
    phone: telephone.Phone
    calls: int = 0

    def citizen(self) -> str:
        """A telephone of its own for every test."""
        self.calls += 1
        return f"+8529123{self.calls:04d}"

    def resolved(self, number: str, language: str = "en") -> int:
        """Somebody called from this number, and their case is resolved. The follow-up's id."""
        call = self.hotline.ring(caller=number)
        with transaction(self.engine) as session:
            row = session.scalars(select(CallRow).where(CallRow.provider_id == call.sid)).one()
            case = session.scalars(select(Case).where(Case.call_id == row.id)).one()
            case.language = language
            return self._resolve(session, case)

    def again(self, followup_id: int) -> int:
        """The department resolves the case once more."""
        with transaction(self.engine) as session:
            case = session.get_one(Case, session.get_one(Followup, followup_id).case_id)
            return self._resolve(session, case)

    def _resolve(self, session: database.Session, case: Case) -> int:
        case.status, case.owner = "resolved", "hyd"
        session.flush()
        return followups.plan(session, case, self.phone.terms, clock.now()).id

    def row(self, followup_id: int) -> Followup:
        with transaction(self.engine) as session:
            row = session.get_one(Followup, followup_id)
            session.expunge_all()
        return row

    def case(self, followup_id: int) -> Case:
        with transaction(self.engine) as session:
            case = session.get_one(Case, session.get_one(Followup, followup_id).case_id)
            session.expunge_all()
        return case

    def wait_for(
        self, followup_id: int, wish: Callable[[Followup], bool], seconds: float = 30
    ) -> Followup:
        deadline = time.monotonic() + seconds
        while not wish(row := self.row(followup_id)):
            told = f"{row.state} ({row.reason}) after {row.tries} tries"
            assert time.monotonic() < deadline, f"after {seconds} s only {told}"
            self.hotline.house.check()
            time.sleep(0.1)
        return row

    def is_state(self, followup_id: int, state: str) -> Followup:
        return self.wait_for(followup_id, lambda row: row.state == state)

    def hurry(self, followup_id: int) -> None:
        """The time between two tries is over."""
        with transaction(self.engine) as session:
            due = update(Followup).where(Followup.id == followup_id)
            session.execute(due.values(next_try_at=clock.now()))

    def rings(self, number: str, *pickups: Pickup) -> None:
        self.hotline.exchange.when_rung(number, *pickups)

    def rung(self, number: str) -> list[Call]:
        self.hotline.exchange.settle()
        return self.hotline.exchange.rung(number)

    def notices(self, followup_id: int, kind: str) -> list[str]:
        with transaction(self.engine) as session:
            case_id = session.get_one(Followup, followup_id).case_id
            found = select(Notice.to).where(Notice.case_id == case_id, Notice.kind == kind)
            return list(session.scalars(found))


@pytest.fixture(scope="module", params=["sqlite", "postgres and redis"])
def desk(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("ringing")
        settings = {
            "CITY": str(ringing.city(folder, tries=2)),
            "OUTBOUND_CALLS": "1",
            "OUTBOUND_NUMBER": OURS,
        }
        if request.param != "sqlite":
            settings["DATABASE_URL"] = stack.enter_context(postgres_server()).url
            settings["REDIS_URL"] = stack.enter_context(redis_server()).url
        hotline = stack.enter_context(whole_hotline(folder / "state", settings))
        hotline.house.start_watch()
        yield _desk(stack, hotline)


def _desk(stack: ExitStack, hotline: Hotline) -> Desk:
    chosen = {
        name.lower(): value
        for name, value in hotline.house.environment.items()
        if name.lower() in Settings.model_fields
    }
    settings = Settings(_env_file=None, **chosen)  # type: ignore[arg-type,call-arg]
    engine = database.engine(settings.database_url)
    stack.callback(engine.dispose)
    return Desk(hotline, engine, telephone.install(settings, engine))


def keys(*pressed: str, then: tuple[object, ...] = (), **how: object) -> Pickup:
    return picks_up(*(press(key) for key in pressed), *then, hang_up(), **how)  # type: ignore[arg-type]


def test_not_solved_then_solved(desk: Desk) -> None:
    """Resolved, the phone rings, 1 2 3: it goes back. Resolved again, 1 1 1: it is closed."""
    citizen = desk.citizen()
    desk.rings(citizen, keys("1", "2", "3"), keys("1", "1", "1"))
    first = desk.resolved(citizen)
    row = desk.is_state(first, "answered")
    assert (row.contacted, row.solved, row.satisfied) == (True, False, "no")
    assert (row.department, row.resolution, row.by) == ("hyd", 1, "voice")
    assert desk.case(first).status == "accepted"
    assert "reopened" in desk.case(first).flags
    assert "department:hyd" in desk.notices(first, "reopened")
    second = desk.again(first)
    row = desk.is_state(second, "answered")
    assert (row.contacted, row.solved, row.satisfied, row.resolution) == (True, True, "very", 2)
    assert desk.case(second).status == "closed"
    for call in desk.rung(citizen):
        assert not call.trouble


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_citizens_language_is_spoken(desk: Desk, language: str) -> None:
    citizen = desk.citizen()
    desk.rings(citizen, keys("1", "1", "1"))
    followup_id = desk.resolved(citizen, language)
    desk.is_state(followup_id, "answered")
    (call,) = desk.rung(citizen)
    assert {one.language for one in call.of(events.Hears)} == {language}


def test_nobody_answers_a_message_is_sent_and_it_is_closed_as_not_reached(desk: Desk) -> None:
    citizen = desk.citizen()
    desk.rings(citizen, does_not_answer(), does_not_answer("busy"))
    followup_id = desk.resolved(citizen)
    desk.wait_for(followup_id, lambda row: row.tries == 1 and row.state == "waiting")
    assert desk.notices(followup_id, "followup_missed") == []
    desk.hurry(followup_id)
    row = desk.is_state(followup_id, "not_reached")
    assert (row.tries, row.satisfied, row.is_valid) == (2, None, False)
    assert desk.case(followup_id).status == "closed"
    assert desk.notices(followup_id, "followup_missed") == ["caller"]
    assert len(desk.rung(citizen)) == 2


def test_a_machine_is_told_nothing_and_a_person_answers_the_next_time(desk: Desk) -> None:
    citizen = desk.citizen()
    desk.rings(citizen, machine(), keys("1", "1", "2"))
    followup_id = desk.resolved(citizen)
    desk.wait_for(followup_id, lambda row: row.tries == 1 and row.state == "waiting")
    (call,) = desk.rung(citizen)
    assert "case" not in call.heard and not any(map(str.isdigit, call.heard))
    desk.hurry(followup_id)
    assert desk.is_state(followup_id, "answered").satisfied == "fairly"


def test_a_withheld_number_is_for_an_agent(desk: Desk) -> None:
    followup_id = desk.resolved("anonymous")
    row = desk.row(followup_id)
    assert (row.state, row.reason) == ("by_hand", "withheld")
    with transaction(desk.engine) as session:
        assert followup_id in {row.id for row, _ in followups.by_hand(session)}


def test_who_hangs_up_after_two_answers_has_given_two(desk: Desk) -> None:
    citizen = desk.citizen()
    desk.rings(citizen, keys("2", "1"))
    row = desk.is_state(desk.resolved(citizen), "answered")
    assert (row.contacted, row.solved, row.satisfied) == (False, True, None)


@pytest.mark.parametrize(
    "delivery",
    [
        Delivery(copies=2),
        Delivery(copies=2, racing=True),
        Delivery(callbacks="reversed", late=0.5),
        Delivery(lost=frozenset({"recording callback"})),
    ],
    ids=["twice", "at the same moment", "late and reversed", "lost"],
)
def test_a_provider_in_disorder_makes_no_difference(desk: Desk, delivery: Delivery) -> None:
    citizen = desk.citizen()
    desk.rings(citizen, keys("1", "2", "2", delivery=delivery))
    followup_id = desk.resolved(citizen)
    desk.is_state(followup_id, "answered")
    desk.rung(citizen)
    row = desk.row(followup_id)
    assert (row.solved, row.satisfied, row.tries) == (False, "fairly", 1)
    assert desk.case(followup_id).status == "accepted"


def test_an_end_that_is_never_told_is_known_all_the_same(desk: Desk) -> None:
    """We hang up ourselves after the last word, so no status is needed."""
    citizen = desk.citizen()
    desk.rings(
        citizen,
        picks_up(press("1"), press("1"), press("1"), delivery=Delivery(lost=frozenset({"status"}))),
    )
    assert desk.is_state(desk.resolved(citizen), "answered").solved is True


def test_what_is_added_after_the_beep_is_transcribed_and_attached(
    desk: Desk, scripted: Mapping[str, Scenario]
) -> None:
    remark = scripted["en-street-lamp"]
    citizen = desk.citizen()
    said = speak(remark.recording, remark.says, then="#")
    desk.rings(citizen, picks_up(press("1"), press("2"), press("3"), said))
    followup_id = desk.resolved(citizen)
    desk.is_state(followup_id, "answered")
    row = desk.wait_for(followup_id, lambda row: row.remark_recording_id is not None)
    assert row.remark_recording_id is not None
    text = _transcript(desk, row.remark_recording_id)
    assert "lamp" in text.lower()
    before = desk.case(followup_id)
    assert before.category is None  # what was said now is not what the case is about


def _transcript(desk: Desk, recording_id: int, seconds: float = 60) -> str:
    deadline = time.monotonic() + seconds
    while True:
        with transaction(desk.engine) as session:
            found = transcripts.of_recording(session, recording_id)
            if found is not None:
                return found.text
        assert time.monotonic() < deadline, "not transcribed in time"
        time.sleep(0.2)


def test_who_speaks_and_is_not_understood_is_asked_for_the_key(desk: Desk, message: Path) -> None:
    """The demonstration's model knows no single words: what it hears here is no answer."""
    citizen = desk.citizen()
    spoken = (stay_silent(), speak(message, then="#"), stay_silent(), stay_silent())
    desk.rings(citizen, picks_up(*spoken, press("1"), press("1"), press("1"), hang_up()))
    row = desk.is_state(desk.resolved(citizen), "answered")
    (call,) = desk.rung(citizen)
    assert "One moment" in call.heard and "did not understand" in call.heard
    assert row.contacted is True


def test_somebody_else_is_never_rung_again(desk: Desk) -> None:
    citizen = desk.citizen()
    desk.rings(citizen, keys("9"))
    first = desk.resolved(citizen)
    assert desk.is_state(first, "by_hand").reason == "wrong_number"
    assert desk.row(desk.resolved(citizen)).reason == "wrong_number"
    assert len(desk.rung(citizen)) == 1


def test_who_wants_no_calls_gets_none(desk: Desk) -> None:
    citizen = desk.citizen()
    desk.rings(citizen, keys("*"))
    row = desk.is_state(desk.resolved(citizen), "not_reached")
    assert (row.reason, row.missed_at) == ("opted_out", None)


# Rules of the city


@pytest.mark.parametrize(
    ("rules", "placed"),
    [({"hours": dict.fromkeys(ringing.ALWAYS, "closed")}, 0), ({"per_day": 1}, 1)],
    ids=["outside the hours nobody is rung", "the cap of the day"],
)
def test_what_the_city_does_not_allow_waits(
    tmp_path: Path, rules: dict[str, object], placed: int
) -> None:
    with ExitStack() as stack:
        settings = {
            "CITY": str(ringing.city(tmp_path, **rules)),
            "OUTBOUND_CALLS": "1",
            "OUTBOUND_NUMBER": OURS,
        }
        hotline = stack.enter_context(whole_hotline(tmp_path / "state", settings, worker=False))
        hotline.house.start_watch()
        desk = _desk(stack, hotline)
        ids = [desk.resolved(desk.citizen()) for _ in range(3)]
        deadline = time.monotonic() + 30
        while len(hotline.exchange.rest.asked) < placed and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(6)  # long enough for one more to be placed, were it allowed
        states = [desk.row(followup_id).state for followup_id in ids]
        assert len(hotline.exchange.rest.asked) == placed
        assert states.count("waiting") >= 3 - placed


def test_the_telephone_rings_at_most_once_a_second(desk: Desk) -> None:
    ids = [desk.resolved(desk.citizen()) for _ in range(4)]
    for followup_id in ids:
        desk.wait_for(followup_id, lambda row: row.tries >= 1)
    with transaction(desk.engine) as session:
        placed = sorted(session.scalars(select(followups.OutgoingCall.placed_at)))
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(placed)]
    assert min(gaps) >= 1.0
