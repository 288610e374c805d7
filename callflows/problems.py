"""A mistake in a call flow, told so that its author can mend it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True)
class Problem:
    """One mistake: where, what, and what to do about it."""

    file: str
    step: str | None
    what: str
    suggestion: str

    def __str__(self) -> str:
        where = f"{self.file}: step {self.step}" if self.step else self.file
        return f"{where}: {self.what} ({self.suggestion})"


class FlowError(ValueError):
    """A flow that must not answer a call. `problems` says all that is wrong with it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """A suggestion for a misspelt word."""
    known = list(words)
    close = get_close_matches(word, known, n=1)
    return f"did you mean {close[0]}?" if close else f"there is: {', '.join(sorted(known))}"
