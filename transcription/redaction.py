"""A second copy of a recording in which nobody's telephone or identity number can be heard.

Where they are said, and how the text is masked, `cases.personal` knows. The original stays as it is.
"""

import io
from collections.abc import Sequence
from typing import Final

import numpy as np
import soundfile  # type: ignore[import-untyped]
from numpy.typing import NDArray

from cases.transcripts import Mask
from transcription import audio

FADE_SECONDS: Final = 0.005


def silenced(data: bytes, masks: Sequence[Mask]) -> bytes:
    """The recording as a WAV of the same length, rate and channels, all zero within the masks and
    as it was outside, but for 5 ms before and after each in which it fades. Raises NotAudio."""
    for stream in audio.streams(data):
        file = io.BytesIO()
        with soundfile.SoundFile(
            file, "w", stream.rate, stream.channels, subtype="PCM_16", format="WAV"
        ) as copy:
            at = 0
            for block in stream.blocks:
                times = np.arange(at, at + len(block)) / stream.rate
                copy.write(_as_pcm(block * _loudness(times, masks)[:, None]))
                at += len(block)
        if at:
            return file.getvalue()
    raise audio.NotAudio(f"a file without sound in it: {len(data)} bytes")


def _loudness(times: NDArray[np.float64], masks: Sequence[Mask]) -> NDArray[np.float64]:
    """What the samples at `times` (seconds) are multiplied by: 0 within a mask, 1 away from all."""
    loudness = np.ones_like(times)
    for mask in masks:
        away = np.maximum(mask.start - times, times - mask.end)
        np.minimum(loudness, np.clip(away / FADE_SECONDS, 0.0, 1.0), out=loudness)
    return loudness


def _as_pcm(block: NDArray[np.float64]) -> NDArray[np.int16]:
    scaled = np.rint(block * audio.FULL_SCALE)
    return np.clip(scaled, -audio.FULL_SCALE, audio.FULL_SCALE - 1).astype(np.int16)
