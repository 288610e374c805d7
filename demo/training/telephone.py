"""What a telephone line does to speech: a narrow band, noise, 8-bit mu-law, and 8 kHz.

Sources: ITU-T G.711 (mu-law, mu = 255); the band 280 to 3450 Hz is a little wider than the classic
300 to 3400 Hz.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RATE = 8000
MU = 255.0
NOISES = ("white", "pink", "brown", "hum")
BLOCK = 2048
"""Spectra are taken over a multiple of this many samples: odd lengths are slow to transform."""


@dataclass(frozen=True)
class Line:
    """One telephone line.

    low, high: the band's edges in Hz. level: peak of the speech in dB below full scale (negative).
    snr: speech to noise in dB, over the spoken part. noise: one of NOISES.
    """

    low: float = 280.0
    high: float = 3450.0
    level: float = -6.0
    snr: float = 35.0
    noise: str = "pink"


def even(count: int) -> int:
    """The next multiple of BLOCK."""
    return -(-count // BLOCK) * BLOCK


def band(samples: np.ndarray, low: float, high: float) -> np.ndarray:
    """Samples with what lies outside low..high Hz faded out over about 80 Hz."""
    count = even(len(samples))
    spectrum = np.fft.rfft(samples, count)
    frequency = np.fft.rfftfreq(count, 1 / RATE).astype(np.float32)
    rise = 1 / (1 + np.exp(-(frequency - low) / 20))
    fall = 1 / (1 + np.exp((frequency - high) / 20))
    return np.fft.irfft(spectrum * rise * fall, count)[: len(samples)]


def noise(kind: str, count: int, random: np.random.Generator) -> np.ndarray:
    """`count` samples of noise with a root mean square of 1; float32."""
    white = random.standard_normal(even(count), dtype=np.float32)
    if kind == "hum":
        time = np.arange(RATE, dtype=np.float32) / RATE
        tones = [
            random.uniform(0.1, 1) * np.sin(2 * np.pi * (50 * k * time + random.random()))
            for k in range(2, 12)
        ]
        sound = np.resize(np.sum(tones, axis=0), len(white)) + 0.3 * white
    elif kind == "white":
        sound = white
    else:
        slope = {"pink": 0.5, "brown": 1.0}[kind]
        frequency = np.fft.rfftfreq(len(white), 1 / RATE).astype(np.float32)
        sound = np.fft.irfft(np.fft.rfft(white) / np.maximum(frequency, 50.0) ** slope, len(white))
    return (sound / max(float(np.sqrt(np.mean(sound**2))), 1e-9))[:count]


def mu_law(samples: np.ndarray) -> np.ndarray:
    """Samples in -1..1 as they come back from 8-bit mu-law."""
    clipped = np.clip(samples, -1, 1)
    code = np.sign(clipped) * np.log1p(MU * np.abs(clipped)) / np.log1p(MU)
    coarse = np.round(code * 127) / 127
    return np.sign(coarse) * np.expm1(np.abs(coarse) * np.log1p(MU)) / MU


def deliver(speech: np.ndarray, line: Line, random: np.random.Generator) -> np.ndarray:
    """Speech (8 kHz, peak about 0.9) as the far end of `line` hears it; float32 in -1..1.

    Where `speech` is silent throughout, the line's noise alone is heard, as loud as it would be
    under speech of `level`.
    """
    loud = np.abs(speech) > 0.01
    power = float(np.mean(speech[loud] ** 2)) if loud.any() else 0.04
    hiss = noise(line.noise, len(speech), random) * np.sqrt(power / 10 ** (line.snr / 10))
    heard = band(speech + hiss, line.low, line.high) * 10 ** (line.level / 20)
    return mu_law(heard.astype(np.float32)).astype(np.float32)


def random_line(random: np.random.Generator) -> Line:
    """A line as varied as training needs: 5 to 45 dB of speech over noise, loud or faint."""
    return Line(
        low=random.uniform(200, 330),
        high=random.uniform(3200, 3600),
        level=random.uniform(-25, 0),
        snr=random.uniform(5, 45),
        noise=str(random.choice(NOISES)),
    )


def to_whisper_rate(samples: np.ndarray) -> np.ndarray:
    """8 kHz samples at 16 kHz, the band above 4 kHz left empty; float32."""
    count = even(len(samples))
    spectrum = np.zeros(count + 1, dtype=np.complex64)
    spectrum[: count // 2 + 1] = np.fft.rfft(samples.astype(np.float32), count)
    return (np.fft.irfft(spectrum, 2 * count) * 2)[: 2 * len(samples)].astype(np.float32)


def key_tone(random: np.random.Generator, count: int) -> np.ndarray:
    """A key's two tones, or one beep, now and then in `count` samples of silence."""
    sound = np.zeros(count)
    for _ in range(random.integers(1, 4)):
        length = min(int(random.uniform(0.08, 0.6) * RATE), count)
        start = random.integers(0, count - length + 1)
        time = np.arange(length) / RATE
        tones = random.choice([350, 440, 697, 770, 852, 941, 1000, 1209, 1336, 1477], 2)
        sound[start : start + length] += sum(0.3 * np.sin(2 * np.pi * f * time) for f in tones)
    return np.clip(sound, -0.9, 0.9)
