"""Times of characters, and how they outlive what a person changes in the text."""

import math

from hypothesis import given
from hypothesis import strategies as st

from cases.places import Places
from cases.slots import slots
from cases.timing import Timed, differences, retimed, segment, timed, units
from cases.transcripts import Segment, Word
from tests.support.cost import processor_seconds

LINE = st.text("街燈壞咗冇人整lamp 9，。", max_size=30)


def said(text: str, start: float = 1.0, each: float = 0.2) -> Segment:
    """A line of which each character takes as long as the others."""
    chars = [char for char in text if not char.isspace()]
    words = tuple(
        Word(start + i * each, start + (i + 1) * each, char, 0.9) for i, char in enumerate(chars)
    )
    return Segment(start, start + len(chars) * each, text, 0.9, words=words)


def known(text: str) -> tuple[Timed, ...]:
    return timed(said(text))


class TestUnits:
    def test_a_character_and_a_latin_word_are_each_one_piece(self) -> None:
        pieces = [unit.text for unit in units(said("我喺 Nathan Road，88號 B座。"))]
        assert pieces == ["我", "喺 ", "Nathan ", "Road，", "88", "號 ", "B", "座。"]

    def test_each_has_its_own_time(self) -> None:
        found = units(said("街燈OK了"))
        assert [(unit.text, round(unit.start, 3)) for unit in found] == [
            ("街", 1.0), ("燈", 1.2), ("OK", 1.4), ("了", 1.8),
        ]  # fmt: skip

    def test_a_word_of_two_characters_gives_each_its_half(self) -> None:
        line = Segment(
            0.0, 2.0, "街燈壞", 0.9, words=(Word(0, 1, "街燈", 0.81), Word(1, 2, "壞", 1))
        )
        assert [(unit.start, unit.end) for unit in units(line)] == [(0, 0.5), (0.5, 1), (1, 2)]
        assert [round(one.confidence, 3) for one in timed(line)] == [0.9, 0.9, 1.0]

    def test_a_line_whose_words_are_others_is_dealt_out_evenly(self) -> None:
        for words in ((), (Word(0, 1, "別字", 0.9),)):
            line = Segment(0.0, 3.0, "街燈壞", 0.9, words=words)
            assert [unit.start for unit in units(line)] == [0.0, 1.0, 2.0]

    @given(LINE)
    def test_together_they_are_the_line(self, text: str) -> None:
        assert "".join(unit.text for unit in units(said(text))) == text


class TestRetimed:
    @given(LINE, LINE, LINE, LINE)
    def test_what_stays_at_both_ends_keeps_its_time(
        self, head: str, before: str, after: str, tail: str
    ) -> None:
        head, tail = head + "甲", "乙" + tail
        old = known(head + before + tail)
        (new,) = retimed(old, [head + after + tail], 60.0)
        first, last = len(known(head)), len(known(tail))
        assert new[:first] == old[:first] and new[-last:] == old[-last:]

    @given(LINE, LINE)
    def test_times_never_go_back_and_lie_within_what_was_known(self, was: str, now: str) -> None:
        old = known(was)
        (new,) = retimed(old, [now], 60.0)
        assert "".join(one.char for one in new) == "".join(now.split())
        at = -math.inf
        for one in new:
            assert at <= one.start <= one.end
            at = one.end
        if old:
            assert all(old[0].start <= one.start and one.end <= old[-1].end for one in new)

    @given(LINE, st.data())
    def test_a_character_in_the_middle_moves_no_other_by_more_than_itself(
        self, text: str, data: st.DataObject
    ) -> None:
        old = known(text)
        at = data.draw(st.integers(0, len(old)))
        chars = [one.char for one in old]
        (new,) = retimed(old, ["".join([*chars[:at], "囧", *chars[at:]])], 60.0)
        rest = [one for i, one in enumerate(new) if i != at]
        assert rest == list(old)

    def test_the_other_script_is_the_same_character(self) -> None:
        (new,) = retimed(known("街燈壞咗"), ["街灯坏咗"], 60.0)
        assert [one.start for one in new] == [one.start for one in known("街燈壞咗")]
        assert "".join(one.char for one in new) == "街灯坏咗"

    def test_a_text_out_of_nothing_is_spread_over_the_recording(self) -> None:
        first, second = retimed((), ["街燈", "壞咗"], 8.0)
        assert [one.start for one in (*first, *second)] == [0.0, 2.0, 4.0, 6.0]

    def test_a_line_may_be_parted_and_joined(self) -> None:
        old = known("街燈壞咗冇人整")
        first, second = retimed(old, ["街燈壞咗，", "冇人整"], 60.0)
        assert second[0].start == old[4].start
        (joined,) = retimed((*first, *second), ["街燈壞咗冇人整"], 60.0)
        assert joined == old

    def test_what_a_person_wrote_is_sure_and_what_stayed_is_as_sure_as_it_was(self) -> None:
        (new,) = retimed(known("街燈壞咗"), ["街燈爛咗"], 60.0)
        assert [one.confidence for one in new] == [0.9, 0.9, 1.0, 0.9]

    def test_an_hour_all_over_changed_and_a_text_of_one_character_are_quick(self) -> None:
        talk = [f"第{n}盞街燈壞咗冇人整，" for n in range(1500)]
        changed = [line.replace("冇人", "都冇人", n % 3) for n, line in enumerate(talk)]
        before, one = known("".join(talk)), known("a" * 20_000)
        assert processor_seconds(lambda: retimed(before, changed, 3600.0)) < 3
        assert processor_seconds(lambda: retimed(one, ["b" + "a" * 19_000 + "b"], 3600.0)) < 3


def test_a_corrected_line_is_a_segment_whose_words_are_its_units() -> None:
    line = segment(
        "去 Nathan Road 睇下", known("去 Nathan Road 睇下"), language="yue", channel=0, at=0
    )
    assert [word.text for word in line.words] == ["去", "Nathan", "Road", "睇", "下"]
    assert (line.start, line.end) == (1.0, 1.0 + 0.2 * 13)
    assert [unit.text for unit in units(line)] == ["去 ", "Nathan ", "Road ", "睇", "下"]


def test_a_slot_is_as_sure_after_its_line_was_cut_into_characters() -> None:
    whole = Segment(
        0.0,
        8.0,
        "六一二三四五六七",
        0.9,
        words=(Word(0, 4, "六一二三", 0.8), Word(4, 8, "四五六七", 0.9)),
    )
    cut = segment(whole.text, timed(whole), language="yue", channel=0, at=0)
    (before,), (after,) = slots([whole], Places.of(())), slots([cut], Places.of(()))
    assert abs(before.confidence - after.confidence) < 0.01 and before.value == after.value


class TestDifferences:
    @given(LINE, LINE)
    def test_they_tell_both_texts(self, was: str, now: str) -> None:
        found = differences(was, now)
        assert "".join(one.text for one in found if one.kind != "ins") == was
        assert "".join(one.text for one in found if one.kind != "del") == now

    def test_one_word_is_told_by_itself(self) -> None:
        found = [(one.kind, one.text) for one in differences("街燈壞咗", "街燈爛咗")]
        assert found == [("same", "街燈"), ("del", "壞"), ("ins", "爛"), ("same", "咗")]
