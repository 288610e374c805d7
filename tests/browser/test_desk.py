"""The desk as an agent works at it: by keys alone, beside others, with an input method."""

import os
import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from statistics import median
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from runtime import clock
from tests.browser.conftest import LiveConsole, Tab
from tests.browser.test_console import LANGS, _overflow, barriers
from tests.support.console_app import LAMP, PASSWORD, SCAFFOLD, WATER

OpenTab = Callable[..., Tab]
MOUSE = """
window.mouse = [];
for (const kind of ["pointerdown", "mousedown"])
  addEventListener(kind, (event) => window.mouse.push(kind), true);
"""
# How soon what a key did must be seen, in milliseconds.
AT_ONCE = 300


@pytest.fixture
def ahead(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[timedelta], None]]:
    """Puts the console's clock forward."""
    real, gone = clock.now, [timedelta()]

    def forward(span: timedelta) -> None:
        gone[0] += span

    monkeypatch.setattr(clock, "now", lambda: real() + gone[0])
    yield forward


class Keys:
    """Presses keys, counts them, and takes the time until what they did is seen, in milliseconds."""

    def __init__(self, page: Page) -> None:
        self.page, self.pressed = page, 0
        self.took: dict[str, list[float]] = {}

    def press(self, key: str) -> None:
        self.pressed += 1
        self.page.keyboard.press(key)

    def shows(self, key: str, seen: Callable[[], object]) -> None:
        """Press, and see what came of it."""
        began = time.perf_counter()
        self.press(key)
        seen()
        self.took.setdefault(key, []).append((time.perf_counter() - began) * 1000)

    def opens(self, key: str, address: str) -> None:
        """Press, and see another page: its way through the server and what is painted count."""
        self.press(key)
        self.page.wait_for_url(re.compile(address))
        seen = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
        while (painted := self.page.evaluate(seen)) is None:
            self.page.wait_for_timeout(20)
        self.took.setdefault(key, []).append(painted)

    def slow(self) -> dict[str, float]:
        """The keys that mostly took longer than one is ready to wait."""
        usual = {key: median(times) for key, times in self.took.items()}
        return {key: time for key, time in usual.items() if time > AT_ONCE}


def chosen(page: Page, name: str) -> str:
    return str(page.locator(f"input[name={name}]:checked").get_attribute("value"))


def by_keyboard(here: Tab, name: str) -> None:
    page = here.page
    here.open("/sign-in")
    while page.evaluate("document.activeElement.id") != "name":
        page.keyboard.press("Tab")
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/desk$"))


def a_whole_case(keys: Keys, number: str, following: str) -> str:
    """From the desk to having the next case; whom this one was given to."""
    page, keys.pressed = keys.page, 0
    keys.opens("n", f"/cases/{number}")
    categories = page.locator("[data-choice=c] input[type=radio]")
    departments = page.locator("[data-choice=d] input[type=radio]")
    keys.shows("c", lambda: expect(page.locator("[data-choice=c][data-active]")).to_be_visible())
    keys.shows("2", lambda: expect(categories.nth(1)).to_be_checked())
    # Whose it is follows what it is.
    expect(page.locator("#departments[data-category=refuse]")).to_be_visible()
    assert chosen(page, "lead") == "fehd"
    keys.shows("d", lambda: expect(page.locator("[data-choice=d][data-active]")).to_be_visible())
    keys.shows("3", lambda: expect(departments.nth(2)).to_be_checked())
    lead = chosen(page, "lead")
    text = page.locator("form[data-draft] textarea")
    keys.shows("e", lambda: expect(text).to_be_focused())
    page.keyboard.insert_text("更正：")
    keys.opens("Control+Enter", following)
    assert keys.pressed <= 7
    return lead


def test_a_whole_case_by_keys_alone(tab: OpenTab, console: LiveConsole) -> None:
    house = console.house
    house.agent("mei")
    numbers = [house.case(*SCAFFOLD) for _ in range(4)]
    # The first page of its kind that a process makes has its template to be compiled.
    house.signed_in(name="bo").get(f"/cases/{numbers[-1]}")
    here = tab("zh-HK")
    here.page.context.add_init_script(MOUSE)
    by_keyboard(here, "mei")
    keys = Keys(here.page)
    for number, following in pairwise(numbers):
        lead = a_whole_case(keys, number, f"/cases/{following}")
        expect(here.page.get_by_role("status").first).to_have_text("已派單。這是下一宗。")
        here.page.keyboard.press("p")
        here.page.wait_for_url(re.compile("/desk$"))
        stored = house.stored(number)
        assert (stored.status, stored.category, stored.owner) == ("referred", "refuse", lead)
        assert [action for _, action in house.history(number)][-3:] == [
            *("text_corrected", "confirm", "refer")
        ]
    assert here.page.evaluate("window.mouse") == []
    assert here.wrong() == []
    if keys.slow() and os.getloadavg()[0] > 1.5 * (os.cpu_count() or 1):
        pytest.skip(f"others keep this machine busy: {keys.slow()}")
    assert keys.slow() == {}


def test_a_department_that_was_chosen_stays_chosen_when_the_category_changes(
    tab: OpenTab, console: LiveConsole
) -> None:
    console.house.agent("mei")
    number = console.house.case(*SCAFFOLD)
    here = tab("en-GB")
    here.sign_in("mei")
    here.open(f"/cases/{number}")
    page = here.page
    page.select_option("select[name=lead-other]", "landsd")
    page.keyboard.press("Escape")
    page.locator("main").click(position={"x": 2, "y": 2})
    page.keyboard.press("c")
    page.keyboard.press("3")
    expect(page.locator("#departments[data-category=building-safety]")).to_be_visible()
    assert page.locator("select[name=lead-other]").input_value() == "landsd"
    assert chosen(page, "lead") == ""
    page.get_by_role("button", name="Dispatch only").click()
    expect(page.get_by_role("status").first).to_have_text("The case was dispatched.")
    assert console.house.stored(number).owner == "landsd"


def test_a_change_of_somebody_else_shows_although_the_text_is_saved_on_the_way(
    tab: OpenTab, console: LiveConsole
) -> None:
    console.house.agent("mei")
    number = console.house.case(*SCAFFOLD)
    here = tab("en-GB")
    here.sign_in("mei")
    here.open(f"/cases/{number}")
    here.page.keyboard.press("e")
    here.page.keyboard.insert_text("更正：")
    console.house.signed_in(name="bo").decide(number, "confirm", category="street-lamp")
    here.page.keyboard.press("Control+Enter")
    expect(here.page.locator("h1")).to_have_text("The case has just changed")
    assert console.house.stored(number).status == "confirmed"


class TestTwoAgents:
    def test_see_each_other_within_three_seconds_and_take_over_what_was_left(
        self, tab: OpenTab, console: LiveConsole, ahead: Callable[[timedelta], None]
    ) -> None:
        console.house.agent("陳大文")
        console.house.agent("bo")
        number = console.house.case(*LAMP, language="en")
        hers, mine = tab("zh-HK"), tab("zh-HK")
        mine.sign_in("bo")
        mine.open(f"/cases/{number}")
        hand = mine.page.locator("#in-hand")
        expect(hand).to_contain_text("未有人處理")
        hers.sign_in("陳大文")
        hers.page.keyboard.press("n")
        hers.page.wait_for_url(re.compile(f"/cases/{number}"))
        expect(hand).to_contain_text("陳大文 正在處理", timeout=3000)
        expect(hers.page.locator("#in-hand")).to_contain_text("同時在看：bo", timeout=3000)
        hers.page.context.close()
        ahead(timedelta(minutes=6))
        expect(hand).to_contain_text("陳大文 已離開，可以接手", timeout=3000)
        mine.page.keyboard.press("t")
        expect(hand).to_contain_text("由你處理")
        expect(mine.page.locator(".history")).to_contain_text("由 陳大文 手上接過處理")
        assert mine.wrong() == []

    def test_keep_their_cases_while_they_are_at_work(
        self, tab: OpenTab, console: LiveConsole, ahead: Callable[[timedelta], None]
    ) -> None:
        console.house.agent("mei")
        console.house.agent("bo")
        number = console.house.case(*LAMP, language="en")
        hers = tab("en-GB")
        hers.sign_in("mei")
        hers.page.keyboard.press("n")
        hers.page.wait_for_url(re.compile(f"/cases/{number}"))
        told = re.compile("/presence$")
        for _ in range(3):
            ahead(timedelta(minutes=2))
            hers.page.keyboard.press("Shift")
            with hers.page.expect_request(
                lambda one: bool(told.search(one.url)) and "active=1" in (one.post_data or "")
            ):
                pass
        hers.page.wait_for_timeout(200)
        bo = console.house.visitor()
        bo.sign_in("bo")
        assert "mei 正在處理" in bo.get(f"/cases/{number}").text

    def test_are_told_that_the_case_changed_under_their_eyes(
        self, tab: OpenTab, console: LiveConsole
    ) -> None:
        console.house.agent("bo")
        number = console.house.case(*LAMP, language="en")
        mine = tab("en-GB")
        mine.sign_in("bo")
        mine.open(f"/cases/{number}")
        expect(mine.page.locator("#has-changed")).to_be_hidden()
        console.house.signed_in(name="mei").decide(number, "confirm", category="refuse")
        expect(mine.page.locator("#has-changed")).to_be_visible(timeout=3000)


def typed(page: Page, key: str, **more: Any) -> bool:
    """A key of which the page hears; whether it was taken for a shortcut."""
    script = """([key, more]) => {
      const said = {key, code: "Key" + key.toUpperCase(), bubbles: true, cancelable: true};
      const event = new KeyboardEvent("keydown", {...said, ...more});
      return !(document.activeElement ?? document.body).dispatchEvent(event);
    }"""
    return bool(page.evaluate(script, [key, more]))


class TestSingleKeys:
    @pytest.fixture
    def on_case(self, tab: OpenTab, console: LiveConsole) -> Tab:
        console.house.agent("mei")
        number = console.house.case(*SCAFFOLD)
        here = tab("en-GB")
        here.sign_in("mei")
        here.open(f"/cases/{number}")
        expect(here.page.locator("[data-choice=c][data-active]")).to_be_visible()
        return here

    @pytest.mark.parametrize("key", ["c", "d", "w"])
    def test_act_on_the_page(self, on_case: Tab, key: str) -> None:
        assert typed(on_case.page, key)

    @pytest.mark.parametrize("key", ["n", "c", "d", "w"])
    def test_are_silent_while_an_input_method_composes(self, on_case: Tab, key: str) -> None:
        address = on_case.page.url
        assert not typed(on_case.page, key, isComposing=True)
        assert not typed(on_case.page, key, keyCode=229)
        assert not typed(on_case.page, "Process", keyCode=229)
        on_case.page.wait_for_timeout(100)
        assert on_case.page.url == address
        assert on_case.page.locator("details.deed[open]").count() == 0

    def test_write_in_a_field_what_they_are(self, on_case: Tab) -> None:
        page = on_case.page
        address = page.url
        page.locator("details.deed > summary").first.click()
        field = page.locator("details.deed[open] textarea").first
        field.focus()
        page.keyboard.type("ncdw?.jk/123bt")
        expect(field).to_have_value("ncdw?.jk/123bt")
        assert page.url == address and page.locator("dialog[open]").count() == 0
        assert page.locator("details.deed[open]").count() == 1

    def test_leave_what_is_composed_in_a_field_alone(self, on_case: Tab) -> None:
        """As Chromium is told of it by a real input method."""
        page = on_case.page
        page.keyboard.press("w")
        field = page.locator("#blow-matter")
        expect(field).to_be_focused()
        wire = page.context.new_cdp_session(page)
        composing = {"type": "rawKeyDown", "windowsVirtualKeyCode": 229, "key": "Process"}
        wire.send("Input.dispatchKeyEvent", composing)
        wire.send("Input.imeSetComposition", {"text": "南", "selectionStart": 1, "selectionEnd": 1})
        entered = {
            "type": "rawKeyDown",
            "windowsVirtualKeyCode": 229,
            "key": "Enter",
            "modifiers": 2,
        }
        wire.send("Input.dispatchKeyEvent", entered)  # Ctrl+Enter while it composes sends nothing
        wire.send("Input.insertText", {"text": "喃"})
        expect(field).to_have_value("喃")
        assert page.locator("details.deed[open]").count() == 1

    def test_open_a_form_and_control_enter_sends_that_form(
        self, on_case: Tab, console: LiveConsole
    ) -> None:
        page = on_case.page
        page.keyboard.press("w")
        expect(page.locator("#blow-matter")).to_be_focused()
        page.keyboard.type("Nets burn.")
        page.locator("#blow-departments-fsd").check()
        page.locator("#blow-matter").focus()
        page.keyboard.press("Control+Enter")
        expect(page.get_by_role("status").first).to_have_text("The whistle was blown.")

    def test_do_nothing_where_they_are_off_and_chords_still_do(
        self, on_case: Tab, console: LiveConsole
    ) -> None:
        page, case = on_case.page, on_case.page.url
        page.keyboard.press("?")
        page.locator("dialog[open]").get_by_role("link", name="Settings").click()
        page.get_by_label("Use single keys").uncheck()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("status").first).to_have_text("Your settings are saved.")
        page.goto(case)
        expect(page.locator("[data-choice=c][data-active]")).to_be_visible()
        expect(page.locator("legend kbd").first).to_be_hidden()
        for key in "ncdw?.123bt":
            page.keyboard.press(key)
        page.wait_for_timeout(150)
        assert page.url == case
        assert page.locator("details.deed[open], dialog[open]").count() == 0
        assert page.locator("fieldset[data-choice=c][data-active]").count() == 1
        page.keyboard.press("Control+Enter")
        page.wait_for_url(re.compile("/desk$"))
        assert console.house.stored(case.rpartition("/")[2]).status == "referred"

    def test_are_told_by_the_question_mark(self, on_case: Tab) -> None:
        page = on_case.page
        page.keyboard.press("?")
        sheet = page.locator("dialog[open]")
        for line in ("Next case", "Choose the category", "Blow the whistle", "Copy the number"):
            expect(sheet).to_contain_text(line)
        assert barriers(page) == []
        page.keyboard.press("w")  # nothing happens behind the overview
        page.keyboard.press("Escape")
        expect(page.locator("dialog[open]")).to_have_count(0)
        assert page.locator("details.deed[open]").count() == 0

    def test_that_are_held_down_take_one_case(self, tab: OpenTab, console: LiveConsole) -> None:
        console.house.agent("mei")
        for _ in range(3):
            console.house.case(*LAMP, language="en")
        here = tab("en-GB")
        here.sign_in("mei")
        here.page.evaluate("""() => {
          for (const repeat of [false, true, true, false]) {
            const said = {key: "n", code: "KeyN", bubbles: true, cancelable: true, repeat};
            document.body.dispatchEvent(new KeyboardEvent("keydown", said));
          }
        }""")
        here.page.wait_for_url(re.compile("/cases/"))
        here.open("/desk")
        expect(here.page.locator("form[action$='/put-back']")).to_have_count(1)

    def test_move_in_a_list(self, tab: OpenTab, console: LiveConsole) -> None:
        console.house.agent("mei")
        numbers = [console.house.case(*LAMP, language="en") for _ in range(3)]
        here = tab("en-GB")
        here.sign_in("mei")
        here.open("/cases?order=due")
        for key, number in zip("jjjjk", (*numbers, numbers[2], numbers[1]), strict=True):
            here.page.keyboard.press(key)
            expect(here.page.locator(":focus")).to_have_text(number)
        here.page.keyboard.press("Enter")
        here.page.wait_for_url(re.compile(f"/cases/{numbers[1]}"))


def test_the_number_is_copied(tab: OpenTab, console: LiveConsole) -> None:
    console.house.agent("mei")
    number = console.house.case(*LAMP, language="en")
    here = tab("en-GB")
    here.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    here.sign_in("mei")
    here.open(f"/cases/{number}")
    here.page.keyboard.press(".")
    expect(here.page.locator("[data-copy]")).to_have_text("Copied")
    assert here.page.evaluate("navigator.clipboard.readText()") == number


@pytest.mark.parametrize("width", [320, 390, 1366])
@pytest.mark.parametrize("locale", LANGS)
def test_its_pages_are_sound(tab: OpenTab, console: LiveConsole, locale: str, width: int) -> None:
    house = console.house
    house.agent("mei", "supervisor")
    house.agent("陳大文")
    here = tab(locale, width)
    here.sign_in("mei")
    assert sound(here) == []  # with nothing on it
    for sentences in (WATER, LAMP, SCAFFOLD):
        other = house.case(*sentences)
    number = house.accepted("hyd")
    house.officer("hyd").decide(number, "resolve", outcome="done", answer="已修好。")
    visitor = house.visitor()
    visitor.sign_in("陳大文")
    visitor.post("/desk/next")
    here.page.keyboard.press("n")
    here.page.wait_for_url(re.compile("/cases/"))
    assert sound(here) == []
    for path in ("/desk", f"/cases/{other}", f"/cases/{number}", "/settings"):
        here.open(path)
        assert sound(here) == [], path


def sound(here: Tab) -> list[str]:
    """What is wrong on the page that is open."""
    found = [*here.wrong(), *barriers(here.page)]
    here.forget()  # the policy hinders axe too
    if _overflow(here.page) > 0:
        found.append("scrolls sideways")
    for target in here.page.locator(
        "a:visible, button:visible, select:visible, input:visible"
    ).all():
        box = target.bounding_box()
        if not box or min(box["width"], box["height"]) < 24:
            found.append(f"small: {target.inner_html()}")
    return found
