"""A caller rings again about the same thing: real webhooks, workers' work done by hand."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app import create_app
from callflows.engine import Question
from cases import case as case_rules
from cases import clocks, history, known, stations
from cases.calls import Call
from cases.case import Case
from cases.notices import Notice
from cases.permissions import Person
from cases.transcripts import Slot
from ivr import answers
from runtime import clock
from runtime.database import transaction
from runtime.settings import Settings
from tests.integration.telephone import CALLER, Exchange
from tests.integration.test_read_back import DIGITS, HONGKONG, NETS, NUMBER, House, beat

BOSS = Person("agent:2", "supervisor")
KNOWN = {"yue": "呢件事我哋已經知道", "cmn": "这件事我们已经知道", "en": "We know of this already"}


@pytest.fixture
def ring(exchange: Exchange) -> Callable[..., House]:
    """A call that was just greeted, at a hotline whose workers are up."""
    beat(exchange, *stations.STEPS)

    def begin(caller: str = CALLER) -> House:
        line = exchange.line(caller)
        line.answer()
        return House(exchange, line)

    return begin


def tells(house: House, text: str = NETS, language: str = "yue", **how: Any) -> str:
    """The caller speaks and waits; what is said to them."""
    house.speak()
    house.is_understood(text, language, **how)
    return house.wait()


def hangs_up(house: House) -> None:
    house.exchange.send(house.line.status())


def told_before(ring: Callable[..., House], text: str = NETS, **how: Any) -> House:
    """A first call about it, now over."""
    house = ring(**how)
    tells(house, text)
    hangs_up(house)
    return house


def given_to(house: House, status: str, owner: str = "bd") -> None:
    with transaction(house.exchange.phone.engine) as session:
        wanted = update(Case).where(Case.id == house.case().id)
        session.execute(wanted.values(status=status, owner=owner))


def actions(house: House) -> list[str]:
    with transaction(house.exchange.phone.engine) as session:
        return [line.action for line in history.of_case(session, house.case().id)]


def names(words: str, house: House) -> bool:
    """Whether a case's number is read out, figure by figure."""
    digits = "".join(NUMBER.findall(words.translate(DIGITS)))
    return (house.case().number or "no number") in digits


def is_apart(house: House, first: House) -> bool:
    here, there = house.case(), first.case()
    assert "merged_here" not in actions(first) and there.id != here.id
    return here.merged_into is None and here.status != "closed"


def test_it_is_told_that_it_is_known_its_number_and_whose_it_is(ring: Callable[..., House]) -> None:
    first = told_before(ring)
    given_to(first, "accepted")
    words = tells(ring())
    assert "你講嘅係：宏福苑，棚架及棚網。" in words
    assert KNOWN["yue"] in words and "由屋宇署負責" in words and names(words, first)


@pytest.mark.parametrize(
    ("language", "text", "owner"),
    [
        ("cmn", "大埔宏福苑的棚网很容易着火", "屋宇署"),
        ("en", "the nets at Wang Fuk Court burn easily", "Buildings Department"),
    ],
)
def test_in_the_callers_own_language(
    ring: Callable[..., House], language: str, text: str, owner: str
) -> None:
    first = told_before(ring)
    given_to(first, "accepted")
    words = tells(ring(), text, language)
    assert KNOWN[language] in words and owner in words and names(words, first)


def test_a_case_that_no_department_has_is_the_desks(ring: Callable[..., House]) -> None:
    told_before(ring)
    words = tells(ring())
    assert KNOWN["yue"] in words and HONGKONG.desk["yue"] in words


def test_whoever_hangs_up_is_joined_and_the_known_case_goes_on_as_it_was(
    ring: Callable[..., House],
) -> None:
    first = told_before(ring)
    given_to(first, "accepted")
    before = first.case()
    again = ring()
    tells(again)
    assert again.case().status == "received"  # nothing is decided while they are on the line
    hangs_up(again)
    one, main = again.case(), first.case()
    assert (one.status, one.merged_into) == ("closed", main.id)
    assert (main.status, main.owner, main.due_at) == ("accepted", "bd", before.due_at)
    (line,) = again.lines("merge")
    assert (line.actor, line.detail["into"]) == ("system", main.number)
    (line,) = first.lines("merged_here")
    assert (line.actor, line.detail["number"]) == ("system", one.number)
    # Its recording and text stay.
    (row,) = again.exchange.recording_rows(again.line.sid)
    assert row.status == "transcribed" and again.exchange.text(again.line.sid) == NETS
    with transaction(again.exchange.phone.engine) as session:
        assert clocks.running(session, one.id) == []
        assert {clock.kind for clock in clocks.running(session, main.id)} >= {clocks.RESOLVE}
        assert known.times(session, session.get_one(Case, main.id)) == 1


def test_silence_says_the_same(ring: Callable[..., House]) -> None:
    first = told_before(ring)
    again = ring()
    tells(again)
    assert "再見" in again.wait()
    assert again.case().merged_into == first.case().id


def test_every_further_call_counts(ring: Callable[..., House]) -> None:
    first = told_before(ring)
    for _ in range(2):
        hangs_up_after_being_told(ring())
    with transaction(first.exchange.phone.engine) as session:
        assert known.times(session, session.get_one(Case, first.case().id)) == 2


def hangs_up_after_being_told(house: House) -> None:
    assert KNOWN["yue"] in tells(house)
    hangs_up(house)


def test_one_says_that_it_is_another_matter_and_it_stays_apart(ring: Callable[..., House]) -> None:
    first = told_before(ring)
    again = ring()
    tells(again)
    spoken = again.line.webhook(again.line.target("Gather"), Digits="1")
    words = again.press("1")
    assert "我哋已經記低" in words and names(words, again) and not names(words, first)
    again.exchange.send(spoken, again.line.status(), again.line.status())
    assert is_apart(again, first)
    (line,) = again.lines("known_refused")
    assert line.detail["number"] == first.case().number


def test_whoever_wants_a_person_keeps_a_case_of_their_own(ring: Callable[..., House]) -> None:
    first = told_before(ring)
    again = ring()
    tells(again)
    again.press("0")
    hangs_up(again)
    assert is_apart(again, first) and "wants_person" in again.case().flags


def test_who_says_it_all_anew_is_not_joined_by_what_was_told_before(
    ring: Callable[..., House],
) -> None:
    first = told_before(ring)
    again = ring()
    tells(again)
    again.press("2")
    again.speak(2)
    again.press("2")
    hangs_up(again)
    assert is_apart(again, first)


# Only what is certain


@pytest.mark.parametrize(
    "text",
    [
        "大埔宏福苑五座啲棚網好易燃",  # another block
        "大埔宏福苑部電梯壞咗",  # another matter
        "沙田第一城啲棚網好易燃",  # another place
    ],
)
def test_what_is_not_the_same_is_read_back_as_ever(ring: Callable[..., House], text: str) -> None:
    first = told_before(ring, "大埔宏福苑三座啲棚網好易燃")
    again = ring()
    words = tells(again, text)
    assert KNOWN["yue"] not in words and again.hears_number(words)
    hangs_up(again)
    assert is_apart(again, first)


def test_a_place_that_was_heard_badly_then_is_no_ground(ring: Callable[..., House]) -> None:
    first = ring()
    tells(first, slots=(Slot("place", "宏福苑", "宏福苑", 0.0, 1.0, 0.4),))
    hangs_up(first)
    assert KNOWN["yue"] not in tells(ring())


def test_another_caller_is_not_told(ring: Callable[..., House]) -> None:
    told_before(ring)
    assert KNOWN["yue"] not in tells(ring("+85298765432"))


def test_withheld_numbers_are_never_the_same(ring: Callable[..., House]) -> None:
    told_before(ring, caller="anonymous")
    assert KNOWN["yue"] not in tells(ring("anonymous"))


def test_a_browsers_number_is_everybodys(ring: Callable[..., House]) -> None:
    told_before(ring)
    again = ring()
    with transaction(again.exchange.phone.engine) as session:
        session.execute(update(Call).values(provider="browser"))
    assert KNOWN["yue"] not in tells(again)


@pytest.mark.parametrize("status", ["resolved", "closed"])
def test_what_was_answered_is_not_merely_known(ring: Callable[..., House], status: str) -> None:
    first = told_before(ring)
    given_to(first, status)
    again = ring()
    words = tells(again)
    assert KNOWN["yue"] not in words and again.hears_number(words)


def test_a_repeat_after_closing_is_a_sham_fix_and_no_known_case(ring: Callable[..., House]) -> None:
    first = told_before(ring)
    with transaction(first.exchange.phone.engine) as session:
        case = session.get_one(Case, first.case().id)
        how = {"version": case.version, "by": Person("agent:1", "agent"), "now": clock.now()}
        case_rules.close(session, case, "done", **how)  # type: ignore[arg-type]
    again = ring()
    assert KNOWN["yue"] not in tells(again)
    hangs_up(again)
    assert "sham_fix" in first.case().flags and is_apart(again, first)
    # Open again, it is known to whoever rings once more.
    assert KNOWN["yue"] in tells(ring())


# Danger to life


def test_a_danger_to_life_is_never_joined_and_rings(ring: Callable[..., House]) -> None:
    first = told_before(ring, "大埔宏福苑着火呀快啲嚟")
    again = ring()
    words = tells(again, "大埔宏福苑着火呀快啲嚟")
    assert "九九九" in words and KNOWN["yue"] not in words and again.hears_number(words)
    hangs_up(again)
    assert is_apart(again, first)
    assert rung(again, again.case()) >= {"role:supervisor", "role:coordinator"}


def rung(house: House, case: Case) -> set[str]:
    with transaction(house.exchange.phone.engine) as session:
        told = select(Notice.to).where(Notice.kind == "danger", Notice.case_id == case.id)
        return {*session.scalars(told)}


def test_a_danger_told_afterwards_in_the_same_call_rings_in_both_cases(
    ring: Callable[..., House],
) -> None:
    first = told_before(ring)
    again = ring()
    tells(again)
    again.press("2")
    again.speak(2, Digits="hangup")
    hangs_up(again)
    assert again.case().merged_into == first.case().id
    again.is_understood("着火呀救命")
    assert "danger" in first.case().flags and "danger" in again.case().flags
    assert rung(again, again.case()) >= {"role:supervisor", "role:coordinator"}
    assert first.lines("danger_heard") and again.lines("danger_heard")


# Afterwards, and a provider in disorder


def test_a_supervisor_takes_it_back_and_it_is_not_joined_again(ring: Callable[..., House]) -> None:
    first = told_before(ring)
    again = ring()
    tells(again)
    hangs_up(again)
    with transaction(again.exchange.phone.engine) as session:
        case = session.get_one(Case, again.case().id)
        how = {"version": case.version, "by": BOSS, "now": clock.now()}
        terms = again.exchange.phone.terms
        case_rules.reopen(session, case, "another net", terms=terms, **how)  # type: ignore[arg-type]
    hangs_up(again)
    case = again.case()
    assert (case.status, case.merged_into) == ("received", None)
    assert "unmerged" in actions(first)


def test_every_webhook_twice_and_late_changes_nothing(ring: Callable[..., House]) -> None:
    first = told_before(ring)
    again = ring()
    again.speak()
    again.is_understood(NETS)
    silent = again.line.webhook(again.line.target("Redirect"))
    one, two = again.exchange.send(silent, silent)
    assert one.data == two.data
    again.exchange.send(again.line.status(), silent, again.line.status(), again.line.callback())
    assert [len(again.lines(name)) for name in ("known_told", "merge")] == [1, 1]
    assert len(first.lines("merged_here")) == 1


def test_what_is_written_down_late_was_told_to_nobody(ring: Callable[..., House]) -> None:
    told_before(ring)
    again = ring()
    again.speak()
    again.is_understood(NETS)
    phone, call_id, question = again.exchange.phone, again.case().call_id, Question("understood")

    def answer(session: Session, live: bool) -> str:
        told = answers.answer(phone, question, clock.now(), session, call_id, 9, live=live)
        return told.outcome

    with transaction(phone.engine) as session:
        assert (answer(session, live=False), answer(session, live=True)) == ("understood", "known")


def test_one_text_message_not_two_tells_whoever_was_joined(
    settings: Callable[..., Settings],
) -> None:
    exchange = Exchange(create_app(settings(sms_from="City 1823", caller_sms="on")))
    beat(exchange, *stations.STEPS)
    calls = []
    for _ in range(2):
        calls.append(House(exchange, exchange.line()))
        calls[-1].line.answer()
        tells(calls[-1])
        hangs_up(calls[-1])
    for house, kinds in zip(calls, (["case_opened"], ["merged"]), strict=True):
        with transaction(exchange.phone.engine) as session:
            told = select(Notice.kind).where(Notice.to == "caller")
            assert [*session.scalars(told.where(Notice.case_id == house.case().id))] == kinds


# House, block and floor


def test_house_block_and_floor_are_read_back_with_the_place(ring: Callable[..., House]) -> None:
    house = ring()
    assert "你講嘅係：宏福苑3座12樓，棚架及棚網。" in tells(
        house, "大埔宏福苑三座十二樓啲棚網好易燃"
    )


def test_a_figure_that_the_ear_doubts_is_left_out(ring: Callable[..., House]) -> None:
    house = ring()
    doubt = Slot("place", "三座", "3座", 0.0, 1.0, 0.4)
    words = tells(house, "大埔宏福苑三座啲棚網好易燃", slots=(doubt,))
    assert "你講嘅係：宏福苑，棚架及棚網。" in words
