"""Which department a matter is for: category x place -> department, by rules with dates and reasons.

A city's `routing.yaml` holds the rules it begins with. A ruling 裁決, made by a person where two
departments cannot agree, is one more rule from its day on; the routes taken before it stay as they are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass as plain_dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

from pydantic.dataclasses import dataclass
from sqlalchemy import Date, Index, String, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from cases import permissions, readings, transcripts
from cases.case import Case
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
    """From `starts` up to and with `ends`, cases of `category` (of any, when there is none) at `place`
    or in any place of this `kind` are for `department`."""

    code: Code
    department: Code
    starts: date
    reason: Names
    category: Code | None = None
    place: str | None = None  # a name in the gazetteer: of a place, or of a whole district
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
    """Where a matter is: the place's proper name and all its names, its kind, its district's name.
    Nothing where it is not known."""

    name: str | None = None
    names: frozenset[str] = frozenset()
    kind: str | None = None
    district: str | None = None

    @classmethod
    def of(cls, place: Place) -> Where:
        """At a place of the gazetteer."""
        names = frozenset(name for several in place.names.values() for name in several)
        return cls(place.name(LANGUAGES[0]), names, place.kind, place.district or None)


NOWHERE = Where()


@plain_dataclass(frozen=True)
class Route:
    """Who a matter is for. `rule`: a rule's code, `ruling:<id>`, or `category:<code>`; `why`: its
    wording that day, by language."""

    department: str
    rule: str
    why: Mapping[str, str]


@plain_dataclass(frozen=True)
class Routing:
    """A city's rules, and what they speak of. `starts`, `reason`: of the rules that every category
    has its own department."""

    rules: tuple[Rule, ...]
    starts: date
    reason: Mapping[str, str]
    categories: Mapping[str, Category]
    departments: frozenset[str]
    places: Places


class Ruling(Record):
    """A ruling 裁決: a routing rule made by a person. `reason` is in that person's words."""

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

    @property
    def code(self) -> str:
        """How a referral names it."""
        return f"ruling:{self.id}"


def read(
    folder: Path,
    categories: Iterable[Category],
    departments: Collection[Department],
    places: Places,
) -> Routing:
    """The rules of the city kept in `folder`. Raises PackError, one line, also for a category,
    department, place or kind of place that there is not."""
    file = folder / FILE
    content = _File.read(file)
    routing = Routing(
        rules=tuple(content.rules.values()),
        starts=content.default.starts,
        reason=content.default.reason,
        categories={one.code: one for one in categories},
        departments=frozenset(one.code for one in departments),
        places=places,
    )
    retired = {one.code for one in departments if one.retired}
    for rule in routing.rules:
        for field, wrong in _mistakes(rule, routing):
            raise PackError(file, f"rules.{rule.code}.{field}: {wrong}")
        if rule.department in retired and rule.ends is None:
            what = f"{rule.department!r} is retired: give the rule an end"
            raise PackError(file, f"rules.{rule.code}.department: {what}")
    return routing


def _mistakes(rule: Rule, routing: Routing) -> Iterator[tuple[str, str]]:
    known: Mapping[str, Collection[str]] = {
        "category": routing.categories,
        "department": routing.departments,
        "kind": KINDS,
    }
    for field, values in known.items():
        given = getattr(rule, field)
        if given is not None and given not in values:
            yield field, f"there is no {given!r}"
    if rule.place is not None and not _is_named(rule.place, routing.places):
        yield "place", f"{rule.place!r} is not in places.csv"
    if rule.place is not None and rule.kind is not None:
        yield "kind", "a rule is for a place or for a kind of places, not both"
    if rule.ends is not None and rule.ends < rule.starts:
        yield "ends", "is before it starts"


def _is_named(name: str, places: Places) -> bool:
    return any(name in names for place in places.places for names in place.names.values())


def department_for(
    session: Session, routing: Routing, category: str | None, where: Where, day: date
) -> Route:
    """Whose a matter is by the rules of `day`, in the city's own calendar.

    The rule that is nearest counts: for the very place before its district, before its kind of
    place, before none; of two as near, a ruling before a rule of the file, and the later one of two.
    Without a category it is `other`. Raises Refused("no_rule") on a day before any rule.
    """
    kind = category if category and category in routing.categories else OTHER
    found = [
        *_of_rulings(session, kind, where, day),
        *_of_file(routing, kind, where, day),
        *_of_category(routing, kind, day),
    ]
    if not found:
        raise Refused("no_rule", category=kind, day=day.isoformat())
    return max(found, key=lambda one: one[0])[1]


# How near a rule is, whether a person ruled it, since when, and whether it names a category.
_Weight = tuple[int, bool, date, bool]
_AT, _IN_DISTRICT, _IN_KIND, _ANYWHERE = 3, 2, 1, 0


def _of_rulings(
    session: Session, category: str, where: Where, day: date
) -> Iterator[tuple[_Weight, Route]]:
    made = select(Ruling).where(Ruling.category == category, Ruling.starts <= day)
    made = made.where(or_(Ruling.ends.is_(None), Ruling.ends >= day))
    for ruling in session.scalars(made.order_by(Ruling.id.desc())):
        near = _near(ruling.place, None, where)
        if near is not None:
            why = dict.fromkeys(LANGUAGES, ruling.reason)
            yield (
                (near, True, ruling.starts, True),
                Route(ruling.department, ruling.code, why),
            )


def _of_file(
    routing: Routing, category: str, where: Where, day: date
) -> Iterator[tuple[_Weight, Route]]:
    for rule in routing.rules:
        near = _near(rule.place, rule.kind, where)
        current = rule.starts <= day and (rule.ends is None or day <= rule.ends)
        if near is not None and current and rule.category in (None, category):
            weight = (near, False, rule.starts, rule.category is not None)
            yield weight, Route(rule.department, rule.code, dict(rule.reason))


def _of_category(routing: Routing, category: str, day: date) -> Iterator[tuple[_Weight, Route]]:
    if routing.starts <= day:
        department = routing.categories[category].department
        route = Route(department, f"category:{category}", dict(routing.reason))
        yield (-1, False, routing.starts, True), route


def _near(place: str | None, kind: str | None, where: Where) -> int | None:
    """How near a rule for this place, or kind of places, is; None when it is for somewhere else."""
    if place is not None:
        if place in where.names:
            return _AT
        return _IN_DISTRICT if place == where.district else None
    if kind is not None:
        return _IN_KIND if kind == where.kind else None
    return _ANYWHERE


def where_is(session: Session, case: Case, places: Places) -> Where:
    """Where a case is: the likeliest place that was understood, else the first its caller named that the
    gazetteer knows; one with a known district before others."""
    told = transcripts.told(session, [case.call_id]).get(case.call_id)
    slots = [slot for _, slot in told.slots if slot["kind"] == "place"] if told else []
    said = [*readings.names(session, case.id), *(str(slot["value"]) for slot in slots)]
    found = [Where.of(named.place) for name in said for named in places.within(name)]
    return next((one for one in found if one.district), found[0] if found else NOWHERE)


def rule(
    session: Session,
    routing: Routing,
    category: str,
    department: str,
    reason: str,
    *,
    by: Person,
    now: datetime,
    starts: date,
    place: str | None = None,
    ends: date | None = None,
) -> Ruling:
    """Make a ruling: from `starts` on, `department` has such cases.

    place: a place's or a district's name in the gazetteer; everywhere without.
    Raises Refused: `forbidden`, `incomplete` without a reason, `unknown_category`,
    `unknown_department`, `unknown_place`, `ends_before_it_begins`.
    """
    permissions.require(by.role, permissions.RULE)
    if not reason.strip():
        raise Refused("incomplete", action="rule", missing=["reason"])
    if category not in routing.categories:
        raise Refused("unknown_category", category=category)
    if department not in routing.departments:
        raise Refused("unknown_department", department=department)
    if place is not None and not _is_named(place, routing.places):
        raise Refused("unknown_place", place=place)
    if ends is not None and ends < starts:
        raise Refused("ends_before_it_begins")
    ruling = Ruling(
        category=category,
        place=place,
        department=department,
        starts=starts,
        ends=ends,
        reason=reason.strip(),
        made_by=by.actor,
        made_at=now,
    )
    session.add(ruling)
    session.flush()
    return ruling


def rulings(session: Session) -> list[Ruling]:
    """Every ruling ever made, the latest first."""
    return list(session.scalars(select(Ruling).order_by(Ruling.id.desc())))
