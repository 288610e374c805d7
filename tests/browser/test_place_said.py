"""Beside the guess of the place: house and floor, and the snippet of sound in which it was said."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from cases import case, readings
from cases.readings import Reader
from runtime import clock
from runtime.city import City
from runtime.database import transaction
from runtime.settings import CITIES
from tests.browser.conftest import LiveConsole, Tab

OpenTab = Callable[..., Tab]
READER = Reader.of_city(CITIES / "hongkong", City.read(CITIES / "hongkong").languages)
SAID = "我哋宏福苑三座十二樓嘅棚網好易着火"


@pytest.fixture
def number(console: LiveConsole) -> str:
    """A case that was understood, as the worker does it."""
    console.house.agent("mei")
    number = console.house.case(SAID)
    with transaction(console.house.engine) as session:
        found = case.by_number(session, number)
        assert found is not None
        readings.forget(session, found.id)
        assert readings.read(session, found, READER, clock.now()) is not None
    return number


def test_the_place_is_heard_where_it_was_said(tab: OpenTab, number: str) -> None:
    here = tab("en-GB")
    here.sign_in("mei")
    here.open(f"/cases/{number}")
    glance = here.page.locator(".glance")
    expect(glance.locator(".address")).to_have_text("3座12樓")
    snippet = glance.locator(".snippet").first
    start, end = (float(snippet.get_attribute(f"data-{x}") or -1) for x in ("start", "end"))
    expect(here.page.locator(".deck")).to_be_visible()
    snippet.click()
    sound = here.page.locator("article[data-recording]")
    expect(sound).to_have_attribute("data-state", "playing")
    here.page.wait_for_timeout(int((end - start + 1.5) * 1000))
    expect(sound).to_have_attribute("data-state", "paused")
    now = float(here.page.locator("audio").evaluate("sound => sound.currentTime"))
    assert end <= now <= end + 0.9
    assert here.wrong() == []
