"""Chinese text as it is searched: both scripts alike, and in pairs of characters, for nothing stands between
words that would tell where one ends.

A *run* is a stretch of characters of one kind. Chinese and digits are cut into pairs, each run's last
character once more by itself: so whatever stands within a run is found exactly, and a single character
as the beginning of a pair. Letters of other scripts stay whole words, found by their beginning.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from cases.script import fold

# Characters that stand side by side without a space: Chinese, kana, bopomofo, hangul, and the private ones
# in which older systems wrote Cantonese.
_WIDE: Final = (
    "\u3005\u3007\u3021-\u3029\u3031-\u3035\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff"
    "\u3105-\u312f\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\ue000-\ufaff\U00020000-\U0003ffff"
)
_RUNS: Final = re.compile(rf"(?P<wide>[{_WIDE}]+)|(?P<digits>[0-9]+)|(?P<word>[^\W_0-9{_WIDE}]+)")
_WORDS: Final = re.compile(rf"(?:[^\W_]|[{_WIDE}])+")
# What stands between two runs is nothing to a search.
_BETWEEN: Final = rf"(?:[^\w{_WIDE}]|_)*"
# Longer words of letters are no words; what is asked for is cut as short.
LONGEST: Final = 64
# Written one way here and another there, where OpenCC lets both stand.
_ALIKE: Final = {"著": "着", "瞭": "了", "藉": "借", "覆": "复", "甚": "什"}


@dataclass(frozen=True)
class Phrase:
    """What must stand together: these tokens one after the other, the last one only begun with."""

    tokens: tuple[str, ...]
    open_end: bool


@dataclass(frozen=True)
class Piece:
    """A piece of a text that is shown; `hit`: it is what was asked for."""

    text: str
    hit: bool


def plain(text: str) -> str:
    """`text` as it is compared: wide letters narrow, capitals small, Traditional as Simplified."""
    return "".join(map(_plain, unicodedata.normalize("NFC", text)))


@cache
def _plain(char: str) -> str:
    """One character by itself: what follows never changes what was, so a part is found in the whole."""
    narrow = unicodedata.normalize("NFKC", char).casefold()
    return "".join(_ALIKE.get(one, one) for one in map(fold, narrow))


def tokens(text: str) -> list[str]:
    """Everything a text is found by, in order."""
    return [token for run in _runs(plain(text)) for token in _tokens(*run)]


def phrases(query: str) -> list[Phrase]:
    """What is asked for: all of these, each as it stands. What a space or a sign parts may stand apart."""
    return list(dict.fromkeys(map(_phrase, _WORDS.findall(plain(query)))))


def _phrase(word: str) -> Phrase:
    *before, (kind, last) = _runs(word)
    body = [token for run in before for token in _tokens(*run)]
    alone = kind == "word" or len(last) == 1
    end = [_cut(last)] if alone else _pairs(last)
    return Phrase((*body, *end), open_end=alone)


def _runs(text: str) -> Iterator[tuple[str, str]]:
    """Every run of a text that is `plain`, with its kind: `wide`, `digits` or `word`."""
    return ((str(run.lastgroup), run[0]) for run in _RUNS.finditer(text))


def _tokens(kind: str, run: str) -> list[str]:
    return [_cut(run)] if kind == "word" else [*_pairs(run), run[-1]]


def _pairs(run: str) -> list[str]:
    return [run[at : at + 2] for at in range(len(run) - 1)]


def _cut(word: str) -> str:
    return word[:LONGEST]


def pattern(query: str) -> re.Pattern[str] | None:
    """Finds, in a text that is `plain`, each thing that was asked for; None when nothing was."""
    words = dict.fromkeys(_WORDS.findall(plain(query)))
    return re.compile("|".join(map(_in_text, words))) if words else None


def _in_text(word: str) -> str:
    runs = list(_runs(word))
    begins = r"(?<![^\W_0-9" + _WIDE + "])" if runs[0][0] == "word" else ""
    return begins + _BETWEEN.join(re.escape(run) for _, run in runs)


def marked(text: str, query: str, around: int) -> list[Piece] | None:
    """The part of `text` where what was asked for first stands, so many characters before and after,
    with every hit in it marked; None when there is none."""
    wanted = pattern(query)
    text = unicodedata.normalize("NFC", text)
    folded = list(map(_plain, text))
    if wanted is None or not (found := list(wanted.finditer("".join(folded)))):
        return None
    # Where in the text each character of its plain form comes from.
    origin = [at for at, chars in enumerate(folded) for _ in chars]
    hits = [(origin[one.start()], origin[one.end() - 1] + 1) for one in found]
    begin, end = max(0, hits[0][0] - around), min(len(text), hits[0][1] + around)
    return list(_cut_up(text, hits, begin, end))


def _cut_up(text: str, hits: list[tuple[int, int]], begin: int, end: int) -> Iterator[Piece]:
    if begin:
        yield Piece("…", False)
    at = begin
    for start, stop in hits:
        if stop > end:
            break
        if start > at:
            yield Piece(text[at:start], False)
        yield Piece(text[max(at, start) : stop], True)
        at = stop
    if at < end:
        yield Piece(text[at:end], False)
    if end < len(text):
        yield Piece("…", False)
