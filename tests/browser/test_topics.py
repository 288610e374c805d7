"""The chart of the monthly topic: drawn of the table's rows, and in words for who cannot see it."""

from collections.abc import Callable

import pytest

from tests.browser.conftest import LiveConsole, Tab
from tests.browser.test_console import LANGS, barriers
from tests.integration.console.test_topic_page import LIFT, NET, told

LITTER = "沙田禾輋邨有人亂拋垃圾，好臭"
OpenTab = Callable[..., Tab]
DRAWN = """
[...document.querySelectorAll("canvas")].map((canvas) => {
  const chart = Chart.getChart(canvas);
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  return { sets: chart.data.datasets.map(({ label, data }) => ({ label, data })),
           bars: chart.data.labels.length, moves: chart.options.animation,
           role: canvas.getAttribute("role"), label: canvas.getAttribute("aria-label"),
           ink: pixels.some((value) => value !== 0) };
})
"""
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def topics(console: LiveConsole) -> LiveConsole:
    console.house.agent("mei", "admin")
    told(console.house, NET, 6, day=3)
    told(console.house, LIFT, 5, day=4)
    told(console.house, LITTER, 2, day=5)
    return console


def test_the_chart_says_what_the_table_says(tab: OpenTab, topics: LiveConsole) -> None:
    here = tab("en-GB", 1366)
    here.sign_in("mei")
    here.open("/topics")
    here.page.wait_for_selector("figure canvas")
    (chart,) = here.page.evaluate(DRAWN)
    rows = here.page.locator("#topics tbody tr")
    cases = [int(rows.nth(place).get_attribute("data-cases") or 0) for place in range(rows.count())]
    assert chart["bars"] == len(cases) and sorted(cases, reverse=True)[0] == 6
    assert [one["label"] for one in chart["sets"]] == ["Cases", "A month before"]
    assert chart["sets"][0]["data"] == cases
    # There was no month before: no bar, and no bar of nothing.
    assert set(chart["sets"][1]["data"]) == {None}
    assert chart["role"] == "img" and "stand first" in chart["label"] and chart["ink"]
    assert chart["moves"] is False and here.wrong() == []


@pytest.mark.parametrize("width", [320, 390, 1366])
@pytest.mark.parametrize("locale", LANGS)
def test_the_form_and_the_choice_are_within_reach(
    tab: OpenTab, topics: LiveConsole, locale: str, width: int
) -> None:
    here = tab(locale, width)
    here.sign_in("mei")
    here.open("/topics")
    for folded in (".topic", ".how", ".too-few"):
        here.page.click(f"{folded} summary")
    assert barriers(here.page) == [] and here.page.evaluate(SIDEWAYS) <= 0
    here.page.select_option("#topic-problem", index=1)
    here.page.fill("#topic-reason", "It is told of every day.")
    here.page.select_option("#topic-lead", index=1)
    here.page.click(".topic form button")
    here.page.wait_for_selector(".topic .said-whole")
    assert barriers(here.page) == [] and here.page.evaluate(SIDEWAYS) <= 0
    here.page.click(".topic form button")
    here.page.wait_for_selector(".topic summary")
    here.forget()


@pytest.mark.parametrize("width", [320, 1366])
@pytest.mark.parametrize("locale", LANGS)
def test_the_officer_of_the_lead_finds_it_on_the_departments_page(
    tab: OpenTab, topics: LiveConsole, locale: str, width: int
) -> None:
    topics.house.agent("bo", "officer")
    here = tab(locale, width)
    here.sign_in("mei")
    here.open("/topics")
    here.page.click(".topic summary")
    here.page.select_option("#topic-problem", index=1)
    here.page.fill("#topic-reason", "It is told of every day.")
    here.page.select_option("#topic-lead", value=next(iter(topics.house.office.departments)))
    here.page.click(".topic form button")
    here.page.wait_for_selector(".topic .said-whole")
    here.page.context.clear_cookies()
    here.sign_in("bo")
    here.page.wait_for_selector("#topics .said-whole")
    assert barriers(here.page) == [] and here.page.evaluate(SIDEWAYS) <= 0
    here.page.click("#topics a")
    here.page.wait_for_url("**/cases?*hazard=*")
    assert here.page.get_attribute("html", "lang") == LANGS[locale]
