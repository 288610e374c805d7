"""The life of a case as one table: what may be done with it, from where, and what it becomes.

The check, the console's buttons and the test of every pair all read this table.
"""

from dataclasses import dataclass

from cases.errors import Refused


@dataclass(frozen=True)
class Transition:
    """`action` leads from one of `sources` to `target`; `needs` names what must be given."""

    action: str
    sources: frozenset[str]
    target: str
    needs: frozenset[str] = frozenset()


RECEIVED = "received"
CONFIRMED = "confirmed"
CLOSED = "closed"
STATUSES = (RECEIVED, CONFIRMED, CLOSED)

TRANSITIONS = (
    Transition("confirm", frozenset({RECEIVED, CONFIRMED}), CONFIRMED, frozenset({"category"})),
    Transition("close", frozenset({RECEIVED, CONFIRMED}), CLOSED, frozenset({"note"})),
    Transition("reopen", frozenset({CLOSED}), RECEIVED, frozenset({"note"})),
)


def actions(status: str) -> tuple[str, ...]:
    """What may be done with a case in this status."""
    return tuple(t.action for t in TRANSITIONS if status in t.sources)


def target(status: str, action: str, given: dict[str, str]) -> str:
    """The status after the action. Raises Refused when the table does not allow it."""
    for transition in TRANSITIONS:
        if transition.action == action and status in transition.sources:
            missing = sorted(name for name in transition.needs if not given.get(name, "").strip())
            if missing:
                raise Refused("incomplete", action=action, missing=missing)
            return transition.target
    raise Refused("not_now", action=action, status=status)
