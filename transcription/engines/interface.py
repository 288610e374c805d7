"""What every speech engine can do: clips in, one result per clip out, in order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from transcription.audio import Samples

Parts = tuple[tuple[float, float], ...]

# The probability of a word of which an engine tells none: as likely right as wrong.
UNTOLD: Final = 0.5


class ModelUnavailable(Exception):
    """There is no model to listen with. The message is one line: what is wrong and what to do."""

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(f"no speech model: {reason}; {advice}")
        self.reason = reason
        self.advice = advice


@dataclass(frozen=True)
class Clip:
    """Up to 30 s of one caller's speech.

    `samples`: mono, 16 kHz, -1 to 1. `prior`: how likely each of the city's languages was before
    anybody listened (`yue`, `cmn`, `en`; empty: no idea). `prompt`: words to expect, never another
    caller's. `parts`: where in the clip somebody speaks without a long pause, from..to in seconds,
    in order; each may be in a language of its own.
    """

    samples: Samples
    prior: Mapping[str, float] = field(default_factory=dict)
    prompt: str | None = None
    parts: Parts = ()


@dataclass(frozen=True)
class Word:
    """A word of a clip, in Chinese a character. `start`, `end`: seconds of the clip;
    `probability`: 0 to 1, the model's own, of its least likely token."""

    start: float
    end: float
    text: str
    probability: float


@dataclass(frozen=True)
class Line:
    """Words of a clip; `start` and `end` in seconds from the beginning of the clip. `words`: empty
    where an engine cannot tell them apart; together they are the text."""

    start: float
    end: float
    text: str
    words: tuple[Word, ...] = ()


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
class Mixed:
    """The clip was not decoded, because its parts are in different languages: hear them apart.

    `parts`: the probability of each of the city's languages, one mapping per part of the clip.
    """

    parts: tuple[Mapping[str, float], ...]


@dataclass(frozen=True)
class Unheard:
    """The engine failed on this clip and on no other; `reason` is for the log."""

    reason: str


Result = Hypothesis | Mixed | Unheard


class Engine(Protocol):
    """A loaded model. `name` and `model` go on record with every transcript.

    `batch`: how many clips it likes to be given at a time. `seconds_per_clip`: what a usual clip of
    10 s takes this process, in seconds of the clock, measured in a moment when it was loaded; None
    where that lies with somebody else.
    """

    name: str
    model: str
    batch: int
    seconds_per_clip: float | None

    def hear(self, clips: Sequence[Clip]) -> list[Result]:
        """One result per clip, in the order of the clips."""
        ...
