"""A recording and its text move together, and a text that is corrected is never lost."""

import io
import wave
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from cases.transcripts import Slot
from tests.browser.conftest import LiveConsole, Tab
from tests.support.console_app import SCAFFOLD, Visitor, tone

OpenTab = Callable[..., Tab]
TEXT = "form[data-draft] textarea"

SLOTS = (
    Slot("place", "海晴邨", "海晴邨", 0.5, 1.2, 0.4),
    Slot("number", "九一二三四五六七", "91234567", 2.2, 3.4, 0.9),
    Slot("place", "走火通道", "走火通道", 2.6, 3.0, 0.3),
)


@pytest.fixture
def number(console: LiveConsole) -> str:
    console.house.agent("mei")
    return console.house.case(*SCAFFOLD, slots=SLOTS)


def at_case(tab: OpenTab, number: str) -> Tab:
    here = tab("en-GB")
    here.sign_in("mei")
    here.open(f"/cases/{number}")
    expect(here.page.locator(".deck")).to_be_visible()
    return here


def now(page: Page) -> float:
    return float(page.locator("audio").evaluate("sound => sound.currentTime"))


def hold(page: Page) -> None:
    """The sound moves and does not run on, so that a place can be measured."""
    page.locator("audio").evaluate("sound => { sound.play = () => Promise.resolve(); }")


def test_a_character_that_is_clicked_is_heard_from_its_beginning(tab: OpenTab, number: str) -> None:
    here = at_case(tab, number)
    hold(here.page)
    for nth in (3, 20, 30):
        unit = here.page.locator(".u").nth(nth)
        unit.click()
        start = float(unit.get_attribute("data-start") or -1)
        expect(unit).to_have_class("u now")
        assert now(here.page) == pytest.approx(start, abs=0.15)
    assert here.wrong() == []


def test_the_character_being_spoken_is_marked_while_it_plays(tab: OpenTab, number: str) -> None:
    here = at_case(tab, number)
    here.page.locator(".u").nth(2).click()
    here.page.wait_for_timeout(700)
    marked = here.page.locator(".u.now")
    expect(marked).to_have_count(1)
    start, end = (float(marked.get_attribute(f"data-{x}") or -1) for x in ("start", "end"))
    assert start - 0.2 <= now(here.page) <= end + 0.3


def test_the_slider_is_reached_by_tab_and_moved_by_arrows(tab: OpenTab, number: str) -> None:
    here = at_case(tab, number)
    slider = here.page.get_by_role("slider")
    for _ in range(40):
        here.page.keyboard.press("Tab")
        if slider.evaluate("one => one === document.activeElement"):
            break
    expect(slider).to_be_focused()
    here.page.keyboard.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", "0:05 / 0:06")
    here.page.keyboard.press("ArrowLeft")
    expect(slider).to_have_attribute("aria-valuetext", "0:00 / 0:06")
    here.page.keyboard.press("End")
    expect(slider).to_have_attribute("aria-valuenow", "6.0")
    here.page.keyboard.press("Home")
    expect(slider).to_have_attribute("aria-valuenow", "0.0")


def test_speed_changes_by_a_tenth_between_a_half_and_two_and_a_half(
    tab: OpenTab, number: str
) -> None:
    here = at_case(tab, number)
    sound = here.page.locator("audio")
    here.page.keyboard.press("F4")
    assert sound.evaluate("one => one.playbackRate") == pytest.approx(1.1)
    here.page.keyboard.press("F3")
    here.page.keyboard.press("F3")
    assert sound.evaluate("one => one.playbackRate") == pytest.approx(0.9)
    for _ in range(20):
        here.page.keyboard.press("F4")
    assert sound.evaluate("one => one.playbackRate") == pytest.approx(2.5)
    expect(here.page.locator(".speed")).to_have_text("2.5×")


def test_keys_play_go_back_and_hear_again_slower(tab: OpenTab, number: str) -> None:
    here = at_case(tab, number)
    hold(here.page)
    keyboard = here.page.keyboard
    here.page.get_by_role("slider").focus()
    keyboard.press("ArrowRight")
    expect(here.page.get_by_role("slider")).to_have_attribute("aria-valuenow", "5.0")
    keyboard.press("F1")
    expect(here.page.get_by_role("slider")).to_have_attribute("aria-valuenow", "3.5")
    keyboard.press("F2")
    expect(here.page.get_by_role("slider")).to_have_attribute("aria-valuenow", "5.0")
    keyboard.press("r")
    expect(here.page.get_by_role("slider")).to_have_attribute("aria-valuenow", "2.0")
    assert here.page.locator("audio").evaluate("one => one.playbackRate") == 0.75


def test_escape_plays_and_pauses_also_while_typing_and_resuming_rewinds(
    tab: OpenTab, number: str
) -> None:
    here = at_case(tab, number)
    here.page.keyboard.press("e")
    expect(here.page.locator(TEXT)).to_be_focused()
    here.page.keyboard.press("Escape")
    article = here.page.locator("article[data-recording]")
    expect(article).to_have_attribute("data-state", "playing")
    here.page.wait_for_timeout(2200)
    here.page.keyboard.press("Escape")
    expect(article).to_have_attribute("data-state", "paused")
    left = now(here.page)
    hold(here.page)
    here.page.keyboard.press("Escape")
    here.page.wait_for_timeout(200)
    assert now(here.page) == pytest.approx(left - 1.5, abs=0.2)


def test_a_case_that_is_taken_plays_by_itself(tab: OpenTab, number: str) -> None:
    here = at_case(tab, number)
    here.open("/desk")
    here.page.keyboard.press("n")
    state = here.page.locator("article[data-recording]")
    expect(state).to_have_attribute("data-state", "playing")


def test_a_slot_plays_its_own_snippet_and_only_doubtful_ones_are_marked(
    tab: OpenTab, number: str
) -> None:
    here = at_case(tab, number)
    slots = here.page.locator(".slots li")
    assert [slots.nth(n).get_attribute("class") for n in range(3)] == ["doubtful", None, "doubtful"]
    expect(slots.nth(0)).to_contain_text("uncertain")
    slots.nth(1).locator(".snippet").click()
    here.page.wait_for_timeout(1800)
    expect(here.page.locator("article[data-recording]")).to_have_attribute("data-state", "paused")
    assert 3.2 <= now(here.page) <= 3.9
    here.page.keyboard.press("]")
    expect(slots.nth(0).locator(".snippet")).to_be_focused()
    here.page.keyboard.press("]")
    expect(slots.nth(2).locator(".snippet")).to_be_focused()
    here.page.keyboard.press("[")
    expect(slots.nth(0).locator(".snippet")).to_be_focused()


def test_a_text_is_corrected_by_keys_and_keeps_its_times(
    tab: OpenTab, console: LiveConsole, number: str
) -> None:
    here = at_case(tab, number)
    before = here.page.locator(".u").nth(30).get_attribute("data-start")
    here.page.keyboard.press("e")
    text = here.page.locator(TEXT)
    text.fill(text.input_value().replace("海晴邨", "海澄邨"))
    here.page.keyboard.press("Control+s")
    expect(here.page.get_by_role("status").first).to_contain_text("The text is corrected")
    expect(here.page.locator(".segments")).to_contain_text("海澄邨")
    after = here.page.locator(".u").nth(30).get_attribute("data-start")
    assert float(before or 0) == pytest.approx(float(after or 9), abs=0.3)
    here.open(f"/cases/{number}/versions")
    expect(here.page.locator("del")).to_have_text("晴")
    expect(here.page.locator("ins")).to_have_text("澄")


def test_a_draft_is_there_again_after_the_page_was_lost(tab: OpenTab, number: str) -> None:
    here = at_case(tab, number)
    here.page.keyboard.press("e")
    here.page.locator(TEXT).fill("半句說話還未儲存")
    here.open("/cases")
    here.open(f"/cases/{number}")
    expect(here.page.locator(TEXT)).to_have_value("半句說話還未儲存")
    expect(here.page.locator(".restored")).to_be_visible()
    here.page.locator(".restored button").click()
    expect(here.page.locator(".restored")).to_be_hidden()
    expect(here.page.locator(TEXT)).not_to_have_value("半句說話還未儲存")


def test_who_saves_second_sees_both_texts_and_may_save_over(
    tab: OpenTab, console: LiveConsole, number: str
) -> None:
    here = at_case(tab, number)
    here.page.keyboard.press("e")
    here.page.locator(TEXT).fill("我聽到的是這樣")
    other = console.house.signed_in(name="bo")
    correct(other, number, "另一位同事聽到的")
    here.page.keyboard.press("Control+s")
    expect(here.page.locator("h1")).to_have_text("The text has changed")
    expect(here.page.get_by_text("另一位同事聽到的").first).to_be_visible()
    expect(here.page.locator("textarea")).to_have_value("我聽到的是這樣")
    here.page.get_by_role("button", name="Save mine instead").click()
    expect(here.page.locator(".segments")).to_contain_text("我聽到的是這樣")


def test_the_text_is_one_stop_of_the_tab_key_and_arrows_choose_a_character(
    tab: OpenTab, number: str
) -> None:
    here = at_case(tab, number)
    hold(here.page)
    keyboard, units = here.page.keyboard, here.page.locator(".u")
    assert here.page.locator(".u[tabindex='0']").count() == 1
    here.page.locator("a.time").first.focus()
    keyboard.press("Tab")
    expect(units.nth(0)).to_be_focused()
    for key in ("ArrowRight", "ArrowRight", "ArrowRight"):
        keyboard.press(key)
    expect(units.nth(3)).to_be_focused()
    keyboard.press("Enter")
    expect(units.nth(3)).to_have_class("u now")
    assert now(here.page) == pytest.approx(
        float(units.nth(3).get_attribute("data-start") or -1), abs=0.15
    )
    keyboard.press("ArrowDown")
    second = here.page.locator(".segments li").nth(1).locator(".u").first
    expect(second).to_be_focused()
    outline = second.evaluate("one => getComputedStyle(one).outlineWidth")
    assert outline == "3px"
    assert here.page.locator(".u[tabindex='0']").count() == 1


def test_less_than_and_greater_than_change_the_speed_too(tab: OpenTab, number: str) -> None:
    here = at_case(tab, number)
    here.page.keyboard.press("Shift+>")
    here.page.keyboard.press("Shift+>")
    expect(here.page.locator(".speed")).to_have_text("1.2×")
    here.page.keyboard.press("Shift+<")
    expect(here.page.locator(".speed")).to_have_text("1.1×")


def test_what_was_heard_again_slowly_goes_on_as_fast_as_before(tab: OpenTab, number: str) -> None:
    here = at_case(tab, number)
    here.page.keyboard.press("F4")
    here.page.locator(".u").nth(4).click()
    here.page.wait_for_timeout(300)
    here.page.keyboard.press("r")
    expect(here.page.locator(".speed")).to_have_text("0.75×")
    expect(here.page.locator(".speed")).to_have_text("1.1×", timeout=9000)


def test_marks_of_doubt_are_switched_off_and_stay_off(tab: OpenTab, number: str) -> None:
    here = at_case(tab, number)
    mark = here.page.locator(".doubtful .doubt").first
    expect(mark).to_be_visible()
    here.page.get_by_role("button", name="Mark what is uncertain").click()
    expect(mark).to_be_hidden()
    here.open(f"/cases/{number}")
    expect(here.page.locator(".deck")).to_be_visible()
    expect(mark).to_be_hidden()


def test_who_corrects_after_hearing_a_doubt_finds_it_chosen_in_the_text(
    tab: OpenTab, number: str
) -> None:
    here = at_case(tab, number)
    here.page.keyboard.press("]")
    here.page.keyboard.press("e")
    expect(here.page.locator(TEXT)).to_be_focused()
    chosen = "one => one.value.slice(one.selectionStart, one.selectionEnd)"
    here.page.wait_for_timeout(200)
    assert here.page.locator(TEXT).evaluate(chosen) == "海晴邨"
    here.page.keyboard.type("海澄邨")
    here.page.keyboard.press("Control+s")
    expect(here.page.locator(".segments")).to_contain_text("投訴海澄邨外牆")


def test_listening_goes_on_where_it_was_left_and_looking_is_not_hearing(
    tab: OpenTab, console: LiveConsole, number: str
) -> None:
    here = at_case(tab, number)
    here.page.get_by_role("slider").focus()
    here.page.keyboard.press("ArrowRight")
    expect(here.page.get_by_role("slider")).to_have_attribute("aria-valuenow", "5.0")
    asked: list[str] = []
    here.page.on("request", lambda request: asked.append(request.url))
    here.open("/cases")
    here.open(f"/cases/{number}")
    expect(here.page.get_by_role("slider")).to_have_attribute("aria-valuenow", "5.0")
    assert not [url for url in asked if url.endswith("/audio")]
    hold(here.page)
    here.page.keyboard.press("Escape")
    expect(here.page.get_by_role("slider")).to_have_attribute("aria-valuenow", "3.5")


def test_a_text_that_was_refused_is_kept_until_it_is_saved_and_then_no_longer(
    tab: OpenTab, console: LiveConsole, number: str
) -> None:
    here = at_case(tab, number)
    here.page.keyboard.press("e")
    here.page.locator(TEXT).fill("我聽到的是這樣")
    correct(console.house.signed_in(name="bo"), number, "另一位同事聽到的")
    here.page.keyboard.press("Control+s")
    expect(here.page.locator("h1")).to_have_text("The text has changed")
    here.page.locator("textarea").fill("我聽到的原來是那樣")
    here.open(f"/cases/{number}")
    expect(here.page.locator(TEXT)).to_have_value("我聽到的原來是那樣")
    expect(here.page.locator(".restored")).to_be_visible()
    here.page.locator(TEXT).focus()
    here.page.keyboard.press("Control+s")  # the other text was seen: this one is saved over it
    expect(here.page.locator(".segments")).to_contain_text("原來是那樣")
    expect(here.page.locator(".restored")).to_be_hidden()
    here.page.wait_for_load_state("load")
    assert here.page.evaluate("Object.keys(localStorage).filter(k => k.startsWith('draft:'))") == []


def test_the_sound_waits_while_something_is_typed_for_who_wants_it(
    tab: OpenTab, console: LiveConsole, number: str
) -> None:
    visitor = console.house.visitor()
    visitor.sign_in("mei")
    visitor.get("/settings")
    visitor.post("/settings", keys="1", auto_play="1", pause_while_typing="1", speed="1.0")
    here = at_case(tab, number)
    here.page.keyboard.press("e")
    here.page.keyboard.press("Escape")
    article = here.page.locator("article[data-recording]")
    expect(article).to_have_attribute("data-state", "playing")
    here.page.keyboard.type("x")
    expect(article).to_have_attribute("data-state", "paused")
    expect(article).to_have_attribute("data-state", "playing")


def test_a_draft_is_its_writers_alone(tab: OpenTab, console: LiveConsole, number: str) -> None:
    here = at_case(tab, number)
    here.page.keyboard.press("e")
    here.page.locator(TEXT).fill("半句說話還未儲存")
    console.house.agent("bo")
    here.page.context.clear_cookies()
    here.sign_in("bo")
    here.open(f"/cases/{number}")
    expect(here.page.locator(TEXT)).not_to_have_value("半句說話還未儲存")


def test_a_recording_of_ten_minutes_is_as_exact(tab: OpenTab, console: LiveConsole) -> None:
    lines = ["樓上成日漏水落嚟搞到"] * 300
    console.house.agent("mei")
    long = console.house.case(*lines, sound=ten_minutes())
    here = tab("en-GB")
    here.sign_in("mei")
    here.open(f"/cases/{long}")
    units = here.page.locator(".u")
    assert units.count() == 3000
    hold(here.page)
    last = units.nth(units.count() - 5)
    last.click()
    expect(last).to_have_class("u now")
    assert now(here.page) == pytest.approx(float(last.get_attribute("data-start") or -1), abs=0.15)
    assert here.wrong() == []


def test_a_long_text_moves_along_with_the_sound(tab: OpenTab, console: LiveConsole) -> None:
    console.house.agent("mei")
    long = console.house.case(*["樓上成日漏水落嚟搞到"] * 100, sound=ten_minutes())
    here = tab("en-GB")
    here.sign_in("mei")
    here.open(f"/cases/{long}")
    expect(here.page.locator(".deck")).to_be_visible()
    here.page.get_by_role("slider").focus()
    for _ in range(30):
        here.page.keyboard.press("ArrowRight")
    expect(here.page.get_by_role("slider")).to_have_attribute("aria-valuenow", "150.0")
    spoken = here.page.locator(".segments li").nth(75)
    expect(spoken).not_to_be_in_viewport()
    here.page.keyboard.press("Escape")
    expect(spoken).to_be_in_viewport()


def ten_minutes() -> bytes:
    """A WAV of 600 seconds."""
    with io.BytesIO() as file:
        with wave.open(file, "wb") as sound:
            sound.setparams((1, 2, 8000, 0, "NONE", ""))
            sound.writeframes(tone(6.0)[44:] * 100)
        return file.getvalue()


def correct(visitor: Visitor, number: str, text: str) -> None:
    """Another person corrects the text, without a browser."""
    page = visitor.get(f"/cases/{number}").text
    base = page.split('name="base" value="')[1].split('"')[0]
    recording = page.split("/recordings/")[1].split("/")[0]
    saved = visitor.post(f"/cases/{number}/recordings/{recording}/text", text=text, base=base)
    assert saved.status_code == 303
