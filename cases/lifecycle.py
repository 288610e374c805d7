"""The life of a case as one table: what may be done with it, from where, by whom, what it needs, and
what the case becomes.

The check, the permissions, the console's buttons, the diagram in the docs and the test of every cell
all read this table. Who somebody is to a case is a *part*: `case.parts` finds a person's parts.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from cases.errors import Refused

RECEIVED = "received"
CONFIRMED = "confirmed"
REFERRED = "referred"
ACCEPTED = "accepted"
WHISTLED = "whistled"
SUSPENDED = "suspended"
RESOLVED = "resolved"
CLOSED = "closed"
STATUSES = (RECEIVED, CONFIRMED, REFERRED, ACCEPTED, WHISTLED, SUSPENDED, RESOLVED, CLOSED)

# The desk's own acts.
CONFIRM, REFER, MERGE = "confirm", "refer", "merge"

# Parts that a role gives, whatever the case.
DESK = "desk"
SUPERVISOR = "supervisor"
COORDINATOR = "coordinator"
LEADER = "leader"
SYSTEM = "system"
# Parts that a department has, and its officers with it: it was asked (and has not answered) to lead
# or to support, owns the case, was called by the open whistle, or is a district office.
ASKED = "asked"
ASKED_TO_LEAD = "asked_to_lead"
ASKED_TO_SUPPORT = "asked_to_support"
LEAD = "lead"
CALLED = "called"
DISTRICT = "district"
PARTS = (
    *(DESK, SUPERVISOR, COORDINATOR, LEADER, SYSTEM),
    *(ASKED, ASKED_TO_LEAD, ASKED_TO_SUPPORT, LEAD, CALLED, DISTRICT),
)

# Stands in `targets` for the status the case already has.
SAME = "same"


@dataclass(frozen=True)
class Transition:
    """`action`, by who has a part in `who`, leads from one of `sources` to one of `targets`; the first
    is meant unless the rule that acts says which. `needs` names what must be given."""

    action: str
    sources: frozenset[str]
    targets: tuple[str, ...]
    who: frozenset[str]
    needs: frozenset[str] = frozenset()


def _row(
    action: str, sources: Collection[str], targets: str | tuple[str, ...], who: str, needs: str = ""
) -> Transition:
    targets = (targets,) if isinstance(targets, str) else targets
    return Transition(
        action, frozenset(sources), targets, frozenset(who.split()), frozenset(needs.split())
    )


UNTAKEN = (RECEIVED, CONFIRMED)
_TAKEN = (ACCEPTED, WHISTLED)
_OUT = (REFERRED, ACCEPTED, WHISTLED)

TRANSITIONS = (
    _row(CONFIRM, UNTAKEN, CONFIRMED, "desk", "category"),
    _row("close", UNTAKEN, CLOSED, "desk", "note"),
    # Into a case about the same matter. What a department has is no more the desk's to merge.
    _row(MERGE, UNTAKEN, CLOSED, "desk system", "into note"),
    # What the machine is sure of, where the city lets it: `automatic`.
    _row(REFER, [RECEIVED], REFERRED, "system", "lead"),
    _row(REFER, [CONFIRMED], REFERRED, "desk coordinator system", "lead"),
    _row(REFER, [ACCEPTED], REFERRED, "desk coordinator system", "lead reason"),
    _row("accept", [REFERRED], ACCEPTED, "asked_to_lead"),
    _row("join", [*_OUT, SUSPENDED], SAME, "asked_to_support"),
    _row("return", [REFERRED], (REFERRED, WHISTLED), "asked", "reason words department"),
    _row("return", [ACCEPTED], (ACCEPTED, WHISTLED), "asked_to_support", "reason words department"),
    # A case that rests is not whistled, however often it is refused; afterwards the next refusal does it.
    _row("return", [SUSPENDED], SAME, "asked_to_support", "reason words department"),
    _row("silence", [REFERRED, ACCEPTED], (SAME, WHISTLED), "system"),
    _row("silence", [SUSPENDED], SAME, "system"),
    _row(
        "blow",
        [*UNTAKEN, *_OUT],
        WHISTLED,
        "desk coordinator leader district lead system",
        "matter departments",
    ),
    _row("interim", _TAKEN, SAME, "lead called", "text"),
    _row("resolve", [ACCEPTED], RESOLVED, "lead", "answer outcome"),
    # Where no department arrived the coordinator, whose name is on the whistle, must be able to.
    _row("resolve", [WHISTLED], RESOLVED, "lead coordinator", "answer outcome"),
    _row("extend", _OUT, SAME, "supervisor coordinator", "reason until"),
    _row("suspend", [ACCEPTED], SUSPENDED, "supervisor coordinator", "reason until"),
    _row("resume", [SUSPENDED], ACCEPTED, "lead supervisor coordinator system"),
    _row("solved", [RESOLVED], CLOSED, "desk system"),
    _row("unsolved", [RESOLVED], (ACCEPTED, WHISTLED), "desk system"),
    _row("not_reached", [RESOLVED], CLOSED, "desk system"),
    _row("reopen", [CLOSED], (RECEIVED, ACCEPTED), "supervisor coordinator system", "note"),
)

ACTIONS = tuple(dict.fromkeys(t.action for t in TRANSITIONS))

# Whose move it is: the parts that must see to it that the case goes on, the first one first.
_MOVES: Mapping[str, tuple[str, ...]] = {
    RECEIVED: (DESK,),
    CONFIRMED: (DESK,),
    REFERRED: (ASKED,),
    ACCEPTED: (LEAD,),
    WHISTLED: (LEAD, CALLED),
    SUSPENDED: (LEAD,),
    RESOLVED: (DESK,),
    CLOSED: (),
}

# In a case of this status departments that were asked in these roles may still answer; elsewhere
# nobody waits for them any more.
AWAITED: Mapping[str, frozenset[str]] = {
    REFERRED: frozenset({LEAD, "support"}),
    ACCEPTED: frozenset({"support"}),
    WHISTLED: frozenset({"support"}),
    SUSPENDED: frozenset({"support"}),
}
# How a department answers what it was asked.
ANSWERS = frozenset({"accept", "join", "return"})


def actions(status: str) -> tuple[str, ...]:
    """What may be done with a case in this status, by whomever."""
    return tuple(t.action for t in TRANSITIONS if status in t.sources)


def moves(status: str) -> tuple[str, ...]:
    """The parts whose move it is; nobody's when the case is closed."""
    return _MOVES[status]


def may(parts: Collection[str], status: str, action: str) -> bool:
    """Whether who has these parts may do this with a case in this status."""
    row = _find(status, action)
    return row is not None and not row.who.isdisjoint(parts)


def check(parts: Collection[str], status: str, action: str) -> None:
    """Raises Refused unless who has these parts may do this with a case in this status: `not_now` when
    nobody may, or only the rules by themselves; `forbidden` when others may."""
    row = _find(status, action)
    if row is None or (row.who == {SYSTEM} and SYSTEM not in parts):
        raise Refused("not_now", action=action, status=status)
    if row.who.isdisjoint(parts):
        raise Refused("forbidden", permission=action)


def target(status: str, action: str, given: Mapping[str, object], to: str | None = None) -> str:
    """The status after the action: `to`, which must be one of the row's, or else the row's first.

    Raises Refused: `not_now` when the table has no such row, `incomplete` without what it needs.
    """
    row = _find(status, action)
    if row is None:
        raise Refused("not_now", action=action, status=status)
    missing = sorted(name for name in row.needs if not str(given.get(name) or "").strip())
    if missing:
        raise Refused("incomplete", action=action, missing=missing)
    targets = [status if target == SAME else target for target in row.targets]
    if to is not None and to not in targets:
        raise Refused("not_now", action=action, status=status, to=to)
    return to or targets[0]


def _find(status: str, action: str) -> Transition | None:
    return next((t for t in TRANSITIONS if t.action == action and status in t.sources), None)
