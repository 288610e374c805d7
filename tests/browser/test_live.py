"""Regions that renew themselves: at once, without disturbing the reader, and honest when nothing comes."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from playwright.sync_api import Page, Request, expect
from werkzeug.serving import BaseWSGIServer, make_server

from cases import agents, calls, kiosks
from cases.permissions import Person
from demo.house import free_port
from runtime import clock
from runtime.database import transaction
from tests.browser.conftest import LiveConsole, Tab
from tests.browser.test_console import LANGS, barriers
from tests.support.console_app import SCAFFOLD, ConsoleHouse, console_house

OpenTab = Callable[..., Tab]
RENEWED = """(id) => { const region = document.getElementById(id);
  region.addEventListener("live:renewed", () => {
    region.dataset.times = Number(region.dataset.times || 0) + 1; }); }"""


@dataclass
class Host(LiveConsole):
    """A console whose server can be taken away and brought back at the same address."""

    port: int = 0
    _server: BaseWSGIServer | None = field(default=None, repr=False)

    def start(self) -> None:
        self._server = make_server("127.0.0.1", self.port, self.house.app, threaded=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


@pytest.fixture
def console(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """In place of the one that is always there."""
    cheap = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    monkeypatch.setattr(agents, "_hasher", cheap)
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    host = Host(console_house(tmp_path, public_base_url=address), address, port)
    host.start()
    yield host
    host.stop()


@pytest.fixture
def screen(console: Host) -> str:
    """The address of the wall for a screen nobody signs in at."""
    boss = Person("agent:1", "supervisor")
    with transaction(console.house.engine) as session:
        _, token = kiosks.make(session, "the hall", by=boss, now=clock.now())
    return f"/wall?kiosk={token}"


def ring(house: ConsoleHouse, name: str) -> None:
    """Somebody calls."""
    caller = house.key.caller("+85291234567")
    with transaction(house.engine) as session:
        how = {"provider": "twilio", "caller": caller, "called": "1823", "now": clock.now()}
        calls.begin(session, name, **how)


def watch_renewals(page: Page, region: str) -> None:
    page.evaluate(RENEWED, region)


def renewed(page: Page, region: str, times: int) -> None:
    """Wait until the region was renewed that many times since it has been watched."""
    deadline = time.monotonic() + 60
    while int(page.get_attribute(f"#{region}", "data-times") or 0) < times:
        assert time.monotonic() < deadline
        page.wait_for_timeout(100)


def test_a_new_call_is_on_the_wall_within_three_seconds(
    tab: OpenTab, console: Host, screen: str
) -> None:
    here = tab()
    here.open(screen)
    figure = here.page.locator("[data-figure=calls_now]")
    expect(figure).to_have_text("0")
    for number in (1, 2):
        ring(console.house, f"CA{number}")
        expect(figure).to_have_text(str(number), timeout=3000)
    assert here.wrong() == []


def test_focus_scroll_and_what_is_typed_survive_ten_renewals(tab: OpenTab, console: Host) -> None:
    house = console.house
    house.agent("fu", "officer", department="hyd")
    numbers = [house.referred("hyd") for _ in range(8)]
    here = tab("en-GB", 390)
    here.sign_in("fu")
    page = here.page
    item = page.locator(f"#to-accept-{numbers[3]}")
    item.get_by_role("link", name="Not within our powers").click()
    item.locator("label").first.click()
    words = item.locator("textarea")
    words.fill("Half a sen")
    words.scroll_into_view_if_needed()
    before = page.evaluate("[scrollY, document.activeElement.selectionStart]")
    assert before[0] > 200
    watch_renewals(page, "inbox")
    house.referred("hyd")  # something new, below
    for nth in range(1, 11):
        renewed(page, "inbox", nth)
        # Asked for again at once, so that ten renewals need no minute.
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("#to-accept .count")).to_have_text("9")
    expect(words).to_be_focused()
    expect(words).to_have_value("Half a sen")
    assert page.evaluate("[scrollY, document.activeElement.selectionStart]") == before
    expect(item.get_by_role("radio").first).to_be_checked()
    page.keyboard.type("tence")
    expect(words).to_have_value("Half a sentence")
    assert here.wrong() == []


def test_focus_and_scroll_of_the_wall_survive_ten_renewals(
    tab: OpenTab, console: Host, screen: str
) -> None:
    here = tab("en-GB", 390)
    here.open(f"{screen}&every=1")
    page = here.page
    means = page.locator("summary", has_text="How these figures")
    means.click()
    page.evaluate("scrollTo(0, 400)")
    before = page.evaluate("scrollY")
    assert before >= 300
    watch_renewals(page, "wall")
    for nth in range(1, 11):
        ring(console.house, f"CA{nth}")  # every time there is something new
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        renewed(page, "wall", nth)
    expect(page.locator("[data-figure=calls_now]")).to_have_text("10", timeout=3000)
    expect(means).to_be_focused()
    assert page.evaluate("scrollY") == before
    assert page.evaluate("document.querySelector('.wall-means').open") is True
    assert here.wrong() == []


def test_what_another_has_dealt_with_stays_as_long_as_something_is_typed_in_it(
    tab: OpenTab, console: Host
) -> None:
    house = console.house
    house.agent("fu", "officer", department="hyd")
    number, other = house.referred("hyd"), house.referred("hyd")
    here = tab("en-GB", 390)
    here.sign_in("fu")
    item = here.page.locator(f"#to-accept-{number}")
    item.get_by_role("link", name="Not within our powers").click()
    item.locator("label").first.click()
    item.locator("textarea").fill("Not ours")
    house.officer("hyd").decide(number, "accept")
    house.signed_in("officer", "fu2", "hyd").decide(other, "accept")
    watch_renewals(here.page, "inbox")
    renewed(here.page, "inbox", 1)
    expect(here.page.locator(f"#to-accept-{other}")).to_have_count(0)
    expect(here.page.get_by_text("Somebody has just dealt with this.")).to_be_visible()
    expect(item.locator("textarea").first).to_have_value("Not ours")


def test_a_department_that_reports_in_is_on_the_board_without_a_reload(
    tab: OpenTab, console: Host
) -> None:
    house = console.house
    house.agent("boss", "coordinator")
    _, whistle = house.whistle("hyd", "fsd")
    here = tab("en-GB", 390)
    here.sign_in("boss")
    here.open("/whistles")
    item = here.page.locator(f"#whistle-{whistle}")
    came = here.page.locator(f"[aria-labelledby=here-{whistle}]")
    expect(item.get_by_role("heading", name="Not yet 2")).to_be_visible()
    expect(item.get_by_text("lead not there yet")).to_be_visible()
    house.officer("hyd").post(f"/whistles/{whistle}/arrive", department="hyd")
    expect(came).to_contain_text("Highways Department", timeout=12_000)
    expect(item.get_by_role("heading", name="Not yet 1")).to_be_visible()
    expect(item.get_by_text("lead not there yet")).to_have_count(0)
    assert here.wrong() == []


def test_a_new_case_is_counted_above_the_list_and_the_list_stays_as_it_is(
    tab: OpenTab, console: Host
) -> None:
    house = console.house
    house.agent("desk", "supervisor")
    house.case(*SCAFFOLD)
    here = tab("en-GB")
    here.sign_in("desk")
    here.open("/cases?status=received")
    page, new = here.page, here.page.locator("[data-count=new]")
    expect(new).to_have_text("1")
    page.locator(".tick").first.check()
    house.case(*SCAFFOLD)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(new).to_have_text("2", timeout=3000)
    expect(page.locator(".tick")).to_have_count(1)
    expect(page.locator(".tick")).to_be_checked()
    page.get_by_role("link", name="Received 2").click()
    expect(page.locator(".cases > li")).to_have_count(2)
    assert here.wrong() == []


def test_the_page_says_when_nothing_comes_and_goes_on_by_itself(
    tab: OpenTab, console: Host, screen: str
) -> None:
    here = tab("en-GB")
    here.open(screen)
    page = here.page
    page.evaluate("window.here = 'the same page'")
    told = page.get_by_role("status").filter(has_text="No answer from the hotline")
    watch_renewals(page, "wall")
    renewed(page, "wall", 1)
    console.stop()
    expect(told).to_be_visible(timeout=15_000)
    expect(told).to_have_text(re.compile(r"What you see is of \d\d:\d\d:\d\d"))
    assert barriers(page) == []
    ring(console.house, "CA1")
    console.start()
    expect(told).to_be_hidden(timeout=10_000)
    expect(page.locator("[data-figure=calls_now]")).to_have_text("1", timeout=3000)
    assert page.evaluate("window.here") == "the same page"


HIDE = """Object.defineProperty(document, "hidden", {get: () => window.away, configurable: true});
window.away = true; document.dispatchEvent(new Event("visibilitychange"));"""
SHOW = "window.away = false; document.dispatchEvent(new Event('visibilitychange'));"


def test_a_page_that_nobody_looks_at_asks_at_most_once_in_half_a_minute(
    tab: OpenTab, console: Host, screen: str
) -> None:
    here = tab()
    page = here.page
    page.clock.install()  # the page's own time, so that minutes pass in a moment
    here.open(screen)
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request))
    for _ in range(5):
        page.clock.run_for(2_000)
        page.wait_for_timeout(150)
    assert len(asked) >= 3  # it does ask while somebody looks
    page.evaluate(HIDE)
    page.wait_for_timeout(300)
    asked.clear()
    for _ in range(12):
        page.clock.run_for(10_000)
        page.wait_for_timeout(50)
    assert len(asked) <= 4  # of two minutes
    ring(console.house, "CA1")
    page.evaluate(SHOW)
    expect(page.locator("[data-figure=calls_now]")).to_have_text("1")


def test_whose_sign_in_has_ended_is_taken_to_the_door_and_back(tab: OpenTab, console: Host) -> None:
    console.house.agent("lead", "leader")
    here = tab("en-GB")
    here.sign_in("lead")
    here.open("/wall?every=1")
    here.page.context.clear_cookies()
    here.page.wait_for_url(re.compile("/sign-in$"))
    here.page.fill("#name", "lead")
    here.page.fill("#password", "four unrelated words here")
    here.page.keyboard.press("Enter")
    here.page.wait_for_url(re.compile(r"/wall\?every=1$"))


def test_a_screen_whose_link_was_revoked_says_so_by_itself(
    tab: OpenTab, console: Host, screen: str
) -> None:
    here = tab("en-GB")
    here.open(screen)
    with transaction(console.house.engine) as session:
        boss = Person("agent:1", "supervisor")
        kiosks.revoke(session, session.get_one(kiosks.Kiosk, 1), by=boss, now=clock.now())
    expect(here.page.get_by_text("This link holds no longer")).to_be_visible(timeout=6000)


@pytest.mark.parametrize("width", [320, 390, 1366, 1920])
@pytest.mark.parametrize("locale", LANGS)
def test_the_wall_is_sound_on_every_screen(
    tab: OpenTab, console: Host, screen: str, locale: str, width: int
) -> None:
    console.house.case(*SCAFFOLD)
    console.house.whistle("hyd", "fsd", danger=True)
    here = tab(locale, width)
    here.open(screen)
    assert here.wrong() == [] and barriers(here.page) == []
    root = "document.documentElement"
    assert here.page.evaluate(f"{root}.scrollWidth - {root}.clientWidth") <= 0
