"""What we ask of the telephone: a closed list, small enough for every TwiML-like provider."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Prompt:
    """One thing the caller hears.

    text: placeholders filled, plain (still to be escaped for XML).
    audio: path below the city's `prompts/audio` folder, or None: then the text is spoken.
    """

    key: str
    language: str
    text: str
    audio: str | None = None


@dataclass(frozen=True)
class Speak:
    """Play the prompts; keys pressed meanwhile are lost."""

    prompts: tuple[Prompt, ...]


@dataclass(frozen=True)
class Listen:
    """Play the prompts and take keys from the first moment on (a key cuts the prompts short).

    keys: the keys that mean something here; others may arrive all the same.
    count: how many keys at most, None for any number.
    finish_key: ends the entry and is not delivered.
    timeout: seconds to wait for a (further) key once the prompts are over.
    Nothing pressed, or the finish key first: the telephone goes on to the next instruction.
    """

    prompts: tuple[Prompt, ...]
    keys: str
    count: int | None
    finish_key: str
    timeout: int


@dataclass(frozen=True)
class Record:
    """Record the caller.

    max_seconds: its longest length. silence_seconds: so much silence ends it.
    finish_keys: each of these keys ends it. beep: sound a beep first.
    """

    max_seconds: int
    silence_seconds: int
    finish_keys: str
    beep: bool = True


@dataclass(frozen=True)
class Dial:
    """Connect the caller to the agents' desk (the edge knows where), ringing `timeout` seconds."""

    timeout: int


@dataclass(frozen=True)
class SilenceFollows:
    """Whoever gets here heard everything and did nothing: come back and report `Silence`."""


@dataclass(frozen=True)
class HangUp:
    """End the call."""


Instruction = Speak | Listen | Record | Dial | SilenceFollows | HangUp
