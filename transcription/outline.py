"""The outline of any recording that can be read (`cases.peaks`)."""

from typing import Final

import numpy as np

from cases import peaks
from cases.peaks import LOUDEST, Peaks
from transcription import audio

STRETCHES_A_SECOND: Final = 100


def of(data: bytes) -> Peaks:
    """How loud a recording is from beginning to end, of two channels the louder. Raises NotAudio."""
    for stream in audio.streams(data):
        length = max(1, stream.rate // STRETCHES_A_SECOND)
        levels: list[int] = []
        rest, frames = np.zeros(0, np.float32), 0
        for block in stream.blocks:
            frames += len(block)
            loud = np.concatenate([rest, np.abs(block).max(axis=1)])
            whole = len(loud) // length * length
            levels += _levels(loud[:whole].reshape(-1, length))
            rest = loud[whole:]
        if frames:
            levels += _levels(rest[None]) if len(rest) else []
            return peaks.of_levels(levels, frames / stream.rate)
    raise audio.NotAudio(f"a file without sound in it: {len(data)} bytes")


def _levels(loud: audio.Samples) -> list[int]:
    return [int(level) for level in np.rint(loud.max(axis=1) * LOUDEST)]
