"""Characters are compared as they are heard."""

import pytest

from cases.sounds import lazy_cantonese, lazy_mandarin, sound


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("你", "李"),
        ("我", "柯"),
        ("國", "葛"),
        ("江", "乾"),
        ("北", "筆"),
        ("五", "唔"),
        ("網", "网"),
    ],
)
def test_lazy_cantonese_sounds_are_alike(one: str, other: str) -> None:
    assert sound(one, "yue") == sound(other, "yue")


@pytest.mark.parametrize(("one", "other"), [("是", "四"), ("男", "蓝"), ("星", "心"), ("張", "脏")])
def test_mandarin_of_the_south_is_alike(one: str, other: str) -> None:
    assert sound(one, "cmn") == sound(other, "cmn")


def test_what_differs_to_every_ear_stays_apart() -> None:
    assert len({sound(char, "yue") for char in "大埔宏福苑"}) == 5
    assert sound("埔", "yue") != sound("布", "cmn")


@pytest.mark.parametrize(
    ("jyutping", "lazy"),
    [
        ("gwok3", "got"),
        ("ngo5", "o"),
        ("nei5", "lei"),
        ("ng5", "m"),
        ("gong1", "gon"),
        ("si1", "si"),
    ],
)
def test_a_syllable_as_lazy_speakers_say_it(jyutping: str, lazy: str) -> None:
    assert lazy_cantonese(jyutping) == lazy


def test_a_syllable_as_the_south_says_it() -> None:
    assert [lazy_mandarin(one) for one in ("shang", "zhi", "nv", "an", "er")] == [
        *("san", "zi", "lv", "an", "er")
    ]


@pytest.mark.parametrize("language", ["yue", "cmn", "en", ""])
def test_a_sound_is_as_long_as_its_text(language: str) -> None:
    for text in ("大埔 Wang Fuk 8號 𨋢", "", "İstanbul", "abc"):
        assert len(sound(text, language)) == len(text)
