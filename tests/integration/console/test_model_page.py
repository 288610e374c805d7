"""The page that tells how good the suggestions were, and on which one chooses what suggests."""

import re
import shutil
from pathlib import Path

from sqlalchemy import select

from cases import automatic, history, models
from cases.case import Case
from cases.permissions import Person
from cases.taught import teach
from runtime import clock
from runtime.database import transaction
from runtime.settings import CITIES
from tests.support.console_app import LAMP, ConsoleHouse, console_house
from tests.unit.cases.test_training import KINDS, KNOWN

ADMIN = Person("agent:9", "admin")


def taught(house: ConsoleHouse) -> int:
    """A version that is kept and not yet in service: its number."""
    made = teach(KNOWN, KINDS, None)
    with transaction(house.engine) as records:
        return models.keep(
            records,
            made.model,
            source="year.csv",
            rows=len(KNOWN),
            figures=made.figures(),
            by=ADMIN,
            now=clock.now(),
        ).id


def in_service(house: ConsoleHouse) -> int | None:
    with transaction(house.engine) as records:
        return models.chosen(records)


def test_what_was_suggested_is_counted_against_what_people_decided(house: ConsoleHouse) -> None:
    boss = house.signed_in("supervisor")
    assert "沒有數據" in boss.get("/admin/model").text
    for category in ("street-lamp", "noise"):
        boss.decide(house.case(*LAMP, language="en"), "confirm", category=category)
    page = boss.get("/admin/model").text
    rows = [
        re.sub(r"<[^>]+>", " ", row).split()
        for row in re.findall(r"<tr><th scope=\"row\">.*?</tr>", page)
    ]
    assert ["全部個案", "50%", "9%–91%", "2"] in rows
    assert ["街燈", "100%", "21%–100%", "1"] in rows
    assert len(rows) >= 4


def test_a_version_is_put_into_service_and_the_words_again(house: ConsoleHouse) -> None:
    number = taught(house)
    boss = house.signed_in("admin")
    assert "year.csv" in boss.get("/admin/model").text
    assert boss.post("/admin/model/use", version=number).status_code == 303
    assert in_service(house) == number
    assert boss.post("/admin/model/use", version="words").status_code == 303
    assert in_service(house) is None


def test_what_is_no_version_changes_nothing(house: ConsoleHouse) -> None:
    boss = house.signed_in("admin")
    for version in ("", "7", "²", "-1"):
        refused = boss.post("/admin/model/use", version=version)
        assert refused.status_code == 422
        assert "沒有這個模型版本" in refused.text
    assert in_service(house) is None


def test_who_may_not_change_the_city_looks_only(house: ConsoleHouse) -> None:
    number = taught(house)
    boss = house.signed_in("supervisor")
    assert "/admin/model/use" not in boss.get("/admin/model").text
    assert boss.post("/admin/model/use", version=number).status_code == 403
    assert house.signed_in("agent").get("/admin/model").status_code == 403


def test_out_of_the_box_nothing_is_referred_without_a_person(house: ConsoleHouse) -> None:
    page = house.signed_in("supervisor").get("/admin/model").text
    assert "沒有啟用：所有個案都先由人員查看。" in page and "沒有被退回" not in page


def test_where_the_city_lets_it_the_page_tells_from_where_on_and_how_well(
    tmp_path: Path,
) -> None:
    town = tmp_path / "town"
    shutil.copytree(CITIES / "hongkong", town)
    kinds = town / "categories.yaml"
    told = kinds.read_text(encoding="utf-8")
    told = told.replace("categories:\n", "refer_from: 0.95\ncategories:\n", 1)
    kinds.write_text(told, encoding="utf-8")
    house = console_house(tmp_path, city=str(town))
    page = house.signed_in("supervisor").get("/admin/model").text
    assert "街燈：95% 起" in page and "沒有啟用" not in page


def test_a_case_that_was_referred_so_says_it_in_its_history(house: ConsoleHouse) -> None:
    number = house.case(*LAMP, language="en")
    with transaction(house.engine) as records:
        case = records.scalars(select(Case)).one()
        history.add(
            *(records, case.id, automatic.ACTION, clock.now()),
            **{"category": "street-lamp", "confidence": 0.972, "enough": 0.95, "words": "lamp"},
        )
    page = house.signed_in("supervisor").get(f"/cases/{number}").text
    assert "系統自動派單，未經人員查看：類別「街燈」，把握 97%（要求 95%），根據：lamp" in page
