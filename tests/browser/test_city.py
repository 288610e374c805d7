"""The city is changed in a browser: a flow is edited, checked, played and published; every page is sound."""

import wave
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from cases import editions
from runtime.database import transaction
from tests.browser.conftest import LiveConsole, Tab
from tests.browser.test_console import LANGS, _overflow, barriers
from tests.support.console_app import tone

OpenTab = Callable[..., Tab]
PAGES = (
    "/admin",
    "/admin/city",
    "/admin/city/review",
    "/admin/city/files/clocks.yaml",
    "/admin/categories",
    "/admin/categories/street-lamp",
    "/admin/categories/new",
    "/admin/departments",
    "/admin/departments/hyd",
    "/admin/rules",
    "/admin/rules/lamps-on-estates",
    "/admin/calendar",
    "/admin/prompts",
    "/admin/prompts/yue/after_beep",
    "/admin/prompts/yue/number",
    "/admin/flows",
    "/admin/flows/hotline",
    "/admin/flows/hotline/play",
)


@pytest.fixture
def ada(console: LiveConsole) -> str:
    console.house.agent("ada", "admin")
    return "ada"


def change_the_flow(here: Tab, change: str, to: str) -> None:
    """Type into the flow's text, as a person would: the text is changed where it says so."""
    text = here.page.locator("#text")
    text.fill(text.input_value().replace(change, to, 1))


@pytest.mark.parametrize("width", [390, 1366])
@pytest.mark.parametrize("locale", LANGS)
def test_every_page_of_the_city_is_sound(
    tab: OpenTab, console: LiveConsole, ada: str, locale: str, width: int
) -> None:
    """With a draft that has a mistake in it, and an edition that was published."""
    here = tab(locale, width)
    here.sign_in(ada)
    here.open("/admin/flows/hotline")
    change_the_flow(here, "max_turns: 40", "max_turns: 41")
    here.page.click("button[value=save]")
    here.open("/admin/city/review")
    here.page.fill("#note", "one turn more")
    here.page.click("form.publish button")
    here.open("/admin/flows/hotline")
    change_the_flow(here, "silent: fallback", "silent: fallbak")
    here.page.click("button[value=save]")
    for page in PAGES:
        here.open(page)
        assert here.wrong() == [], page
        assert barriers(here.page) == [], page
        here.forget()
        assert _overflow(here.page) <= 0, page


def test_a_screen_of_320_pixels_needs_no_sideways_scroll_to_change_the_city(
    tab: OpenTab, console: LiveConsole, ada: str
) -> None:
    here = tab("en-GB", 320)
    here.sign_in(ada)
    for page in PAGES:
        here.open(page)
        assert _overflow(here.page) <= 0, page


def test_a_flow_is_edited_checked_played_and_published(
    tab: OpenTab, console: LiveConsole, ada: str
) -> None:
    here = tab("en-GB")
    here.sign_in(ada)
    here.open("/admin/flows/hotline")
    expect(here.page.locator("#gutter span").nth(41)).to_have_text("42")
    change_the_flow(here, "silent: fallback", "silent: fallbak")
    here.page.click("button[value=check]")
    fault = here.page.locator(".faults li").first
    expect(fault).to_contain_text("did you mean fallback?")
    fault.locator("a").click()
    expect(here.page.locator("#text")).to_be_focused()
    chosen = here.page.locator("#text").evaluate(
        "one => one.value.slice(one.selectionStart, one.selectionEnd)"
    )
    assert chosen.strip() == "ask_again:", "the fault leads to its line"
    change_the_flow(here, "silent: fallbak", "silent: fallback")
    change_the_flow(here, "max_turns: 40", "max_turns: 41")
    here.page.click("button[value=save]")
    expect(here.page.get_by_role("status")).to_contain_text("Kept as a draft")
    here.page.get_by_role("link", name="Play it in the page").click()
    here.page.get_by_role("button", name="speak for 8 seconds").click()
    expect(here.page.locator("ol.heard")).to_contain_text("recorded 8 s")
    here.open("/admin/city/review")
    expect(here.page.locator(".difference .new")).to_contain_text("max_turns: 41")
    here.page.fill("#note", "one turn more")
    here.page.get_by_role("button", name="Publish").click()
    expect(here.page.get_by_role("status")).to_contain_text("Published")
    with transaction(console.house.engine) as session:
        assert "max_turns: 41" in editions.texts(session, 1)["flows/hotline.yaml"]
    assert here.wrong() == []


def test_a_recording_is_uploaded_and_heard(
    tab: OpenTab, console: LiveConsole, ada: str, tmp_path: Path
) -> None:
    file = tmp_path / "prompt.wav"
    file.write_bytes(tone(2))
    here = tab("en-GB")
    here.sign_in(ada)
    here.open("/admin/prompts/yue/after_beep")
    here.page.set_input_files("#file", file)
    here.page.get_by_role("button", name="Upload", exact=True).click()
    audio = here.page.locator("audio")
    audio.evaluate("player => player.load()")
    expect(audio).to_have_js_property("error", None)
    here.page.wait_for_timeout(500)
    assert audio.evaluate("player => player.duration") == pytest.approx(2, abs=0.05)
    with wave.open(str(file)) as stored:
        assert stored.getframerate() == 8000
    assert here.wrong() == []
