"""The two sides of a call are told apart where they are two."""

from collections.abc import Callable

import numpy as np
import pytest

from tests.unit.transcription.conftest import tone, wav
from transcription.audio import SAMPLE_RATE, Samples, one_voice, read
from transcription.channels import voices
from transcription.loudness import level, loudest
from transcription.speech import Span

Speech = Callable[[str], bytes]


@pytest.fixture
def caller(speech: Speech) -> Samples:
    return one_voice(read(speech("yue"))).samples


@pytest.fixture
def agent(speech: Speech, caller: Samples) -> Samples:
    return np.resize(np.roll(one_voice(read(speech("en"))).samples, 30_000), len(caller))


def sides(first: Samples, second: Samples) -> int:
    return len(voices(read(wav(np.stack([first, second], axis=1), SAMPLE_RATE))))


def test_two_people_are_two_voices(caller: Samples, agent: Samples) -> None:
    found = voices(read(wav(np.stack([caller, agent], axis=1), SAMPLE_RATE)))

    assert [voice.channel for voice in found] == [0, 1]
    assert np.corrcoef(found[0].sound.samples, caller)[0, 1] > 0.99
    assert np.corrcoef(found[1].sound.samples, agent)[0, 1] > 0.99


def test_the_same_sound_twice_is_one_voice_however_loud(caller: Samples) -> None:
    assert sides(caller, caller) == 1
    assert sides(caller, 0.3 * caller) == 1
    assert sides(caller, -caller) == 1


def test_a_dead_channel_is_no_second_voice(caller: Samples) -> None:
    hiss = np.random.default_rng(0).normal(0, 1e-4, len(caller)).astype(np.float32)

    assert sides(caller, np.zeros_like(caller)) == 1
    assert sides(np.zeros_like(caller), caller) == 1
    assert sides(caller, hiss) == 1


def test_the_other_sides_echo_does_not_make_them_one(caller: Samples, agent: Samples) -> None:
    assert sides(caller + 0.05 * agent, agent) == 2


def test_one_channel_is_one_voice(caller: Samples) -> None:
    assert len(voices(read(wav(caller, SAMPLE_RATE)))) == 1


def test_a_level_is_in_decibels_and_silence_has_the_lowest() -> None:
    loud = tone(440, 2.0, level=0.5)

    assert level(loud) == pytest.approx(-9.0, abs=0.1)
    assert level(0.1 * loud) == pytest.approx(-29.0, abs=0.1)
    assert level(np.zeros(SAMPLE_RATE, np.float32)) == level(loud[:10]) == -120.0


def test_pauses_do_not_lower_a_level() -> None:
    with_pauses = np.concatenate([tone(440, 1.0, level=0.5), np.zeros(4 * SAMPLE_RATE, np.float32)])

    assert level(with_pauses) == pytest.approx(-9.0, abs=0.1)


def test_a_short_shout_is_not_the_loudest_speech() -> None:
    spans = [Span(0, 500), Span(1000, 6000), Span(7000, 9000)]

    assert loudest(spans, [-3.0, -20.0, -40.0]) == -20.0
    assert loudest(spans[:1], [-3.0]) == -3.0
