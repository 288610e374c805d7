"""Which department a matter is for: category x place -> department, by rules with dates and reasons.

A city's `routing.yaml` holds the rules it begins with. A ruling 裁決, made by a person when two
departments cannot agree, is one more rule from its day on; the routes taken before it stay as they are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass as plain_dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

from pydantic.dataclasses import dataclass
from sqlalchemy import Date, Index, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from cases import permissions
from cases.categories import OTHER, Category
from cases.departments import Department
from cases.errors import Refused
from cases.pack import LANGUAGES, STRICT, Code, Coded, Names, Pack, PackError
from cases.permissions import Person
from cases.places import KINDS, Place, Places
from cases.record import Id, Record

FILE = "routing.yaml"


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Rule:
    """Cases of `category`, of any when there is none, at `place` or in any place of a `kind`, are for
    `department` from `starts` up to and with `ends`."""

    code: Code
    department: Code
    starts: date
    reason: Names
    category: Code | None = None
    place: str | None = None  # a place's or a district's name in the gazetteer
    kind: str | None = None  # a kind of places: estate, street ...
    ends: date | None = None

    def __hash__(self) -> int:
        return hash(self.code)


@dataclass(frozen=True, kw_only=True, config=STRICT)
class _Default:
    """Since when, and why, each category has the department that `categories.yaml` names."""

    starts: date
    reason: Names


class _File(Pack):
    default: _Default
    rules: Annotated[dict[Code, Rule], Coded]


@plain_dataclass(frozen=True)
class Where:
    """Where a matter is: the names of the place, its kind, and its district's name."""

    names: frozenset[str] = frozenset()
    kind: str | None = None
    district: str | None = None

    @classmethod
    def of(cls, place: Place | None) -> Where:
        """A place of the gazetteer; nowhere in particular for None."""
        if place is None:
            return cls()
        names = frozenset(name for several in place.names.values() for name in several)
        return cls(names, place.kind, place.district or None)


@plain_dataclass(frozen=True)
class Route:
    """Who a matter is for. `rule`: the rule's code, `ruling:<id>`, or `category:<code>`; `why`: its
    wording, per language, as it was that day."""

    department: str
    rule: str
    why: Mapping[str, str]


@plain_dataclass(frozen=True)
class Routing:
    """A city's rules, and what they speak of."""

    rules: tuple[Rule, ...]
    categories: Mapping[str, Category]
    departments: frozenset[str]
    places: Places
    default_starts: date
    default_reason: Mapping[str, str]


class Ruling(Record):
    """A ruling 裁決: a routing rule made by a person."""

    __tablename__ = "rulings"
    __table_args__ = (Index("ix_rulings_category", "category"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    category: Mapped[str] = mapped_column(String(64))
    place: Mapped[str | None]
    department: Mapped[str] = mapped_column(String(32))
    starts: Mapped[date] = mapped_column(Date)
    ends: Mapped[date | None] = mapped_column(Date)
    reason: Mapped[str]
    made_by: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[datetime]
