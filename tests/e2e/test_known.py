"""Somebody rings twice about the same thing, with real sound: the second time they hear that it is known."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from demo import events, sound, town
from demo.call import Call
from demo.caller import hang_up, press, speak, wait_for
from demo.scenario import Scenario
from tests.support.console_app import on_page, proof_on
from tests.support.hotline import Hotline
from tests.support.hotline import hotline as whole_hotline

KNOWN = "呢件事我哋已經知道"
TWO_SENTENCES = 8.2  # seconds of the demonstration's first call
DIGITS = "零一二三四五六七八九"


@pytest.fixture
def hotline(tmp_path: Path) -> Iterator[Hotline]:
    settings = {"CITY": str(town.build(tmp_path)), "READ_BACK_SECONDS": "10"}
    with whole_hotline(tmp_path / "state", settings) as here:
        yield here


@pytest.fixture
def message(tmp_path: Path, scripted: Mapping[str, Scenario]) -> Path:
    """Two sentences about the netting; in the third a fire is feared, and danger is never joined."""
    whole = sound.read(scripted["yue-scaffold"].recording)
    file = tmp_path / "netting.wav"
    file.write_bytes(sound.wav(whole[: int(TWO_SENTENCES * sound.RATE)]))
    return file


def told(call: Call) -> list[str]:
    """What the caller was told of a case that is known."""
    return [hears.text for hears in call.of(events.Hears) if KNOWN in hears.text]


def figures(call: Call) -> str:
    """The figures that were read out in Cantonese, one after the other."""
    heard = "".join(hears.text for hears in call.of(events.Hears) if hears.language == "yue")
    return "".join(str(DIGITS.index(one)) for one in heard if one in DIGITS)


@pytest.fixture
def desk(hotline: Hotline) -> Iterator[httpx.Client]:
    """The browser of somebody who is signed in to the console."""
    address, english = hotline.house.address, {"Accept-Language": "en"}
    with httpx.Client(base_url=address, headers=english, follow_redirects=True) as browser:
        browser.get(hotline.house.sign_in_link("mei")).raise_for_status()
        yield browser


def give(desk: httpx.Client, number: str, department: str) -> None:
    """Somebody at the desk confirms what the case is and dispatches it, on its page."""
    for action, chosen in (
        ("confirm", {"category": "fire-safety"}),
        ("refer", {"lead": department}),
    ):
        page = desk.get(f"/cases/{number}").text
        form = {"csrf_token": proof_on(page), **on_page(page), **chosen}
        desk.post(f"/cases/{number}/{action}", data=form).raise_for_status()


def test_who_rings_again_hears_number_and_department_and_is_joined_to_the_case(
    hotline: Hotline, desk: httpx.Client, message: Path
) -> None:
    said = speak(message, then="#")
    first = hotline.ring(said, wait_for("按一再講"), hang_up())
    assert not told(first)
    case = hotline.finished(first)
    give(desk, case["number"], "bd")

    second = hotline.ring(said, wait_for("唔係同一件事"), hang_up())
    assert not second.trouble
    (words,) = told(second)
    assert "海晴邨3座" in words and "棚" in words and "屋宇署" in words
    assert case["number"] in figures(second)

    again, known = hotline.finished(second), hotline.case_of(first)
    assert (again["status"], again["merged_into"]) == ("closed", known["number"])
    assert (known["status"], known["owner"]) == ("referred", "bd")
    assert [one["status"] for one in hotline.house.cases()] == ["referred", "closed"]
    assert "Called again ×1" in desk.get(f"/cases/{case['number']}").text


def test_who_says_that_it_is_another_matter_has_a_case_of_their_own(
    hotline: Hotline, message: Path
) -> None:
    said = speak(message, then="#")
    first = hotline.finished(hotline.ring(said, wait_for("按一再講"), hang_up()))
    second = hotline.ring(said, wait_for("唔係同一件事"), press("1"))
    assert not second.trouble and told(second)
    own = hotline.finished(second)
    assert (own["status"], own["merged_into"]) == ("received", None)
    assert own["number"] != first["number"] and own["number"] in figures(second)
