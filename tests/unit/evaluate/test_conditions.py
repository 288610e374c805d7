"""Worse copies: as much worse as they say, and the same ones every time."""

import io

import numpy as np
import pytest
import soundfile

from evaluate import conditions
from evaluate.conditions import UnknownCondition, check, degraded
from transcription import audio

RATE = 16_000


def wav(samples: np.ndarray) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format="WAV", subtype="PCM_16")
    return file.getvalue()


def heard(data: bytes) -> np.ndarray:
    return audio.read(data).samples


def tones(*hertz: float, seconds: float = 2.0) -> np.ndarray:
    time = np.arange(int(RATE * seconds)) / RATE
    return sum(0.2 * np.sin(2 * np.pi * f * time) for f in hertz) * np.ones_like(time)


def power(samples: np.ndarray, low: float, high: float) -> float:
    spectrum = np.abs(np.fft.rfft(samples)) ** 2
    frequency = np.fft.rfftfreq(len(samples), 1 / RATE)
    return float(spectrum[(frequency >= low) & (frequency < high)].sum())


SPEECH = wav(tones(500, 1200, 2500))


def test_clean_is_the_recording_itself_byte_for_byte() -> None:
    assert degraded(SPEECH, "clean") == SPEECH


@pytest.mark.parametrize("condition", ["noise10+ulaw+loss3", "fill5", "white0", "telephone"])
def test_a_copy_is_the_same_every_time(condition: str) -> None:
    assert degraded(SPEECH, condition) == degraded(SPEECH, condition)


def test_two_recordings_do_not_share_their_noise() -> None:
    other = wav(tones(500, 1200, 2600))
    noises = [heard(degraded(data, "white20")) - heard(data) for data in (SPEECH, other)]
    assert abs(np.corrcoef(*noises)[0, 1]) < 0.05


@pytest.mark.parametrize("condition", ["telephone", "ulaw"])
def test_a_line_lets_through_300_to_3400_hertz(condition: str) -> None:
    copy = heard(degraded(wav(tones(120, 1000, 5000)), condition))
    through = power(copy, 900, 1100)
    assert power(copy, 0, 250) < through / 1000
    assert power(copy, 3600, 8000) < through / 1000


@pytest.mark.parametrize("kind", ["white", "pink", "noise"])
@pytest.mark.parametrize("snr", [20, 10, 5])
def test_noise_is_so_many_decibels_below_the_speech(kind: str, snr: int) -> None:
    copy, speech = heard(degraded(SPEECH, f"{kind}{snr}")), heard(SPEECH)
    scale = float(copy @ speech / (speech @ speech))  # it may have been turned down as a whole
    noise = copy - scale * speech
    assert 10 * np.log10(np.mean((scale * speech) ** 2) / np.mean(noise**2)) == pytest.approx(
        snr, abs=0.3
    )


def test_pauses_do_not_count_as_speech_when_noise_is_measured_by_it() -> None:
    speech = tones(500, 1200)
    paused = wav(np.concatenate([speech, np.zeros(RATE * 4)]))
    hiss = heard(degraded(paused, "white10"))[RATE * 3 :]
    assert 10 * np.log10(np.mean(speech**2) / np.mean(hiss**2)) == pytest.approx(10, abs=0.5)


def test_silence_gets_the_noise_of_a_usual_voice() -> None:
    copy = heard(degraded(wav(np.zeros(RATE * 2)), "white10"))
    assert 20 * np.log10(np.sqrt(np.mean(copy**2))) == pytest.approx(-36, abs=0.5)


def test_babble_is_the_voices_of_others() -> None:
    copy = heard(degraded(SPEECH, "babble5", [wav(tones(800)), wav(tones(3000))]))
    assert power(copy, 780, 820) > 100 * power(heard(SPEECH), 780, 820)


def test_lost_packets_are_silent_and_as_many_as_said() -> None:
    long = wav(tones(500, seconds=20.0))
    copy = heard(degraded(long, "loss10"))
    packets = np.abs(copy[: len(copy) // 320 * 320].reshape(-1, 320)).max(axis=1)
    assert np.mean(packets < 0.05) == pytest.approx(0.10, abs=0.03)
    filled = heard(degraded(long, "fill10"))
    assert (
        np.mean(np.abs(filled[: len(copy) // 320 * 320].reshape(-1, 320)).max(axis=1) < 0.05) < 0.02
    )


@pytest.mark.parametrize("condition", ["ulaw+noise10", "noise0", "loss100+white5"])
def test_a_copy_is_as_long_as_the_recording(condition: str) -> None:
    assert len(heard(degraded(SPEECH, condition))) == len(heard(SPEECH))


@pytest.mark.parametrize("condition", ["", "noisy", "noise", "ulaw3", "clean+", "loss3+hum"])
def test_an_unknown_condition_is_told_what_there_is(condition: str) -> None:
    with pytest.raises(UnknownCondition, match="is not one of clean, telephone"):
        check(condition)


def test_only_babble_asks_for_others() -> None:
    assert conditions.wants_others("babble10+ulaw")
    assert not conditions.wants_others("noise10+ulaw")
