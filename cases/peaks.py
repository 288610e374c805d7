"""The outline of a recording's sound: how loud it is from beginning to end, in at most 2,000 numbers.

A page draws it, so that no browser has to fetch and decode the whole sound for a picture. Whoever
decodes a recording anyhow writes it down beside it; for the usual WAV files it is also quickly made.
"""

import json
import struct
import sys
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

MOST: Final = 2_000
LOUDEST: Final = 255
# Of a stretch that becomes one number as many samples are looked at, evenly taken.
LOOKED_AT: Final = 800
PCM, A_LAW, MU_LAW = 1, 6, 7


@dataclass(frozen=True)
class Peaks:
    """`seconds`: how long the sound is; `levels`: 0 to 255, the largest swing of each stretch of it, all
    of one length."""

    seconds: float
    levels: tuple[int, ...]

    def as_json(self) -> bytes:
        told = {"seconds": round(self.seconds, 3), "levels": self.levels}
        return json.dumps(told, separators=(",", ":")).encode()


def key_of(storage_key: str) -> str:
    """Where the outline of a recording lies: beside its sound."""
    return f"{storage_key}.peaks.json"


def of_levels(levels: Sequence[int], seconds: float) -> Peaks:
    """Of any number of levels the outline, the loudest of each stretch."""
    count = min(MOST, len(levels))
    edges = [i * len(levels) // count for i in range(count + 1)] if count else []
    return Peaks(seconds, tuple(max(levels[a:b]) for a, b in pairwise(edges)))


def of_wav(data: bytes) -> Peaks | None:
    """The outline of a WAV in PCM of 8 or 16 bits, A-law or mu-law; None for anything else."""
    form, body = _chunks(data)
    if len(form) < 16 or not body:
        return None
    coding, channels, rate, _, _, bits = struct.unpack("<HHIIHH", form[:16])
    level = _LEVELS.get((coding, bits))
    if level is None or not channels or not rate:
        return None
    frame = channels * bits // 8
    frames = len(body) // frame
    count = min(MOST, frames)
    edges = [i * frames // count for i in range(count + 1)] if count else []
    levels = tuple(level(body[a * frame : b * frame]) for a, b in pairwise(edges))
    return Peaks(frames / rate, levels)


def _chunks(data: bytes) -> tuple[bytes, bytes]:
    """What a WAV says of its form, and its sound, as far as it goes."""
    form, at = b"", 12
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        return b"", b""
    while at + 8 <= len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if name == b"fmt ":
            form = data[at + 8 : at + 8 + size]
        elif name == b"data":
            # A length of 0 or of everything is what a writer says who did not know it yet.
            return form, data[at + 8 : at + 8 + size] if size else data[at + 8 :]
        at += 8 + size + size % 2
    return form, b""


def _of_16_bits(part: bytes) -> int:
    samples = array("h", part)
    if sys.byteorder == "big":
        samples.byteswap()
    looked_at = samples[:: max(1, len(samples) // LOOKED_AT)]
    return min(LOUDEST, max(max(looked_at), -min(looked_at)) >> 7)


def _of_8_bits(part: bytes) -> int:
    looked_at = part[:: max(1, len(part) // LOOKED_AT)]
    return min(LOUDEST, 2 * max(max(looked_at) - 128, 128 - min(looked_at)))


def _of_law(table: bytes) -> Callable[[bytes], int]:
    return lambda part: max(part[:: max(1, len(part) // LOOKED_AT)].translate(table))


def _mu_law(byte: int) -> int:
    exponent, mantissa = (~byte & 0x70) >> 4, ~byte & 0x0F
    return (((mantissa << 3) + 0x84 << exponent) - 0x84) >> 7


def _a_law(byte: int) -> int:
    byte ^= 0x55
    exponent, mantissa = (byte & 0x70) >> 4, (byte & 0x0F) << 4
    return ((mantissa + 0x108 << exponent - 1) if exponent else mantissa + 8) >> 7


_LEVELS: Final[dict[tuple[int, int], Callable[[bytes], int]]] = {
    (PCM, 16): _of_16_bits,
    (PCM, 8): _of_8_bits,
    (MU_LAW, 8): _of_law(bytes(map(_mu_law, range(256)))),
    (A_LAW, 8): _of_law(bytes(map(_a_law, range(256)))),
}
