"""What the machine suggested, and what a person said it was: every decision is something to learn from.

The history tells: the first time a person confirmed a case, what the machine had thought stands in that line;
the category that was confirmed last is what it was. What a rule decided teaches nothing, nor do
calls from the browser telephone, which are for trying things.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from cases import kpis, transcripts
from cases.browser_calls import BROWSER
from cases.calls import Call
from cases.case import Case
from cases.history import SYSTEM, Entry
from cases.kpis import Rate
from cases.labelled import Row

BATCH = 500


@dataclass(frozen=True)
class Verdict:
    """What was suggested, none where the machine was not sure; what a person decided, and who has the case."""

    suggested: str | None
    decided: str
    department: str | None


V = TypeVar("V", bound=Verdict)


@dataclass(frozen=True, kw_only=True)
class Judged(Verdict):
    """One case. `text`: masked; `suggested`: by the machine, none where it was not sure; `confidence`: of that;
    `nearest`: what it thought of next; `decided`: by a person, with the department that has it."""

    case_id: int
    number: str
    day: date
    text: str
    confidence: float | None
    nearest: Sequence[str]

    @property
    def row(self) -> Row:
        """As something to learn from. Its line is the case's id."""
        return Row(self.case_id, self.text, self.decided, self.department, self.day)


@dataclass(frozen=True)
class Batch:
    """Some of them; `last` is where the next batch goes on, None at the end."""

    judged: Sequence[Judged]
    last: int | None


def batch(session: Session, zone: ZoneInfo, after: int = 0, limit: int = BATCH) -> Batch:
    """The next cases that a person decided, the oldest first; those without a text are left out.

    zone: the city's, in which a case has its day.
    """
    wanted = (
        select(Case)
        .join(Call, Call.id == Case.call_id)
        .where(Case.category_confirmed, Case.category.is_not(None), Case.id > after)
        .where(Call.provider != BROWSER)
        .order_by(Case.id)
        .limit(limit)
    )
    found = session.scalars(wanted).all()
    thought = _thought(session, [case.id for case in found])
    told = transcripts.told(session, [case.call_id for case in found])
    judged = [
        _judged(case, thought[case.id], told[case.call_id].masked_text, zone)
        for case in found
        if case.id in thought and case.call_id in told
    ]
    return Batch(judged, found[-1].id if len(found) == limit else None)


def _thought(session: Session, ids: Sequence[int]) -> dict[int, str | None]:
    """What the machine had thought when a person first confirmed each of these cases."""
    confirmed = (
        select(Entry)
        .where(Entry.case_id.in_(ids), Entry.action == "confirm", Entry.actor != SYSTEM)
        .order_by(Entry.id)
    )
    thought: dict[int, str | None] = {}
    for entry in session.scalars(confirmed):
        thought.setdefault(entry.case_id, entry.detail.get("was_category"))
    return thought


def _judged(case: Case, suggested: str | None, text: str, zone: ZoneInfo) -> Judged:
    return Judged(
        case_id=case.id,
        number=case.number or "",
        day=case.opened_at.astimezone(zone).date(),
        text=" ".join(transcripts.without_masks(text).split()),
        suggested=suggested,
        confidence=case.category_confidence if suggested else None,
        nearest=[str(code) for code, _ in case.category_alternatives],
        decided=str(case.category),
        department=case.department,
    )


def since(session: Session, moment: datetime) -> list[Verdict]:
    """What people decided from a moment on, without the texts: enough to count, however many there are."""
    wanted = (
        select(Entry.case_id, Entry.detail, Case.category, Case.department)
        .join(Case, Case.id == Entry.case_id)
        .join(Call, Call.id == Case.call_id)
        .where(Entry.at >= moment, Entry.action == "confirm", Entry.actor != SYSTEM)
        .where(Case.category_confirmed, Case.category.is_not(None), Call.provider != BROWSER)
        .order_by(Entry.id)
    )
    first: dict[int, Verdict] = {}
    for case_id, detail, category, department in session.execute(wanted):
        first.setdefault(case_id, Verdict(detail.get("was_category"), category, department))
    return list(first.values())


def rates(judged: Iterable[V], of: Callable[[V], str | None]) -> Mapping[str, Rate]:
    """How often what was suggested was right, by what `of` says of a case, the most cases first. Where the
    machine was not sure it suggested nothing, and that counts for neither."""
    asked: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for one in judged:
        if one.suggested is not None and (group := of(one)) is not None:
            asked[group] += 1
            right[group] += one.suggested == one.decided
    return {group: kpis.rate(Fraction(right[group]), n) for group, n in asked.most_common()}
