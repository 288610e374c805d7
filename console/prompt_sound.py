"""A prompt's recording as people upload it, made into what the telephone plays: 8 kHz, mono, 16 bit."""

from __future__ import annotations

import io
import wave
from typing import TYPE_CHECKING, Any

from cases.errors import Refused

# Loaded only when something is uploaded: the web process does without, until then.
if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float64]

LARGEST = 32 * 1024 * 1024
"""Bytes of an upload: a minute in the studio's own format."""
RATE = 8000
SHORTEST, LONGEST = 0.2, 60.0
"""Seconds."""
SILENCE = 0.01
"""Of full scale: what is never louder is no recording of a voice."""


def telephone(upload: bytes) -> bytes:
    """The WAV that the telephone plays, the same for the same upload.

    Raises Refused: `no_wav`, `sound_too_short`, `sound_too_long`, `too_low_rate` (below the telephone's 8 kHz),
    `silent`.
    """
    import numpy as np

    samples, rate = _read(upload)
    seconds = len(samples) / rate
    if seconds < SHORTEST:
        raise Refused("sound_too_short", least=SHORTEST)
    if seconds > LONGEST:
        raise Refused("sound_too_long", most=int(LONGEST))
    if np.max(np.abs(samples)) < SILENCE:
        raise Refused("silent")
    return _written(samples if rate == RATE else _resampled(samples, rate))


def _read(upload: bytes) -> tuple[Samples, int]:
    """The samples of all channels together, from -1 to 1, and how many there are a second."""
    try:
        with wave.open(io.BytesIO(upload)) as file:
            channels, width, rate, count, _, _ = file.getparams()
            content = file.readframes(min(count, int((LONGEST + 1) * max(rate, 1))))
    except (wave.Error, EOFError, ValueError, RuntimeError):
        raise Refused("no_wav") from None
    if width not in (1, 2, 3, 4) or not 1 <= channels <= 8 or rate > 384_000:
        raise Refused("no_wav")
    if rate < RATE:
        raise Refused("too_low_rate", rate=rate)
    whole = content[: len(content) // (width * channels) * width * channels]
    together: Samples = _levels(whole, width).reshape(-1, channels).mean(axis=1)
    return together, rate


def _levels(content: bytes, width: int) -> Samples:
    import numpy as np

    if width == 1:
        # Eight bits are unsigned in a WAV, all others signed.
        unsigned: Samples = np.frombuffer(content, np.uint8).astype(np.float64)
        level: Samples = (unsigned - 128) / 128
        return level
    if width == 3:
        low = np.frombuffer(content, np.uint8).reshape(-1, 3)
        wide = np.zeros((len(low), 4), np.uint8)
        wide[:, 1:] = low
        three: Samples = wide.reshape(-1).view("<i4").astype(np.float64) / 2**31
        return three
    kind: Any = "<i2" if width == 2 else "<i4"
    signed: Samples = np.frombuffer(content, kind).astype(np.float64) / 2 ** (8 * width - 1)
    return signed


def _resampled(samples: Samples, rate: int) -> Samples:
    """At the telephone's rate, without what is above its band: nothing folds back into it."""
    import numpy as np

    wanted = round(len(samples) * RATE / rate)
    spectrum = np.fft.rfft(samples)[: wanted // 2 + 1]
    # The last tenth of the band fades, so that nothing rings.
    fade = max(1, len(spectrum) // 10)
    spectrum[-fade:] *= np.cos(np.linspace(0, np.pi / 2, fade)) ** 2
    found: Samples = np.fft.irfft(spectrum, wanted) * (wanted / len(samples))
    return found


def _written(samples: Samples) -> bytes:
    import numpy as np

    levels = np.clip(np.round(samples * 32767), -32768, 32767).astype("<i2")
    with io.BytesIO() as place:
        with wave.open(place, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(levels.tobytes())
        return place.getvalue()
