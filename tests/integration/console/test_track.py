"""A citizen follows a case by the link of a text message, and sees nothing else by it."""

import re
from pathlib import Path

import pytest
from sqlalchemy import event
from werkzeug.test import TestResponse

from cases import accesses, case, signins, tracking
from cases.callers import CallerKey
from cases.permissions import Person
from cases.tracking import TrackingKey
from runtime import keys
from runtime.database import transaction
from tests.integration.console.conftest import Watch
from tests.support.console_app import CALLER, LAMP, ConsoleHouse, Visitor


@pytest.fixture
def key(tmp_path: Path) -> TrackingKey:
    """The hotline's own, as the sender of text messages has it: `tmp_path` is its state folder."""
    return TrackingKey(keys.secret(tmp_path, "data-key", ""))


def test_the_link_shows_how_the_case_stands_and_whose_it_is(
    house: ConsoleHouse, key: TrackingKey
) -> None:
    number = house.case(*LAMP)
    page = house.visitor().get(key.path(number))
    assert page.status_code == 200
    assert number in page.text and "1823" in page.text
    assert "9123" not in page.text and "street lamp" not in page.text


@pytest.mark.parametrize("wrong", ["0" * 12, "x", "é" * 12, "a" * 200])
def test_without_the_proof_there_is_nothing_not_even_whether_there_is_a_case(
    one_house: ConsoleHouse, wrong: str
) -> None:
    number = one_house.case(*LAMP)
    there = one_house.visitor().get(f"/track/{number}/{wrong}")
    nowhere = one_house.visitor().get(f"/track/260000013/{wrong}")
    assert there.status_code == nowhere.status_code == 404
    pages = [
        answer.text.partition("<main")[2].partition("</main>")[0] for answer in (there, nowhere)
    ]
    assert pages[0] == pages[1] and number not in pages[0]


def test_one_cases_link_opens_no_other(one_house: ConsoleHouse, key: TrackingKey) -> None:
    one, other = one_house.case(*LAMP), one_house.case(*LAMP)
    proof = key.path(one).rpartition("/")[2]
    assert one_house.visitor().get(f"/track/{other}/{proof}").status_code == 404


def test_whoever_tries_links_is_soon_told_to_wait_and_a_right_one_still_works(
    one_house: ConsoleHouse, key: TrackingKey
) -> None:
    number = one_house.case(*LAMP)
    visitor = one_house.visitor()
    answers = [
        visitor.get(f"/track/{number}/{n:012d}").status_code for n in range(signins.TRIES + 2)
    ]
    assert answers[0] == 404 and answers[-1] == 429
    assert visitor.get(key.path(number)).status_code == 200


# --- by number and proof ------------------------------------------------------------------------

LAST_FOUR = "4567"  # of console_app.CALLER


def ask(visitor: Visitor, number: str, proof: str = LAST_FOUR) -> TestResponse:
    return visitor.post("/track", number=number, proof=proof)


def main_of(answer: TestResponse) -> str:
    """The page without what differs from one browser to the next."""
    page = answer.text.partition("<main")[2].partition("</main>")[0]
    return re.sub(r'name="csrf_token" value="[^"]+"', "", page)


def test_number_and_last_four_digits_show_the_case(house: ConsoleHouse) -> None:
    number = house.case(*LAMP)
    visitor = house.visitor()
    answer = ask(visitor, number)
    assert (answer.status_code, answer.location) == (303, "/track")
    page = visitor.get("/track").text
    assert number in page and "91234567" not in page and "street lamp" not in page


@pytest.mark.parametrize("proof", ["４５６７", " 4567", "45 67"])
def test_however_it_is_typed(one_house: ConsoleHouse, proof: str) -> None:
    number = one_house.case(*LAMP)
    assert ask(one_house.visitor(), f" {number[:3]} {number[3:]}", proof).status_code == 303


def test_the_case_is_forgotten_when_one_says_so_and_by_itself(
    one_house: ConsoleHouse, watch: Watch
) -> None:
    number = one_house.case(*LAMP)
    visitor = one_house.visitor()
    ask(visitor, number)
    visitor.post("/track/done")
    assert number not in visitor.get("/track").text
    ask(visitor, number)
    watch.forward(minutes=21)
    assert number not in visitor.get("/track").text


@pytest.mark.parametrize("proof", ["0000", "", "567", "91234567", "withheld", "é" * 40])
@pytest.mark.parametrize("caller", [CALLER, "anonymous"])
def test_a_wrong_proof_is_answered_alike_whoever_called(
    one_house: ConsoleHouse, caller: str, proof: str
) -> None:
    number = one_house.case(*LAMP, caller=caller)
    usual, answer = (
        ask(one_house.visitor(), number, "0001"),
        ask(one_house.visitor(), number, proof),
    )
    assert answer.status_code == 422 and main_of(answer) == main_of(usual)


@pytest.mark.parametrize("number", ["260000997", "12", "é" * 40, ""])
def test_a_case_that_does_not_exist_is_answered_like_one_that_does(
    one_house: ConsoleHouse, number: str
) -> None:
    there = one_house.case(*LAMP)
    wrong = ask(one_house.visitor(), there, "0000")
    nowhere = ask(one_house.visitor(), number, "0000")
    assert wrong.status_code == nowhere.status_code == 422
    pages = [re.sub(r' value="[^"]*"', "", main_of(one)) for one in (wrong, nowhere)]
    assert pages[0] == pages[1]


def test_the_same_work_is_done_for_a_case_that_does_not_exist(
    one_house: ConsoleHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What takes time is counted: statements, and numbers that are unsealed."""
    there = one_house.case(*LAMP)
    withheld = one_house.case(*LAMP, caller="anonymous")
    done: list[str] = []
    unseal = CallerKey.unseal
    monkeypatch.setattr(
        CallerKey, "unseal", lambda key, sealed: done.append("unseal") or unseal(key, sealed)
    )
    engine = one_house.app.extensions["console"].now.engine
    event.listen(engine, "before_cursor_execute", lambda *told: done.append(told[2]))
    works = []
    for number in (there, withheld, "260000997"):
        visitor = one_house.visitor()
        visitor.get("/track")
        done.clear()
        ask(visitor, number, "0000")
        works.append(list(done))
    assert works[0] and works[0] == works[1] == works[2]
    assert "unseal" in works[0]


def test_who_called_with_the_number_withheld_has_a_code_that_the_desk_reads_out(
    one_house: ConsoleHouse, key: TrackingKey
) -> None:
    withheld, other = (one_house.case(*LAMP, caller="anonymous") for _ in range(2))
    code = key.code(withheld)
    assert len(code) == 8 and code.isdigit()
    assert code in one_house.signed_in("agent").get(f"/cases/{withheld}").text
    assert code not in one_house.signed_in("auditor").get(f"/cases/{withheld}").text
    assert ask(one_house.visitor(), other, code).status_code == 422
    assert ask(one_house.visitor(), withheld, code).status_code == 303


def test_the_end_of_the_link_is_a_proof_too(one_house: ConsoleHouse, key: TrackingKey) -> None:
    number = one_house.case(*LAMP)
    assert ask(one_house.visitor(), number, key.path(number)[-12:]).status_code == 303


@pytest.mark.parametrize("number", ["there", "260000997"])
def test_one_case_cannot_be_tried_through_from_many_addresses(
    one_house: ConsoleHouse, number: str
) -> None:
    """Whether it exists or not: after five wrong digits nobody is told anything, the right ones included."""
    tried = one_house.case(*LAMP) if number == "there" else number
    answers = [_from(one_house, n, tried, f"{n:04d}") for n in range(signins.TRIES)]
    assert {one.status_code for one in answers} == {422}
    assert _from(one_house, 99, tried, LAST_FOUR).status_code == 429


def test_one_address_cannot_try_many_cases(one_house: ConsoleHouse) -> None:
    numbers = [one_house.case(*LAMP) for _ in range(signins.TRIES + 1)]
    answers = [_from(one_house, 7, number, "0000").status_code for number in numbers]
    assert answers == [422] * signins.TRIES + [429]


def test_in_a_day_a_case_is_tried_twenty_times_at_most_and_the_link_works_on(
    one_house: ConsoleHouse, key: TrackingKey, watch: Watch
) -> None:
    number, wrong = one_house.case(*LAMP), 0
    for n in range(48):
        wrong += _from(one_house, n, number, "0000").status_code == 422
        watch.forward(minutes=16)
    assert wrong == tracking.TRIES_A_DAY
    assert one_house.visitor().get(key.path(number)).status_code == 200
    watch.forward(hours=24)
    assert _from(one_house, 200, number, LAST_FOUR).status_code == 303


def test_right_answers_are_not_counted(one_house: ConsoleHouse) -> None:
    number = one_house.case(*LAMP)
    assert {ask(one_house.visitor(), number).status_code for _ in range(30)} == {303}


def _from(house: ConsoleHouse, n: int, number: str, proof: str) -> TestResponse:
    """Asked from another address each time."""
    visitor = house.visitor()
    visitor.client.environ_base["REMOTE_ADDR"] = f"10.0.0.{n + 1}"
    return ask(visitor, number, proof)


# --- who saw what -------------------------------------------------------------------------------


def test_the_citizen_reads_who_saw_heard_and_was_given_the_case(
    house: ConsoleHouse, key: TrackingKey
) -> None:
    number = house.referred("hyd", "had")
    boss = house.signed_in("supervisor", "陳大文")
    boss.get(f"/cases/{number}")
    boss.post(f"/cases/{number}/reveal")
    boss.get("/recordings/1/audio")
    house.officer("had").get(f"/cases/{number}")
    page = house.visitor().get(key.path(number), headers={"Accept-Language": "en"}).text
    for line in (
        "a member of staff (supervisor) looked at the case",
        "a member of staff (supervisor) had your phone number shown",
        "a member of staff (supervisor) listened to the recording",
        "Home Affairs Department (district office) looked at the case",
        "the case was sent to Highways Department",
    ):
        assert line in page
    assert "陳大文" not in page and "officer-had" not in page


def test_both_ways_in_show_the_same_log(one_house: ConsoleHouse, key: TrackingKey) -> None:
    number = one_house.referred("hyd")
    visitor = one_house.visitor()
    ask(visitor, number)
    logs = [
        re.findall(r"<li>(.*?)</li>", visitor.get(path).text, re.DOTALL)
        for path in ("/track", key.path(number))
    ]
    assert logs[0] == logs[1] and len(logs[0]) == 2


def test_whoever_follows_the_case_leaves_a_line_too(
    one_house: ConsoleHouse, key: TrackingKey
) -> None:
    number = one_house.case(*LAMP)
    page = one_house.visitor().get(key.path(number), headers={"Accept-Language": "en"}).text
    assert "you, or somebody who has the number and the proof, looked at the case" in page


def test_a_reason_that_was_given_is_told_without_numbers(
    one_house: ConsoleHouse, key: TrackingKey
) -> None:
    number = one_house.case(*LAMP)
    who, reason = Person("agent:3", "auditor"), "Ombudsman asked, 91234567"
    with transaction(one_house.engine) as session:
        found = case.by_number(session, number)
        assert found is not None
        accesses.note(session, "exported", [found.id], who, one_house.now, reason=reason)
    page = one_house.visitor().get(key.path(number), headers={"Accept-Language": "en"}).text
    assert "Reason: Ombudsman asked, ***" in page


def test_of_a_long_log_the_newest_lines_stand_there_and_how_many_more_there_are(
    one_house: ConsoleHouse, key: TrackingKey
) -> None:
    number = one_house.case(*LAMP)
    with transaction(one_house.engine) as session:
        found = case.by_number(session, number)
        assert found is not None
        for n in range(120):
            who = Person(f"agent:{n}", "agent")
            accesses.note(session, "viewed", [found.id], who, one_house.now)
    page = one_house.visitor().get(key.path(number), headers={"Accept-Language": "en"}).text
    assert page.count("looked at the case") == 100 and "And 21 earlier lines." in page
