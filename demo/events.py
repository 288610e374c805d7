"""What can be seen and heard on a simulated line: the raw material of the screen and of the tests.

`at` is in seconds of the call's own, simulated time; 0 is the moment the hotline answered.
"""

from dataclasses import dataclass
from typing import Literal

Who = Literal["caller", "hotline", "provider"]


@dataclass(frozen=True)
class Event:
    call: str
    at: float


@dataclass(frozen=True)
class Rings(Event):
    caller: str
    number: str


@dataclass(frozen=True)
class Hears(Event):
    """A prompt reached the caller's ear; `cut` when a key was pressed over it (barge-in)."""

    text: str
    language: str
    audio: str | None = None
    cut: bool = False


@dataclass(frozen=True)
class HearsBeep(Event):
    pass


@dataclass(frozen=True)
class Presses(Event):
    keys: str


@dataclass(frozen=True)
class Says(Event):
    words: str
    seconds: float


@dataclass(frozen=True)
class StaysSilent(Event):
    seconds: float


@dataclass(frozen=True)
class Recorded(Event):
    """The provider's account of one Record verb."""

    recording: str
    seconds: int
    outcome: str  # completed, absent or failed


@dataclass(frozen=True)
class DialsDesk(Event):
    target: str
    outcome: str


@dataclass(frozen=True)
class Posts(Event):
    """One webhook went out; `status` 0 means that nobody answered."""

    url: str
    form: tuple[tuple[str, str], ...]
    status: int
    milliseconds: float
    body: bytes = b""


@dataclass(frozen=True)
class Trouble(Event):
    """What the provider would put in its debugger: a Twilio error number and words."""

    code: int
    url: str
    what: str


@dataclass(frozen=True)
class HangsUp(Event):
    who: Who


@dataclass(frozen=True)
class Ended(Event):
    status: str
