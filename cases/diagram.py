"""Draws the life of a case, from the same table that every action is checked against.

python -m cases.diagram        # writes docs/lifecycle.md
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from cases import lifecycle
from cases.lifecycle import SAME, STATUSES, Transition
from cases.permissions import PARTS as PARTS_OF_ROLES
from cases.permissions import ROLES

PAGE = Path("docs/lifecycle.md")

# What each part means to a reader. A part that is not explained here cannot be drawn.
MEANINGS = {
    "desk": "the hotline's own people",
    "supervisor": "who supervises them",
    "coordinator": "who calls departments together",
    "leader": "who sits on the leaders' duty seat",
    "system": "the clock and the rules, by themselves",
    "asked": "a department that was asked and has not answered",
    "asked_to_lead": "the same, asked to lead 主辦",
    "asked_to_support": "the same, asked to support 協辦",
    "lead": "the department that owns the case",
    "called": "a department called by the open whistle",
    "district": "a district office",
}

# Who is asked, is asked in one of these ways.
ASKED_AS = (lifecycle.ASKED_TO_LEAD, lifecycle.ASKED_TO_SUPPORT)


def mermaid() -> str:
    """The table as a Mermaid state diagram; what leaves a case where it is stands beside it."""
    lines = ["stateDiagram-v2", "  [*] --> received"]
    for (source, target), actions in _arrows().items():
        lines.append(f"  {source} --> {target}: {' / '.join(actions)}")
    return "\n".join([*lines, "  closed --> [*]"])


def _arrows() -> dict[tuple[str, str], list[str]]:
    arrows: dict[tuple[str, str], list[str]] = {}
    for source in STATUSES:
        for row in _rows_of(source):
            for target in row.targets:
                if target not in (source, SAME):
                    arrows.setdefault((source, target), []).append(row.action)
    return arrows


def _rows_of(status: str) -> list[Transition]:
    return [row for row in lifecycle.TRANSITIONS if status in row.sources]


def page() -> str:
    """docs/lifecycle.md."""
    return (
        "\n\n".join(
            [
                _HEAD,
                f"```mermaid\n{mermaid()}\n```",
                "## Whose move it is",
                "\n".join(_moves()),
                "## What may be done",
                _TABLE,
                "\n".join(_transitions()),
                "## Who is who",
                "\n".join(_parts()),
                "## What each role may do",
                _ROLES,
                "\n".join(_roles()),
            ]
        )
        + "\n"
    )


_HEAD = """# The life of a case

Written by `python -m cases.diagram` from the table in `cases/lifecycle.py`: do not edit. The check of
every action, the permissions, the console's buttons and this page all read that table; the test of
every cell tells it a second time."""

_TABLE = """Where several statuses are named, the first is meant unless a rule says otherwise: the second
return or silence since a person last referred a case makes it `whistled`; a case that is not solved
after all goes back to its whistle while that is open; a reopened one goes back to the department that
had it."""

_ROLES = """An officer may do these things with a case in which the department has the part for them, and
with no other."""


def _moves() -> Iterator[str]:
    yield from _line("status", "whose move", "what they can do")
    for status in STATUSES:
        movers = lifecycle.moves(status)
        parts = {*movers, *(ASKED_AS if lifecycle.ASKED in movers else ())}
        ways = [row.action for row in _rows_of(status) if row.who & parts]
        yield from _line(f"`{status}`", ", ".join(movers) or "nobody's", _codes(ways), head=False)


def _transitions() -> Iterator[str]:
    yield from _line("action", "from", "to", "who", "needs")
    for row in lifecycle.TRANSITIONS:
        yield from _line(
            f"`{row.action}`",
            ", ".join(status for status in STATUSES if status in row.sources),
            " or ".join("as it was" if one == SAME else one for one in row.targets),
            ", ".join(part for part in lifecycle.PARTS if part in row.who),
            ", ".join(sorted(row.needs)),
            head=False,
        )


def _parts() -> Iterator[str]:
    yield from _line("part", "who that is", "roles")
    for part in lifecycle.PARTS:
        roles = [role for role, parts in PARTS_OF_ROLES.items() if part in parts]
        yield from _line(f"`{part}`", MEANINGS[part], ", ".join(roles), head=False)


def _roles() -> Iterator[str]:
    yield from _line("role", "actions on a case", "besides")
    for role, allowed in ROLES.items():
        actions = [action for action in lifecycle.ACTIONS if action in allowed]
        besides = sorted(allowed - {*lifecycle.ACTIONS})
        yield from _line(f"`{role}`", _codes(actions), _codes(besides), head=False)


def _codes(codes: Iterable[str]) -> str:
    return ", ".join(f"`{code}`" for code in codes)


def _line(*cells: str, head: bool = True) -> Iterator[str]:
    yield "| " + " | ".join(cells) + " |"
    if head:
        yield "|---" * len(cells) + "|"


def main() -> int:
    """Write docs/lifecycle.md. Returns the exit status."""
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
