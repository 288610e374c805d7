"""Telephone and identity numbers are silenced in a copy of the sound."""

import io
from collections.abc import Sequence

import numpy as np
import pytest
import soundfile

from cases.transcripts import Mask
from tests.unit.transcription.conftest import tone, wav
from transcription.audio import NotAudio
from transcription.redaction import silenced


def samples(data: bytes) -> np.ndarray:
    return soundfile.read(io.BytesIO(data), dtype="int16", always_2d=True)[0]


STRETCHES = (Mask("phone", 0.5, 1.0), Mask("identity", 1.75, 9.0))


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
@pytest.mark.parametrize("channels", [1, 2])
def test_the_copy_is_silent_within_and_the_same_outside(rate: int, channels: int) -> None:
    sound = np.stack([tone(440 * (i + 1), 2.0, rate) for i in range(channels)], axis=1)
    original = wav(sound, rate)
    copy = silenced(original, STRETCHES)
    before, after = samples(original), samples(copy)
    info = soundfile.info(io.BytesIO(copy))
    assert (info.samplerate, info.channels, info.format) == (rate, channels, "WAV")
    assert after.shape == before.shape
    assert not after[_frames(0.5, 1.0, rate)].any() and not after[_frames(1.75, 2, rate)].any()
    for start, end in ((0, 0.494), (1.006, 1.744)):
        kept = _frames(start, end, rate)
        assert np.array_equal(before[kept], after[kept]) and before[kept].any()


def _frames(start: float, end: float, rate: int) -> slice:
    return slice(round(start * rate), round(end * rate))


def test_nothing_jumps_where_silence_begins() -> None:
    steady = np.full(8000, 0.5, np.float32)
    after = samples(silenced(wav(steady), [Mask("phone", 0.5, 0.6)]))[:, 0].astype(int)
    assert np.abs(np.diff(after)).max() < 0.5 * 32768 / 30


@pytest.mark.parametrize("subtype", ["ULAW", "ALAW", "PCM_U8", "FLOAT", "PCM_24"])
def test_every_coding_of_a_recording_can_be_silenced(subtype: str) -> None:
    original = wav(tone(440, 1.0, 8000), subtype=subtype)
    after = samples(silenced(original, [Mask("phone", 0.2, 0.4)]))
    assert len(after) == 8000 and not after[1600:3200].any() and after[:1500].any()


def test_what_is_no_sound_cannot_be_silenced() -> None:
    for data in (b"", b"<html>", wav(np.zeros(0, np.float32))):
        with pytest.raises(NotAudio):
            silenced(data, STRETCHES)


def test_a_stretch_beyond_the_end_or_of_no_length_does_no_harm() -> None:
    original = wav(tone(440, 1.0, 8000))
    stretches: Sequence[Mask] = (Mask("phone", 5.0, 6.0), Mask("phone", 0.5, 0.5))
    assert len(samples(silenced(original, stretches))) == 8000
