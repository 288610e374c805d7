"""The language of a clip is one of the city's, whatever the model believes."""

import pytest

from transcription.language import Evidence, choose, prior_of, sharp, whisper_code

HONG_KONG = ("yue", "cmn", "en")
BEIJING = ("cmn", "en")
NOTHING_KNOWN: dict[str, float] = {}


def prior(flow: str | None = None, languages: tuple[str, ...] = HONG_KONG) -> dict[str, float]:
    return prior_of(Evidence(flow=flow), languages)


def test_the_likeliest_of_the_citys_languages_is_taken() -> None:
    heard = {"yue": 0.1, "zh": 0.2, "en": 0.7}

    assert choose(heard, HONG_KONG, NOTHING_KNOWN, knows_yue=True).language == "en"


def test_languages_the_city_does_not_speak_are_not_heard() -> None:
    heard = {"ja": 0.6, "cy": 0.3, "yue": 0.06, "zh": 0.02, "en": 0.02}

    choice = choose(heard, HONG_KONG, NOTHING_KNOWN, knows_yue=True)

    assert choice.language == "yue"
    assert choice.probability == pytest.approx(0.6)


def test_a_city_without_cantonese_does_not_hear_it() -> None:
    assert choose({"yue": 0.9, "zh": 0.1}, BEIJING, NOTHING_KNOWN, knows_yue=True).language == "cmn"


def test_the_citys_own_language_wins_a_close_race() -> None:
    close = {"yue": 0.40, "zh": 0.50, "en": 0.10}
    other = ("cmn", "yue", "en")

    assert choose(close, HONG_KONG, prior(), knows_yue=True).language == "yue"
    assert choose(close, other, prior(languages=other), knows_yue=True).language == "cmn"


def test_the_language_of_the_flow_counts_but_does_not_decide() -> None:
    unsure = {"yue": 0.2, "zh": 0.5, "en": 0.3}
    certain = {"yue": 0.02, "zh": 0.02, "en": 0.96}

    assert choose(unsure, HONG_KONG, prior("yue"), knows_yue=True).language == "yue"
    assert choose(unsure, HONG_KONG, prior("en"), knows_yue=True).language == "en"
    assert choose(certain, HONG_KONG, prior("yue"), knows_yue=True).language == "en"


def test_a_language_the_city_does_not_speak_says_nothing() -> None:
    assert prior("fr") == prior()
    assert prior_of(Evidence(earlier={"fr": 3}, calling_code="33"), HONG_KONG) == prior()


@pytest.mark.parametrize(
    ("languages", "flow", "expected"),
    [
        (HONG_KONG, None, "yue"),
        (HONG_KONG, "cmn", "cmn"),
        (HONG_KONG, "en", "yue"),
        (("cmn", "yue", "en"), None, "cmn"),
        (("en", "cmn"), None, "cmn"),
    ],
)
def test_what_an_old_model_calls_chinese_is_what_the_city_or_the_flow_says(
    languages: tuple[str, ...], flow: str | None, expected: str
) -> None:
    heard = {"zh": 0.95, "en": 0.05}
    before = prior(flow, languages)

    assert choose(heard, languages, before, knows_yue=False).language == expected


def likeliest(evidence: Evidence, languages: tuple[str, ...] = HONG_KONG) -> str:
    before = prior_of(evidence, languages)
    return max(before, key=lambda language: before[language])


def test_a_prior_adds_up_and_leaves_every_language_possible() -> None:
    everything = Evidence(flow="yue", earlier={"yue": 40}, calling_code="852")

    for evidence in (Evidence(), Evidence(flow="en"), everything):
        before = prior_of(evidence, HONG_KONG)
        assert sum(before.values()) == pytest.approx(1.0)
        assert min(before.values()) >= 0.02
    assert (
        choose({"yue": 0.005, "zh": 0.99, "en": 0.005}, HONG_KONG, before, knows_yue=True).language
        == "cmn"
    )


def test_a_city_of_one_language_expects_it() -> None:
    assert prior_of(Evidence(flow="en"), ("cmn",)) == {"cmn": pytest.approx(1.0)}


def test_the_key_that_was_pressed_says_more_than_everything_else() -> None:
    elsewhere = {"earlier": {"cmn": 20}, "calling_code": "86"}

    assert likeliest(Evidence(flow="en", **elsewhere)) == "en"
    assert likeliest(Evidence(flow="yue", **elsewhere)) == "yue"


def test_earlier_messages_say_more_than_the_number_they_came_from() -> None:
    assert likeliest(Evidence(earlier={"en": 2}, calling_code="852")) == "en"
    assert likeliest(Evidence(earlier={"yue": 1, "en": 3}, calling_code="86")) == "en"


@pytest.mark.parametrize(
    ("code", "expected"),
    [("86", "cmn"), ("44", "en"), ("852", "yue"), ("33", "yue"), (None, "yue")],
)
def test_where_a_number_is_from_decides_when_nothing_else_is_known(
    code: str | None, expected: str
) -> None:
    assert likeliest(Evidence(calling_code=code)) == expected


def test_what_was_just_heard_is_nearly_certain() -> None:
    assert sharp("cmn", HONG_KONG) == {"yue": 0.01, "cmn": pytest.approx(0.98), "en": 0.01}


def test_yue_is_never_asked_of_a_model_that_does_not_know_it() -> None:
    assert whisper_code("yue", knows_yue=False) == "zh"
    assert whisper_code("yue", knows_yue=True) == "yue"
    assert whisper_code("cmn", knows_yue=True) == "zh"
    assert whisper_code("en", knows_yue=False) == "en"


def test_when_the_model_believes_in_nothing_the_flow_or_the_city_decides() -> None:
    nothing = {"ja": 1.0}

    assert choose(nothing, HONG_KONG, prior("en"), knows_yue=True).language == "en"
    assert choose(nothing, HONG_KONG, prior(), knows_yue=True).language == "yue"
