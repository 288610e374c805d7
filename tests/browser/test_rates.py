"""The charts of the rates: drawn, in words for who cannot see them, and of the table's figures."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import LiveConsole, Tab
from tests.browser.test_console import LANGS, barriers
from tests.integration.console.test_rates_pages import STORY, told
from tests.support.console_app import PASSWORD

OpenTab = Callable[..., Tab]
# What each chart holds, and where it stands in its table.
DRAWN = """
[...document.querySelectorAll("canvas")].map((canvas) => {
  const chart = Chart.getChart(canvas);
  const { data, spans } = chart.data.datasets[0];
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  return { name: canvas.dataset.chart, labels: chart.data.labels, data, spans,
           role: canvas.getAttribute("role"), label: canvas.getAttribute("aria-label"),
           moves: chart.options.animation, ink: pixels.some((value) => value !== 0) };
})
"""
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def asked(console: LiveConsole) -> LiveConsole:
    console.house.agent("mei", "admin")
    told(console.house, "hyd", *STORY)
    told(console.house, "fehd", STORY[0])
    return console


def in_table(page: Page) -> list[list[str]]:
    rows = page.locator("#by-month tbody tr")
    return [rows.nth(place).locator("th, td").all_inner_texts() for place in range(rows.count())]


@pytest.mark.parametrize("path", ["/rates", "/rates/hyd"])
def test_a_chart_is_drawn_of_each_column_and_says_what_the_table_says(
    tab: OpenTab, asked: LiveConsole, path: str
) -> None:
    here = tab("en-GB", 1366)
    here.sign_in("mei")
    here.open(path)
    here.page.wait_for_selector(".charts canvas")
    charts: list[dict[str, Any]] = here.page.evaluate(DRAWN)
    assert [one["name"] for one in charts] == ["score", "contacted", "solved", "satisfied"]
    rows = in_table(here.page)
    for place, chart in enumerate(charts, start=1):
        assert chart["role"] == "img" and "by month" in chart["label"] and chart["ink"]
        assert chart["moves"] is False
        assert chart["labels"] == [row[0].strip() for row in rows]
        for row, share, span in zip(rows, chart["data"], chart["spans"], strict=True):
            if share is None:
                assert "no data" in row[place] and span is None
            else:
                shown = [f"{value:.1f}" for value in (share, *span)]
                assert all(text in row[place] for text in shown), row[place]
    assert charts[0]["data"][-1] is not None and charts[0]["data"][0] is None
    assert here.wrong() == []


def test_without_scripts_the_table_is_there(chromium: Any, asked: LiveConsole) -> None:
    context = chromium.new_context(locale="en-GB", java_script_enabled=False)
    page = context.new_page()
    page.goto(asked.address + "/sign-in")
    page.fill("#name", "mei")
    page.fill("#password", PASSWORD)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    page.goto(asked.address + "/rates/hyd")
    assert page.locator("#by-month tbody tr").count() == 12
    assert "76.5" in page.locator("#by-month tbody tr").last.inner_text()
    assert not page.locator(".charts").is_visible()
    context.close()


@pytest.mark.parametrize("width", [320, 390, 1366])
@pytest.mark.parametrize("locale", LANGS)
def test_with_charts_the_pages_are_whole(
    tab: OpenTab, asked: LiveConsole, locale: str, width: int
) -> None:
    here = tab(locale, width)
    here.sign_in("mei")
    for path in ("/rates", "/rates/hyd", "/rates?policy=1823", "/rates?span=year&by=district"):
        here.open(path)
        here.page.wait_for_selector(".charts canvas")
        assert here.wrong() == [], path
        assert barriers(here.page) == [], path
        here.forget()  # the policy hinders axe too
        assert here.page.evaluate(SIDEWAYS) <= 0, path


def test_on_paper_there_are_figures_and_charts_and_no_forms(
    tab: OpenTab, asked: LiveConsole
) -> None:
    here = tab("zh-HK", 1366)
    here.sign_in("mei")
    here.open("/rates/hyd")
    here.page.wait_for_selector(".charts canvas")
    here.page.emulate_media(media="print")
    shown = {
        name: here.page.locator(name).first.is_visible()
        for name in ("#units", "#by-month", "#costs", ".charts canvas", ".filters", "header.top")
    }
    assert [name for name, seen in shown.items() if not seen] == [".filters", "header.top"]
