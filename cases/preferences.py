"""How one person likes to work at the console. What is stored is only what differs from the usual."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from cases.agents import Agent

# How fast a recording plays, in tenths: 1.0 is as it was spoken.
SPEEDS = tuple(tenths / 10 for tenths in range(5, 26))


@dataclass(frozen=True)
class Preferences:
    """keys: single keys act. auto_play: a case that is taken plays at once. speed: of playing.
    pause_while_typing: playing stops while something is typed."""

    keys: bool = True
    auto_play: bool = True
    speed: float = 1.0
    pause_while_typing: bool = False


USUAL = Preferences()


def read(stored: Mapping[str, Any] | None) -> Preferences:
    """The preferences kept with an agent. What is not understood is as usual."""
    kept = stored or {}
    found: dict[str, Any] = {}
    for field in fields(Preferences):
        value, usual = kept.get(field.name), getattr(USUAL, field.name)
        fits = value in SPEEDS if field.name == "speed" else isinstance(value, type(usual))
        if value is not None and fits:
            found[field.name] = value
    return Preferences(**found)


def keep(agent: Agent, chosen: Preferences) -> None:
    """Keep them with the agent; what others keep there stays."""
    ours, usual = asdict(chosen), asdict(USUAL)
    others = {name: value for name, value in agent.preferences.items() if name not in ours}
    agent.preferences = others | {n: v for n, v in ours.items() if v != usual[n]}
