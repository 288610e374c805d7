"""The monthly topic 每月一題: which problems of a month want more than an answer to each case, and which of
them was chosen.

A *problem* is a category, a hazard and a district together. Everything is counted, nothing is estimated: how many
cases a month has of it, how many more than the months before, how many of them tell what was told before, and how
many are still open. The problem that stands first in most of these stands first.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import (
    CTE,
    ColumnElement,
    Index,
    String,
    and_,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from cases import admin_history, calls, hazards, kpis, notices
from cases.calls import Call
from cases.case import Case
from cases.clusters import Sighting
from cases.districts import is_heard, located
from cases.errors import Refused
from cases.kpis import Rate
from cases.lifecycle import CLOSED, RESOLVED
from cases.permissions import Person
from cases.readings import Reading
from cases.record import Id, Record, insert

# A month is compared with so many before it.
BEFORE: Final = 3
# So many months, with the one that runs, a department is reminded of a topic that it leads.
LATELY: Final = 3
# Of fewer cases in a month a share says too little: such a problem is shown and not ranked.
LEAST: Final = 5
MOST_WORDS: Final = 2000
VOLUME, GROWTH, REPEATS, UNRESOLVED = "volume", "growth", "repeats", "unresolved"
MEASURES: Final = (VOLUME, GROWTH, REPEATS, UNRESOLVED)
OVER: Final = (RESOLVED, CLOSED)
STANDS = text("undone_at IS NULL")

Period = tuple[datetime, datetime]


@dataclass(frozen=True)
class Problem:
    """What cases have in common. `category`: None where nobody knows it; `hazard`: a family of hazards, and
    `district`, each empty where none was heard."""

    category: str | None
    hazard: str
    district: str

    @property
    def key(self) -> str:
        """The problem in one line, for forms."""
        return "|".join((self.category or "", self.hazard, self.district))


@dataclass(frozen=True)
class Tally:
    """What a month has of one problem. `before`: the same of each month it is compared with, the first first."""

    problem: Problem
    cases: int
    before: tuple[int, ...]
    repeats: int
    unresolved: int

    @property
    def is_new(self) -> bool:
        """Whether there was none of it in all the months before."""
        return bool(self.before) and not sum(self.before)

    @property
    def growth(self) -> Fraction | None:
        """How much more there is than in a month before on average: 1/2 is half as many again, -1/2 half as many.
        None where there is nothing to compare it with."""
        had = sum(self.before)
        return Fraction(self.cases * len(self.before), had) - 1 if had else None

    @property
    def repeat_rate(self) -> Rate:
        return kpis.rate(Fraction(self.repeats), self.cases)

    @property
    def unresolved_rate(self) -> Rate:
        return kpis.rate(Fraction(self.unresolved), self.cases)

    @property
    def weights(self) -> dict[str, tuple[int, Fraction]]:
        """What the problem is ranked by in each measure, more being worse. What is new grew most."""
        return {
            VOLUME: (0, Fraction(self.cases)),
            GROWTH: (int(self.is_new), self.growth or Fraction(0)),
            REPEATS: (0, Fraction(self.repeats, self.cases)),
            UNRESOLVED: (0, Fraction(self.unresolved, self.cases)),
        }


@dataclass(frozen=True)
class Ranked:
    """A problem with its place in each measure (1 is the worst; the same figure has the same place), the sum of
    the places, and its rank by that sum."""

    tally: Tally
    places: Mapping[str, int]
    points: int
    rank: int

    @property
    def problem(self) -> Problem:
        return self.tally.problem


@dataclass(frozen=True)
class Report:
    """A month's problems. `month`: its first day; `compared`: the first days of the months before that count;
    `until`: up to when it was counted; `is_over`: whether that is the whole month; `cases`: all of the month,
    each once; `few`: problems of fewer than LEAST cases."""

    month: date
    compared: tuple[date, ...]
    until: datetime
    is_over: bool
    cases: int
    ranked: tuple[Ranked, ...]
    few: tuple[Tally, ...]

    def of(self, key: str) -> Ranked | None:
        """The ranked problem of this key."""
        return next((one for one in self.ranked if one.problem.key == key), None)


class MonthlyTopic(Record):
    """The problem that somebody chose for a month. `month`: 2026-11; `figures`: as they stood then; one
    stands for a month until it is undone."""

    __tablename__ = "monthly_topics"
    __table_args__ = (
        Index(
            "uq_monthly_topics_stands",
            "month",
            unique=True,
            sqlite_where=STANDS,
            postgresql_where=STANDS,
        ),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    month: Mapped[str] = mapped_column(String(7))
    category: Mapped[str | None] = mapped_column(String(64))
    hazard: Mapped[str] = mapped_column(String(32))
    district: Mapped[str] = mapped_column(String(64))
    figures: Mapped[dict[str, Any]]
    reason: Mapped[str] = mapped_column(String(MOST_WORDS))
    department: Mapped[str] = mapped_column(String(32))
    chosen_by: Mapped[str] = mapped_column(String(64))
    chosen_at: Mapped[datetime]
    undone_by: Mapped[str | None] = mapped_column(String(64))
    undone_at: Mapped[datetime | None]

    @property
    def problem(self) -> Problem:
        return Problem(self.category, self.hazard, self.district)


# --- months ---------------------------------------------------------------------------------------------


def first_of(month: date, later: int = 0) -> date:
    """The first day of a day's month, or of the one so many months later."""
    count = month.year * 12 + month.month - 1 + later
    return date(count // 12, count % 12 + 1, 1)


def period(month: date, zone: ZoneInfo) -> Period:
    """From when up to (not with) when the month runs in the city."""
    ends = (first_of(month), first_of(month, 1))
    since, until = (datetime.combine(day, time.min, zone) for day in ends)
    return since, until


# --- counting -------------------------------------------------------------------------------------------


def report(session: Session, month: date, zone: ZoneInfo, now: datetime) -> Report:
    """The problems of a month, the worst first.

    Of a month that is not over yet as much is counted as there was, and as much of each month before.
    A month before counts if the hotline had taken a call by the end of its first day.
    """
    since, whole = period(month, zone)
    until = max(since, min(whole, now.astimezone(zone)))
    compared = _compared(session, month, zone)
    spans = [_as_far(period(one, zone), until - since, until == whole) for one in compared]
    past = _volumes(session, spans)
    reach = spans[0][0] if spans else since
    tallies, cases = _tallies(session, (since, until), reach, past, len(spans))
    enough = [one for one in tallies if one.cases >= LEAST]
    few = sorted((one for one in tallies if one.cases < LEAST), key=_in_order)
    return Report(
        first_of(month), tuple(compared), until, until == whole, cases, ranked(enough), tuple(few)
    )


def _compared(session: Session, month: date, zone: ZoneInfo) -> list[date]:
    first = session.execute(select(func.min(Case.opened_at)).where(_counts())).scalar_one()
    before = [first_of(month, -back) for back in range(BEFORE, 0, -1)]
    day = timedelta(days=1)
    return [one for one in before if first is not None and first < period(one, zone)[0] + day]


def _as_far(whole: Period, length: timedelta, is_over: bool) -> Period:
    """The month as far as the one that it is compared with has gone."""
    since, until = whole
    return whole if is_over else (since, min(until, since + length))


def _counts() -> ColumnElement[bool]:
    """Not the case of a call from a browser: those are for trying the hotline."""
    return Case.call_id.not_in(calls.from_browsers())


def _within(span: Period) -> ColumnElement[bool]:
    return and_(Case.opened_at >= span[0], Case.opened_at < span[1])


def _volumes(session: Session, spans: Sequence[Period]) -> dict[Problem, tuple[int, ...]]:
    """How many cases of each problem there were in each of the periods."""
    found: defaultdict[Problem, Counter[int]] = defaultdict(Counter)
    for place, span in enumerate(spans):
        told = select(Case.id, Case.category).where(_within(span), _counts()).cte("told")
        for problem, count in _by_problem(session, told):
            found[problem][place] += count
    places = range(len(spans))
    return {one: tuple(counts[place] for place in places) for one, counts in found.items()}


def _tallies(
    session: Session,
    span: Period,
    reach: datetime,
    past: Mapping[Problem, tuple[int, ...]],
    months: int,
) -> tuple[list[Tally], int]:
    """What the period has of each problem, and how many cases there are in all.

    `past`: its cases in each of the `months` compared with; a problem without any has a nought for each."""
    main = aliased(Case)
    is_open = func.coalesce(main.status, Case.status).not_in(OVER)
    told = (
        select(
            *(Case.id, Case.category),
            case((_is_repeat(reach), 1), else_=0).label("repeats"),
            case((is_open, 1), else_=0).label("unresolved"),
        )
        .select_from(Case)
        .outerjoin(main, main.id == Case.merged_into)
        .where(_within(span), _counts())
        .cte("told")
    )
    none = (0,) * months
    tallies = [
        Tally(problem, count, past.get(problem, none), int(repeats), int(unresolved))
        for problem, count, repeats, unresolved in _by_problem(
            session, told, "repeats", "unresolved"
        )
    ]
    cases = session.execute(select(func.count()).select_from(Case).where(_within(span), _counts()))
    return tallies, cases.scalar_one()


def _by_problem(session: Session, told: CTE, *sums: str) -> Iterable[tuple[Any, ...]]:
    """How many of the cases belong to each problem, and the sums of these columns. A case with two hazards, or
    in two districts, belongs to each; one of which neither category nor hazard is known to none."""
    heard, where = _heard(told), located().subquery()
    columns = (told.c.category, heard.c.hazard, where.c.district)
    counted = (
        select(*columns, func.count(), *(func.sum(told.c[name]) for name in sums))
        .select_from(told)
        .outerjoin(heard, heard.c.case_id == told.c.id)
        .outerjoin(where, where.c.case_id == told.c.id)
        .where(or_(told.c.category.is_not(None), heard.c.hazard.is_not(None)))
        .group_by(*columns)
    )
    for category, hazard, district, *numbers in session.execute(counted):
        yield (Problem(category, hazard or "", district or ""), *numbers)


def _heard(told: CTE) -> Any:
    """The cases with each family of hazards that was heard in them: columns `case_id`, `hazard`."""
    families = dict.fromkeys(kind.family for kind in hazards.kinds().values())
    return union_all(
        *(
            select(told.c.id.label("case_id"), literal(family, String).label("hazard"))
            .join(Reading, Reading.case_id == told.c.id)
            .where(is_heard(family))
            for family in families
        )
    ).subquery()


def _is_repeat(reach: datetime) -> ColumnElement[bool]:
    """Whether a case tells what was told before, since `reach`: it was merged into another, the same hazard at the
    same place was told of earlier, or the same caller called about the same category."""
    mine, earlier = aliased(Sighting), aliased(Sighting)
    at_the_place = exists().where(
        mine.case_id == Case.id,
        earlier.cluster_id == mine.cluster_id,
        earlier.at >= reach,
        or_(earlier.at < mine.at, and_(earlier.at == mine.at, earlier.id < mine.id)),
    )
    call, other_call, other = aliased(Call), aliased(Call), aliased(Case)
    by_the_caller = exists().where(
        call.id == Case.call_id,
        other_call.caller_digest == call.caller_digest,
        other_call.id.not_in(calls.from_browsers()),
        other.call_id == other_call.id,
        other.category == Case.category,
        other.opened_at >= reach,
        other.opened_at < Case.opened_at,
    )
    return or_(Case.merged_into.is_not(None), at_the_place, by_the_caller)


# --- ranking --------------------------------------------------------------------------------------------


def ranked(tallies: Sequence[Tally]) -> tuple[Ranked, ...]:
    """The problems by the sum of their places in the four measures, the smallest first; of equal sums the one
    with more cases is first, and with as many they share the rank."""
    weights = [one.weights for one in tallies]
    in_order = {name: sorted(one[name] for one in weights) for name in MEASURES}
    places = [{name: _place(in_order[name], one[name]) for name in MEASURES} for one in weights]
    by = [(-sum(place.values()), one.cases) for place, one in zip(places, tallies, strict=True)]
    all_of_them = sorted(by)
    found = [
        Ranked(one, place, -worth[0], _place(all_of_them, worth))
        for one, place, worth in zip(tallies, places, by, strict=True)
    ]
    return tuple(sorted(found, key=lambda one: (one.rank, _in_order(one.tally))))


def _place(in_order: Sequence[Any], worth: Any) -> int:
    """1 for the largest: one more than there are larger ones."""
    return 1 + len(in_order) - bisect_right(in_order, worth)


def ordered(rows: Iterable[Ranked], measure: str) -> list[Ranked]:
    """The same by one measure alone; those of the same place by their rank."""
    return sorted(rows, key=lambda one: (one.places[measure], one.rank, _in_order(one.tally)))


def _in_order(one: Tally) -> tuple[int, str]:
    return -one.cases, one.problem.key


# --- choosing -------------------------------------------------------------------------------------------


def choose(
    session: Session,
    found: Report,
    key: str,
    reason: str,
    department: str,
    *,
    by: Person,
    now: datetime,
) -> MonthlyTopic:
    """Make a ranked problem the topic of the month, with the reason and the department that leads, which is told.

    Raises Refused: `incomplete`; `no_such_problem` when it is not (any more) ranked in that month; `topic_stands`
    while another one is chosen.
    """
    given = {"problem": key.strip("| "), "reason": reason.strip(), "department": department}
    if missing := [name for name, value in given.items() if not value]:
        raise Refused("incomplete", action="choose_topic", missing=missing)
    row, month = found.of(key), f"{found.month:%Y-%m}"
    if row is None:
        raise Refused("no_such_problem", month=month)
    about = {
        "month": month,
        "category": row.problem.category,
        "hazard": row.problem.hazard,
        "district": row.problem.district,
        "department": department,
    }
    values = {
        **about,
        "figures": _figures(row),
        "reason": given["reason"][:MOST_WORDS],
        "chosen_by": by.actor,
        "chosen_at": now,
    }
    added = insert(session, MonthlyTopic).values(**values).on_conflict_do_nothing()
    topic_id = session.execute(added.returning(MonthlyTopic.id)).scalar_one_or_none()
    if topic_id is None:
        raise Refused("topic_stands", month=month)
    admin_history.add(session, "topic_chosen", now, by=by, about=f"topic:{month}", **about)
    topic = session.get_one(MonthlyTopic, topic_id)
    _tell(session, topic, "chosen", f"{month}：{topic.reason}", now)
    return topic


def _tell(session: Session, topic: MonthlyTopic, state: str, what: str, now: datetime) -> None:
    """Let the department that leads know that it does, or that it does not any more."""
    notices.post(
        session,
        "topic",
        to=f"department:{topic.department}",
        case_id=None,
        facts={
            "what": what,
            "category": topic.category,
            "hazard": topic.hazard,
            "place": topic.district,
            "seen": topic.figures["cases"],
            "state": state,
            "lead": topic.department,
            "link": "/department#topics",
        },
        dedupe=f"topic:{topic.id}:{state}",
        now=now,
    )


def _figures(row: Ranked) -> dict[str, Any]:
    tally = row.tally
    return {
        "rank": row.rank,
        "cases": tally.cases,
        "before": list(tally.before),
        "repeats": tally.repeats,
        "unresolved": tally.unresolved,
    }


def undo(session: Session, topic: MonthlyTopic, *, by: Person, now: datetime) -> None:
    """The choice does not stand any more; that it was made stays on record. Who was to lead is told.

    Raises Refused: `already`.
    """
    ended = (
        update(MonthlyTopic)
        .where(MonthlyTopic.id == topic.id, MonthlyTopic.undone_at.is_(None))
        .values(undone_at=now, undone_by=by.actor)
    )
    if session.execute(ended).rowcount != 1:  # type: ignore[attr-defined]
        raise Refused("already", action="undo_topic")
    about = {
        "month": topic.month,
        "category": topic.category,
        "hazard": topic.hazard,
        "district": topic.district,
        "department": topic.department,
    }
    session.refresh(topic)
    admin_history.add(session, "topic_undone", now, by=by, about=f"topic:{topic.month}", **about)
    _tell(session, topic, "undone", topic.month, now)


def standing(session: Session, month: date) -> MonthlyTopic | None:
    """The topic of a month, if one is chosen."""
    wanted = select(MonthlyTopic).where(MonthlyTopic.month == f"{month:%Y-%m}", STANDS)
    return session.scalars(wanted).one_or_none()


def led_by(session: Session, department: str, today: date) -> list[MonthlyTopic]:
    """The topics of lately that the department leads and that stand, the latest month first."""
    since = first_of(today, 1 - LATELY)
    wanted = select(MonthlyTopic).where(
        MonthlyTopic.department == department, MonthlyTopic.month >= f"{since:%Y-%m}", STANDS
    )
    return list(session.scalars(wanted.order_by(MonthlyTopic.month.desc())))


def chosen(session: Session, limit: int = 24) -> list[MonthlyTopic]:
    """What was chosen, those undone as well: the latest month first, and in it what was chosen last."""
    wanted = select(MonthlyTopic).order_by(MonthlyTopic.month.desc(), MonthlyTopic.id.desc())
    return list(session.scalars(wanted.limit(limit)))
