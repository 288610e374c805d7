"""What one speaker said, in one piece, and when: a number may begin in one line and end in another."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cases.transcripts import Segment, Word

# Half a character, where a model broke off in the middle of one.
BROKEN: Final = "\ufffd"


@dataclass(frozen=True)
class Spoken:
    """The lines of one speaker. `text`: one below the other; `words`: for each of its characters
    the word it belongs to, None between two lines; `lines`: which of the segments these were."""

    text: str
    words: tuple[Word | None, ...]
    lines: tuple[int, ...]

    def said(self, start: int, end: int) -> tuple[Word, ...]:
        """The words that characters `start` up to `end` belong to, in their order."""
        return tuple(dict.fromkeys(word for word in self.words[start:end] if word))

    def confidence(self, start: int, end: int) -> float:
        """The probability, 0 to 1, that every word of it is right.

        That is the product of the words' own: it is exact if mistakes are independent and too low
        if they come together, whereas the smallest of them would always be too high. A telephone
        number of eight digits at 0.97 each is wrong every fifth time, and that has to show.
        """
        return round(math.prod(word.confidence for word in self.said(start, end)), 3)


def joined(lines: Iterable[str]) -> str:
    """Lines as one text: a space between two, but none behind a Chinese full stop or comma."""
    return re.sub(r"(?<=[，。！？；：、]) ", "", " ".join(lines))


def by_speaker(segments: Sequence[Segment]) -> Iterator[Spoken]:
    """What each speaker (channel) said, in the order of the lines."""
    for channel in sorted({segment.channel for segment in segments}):
        lines = tuple(i for i, segment in enumerate(segments) if segment.channel == channel)
        yield _spoken([segments[i] for i in lines], lines)


def _spoken(segments: Iterable[Segment], lines: tuple[int, ...]) -> Spoken:
    text: list[str] = []
    words: list[Word | None] = []
    for segment in segments:
        line = re.sub(r"\s", " ", segment.text)
        text.append(line)
        words += [*_words(segment, line), None]
    return Spoken("\n".join(text), tuple(words[:-1]), lines)


def _words(segment: Segment, line: str) -> Iterator[Word]:
    """The word of each character of a line.

    Its words may be in another script and spacing than the line, but have as many characters. If
    not, we do not know which is which, and the whole line counts as one word.
    """
    owners = [word for word in segment.words for _ in _solid(word.text)]
    if len(owners) != len(_solid(line)):
        owners = [Word(segment.start, segment.end, line, segment.confidence)] * len(_solid(line))
    at = 0
    for char in line:
        yield owners[min(at, len(owners) - 1)]
        at += not char.isspace()


def _solid(text: str) -> str:
    return re.sub(rf"[\s{BROKEN}]", "", text)
