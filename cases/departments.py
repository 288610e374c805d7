"""The departments a case can be given to: a city's `departments.yaml`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic.dataclasses import dataclass

from cases.pack import STRICT, Code, Coded, Names, Pack

FILE = "departments.yaml"


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Department:
    """Who can own a case. `name` is per language; `abbreviation` is what colleagues say.

    `kind`: an `enterprise` supplies water, power and the like; a `district` office stands for a place
    and may blow the whistle.
    """

    code: Code
    name: Names
    abbreviation: str
    kind: Literal["department", "enterprise", "district"] = "department"

    def __hash__(self) -> int:
        return hash(self.code)


class _File(Pack):
    departments: Annotated[dict[Code, Department], Coded]


def read(folder: Path) -> tuple[Department, ...]:
    """The departments of the city kept in `folder`, in the file's order. Raises PackError."""
    return tuple(_File.read(folder / FILE).departments.values())
