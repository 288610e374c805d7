"""The browser telephone: a real hotline of processes, a real browser, and what its microphone hears."""

import io
import re
import sqlite3
import time
import wave
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from demo.house import PROJECT, SAMPLES, WITH_PHONE
from tests.browser.conftest import NOTICE, LiveConsole, Tab, live_console
from tests.browser.test_console import LANGS, _overflow, barriers
from tests.support.console_app import tone
from tests.support.hotline import Hotline, hotline

Start = Callable[..., Browser]
MICROPHONE = (
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
)
# The moments at which the telephone's state changed, as the page itself saw them.
STATES = """
window.states = [];
document.addEventListener("DOMContentLoaded", () => {
  const phone = document.getElementById("phone");
  if (!phone) return;
  new MutationObserver(() => window.states.push([phone.dataset.state, performance.now()]))
    .observe(phone, { attributes: true, attributeFilter: ["data-state"] });
});
"""
PATIENCE = 60_000  # milliseconds: prompts are spoken in real time


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hotline]:
    """A hotline with its worker, whose telephone is on."""
    with hotline(tmp_path_factory.mktemp("phone"), WITH_PHONE) as here:
        yield here


@pytest.fixture(scope="module")
def mute(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hotline]:
    """A hotline that cannot speak: no program for it is found."""
    nothing = {**WITH_PHONE, "PATH": "/nonexistent"}
    with hotline(tmp_path_factory.mktemp("mute"), nothing, worker=False) as here:
        yield here


@pytest.fixture(autouse=True)
def patience() -> Iterator[None]:
    """What is waited for may be a prompt that is spoken in real time."""
    expect.set_options(timeout=PATIENCE)
    yield
    expect.set_options(timeout=5000)


@contextmanager
def browser(start: Start, *options: str) -> Iterator[Browser]:
    started = start(*options)
    yield started
    started.close()


def hears(file: Path) -> tuple[str, ...]:
    """A browser whose microphone hears this file, again and again."""
    return (*MICROPHONE, f"--use-file-for-fake-audio-capture={file}")


def opened(started: Browser, address: str) -> Tab:
    """The telephone's page in a browser that notices what goes wrong."""
    context = started.new_context(locale="en-GB", viewport={"width": 1366, "height": 900})
    context.set_default_timeout(PATIENCE)
    context.add_init_script(NOTICE)
    context.add_init_script(STATES)
    tab = Tab(context.new_page(), address)
    tab.page.on("console", tab.notice)
    tab.page.on("pageerror", lambda error: tab.errors.append(str(error)))
    tab.page.on("request", tab.notice_request)
    tab.open("/phone")
    return tab


def reaches(page: Page, state: str, seconds: float = 60) -> None:
    expect(page.locator("#phone")).to_have_attribute("data-state", state, timeout=seconds * 1000)


def call(page: Page) -> None:
    page.get_by_role("button", name="Call", exact=True).click()


def captions(page: Page) -> str:
    return page.locator("[data-part=captions]").inner_text()


def webhooks(page: Page) -> list[tuple[str, dict[str, str]]]:
    """Path and form of every webhook the page has shown."""
    found = []
    for entry in page.locator("[data-part=webhooks] > li").all():
        names = entry.locator("[data-part=form] dt").all_text_contents()
        values = entry.locator("[data-part=form] dd").all_text_contents()
        path = entry.locator("[data-part=path]").text_content() or ""
        found.append((path, dict(zip(names, values, strict=True))))
    return found


def lasted(page: Page, state: str, until: str) -> float:
    """Seconds from when a state began to when another did."""
    seen = page.evaluate("window.states")
    begun = next(at for name, at in seen if name == state)
    return next(at - begun for name, at in seen if name == until and at > begun) / 1000


def made(folder: Path, sound: bytes, name: str = "sound.wav") -> Path:
    file = folder / name
    file.write_bytes(sound)
    return file


# --- a call from beginning to end ---------------------------------------------------------------------


def test_a_first_call_becomes_a_case_that_is_seen_at_once(line: Hotline, start: Start) -> None:
    """Two things are done: the green key is pressed, and then #."""
    with browser(start, *hears(SAMPLES / "yue-scaffold.wav")) as started:
        tab = opened(started, line.house.address)
        page = tab.page
        console = started.new_context(locale="en-GB").new_page()
        console.goto(line.house.sign_in_link("mei"))
        call(page)
        reaches(page, "recording")
        page.wait_for_timeout(6000)
        page.keyboard.press("#")
        hung_up = time.monotonic()
        case = page.locator("[data-part=case]")
        expect(case).to_have_text(re.compile(r"Case \d{9}"))
        number = re.findall(r"\d+", case.inner_text())[0]
        console.goto(f"{line.house.address}/cases")
        expect(console.get_by_role("link", name=number)).to_be_visible()
        expect(console.get_by_text("Browser telephone", exact=True)).to_be_visible()
        assert time.monotonic() - hung_up < 10
        page.get_by_text(" ".join(number[:3]).replace(" ", ", ")).first.wait_for()
        digits = [re.sub(r"\D", "", one) for one in captions(page).splitlines()]
        assert number in digits
        page.get_by_role("button", name="Hang up").click()
        reaches(page, "ended")
        assert tab.wrong() == []


def test_a_newcomer_hears_the_own_call_in_the_console(line: Hotline, start: Start) -> None:
    """By the one link that the demonstration prints, without microphone or sign-in."""
    with browser(start) as started:
        tab = opened(started, line.house.address)
        page = tab.page
        page.goto(line.house.sign_in_link("newcomer"))
        assert page.url.endswith("/phone")
        page.get_by_label("A ready-made caller (English)").check()
        call(page)
        expect(page.locator("[data-part=card]")).to_have_attribute("data-ready", "true")
        page.get_by_role("link", name="See and hear it in the console").click()
        expect(page.get_by_text("street lamp").first).to_be_visible()
        page.locator("audio").first.evaluate("player => player.play()")
        page.wait_for_timeout(1000)
        assert page.locator("audio").first.evaluate("player => player.currentTime") > 0.3
        assert tab.wrong() == []


def test_a_caller_who_leaves_the_page_has_hung_up(line: Hotline, start: Start) -> None:
    with browser(start, *hears(SAMPLES / "silence.wav")) as started:
        page = opened(started, line.house.address).page
        call(page)
        reaches(page, "talking")
        page.wait_for_timeout(500)
        call_id = webhooks(page)[0][1]["CallSid"]
        page.goto("about:blank")
        deadline = time.monotonic() + 10
        while status_of(line, call_id) != "completed":
            assert time.monotonic() < deadline
            time.sleep(0.2)


def status_of(line: Hotline, call_id: str) -> str:
    """How the call stands in the hotline's own book."""
    with closing(sqlite3.connect(line.house.state / "whistle.sqlite3")) as book:
        asked = book.execute("SELECT status FROM calls WHERE provider_id = ?", (call_id,))
        return str(asked.fetchone()[0])


# --- where nobody can speak ----------------------------------------------------------------------------


def test_without_any_voice_every_word_is_written_and_the_call_ends_as_always(
    mute: Hotline, start: Start, tmp_path: Path
) -> None:
    with browser(start, *hears(made(tmp_path, tone(4.0)))) as started:
        tab = opened(started, mute.house.address)
        page = tab.page
        assert page.evaluate("speechSynthesis.getVoices().length") == 0
        call(page)
        reaches(page, "recording")
        page.wait_for_timeout(1500)
        page.keyboard.press("#")
        reaches(page, "ended", seconds=150)
        written = captions(page).splitlines()
        answers = page.locator("[data-part=answer]").all_text_contents()
        said = [text for one in answers for text in re.findall(r"<Say[^>]*>([^<]+)</Say>", one)]
        assert len(said) > 6 and [text for text in said if text not in written] == []
        assert webhooks(page)[-1][0] == "/voice/status"
        assert webhooks(page)[-1][1]["CallStatus"] == "completed"
        live = page.locator("[data-part=captions]")
        assert live.get_attribute("aria-live") == "polite"
        assert tab.wrong() == []


# --- what is recorded ----------------------------------------------------------------------------------


def stored(line: Hotline, call_id: str) -> bytes:
    """The recording as the hotline keeps it, once its worker has fetched it."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for case in line.house.cases():
            if case["call_id"] == call_id and case["recordings"][0]["status"] != "announced":
                files = sorted((line.house.state / "recordings").rglob("*.audio"), key=_age)
                return files[-1].read_bytes()
        time.sleep(0.3)
    raise AssertionError("the recording never came")


def _age(file: Path) -> float:
    return file.stat().st_mtime


@pytest.mark.parametrize("rate", [16000, 8000])
def test_the_microphone_is_recorded_as_it_sounds(
    line: Hotline, start: Start, tmp_path: Path, rate: int
) -> None:
    with browser(start, *hears(made(tmp_path, tone(6.0, 440)))) as started:
        page = opened(started, line.house.address).page
        page.get_by_label("Recording rate").select_option(str(rate))
        call(page)
        reaches(page, "recording")
        page.wait_for_timeout(3000)
        page.keyboard.press("#")
        expect(page.locator("[data-part=case]")).to_be_visible()
        call_id = webhooks(page)[0][1]["CallSid"]
        lasted_seconds = lasted(page, "recording", "sending")
    with wave.open(io.BytesIO(stored(line, call_id))) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (rate, 1, 2)
        samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2").astype(float)
    assert len(samples) / rate == pytest.approx(lasted_seconds, abs=0.15)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    assert np.argmax(spectrum) * rate / len(samples) == pytest.approx(440, abs=3)


def test_of_silence_the_action_hears_nothing_and_the_next_verb_runs(
    line: Hotline, start: Start
) -> None:
    with browser(start, *hears(SAMPLES / "silence.wav")) as started:
        tab = opened(started, line.house.address)
        page = tab.page
        call(page)
        expect(page.locator("[data-part=webhooks] > li")).to_have_count(3)
        posted = webhooks(page)
        assert "heard=silence" in posted[2][0]
        assert [path for path, form in posted if path != "/voice" and "Digits" in form] == []
        told = dict(posted[1][1])
        assert posted[1][0].startswith("/voice/recording") and told["RecordingStatus"] == "absent"
        assert all("/voice/turn" not in p or "RecordingUrl" not in form for p, form in posted)
        page.get_by_role("button", name="Hang up").click()
        reaches(page, "ended")
        assert tab.wrong() == []


# --- keys, drawer, and what is missing -----------------------------------------------------------------


def test_keys_are_taken_while_a_menu_is_said(line: Hotline, start: Start) -> None:
    """The prompt stops at the first key, and the key is what was answered."""
    with browser(start, *hears(made_speech())) as started:
        page = opened(started, line.house.address).page
        call(page)
        reaches(page, "recording")
        page.wait_for_timeout(1500)
        page.keyboard.press("#")
        expect(page.locator("[data-part=webhooks] > li")).to_have_count(3)
        expect(page.locator("#phone")).to_have_attribute("data-wanted", "true")
        page.wait_for_timeout(700)
        page.get_by_role("button", name="1", exact=True).click()
        # The prompt would go on for half a minute.
        expect(page.locator("[data-part=webhooks] > li")).to_have_count(4, timeout=3000)
        assert webhooks(page)[-1][1]["Digits"] == "1"


def made_speech() -> Path:
    return SAMPLES / "en-street-lamp.wav"


def test_the_drawer_shows_copies_and_sends_again(line: Hotline, start: Start) -> None:
    with browser(start, *hears(SAMPLES / "silence.wav")) as started:
        tab = opened(started, line.house.address)
        page = tab.page
        page.context.grant_permissions(["clipboard-read", "clipboard-write", "microphone"])
        call(page)
        reaches(page, "talking")
        page.get_by_text("What went over the wire").click()
        first = page.locator("[data-part=webhooks] > li").first
        first.locator("summary").click()
        assert "<Record" in first.locator("[data-part=answer]").inner_text()
        first.get_by_role("button", name="Copy as curl").click()
        expect(first.get_by_text("Copied")).to_be_visible()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied.startswith("curl -X POST") and "X-Twilio-Signature: " in copied
        first.get_by_role("button", name="Send again").click()
        expect(first.locator("[data-part=replayed]")).to_have_text(re.compile("Sent again: 200"))
        page.get_by_role("button", name="Hang up").click()
        assert tab.wrong() == []


def test_a_microphone_that_is_not_allowed_is_told_and_the_call_goes_on(
    line: Hotline, start: Start
) -> None:
    with browser(start) as started:
        page = opened(started, line.house.address).page
        call(page)
        notice = page.locator("[data-part=notice]")
        expect(notice).to_have_text(re.compile("choose a ready-made caller", re.I))
        reaches(page, "recording")
        page.get_by_label("A ready-made caller (English)").check()
        expect(notice).to_be_hidden()
        expect(page.locator("[data-part=case]")).to_have_text(re.compile(r"Case \d{9}"))


def test_at_an_address_that_is_not_secure_it_says_what_to_do(line: Hotline, start: Start) -> None:
    rules = "--host-resolver-rules=MAP hotline.test 127.0.0.1"
    with browser(start, rules) as started:
        page = opened(started, f"http://hotline.test:{line.house.port}").page
        expect(page.locator("[data-part=notice]")).to_have_text(re.compile("https and localhost"))


# --- the pages themselves ------------------------------------------------------------------------------


@pytest.fixture
def console(tmp_path: Path) -> Iterator[LiveConsole]:
    """A console with a telephone, for its looks."""
    with live_console(tmp_path, phone_enabled=True, phone_samples=PROJECT / "demo/calls") as here:
        yield here


@pytest.mark.parametrize("width", [320, 390, 1366])
@pytest.mark.parametrize("locale", LANGS)
def test_the_front_page_and_the_telephone_are_sound(
    tab: Callable[..., Tab], console: LiveConsole, locale: str, width: int
) -> None:
    here = tab(locale, width)
    for page in ("/", "/phone"):
        here.open(page)
        if page == "/phone":
            reaches(here.page, "idle")
            here.page.locator(".drawer > summary").click()
        assert here.wrong() == [], page
        assert barriers(here.page) == [], page
        here.forget()
        assert _overflow(here.page) <= 0, page
        for target in here.page.locator("main :is(a, button, select, input):visible").all():
            box = target.bounding_box()
            assert box and min(box["width"], box["height"]) >= 24, target.inner_html()


def test_the_front_page_leads_to_the_telephone_and_to_the_sign_in(
    tab: Callable[..., Tab], console: LiveConsole
) -> None:
    here = tab("en-GB")
    here.open("/")
    here.page.get_by_role("link", name="Try the telephone").click()
    expect(here.page.get_by_role("button", name="Call", exact=True)).to_be_enabled()
    here.open("/")
    here.page.get_by_role("link", name="Staff sign-in").click()
    expect(here.page.get_by_label("Password")).to_be_visible()
