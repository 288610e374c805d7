"""The list of cases, taken away as a file: as many rows as the screen says, and no formula."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import LiveConsole, Tab
from tests.integration.console.test_list_deeds import as_rows, of_xlsx
from tests.support.console_app import LAMP, SCAFFOLD

OpenTab = Callable[..., Tab]
FORMULA = "=cmd|'/C calc'!A0"


@pytest.mark.parametrize(("link", "read"), [("CSV", as_rows), ("Excel (.xlsx)", of_xlsx)])
def test_a_sheet_has_the_rows_of_the_screen_and_no_formula(
    tab: OpenTab,
    console: LiveConsole,
    tmp_path: Path,
    link: str,
    read: Callable[[bytes], list[list[str]]],
) -> None:
    house = console.house
    house.agent("mei", "supervisor")
    for _ in range(13):
        house.case(*SCAFFOLD)
        house.case(*LAMP, language="en")
    house.case(FORMULA, language="en")
    here = tab("en-GB")
    here.sign_in("mei")
    here.open("/cases?language=en")
    page = here.page
    count = page.locator(".head .count")
    expect(count).to_have_text("14 found")
    page.locator("summary", has_text=re.compile("^Export")).click()
    with page.expect_download() as downloaded:
        page.get_by_role("link", name=link, exact=True).click()
    file = tmp_path / downloaded.value.suggested_filename
    downloaded.value.save_as(file)
    rows = read(file.read_bytes())
    assert len(rows) == 1 + 14
    shown = page.locator(".cases .number").all_inner_texts()
    assert [row[0] for row in rows[1:]] == shown
    assert rows[1][-1] == f"'{FORMULA}"
    assert here.wrong() == []
