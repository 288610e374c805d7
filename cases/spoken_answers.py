"""What a citizen means who answers a question of the follow-up call by speaking.

Words are data (`spoken_answers.yaml`). Nothing is guessed: where the words of two answers are heard,
or none, the key is asked for.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import yaml

from cases.script import fold

_LATIN = re.compile(r"[a-z]")


def meaning(text: str, question: str) -> str | None:
    """The answer to `contacted`, `solved` or `satisfied` in what was heard; None if it is unclear."""
    heard = {answer for _, _, answer in _longest(_found(_plain(text), question))}
    return heard.pop() if len(heard) == 1 else None


Found = tuple[int, int, str]
"""(where it begins, where it ends, the answer it gives)."""


def _found(text: str, question: str) -> Iterator[Found]:
    for answer, patterns in _patterns()[question].items():
        for pattern in patterns:
            yield from ((hit.start(), hit.end(), answer) for hit in pattern.finditer(text))


def _longest(found: Iterator[Found]) -> list[Found]:
    """Of those that overlap, the longest; of one length both, and then they may contradict."""
    kept: list[Found] = []
    for one in sorted(found, key=lambda hit: hit[0] - hit[1]):
        over = [other for other in kept if one[0] < other[1] and other[0] < one[1]]
        if all(other[:2] == one[:2] for other in over):
            kept.append(one)
    return kept


def _plain(text: str) -> str:
    return fold(text).casefold().replace("’", "'")


@cache
def _patterns() -> Mapping[str, Mapping[str, list[re.Pattern[str]]]]:
    file = Path(__file__).with_suffix(".yaml")
    spoken = yaml.safe_load(file.read_text(encoding="utf-8"))["spoken"]
    return {
        question: {answer: [_pattern(word) for word in words] for answer, words in answers.items()}
        for question, answers in spoken.items()
    }


def _pattern(word: str) -> re.Pattern[str]:
    plain = re.escape(_plain(word))
    return re.compile(rf"\b{plain}\b" if _LATIN.search(plain) else plain)
