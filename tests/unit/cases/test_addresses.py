"""House, block, floor and room are read beside the place, in both languages and scripts."""

import pytest

from cases import addresses, timing
from cases.transcripts import Segment, Word


def read(said: str, place: str) -> tuple[str, dict[str, str]]:
    start = said.index(place)
    found = addresses.beside(said, start, start + len(place))
    return (found.text, dict(found.parts)) if found else ("", {})


@pytest.mark.parametrize(
    ("said", "place", "text", "parts"),
    [
        ("我住宏福苑三座十二樓", "宏福苑", "3座12樓", {"block": "3", "floor": "12"}),
        (
            "宏福苑第三座12樓B室漏水",
            "宏福苑",
            "3座12樓B室",
            {"block": "3", "floor": "12", "room": "B"},
        ),
        ("美孚新邨，A座，廿三樓", "美孚新邨", "A座23樓", {"block": "A", "floor": "23"}),
        (
            "我在幸福里3号楼2单元501",
            "幸福里",
            "3号楼2单元501",
            {"block": "3", "unit": "2", "room": "501"},
        ),
        (
            "幸福里三号楼二单元五零一室",
            "幸福里",
            "3号楼2单元501室",
            {"block": "3", "unit": "2", "room": "501"},
        ),
        ("太古城二期九座", "太古城", "2期9座", {"phase": "2", "block": "9"}),
        ("彌敦道八十八號三樓", "彌敦道", "88號3樓", {"house": "88", "floor": "3"}),
        ("宏福苑嘅五幢", "宏福苑", "5幢", {"block": "5"}),
        ("宏福苑12/F Block 3", "宏福苑", "12/F, Block 3", {"block": "3", "floor": "12"}),
        (
            "Flat B, 5/F, Tower 2, Mei Foo Sun Chuen",
            "Mei Foo Sun Chuen",
            "Flat B, 5/F, Tower 2",
            {"block": "2", "floor": "5", "room": "B"},
        ),
        ("on the twelfth floor of Wang Fuk Court", "Wang Fuk Court", "12/F", {"floor": "12"}),
        ("at 88 Nathan Road please", "Nathan Road", "88", {"house": "88"}),
    ],
)
def test_it_is_read_beside_the_place(
    said: str, place: str, text: str, parts: dict[str, str]
) -> None:
    assert read(said, place) == (text, parts)


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ("宏福苑好多垃圾，我住三座十二樓", "宏福苑"),
        ("宏福苑有一座樓冇水", "宏福苑"),
        ("宏福苑一座樓冇水", "宏福苑"),
        ("我電話號碼六一二三，喺彌敦道", "彌敦道"),
        ("宏福苑樓梯有三個人", "宏福苑"),
        ("I waited 20 minutes at Nathan Road", "Nathan Road"),
    ],
)
def test_what_stands_elsewhere_or_is_no_number_of_a_place_is_not(said: str, place: str) -> None:
    assert read(said, place) == ("", {})


@pytest.mark.parametrize(
    ("said", "place", "told"),
    [
        ("宏福苑三座十二樓", "宏福苑", ("3座12樓", "3座12层", ", block 3, floor 12")),
        (
            "天通苑3号楼2单元501",
            "天通苑",
            ("3座2單元五零一室", "3号楼2单元五零一室", ", block 3, unit 2, room 501"),
        ),
        ("彌敦道八十八號地下", "彌敦道", ("88號", "88号", ", number 88")),
        (
            "G/F Block 3, Wang Fuk Court",
            "Wang Fuk Court",
            ("3座地下", "3座首层", ", block 3, ground floor"),
        ),
    ],
)
def test_it_is_read_out_in_each_language(said: str, place: str, told: tuple[str, ...]) -> None:
    text, parts = read(said, place)
    assert addresses.spoken(parts, text) == dict(zip(("yue", "cmn", "en"), told, strict=True))


def test_nothing_beside_a_place_is_nothing_to_read_out() -> None:
    assert {*addresses.spoken({}, "").values()} == {""}


def test_when_the_place_was_said_is_known_to_the_character() -> None:
    words = tuple(Word(float(n), n + 1.0, char, 0.9) for n, char in enumerate("我住宏福苑"))
    lines = [Segment(0.0, 5.0, "我住 宏福苑", 0.9, words)]
    assert timing.when(lines, "宏福苑") == (2.0, 5.0)
    assert timing.when(lines, "彌敦道") is None


def test_a_place_is_found_across_two_lines_and_in_the_other_script() -> None:
    lines = [Segment(0.0, 2.0, "喺彌敦", 0.9), Segment(3.0, 4.0, "道呀", 0.9)]
    found = timing.when(lines, "弥敦道")
    assert found is not None and 0 < found[0] < 2 and 3 < found[1] < 4
