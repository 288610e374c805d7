"""A console that answers on a port, and a browser that notices everything that goes wrong."""

import logging
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright
from werkzeug.serving import make_server

from cases import agents
from demo.house import free_port
from tests.support.console_app import PASSWORD, ConsoleHouse, console_house
from tests.support.servers import missing

CHROMIUM = "/usr/bin/chromium"
NOTICE = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
"""


@dataclass
class LiveConsole:
    """A console that answers at `address`."""

    house: ConsoleHouse
    address: str


@dataclass
class Tab:
    """One page of a browser, and what went wrong on it."""

    page: Page
    address: str
    errors: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        self.page.goto(self.address + path)

    def sign_in(self, name: str, password: str = PASSWORD) -> None:
        self.open("/sign-in")
        self.page.fill("#name", name)
        self.page.fill("#password", password)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(re.compile("/(desk|cases|department)$"))

    def wrong(self) -> list[str]:
        """Errors, refused content and requests to elsewhere on the page that is open now."""
        return self.errors + list(self.page.evaluate("window.violations"))

    def forget(self) -> None:
        """Begin anew on the page that is open."""
        self.errors.clear()
        self.page.evaluate("window.violations.length = 0")

    def notice(self, message: ConsoleMessage) -> None:
        # That a page was answered with 404 or 409 is what some tests are about.
        answered = "the server responded with a status of 4" in message.text
        if message.type in {"error", "warning"} and not answered:
            self.errors.append(message.text)

    def notice_request(self, request: Request) -> None:
        if not request.url.startswith(self.address):
            self.errors.append(f"asked {request.url}")


@pytest.fixture(scope="session")
def start() -> Iterator[Callable[..., Browser]]:
    """Starts a browser with options of its own. Where there is none the test is skipped with a word; in
    CI it fails."""
    program = (
        CHROMIUM if Path(CHROMIUM).exists() else shutil.which("chromium") or missing("chromium")
    )
    with sync_playwright() as playwright:

        def launch(*options: str) -> Browser:
            return playwright.chromium.launch(executable_path=program, args=list(options))

        yield launch


@pytest.fixture(scope="session")
def chromium(start: Callable[..., Browser]) -> Iterator[Browser]:
    """The browser that most tests share."""
    browser = start()
    yield browser
    browser.close()


@pytest.fixture
def console(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveConsole]:
    """A console on a free port, with an empty database."""
    cheap = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    monkeypatch.setattr(agents, "_hasher", cheap)
    with live_console(tmp_path) as console:
        yield console


@contextmanager
def live_console(folder: Path, **chosen: Any) -> Iterator[LiveConsole]:
    """A console that answers while the block runs; `chosen`: its settings."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    house = console_house(folder, public_base_url=address, **chosen)
    server = make_server("127.0.0.1", port, house.app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield LiveConsole(house, address)
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def tab(chromium: Browser, console: LiveConsole) -> Iterator[Callable[..., Tab]]:
    """Opens a page for a reader of `locale` on a screen `width` pixels wide."""
    contexts = []

    def open_tab(locale: str = "zh-HK", width: int = 1366) -> Tab:
        context = chromium.new_context(locale=locale, viewport={"width": width, "height": 800})
        context.add_init_script(NOTICE)
        contexts.append(context)
        tab = Tab(context.new_page(), console.address)
        tab.page.on("console", tab.notice)
        tab.page.on("pageerror", lambda error: tab.errors.append(str(error)))
        tab.page.on("request", tab.notice_request)
        return tab

    yield open_tab
    for context in contexts:
        context.close()
