"""What every speech engine can do: clips in, one result per clip out, in order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from transcription.audio import Samples

Progress = Callable[[float], None]


class ModelUnavailable(Exception):
    """There is no model to listen with. The message is one line: what is wrong and what to do."""

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(f"no speech model: {reason}; {advice}")
        self.reason = reason
        self.advice = advice


@dataclass(frozen=True)
class Clip:
    """Up to 30 s of one caller's speech. `samples`: mono, 16 kHz, -1 to 1; `hint`: the language
    to expect (`yue`, `cmn`, `en`); `prompt`: words to expect, never another caller's."""

    samples: Samples
    hint: str | None = None
    prompt: str | None = None


@dataclass(frozen=True)
class Line:
    """Words of a clip; `start` and `end` in seconds from the beginning of the clip."""

    start: float
    end: float
    text: str


@dataclass(frozen=True)
class Hypothesis:
    """What an engine believes was said in a clip.

    `language_probability`: 0 to 1 among the city's languages. `mean_log_probability`: per token,
    0 is certain. `no_speech_probability`: 0 to 1. `complete`: False when the model ran out of
    space before it came to an end. `heard_until`: seconds of the clip it accounts for.
    """

    language: str
    language_probability: float
    lines: tuple[Line, ...]
    mean_log_probability: float
    no_speech_probability: float
    complete: bool
    heard_until: float
    temperature: float = 0.0

    @property
    def text(self) -> str:
        return " ".join(line.text for line in self.lines)


@dataclass(frozen=True)
class Unheard:
    """The engine failed on this clip and on no other; `reason` is for the log."""

    reason: str


Result = Hypothesis | Unheard


class Engine(Protocol):
    """A loaded model. `name` and `model` go on record with every transcript."""

    name: str
    model: str

    def hear(self, clips: Sequence[Clip], progress: Progress | None = None) -> list[Result]:
        """One result per clip, in the order of the clips. `progress` is told 0 to 1."""
        ...
