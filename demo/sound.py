"""What comes down a telephone line, as a provider records it: 8 kHz, mono, PCM or mu-law."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

RATE = 8000
_FRAME = RATE // 50
_SPEECH_LEVEL = 200.0  # root mean square of a 20 ms frame above which somebody is speaking

_PCM, _MU_LAW = 1, 7

Samples = NDArray[np.int16]
Encoding = Literal["pcm16", "mulaw"]


def silence(seconds: float) -> Samples:
    """`seconds` of a quiet line (a little noise: a real line is never digital zero)."""
    noise = np.random.default_rng(1823).normal(0, 3, int(seconds * RATE))
    return noise.astype(np.int16)


def read(path: Path) -> Samples:
    """A WAV file (16-bit PCM or mu-law) as the line carries it. Raises ValueError for others."""
    try:
        return decoded(path.read_bytes())
    except ValueError as problem:
        raise ValueError(f"{path}: {problem}") from problem


def decoded(content: bytes) -> Samples:
    """The bytes of a WAV file as the line carries them. Raises ValueError for other than 16-bit PCM
    or mu-law."""
    chunks = dict(_chunks(content))
    kind, channels, rate = struct.unpack_from("<HHI", chunks[b"fmt "])
    (bits,) = struct.unpack_from("<H", chunks[b"fmt "], 14)
    if (kind, bits) not in ((_PCM, 16), (_MU_LAW, 8)):
        raise ValueError("want 16-bit PCM or mu-law")
    data = chunks[b"data"]
    samples = np.frombuffer(data, "<i2") if kind == _PCM else _from_mu_law(data)
    mono = samples.reshape(-1, channels).mean(axis=1)
    return _at_line_rate(mono, rate).astype(np.int16)


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of each chunk of a RIFF file."""
    at = 12
    while at + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, at)
        yield name, content[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _at_line_rate(samples: NDArray[np.float64], rate: int) -> NDArray[np.float64]:
    if rate == RATE:
        return samples
    spectrum = np.fft.rfft(samples)
    length = round(len(samples) * RATE / rate)
    return np.fft.irfft(spectrum[: length // 2 + 1], n=length) * (length / len(samples))


def wav(samples: Samples, encoding: Encoding = "pcm16") -> bytes:
    """The samples as a WAV file."""
    if encoding == "mulaw":
        kind, width, data = _MU_LAW, 1, _to_mu_law(samples)
    else:
        kind, width, data = _PCM, 2, samples.astype("<i2").tobytes()
    form = struct.pack("<HHIIHH", kind, 1, RATE, RATE * width, width, 8 * width)
    body = b"WAVE" + _chunk(b"fmt ", form) + _chunk(b"data", data)
    return _chunk(b"RIFF", body)


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _to_mu_law(samples: Samples) -> bytes:
    """Source: ITU-T G.711, mu-law; 13 bits of loudness become 8."""
    level = np.minimum(np.abs(samples.astype(np.int32)), 32635) + 132
    exponent = np.floor(np.log2(level)).astype(np.int32) - 7
    mantissa = (level >> (exponent + 3)) & 15
    sign = np.where(samples < 0, 128, 0)
    codes = ~(sign | (exponent << 4) | mantissa) & 255
    return bytes(codes.astype(np.uint8))


def _from_mu_law(data: bytes) -> Samples:
    codes = ~np.frombuffer(data, np.uint8).astype(np.int32) & 255
    level = (((codes & 15) << 3) + 132 << ((codes >> 4) & 7)) - 132
    return np.where(codes & 128, -level, level).astype(np.int16)


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
