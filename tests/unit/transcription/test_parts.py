"""Where a caller goes on in another language the window is cut, and only there."""

import pytest

from transcription.parts import parts_of, runs, spans_in
from transcription.speech import Span, Window, windows

YUE = {"yue": 0.98, "cmn": 0.01, "en": 0.01}
CMN = {"yue": 0.01, "cmn": 0.98, "en": 0.01}
UNSURE = {"yue": 0.45, "cmn": 0.5, "en": 0.05}


def sentences(*lengths: int) -> tuple[Window, list[Span]]:
    """Sentences so many milliseconds long with a second of silence between, and their window."""
    spans, at = [], 1000
    for length in lengths:
        spans.append(Span(at, at + length))
        at += length + 1000
    (window,) = windows(spans)
    return window, spans


def test_parts_are_told_in_seconds_of_the_window() -> None:
    window, spans = sentences(2000, 3000)

    assert parts_of(window, spans) == ((0.0, 2.0), (2.0, 5.0))
    assert spans_in(window, [*spans, Span(90_000, 91_000)]) == spans


def test_a_window_is_cut_where_the_language_changes() -> None:
    window, spans = sentences(2000, 2000, 3000)

    first, second = runs(window, spans, [YUE, YUE, CMN])

    assert (first.language, second.language) == ("yue", "cmn")
    assert first.window.bounds == [(1000, 3000), (4000, 6000)]
    assert second.window.bounds == [(7000, 10_000)]


def test_nothing_of_the_window_is_lost_where_speech_goes_on_without_a_gap() -> None:
    window = Window((Span(0, 6000),))

    cut = runs(window, [Span(0, 2500), Span(2500, 6000)], [YUE, CMN])

    assert [it.window.bounds for it in cut] == [[(0, 2500)], [(2500, 6000)]]


@pytest.mark.parametrize(
    ("lengths", "beliefs"),
    [
        ((3000, 900, 3000), [YUE, CMN, YUE]),  # a short 唔該
        ((3000, 3000), [YUE, UNSURE]),
        ((3000, 3000), [UNSURE, YUE]),
        ((3000, 3000), [YUE, YUE]),
    ],
    ids=["short", "unsure behind", "unsure before", "one language"],
)
def test_what_is_short_or_unsure_stays_with_its_neighbour(
    lengths: tuple[int, ...], beliefs: list[dict[str, float]]
) -> None:
    window, spans = sentences(*lengths)

    (run,) = runs(window, spans, beliefs)

    assert (run.language, run.window.length) == ("yue", window.length)


def test_an_unsure_part_between_two_languages_goes_with_the_one_it_is_more_like() -> None:
    window, spans = sentences(3000, 1000, 3000)

    first, second = runs(window, spans, [YUE, UNSURE, CMN])

    assert (first.window.length, second.window.length) == (3000, 4000)


def test_where_nothing_is_sure_the_window_stays_whole_in_its_likeliest_language() -> None:
    window, spans = sentences(3000, 1000)

    (run,) = runs(window, spans, [UNSURE, YUE])

    assert run.language == "yue"
