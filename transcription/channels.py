"""Who speaks in which channel of a recording.

A provider that records both sides of a call writes the caller into the first channel and the other
side into the second. Many write the same sound into both, or leave one empty: then there is nothing
to tell apart, and the channels are heard as one.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from transcription import audio
from transcription.audio import Samples, Sound
from transcription.loudness import level

CALLER: Final = 0
# The same sound twice: what is left of one without the other is so much quieter than it.
SAME_DB: Final = 20.0
# A channel that is so much quieter than the other holds its crosstalk, or nothing.
DEAD_DB: Final = 40.0
DEAD_AT_DB: Final = -65.0


@dataclass(frozen=True)
class Voice:
    """One side of a call, as mono sound. `channel`: 0 is the caller, 1 the other side."""

    channel: int
    sound: Sound


def voices(sound: Sound) -> tuple[Voice, ...]:
    """The sides of a call that can be told apart: two, or one with all there is to hear."""
    sides = [Sound(segment).samples for segment in sound.segment.split_to_mono()]
    if len(sides) == 2 and _apart(sides[0], sides[1]):
        return tuple(Voice(channel, audio.one_voice(sound, channel)) for channel in range(2))
    return (Voice(CALLER, audio.one_voice(sound)),)


def _apart(first: Samples, second: Samples) -> bool:
    """Are these two different sides of a call, somebody on each?"""
    loud, soft = sorted((level(first), level(second)), reverse=True)
    if soft < DEAD_AT_DB or loud - soft > DEAD_DB:
        return False
    return level(_without(first, second)) > loud - SAME_DB


def _without(first: Samples, second: Samples) -> Samples:
    """What is in the first channel besides the second, which may be louder or softer in it."""
    share = float(np.dot(first, second)) / max(float(np.dot(second, second)), 1e-9)
    return first - np.float32(share) * second
