"""The list as people use it: words searched for, a view kept, cases ticked, a sheet taken away."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import LiveConsole, Tab
from tests.browser.test_console import LANGS, barriers
from tests.integration.console.test_list_deeds import of_xlsx
from tests.support.console_app import LAMP, SCAFFOLD, WATER

OpenTab = Callable[..., Tab]


@pytest.fixture
def cases(console: LiveConsole) -> list[str]:
    """Six cases of three kinds; the last is said to be a formula. The boss may do everything."""
    house = console.house
    house.agent("mei", "supervisor")
    kinds = ((SCAFFOLD, "yue"), (WATER, "cmn"), (LAMP, "en")) * 2
    made = [house.case(*said, language=language) for said, language in kinds[:5]]
    return [*made, house.case("=cmd|'/C calc'!A0", language="en")]


def test_words_are_searched_for_by_the_keyboard_in_either_script(
    tab: OpenTab, cases: list[str]
) -> None:
    here = tab()
    here.sign_in("mei")
    here.open("/cases")
    here.page.keyboard.press("/")
    expect(here.page.locator("#q")).to_be_focused()
    here.page.keyboard.type("棚网")
    here.page.keyboard.press("Enter")
    expect(here.page.locator("mark")).to_have_text(["棚網", "棚網"])
    assert "q=" in here.page.url
    assert here.wrong() == []


def test_a_filter_stays_in_the_address_and_becomes_a_view(tab: OpenTab, cases: list[str]) -> None:
    here = tab("en-GB")
    here.sign_in("mei")
    here.open("/cases")
    here.page.fill("#q", "lamp")
    here.page.select_option("#order", "oldest")
    here.page.get_by_role("button", name="Apply").click()
    expect(here.page.locator(".count").first).to_have_text("1 found")
    here.page.get_by_text("Save this view").click()
    here.page.fill("#view-name", "Lamps")
    here.page.get_by_role("button", name="Save", exact=True).click()
    expect(here.page.get_by_text("The view is saved.")).to_be_visible()
    here.open("/cases")
    here.page.get_by_role("link", name="Lamps").click()
    expect(here.page.locator("#q")).to_have_value("lamp")
    expect(here.page.locator("#order")).to_have_value("oldest")
    expect(here.page.locator("ol.cases > li")).to_have_count(1)


def test_ticked_cases_are_confirmed_together_and_the_rest_is_left(
    tab: OpenTab, console: LiveConsole, cases: list[str]
) -> None:
    here = tab("en-GB")
    here.sign_in("mei")
    here.open("/cases?q=海晴邨")
    here.page.get_by_label(f"Tick {cases[0]}").check()
    expect(here.page.get_by_text("1 ticked")).to_be_visible()
    here.page.get_by_label("Tick all on this page").check()
    expect(here.page.get_by_text("2 ticked")).to_be_visible()
    here.page.select_option("#bulk-category", "refuse")
    here.page.get_by_role("button", name="Confirm category").click()
    expect(here.page.get_by_role("heading", name="Done: 2")).to_be_visible()
    assert {console.house.stored(one).category for one in (cases[0], cases[3])} == {"refuse"}
    assert not console.house.stored(cases[1]).category_confirmed
    here.page.get_by_role("link", name="Back to the list").click()
    expect(here.page.locator("#q")).to_have_value("海晴邨")


@pytest.mark.parametrize("query", ["", "?language=cmn", "?q=海晴邨"])
def test_a_sheet_has_as_many_rows_as_the_screen_and_no_formula(
    tab: OpenTab, cases: list[str], tmp_path: Path, query: str
) -> None:
    here = tab("en-GB")
    here.sign_in("mei")
    here.open(f"/cases{query}")
    on_screen = here.page.locator("ol.cases > li").count()
    here.page.locator(".export summary").click()
    for name, kind in (("CSV", "csv"), ("Excel (.xlsx)", "xlsx")):
        with here.page.expect_download() as download:
            here.page.get_by_role("link", name=name, exact=True).click()
        file = tmp_path / f"sheet.{kind}"
        download.value.save_as(file)
        if kind == "xlsx":
            rows = of_xlsx(file.read_bytes())
        else:
            assert file.read_bytes().startswith(b"\xef\xbb\xbf")
            rows = list(csv.reader(file.open(encoding="utf-8-sig", newline="")))
        assert len(rows) == 1 + on_screen
        assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "@"))]
        if not query:
            assert rows[1][-1] == "'=cmd|'/C calc'!A0"


@pytest.mark.parametrize("width", [390, 1366])
@pytest.mark.parametrize("locale", LANGS)
def test_the_list_and_related_cases_are_for_everybody(
    tab: OpenTab, console: LiveConsole, cases: list[str], locale: str, width: int
) -> None:
    """With everything open: views, filters, what is done with several, export, related cases."""
    boss = console.house.visitor()
    boss.sign_in("mei")
    boss.post("/views", name="海晴邨所有未結束而又逾期的消防安全個案", query="q=海晴邨", shared="1")
    boss.decide(cases[3], "link", other=cases[1], note="同一棟樓")
    boss.decide(cases[4], "merge", other=cases[3], note="同一件事")
    here = tab(locale, width)
    here.sign_in("mei")
    for path in ("/cases?q=海晴邨", "/cases?q=冇此事", f"/cases/{cases[3]}", f"/cases/{cases[4]}"):
        here.open(path)
        here.page.evaluate(
            "for (const one of document.querySelectorAll('details')) one.open = true"
        )
        assert barriers(here.page) == [], path
        root = "document.documentElement"
        wide = here.page.evaluate(f"{root}.scrollWidth - {root}.clientWidth")
        assert wide <= 0, path
