"""What a caller said is read back in the same call: real webhooks, workers' work done by hand."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from app import create_app
from cases import history, readings, recordings, stations, transcripts
from cases.calls import Call
from cases.case import Case
from cases.notices import Notice
from cases.recordings import ON_THE_LINE
from cases.transcripts import Slot
from runtime import clock
from runtime.city import City
from runtime.database import transaction
from runtime.settings import Settings
from tests.integration.telephone import Exchange, Line, said
from tests.integration.work import MINUTE, heard
from watch.understanding import mind_of, understand_one

HONGKONG = City.read(Path(__file__).parents[2] / "cities" / "hongkong")
MIND = mind_of(HONGKONG)
NETS = "大埔宏福苑啲棚網好易燃"
NUMBER = re.compile(r"\d")
DIGITS = str.maketrans("零一幺二三四五六七八九", "01123456789")


@dataclass
class House:
    """A hotline whose workers are up, and a caller on the line who has just been greeted."""

    exchange: Exchange
    line: Line

    def speak(self, number: int = 1, **fields: str) -> str:
        return said(self.line.speak(number, **fields))

    def wait(self) -> str:
        """Do nothing while the workers work."""
        return said(self.line.keep_silent())

    def press(self, key: str) -> str:
        return said(self.line.press(key))

    def hear(self, text: str | None, language: str = "yue", nth: int = -1, **how: object) -> None:
        """Fetch and hear a recording of the call."""
        row = self.exchange.recording_rows(self.line.sid)[nth]
        for step in ("fetch", "transcribe"):
            with transaction(self.exchange.phone.engine) as session:
                claim = recordings.claim(session, row.id, step, clock.now(), MINUTE)  # type: ignore[arg-type]
                assert claim is not None
                if step == "fetch":
                    recordings.fetched(session, claim, "sound", clock.now())
                elif text is None:
                    transcripts.no_speech(session, claim, clock.now())
                else:
                    told = heard(text, language, **how)  # type: ignore[arg-type]
                    transcripts.finish(session, claim, told, [], clock.now())

    def understand(self) -> None:
        with transaction(self.exchange.phone.engine) as session:
            due = readings.unread(session)
        for case_id in due:
            understand_one(self.exchange.phone.engine, MIND, case_id)

    def is_understood(self, text: str, language: str = "yue", **how: object) -> None:
        self.hear(text, language, **how)
        self.understand()

    def case(self) -> Case:
        with transaction(self.exchange.phone.engine) as session:
            wanted = select(Case).join(Call).where(Call.provider_id == self.line.sid)
            case = session.scalars(wanted).one()
            session.expunge_all()
            return case

    def lines(self, action: str) -> list[history.Entry]:
        with transaction(self.exchange.phone.engine) as session:
            whole = history.of_case(session, self.case().id)
            assert list(history.verify(session)) == []
            session.expunge_all()
            return [line for line in whole if line.action == action]

    def hears_number(self, words: str) -> bool:
        digits = "".join(NUMBER.findall(words.translate(DIGITS)))
        return (self.case().number or "no number") in digits


def beat(exchange: Exchange, *steps: str, at: datetime | None = None) -> None:
    with transaction(exchange.phone.engine) as session:
        for step in steps:
            stations.beat(session, f"one that does {step}", step, at or clock.now())


@pytest.fixture
def house(exchange: Exchange) -> House:
    beat(exchange, *stations.STEPS)
    line = exchange.line()
    line.answer()
    return House(exchange, line)


# Read back


def test_what_was_understood_is_read_back_in_the_callers_language(house: House) -> None:
    assert "請等一等" in house.speak()
    house.is_understood(NETS)
    words = house.wait()
    assert "你講嘅係：宏福苑，棚架及棚網。" in words and "按一再講" in words
    assert house.hears_number(words)
    assert {one.get("language") for one in house.line.twiml.iter("Say")} == {"yue-CN"}
    (line,) = house.lines("read_back")
    assert line.detail["heard"] == "宏福苑，棚架及棚網"


@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        ("cmn", "大埔宏福苑的棚网很容易着火", "您说的是：宏福苑，脚手架和棚网。"),
        ("en", "the nets at Wang Fuk Court burn easily", "Wang Fuk Court, scaffolding and nets."),
    ],
)
def test_in_the_other_languages_as_well(house: House, language: str, text: str, words: str) -> None:
    house.speak()
    house.is_understood(text, language)
    assert words in house.wait()


def test_a_language_that_is_doubted_is_not_taken_for_the_callers(house: House) -> None:
    house.speak()
    house.is_understood(NETS, sure=0.5)
    house.wait()
    assert len({one.get("language") for one in house.line.twiml.iter("Say")}) == 3


def test_what_is_understood_by_the_time_it_is_told_is_read_back_at_once(house: House) -> None:
    callback = house.line.callback()
    house.exchange.send(callback)
    house.is_understood(NETS)
    assert "你講嘅係：宏福苑" in house.speak()


def test_hanging_up_is_all_it_takes(house: House) -> None:
    house.speak()
    house.is_understood(NETS)
    house.wait()
    house.exchange.send(house.line.status())
    assert house.line.told.cases == 1
    assert house.lines("read_back_refused") == []


def test_one_says_it_again_and_nothing_said_is_lost(house: House) -> None:
    house.speak()
    house.is_understood("沙田第一城部電梯壞咗")
    assert "沙田第一城" in house.wait()
    assert "由頭再講一次" in house.press("1")
    assert len(house.lines("read_back_refused")) == 1
    assert "請等一等" in house.speak(2)
    house.is_understood(NETS)
    assert "你講嘅係：宏福苑" in house.wait()
    first, second = house.exchange.recording_rows(house.line.sid)
    assert (first.status, first.replaced) == ("transcribed", True)
    assert (second.status, second.replaced) == ("transcribed", False)
    assert house.exchange.text(house.line.sid) == NETS


def test_whoever_waits_is_heard_before_all_others(house: House) -> None:
    house.speak()
    (row,) = house.exchange.recording_rows(house.line.sid)
    assert row.priority == ON_THE_LINE


def test_whoever_hung_up_is_not(house: House) -> None:
    house.speak(Digits="hangup")
    (row,) = house.exchange.recording_rows(house.line.sid)
    assert row.priority == 0


# The place


def test_a_missing_place_is_asked_for_and_belongs_to_the_same_case(house: House) -> None:
    house.speak()
    house.is_understood("啲棚網好易燃")
    assert "喺邊度" in house.wait()
    assert "請等一等" in house.speak(2)
    house.is_understood("大埔宏福苑")
    assert "你講嘅係：宏福苑，棚架及棚網。" in house.wait()
    assert house.line.told.cases == 1
    assert house.exchange.text(house.line.sid) == "啲棚網好易燃\n大埔宏福苑"


def test_a_district_is_not_yet_a_place(house: House) -> None:
    house.speak()
    house.is_understood("大埔有啲棚網好易燃")
    assert "喺邊度" in house.wait()
    house.speak(2)
    house.is_understood("總之大埔啦")
    assert "你講嘅係：大埔，棚架及棚網。" in house.wait()


def test_a_place_that_was_heard_badly_is_asked_for_and_not_told_as_if_it_were_certain(
    house: House,
) -> None:
    house.speak()
    doubt = Slot("place", "宏福苑", "宏福苑", 0.0, 1.0, 0.4)
    house.is_understood(NETS, slots=(doubt,))
    words = house.wait()
    assert "喺邊度" in words and "宏福苑" not in words


def test_a_place_heard_badly_once_and_well_the_second_time_is_certain(house: House) -> None:
    house.speak()
    badly, well = (
        Slot("place", "宏福苑", "宏福苑", at, at + 1, sure) for at, sure in ((0, 0.4), (3, 0.8))
    )
    house.is_understood(f"{NETS}，係宏福苑呀", slots=(badly, well))
    assert "你講嘅係：宏福苑，棚架及棚網。" in house.wait()


def test_the_place_is_asked_for_once(house: House) -> None:
    house.speak()
    house.is_understood("啲棚網好易燃")
    house.wait()
    house.speak(2)
    house.is_understood("我唔記得")
    words = house.wait()
    assert "你講嘅係：棚架及棚網。" in words and "喺邊度" not in words


def test_who_does_not_name_the_place_gets_the_number(house: House) -> None:
    house.speak()
    house.is_understood("啲棚網好易燃")
    house.wait()
    assert house.hears_number(house.wait())


# Danger to life


def test_in_danger_the_emergency_number_comes_first_and_the_case_is_urgent_at_once(
    house: House,
) -> None:
    house.speak()
    house.is_understood("大埔宏福苑着火呀快啲嚟")
    words = house.wait()
    assert words.startswith("如果而家有人有危險，請即刻收線，打九九九。")
    assert "宏福苑" in words and house.hears_number(words)
    assert "danger" in house.case().flags
    with transaction(house.exchange.phone.engine) as session:
        told = session.scalars(select(Notice).where(Notice.kind == "danger")).all()
        assert {"role:supervisor", "role:coordinator"} <= {one.to for one in told}


def test_in_danger_a_missing_place_is_asked_for_after_the_emergency_number(house: House) -> None:
    house.speak()
    house.is_understood("着火呀救命")
    words = house.wait()
    assert "九九九" in words and "喺邊度" in words
    assert house.line.twiml.find("Record") is not None


def test_beijing_tells_its_three_numbers(settings: Callable[..., Settings]) -> None:
    beijing = City.read(HONGKONG.folder.parent / "beijing")
    exchange = Exchange(create_app(settings(city="beijing")))
    beat(exchange, *stations.STEPS)
    line = exchange.line("+8613800005678")
    line.answer()
    here = House(exchange, line)
    here.speak()
    here.hear("着火了，有人被困", "cmn")
    with transaction(exchange.phone.engine) as session:
        (case_id,) = readings.unread(session)
    understand_one(exchange.phone.engine, mind_of(beijing), case_id)
    words = here.wait()
    for number in ("幺幺零", "幺幺九", "幺二零"):
        assert number in words


def test_in_danger_what_is_doubted_is_not_read_back(house: House) -> None:
    house.speak()
    house.is_understood("大埔宏福苑着火呀", flags=("suspect_text",))
    words = house.wait()
    assert "九九九" in words and "宏福苑" not in words and house.hears_number(words)


# Not in time, not at all


def goes_on(words: str) -> bool:
    return "我哋已經記低" in words or "已經穩妥錄低" in words


def test_nobody_waits_for_long(house: House) -> None:
    house.speak()
    for _ in range(3):
        last = house.wait()
    assert goes_on(last) and house.hears_number(last)


def test_the_wait_ends_by_the_clock_as_well(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.speak()
    later = clock.now() + timedelta(seconds=6)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert goes_on(house.wait())


@pytest.mark.parametrize("gone", [stations.FETCH, stations.TRANSCRIBE, stations.UNDERSTAND])
def test_without_a_worker_nobody_waits(exchange: Exchange, gone: str) -> None:
    beat(exchange, *(step for step in stations.STEPS if step != gone))
    beat(exchange, gone, at=clock.now() - MINUTE)
    line = exchange.line()
    line.answer()
    assert goes_on(said(line.speak()))


def test_where_too_much_waits_already_nobody_else_does(house: House) -> None:
    for number in range(5):
        other = house.exchange.line(f"+8529100000{number}")
        other.answer()
        other.speak(Digits="hangup")
        (row,) = house.exchange.recording_rows(other.sid)
        with transaction(house.exchange.phone.engine) as session:
            claim = recordings.claim(session, row.id, "fetch", clock.now(), MINUTE)
            assert claim is not None
            recordings.fetched(session, claim, "sound", clock.now())
    assert goes_on(house.speak())


def test_a_city_may_do_without(settings: Callable[..., Settings]) -> None:
    exchange = Exchange(create_app(settings(read_back_seconds=0)))
    beat(exchange, *stations.STEPS)
    line = exchange.line()
    line.answer()
    assert goes_on(said(line.speak()))


@pytest.mark.parametrize("text", [None, "好", "啲棚網好易燃"])
def test_what_is_not_certain_is_not_told(house: House, text: str | None) -> None:
    house.speak()
    if text is None:
        house.hear(None)
    else:
        house.is_understood(text, flags=("suspect_text",))
    words = house.wait()
    assert goes_on(words) and "棚" not in words


def test_what_could_not_be_understood_is_not_told(house: House) -> None:
    house.speak()
    house.hear(NETS)
    with transaction(house.exchange.phone.engine) as session:
        readings.give_up(session, house.case().id, clock.now())
    assert goes_on(house.wait())


# A provider in disorder


def test_every_webhook_twice_and_late_changes_nothing(house: House) -> None:
    line = house.line
    fields = {
        "RecordingSid": line.recording_sid(),
        "RecordingUrl": line.callback().form["RecordingUrl"],
    }
    spoken = line.webhook(line.target("Record"), **fields)
    callback = line.callback()
    for response in house.exchange.send(callback, spoken, spoken, callback):
        assert response.status_code in {200, 204}
    line.go(spoken.path, **fields)
    house.is_understood(NETS)
    silent = line.webhook(line.target("Redirect"))
    first, second = house.exchange.send(silent, silent)
    assert first.data == second.data
    house.exchange.send(callback, spoken, line.status(), silent, callback)
    assert line.told.cases == 1 and line.told.recordings == ("transcribed",)
    # A late copy of an earlier turn has a turn of its own, and is written down once as well.
    turns = [entry.detail["turn"] for entry in house.lines("read_back")]
    assert len(turns) == len(set(turns))


def test_the_place_may_come_before_the_message(house: House) -> None:
    """Callbacks in the wrong order: both recordings are the same case's all the same."""
    house.speak()
    house.is_understood("啲棚網好易燃")
    house.wait()
    turn = house.line.turn
    late = house.line.callback(turn=turn, number=2)
    house.exchange.send(late, house.line.callback(turn=1, number=1))
    house.speak(2)
    house.is_understood("大埔宏福苑")
    assert "宏福苑，棚架及棚網" in house.wait()
    assert len(house.exchange.recording_rows(house.line.sid)) == 2
