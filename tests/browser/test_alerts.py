"""The list of warnings by keys alone, and what each says for itself."""

import re
from collections.abc import Callable

import pytest

from tests.browser.conftest import LiveConsole, Tab
from tests.integration.console.test_alert_pages import raised, stored


def test_a_warning_becomes_a_whistle_and_another_is_dismissed_by_keys(
    console: LiveConsole, tab: Callable[..., Tab]
) -> None:
    alert = raised(console.house)
    console.house.agent("boss", "supervisor")
    here = tab()
    here.sign_in("boss")
    here.open("/alerts")
    here.page.keyboard.press("w")
    here.page.wait_for_url(re.compile(rf"/alerts/{alert}\?do=whistle"))
    assert "宏福苑" in here.page.input_value("#whistle-matter")
    here.page.check("#whistle-departments-bd")
    here.page.click(f"form[action='/alerts/{alert}/whistle'] button")
    here.page.wait_for_url(re.compile("/whistles/"))
    here.open("/alerts")
    here.page.keyboard.press("f")
    here.page.wait_for_url(re.compile("do=dismiss"))
    here.page.fill("#dismiss-words", "是演習")
    here.page.click(f"form[action='/alerts/{alert}/dismiss'] button")
    here.page.wait_for_selector("[role=status]")
    kept = stored(console.house, alert)
    assert kept.verdict == "false" and kept.whistle_id
    assert here.wrong() == []


@pytest.mark.parametrize("width", [390, 1366])
def test_what_callers_said_is_read_beside_the_warning(
    console: LiveConsole, tab: Callable[..., Tab], width: int
) -> None:
    alert = raised(console.house)
    console.house.agent("boss", "supervisor")
    here = tab("zh-HK", width)
    here.sign_in("boss")
    here.open(f"/alerts/{alert}")
    said = here.page.locator(".cases .said").all()
    boxes = [one.bounding_box() for one in said]
    assert len(boxes) == 3
    assert all(box is not None and box["width"] > 200 for box in boxes)
