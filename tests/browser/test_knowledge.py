"""Articles found as one types, templates put in at the caret, and their pages as people meet them."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text

from runtime.database import transaction
from tests.browser.conftest import LiveConsole, Tab
from tests.browser.test_console import LANGS, _overflow, barriers
from tests.support.console_app import LAMP, SCAFFOLD

OpenTab = Callable[..., Tab]
LAMPS = {
    "title_yue": "街燈壞咗點算",
    "text_yue": "請問燈柱上的編號。\n如沒有編號，問最近的門牌。",
    "title_en": "A street lamp is out",
    "text_en": "Ask for the number on the pole.\nWithout one, ask for the nearest house.",
    "department": "hyd",
    "categories": "street-lamp",
}
WATER = {
    "title_yue": "食水供應中斷",
    "text_yue": "先問是一戶還是全座。",
    "title_cmn": "停水",
    "text_cmn": "先问是一户还是整栋。",
    "department": "wsd",
    "categories": "water-supply",
}


@pytest.fixture
def number(console: LiveConsole) -> str:
    """A case about a street lamp, with an article about those, another about water, and a mark."""
    house = console.house
    house.agent("mei", "admin")
    day = (date.today() + timedelta(days=100)).isoformat()
    writer = house.signed_in("supervisor", "boss")
    for said in (LAMPS, WATER):
        assert writer.post("/articles", **said, review_on=day).status_code == 303
    with transaction(house.engine) as records:  # the first one's day of review is past
        for table, key in (("articles", "id"), ("article_versions", "article_id")):
            records.execute(text(f"UPDATE {table} SET review_on = '2026-01-01' WHERE {key} = 1"))
    marked = house.case(*SCAFFOLD)
    mark = {"mark": "nuisance", "mark_reason": "same_matter_again", "words": "Answered in May."}
    assert writer.decide(marked, "mark-caller", **mark).status_code == 303
    return house.case(*LAMP, language="en")


def every_page(tab: Tab, number: str) -> Iterator[str]:
    for path in (
        "/articles",
        "/articles?q=nothing+of+the+kind",
        "/articles/1",
        "/articles/1?version=1",
        "/articles/2/edit",
        "/articles/new",
        "/templates",
        "/templates/close-answered",
        "/templates/new?action=close",
        "/abuse",
        f"/cases/{number}",
    ):
        tab.open(path)
        yield path
    for details in tab.page.locator("main details").all():
        details.evaluate("one => one.open = true")
    yield "the case with everything open"
    tab.open("/articles/new")
    tab.page.locator("main form").evaluate("form => form.noValidate = true")
    tab.page.fill("#article-title_en", "Only a title")
    tab.page.click("main form button.btn-primary")
    yield "an article with something missing"


@pytest.mark.parametrize("width", [320, 390, 1366])
@pytest.mark.parametrize("locale", LANGS)
def test_every_page_is_sound(tab: OpenTab, number: str, locale: str, width: int) -> None:
    here = tab(locale, width)
    here.sign_in("mei")
    for name in every_page(here, number):
        assert here.wrong() == [], name
        assert barriers(here.page) == [], name
        here.forget()
        assert _overflow(here.page) <= 0, name


@pytest.mark.parametrize("width", [390, 1366])
def test_everything_to_press_is_at_least_24_pixels_in_size(
    tab: OpenTab, number: str, width: int
) -> None:
    here = tab("en-GB", width)
    here.sign_in("mei")
    for name in every_page(here, number):
        for target in here.page.locator(
            "main a:visible, main button:visible, main select:visible, main summary:visible"
        ).all():
            box = target.bounding_box()
            assert box and min(box["width"], box["height"]) >= 24, f"{name}: {target.inner_html()}"


def hits(page: Page) -> list[str]:
    return page.locator(
        "#article-hits li > details:not(.other-language) > summary"
    ).all_inner_texts()


def test_articles_beside_a_case_are_found_as_one_types(tab: OpenTab, number: str) -> None:
    here = tab()
    here.sign_in("mei")
    here.open(f"/cases/{number}")
    assert hits(here.page) == ["街燈壞咗點算 已過檢視日期 2026-01-01，內容或已過時"]
    here.page.keyboard.press("a")
    expect(here.page.locator("#article-words")).to_be_focused()
    here.page.keyboard.type("食水")
    expect(here.page.locator("#article-hits li > details > summary")).to_have_text("食水供應中斷")
    here.page.locator("#article-hits li > details > summary").click()
    expect(here.page.get_by_text("先問是一戶還是全座。")).to_be_visible()
    here.page.fill("#article-words", "")  # the case's own again
    expect(here.page.locator("#article-hits li > details > summary").first).to_contain_text(
        "街燈壞咗點算"
    )
    here.page.fill("#article-words", "沒有這回事")
    expect(here.page.locator("#article-hits")).to_have_text("沒有相關文章。")
    assert here.wrong() == []
    assert here.page.url.endswith(f"/cases/{number}")


def test_the_list_follows_what_is_typed_and_chosen(tab: OpenTab, number: str) -> None:
    here = tab("zh-CN")
    here.sign_in("mei")
    here.open("/articles")
    found = here.page.locator("#article-hits .line a")
    expect(found).to_have_count(2)
    here.page.keyboard.press("/")
    here.page.keyboard.type("街灯")
    expect(found).to_have_text(["街燈壞咗點算"])
    here.page.fill("#q", "")
    expect(found).to_have_count(2)
    here.page.select_option("#category", "water-supply")
    expect(found).to_have_text(["停水"])
    assert here.wrong() == []


def test_without_scripts_the_words_lead_to_the_page_of_articles(
    console: LiveConsole, number: str, chromium
) -> None:  # type: ignore[no-untyped-def]
    context = chromium.new_context(java_script_enabled=False, locale="en-GB")
    here = Tab(context.new_page(), console.address)
    here.sign_in("mei")
    here.open(f"/cases/{number}")
    here.page.fill("#article-words", "pole")
    here.page.keyboard.press("Enter")
    expect(here.page.locator("#article-hits .line a")).to_have_text(["A street lamp is out"])
    here.open(f"/cases/{number}")
    here.page.click("details:has(#close-note) > summary")
    here.page.fill("#close-note", "First.")
    here.page.select_option("[data-ready-for=close-note] select", "close-answered.en")
    here.page.click("[data-ready-for=close-note] button")
    expect(here.page.locator("#close-note")).to_have_value(
        "First.\nThe caller's question was answered at once; no department is needed."
    )
    context.close()


def test_a_template_goes_to_where_the_caret_is(tab: OpenTab, number: str) -> None:
    here = tab("en-GB")
    here.sign_in("mei")
    here.open(f"/cases/{number}")
    here.page.click("details:has(#close-note) > summary")
    note = here.page.locator("#close-note")
    select = here.page.locator("[data-ready-for=close-note] select")
    button = here.page.locator("[data-ready-for=close-note] button")
    button.click()  # nothing is chosen, nothing happens
    expect(note).to_have_value("")
    note.fill("Before. After.")
    note.evaluate("field => field.setSelectionRange(8, 8)")
    select.select_option("close-no-matter.en")
    button.click()
    expect(note).to_have_value(
        "Before. The recording was listened to; nothing was said that could be dealt with.After."
    )
    expect(note).to_be_focused()
    here.page.keyboard.type(" ")
    expect(note).to_have_value(
        "Before. The recording was listened to; nothing was said that could be dealt with. After."
    )
    assert here.page.url.endswith(f"/cases/{number}") and here.wrong() == []
