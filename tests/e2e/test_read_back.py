"""Somebody phones with real sound, the worker hears it within the wait, and it is read back in the call."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from demo import events
from demo.caller import hang_up, speak, wait_for
from demo.scenario import Scenario
from tests.support import ringing
from tests.support.hotline import Hotline
from tests.support.hotline import hotline as whole_hotline

# An estate of the demonstration's sentences, which no real city has.
ESTATE = "estate,海晴邨,海晴村,Hoi Ching Estate,大埔區,22.45,114.17\n"


@pytest.fixture
def hotline(tmp_path: Path) -> Iterator[Hotline]:
    city = ringing.city(tmp_path)
    with (city / "places.csv").open("a", encoding="utf-8") as places:
        places.write(ESTATE)
    settings = {"CITY": str(city), "READ_BACK_SECONDS": "10"}
    with whole_hotline(tmp_path / "state", settings) as here:
        yield here


def test_what_was_said_is_heard_back_in_the_same_call(
    hotline: Hotline, scripted: Mapping[str, Scenario]
) -> None:
    one = scripted["yue-scaffold"]
    said = speak(one.recording, one.says, then="#")
    call = hotline.ring(said, wait_for("按一再講"), hang_up())
    assert not call.trouble
    heard = [hears for hears in call.of(events.Hears) if "你講嘅係" in hears.text]
    assert [hears.language for hears in heard] == ["yue"], call.heard
    assert "海晴邨" in heard[0].text and "棚" in heard[0].text
    case = hotline.finished(call)
    assert case["language"] == "yue" and "海晴邨" in case["transcript"]
