"""A city's own gazetteer comes in whole or not at all, and every mistake has its line and column."""

from pathlib import Path

import pytest

from cases import gazetteer_sheet, places
from cases.gazetteer import Gazetteer
from cases.gazetteer_sheet import SheetRefused
from cases.places import Place, Places

KNOWN = places.read(Path(__file__).resolve().parents[3] / "cities" / "hongkong").places
HEAD = "name,aliases,kind,district,lat,lon\n"


def read(rows: str, head: str = HEAD) -> tuple[Place, ...]:
    return gazetteer_sheet.read(head + rows, KNOWN)


def test_a_place_comes_in_with_its_names_in_both_scripts_and_in_english() -> None:
    (place,) = read("藍灣街,蓝湾街|Blue Bay Street|藍街,street,大埔區,22.45,114.17\n")
    assert place.names["yue"] == ("藍灣街", "藍街")
    assert place.names["cmn"] == ("蓝湾街", "蓝街")
    assert place.names["en"] == ("Blue Bay Street",)
    assert (place.kind, place.district, place.lat, place.lon) == ("street", "大埔區", 22.45, 114.17)


def test_only_the_name_is_needed() -> None:
    (one,) = read("Blue Bay\n", head="name\n")
    assert one == Place(
        "landmark", dict.fromkeys(("yue", "cmn", "en"), ("Blue Bay",)), "", None, None
    )
    assert read("\n藍灣街\n\n", head="name\n")[0].names["en"] == ("藍灣街",)


@pytest.mark.parametrize("district", ["大埔區", "大埔区", "Tai Po District"])
def test_a_district_may_be_named_in_any_language(district: str) -> None:
    assert read(f"藍灣街,,street,{district},,\n")[0].district == "大埔區"


@pytest.mark.parametrize(
    ("row", "mistake"),
    [
        (",,street,,,", "line 2, column name: is empty"),
        ("藍,,street,,,", "line 2, column name: '藍' needs at least 2 characters"),
        ("藍灣街,灣,street,,,", "line 2, column aliases: '灣' needs at least 2"),
        ("藍灣街,,lane,,,", "line 2, column kind: 'lane' is none of district"),
        ("藍灣街,,street,火星區,,", "line 2, column district: '火星區' is no district"),
        ("藍灣街,,street,,north,114", "line 2, column lat: 'north' is not a number"),
        ("藍灣街,,street,,22,999", "line 2, column lon: 999 is more than 180"),
        ("藍灣街,,street,,22,", "line 2, column lon: is empty, the other is not"),
        ("藍灣街,,street", "line 2, column lon: has 3 cells, the heading 6"),
        ("藍灣街,,street,,,\n藍灣街,,street,,,", "line 3, column name: is the same as line 2"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_column(row: str, mistake: str) -> None:
    with pytest.raises(SheetRefused) as told:
        read(row + "\n")
    assert str(told.value).startswith(mistake)


def test_all_mistakes_are_told_at_once_and_no_more_than_can_be_read() -> None:
    with pytest.raises(SheetRefused) as told:
        read("".join("藍灣街,,lane,火星區,,\n" for _ in range(30)))
    assert len(told.value.mistakes) == 60
    assert str(told.value).splitlines()[-1] == "and 40 more"


@pytest.mark.parametrize("head", ["name,height\n", "kind,district\n", ""])
def test_a_heading_that_is_not_known_or_missing_is_told(head: str) -> None:
    with pytest.raises(SheetRefused, match=r"line 1, column .*: there are name, aliases"):
        read("", head=head)


def test_of_the_same_name_and_district_the_imported_place_counts_the_others_stay() -> None:
    known = [place for place in KNOWN if place.name("yue") == "宏福苑"]
    (place,) = read(f"宏福苑,Wang Fuk Court,estate,{known[0].district},22.5,114.2\n")
    every = gazetteer_sheet.merged(KNOWN, [place])
    named = [one for one in every if one.name("yue") == "宏福苑"]
    assert len(every) == len(KNOWN) and named == [place]


def test_what_is_written_is_read_again_and_found_by_sound(tmp_path: Path) -> None:
    imported = read("藍灣街,Blue Bay Street,street,大埔區,22.45,114.17\n幸福里,,estate,,,\n")
    (tmp_path / places.FILE).write_text(gazetteer_sheet.written(imported), encoding="utf-8")
    again = places.read(tmp_path)
    assert again.places == imported
    found = Gazetteer.of(Places.of(again.places), "yue").look_up("我想講藍環街有個窿")
    assert [one.name for one in found] == ["藍灣街"]
