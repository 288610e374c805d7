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
from runtime import clock
from runtime.database import transaction
from tests.browser.conftest import LiveConsole, Tab
from tests.browser.test_console import LANGS, barriers
from tests.support.console_app import SCAFFOLD, ConsoleHouse, console_house
from tests.support.servers import free_port

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
