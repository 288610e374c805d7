"""A file of the city as somebody at the console finds it and changes it: draft, in force, or installed."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from flask import current_app, g
from sqlalchemy.orm import Session

from callflows.reader import DEFAULTS
from cases import editions
from cases.editions import FLOWS, PROMPTS, SOUNDS, Version
from cases.errors import Refused
from console import proof
from console.office import Office
from runtime import clock
from runtime.database import transaction
from runtime.shelf import Standing

# What a file begins with that the city's folder lacks.
EMPTY = {
    **{file: f"spec: 1\nlanguage: {code}\nprompts: {{}}\n" for code, file in PROMPTS.items()},
    editions.CLOSURES: "spec: 1\nclosures: []\n",
    SOUNDS: "spec: 1\nsounds: {}\n",
    editions.CONTACTS: "spec: 1\ndepartments: {}\n",
}


@dataclass(frozen=True)
class Paper:
    """A file one goes on from. `version`: where its text is from; none where it is installed."""

    name: str
    text: str
    version: Version | None

    @property
    def made_from(self) -> int | None:
        return self.version.id if self.version else None

    @property
    def is_draft(self) -> bool:
        return self.version is not None and self.version.is_draft

    def content(self) -> dict[str, Any]:
        """What the YAML says. Raises Refused("does_not_read") when it says nothing that can be changed
        in a form."""
        try:
            content = yaml.safe_load(self.text)
        except yaml.YAMLError:
            content = None
        if not isinstance(content, dict):
            raise Refused("does_not_read", file=self.name)
        return content


def standing() -> Standing[Office]:
    """What the console has at hand of the city, which looks for other editions when told to."""
    found: Standing[Office] = current_app.extensions["console"]
    return found


def installed() -> Path:
    """The city's folder as it was installed."""
    return standing().shelf.installed


def installed_text(name: str) -> str:
    """A file's text without any edition: the folder's own, or what every city says."""
    file = installed() / name
    if not file.is_file() and name in FLOWS.values():
        file = DEFAULTS / name
    return file.read_text(encoding="utf-8") if file.is_file() else EMPTY.get(name, "")


def working(records: Session, name: str) -> Paper:
    """The file one goes on from: its draft, else what is in force."""
    version = editions.working(records, name)
    return Paper(name, version.text if version else installed_text(name), version)


def in_force(records: Session, name: str) -> Paper:
    """The file that counts."""
    version = editions.in_force(records, name)
    return Paper(name, version.text if version else installed_text(name), version)


def draft_texts(records: Session) -> dict[str, str]:
    """The edition in force with every draft in its file's place."""
    texts = editions.texts(records, editions.newest(records))
    return texts | {one.name: one.text for one in editions.drafts(records)}


def keep(records: Session, paper: Paper, content: Mapping[str, Any] | str) -> Version:
    """Keep a changed file as the draft, unless nothing was changed. Raises what the rule raises, and
    Refused("unchanged")."""
    text = content if isinstance(content, str) else written(content)
    if text == paper.text or (not isinstance(content, str) and content == paper.content()):
        raise Refused("unchanged")
    by = editions_by()
    return editions.draft(records, paper.name, text, paper.made_from, by=by, now=clock.now())


def editions_by() -> Any:
    """Who changes the city now."""
    return g.office.person(g.here)


def written(content: Mapping[str, Any]) -> str:
    """Content as YAML that a person can read and change."""
    return yaml.dump(dict(content), Dumper=_Writer, allow_unicode=True, sort_keys=False, width=100)


class _Writer(yaml.SafeDumper):
    """YAML in which what is small stands on one line, and no two entries share one text by reference."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _mapping(writer: _Writer, data: dict[Any, Any]) -> yaml.Node:
    node = writer.represent_mapping("tag:yaml.org,2002:map", data.items())
    node.flow_style = bool(data) and _is_small(data)
    return node


def _sequence(writer: _Writer, data: list[Any]) -> yaml.Node:
    node = writer.represent_sequence("tag:yaml.org,2002:seq", data)
    node.flow_style = all(_is_small(one) for one in data)
    return node


def _is_small(data: Any) -> bool:
    if isinstance(data, dict):
        plain = all(isinstance(one, str | int | float | date | None) for one in data.values())
        return plain and len(str(data)) < 160
    return not isinstance(data, list)


_Writer.add_representer(dict, _mapping)
_Writer.add_representer(list, _sequence)


# --- what is different ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """One line of a difference. `kind`: `same`, `gone`, `new`, or `gap` where lines are left out."""

    kind: str
    text: str
    number: int | None = None


def difference(before: str, after: str, around: int = 2) -> list[Line]:
    """Which lines went and came, with some that stayed around them. Numbers count the later text's."""
    old, new = before.splitlines(), after.splitlines()
    lines: list[Line] = []
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for group in matcher.get_grouped_opcodes(around):
        if lines:
            lines.append(Line("gap", ""))
        for word, a, b, c, d in group:
            if word == "equal":
                lines += [Line("same", text, c + n + 1) for n, text in enumerate(new[c:d])]
                continue
            lines += [Line("gone", text) for text in old[a:b]]
            lines += [Line("new", text, c + n + 1) for n, text in enumerate(new[c:d])]
    return lines


# --- proof-reading, outside of any transaction ------------------------------------------------------


def proof_read(office: Office, plan: editions.Plan) -> tuple[proof.Fault, ...]:
    """What keeps a process from taking this. Reads outside of a transaction: nobody waits for it."""
    return faults_of(office, plan.texts)


def faults_of(office: Office, texts: Mapping[str, str]) -> tuple[proof.Fault, ...]:
    """What is wrong with these texts as an edition."""
    reading = proof.read(installed(), texts)
    if not reading.faults:
        with transaction(office.engine) as records:
            reading = proof.no_code_lost(records, office, reading)
    return reading.faults


Contents = dict[str, dict[str, Any]]


def change(
    office: Office, names: Iterable[str], edit: Callable[[Contents], None]
) -> tuple[proof.Fault, ...]:
    """Change files by a form, and keep them as drafts unless something would be wrong with them.

    edit: changes the files' contents, by name, in place. Raises Refused, also `unchanged`.
    """
    with transaction(office.engine) as records:
        found = {name: working(records, name) for name in names}
        contents = {name: paper.content() for name, paper in found.items()}
        edit(contents)
        changed = [name for name in found if contents[name] != found[name].content()]
        texts = {**draft_texts(records), **{name: written(contents[name]) for name in changed}}
        records.expunge_all()
    if not changed:
        raise Refused("unchanged")
    if faults := faults_of(office, texts):
        return faults
    with transaction(office.engine) as records:
        for name in changed:
            keep(records, found[name], contents[name])
    return ()


def loaded(text: str) -> dict[str, Any]:
    """What YAML says, as far as it can be read."""
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError:
        return {}
    return content if isinstance(content, dict) else {}


def common_prompt(language: str, key: str) -> str | None:
    """What every city says that has no text of its own for a prompt."""
    text = (DEFAULTS / PROMPTS[language]).read_text(encoding="utf-8")
    found = loaded(text).get("prompts", {}).get(key)
    return None if found is None else str(found)
