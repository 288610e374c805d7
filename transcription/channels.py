"""Who speaks in which channel of a recording.

A provider that records both sides of a call writes the caller into the first channel and the other
side into the second. Many write the same sound into both, or leave one empty: then there is nothing
to tell apart, and the channels are heard as one.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from transcription import audio
from transcription.audio import Sound
from transcription.loudness import FRAME, decibels

CALLER: Final = 0
# The same sound twice: what is left of one without the other is so much quieter than it.
SAME_DB: Final = 20.0
# A channel that is so much quieter than the other holds its crosstalk, or nothing.
DEAD_DB: Final = 40.0
DEAD_AT_DB: Final = -65.0
FRAMES_AT_ONCE: Final = 2000


@dataclass(frozen=True)
class Voice:
    """One side of a call, as mono sound. `channel`: 0 is the caller, 1 the other side."""

    channel: int
    sound: Sound


def voices(sound: Sound) -> tuple[Voice, ...]:
    """The sides of a call that can be told apart: two, or one with all there is to hear."""
    if sound.segment.channels == 2 and _apart(_powers(sound)):
        return tuple(Voice(channel, audio.one_voice(sound, channel)) for channel in range(2))
    return (Voice(CALLER, audio.one_voice(sound)),)


def _powers(sound: Sound) -> NDArray[np.float64]:
    """Of every 30 ms, how strong each channel is and what they share: shape (n, 2, 2)."""
    pcm = np.frombuffer(sound.segment.raw_data, dtype="<i2").reshape(-1, 2)
    frames = pcm[: len(pcm) // FRAME * FRAME].reshape(-1, FRAME, 2)
    told = [np.zeros((0, 2, 2))]
    for first in range(0, len(frames), FRAMES_AT_ONCE):
        block = frames[first : first + FRAMES_AT_ONCE].astype(np.float64) / audio.FULL_SCALE
        told.append(np.einsum("nic,nid->ncd", block, block) / FRAME)
    return np.concatenate(told)


def _apart(powers: NDArray[np.float64]) -> bool:
    """Are these two different sides of a call, somebody on each?"""
    first, second, shared = powers[:, 0, 0], powers[:, 1, 1], powers[:, 0, 1]
    soft, loud = sorted((decibels(first), decibels(second)))
    if soft < DEAD_AT_DB or loud - soft > DEAD_DB:
        return False
    # What is in the first besides the second, which may be louder or softer in it.
    share = shared.sum() / max(second.sum(), 1e-12)
    rest = first - 2 * share * shared + share**2 * second
    return decibels(rest) > decibels(first) - SAME_DB
