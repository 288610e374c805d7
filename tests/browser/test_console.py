"""The console as people meet it: in three languages, wide and narrow, by mouse and by keyboard."""

from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import LiveConsole, Tab
from tests.support.console_app import LAMP, SCAFFOLD, WATER, mu_law_tone, on_page

OpenTab = Callable[..., Tab]
LANGS = {"zh-HK": "zh-Hant-HK", "zh-CN": "zh-Hans", "en-GB": "en"}
# WCAG 2.2 A and AA.
TOO_SMALL = """
[...document.querySelectorAll("a, button, select, input")]
  .filter((one) => one.checkVisibility({ visibilityProperty: true }))
  .map((one) => [one, one.getBoundingClientRect()])
  .filter(([, { width, height }]) => width && Math.min(width, height) < 24)
  .map(([one]) => one.outerHTML.slice(0, 200))
"""
STANDARD = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


@pytest.fixture
def numbers(console: LiveConsole) -> dict[str, str]:
    """Cases of every look, and an agent who may do everything."""
    house = console.house
    house.agent("mei", "admin")
    made = {
        "silent": house.case(flags=("hung_up", "missed_message")),
        "doubtful": house.case(*WATER, language="cmn", confidence=0.4, caller="anonymous"),
        "closed": house.case(*LAMP, language="en"),
        "whole": house.case(*SCAFFOLD, flags=("hung_up",)),
    }
    visitor = house.signed_in("supervisor", "boss")
    visitor.decide(made["closed"], "close", note="Repaired by the Highways Department.")
    return made


def every_page(tab: Tab, console: LiveConsole, numbers: dict[str, str]) -> Iterator[str]:
    """Opens one page after the other and names each."""
    tab.open("/sign-in")
    yield "sign-in"
    tab.page.fill("#name", "mei")
    tab.page.fill("#password", "a wrong password")
    _press(tab, "main button")
    yield "sign-in refused"
    password = console.house.agent(f"new{tab.page.viewport_size}", password=None)
    tab.page.fill("#name", f"new{tab.page.viewport_size}")
    tab.page.fill("#password", password)
    _press(tab, "main button")
    yield "new password"
    tab.page.context.clear_cookies()
    tab.sign_in("mei")
    yield "desk"
    tab.open("/cases")
    yield "list"
    tab.page.locator("main summary").first.click()
    yield "list with all filters"
    tab.open("/cases?status=closed&category=noise&listen=1")
    yield "empty list"
    for name, number in numbers.items():
        tab.open(f"/cases/{number}")
        yield f"case: {name}"
    _press(tab, "form[action$='/reveal'] button")
    yield "case with its caller shown"
    yield from _changed(tab, console, numbers["whole"])
    tab.open("/cases/none")
    yield "no such page"


def _press(tab: Tab, button: str) -> None:
    """Presses what leads to another page, and waits for that page."""
    with tab.page.expect_navigation():
        tab.page.click(button)


def _changed(tab: Tab, console: LiveConsole, number: str) -> Iterator[str]:
    tab.open(f"/cases/{number}")
    visitor = console.house.visitor()
    visitor.sign_in("mei")
    state = on_page(visitor.get(f"/cases/{number}").text)
    visitor.post(f"/cases/{number}/confirm", category="refuse", **state)
    tab.page.click("details:has(#close-note) > summary")
    tab.page.fill("#close-note", "A note that must not be lost")
    _press(tab, "form[action$='/close'] > button")
    expect(tab.page.locator("textarea")).to_have_value("A note that must not be lost")
    yield "case changed meanwhile"


@pytest.mark.parametrize(
    ("locale", "width"), [("zh-HK", 390), ("zh-CN", 1366), ("en-GB", 1366), ("en-GB", 390)]
)
def test_every_page_is_sound(
    tab: OpenTab, console: LiveConsole, numbers: dict[str, str], locale: str, width: int
) -> None:
    """Nothing from elsewhere, no policy violation, no error, no barrier, no sideways scroll."""
    tab_here, seen = tab(locale, width), []
    for name in every_page(tab_here, console, numbers):
        seen.append(name)
        assert tab_here.wrong() == [], name
        assert tab_here.page.get_attribute("html", "lang") == LANGS[locale], name
        assert barriers(tab_here.page) == [], name
        tab_here.forget()  # the policy hinders axe too
        assert _overflow(tab_here.page) <= 0, name
    assert len(seen) == 14


def test_a_screen_of_320_pixels_needs_no_sideways_scroll(
    tab: OpenTab, console: LiveConsole, numbers: dict[str, str]
) -> None:
    narrow = tab("en-GB", 320)
    for name in every_page(narrow, console, numbers):
        assert _overflow(narrow.page) <= 0, name


def barriers(page: Page) -> list[str]:
    """What axe-core finds against WCAG 2.2 AA."""
    found = Axe().run(page, options=STANDARD).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found]


def _overflow(page: Page) -> int:
    root = "document.documentElement"
    return int(page.evaluate(f"{root}.scrollWidth - {root}.clientWidth"))


@pytest.mark.parametrize("width", [390, 1366])
def test_everything_to_press_is_at_least_24_pixels_in_size(
    tab: OpenTab, console: LiveConsole, numbers: dict[str, str], width: int
) -> None:
    here = tab("en-GB", width)
    for name in every_page(here, console, numbers):
        here.page.wait_for_load_state()
        assert here.page.evaluate(TOO_SMALL) == [], name


def test_an_agent_signs_in_and_sees_a_case_with_its_transcript(
    tab: OpenTab, numbers: dict[str, str]
) -> None:
    here = tab()
    here.sign_in("mei")
    here.open("/cases")
    here.page.get_by_role("link", name=numbers["whole"]).click()
    for sentence in SCAFFOLD:
        expect(here.page.locator(".segments")).to_contain_text(sentence)
    assert here.page.locator(".segments").get_attribute("lang") == "yue-Hant"


@pytest.mark.parametrize("law", ["PCM", "mu-law"])
def test_a_recording_plays(
    tab: OpenTab, console: LiveConsole, numbers: dict[str, str], law: str
) -> None:
    number = numbers["whole"]
    if law == "mu-law":
        number = console.house.case(*SCAFFOLD, sound=mu_law_tone())
    here = tab()
    here.sign_in("mei")
    here.open(f"/cases/{number}")
    here.page.locator("a.time").nth(1).click()
    expect(here.page.locator(".segments li").nth(1).locator(".u.now")).to_be_visible()
    audio = here.page.locator("audio")
    began = audio.evaluate("player => player.currentTime")
    here.page.wait_for_timeout(700)
    now = audio.evaluate("player => player.currentTime")
    assert began >= 2.0 and now - began > 0.3
    assert audio.evaluate("player => player.duration") == pytest.approx(6, abs=0.1)
    assert here.wrong() == []


def test_the_keyboard_skips_to_the_content_and_shows_where_it_is(
    tab: OpenTab, numbers: dict[str, str]
) -> None:
    here = tab("en-GB")
    here.sign_in("mei")
    here.page.keyboard.press("Tab")
    skip = here.page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    here.page.keyboard.press("Enter")
    here.page.keyboard.press("Tab")
    assert here.page.locator("main :focus").count() == 1
    outline = here.page.locator(":focus").evaluate("one => getComputedStyle(one).outlineWidth")
    assert outline == "3px"


def test_the_language_changes_where_one_is_and_stays(
    tab: OpenTab, console: LiveConsole, numbers: dict[str, str]
) -> None:
    here = tab()
    here.sign_in("mei")
    here.open("/cases?order=due")
    here.page.get_by_role("button", name="简体中文").click()
    assert here.page.url.endswith("/cases?order=due")
    expect(here.page.locator("h1")).to_have_text("工单")
    elsewhere = tab("en-GB")
    elsewhere.sign_in("mei")
    elsewhere.open("/cases")
    expect(elsewhere.page.locator("h1")).to_have_text("工单")


def test_pages_work_without_scripts(
    console: LiveConsole, numbers: dict[str, str], chromium
) -> None:  # type: ignore[no-untyped-def]
    context = chromium.new_context(java_script_enabled=False, locale="en-GB")
    here = Tab(context.new_page(), console.address)
    here.sign_in("mei")
    here.open(f"/cases/{numbers['whole']}")
    here.page.get_by_role("button", name="Confirm category").click()
    expect(here.page.get_by_role("status")).to_have_text("The category is confirmed.")
    context.close()
