"""The places of a city that callers name."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import places
from cases.pack import PackError
from cases.places import Places
from tests.support.cost import processor_seconds

CITIES = Path(__file__).resolve().parents[2] / "cities"
CODES = sorted(file.parent.name for file in CITIES.glob("*/places.csv"))
HEAD = "kind,yue,cmn,en,district,lat,lon\n"


@pytest.fixture(scope="module")
def hong_kong() -> Places:
    return places.read(CITIES / "hongkong")


def named(places: Places, text: str) -> list[str]:
    return [text[it.start : it.end] for it in places.within(text)]


def write(folder: Path, lines: str) -> Path:
    (folder / "places.csv").write_text(lines, "utf-8")
    return folder


@pytest.mark.parametrize("code", CODES)
def test_every_place_is_named_in_three_languages_and_lies_in_the_city(code: str) -> None:
    for place in places.read(CITIES / code).places:
        assert place.name("yue") and place.name("cmn") and place.name("en").isascii(), place
        for yue, cmn in zip(place.names["yue"], place.names["cmn"], strict=True):
            assert len(yue) == len(cmn), place
        if place.lat is not None and place.lon is not None:
            assert 22 < place.lat < 23 and 113.8 < place.lon < 114.5, place


def test_a_place_is_known_by_each_of_its_names(hong_kong: Places) -> None:
    by_number = [
        (place, name)
        for place in hong_kong.places[::50]
        for names in place.names.values()
        for name in names
    ]
    for place, name in by_number:
        assert named(hong_kong, name) == [name], place


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("我住喺彩雲邨", ["彩雲邨"]),
        ("我住在彩云邨", ["彩云邨"]),
        ("旺角東站有人跌倒", ["旺角東站"]),
        ("旺角有人跌倒", ["旺角"]),
        ("a leak in NATHAN road", ["NATHAN road"]),
        ("the Pokfield Roadside", []),
        ("I live in Central", ["Central"]),
        ("the central heating", []),
        ("今日天氣好好", []),
        ("", []),
    ],
)
def test_the_longest_name_is_found_in_either_script_and_in_english(
    hong_kong: Places, text: str, found: list[str]
) -> None:
    assert named(hong_kong, text) == found


def test_what_is_found_says_where_it_lies(hong_kong: Places) -> None:
    (found,) = hong_kong.within("我住喺德朗邨八樓")
    assert found.place.kind == "estate" and found.place.district == "九龍城區"
    assert found.place.name("en") == "Tak Long Estate" and found.language == "yue"


def test_a_beijing_neighbourhood_is_known_without_its_suffix() -> None:
    beijing = places.read(CITIES / "beijing")
    (found,) = beijing.within("我住在望京")
    assert found.place.name("cmn") == "望京街道" and found.place.district == "朝阳区"


def test_finding_takes_less_than_five_milliseconds_for_a_long_transcript(
    hong_kong: Places,
) -> None:
    text = "你好我想投訴旺角彌敦道八十八號嘅大廈成日有人喺後巷掉垃圾。" * 15
    assert len(named(hong_kong, text)) == 30
    assert processor_seconds(lambda: named(hong_kong, text), tries=10) < 0.005


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_any_text_can_be_searched(text: str) -> None:
    first = next(_small().within(f"旺角{text}"))
    assert first.start == 0 and first.end in (2, 4)


def _small() -> Places:
    place = {"district": "油尖旺區", "lat": None, "lon": None}
    return Places.of(
        places.Place(kind, {"yue": (yue,), "cmn": (yue,), "en": (en,)}, **place)  # type: ignore[arg-type]
        for kind, yue, en in (("area", "旺角", "Mong Kok"), ("station", "旺角東站", "MK East"))
    )


def test_a_city_without_the_file_has_no_places(tmp_path: Path) -> None:
    assert named(places.read(tmp_path), "旺角") == []


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("", "line 1: must be kind,yue,cmn,en,district,lat,lon"),
        ("name,lat\n", "line 1: must be kind,yue,cmn,en,district,lat,lon"),
        (HEAD + "area,旺角,旺角\n", "line 2: has 3 cells, but there are 7 columns"),
        (HEAD + "hill,旺角,旺角,Mong Kok,,,\n", "line 2: kind 'hill' is none of district,"),
        (HEAD + "area,旺角,,Mong Kok,,,\n", "line 2: cmn: a name needs at least 2 characters"),
        (HEAD + "area,旺角|角,旺角,MK,,,\n", "line 2: yue: a name needs at least 2 characters"),
        (HEAD + "area,旺角,旺角,MK,,north,\n", "line 2: lat 'north' is not a number of degrees"),
        (HEAD + "area,旺角,旺角,MK,,222.3,\n", "line 2: lat 222.3 is more than 90 degrees"),
        (HEAD + "area,旺角,旺角,MK,,22.3,nan\n", "line 2: lon nan is more than 180 degrees"),
        (HEAD + 'area,"旺角,旺角\n', "line 2: unexpected end of data"),
    ],
)
def test_a_mistake_is_one_line_naming_file_and_line(tmp_path: Path, lines: str, said: str) -> None:
    with pytest.raises(PackError) as caught:
        places.read(write(tmp_path, lines))
    assert str(caught.value).startswith(f"{tmp_path / 'places.csv'}: {said}")
    assert "\n" not in str(caught.value)


def test_a_file_in_another_encoding_says_so(tmp_path: Path) -> None:
    (tmp_path / "places.csv").write_bytes(HEAD.encode() + "area,旺角".encode("big5"))
    with pytest.raises(PackError, match="is not UTF-8"):
        places.read(tmp_path)
