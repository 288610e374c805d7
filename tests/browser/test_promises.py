"""What was promised, as pages show it: due dates across Lunar New Year, and no refusal without a reason."""

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import holidays
import pytest
from argon2 import PasswordHasher
from playwright.sync_api import Browser, Locator, Page, expect

from cases import agents
from runtime import clock
from tests.browser.conftest import NOTICE, LiveConsole, Tab, live_console

OpenTab = Callable[..., Tab]
DAY = timedelta(days=1)
PHONE = {"width": 390, "height": 800}
# Where and when, who is asked to accept, and on which day each of these CLOCKS ends.
# fmt: off
CLOCKS = ("Acceptance", "Interim reply", "Answer")
PROMISES = [
    # 14 February is a Saturday that is worked; 15 to 23 February are off.
    ("beijing", "2026-02-13T10:00", "city-management",
     {"1wd": "2026-02-14", "3d": "2026-02-24", "7d": "2026-02-24"}),
    ("beijing", "2026-02-14T16:00", "city-management",
     {"1wd": "2026-02-24", "3d": "2026-02-24", "7d": "2026-02-24"}),
    # Tuesday 17 to Thursday 19 February are public holidays.
    ("hongkong", "2026-02-09T10:00", "fehd",
     {"2wd": "2026-02-11", "10d": "2026-02-20", "30d": "2026-03-11"}),
    ("hongkong", "2026-02-13T10:00", "fehd",
     {"2wd": "2026-02-20", "10d": "2026-02-23", "30d": "2026-03-16"}),
]
# fmt: on


def works(city: str, day: date) -> bool:
    """Whether a day is worked there, by the published table of holidays alone."""
    if city == "beijing":
        return holidays.country_holidays("CN", years=day.year).is_working_day(day)
    return day.weekday() < 5 and day not in holidays.country_holidays("HK", years=day.year)


def last_day(city: str, span: str, began: date) -> date:
    """The last day of so many days (`d`), or working days (`wd`), from the day after `began`."""
    amount, unit = int(span.rstrip("dw")), span.lstrip("0123456789")
    day = began
    if unit == "d":
        day += amount * DAY
        while not works(city, day):
            day += DAY
    while unit == "wd" and amount:
        day += DAY
        amount -= works(city, day)
    return day


@pytest.fixture
def frozen(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[LiveConsole]:
    """A console of the city named, where it is the moment named and stays it."""
    city, moment = request.param
    cheap = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    monkeypatch.setattr(agents, "_hasher", cheap)
    with live_console(tmp_path, city=city) as console:
        now = datetime.fromisoformat(moment).replace(tzinfo=console.house.city.time_zone)
        console.house.now = now.astimezone(clock.now().tzinfo) - timedelta(minutes=5)
        monkeypatch.setattr(clock, "now", lambda: console.house.now + timedelta(minutes=5))
        yield console


@pytest.mark.parametrize(
    ("frozen", "lead", "promised"),
    [((city, at), lead, promised) for city, at, lead, promised in PROMISES],
    indirect=["frozen"],
    ids=[f"{city} {at}" for city, at, *_ in PROMISES],
)
def test_due_dates_across_lunar_new_year_are_those_of_the_table_of_holidays(
    chromium: Browser, frozen: LiveConsole, lead: str, promised: dict[str, str]
) -> None:
    house, city = frozen.house, frozen.house.city.code
    began = clock.now().astimezone(house.city.time_zone).date()
    number = house.referred(lead)
    house.agent("mei", "supervisor")
    house.agent("fu", "officer", department=lead)
    context = chromium.new_context(locale="en-GB", viewport=PHONE)
    context.add_init_script(NOTICE)
    here = Tab(context.new_page(), frozen.address)
    here.sign_in("mei")
    here.open(f"/cases/{number}")
    shown = due_dates(here.page)
    context.clear_cookies()
    here.sign_in("fu")
    item = here.page.locator(f"#to-accept-{number}")
    expect(item).to_contain_text(f"due {shown['Acceptance']}")
    # The clocks of the answer run from the moment the case is accepted: it is the same one here.
    item.get_by_role("button", name="Accept").click()
    expect(here.page.locator(f"#in-work-{number}")).to_be_visible()
    here.open(f"/cases/{number}")
    shown = due_dates(here.page) | shown
    for name, (span, by_hand) in zip(CLOCKS, promised.items(), strict=True):
        assert shown[name] == f"{by_hand} 18:00", name
        assert by_hand == last_day(city, span, began).isoformat(), name
    assert here.wrong() == []
    context.close()


def due_dates(page: Page) -> dict[str, str]:
    """The clocks of a case as its page shows them: which, and when it ends."""
    lines = page.locator(".facts .clocks li")
    told = {}
    for line in lines.all():
        name = line.locator(".chip").inner_text().partition(":")[0]
        told[name] = line.locator("time").inner_text()
    return told


def send_back(item: Locator, reason: str, department: str) -> None:
    """Three taps in the inbox."""
    item.get_by_role("link", name=reason).click()
    choice = item.get_by_role("radio", name=department)
    if not choice.is_visible():
        item.get_by_text("Other departments").click()
    choice.check()
    item.get_by_role("button", name="Return", exact=True).click()


def test_no_department_refuses_without_a_reason(tab: OpenTab, console: LiveConsole) -> None:
    house = console.house
    house.agent("fu", "officer", department="hyd")
    number = house.referred("hyd")
    here = tab("en-GB", 390)
    here.sign_in("fu")
    page = here.page
    # In the inbox a return begins with its reason, and needs a name.
    page.locator(f"#to-accept-{number}").get_by_role("link", name="Not within our powers").click()
    page.get_by_role("button", name="Return", exact=True).click()
    expect(page.locator("input[name=department]:invalid").first).to_be_attached()
    # On the case's page the browser asks for the reason; where it does not, the hotline does.
    here.open(f"/cases/{number}")
    deed = page.locator("details.deed").filter(has=page.locator(f"form[action$='{number}/return']"))
    deed.locator("summary").first.click()
    deed.locator("textarea[name=words]").fill("It lies on land of another department.")
    deed.get_by_label("Department").first.select_option("fehd")
    deed.get_by_role("button", name="Return", exact=True).click()
    expect(deed.locator("[name=reason]:invalid").first).to_be_attached()
    deed.locator("form").evaluate("form => form.noValidate = true")
    deed.get_by_role("button", name="Return", exact=True).click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.locator("textarea[name=words]").first).to_have_value(re.compile("another"))
    assert house.stored(number).status == "referred"
    assert "return" not in [action for _, action in house.history(number)]


def test_the_second_refusal_blows_a_whistle_that_both_departments_see(
    tab: OpenTab, console: LiveConsole
) -> None:
    house = console.house
    house.agent("mei", "supervisor")
    house.agent("fu", "officer", department="hyd")
    house.agent("lee", "officer", department="fehd")
    number = house.referred("hyd")
    first, second, desk = tab("en-GB", 390), tab("en-GB", 390), tab("en-GB")
    first.sign_in("fu")
    other = "Food and Environmental Hygiene Department"
    send_back(first.page.locator(f"#to-accept-{number}"), "Not within our powers", other)
    expect(first.page.get_by_text("Returned", exact=False).first).to_be_visible()
    assert house.stored(number).status == "referred"
    second.sign_in("lee")
    send_back(second.page.locator(f"#to-accept-{number}"), "Not within our powers", "Highways")
    assert house.stored(number).status == "whistled"
    for officer, name in ((first, "Highways Department"), (second, other)):
        officer.open("/department")
        expect(officer.page.locator("#report-in")).to_contain_text(number)
        officer.open("/whistles")
        item = officer.page.locator(".board li").filter(has_text=number).first
        expect(item.locator("[aria-labelledby^=not-here]")).to_contain_text(name)
        assert officer.wrong() == []
    desk.sign_in("mei")
    desk.open(f"/cases/{number}")
    log = desk.page.locator(".history li")
    expect(log.filter(has_text="Returned (Not within our powers)")).to_have_count(2)
    blown = log.filter(has_text="Whistle blown")
    expect(blown).to_have_count(1)
    for name in ("Highways Department", other):
        expect(blown).to_contain_text(name)
    assert desk.wrong() == []
