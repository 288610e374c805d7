"""A seed word that a recogniser wrote otherwise is heard, and what somebody really said is left alone."""

import pytest

from cases.seed_sounds import SeedSounds, in_language

CANTONESE = SeedSounds.of(
    {"易燃": 3, "水管": 1, "爆水管": 1, "行人隧道": 1, "漏電": 2, "的士": 3}, "yue"
)
MANDARIN = SeedSounds.of({"棚网": 3, "满溢": 2}, "cmn")


def heard(said: str, words: SeedSounds = CANTONESE) -> list[tuple[str, str]]:
    return [(said[hit.start : hit.end], hit.word) for hit in words.hits(said)]


def test_two_characters_may_have_one_other_of_the_very_same_sound() -> None:
    assert heard("個網好似係易然嘅") == [("易然", "易燃")]
    assert heard("外墙的朋网坏了", MANDARIN) == [("朋网", "棚网")]


@pytest.mark.parametrize("said", ["爆水館", "爆瑞管", "豹水管"])
def test_three_may_have_one_whatever_its_tone_or_breath(said: str) -> None:
    assert heard(f"條街{said}呀") == [(said, "爆水管")]


def test_four_may_have_two() -> None:
    assert heard("行人睡稻好黑") == [("行人睡稻", "行人隧道")]
    assert heard("行仁睡稻好黑") == []


def test_both_scripts_are_heard() -> None:
    assert heard("朋網", MANDARIN) == [("朋網", "棚网")]
    assert heard("行人睡道") == [("行人睡道", "行人隧道")]


@pytest.mark.parametrize("said", ["易燃", "爆水管", "行人隧道", "行人隧道爆水管"])
def test_what_is_written_as_it_should_be_is_not_heard_as_well(said: str) -> None:
    assert heard(said) == []


@pytest.mark.parametrize(
    ("said", "because"),
    [
        ("水館", "a word of two characters weighs too little"),
        ("亦然", "the sounds are only nearly alike"),
        ("留電", "the tones differ"),
        ("扭電", "two are not heard lazily"),
        ("的是", "small characters stand beside every other"),
        ("陋佃", "nothing of it is written as it should be"),
    ],
)
def test_of_two_characters_more_is_asked(said: str, because: str) -> None:
    assert heard(said) == [], because


def test_one_character_is_never_heard() -> None:
    assert heard("朋", SeedSounds.of({"棚": 9}, "cmn")) == []


def test_an_everyday_word_stays_what_it_is() -> None:
    assert heard("我很满意", MANDARIN) == []
    assert heard("垃圾桶满益了", MANDARIN) == [("满益", "满溢")]
    assert heard("佢跌落嚟", SeedSounds.of({"滴落嚟": 2}, "yue")) == []


def test_an_english_word_is_none_of_it() -> None:
    assert heard("lyft lift", SeedSounds.of({"lift": 3}, "yue")) == []


def test_a_word_is_heard_in_the_languages_in_which_it_is_listed() -> None:
    words = [("易燃", {"yue": 3.0, "en": 1.0}), ("棚网", {"cmn": 3.0})]
    assert heard("易然", in_language(words, "yue")) == [("易然", "易燃")]
    assert heard("朋网易然", in_language(words, "cmn")) == [("朋网", "棚网")]
