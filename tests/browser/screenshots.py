"""`python -m tests.browser.screenshots` takes the pictures in docs/screenshots again."""

import tempfile
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path

from playwright.sync_api import sync_playwright
from sqlalchemy import select

from cases.followups import Followup
from cases.understanding import understand
from demo.house import SAMPLES
from runtime.database import transaction
from tests.browser.conftest import CHROMIUM, LiveConsole, Tab, live_console
from tests.integration.console.test_alert_pages import MIND, raised
from tests.support.console_app import LAMP, SCAFFOLD, WATER, ConsoleHouse

CALLS = {
    "華富邨華光樓部升降機又壞咗，困咗人": 6,
    "觀塘道條渠塞咗，落雨就水浸": 5,
    "深水埗北河街街市有煤氣味": 2,
    "旺角彌敦道半夜裝修好嘈": 7,
    "屯門友愛邨街燈壞咗，好黑": 4,
    "寶達邨後面斜坡有山泥跌落嚟": 2,
}
FOLDER = Path(__file__).resolve().parents[2] / "docs" / "screenshots"
WIDE, PHONE = {"width": 1366, "height": 720}, {"width": 390, "height": 844}
DESK, HIGHWAYS = "陳大文", "黃主任"
# Reader's language, screen, who has signed in, and the pages: address -> name of the picture.
SHOTS: tuple[tuple[str, Mapping[str, int], str, Mapping[str, str]], ...] = (
    ("zh-HK", WIDE, "", {"/": "front", "/sign-in": "sign-in", "/phone": "phone"}),
    (
        "zh-HK",
        WIDE,
        DESK,
        {
            "/cases": "cases",
            "/cases/{case}": "case",
            "/cases/{referred}": "case-referred",
            "/whistles": "whistles",
            "/whistles/{whistle}": "whistle",
            "/wall": "wall",
            "/rates": "rates",
            "/alerts": "alerts",
            "/alerts/{alert}": "alert",
            "/map": "map",
            "/hazards": "hazards",
            "/topics?month={month}": "topics",
        },
    ),
    ("en-GB", WIDE, DESK, {"/cases/{case}": "case-english"}),
    ("zh-CN", PHONE, DESK, {"/cases": "cases-phone"}),
    ("zh-HK", PHONE, HIGHWAYS, {"/department": "department-phone"}),
)


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as state, _console(Path(state)) as console:
        made = _fill(console)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM)
            for locale, size, who, pictures in SHOTS:
                page = browser.new_context(locale=locale, viewport=size).new_page()
                _take(Tab(page, console.address), who, pictures, made)
            browser.close()


def _console(state: Path) -> AbstractContextManager[LiveConsole]:
    return live_console(state, phone_enabled=True, phone_samples=SAMPLES)


def _fill(console: LiveConsole) -> dict[str, object]:
    house = console.house
    house.agent(DESK, "supervisor")
    house.agent(HIGHWAYS, "officer", department="hyd")
    desk, fire = house.signed_in("agent", "李小明"), house.officer("fsd")
    house.signed_in("coordinator", "何協調")
    _ask_the_citizens(house)
    house.case(flags=("hung_up", "missed_message"))
    closed = house.case(*LAMP, language="en")
    house.accepted("hyd", "emsd")
    house.case(*WATER, language="cmn", confidence=0.4)
    referred = _referred(house)
    _, whistle = house.whistle("fsd", "hyd", "bd", danger=True)
    fire.post(f"/whistles/{whistle}/arrive", department="fsd")
    fire.post(f"/whistles/{whistle}/say", text="已到場，正拆除三樓至五樓的棚網。")
    number = house.case(*SCAFFOLD)
    house.referred("hyd", category="street-lamp")
    house.accepted("lcsd", "hyd")
    desk.decide(referred, "task", owner="hyd", text="三日內巡查全條街的路燈。")
    desk.decide(closed, "close", note="路政署已修好街燈。")
    alert = raised(house)
    _hear(house)
    month = f"{house.now.astimezone(house.city.time_zone):%Y-%m}"
    return {
        "case": number,
        "referred": referred,
        "whistle": whistle,
        "alert": alert,
        "month": month,
    }


def _hear(house: ConsoleHouse) -> None:
    """Calls from all over the city, each understood, some of them looked at."""
    desk = house.signed_in("agent", "張小姐")
    for caller, text in enumerate(text for text, count in CALLS.items() for _ in range(count)):
        number = house.case(text, caller=f"+8529125{caller:04d}")
        found = house.stored(number)
        with transaction(house.engine) as session:
            understand(session, found.id, MIND, found.opened_at)
        if caller % 3:
            desk.decide(number, "confirm", category=found.category or "other")


def _referred(house: ConsoleHouse) -> str:
    """A case that one department has returned, naming another, which is supported by a third."""
    number = house.referred("lcsd", "hyd")
    said = {"reason": "not-ours", "words": "後巷不屬本署場地。", "department": "fehd"}
    house.officer("lcsd").decide(number, "return", **said)
    return number


def _ask_the_citizens(house: ConsoleHouse) -> None:
    """Enough answers that one department is ranked, and another is not."""
    house.now -= timedelta(days=3)
    desk = house.signed_in("agent", "回訪員")
    for department, count in (("hyd", 34), ("fehd", 7)):
        officer = house.signed_in("officer", f"of-{department}", department)
        for turn in range(count):
            number = house.accepted(department)
            officer.decide(number, "resolve", outcome="done", answer="已辦好。")
            with transaction(house.engine) as session:
                one = session.scalars(select(Followup.id).order_by(Followup.id.desc())).first()
            solved = "no" if turn % 6 == 5 else "yes"
            said = {
                "solved": solved,
                "contacted": "yes",
                "satisfied": "no" if turn % 5 == 4 else "very",
            }
            desk.post(f"/follow-ups/{one}/answer", **said)
    house.now += timedelta(days=3, hours=-1)


def _take(tab: Tab, who: str, pictures: Mapping[str, str], made: Mapping[str, object]) -> None:
    if who:
        tab.sign_in(who)
    for path, name in pictures.items():
        tab.open(path.format(**made))
        tab.page.screenshot(path=FOLDER / f"{name}.png", full_page=True)


if __name__ == "__main__":
    main()
