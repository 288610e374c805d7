"""The scripted caller: a list of acts, each used up at a point where the hotline listens.

A caller speaks only after a beep: at a keypad question the next `speak` is kept for later and the
caller stays silent.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .delivery import GOOD_DAY, Delivery

Outcome = Literal["answered", "no-answer", "busy", "failed"]


@dataclass(frozen=True)
class Speak:
    """Says what is in a WAV file; may press a key afterwards, or hang up some seconds into it."""

    wav: Path
    says: str = ""
    then: str = ""
    hang_up_after: float | None = None


@dataclass(frozen=True)
class Press:
    """Presses keys, `after` seconds into a recording; over the prompt when `barge_in`.

    With `at_beep` the caller waits for a beep first, and does nothing at a keypad question.
    """

    keys: str
    after: float = 1.0
    barge_in: bool = False
    at_beep: bool = False


@dataclass(frozen=True)
class StaySilent:
    """Does nothing. `really`: at the keypad in real time as well, prompt included, so that workers get
    on meanwhile."""

    really: bool = False


@dataclass(frozen=True)
class WaitFor:
    """Stays silent at the keypad, in real time, until a prompt has these words in it."""

    words: str


@dataclass(frozen=True)
class HangUp:
    """Puts the phone down `after` seconds of silence, `at_beep` not before a beep."""

    after: float = 1.0
    at_beep: bool = False


@dataclass(frozen=True)
class Pickup:
    """What happens when somebody is rung: a person or a machine picks up, or nobody does.

    `by`: what the provider makes of who answered (`human`, `machine_start`, `fax`, `unknown`).
    """

    acts: tuple["Act", ...] = ()
    outcome: Outcome = "answered"
    by: str = "human"
    delivery: Delivery = GOOD_DAY


Act = Speak | Press | StaySilent | HangUp | WaitFor


def speak(wav: Path | str, says: str = "", then: str = "") -> Speak:
    return Speak(Path(wav), says, then)


def speak_and_hang_up(wav: Path | str, after: float = math.inf, says: str = "") -> Speak:
    """Hangs up `after` seconds, or at the end of a recording that ends in mid-sentence."""
    return Speak(Path(wav), says, hang_up_after=after)


def picks_up(*acts: Act, by: str = "human", delivery: Delivery = GOOD_DAY) -> Pickup:
    """Answers the telephone and does as scripted."""
    return Pickup(acts, by=by, delivery=delivery)


def does_not_answer(outcome: Outcome = "no-answer") -> Pickup:
    return Pickup(outcome=outcome)


def machine() -> Pickup:
    """An answering machine, which says nothing that we would understand."""
    return Pickup(by="machine_start")


def press(keys: str, after: float = 1.0, barge_in: bool = False, at_beep: bool = False) -> Press:
    return Press(keys, after, barge_in, at_beep)


def stay_silent() -> StaySilent:
    return StaySilent()


def wait_for(words: str) -> WaitFor:
    return WaitFor(words)


def hang_up(after: float = 1.0, at_beep: bool = False) -> HangUp:
    return HangUp(after, at_beep)


class Script:
    """The acts of one caller; when they are used up the caller stays silent."""

    def __init__(self, acts: Iterable[Act]) -> None:
        self._acts = list(acts)

    def at_keypad(self, prompt: str = "") -> Press | StaySilent | HangUp:
        act = self._acts[0] if self._acts else StaySilent()
        if isinstance(act, WaitFor):
            if act.words not in prompt:
                return StaySilent(really=True)
            self._next()
            return self.at_keypad(prompt)
        if isinstance(act, Speak) or (isinstance(act, Press | HangUp) and act.at_beep):
            return StaySilent()
        self._next()
        return act

    def after_beep(self) -> Act:
        if self._acts and isinstance(self._acts[0], WaitFor):
            return StaySilent()
        return self._next()

    def _next(self) -> Act:
        return self._acts.pop(0) if self._acts else StaySilent()

    @property
    def left(self) -> tuple[Act, ...]:
        return tuple(self._acts)
