"""`python -m tests.browser.screenshots` takes the pictures in docs/screenshots again."""

import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.conftest import CHROMIUM, LiveConsole, Tab, live_console
from tests.support.console_app import LAMP, SCAFFOLD, WATER

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "screenshots"
WIDE, PHONE = {"width": 1366, "height": 720}, {"width": 390, "height": 844}
SHOTS = (
    ("zh-HK", WIDE, ("sign-in", "cases", "case")),
    ("en-GB", WIDE, ("", "", "case-english")),
    ("zh-CN", PHONE, ("", "cases-phone", "")),
)


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as state, live_console(Path(state)) as console:
        number = _fill(console)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM)
            for locale, size, names in SHOTS:
                page = browser.new_context(locale=locale, viewport=size).new_page()
                _take(Tab(page, console.address), number, names)
            browser.close()


def _fill(console: LiveConsole) -> str:
    house = console.house
    house.agent("陳大文", "supervisor")
    house.case(flags=("hung_up", "missed_message"))
    closed = house.case(*LAMP, language="en")
    house.case("成條街都係垃圾，老鼠周圍走，幾時有人嚟清呀？")
    house.case(*WATER, language="cmn", confidence=0.4)
    number = house.case(*SCAFFOLD)
    visitor = house.signed_in("agent", "李小明")
    visitor.get("/recordings/5/audio")
    visitor.decide(closed, "close", note="路政署已修好街燈。")
    return number


def _take(tab: Tab, number: str, names: tuple[str, ...]) -> None:
    """Save those of the three pages that have a name: the door, the list, a case."""
    pages = dict(zip(("/sign-in", "/cases", f"/cases/{number}"), names, strict=True))
    for path, name in pages.items():
        if path == "/cases":
            tab.sign_in("陳大文")
        tab.open(path)
        if name:
            tab.page.screenshot(path=FOLDER / f"{name}.png", full_page=True)


if __name__ == "__main__":
    main()
