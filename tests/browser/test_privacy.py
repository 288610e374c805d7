"""The citizen's page, the second factor, people and the menu, as they are met in a browser."""

import re
from collections.abc import Callable
from datetime import timedelta

import pyotp
import pytest
from playwright.sync_api import expect

from runtime import clock
from tests.browser.conftest import LiveConsole, Tab
from tests.browser.test_console import LANGS, barriers
from tests.support.console_app import PASSWORD

OpenTab = Callable[..., Tab]
LAST_FOUR = "4567"


def sound(tab: Tab, name: str) -> None:
    """No barrier, no error, nothing refused, no sideways scroll."""
    root = "document.documentElement"
    assert tab.wrong() == [], name
    assert barriers(tab.page) == [], name
    tab.forget()
    assert tab.page.evaluate(f"{root}.scrollWidth - {root}.clientWidth") <= 0, name


@pytest.fixture
def looked_at(console: LiveConsole) -> str:
    """A case that a department has, of which an interim reply was given, and at which people looked."""
    house = console.house
    number = house.accepted("hyd", "hd")
    officer = house.officer("hyd")
    officer.decide(number, "interim", text="星期三會派員視察。")
    boss = house.signed_in("supervisor", "陳大文")
    boss.get(f"/cases/{number}")
    boss.post(f"/cases/{number}/reveal")
    return number


@pytest.mark.parametrize("width", [390, 1366])
@pytest.mark.parametrize("locale", LANGS)
def test_a_citizen_follows_a_case_and_reads_who_looked(
    tab: OpenTab, looked_at: str, locale: str, width: int
) -> None:
    here = tab(locale, width)
    here.open("/track")
    sound(here, "form")
    here.page.fill("#number", looked_at)
    here.page.fill("#proof", "0000")
    here.page.click("main button")
    expect(here.page.get_by_role("alert")).to_be_visible()
    expect(here.page.locator("#number")).to_have_value(looked_at)
    sound(here, "wrong digits")
    here.page.fill("#proof", LAST_FOUR)
    here.page.click("main button")
    expect(here.page.get_by_text("星期三會派員視察。")).to_be_visible()
    expect(here.page.locator(".saw li")).to_have_count(6)
    expect(here.page.get_by_text("陳大文")).to_have_count(0)
    sound(here, "the case")


def test_the_language_may_be_changed_while_the_case_is_shown(tab: OpenTab, looked_at: str) -> None:
    here = tab("zh-HK", 390)
    here.open("/track")
    here.page.fill("#number", looked_at)
    here.page.fill("#proof", LAST_FOUR)
    here.page.keyboard.press("Enter")
    here.page.get_by_role("button", name="English").click()
    expect(here.page.get_by_role("heading", name="Who has seen what you told us")).to_be_visible()
    here.page.get_by_role("button", name="Done, forget it").click()
    expect(here.page.locator("#number")).to_have_value("")
    here.page.go_back()
    here.page.reload()
    expect(here.page.get_by_text(looked_at)).to_have_count(0)


def test_a_citizen_needs_no_mouse(tab: OpenTab, looked_at: str) -> None:
    here = tab("en-GB", 390)
    here.open("/track")
    keyboard = here.page.keyboard
    while not here.page.evaluate("document.activeElement.id === 'number'"):
        keyboard.press("Tab")
    keyboard.type(looked_at)
    keyboard.press("Tab")
    keyboard.type(LAST_FOUR)
    keyboard.press("Tab")
    keyboard.press("Enter")
    expect(here.page.get_by_text("being dealt with")).to_be_visible()


@pytest.mark.parametrize("width", [390, 1366])
@pytest.mark.parametrize("locale", LANGS)
def test_a_second_factor_is_set_up_and_asked_for(
    tab: OpenTab, console: LiveConsole, locale: str, width: int
) -> None:
    console.house.agent("mei")
    here = tab(locale, width)
    here.sign_in("mei")
    here.open("/settings/two-factor")
    picture = here.page.locator("main img")
    expect(picture).to_be_visible()
    assert picture.evaluate("one => one.naturalWidth") > 100
    sound(here, "to set up")
    secret = here.page.locator(".steps code").inner_text().replace(" ", "")
    here.page.fill("#code-first", "000000")
    here.page.click(".steps button")
    sound(here, "a wrong code")
    here.page.fill("#code-first", pyotp.TOTP(secret).now())
    here.page.click(".steps button")
    expect(here.page.locator(".codes li")).to_have_count(10)
    sound(here, "recovery codes")
    recovery = here.page.locator(".codes code").first.inner_text()
    here.open("/settings/two-factor")
    sound(here, "switched on")
    here.page.context.clear_cookies()
    here.open("/sign-in")
    here.page.fill("#name", "mei")
    here.page.fill("#password", PASSWORD)
    here.page.keyboard.press("Enter")
    here.page.wait_for_url(re.compile("/sign-in/code$"))
    sound(here, "the code is asked for")
    here.page.fill("#code", "000000")
    here.page.keyboard.press("Enter")
    expect(here.page.get_by_role("alert")).to_be_visible()
    sound(here, "the code was wrong")
    here.page.fill("#code", recovery)
    here.page.keyboard.press("Enter")
    here.page.wait_for_url(re.compile("/(cases|desk)$"))


def test_name_password_and_code_by_keyboard_alone(tab: OpenTab, console: LiveConsole) -> None:
    house = console.house
    visitor = house.signed_in("agent", "mei")
    page = visitor.get("/settings/two-factor").text
    found = re.search(r"<code>([A-Z2-7 ]+)</code>", page)
    assert found is not None
    totp = pyotp.TOTP(found[1].replace(" ", ""))
    visitor.post("/settings/two-factor", code=totp.now())
    here = tab("en-GB")
    here.open("/sign-in")
    keyboard = here.page.keyboard
    while not here.page.evaluate("document.activeElement.id === 'name'"):
        keyboard.press("Tab")
    keyboard.type("mei")
    keyboard.press("Tab")
    keyboard.type(PASSWORD)
    keyboard.press("Enter")
    expect(here.page.locator("#code")).to_be_focused()
    # The code of this half minute was used up for setting it up; the next one is taken already.
    keyboard.type(totp.at(clock.now() + timedelta(seconds=30)))
    keyboard.press("Enter")
    here.page.wait_for_url(re.compile("/(cases|desk)$"))


@pytest.mark.parametrize("width", [390, 1366])
@pytest.mark.parametrize("locale", LANGS)
def test_people_and_the_audit_are_sound_with_something_in_them(
    tab: OpenTab, console: LiveConsole, looked_at: str, locale: str, width: int
) -> None:
    console.house.agent("mei", "admin")
    here = tab(locale, width)
    here.sign_in("mei")
    here.open("/admin/people")
    here.page.fill("#name", "a-name-that-is-sixty-four-characters-long-and-has-no-blank-in-it")
    here.page.click("section.card form button")
    expect(here.page.locator(".password code")).to_be_visible()
    sound(here, "a one-time password")
    here.open("/admin/people")
    sound(here, "people")
    here.page.fill("#name", "mei")
    here.page.click("section.card form button")
    expect(here.page.get_by_role("alert")).to_be_visible()
    sound(here, "a name that is taken")
    for path in ("/admin/audit", "/admin/audit?number=1", "/settings/sessions", "/admin"):
        here.open(path)
        sound(here, path)


def test_on_a_telephone_the_menu_is_folded_away_and_opens_by_keyboard(
    tab: OpenTab, console: LiveConsole
) -> None:
    console.house.agent("mei", "admin")
    here = tab("en-GB", 390)
    here.sign_in("mei")
    here.open("/cases")
    link = here.page.get_by_role("link", name="Rates", exact=True)
    expect(link).to_be_hidden()
    head = here.page.locator("header.top").bounding_box()
    assert head and head["height"] < 130
    here.page.locator(".menu summary").focus()
    here.page.keyboard.press("Enter")
    expect(link).to_be_visible()
    sound(here, "the menu")


def test_on_a_wide_screen_the_whole_menu_is_in_sight(tab: OpenTab, console: LiveConsole) -> None:
    console.house.agent("mei", "admin")
    here = tab("en-GB", 1366)
    here.sign_in("mei")
    here.open("/cases")
    expect(here.page.locator(".menu")).to_be_hidden()
    expect(here.page.get_by_role("link", name="Admin", exact=True)).to_be_in_viewport()
    head = here.page.locator("header.top").bounding_box()
    assert head and head["height"] < 150
