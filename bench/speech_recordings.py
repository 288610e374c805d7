"""Messages of 5 to 20 seconds to be heard: cut from the demonstration's calls, so no synthesiser and
no network is needed, and everybody has the same."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import soundfile  # type: ignore[import-untyped]
import yaml
from numpy.typing import NDArray

CALLS: Final = Path(__file__).resolve().parent.parent / "demo" / "calls"
RATE: Final = 8000
SHORTEST: Final = 5.0
LONGEST: Final = 20.0
APART: Final = 7.3  # seconds of tape between the beginnings of two messages


@dataclass(frozen=True)
class Recording:
    """A message: WAV bytes of so many seconds; `says`: what is said in it, where that is known."""

    data: bytes
    seconds: float
    says: str = ""


def messages(count: int) -> list[Recording]:
    """So many messages, from the shortest to the longest, each from another place of the tape."""
    tape = np.concatenate([_samples(CALLS / call["file"]) for call in _spoken()])
    return [
        _message(np.roll(tape, -int(number * APART * RATE)), seconds)
        for number, seconds in enumerate(np.linspace(SHORTEST, LONGEST, count).tolist())
    ]


def calls() -> list[Recording]:
    """The demonstration's calls, and what is said in them."""
    return [_call(call["file"], call["says"]) for call in _spoken()]


def _spoken() -> list[dict[str, str]]:
    listed = yaml.safe_load((CALLS / "calls.yaml").read_text(encoding="utf-8"))
    return [call for call in listed if call["says"]]


def _call(file: str, says: str) -> Recording:
    data = (CALLS / file).read_bytes()
    return Recording(data, soundfile.info(io.BytesIO(data)).duration, says)


def _samples(file: Path) -> NDArray[np.float32]:
    samples, rate = soundfile.read(file, dtype="float32")
    assert rate == RATE, f"{file}: {rate} samples a second"
    return np.asarray(samples, dtype=np.float32)


def _message(tape: NDArray[np.float32], seconds: float) -> Recording:
    file = io.BytesIO()
    soundfile.write(file, tape[: int(seconds * RATE)], RATE, "PCM_16", format="WAV")
    return Recording(file.getvalue(), seconds)
