"""The language of a clip is one of the city's, whatever the model believes."""

import pytest

from transcription.language import choose, whisper_code

HONG_KONG = ("yue", "cmn", "en")
BEIJING = ("cmn", "en")


def test_the_likeliest_of_the_citys_languages_is_taken() -> None:
    heard = {"yue": 0.1, "zh": 0.2, "en": 0.7}

    assert choose(heard, HONG_KONG, None, knows_yue=True).language == "en"


def test_languages_the_city_does_not_speak_are_not_heard() -> None:
    heard = {"ja": 0.6, "cy": 0.3, "yue": 0.06, "zh": 0.02, "en": 0.02}

    choice = choose(heard, HONG_KONG, None, knows_yue=True)

    assert choice.language == "yue"
    assert choice.probability == pytest.approx(0.09 / 0.13)


def test_a_city_without_cantonese_does_not_hear_it() -> None:
    assert choose({"yue": 0.9, "zh": 0.1}, BEIJING, None, knows_yue=True).language == "cmn"


def test_the_citys_own_language_wins_a_close_race() -> None:
    close = {"yue": 0.40, "zh": 0.50, "en": 0.10}

    assert choose(close, HONG_KONG, None, knows_yue=True).language == "yue"
    assert choose(close, ("cmn", "yue", "en"), None, knows_yue=True).language == "cmn"


def test_the_hint_of_the_flow_counts_but_does_not_decide() -> None:
    unsure = {"yue": 0.2, "zh": 0.5, "en": 0.3}
    certain = {"yue": 0.02, "zh": 0.02, "en": 0.96}

    assert choose(unsure, HONG_KONG, "yue", knows_yue=True).language == "yue"
    assert choose(unsure, HONG_KONG, "en", knows_yue=True).language == "en"
    assert choose(certain, HONG_KONG, "yue", knows_yue=True).language == "en"


def test_a_hint_the_city_does_not_speak_is_no_hint() -> None:
    heard = {"yue": 0.5, "zh": 0.4, "en": 0.1}

    with_it = choose(heard, HONG_KONG, "fr", knows_yue=True)

    assert with_it == choose(heard, HONG_KONG, None, knows_yue=True)


@pytest.mark.parametrize(
    ("languages", "hint", "expected"),
    [
        (HONG_KONG, None, "yue"),
        (HONG_KONG, "cmn", "cmn"),
        (HONG_KONG, "en", "yue"),
        (("cmn", "yue", "en"), None, "cmn"),
        (("en", "cmn"), None, "cmn"),
    ],
)
def test_what_an_old_model_calls_chinese_is_what_the_city_or_the_flow_says(
    languages: tuple[str, ...], hint: str | None, expected: str
) -> None:
    heard = {"zh": 0.95, "en": 0.05}

    assert choose(heard, languages, hint, knows_yue=False).language == expected


def test_yue_is_never_asked_of_a_model_that_does_not_know_it() -> None:
    assert whisper_code("yue", knows_yue=False) == "zh"
    assert whisper_code("yue", knows_yue=True) == "yue"
    assert whisper_code("cmn", knows_yue=True) == "zh"
    assert whisper_code("en", knows_yue=False) == "en"


def test_when_the_model_believes_in_nothing_the_hint_or_the_city_decides() -> None:
    assert choose({"ja": 1.0}, HONG_KONG, "en", knows_yue=True).language == "en"
    assert choose({"ja": 1.0}, HONG_KONG, None, knows_yue=True).language == "yue"
    assert choose({"ja": 1.0}, HONG_KONG, None, knows_yue=True).probability == 0.0
