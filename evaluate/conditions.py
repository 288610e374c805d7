"""Worse copies of a recording: a narrow line, its code, lost packets, noise; always the same ones.

A condition is a row of steps joined by `+`, done in order: `noise10+ulaw+loss3` is noise 10 dB
below the speech, on a telephone line, of which 3 % of the packets never arrive. The dice are thrown
by the recording and the condition, so that every engine hears the same copy.
"""

import hashlib
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import soundfile  # type: ignore[import-untyped]
import soxr  # type: ignore[import-untyped]

from transcription import audio
from transcription.audio import SAMPLE_RATE, Samples

TELEPHONE_RATE: Final = 8000
BAND: Final = (300.0, 3400.0)  # Hz
MU: Final = 255.0  # ITU-T G.711
PACKET: Final = TELEPHONE_RATE // 50  # 20 ms
FADE: Final = 0.7  # a lost packet is filled with the last one, fainter each time
FRAME: Final = SAMPLE_RATE // 50
SPEECH_RANGE: Final = 1e-3  # frames 30 dB below the loudest do not count as speech
NOMINAL: Final = 10 ** (-26 / 20)  # the level of speech, -26 dBov, where nobody speaks (ITU-T P.56)
STEP: Final = re.compile(r"(clean|telephone|ulaw|loss|fill|noise|white|pink|babble)(\d*)")
NUMBERED: Final = frozenset({"loss", "fill", "noise", "white", "pink", "babble"})


class UnknownCondition(ValueError):
    """There is no such way to make a recording worse."""


@dataclass(frozen=True)
class Line:
    """What a step works with: the dice, and other people's recordings for babble."""

    random: np.random.Generator
    others: Sequence[bytes] = ()


def check(condition: str) -> str:
    """`condition`, if there is such a one. Raises UnknownCondition."""
    for step in condition.split("+"):
        found = STEP.fullmatch(step)
        if found is None or bool(found[2]) != (found[1] in NUMBERED):
            raise UnknownCondition(
                f"{step!r} in {condition!r} is not one of clean, telephone, ulaw, loss3 (percent), "
                "fill3 (percent, filled), noise10, white10, pink10, babble10 (dB)"
            )
    return condition


def wants_others(condition: str) -> bool:
    """Does it mix other recordings into one?"""
    return "babble" in condition


def degraded(data: bytes, condition: str, others: Sequence[bytes] = ()) -> bytes:
    """The recording `data` under `condition`, as a WAV file of 16 kHz; untouched where it is clean.

    Raises NotAudio.
    """
    if condition == "clean":
        return data
    seed = hashlib.sha256(condition.encode() + data).digest()
    line = Line(np.random.default_rng(list(seed)), others)
    samples = audio.read(data).samples
    for step in condition.split("+"):
        found = STEP.fullmatch(step)
        assert found is not None, "conditions are checked before anybody listens"
        samples = STEPS[found[1]](samples, float(found[2] or 0), line)
    return _wav(samples)


def _clean(samples: Samples, _: float, __: Line) -> Samples:
    return samples


def _telephone(samples: Samples, _: float, __: Line) -> Samples:
    """Only what a telephone line lets through."""
    spectrum = np.fft.rfft(samples)
    frequency = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE)
    spectrum[(frequency < BAND[0]) | (frequency > BAND[1])] = 0
    return np.fft.irfft(spectrum, len(samples)).astype(np.float32)


def _ulaw(samples: Samples, _: float, line: Line) -> Samples:
    """A telephone line with 8 bits a sample."""
    narrow = _narrow(_telephone(samples, 0, line))
    code = np.sign(narrow) * np.log1p(MU * np.abs(narrow)) / np.log1p(MU)
    coarse = np.round(code * 127) / 127
    return _wide(np.sign(coarse) * np.expm1(np.abs(coarse) * np.log1p(MU)) / MU)


def _loss(samples: Samples, percent: float, line: Line) -> Samples:
    """Silence in place of so many packets of 20 ms."""
    return _without_packets(samples, percent, line, 0.0)


def _fill(samples: Samples, percent: float, line: Line) -> Samples:
    """Lost packets filled with the last that came, as telephones do."""
    return _without_packets(samples, percent, line, FADE)


def _without_packets(samples: Samples, percent: float, line: Line, fade: float) -> Samples:
    narrow = _narrow(samples)
    for start in range(0, len(narrow), PACKET):
        if line.random.random() < percent / 100:
            lost = narrow[start : start + PACKET]
            lost[:] = fade * narrow[start - PACKET : start][: len(lost)] if start else 0.0
    return _wide(narrow)


def _white(samples: Samples, snr: float, line: Line) -> Samples:
    return _mixed(samples, line.random.standard_normal(len(samples)), snr)


def _pink(samples: Samples, snr: float, line: Line) -> Samples:
    """Noise with the same power in every octave, level below 50 Hz."""
    spectrum = np.fft.rfft(line.random.standard_normal(len(samples)))
    frequency = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE)
    return _mixed(samples, np.fft.irfft(spectrum / np.sqrt(np.maximum(frequency, 50.0))), snr)


def _babble(samples: Samples, snr: float, line: Line) -> Samples:
    """Other people of the set, all talking at once."""
    voices = [np.resize(audio.read(data).samples, len(samples)) for data in line.others]
    even = [voice / (_level(voice) or 1.0) for voice in voices]
    return _mixed(samples, np.sum(even, axis=0) if even else np.zeros(len(samples)), snr)


STEPS: Final = {
    **{"clean": _clean, "telephone": _telephone, "ulaw": _ulaw, "loss": _loss, "fill": _fill},
    **{"noise": _pink, "white": _white, "pink": _pink, "babble": _babble},
}


def _mixed(samples: Samples, noise: np.ndarray, snr: float) -> Samples:
    """With noise `snr` dB below the speech; turned down where it would be clipped."""
    noise = np.resize(noise, len(samples))
    power = float(np.sqrt(np.mean(noise**2))) or 1.0
    both = samples + noise * ((_level(samples) or NOMINAL) / power / 10 ** (snr / 20))
    return (both / max(1.0, float(np.abs(both).max(initial=0.0)))).astype(np.float32)


def _level(samples: Samples) -> float:
    """Root mean square of the spoken part; 0 where nobody speaks (nothing above -50 dB)."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    power = np.mean(frames**2, axis=1) if len(frames) else np.zeros(1)
    loudest = float(power.max())
    spoken = power[power > loudest * SPEECH_RANGE]
    return float(np.sqrt(spoken.mean())) if loudest > 1e-5 else 0.0


def _narrow(samples: Samples) -> Samples:
    return np.array(soxr.resample(samples, SAMPLE_RATE, TELEPHONE_RATE), dtype=np.float32)


def _wide(samples: Samples) -> Samples:
    return np.asarray(soxr.resample(samples, TELEPHONE_RATE, SAMPLE_RATE), dtype=np.float32)


def _wav(samples: Samples) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.clip(samples, -1, 1), SAMPLE_RATE, format="WAV", subtype="PCM_16")
    return file.getvalue()
