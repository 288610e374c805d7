"""Text for people: the city's script, the caller's words."""

import pytest

from cases.script import Script
from transcription.text import dealt, tidy


def test_chinese_comes_in_the_script_of_the_city() -> None:
    assert tidy("我想投诉街灯坏了", "yue", "hk") == "我想投訴街燈壞了"
    assert tidy("我想投訴街燈壞咗", "cmn", "cn") == "我想投诉街灯坏咗"


def test_cantonese_words_and_names_are_left_alone() -> None:
    assert tidy("余小姐話佢哋喺樓下嗌咗成晚", "yue", "hk") == "余小姐話佢哋喺樓下嗌咗成晚"
    assert tidy("唔該叫佢哋快啲嚟整返好佢", "yue", "hk") == "唔該叫佢哋快啲嚟整返好佢"


def test_english_is_not_touched() -> None:
    assert tidy("  The lamp  is\n broken ", "en", "hk") == "The lamp is broken"


def test_half_a_character_is_not_shown() -> None:
    assert tidy("街燈壞\ufffd", "yue", "hk") == "街燈壞"


@pytest.mark.parametrize(
    ("words", "language", "script", "expected"),
    [
        (
            ["我", "想", "投诉", "街灯", "坏了。"],
            "cmn",
            "hk",
            ["我", "想", "投訴", "街燈", "壞了。"],
        ),
        ([" The", " lamp", "  is", " broken."], "en", "hk", ["The", "lamp", "is", "broken."]),
        (["条", " lift", "壞", "咗"], "yue", "hk", ["條", "lift", "壞", "咗"]),
        (["街燈", "\ufffd", "壞咗"], "yue", "hk", ["街燈", "", "壞咗"]),
        ([], "yue", "hk", []),
    ],
    ids=["Simplified", "English", "mixed", "half a character", "none"],
)
def test_the_tidied_text_is_dealt_out_to_the_words_it_came_from(
    words: list[str], language: str, script: Script, expected: list[str]
) -> None:
    assert dealt(tidy("".join(words), language, script), words) == expected


def test_a_text_that_became_longer_or_shorter_is_still_dealt_out_whole() -> None:
    words = ["我想", "打", "的士", "去"]

    longer = dealt("我想截計程車去", words)
    shorter = dealt("想打的去", words)

    assert "".join(longer) == "我想截計程車去" and longer[-1] == "去"
    assert "".join(shorter) == "想打的去" and shorter[0] == "想" and shorter[-1] == "去"
