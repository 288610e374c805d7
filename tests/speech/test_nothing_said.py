"""Where nobody speaks there is no text; and where somebody does, that does not cost a word.

Two lines of defence: the voice detector, and the model's own word that there was no speech. How
much each of them holds back is printed by `python -m tests.speech.figures`.
"""

import ctypes.util
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from runtime.city import City
from runtime.settings import Settings
from tests.speech import sounds
from tests.speech.sounds import KINDS, Recording
from transcription.audio import one_voice, read
from transcription.recogniser import Recogniser, Request, open_recogniser
from transcription.speech import Detector, Span

CHECKPOINT = Path(__file__).parents[2] / "demo" / "model" / "hotline.pt"
MOST_PASSED_BY_THE_DETECTOR = 3
MOST_WORDS_LOST = 0.15
MOST_SPEECH_MISSED = 0.02

speaks = pytest.mark.skipif(not ctypes.util.find_library("espeak-ng"), reason="no espeak-ng")


@pytest.fixture(scope="module")
def ear(tmp_path_factory: pytest.TempPathFactory) -> Recogniser:
    settings = Settings(
        _env_file=None,
        city="hongkong",
        whisper_model=str(CHECKPOINT),
        state_dir=tmp_path_factory.mktemp("state"),
    )
    return open_recogniser(settings, City.read(settings.city_folder), print)


@pytest.fixture(scope="module")
def detector() -> Detector:
    torch.set_num_threads(1)
    return Detector()


@pytest.fixture(scope="module")
def recordings() -> list[Recording]:
    return list(sounds.recordings())


def spans_of(detector: Detector, wav: bytes) -> tuple[Span, ...]:
    return detector.spans(one_voice(read(wav)).samples)


def test_there_are_two_hundred_recordings_of_a_second_to_half_a_minute(
    recordings: list[Recording],
) -> None:
    assert len(recordings) >= 200
    assert all(1 <= recording.seconds <= 30 for recording in recordings)
    assert sum(recording.seconds > 10 for recording in recordings) > 50
    assert len({recording.wav for recording in recordings}) > 190  # silence is like silence


def test_they_are_the_same_whenever_they_are_made(recordings: list[Recording]) -> None:
    assert [it.wav for it in sounds.recordings()] == [it.wav for it in recordings]


@pytest.mark.parametrize("kind", KINDS)
def test_where_nobody_speaks_not_a_word_is_written(
    ear: Recogniser, recordings: list[Recording], kind: str
) -> None:
    those = [it for it in recordings if it.name.rpartition(" ")[0] == kind]

    heard = ear.hear_all([Request(recording.wav) for recording in those])

    assert heard == [None] * len(those)


def test_the_detector_alone_holds_almost_all_of_it_back(
    detector: Detector,
    recordings: list[Recording],
    record_property: Callable[[str, object], None],
) -> None:
    passed = [it.name for it in recordings if spans_of(detector, it.wav)]

    record_property("passed", passed)
    assert len(passed) <= MOST_PASSED_BY_THE_DETECTOR


@speaks
@pytest.mark.parametrize("line", ["clean", "white noise at 10 dB", "pink noise at 5 dB",
                                  "chords at 5 dB", "quiet, -35 dBFS"])  # fmt: skip
def test_hardly_a_sentence_is_lost(
    detector: Detector, line: str, record_property: Callable[[str, object], None]
) -> None:
    from tests.speech import spoken

    shares = {
        sentence.name: sentence.share_in(spans_of(detector, spoken.telephoned(sentence, line)))
        for sentence in spoken.sentences()
    }

    missed = 1 - sum(shares.values()) / len(shares)
    record_property("missed", float(missed))
    assert len(shares) >= 100
    assert sum(share == 0 for share in shares.values()) <= (1 if "chords" in line else 0)
    assert missed < MOST_SPEECH_MISSED


@speaks
@pytest.mark.parametrize("line", ["clean", "white noise at 10 dB", "quiet, -35 dBFS"])
def test_an_answer_of_one_word_is_seldom_lost(
    detector: Detector, line: str, record_property: Callable[[str, object], None]
) -> None:
    from tests.speech import spoken

    lost = [
        word.name
        for word in spoken.words()
        if not spans_of(detector, spoken.telephoned(word, line))
    ]

    record_property("lost", lost)
    assert len(lost) <= MOST_WORDS_LOST * len(spoken.words())
