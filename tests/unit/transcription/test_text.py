"""Text for people: the city's script, the caller's words."""

from transcription.text import joined, tidy


def test_chinese_comes_in_the_script_of_the_city() -> None:
    assert tidy("我想投诉街灯坏了", "yue", "hk") == "我想投訴街燈壞了"
    assert tidy("我想投訴街燈壞咗", "cmn", "cn") == "我想投诉街灯坏咗"


def test_cantonese_words_and_names_are_left_alone() -> None:
    assert tidy("余小姐話佢哋喺樓下嗌咗成晚", "yue", "hk") == "余小姐話佢哋喺樓下嗌咗成晚"
    assert tidy("唔該叫佢哋快啲嚟整返好佢", "yue", "hk") == "唔該叫佢哋快啲嚟整返好佢"


def test_english_is_not_touched() -> None:
    assert tidy("  The lamp  is\n broken ", "en", "hk") == "The lamp is broken"


def test_lines_are_joined_as_their_language_is_written() -> None:
    assert joined(["街燈壞咗。", "冇人整"]) == "街燈壞咗。冇人整"
    assert joined(["街燈壞咗", "冇人整"]) == "街燈壞咗 冇人整"
    assert joined(["The lamp is broken.", "Please fix it."]) == "The lamp is broken. Please fix it."


def test_half_a_character_is_not_shown() -> None:
    assert tidy("街燈壞\ufffd", "yue", "hk") == "街燈壞"
