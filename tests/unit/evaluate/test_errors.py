"""Errors are the fewest edits; rates are sums; intervals say what chance may have done."""

import pytest

from evaluate.errors import Edits, difference, edits, interval, right, spans, total


def test_wrong_missing_and_invented_units_are_told_apart() -> None:
    assert edits("我住喺海晴邨", "我住海清邨呀") == Edits(1, 1, 1, 6)


def test_a_rate_is_of_what_was_said() -> None:
    assert edits("四個字啊", "").rate == 100
    assert edits("一", "一二三").rate == 200
    assert edits("", "幻覺").rate == 0


def test_long_recordings_count_for_more() -> None:
    assert total([Edits(1, 0, 0, 2), Edits(0, 0, 0, 98)]).rate == 1.0


def test_the_interval_holds_the_rate_and_shrinks_with_more_recordings() -> None:
    def clips(count: int) -> list[tuple[str, Edits]]:
        return [("", Edits(n % 3, 0, 0, 10)) for n in range(count)]

    few, many = interval(clips(12)), interval(clips(300))
    assert few.low < 10 < few.high
    assert few.low < many.low < 10 < many.high < few.high


def test_where_speakers_are_known_they_are_drawn_and_not_files() -> None:
    by_speaker = [(f"s{n % 6}", Edits(n % 6, 0, 0, 10)) for n in range(120)]
    unknown = [("", edited) for _, edited in by_speaker]
    assert (interval(by_speaker).by, interval(unknown).by) == ("speaker", "file")
    assert interval(by_speaker).high > interval(unknown).high


def test_the_same_reading_twice_is_no_difference() -> None:
    pairs = [("", Edits(1, 0, 0, 9), Edits(1, 0, 0, 9))] * 20
    found = difference(pairs)
    assert (found.points, found.p) == (0.0, 1.0)


def test_a_clear_difference_is_not_chance_and_a_small_one_may_be() -> None:
    better = [("", Edits(3, 0, 0, 10), Edits(1, 0, 0, 10))] * 30
    assert difference(better).points == -20
    assert difference(better).p == 0
    mixed = [("", Edits(n % 2, 0, 0, 10), Edits((n + 1) % 2, 0, 0, 10)) for n in range(31)]
    assert difference(mixed).p > 0.5


def test_of_each_word_that_was_heard_it_is_known_whether_it_was_said() -> None:
    assert right("水管爆了", "水喉爆了呀") == [True, False, True, True, False]


@pytest.mark.parametrize(("said", "heard"), [("水管爆了", "水喉爆"), ("", "幻覺"), ("喂", "")])
def test_the_stretches_put_together_are_what_was_said_and_what_was_heard(
    said: str, heard: str
) -> None:
    found = spans(said, heard)
    assert "".join("".join(span.wanted) for span in found) == said
    assert "".join("".join(span.heard) for span in found) == heard
