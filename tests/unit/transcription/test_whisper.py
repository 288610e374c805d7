"""What Whisper's tokens mean: lines between time stamps, and words with theirs."""

import pytest
import whisper

from transcription.engines.interface import Line, Word
from transcription.engines.whisper import Timed, _lines, _shared_out, _spread, _words, tokenizer


def tokens(tokenizer: whisper.tokenizer.Tokenizer, *parts: float | str) -> list[int]:
    """Times and words as the model writes them."""
    spelled: list[int] = []
    for part in parts:
        if isinstance(part, str):
            spelled += tokenizer.encode(part)
        else:
            spelled.append(tokenizer.timestamp_begin + round(part / 0.02))
    return spelled


def test_lines_lie_between_their_time_stamps() -> None:
    cantonese = tokenizer(100, "yue")

    def lines(*parts: float | str) -> tuple[list[tuple[float, float, str]], float]:
        found, until = _lines(tokens(cantonese, *parts), cantonese, 10.0)
        return [(line.start, line.end, line.text) for line in found], until

    assert lines(0.0, "街燈壞咗", 4.0, 4.5, "冇人整", 9.0) == (
        [(0.0, 4.0, "街燈壞咗"), (4.5, 9.0, "冇人整")],
        10.0,
    )
    assert lines(0.0, "街燈壞咗", 4.0, 4.0) == ([(0.0, 4.0, "街燈壞咗")], 4.0)
    assert lines(0.0, "街燈壞咗", 6.0) == ([(0.0, 6.0, "街燈壞咗")], 10.0)
    assert lines(0.0, "街燈壞咗", 4.0) == ([(0.0, 4.0, "街燈壞咗")], 4.0)
    assert lines(0.0, "街燈壞咗") == ([(0.0, 10.0, "街燈壞咗")], 10.0)
    assert lines("街燈壞咗") == ([(0.0, 10.0, "街燈壞咗")], 10.0)
    assert lines(0.0, "街燈壞咗", 29.0) == ([(0.0, 10.0, "街燈壞咗")], 10.0)
    assert lines(0.0, 30.0) == ([], 10.0)
    assert lines() == ([], 10.0)


def test_speech_that_lies_wholly_after_the_last_time_stamp_was_not_heard() -> None:
    cantonese = tokenizer(100, "yue")
    said = tokens(cantonese, 0.0, "街燈壞咗", 4.0)

    def heard_until(*parts: tuple[float, float]) -> float:
        return _lines(said, cantonese, 7.0, parts)[1]

    assert heard_until((0.2, 4.0), (4.4, 6.8)) == 4.0
    assert heard_until((0.2, 4.0), (4.4, 5.0)) == 7.0  # a cough
    assert heard_until((0.2, 6.8)) == 7.0


def timed(text: str, code: str, probabilities: dict[int, float] | None = None) -> list[Timed]:
    spelled = tokenizer(100, code).encode(text)
    sure = probabilities or {}
    return [Timed(it, i / 10, (i + 1) / 10, sure.get(i, 0.9)) for i, it in enumerate(spelled)]


def test_a_chinese_word_is_a_character_even_where_it_takes_several_tokens() -> None:
    words = _words(timed("𨋢壞咗", "yue"), tokenizer(100, "yue"))

    assert [word.text for word in words] == ["𨋢", "壞", "咗"]
    assert words[0].start == 0.0 and words[0].end == words[1].start


def test_a_mark_belongs_to_the_word_before_it() -> None:
    words = _words(timed("Hello, the lamp is broken.", "en"), tokenizer(100, "en"))

    assert [word.text for word in words] == ["Hello,", " the", " lamp", " is", " broken."]


def test_a_word_is_as_likely_as_its_least_likely_token() -> None:
    spelled = timed("𨋢", "yue", {1: 0.2})

    assert len(spelled) > 1
    assert [word.probability for word in _words(spelled, tokenizer(100, "yue"))] == [0.2]


def test_tokens_found_at_one_moment_share_the_time_to_the_next() -> None:
    found = [Timed(1, 1.0, 1.0, 1), Timed(2, 1.0, 1.0, 1), Timed(3, 1.0, 4.0, 1)]

    assert [at for it in _spread(found) for at in (it.start, it.end)] == pytest.approx(
        [1.0, 2.0, 2.0, 3.0, 3.0, 4.0]
    )


def test_words_go_to_their_lines_and_stay_within_them() -> None:
    lines = [Line(0.0, 1.0, "街燈"), Line(2.0, 3.0, "壞咗")]
    words = [Word(0.2, 0.5, "街", 1), Word(0.5, 1.4, "燈", 1), Word(1.4, 2.5, "壞", 1),
             Word(2.5, 3.5, "咗", 1)]  # fmt: skip

    shared = list(_shared_out(lines, words))

    assert [[word.text for word in line.words] for line in shared] == [["街", "燈"], ["壞", "咗"]]
    assert [(word.start, word.end) for word in shared[0].words] == [(0.2, 0.5), (0.5, 1.0)]
    assert [(word.start, word.end) for word in shared[1].words] == [(2.0, 2.5), (2.5, 3.0)]
