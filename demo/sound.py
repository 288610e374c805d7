"""What comes down a telephone line: 8 kHz, mono, 16-bit, as the provider records it."""

import io
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE = 8000
_FRAME = RATE // 50
_SPEECH_LEVEL = 200.0  # root mean square of a 20 ms frame above which somebody is speaking

Samples = NDArray[np.int16]


def silence(seconds: float) -> Samples:
    """`seconds` of a quiet line (a little noise: a real line is never digital zero)."""
    noise = np.random.default_rng(1823).normal(0, 3, int(seconds * RATE))
    return noise.astype(np.int16)


def read(path: Path) -> Samples:
    """A WAV file as the line carries it. Raises ValueError for anything but 16-bit PCM."""
    with wave.open(str(path), "rb") as file:
        if file.getsampwidth() != 2:
            raise ValueError(f"{path}: want 16-bit PCM")
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
        channels, rate = file.getnchannels(), file.getframerate()
    mono = samples.reshape(-1, channels).mean(axis=1)
    return _at_line_rate(mono, rate).astype(np.int16)


def _at_line_rate(samples: NDArray[np.float64], rate: int) -> NDArray[np.float64]:
    if rate == RATE:
        return samples
    spectrum = np.fft.rfft(samples)
    length = round(len(samples) * RATE / rate)
    return np.fft.irfft(spectrum[: length // 2 + 1], n=length) * (length / len(samples))


def wav(samples: Samples) -> bytes:
    """The samples as a WAV file."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.astype("<i2").tobytes())
    return buffer.getvalue()


def seconds(samples: Samples) -> float:
    return len(samples) / RATE


def _spoken_frames(samples: Samples) -> NDArray[np.intp]:
    frames = samples[: len(samples) // _FRAME * _FRAME].reshape(-1, _FRAME).astype(np.float64)
    return np.flatnonzero(np.sqrt((frames**2).mean(axis=1)) > _SPEECH_LEVEL)


def has_speech(samples: Samples) -> bool:
    return len(_spoken_frames(samples)) > 0


def until_pause(samples: Samples, pause: float) -> Samples:
    """What a recording keeps that `pause` seconds of silence end (0: silence never does)."""
    if not pause:
        return samples
    ends = [*_spoken_frames(samples), len(samples) // _FRAME]
    last = 0
    for frame in ends:
        if (frame - last) * _FRAME / RATE > pause:
            return samples[: last * _FRAME + int(pause * RATE)]
        last = int(frame)
    return samples


def trimmed(samples: Samples) -> Samples:
    """Without the silence at both ends (all of it, when nobody spoke)."""
    frames = _spoken_frames(samples)
    if not len(frames):
        return samples[:0]
    return samples[int(frames[0]) * _FRAME : (int(frames[-1]) + 1) * _FRAME]


def joined(*parts: Samples) -> Samples:
    return np.concatenate(parts)
