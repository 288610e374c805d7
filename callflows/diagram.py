"""Draws call flows as Mermaid, from the same data that answers the calls.

    python -m callflows.diagram [cities/<city> ...]        # writes docs/flows.md

Without folders: every folder below `cities/`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from callflows.checker import LONGEST_GREETING, greeting_seconds, said_by
from callflows.flow import Callflow, Flow, Step
from callflows.prompts import PLACEHOLDER
from callflows.reader import FLOWS, load_city

PAGE = Path("docs/flows.md")
_SHAPES = {
    "say": ("[", "]"),
    "menu": ("{{", "}}"),
    "digits": ("[/", "/]"),
    "record": ("([", "])"),
    "dial": ("[[", "]]"),
    "check": ("{", "}"),
    "hangup": ("((", "))"),
}


def mermaid(flow: Flow) -> str:
    """The flow as a Mermaid flowchart; the keys that work in every recording are drawn once."""
    lines = ["flowchart TD", '  call(("a call")) --> ' + _id(flow.start)]
    lines += [f"  {_id(name)}{_box(name, step)}" for name, step in flow.steps.items()]
    for name, step in flow.steps.items():
        lines += [_arrow(_id(name), label, to) for label, to in step.ways()]
    lines += ['  recordings(["any recording"])']
    lines += [_arrow("recordings", key, to, "-.->") for key, to in flow.keys.items()]
    lines += ['  turns(("turns used up"))', _arrow("turns", str(flow.max_turns), flow.lost, "-.->")]
    return "\n".join(lines)


def _id(name: str) -> str:
    return f"s_{name}"  # some plain words, like "end", mean something to Mermaid


def _box(name: str, step: Step) -> str:
    left, right = _SHAPES[step.kind]
    question = f"<br/>{step.question}?" if step.kind == "check" else ""
    return f'{left}"<b>{name}</b>{question}"{right}'


def _arrow(source: str, label: str, to: str, line: str = "-->") -> str:
    return f'  {source} {line}|"{label}"| {_id(to)}' if label else f"  {source} {line} {_id(to)}"


def page(callflows: Iterable[tuple[str, str, Callflow]]) -> str:
    """docs/flows.md: for each (folder, name of the flow, flow) its diagram and its prompts."""
    parts = [_HEAD]
    drawn: dict[str, str] = {}
    shown: dict[str, set[str]] = {}
    for folder, name, callflow in callflows:
        title, drawing = f"{folder}: {name}", mermaid(callflow.flow)
        same = drawn.setdefault(drawing, title)
        parts += [f"## {title}", _greeting(callflow, name)]
        parts += [f"The flow of {same}." if same != title else f"```mermaid\n{drawing}\n```"]
        before = shown.setdefault(folder, set())
        keys = _prompts_of(callflow, name, before)
        before.update(keys)
        parts += ["\n".join(_table(callflow, keys))]
    return "\n\n".join(parts) + "\n"


def _prompts_of(callflow: Callflow, name: str, before: set[str]) -> list[str]:
    """What the flow says; with the last flow of a city also what the system itself may say."""
    keys = callflow.prompts.texts[callflow.languages[0]]
    said = said_by(callflow.flow)
    return [key for key in keys if key in said or (name == FLOWS[-1] and key not in before)]


_HEAD = f"""# Call flows

Written by `python -m callflows.diagram` from the flows and prompts themselves: do not edit.

What the shapes mean: `([ ])` record, `{{{{ }}}}` menu, `[/ /]` key in a number, `{{ }}` ask the
system, `[[ ]]` ring the agents' desk, `[ ]` say, `(( ))` begin or end. A caller may hang up
anywhere; what was said is kept. From answer to beep there must be less than
{LONGEST_GREETING:.0f} s; `callflows/pace.py` says how that is estimated.

Drawn here is what is installed. A city's own people change flows and prompts in the console, where a draft is
checked, played and tried by browser telephone before it is published
([how](operations.md#changing-the-city))."""


def _greeting(callflow: Callflow, name: str) -> str:
    languages = ", ".join(callflow.languages)
    if name != FLOWS[0]:
        return f"We ring, in the citizen's language (of {languages})."
    seconds = greeting_seconds(callflow)
    return f"Languages: {languages}. From answer to beep: about {seconds:.1f} s."


def _table(callflow: Callflow, keys: Iterable[str]) -> Iterator[str]:
    yield "| prompt | " + " | ".join(callflow.languages) + " |"
    yield "|---" * (len(callflow.languages) + 1) + "|"
    for key in keys:
        texts = [_shown(callflow, language, key) for language in callflow.languages]
        yield f"| `{key}` | " + " | ".join(texts) + " |"


def _shown(callflow: Callflow, language: str, key: str) -> str:
    """The text as spoken, or with its placeholders where a call is needed to fill them."""
    text = callflow.prompts.texts[language].get(key, "")
    if {match[1] for match in PLACEHOLDER.finditer(text)} <= set(callflow.prompts.facts):
        text = callflow.prompts.fill(key, language, {})[0].text if text else ""
    return text.replace("|", "\\|")


def main(folders: list[str]) -> int:
    """Write docs/flows.md. Returns the exit status."""
    cities = [Path(folder) for folder in folders] or sorted(
        file.parent for file in Path("cities").glob("*/city.yaml")
    )
    PAGE.parent.mkdir(exist_ok=True)
    flows = ((str(city), name, load_city(city, name)) for city in cities for name in FLOWS)
    PAGE.write_text(page(flows), encoding="utf-8")
    print(f"wrote {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
