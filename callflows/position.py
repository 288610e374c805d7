"""Where a caller is in a flow. It travels in the address the provider calls us back at."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from callflows.flow import Callflow

_WORD = re.compile(r"[A-Za-z0-9_-]{1,40}")
_NUMBER = re.compile(r"[0-9]{1,2}")


class PositionError(ValueError):
    """The address does not name a place in this flow: not ours, or of an older flow."""


@dataclass(frozen=True)
class Position:
    """Where a caller is. Holds nothing personal, and only characters no proxy rewrites.

    step: the step that waits for the caller. turn: how many turns the call has had.
    language: as chosen on the keypad, or heard; None while unknown, then every language is spoken.
    silences, wrong: how often in a row there was silence, or a wrong key, where the caller is now.
    """

    step: str
    turn: int = 0
    language: str | None = None
    silences: int = 0
    wrong: int = 0

    def to_query(self) -> dict[str, str]:
        """Names and values for a query string; nothing in them needs escaping."""
        query = {"step": self.step, "turn": str(self.turn)}
        if self.language:
            query["language"] = self.language
        return query | {"silences": str(self.silences), "wrong": str(self.wrong)}

    @classmethod
    def from_query(cls, query: Mapping[str, str], callflow: Callflow) -> Position:
        """Read a query that anybody may have written. Raises PositionError; ignores other names."""
        chosen = _one_of(query, "language", callflow.languages) if "language" in query else None
        return cls(
            step=_one_of(query, "step", callflow.flow.places),
            turn=_count(query, "turn", callflow.flow.max_turns + 1),
            language=chosen,
            silences=_count(query, "silences", callflow.flow.max_turns),
            wrong=_count(query, "wrong", callflow.flow.max_turns),
        )


def _one_of(query: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    value = query.get(name, "")
    if not _WORD.fullmatch(value):
        raise PositionError(f"{name} is missing or has characters that are not ours")
    if value not in allowed:
        raise PositionError(f"{name}={value} is unknown in this flow")
    return value


def _count(query: Mapping[str, str], name: str, most: int) -> int:
    value = query.get(name, "")
    if not _NUMBER.fullmatch(value) or int(value) > most:
        raise PositionError(f"{name} must be a whole number from 0 to {most}")
    return int(value)
