"""What happened to the caller since we last spoke. The engine hears nothing but these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

DialOutcome = Literal["answered", "busy", "no-answer", "failed"]
Values = Mapping[str, str | Mapping[str, str]]
"""What an answer tells, by name: a text for everybody, or a text per language."""


@dataclass(frozen=True)
class Ringing:
    """A call arrives."""


@dataclass(frozen=True)
class Digits:
    """Keys were pressed while we listened. The finishing `#` is never among them; `*` may be."""

    keys: str


@dataclass(frozen=True)
class Silence:
    """We listened, or recorded, and nothing came."""


@dataclass(frozen=True)
class Recorded:
    """The caller left a recording.

    seconds: its length, None where the provider does not say.
    key: the key that ended it (`#`, `0`, `*`); None if silence, the limit or a hang-up ended it.
    hung_up: the caller put the phone down to end it.
    """

    seconds: float | None = None
    key: str | None = None
    hung_up: bool = False


@dataclass(frozen=True)
class DialEnded:
    """The call to the agents' desk is over; "answered" means that somebody spoke."""

    outcome: DialOutcome


@dataclass(frozen=True)
class HungUp:
    """The caller put the phone down. Never an error."""


@dataclass(frozen=True)
class Answer:
    """The edge's reply to a `Question`. Outcomes and values: `callflows.flow.QUESTIONS`.

    language: the caller's, where the answer tells it; one chosen on the keypad stays.
    """

    outcome: str
    values: Values = field(default_factory=dict)
    language: str | None = None


Event = Ringing | Digits | Silence | Recorded | DialEnded | HungUp | Answer
