"""The departments a case can be given to: a city's `departments.yaml`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic.dataclasses import dataclass

from cases.pack import STRICT, Code, Coded, Names, Pack, PackError

FILE = "departments.yaml"


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Department:
    """Who can own a case. `name` is per language; `abbreviation` is what colleagues say.

    `kind`: an `enterprise` supplies water, power and the like; a `district` office stands for a place
    and may blow the whistle. `parent`: the department it is a part of; `district`: which one it stands
    for, by its name in the gazetteer. `retired`: no new case goes there.
    """

    code: Code
    name: Names
    abbreviation: str
    kind: Literal["department", "enterprise", "district"] = "department"
    parent: Code | None = None
    district: str | None = None
    retired: bool = False

    def __hash__(self) -> int:
        return hash(self.code)


class _File(Pack):
    departments: Annotated[dict[Code, Department], Coded]


def read(folder: Path) -> tuple[Department, ...]:
    """The departments of the city kept in `folder`, in the file's order. Raises PackError."""
    departments = _File.read(folder / FILE).departments
    for one in departments.values():
        if one.parent is not None and (one.parent not in departments or one.parent == one.code):
            what = f"departments.{one.code}.parent: there is no {one.parent!r} it could belong to"
            raise PackError(folder / FILE, what)
    return tuple(departments.values())
