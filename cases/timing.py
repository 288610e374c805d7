"""When each character of a text is said, also after a person has changed the text.

A model's times belong to its words. Here they are dealt out to characters, and a corrected text takes
over the times of the characters that stayed; what is new is said between its neighbours.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import accumulate, groupby, pairwise
from typing import Final

from cases.places import comparable
from cases.spoken import BROKEN
from cases.transcripts import Segment, Word

# A person who changed a text has heard it.
SURE: Final = 1.0
# Five thousand characters of speech; beyond that only phrases that changed are searched, and what is
# the same character over and over not at all.
MOST_WORK: Final = 1_000_000
_PHRASE: Final = re.compile(r"[^，。！？；,.!?;\n]*[，。！？；,.!?;\n]|[^，。！？；,.!?;\n]+")
# What is marked and played as one: a word of letters or figures, else a single character, each with
# the marks that follow it and the blanks after that.
_UNIT: Final = re.compile(
    r"(?:[A-Za-z0-9\u00c0-\u024f]+(?:['’.-][A-Za-z0-9\u00c0-\u024f]+)*|.)[^\w\s]*\s*", re.DOTALL
)
_SOLID: Final = re.compile(rf"[^\s{BROKEN}]")


@dataclass(frozen=True)
class Timed:
    """One character. `start`, `end`: seconds of the recording; `confidence`: 0 to 1, a model's share
    for this character, so that the product over a word is the word's."""

    char: str
    start: float
    end: float
    confidence: float = SURE


@dataclass(frozen=True)
class Unit:
    """What a reader clicks to hear it: a character or a Latin word, with what follows up to the next."""

    text: str
    start: float
    end: float


def units(segment: Segment) -> tuple[Unit, ...]:
    """The text of a line in pieces, none left out, each with its seconds in the recording."""
    times = iter(timed(segment))
    at = segment.start
    found = []
    for piece in _pieces(segment.text):
        chars = [next(times) for char in piece if _SOLID.match(char)]
        start, end = (chars[0].start, chars[-1].end) if chars else (at, at)
        found.append(Unit(piece, start, end))
        at = end
    return tuple(found)


def when(segments: Sequence[Segment], said: str) -> tuple[float, float] | None:
    """From when until when these words are first said, in seconds; None if they are not in the text."""
    chars = [char for segment in segments for char in timed(segment)]
    text = comparable("".join(char.char for char in chars))
    wanted = comparable("".join(_SOLID.findall(said)))
    at = text.find(wanted) if wanted and len(text) == len(chars) else -1
    return None if at < 0 else (chars[at].start, chars[at + len(wanted) - 1].end)


def timed(segment: Segment) -> tuple[Timed, ...]:
    """The characters of a line, blanks left out, at times that never go back.

    Where the line's words are not those of its text, all its time is dealt out evenly.
    """
    solid = _SOLID.findall(segment.text)
    words = [word for word in segment.words if _SOLID.search(word.text)]
    if sum(len(_SOLID.findall(word.text)) for word in words) != len(solid):
        words = [Word(segment.start, segment.end, segment.text, segment.confidence)]
    chars = iter(solid)
    return tuple(_forward(_dealt(words, chars)))


def _dealt(words: Iterable[Word], chars: Iterator[str]) -> Iterator[Timed]:
    for word in words:
        count = len(_SOLID.findall(word.text))
        share = max(0.0, word.confidence) ** (1 / max(1, count))
        for start, end in pairwise(_evenly(word.start, word.end, count)):
            yield Timed(next(chars), start, end, share)


def _forward(chars: Iterable[Timed]) -> Iterator[Timed]:
    at = -math.inf
    for char in chars:
        start = max(char.start, at)
        at = max(char.end, start)
        yield replace(char, start=start, end=at)


def retimed(
    before: Sequence[Timed], lines: Sequence[str], seconds: float
) -> tuple[tuple[Timed, ...], ...]:
    """The characters of each of the new `lines`, with the times of those that stayed.

    before: the characters of the text as it was. What is new shares the time between the neighbours
    that stayed, or of what it stands in place of; `seconds` is the length of the recording, over
    which a text that nothing was known of is spread.
    """
    solid = [_SOLID.findall(line) for line in lines]
    whole = "".join(char for line in solid for char in line)
    found = iter(tuple(_forward(_aligned(before, whole, seconds))))
    return tuple(tuple(next(found) for _ in line) for line in solid)


def _aligned(before: Sequence[Timed], after: str, seconds: float) -> Iterator[Timed]:
    was = "".join(one.char for one in before)
    for kind, i1, i2, j1, j2 in _changes(comparable(was), comparable(after)):
        if kind == "equal":
            yield from (
                replace(one, char=char)
                for one, char in zip(before[i1:i2], after[j1:j2], strict=True)
            )
        else:
            yield from _spread(after[j1:j2], *_gap(before, i1, i2, seconds))


# What SequenceMatcher calls a change: what it is, and from where to where in both texts.
_Change = tuple[str, int, int, int, int]


def _changes(was: str, now: str) -> Iterator[_Change]:
    """From one text to the other, a character at a time."""
    # What is the same at both ends is most of the text, and need not be searched for.
    head = _same(was, now)
    tail = _same(was[head:][::-1], now[head:][::-1])
    i, j = len(was) - tail, len(now) - tail
    yield "equal", 0, head, 0, head
    yield from _moved(_middle(was[head:i], now[head:j]), head, head)
    yield "equal", i, len(was), j, len(now)


def _middle(was: str, now: str) -> Iterator[_Change]:
    if _work(was, now) <= MOST_WORK:
        yield from SequenceMatcher(None, was, now, autojunk=False).get_opcodes()
    else:
        yield from _by_phrases(was, now)


def _work(was: str, now: str) -> int:
    """How many pairs of equal characters there are to choose from."""
    counts = Counter(now)
    return sum(count * counts[char] for char, count in Counter(was).items())


def _by_phrases(was: str, now: str) -> Iterator[_Change]:
    """The same for a long text: only within phrases that changed is it looked at each character."""
    before, after = _PHRASE.findall(was), _PHRASE.findall(now)
    at, to = _edges(before), _edges(after)
    for kind, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        i1, i2, j1, j2 = at[a], at[b], to[c], to[d]
        old, new = was[i1:i2], now[j1:j2]
        if kind == "replace" and _work(old, new) <= MOST_WORK:
            yield from _moved(_middle(old, new), i1, j1)
        else:
            yield kind, i1, i2, j1, j2


def _edges(phrases: Iterable[str]) -> list[int]:
    return list(accumulate((len(phrase) for phrase in phrases), initial=0))


def _moved(changes: Iterable[_Change], i: int, j: int) -> Iterator[_Change]:
    return ((kind, a + i, b + i, c + j, d + j) for kind, a, b, c, d in changes)


def _same(one: str, other: str) -> int:
    """How many characters they begin with in common."""
    both = enumerate(zip(one, other, strict=False))
    return next((i for i, (a, b) in both if a != b), min(len(one), len(other)))


def _gap(before: Sequence[Timed], first: int, end: int, seconds: float) -> tuple[float, float]:
    """The seconds in which characters `first` up to `end` are said, or else what lies between them."""
    if first < end:
        return before[first].start, before[end - 1].end
    if not before:
        return 0.0, max(0.0, seconds)
    start = before[first - 1].end if first else before[0].start
    return start, before[first].start if first < len(before) else start


def _spread(chars: str, start: float, end: float) -> Iterator[Timed]:
    edges = _evenly(start, end, len(chars))
    for char, (at, until) in zip(chars, pairwise(edges), strict=True):
        yield Timed(char, at, until)


def _evenly(start: float, end: float, count: int) -> list[float]:
    """The `count` + 1 edges of parts of one length."""
    length = max(0.0, end - start) / max(1, count)
    return [*(start + i * length for i in range(count)), max(start, end)]


def segment(
    line: str, chars: Sequence[Timed], *, language: str, channel: int, at: float
) -> Segment:
    """A line of a corrected text, its words one to a unit. `at`: when it is said if nothing tells."""
    start, end = (chars[0].start, chars[-1].end) if chars else (at, at)
    words = tuple(_words(line, chars))
    sure = sum(one.confidence for one in chars) / len(chars) if chars else SURE
    return Segment(
        start=round(start, 3),
        end=round(end, 3),
        text=line,
        confidence=round(sure, 3),
        language=language,
        channel=channel,
        words=words,
    )


def _words(line: str, chars: Sequence[Timed]) -> Iterator[Word]:
    rest = iter(chars)
    for piece in _pieces(line):
        own = [next(rest) for char in piece if _SOLID.match(char)]
        if own:
            text = "".join(one.char for one in own)
            sure = math.prod(one.confidence for one in own)
            yield Word(round(own[0].start, 3), round(own[-1].end, 3), text, round(sure, 3))


def _pieces(text: str) -> list[str]:
    """The text cut into units; blanks before the first belong to it."""
    blank = len(text) - len(text.lstrip())
    found = _UNIT.findall(text[blank:])
    if found and blank:
        found[0] = text[:blank] + found[0]
    return found or ([text] if text else [])


@dataclass(frozen=True)
class Difference:
    """A stretch of two texts: `kind` is `same`, `del` (only in the first) or `ins` (only in the second)."""

    kind: str
    text: str


def differences(before: str, after: str) -> tuple[Difference, ...]:
    """What was taken out and what was put in, character by character."""
    found = []
    for kind, i1, i2, j1, j2 in _changes(before, after):
        if kind == "equal":
            found.append(Difference("same", after[j1:j2]))
        else:
            found += [Difference("del", before[i1:i2]), Difference("ins", after[j1:j2])]
    told = (one for one in found if one.text)
    return tuple(
        Difference(kind, "".join(one.text for one in group))
        for kind, group in groupby(told, key=lambda one: one.kind)
    )
