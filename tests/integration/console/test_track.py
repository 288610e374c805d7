"""A citizen follows a case by the link of a text message, and sees nothing else by it."""

from pathlib import Path

import pytest

from cases import signins
from cases.tracking import TrackingKey
from runtime import keys
from tests.support.console_app import LAMP, ConsoleHouse


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
