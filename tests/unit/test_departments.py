"""Who a case can be given to."""

from __future__ import annotations

from pathlib import Path

import pytest

from cases import departments
from cases.pack import PackError
from cases.script import fold, to_script

CITIES = Path(__file__).resolve().parents[2] / "cities"
CODES = sorted(file.parent.name for file in CITIES.glob("*/departments.yaml"))

LINKED_TO_THE_HOTLINE = [
    *("afcd", "archsd", "bd", "cedd", "cr", "dsd", "emsd", "fehd", "taco", "hyd", "hkp", "ld"),
    *("lr", "lcsd", "md", "dpo", "rvd", "swd", "wfsfaa", "td", "landsd", "hd", "gltms"),
]


def write(folder: Path, content: str) -> Path:
    (folder / "departments.yaml").write_text(content, "utf-8")
    return folder


@pytest.mark.parametrize("code", CODES)
def test_every_department_is_named_in_three_languages(code: str) -> None:
    for department in departments.read(CITIES / code):
        assert set(department.name) == {"yue", "cmn", "en"}, department.code
        assert department.name["en"].isascii(), department.code
        assert department.name["cmn"] == fold(department.name["cmn"]), department.code
        assert department.name["yue"] == to_script(department.name["yue"], "hk"), department.code
        assert fold(department.name["yue"]) == department.name["cmn"], department.code
        assert department.abbreviation


def test_hong_kong_has_the_23_departments_linked_to_its_hotline_first() -> None:
    codes = [department.code for department in departments.read(CITIES / "hongkong")]
    assert len(LINKED_TO_THE_HOTLINE) == 23
    assert codes[:23] == LINKED_TO_THE_HOTLINE


def test_a_safety_complaint_finds_those_who_are_not_linked_to_the_hotline() -> None:
    codes = {department.code for department in departments.read(CITIES / "hongkong")}
    assert {"fsd", "hkpf", "epd", "had", "wsd"} <= codes


def test_beijing_has_enterprises_and_the_place_itself_as_the_backstop() -> None:
    codes = {department.code for department in departments.read(CITIES / "beijing")}
    assert {"water-company", "power-company", "gas-company", "heat-company"} <= codes
    assert {"district", "street"} <= codes


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "spec: 1\ndepartments: {bd: {name: {yue: 署, cmn: 署}, abbreviation: BD}}",
            "departments.bd.name: must be given in each of yue, cmn, en",
        ),
        ("spec: 1\ndepartments: {bd: {abbreviation: BD}}", "departments.bd.name: is missing"),
        (
            "spec: 1\ndepartments: {BD!: {name: {yue: 署, cmn: 署, en: D}, abbreviation: BD}}",
            "departments.BD!",
        ),
        ("spec: 1\ndepartments: {bd: Buildings}", "departments.bd: "),
        ("spec: 1", "departments: is missing"),
        ("departments: {}", "spec: is missing"),
        ("spec: 1\ndepartments: {}\nstaff: 3", "staff: is not a field of this file"),
        ("spec: 1\ndepartments: {bd: {}, bd: {}}", "'bd' twice"),
        ("departments: [", "while parsing"),
    ],
)
def test_a_mistake_is_one_line_naming_file_entry_and_field(
    tmp_path: Path, content: str, said: str
) -> None:
    with pytest.raises(PackError) as caught:
        departments.read(write(tmp_path, content))
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'departments.yaml'}: {said}")
    assert "\n" not in message


def test_a_missing_file_says_where_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="is missing; copy it from another city's folder"):
        departments.read(tmp_path)
