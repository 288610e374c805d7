"""Traditional and Simplified: convert what is in the other script, and leave names alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.script import fold, to_script
from tests.support.cost import processor_seconds

PARTICLES = "我哋啲嘢喺嗰度，佢冇乜嘢，嚟咗噉樣係唔得嘅喎，搵唔到㗎"


@pytest.mark.parametrize(
    "said",
    [
        "于先生話樓上漏水",
        "余小姐投訴條街好黑",
        "范先生話冇水",
        "郁文華住喺大埔",
        "我姓余，住喺岳王里",
        "于先生",  # alone, in characters both scripts share
        "余小姐",
        "樓下後面有條后街",
        "台灣裡面說話",  # Traditional, though not as Hong Kong writes it: still not ours to change
        PARTICLES,
        "麻煩你哋嚟睇吓，盞燈閃吓閃吓",
    ],
)
def test_text_already_traditional_is_not_touched(said: str) -> None:
    assert to_script(said, "hk") == said


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("楼里面的卫生很差", "樓裏面的衞生很差"),
        ("他说台北的路灯坏了", "他説台北的路燈壞了"),
        ("棚网着火了", "棚網着火了"),
        ("楼下支街灯坏咗，我哋唔敢行", "樓下支街燈壞咗，我哋唔敢行"),
        ("以后请打电话", "以後請打電話"),
        ("他说狗太吓人了，吓着孩子", "他説狗太嚇人了，嚇着孩子"),
        ("嗰个厕所喺几楼后面，搵唔到", "嗰個廁所喺幾樓後面，搵唔到"),
    ],
)
def test_pure_simplified_becomes_traditional_as_hong_kong_writes_it(
    said: str, written: str
) -> None:
    assert to_script(said, "hk") == written


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("于先生说煤气漏了", "于先生説煤氣漏了"),
        ("余小姐说没水", "余小姐説沒水"),
        ("范先生说路灯坏了", "范先生説路燈壞了"),
        ("我姓郁，住在三楼", "我姓郁，住在三樓"),
    ],
)
def test_a_surname_both_scripts_share_survives_the_conversion(said: str, written: str) -> None:
    assert to_script(said, "hk") == written


def test_a_mix_is_converted_piece_by_piece_where_it_is_certainly_simplified() -> None:
    said = "我係余小姐，楼上漏水好严重，請你哋快啲嚟"
    assert to_script(said, "hk") == "我係余小姐，樓上漏水好嚴重，請你哋快啲嚟"


def test_a_stray_simplified_character_in_a_traditional_piece_is_converted_alone() -> None:
    assert to_script("于先生話樓上个厕所漏水", "hk") == "于先生話樓上個廁所漏水"


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("余小姐投訴樓上漏水", "余小姐投诉楼上漏水"),
        ("食物環境衞生署", "食物环境卫生署"),
        ("食物環境衛生署", "食物环境卫生署"),
        ("著名的于先生看着乾隆的瓶子", "著名的于先生看着乾隆的瓶子"),
    ],
)
def test_for_a_mainland_reader_traditional_becomes_simplified(said: str, written: str) -> None:
    assert to_script(said, "cn") == written


@pytest.mark.parametrize("particle", [char for char in PARTICLES if char not in "，樣係"])
def test_cantonese_writing_is_the_same_in_both_scripts(particle: str) -> None:
    assert to_script(particle, "hk") == particle
    assert to_script(particle, "cn") == particle


def test_both_ways_of_writing_fold_to_the_same() -> None:
    assert fold("衞生") == fold("衛生") == fold("卫生")
    assert fold("屋裏") == fold("屋裡") == fold("屋里")


@pytest.mark.parametrize("script", ["hk", "cn"])
@pytest.mark.parametrize("said", ["", " ", "Flat 5B, 12/F!", "999", "😀𨋢"])
def test_what_is_not_chinese_passes_unchanged(said: str, script: str) -> None:
    assert to_script(said, script) == said  # type: ignore[arg-type]


@given(st.text(alphabet="于余范郁樓楼里裏衞卫嘅咗說说abc 。，", max_size=30))
def test_converting_twice_is_converting_once(said: str) -> None:
    for script in ("hk", "cn"):
        once = to_script(said, script)  # type: ignore[arg-type]
        assert to_script(once, script) == once  # type: ignore[arg-type]


@given(st.text(alphabet="于余范郁樓楼里裏衞卫嘅咗說说abc 。，", max_size=30))
def test_converting_never_changes_what_text_is_compared_as(said: str) -> None:
    assert fold(to_script(said, "hk")) == fold(said)
    assert fold(to_script(said, "cn")) == fold(said)


def test_a_long_transcript_takes_milliseconds() -> None:
    long = "樓上漏水，楼上漏水，" * 1000
    assert processor_seconds(lambda: to_script(long, "hk")) < 1
