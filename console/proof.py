"""Proof-reading: would the programs that answer calls and keep cases take this edition of the city?

The very readers that the processes use read a folder made of it, so what passes here is taken there.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from sqlalchemy.orm import Session

from callflows import reader
from callflows.flow import Callflow
from callflows.problems import FlowError
from cases import (
    categories,
    codes,
    contacts,
    departments,
    districts,
    followup_policy,
    places,
    referral_policy,
)
from cases.categories import Category
from cases.clocks import Promises
from cases.departments import Department
from cases.editions import CATEGORIES, DEPARTMENTS
from cases.pack import PackError
from console.office import Office
from runtime.city import City, CityError


@dataclass(frozen=True)
class Fault:
    """A mistake in an edition: in which file, on which line (if it can be told), what, and what to do."""

    file: str
    line: int | None
    what: str
    suggestion: str = ""


@dataclass(frozen=True)
class Reading:
    """An edition as the programs read it: what they take from it, or what is wrong with it."""

    faults: tuple[Fault, ...] = ()
    city: City | None = None
    categories: Mapping[str, Category] | None = None
    departments: Mapping[str, Department] | None = None
    flows: Mapping[str, Callflow] = field(default_factory=dict)


def read(installed: Path, texts: Mapping[str, str]) -> Reading:
    """Read the installed folder with these texts in their files' places, as every process would."""
    with tempfile.TemporaryDirectory(prefix="edition-") as place:
        folder = Path(place) / installed.name
        _lay_out(installed, folder, texts)
        try:
            return _read(folder)
        except (CityError, PackError) as error:
            return Reading((_fault(folder, error.file, error.what),))
        except FlowError as error:
            return Reading(tuple(_of_flow(folder, error)))


def _lay_out(installed: Path, folder: Path, texts: Mapping[str, str]) -> None:
    for found, _, names in os.walk(installed):
        there = folder / Path(found).relative_to(installed)
        there.mkdir(parents=True, exist_ok=True)
        for name in names:
            (there / name).symlink_to((Path(found) / name).resolve())
    for name, text in texts.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        file.write_text(text, encoding="utf-8")


def _read(folder: Path) -> Reading:
    city = City.read(folder)
    known = departments.read(folder)
    kinds = categories.read(folder, known)
    referral_policy.read(folder, kinds, known, places.read(folder), city.languages[0])
    Promises.of_city(folder, kinds)
    followup_policy.read(folder)
    contacts.read(folder, frozenset(one.code for one in known))
    if layout := districts.read(folder):
        districts.drawing(folder, layout)
    return Reading(
        flows={
            flow: reader.load(folder, languages=city.languages, facts=city.facts(), flow=flow)
            for flow in reader.FLOWS
        },
        city=city,
        categories={one.code: one for one in kinds},
        departments={one.code: one for one in known},
    )


def _of_flow(folder: Path, error: FlowError) -> Iterator[Fault]:
    for one in error.problems:
        path = ["steps", one.step] if one.step else []
        where = [*path, *_path(one.what)] if one.step else _path(one.what)
        file = Path(one.file)
        line = line_of(_text(file), where) or _told(one.what)
        what = f"{one.step}: {one.what}" if one.step else one.what
        yield Fault(_named(folder, file), line, what, one.suggestion)


def _fault(folder: Path, file: Path, what: str) -> Fault:
    return Fault(_named(folder, file), line_of(_text(file), _path(what)) or _told(what), what)


def _named(folder: Path, file: Path) -> str:
    return file.relative_to(folder).as_posix() if file.is_relative_to(folder) else file.name


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _path(what: str) -> list[str]:
    """The entry that a message begins with: `categories.lamp.department: there is no ...`."""
    found = re.match(r"([\w-]+(?:\.[\w-]+)*):", what)
    return found[1].split(".") if found else []


def _told(what: str) -> int | None:
    """The line that YAML's own message tells."""
    found = re.findall(r"line (\d+)", what)
    return int(found[-1]) if found else None


def line_of(text: str, path: Sequence[str]) -> int | None:
    """The line (from 1) of the entry with this path, or of the nearest one around it that is there."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return None
    line = None
    for name in path:
        step = _within(node, name)
        if step is None:
            break
        line, node = step
    return line


def _within(node: yaml.Node | None, name: str) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if str(key.value) == name:
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and name.isdigit() and int(name) < len(node.value):
        found = node.value[int(name)]
        return found.start_mark.line + 1, found
    return None


def no_code_lost(records: Session, office: Office, reading: Reading) -> Reading:
    """The same, with a fault for every code that cases use and the edition has no more."""
    faults = [
        *_lost(
            CATEGORIES,
            office.categories,
            reading.categories,
            lambda code: codes.uses_category(records, code),
        ),
        *_lost(
            DEPARTMENTS,
            office.departments,
            reading.departments,
            lambda code: codes.uses_department(records, code),
        ),
    ]
    return Reading(tuple(faults)) if faults else reading


def _lost(
    file: str,
    before: Mapping[str, object],
    after: Mapping[str, object] | None,
    is_used: Callable[[str], bool],
) -> Iterator[Fault]:
    for code in before.keys() - (after or {}).keys():
        if is_used(code):
            what = f"{code} is in use: it can be retired, but not be gone"
            yield Fault(file, None, what, f"put {code} back and write retired: true")
