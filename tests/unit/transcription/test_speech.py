"""Speech is found, everything else is not speech, and times lead back to the recording."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
import soxr
import torch
from hypothesis import given
from hypothesis import strategies as st
from silero_vad import load_silero_vad

from tests.unit.transcription.conftest import tone, wav
from transcription.audio import SAMPLE_RATE, Samples, excerpt, one_voice, read
from transcription.speech import WINDOW_MS, Detector, Span, Window, windows

Speech = Callable[[str], bytes]
RNG = np.random.default_rng(12345)
SECONDS = 12


def noise(level: float) -> Samples:
    return (level * RNG.standard_normal(SECONDS * SAMPLE_RATE)).astype(np.float32)


def keys() -> Samples:
    """Every key of the telephone pressed once."""
    pairs = [(697, 1209), (697, 1336), (770, 1477), (852, 1209), (941, 1336), (941, 1477)]
    parts = [tone(low, 0.3) + tone(high, 0.3) for low, high in pairs]
    pause = np.zeros(SAMPLE_RATE // 2, np.float32)
    return np.concatenate([np.concatenate([part, pause]) for part in parts])


def ringing() -> Samples:
    ring = tone(440, 1.0) + tone(480, 1.0)
    return np.concatenate([ring, np.zeros(2 * SAMPLE_RATE, np.float32)] * 4)


def hold_music() -> Samples:
    chords = [(262, 330, 392), (294, 349, 440), (247, 330, 392), (262, 349, 440)]
    bars = [sum(tone(note, 1.0, level=0.1) for note in chord) for chord in chords]
    return np.concatenate(bars * 3).astype(np.float32)


def clicks() -> Samples:
    return ((RNG.random(SECONDS * SAMPLE_RATE) < 2e-4) * 0.9).astype(np.float32)


def breath() -> Samples:
    swell = np.abs(np.sin(np.arange(SECONDS * SAMPLE_RATE) / SAMPLE_RATE * np.pi / 2)) ** 4
    return (noise(0.05) * swell).astype(np.float32)


NOT_SPEECH = {
    "silence": np.zeros(SECONDS * SAMPLE_RATE, np.float32),
    "one-bit noise": (RNG.integers(0, 2, SECONDS * SAMPLE_RATE) / 32768).astype(np.float32),
    "soft noise": noise(0.005),
    "loud noise": noise(0.2),
    "a dial tone": tone(425, SECONDS),
    "ringing": ringing(),
    "keys": keys(),
    "hold music": hold_music(),
    "clicks": clicks(),
    "breath": breath(),
    "a beep and silence": np.concatenate([tone(1000, 0.5), np.zeros(80000, np.float32)]),
}


@pytest.mark.parametrize("kind", NOT_SPEECH)
def test_no_speech_is_found_where_nobody_speaks(detector: Detector, kind: str) -> None:
    telephone = read(wav(NOT_SPEECH[kind][::2]))  # by 8 kHz, as a telephone would carry it

    assert detector.spans(one_voice(telephone).samples) == ()


@pytest.mark.parametrize("language", ["yue", "cmn", "en"])
def test_a_sentence_is_found_where_it_is(detector: Detector, speech: Speech, language: str) -> None:
    sound = one_voice(read(speech(language)))

    spans = detector.spans(sound.samples)

    assert spans[0].start == pytest.approx(750, abs=250)  # a second of silence, less the air
    assert spans[-1].end == pytest.approx(sound.seconds * 1000 - 750, abs=500)


@pytest.mark.parametrize("decibels", [20, 10, 5])
def test_a_sentence_is_found_in_noise(detector: Detector, speech: Speech, decibels: int) -> None:
    sound = one_voice(read(speech("yue")))
    level = np.sqrt(np.mean(sound.samples**2)) * 10 ** (-decibels / 20)
    noisy = sound.samples + noise(float(level))[: len(sound.samples)]

    found = sum(span.length for span in detector.spans(noisy.astype(np.float32)))

    alone = sum(span.length for span in detector.spans(sound.samples))
    assert found == pytest.approx(alone, rel=0.25)


def first_of(detector: Detector, sentence: bytes, milliseconds: int) -> Samples:
    """The beginning of a sentence, with a second of silence around it."""
    sound = one_voice(read(sentence))
    start = detector.spans(sound.samples)[0].start + 250  # after the air
    return np.concatenate(
        [
            np.zeros(SAMPLE_RATE, np.float32),
            excerpt(sound, [(start, start + milliseconds)]).samples,
            np.zeros(SAMPLE_RATE, np.float32),
        ]
    )


@pytest.mark.parametrize("language", ["yue", "cmn", "en"])
def test_a_single_word_is_a_message(detector: Detector, speech: Speech, language: str) -> None:
    (span,) = detector.spans(first_of(detector, speech(language), 350))

    assert span.start < 1100 and span.end > 1250


@pytest.mark.parametrize("language", ["yue", "cmn", "en"])
def test_a_twentieth_of_a_second_is_no_word(
    detector: Detector, speech: Speech, language: str
) -> None:
    assert detector.spans(first_of(detector, speech(language), 50)) == ()


def test_a_whole_recording_at_once_is_heard_as_in_looks_one_after_the_other(
    detector: Detector, speech: Speech
) -> None:
    """Held against the loops of Silero's own package, at 16 and at 8 kHz."""
    samples = np.tile(one_voice(read(speech("yue"))).samples, 4)  # more looks than at once
    package = load_silero_vad()
    narrow = soxr.resample(samples, SAMPLE_RATE, 8000, quality="LQ")

    def looks(sound: Samples, rate: int, size: int) -> list[float]:
        package.reset_states()
        pieces = torch.from_numpy(sound).split(size)
        return [package(piece, rate).item() for piece in pieces if len(piece) == size]

    one_by_one = np.maximum(looks(samples, 16_000, 512), looks(narrow, 8_000, 256))

    told = detector.probabilities(samples)[: len(one_by_one)]
    assert len(told) > 512
    assert np.allclose(told, one_by_one, atol=1e-4)


def test_recordings_can_be_listened_to_at_the_same_time(detector: Detector, speech: Speech) -> None:
    sounds = [one_voice(read(speech(which))).samples for which in ("yue", "cmn", "en")] * 4
    alone = [detector.spans(samples) for samples in sounds]

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(detector.spans, sounds)) == alone


def test_a_sound_shorter_than_one_look_of_the_detector_is_not_speech(detector: Detector) -> None:
    assert detector.spans(np.zeros(100, np.float32)) == ()
    assert detector.spans(np.zeros(0, np.float32)) == ()


def test_listening_to_one_recording_leaves_nothing_behind_for_the_next(
    detector: Detector, speech: Speech
) -> None:
    first, second = (one_voice(read(speech(which))).samples for which in ("yue", "en"))
    alone = Detector().spans(second)

    detector.spans(first)

    assert detector.spans(second) == alone


def test_speech_without_a_pause_is_parted_into_windows(detector: Detector, speech: Speech) -> None:
    sound = one_voice(read(speech("cmn")))
    span = detector.spans(sound.samples)[0]
    breathless = excerpt(sound, [(span.start + 250, span.end - 250)] * 30)

    spans = detector.spans(breathless.samples)

    assert len(spans) > 1
    assert all(span.length <= WINDOW_MS for span in spans)
    assert spans[0].start < 300 and spans[-1].end > breathless.seconds * 1000 - 300
    gaps = [later.start - earlier.end for earlier, later in pairwise(spans)]
    assert all(0 <= gap < 500 for gap in gaps)


def test_short_pauses_stay_and_long_ones_are_cut() -> None:
    spans = [Span(1000, 3000), Span(3300, 5000), Span(9000, 11000)]

    (window,) = windows(spans)

    assert window.pieces == (Span(1000, 5000), Span(9000, 11000))
    assert window.length == 6000


def test_a_window_is_never_longer_than_it_may_be() -> None:
    spans = [Span(start, start + 9_000) for start in range(0, 200_000, 10_000)]

    packed = windows(spans)

    assert all(window.length <= WINDOW_MS for window in packed)
    assert [piece for window in packed for piece in window.pieces] == spans


def test_short_pauses_count_towards_the_length_of_a_window() -> None:
    packed = windows([Span(0, 12_000), Span(12_400, 24_100)])

    assert [window.length for window in packed] == [12_000, 11_700]


def test_times_in_a_window_lead_back_to_the_recording() -> None:
    window = Window((Span(1000, 5000), Span(9000, 11000), Span(60_000, 60_500)))

    assert window.start_at(0.0) == 1.0
    assert window.end_at(2.5) == 3.5
    assert window.end_at(4.0) == 5.0  # a line that ends with a piece ends there,
    assert window.start_at(4.0) == 9.0  # and the next one begins with the next piece
    assert window.start_at(6.25) == 60.25
    assert window.end_at(6.5) == 60.5
    assert window.start_at(3.8) == 9.0  # in the air before a joint nothing begins,
    assert window.end_at(4.2) == 5.0  # and in the air behind it nothing ends
    assert window.start_at(3.7) == 4.7
    assert window.end_at(4.3) == 9.3
    assert window.end_at(30.0) == 60.5  # the padding of Whisper's window is no time of the call


@st.composite
def spoken(draw: st.DrawFn) -> list[Span]:
    """Spans as a detector finds them: in order, each a word and its air, pauses of any length."""
    lengths = draw(st.lists(st.integers(600, WINDOW_MS), min_size=1, max_size=30))
    spans, at = [], 0
    for length in lengths:
        at += draw(st.integers(0, 3000) | st.integers(0, 600_000))
        spans.append(Span(at, at + length))
        at += length
    return spans


@given(spoken(), st.data())
def test_any_time_in_any_window_leads_back_to_where_it_was(
    spans: list[Span], data: st.DataObject
) -> None:
    """Within 1 ms; but around a joint nothing begins before it and nothing ends behind it."""
    for window in windows(spans):
        origin = np.concatenate([np.arange(piece.start, piece.end) for piece in window.pieces])
        joints = np.cumsum([piece.length for piece in window.pieces])[:-1]
        seconds = data.draw(st.floats(0, (len(origin) - 1) / 1000))
        there = origin[round(seconds * 1000)]
        ahead = joints - seconds * 1000

        if not np.any((ahead > -1) & (ahead < 251)):
            assert window.start_at(seconds) == pytest.approx(there / 1000, abs=0.001)
        if not np.any((ahead > -251) & (ahead < 1)):
            assert window.end_at(seconds) == pytest.approx(there / 1000, abs=0.001)


@given(spoken())
def test_at_a_joint_one_piece_ends_and_the_next_begins(spans: list[Span]) -> None:
    for window in windows(spans):
        at = 0
        for before, behind in pairwise(window.pieces):
            at += before.length
            for near in (-0.2, 0.0, 0.2):
                begins, ends = window.start_at(at / 1000 + near), window.end_at(at / 1000 + near)
                assert begins == (behind.start + max(near, 0) * 1000) / 1000
                assert ends == (before.end + min(near, 0) * 1000) / 1000


@given(spoken(), st.lists(st.floats(0, 24), min_size=2, max_size=20))
def test_what_comes_later_in_a_window_comes_later_in_the_call(
    spans: list[Span], moments: list[float]
) -> None:
    for window in windows(spans):
        for told in (window.start_at, window.end_at):
            times = [told(moment) for moment in sorted(moments)]
            assert times == sorted(times)
            assert window.pieces[0].start / 1000 <= times[0]
            assert times[-1] <= window.pieces[-1].end / 1000


@given(spoken())
def test_windows_hold_all_that_was_spoken_once_and_in_order(spans: list[Span]) -> None:
    pieces = [piece for window in windows(spans) for piece in window.pieces]

    assert all(window.length <= WINDOW_MS for window in windows(spans))
    assert all(before.end <= behind.start for before, behind in pairwise(pieces))
    for span in spans:
        assert sum(p.start <= span.start and span.end <= p.end for p in pieces) == 1


def test_what_is_left_of_a_window_keeps_its_place() -> None:
    window = Window((Span(1000, 5000), Span(9000, 11000)))

    assert window.after(3.0) == Window((Span(4000, 5000), Span(9000, 11000)))
    assert window.after(4.0) == Window((Span(9000, 11000),))
    assert window.after(4.5) == Window((Span(9500, 11000),))
    assert window.after(6.0) is None


def test_times_survive_the_way_from_the_recording_to_the_window_and_back(
    detector: Detector, speech: Speech
) -> None:
    """Three sentences, far apart: every sample of a window is the one its time code says."""
    one = read(speech("yue")).segment
    pause = one[:1000] * 4
    sound = one_voice(read(speech("yue")))
    whole = type(sound)(one + pause + one + pause + one)
    (window, *_) = windows(detector.spans(whole.samples))
    clip = excerpt(whole, window.bounds).samples
    joints = np.cumsum([piece.length for piece in window.pieces])[:-1] / 1000

    assert len(joints) == 2
    for seconds in np.arange(0.0, window.length / 1000 - 0.01, 0.125):
        if any(joint - 0.25 < seconds < joint for joint in joints):
            continue
        there = round(window.start_at(float(seconds)) * SAMPLE_RATE)
        here = round(float(seconds) * SAMPLE_RATE)
        assert np.array_equal(clip[here : here + 16], whole.samples[there : there + 16])
