"""The map of districts: the same figures in the picture, in the table and in the list behind it."""

from pathlib import Path

import pytest

from console import map_page, proof
from tests.integration.console.test_alert_pages import raised
from tests.support.console_app import LAMP, ConsoleHouse
from tests.unit.test_districts import LAYOUT, OWN


def test_a_district_shows_its_cases_and_leads_to_the_list_of_the_same(house: ConsoleHouse) -> None:
    raised(house)
    boss = house.signed_in("supervisor")
    page = boss.get("/map?hazard=fire").text
    assert 'aria-label="大埔：3 宗"' in page and 'aria-label="北區：0 宗"' in page
    address = page.split('aria-label="大埔：3 宗"')[0].rpartition('href="')[2].partition('"')[0]
    assert "hazard=fire" in address
    assert "共 3 宗" in boss.get(address.replace("&amp;", "&")).text


def test_another_hazard_category_or_period_counts_other_cases(house: ConsoleHouse) -> None:
    raised(house)
    house.case(*LAMP, language="en")
    boss = house.signed_in("supervisor")
    for query in ("hazard=gas", "category=street-lamp", "since=2020-01-01&until=2020-01-31"):
        assert "大埔：0 宗" in boss.get(f"/map?{query}").text
    assert "大埔：3 宗" in boss.get("/map?hazard=nonsense&since=yesterday").text


def test_agents_do_not_see_it(house: ConsoleHouse) -> None:
    assert house.signed_in("agent").get("/map").status_code == 403


def test_shapes_that_cannot_be_used_give_way_to_tiles_and_the_checker_says_why(
    house: ConsoleHouse, tmp_path: Path
) -> None:
    (tmp_path / "districts.yaml").write_text(LAYOUT + OWN, "utf-8")
    (tmp_path / "own.geojson").write_text('{"type": "Feature"}', "utf-8")
    layout, drawn, broken = map_page.drawn_of(tmp_path)
    assert layout is not None and drawn is None and broken
    texts = {"districts.yaml": LAYOUT + OWN, "own.geojson": '{"type": "Feature"}'}
    (fault,) = proof.read(house.city.folder, texts).faults
    assert fault.file == "own.geojson" and "FeatureCollection" in fault.what


def test_the_pages_say_so(house: ConsoleHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    layout, _, _ = map_page.drawn_of(house.city.folder)
    monkeypatch.setattr(map_page, "drawn_of", lambda _: (layout, None, True))
    page = house.signed_in("supervisor").get("/map").text
    assert "未能使用" in page and "<rect" in page
