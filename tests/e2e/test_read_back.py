"""Somebody phones with real sound, the worker hears it within the wait, and it is read back in the call."""

import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.etree import ElementTree

import httpx
import pytest

from callflows import pace
from demo import events, sound, town
from demo.caller import hang_up, speak, wait_for
from demo.house import WITH_PHONE
from demo.scenario import Scenario
from ivr.spoken import Speaker
from tests.support.hotline import Hotline
from tests.support.hotline import hotline as whole_hotline

READ_BACK = "你講嘅係"
ONE_MOMENT = 2.5  # seconds that it takes to be asked for one, in three languages


@pytest.fixture
def hotline(tmp_path: Path) -> Iterator[Hotline]:
    settings = {"CITY": str(town.build(tmp_path)), "READ_BACK_SECONDS": "10", **WITH_PHONE}
    with whole_hotline(tmp_path / "state", settings) as here:
        yield here


def test_what_was_said_is_heard_back_in_the_same_call(
    hotline: Hotline, scripted: Mapping[str, Scenario]
) -> None:
    one = scripted["yue-scaffold"]
    said = speak(one.recording, one.says, then="#")
    call = hotline.ring(said, wait_for("按一再講"), hang_up())
    assert not call.trouble
    heard = [hears for hears in call.of(events.Hears) if READ_BACK in hears.text]
    assert [hears.language for hears in heard] == ["yue"], call.heard
    assert "海晴邨" in heard[0].text and "棚" in heard[0].text
    case = hotline.finished(call)
    assert case["language"] == "yue" and "海晴邨" in case["transcript"]


class Receiver:
    """The browser telephone without its page: what is posted, and the sound that comes back."""

    def __init__(self, browser: httpx.Client) -> None:
        self._browser = browser
        page = browser.get("/phone").raise_for_status().text
        proof = re.search(r'data-part="proof" value="([^"]+)"', page)
        assert proof is not None
        browser.headers["X-CSRFToken"] = proof[1]
        self._call = browser.post("/phone/calls").raise_for_status().json()["call"]
        self.says: list[dict[str, str]] = []

    def go(self, url: str, **fields: str) -> ElementTree.Element:
        """One turn; the TwiML answered."""
        form = {"call": self._call, "url": url, **fields}
        told = self._browser.post("/phone/relay", data=form).raise_for_status().json()
        assert told["status"] in (200, 204), told
        self.says = told["says"]
        return ElementTree.fromstring(told["body"] or "<Nothing/>")

    def speak(self, record: ElementTree.Element, recording: Path) -> ElementTree.Element:
        """What was said goes in; the answer to it."""
        handed = self._browser.post(
            f"/phone/recordings?call={self._call}&take=1", content=recording.read_bytes()
        )
        kept = handed.raise_for_status().json()
        said = {"take": "1", "seconds": kept["seconds"], "proof": kept["proof"]}
        self.go(record.get("recordingStatusCallback", ""), **said)
        return self.go(record.get("action", ""), **said, Digits="#")

    def hear(self, words: dict[str, str]) -> sound.Samples:
        answer = self._browser.post("/phone/speech", data=words).raise_for_status()
        return sound.decoded(answer.content)


@pytest.mark.skipif(not Speaker.is_there(), reason="espeak-ng is not installed")
def test_what_is_heard_back_is_sound_as_long_as_its_words(
    hotline: Hotline, scripted: Mapping[str, Scenario]
) -> None:
    with httpx.Client(base_url=hotline.house.address, timeout=30) as browser:
        receiver = Receiver(browser)
        record = receiver.go("/voice", CallStatus="ringing").find("Record")
        assert record is not None
        answer = receiver.speak(record, scripted["yue-scaffold"].recording)
        while (wait := answer.find("Gather")) is not None and not _read_back(receiver):
            time.sleep(float(wait.get("timeout", "")) + ONE_MOMENT)
            answer = receiver.go(wait.get("action", ""))
        words = _read_back(receiver)
        assert words is not None, receiver.says
        heard = receiver.hear(words)
        spoken = sound.trimmed(heard)
        expected = pace.seconds(words["text"], "yue")
        assert 0.6 * expected < sound.seconds(spoken) < 1.5 * expected
        # Not a click and a pause: a voice, most of the time.
        frames = [spoken[at : at + 800] for at in range(0, len(spoken), 800)]
        assert sum(map(sound.has_speech, frames)) > 0.7 * len(frames)


def _read_back(receiver: Receiver) -> dict[str, str] | None:
    return next((one for one in receiver.says if READ_BACK in one["text"]), None)
