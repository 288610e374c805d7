"""How long a prompt takes to say. An estimate, on the slow side, to keep the greeting short.

Measured with espeak-ng 1.51 at its default rate (175 words a minute) over every prompt of this
package: least squares on characters and pauses. `tests/flows/test_greeting.py` measures again.
Voices of telephone providers are faster, in Putonghua much so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """Seconds for each character (Han character, or Latin letter), digit, pause; and at the end."""

    character: float
    digit: float
    pause: float
    tail: float = 0.3


PACES: Mapping[str, Pace] = {
    "yue": Pace(character=0.21, digit=0.21, pause=0.21),
    "cmn": Pace(character=0.37, digit=0.37, pause=0.18),
    "en": Pace(character=0.063, digit=0.28, pause=0.29),
}
_CHARACTER = re.compile(r"[^\W\d_]")
_DIGIT = re.compile(r"\d")
_PAUSE = re.compile(r"[,.;:?!，。、；：？！]+(?=.)")


def seconds(text: str, language: str) -> float:
    """The estimated time a voice of that language needs for the text."""
    pace = PACES[language]
    return (
        pace.tail
        + pace.character * len(_CHARACTER.findall(text))
        + pace.digit * len(_DIGIT.findall(text))
        + pace.pause * len(_PAUSE.findall(text))
    )
