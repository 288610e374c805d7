"""Alerts 未訴先辦: what calls add up to is raised before the accident, and somebody must say that they saw it.

An alert tells what was seen, what was to be expected, how probable so much is by chance, and which cases are
behind it. It goes to a named party and climbs until somebody acknowledges it; what it came to in the
end, right or false, makes the record of its method.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass as plain_dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass
from sqlalchemy import Index, String, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from cases import clusters, hazard_duty, notices
from cases.case import Case
from cases.clusters import Cluster
from cases.errors import Refused
from cases.pack import STRICT, Pack
from cases.permissions import Person
from cases.record import Id, Record, insert

FILE: Final = Path(__file__).with_suffix(".yaml")

HAZARD, SURGE, SCAN = "hazard", "surge", "scan"
KINDS: Final = (HAZARD, SURGE, SCAN)
REPEATS: Final = "repeats"  # the method of a hazard's alert
ALSO: Final = "also"  # in a subject: the other methods that found the same
RIGHT, FALSE = "right", "false"
VERDICTS: Final = (RIGHT, FALSE)
MOST_WORDS: Final = 2000


def _party(to: str) -> str:
    if not notices.is_party(to):
        raise ValueError(f"{to!r} is nobody that can be told")
    return to


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Rung:
    """Whom an alert is told that nobody has acknowledged for so long, nights and holidays included."""

    to: Annotated[str, AfterValidator(_party)]
    after_minutes: Annotated[int, Field(ge=0)]


class Policy(Pack):
    """The content of `alerts.yaml`."""

    repeats: Annotated[int, Field(ge=2)]
    callers: Annotated[int, Field(ge=1)]
    within_days: Annotated[int, Field(ge=1)]
    surprise: Annotated[float, Field(gt=0, lt=1)]
    joined_days: Annotated[int, Field(ge=1)]
    near_metres: Annotated[float, Field(ge=0)]
    sham_days: Annotated[int, Field(ge=1)]
    surge_least: Annotated[int, Field(ge=1)]
    surge_surprise: Annotated[float, Field(gt=0, lt=1)]
    quiet_days: Annotated[int, Field(ge=1)]
    duty_minutes: Annotated[int, Field(ge=1)]
    climbs: Annotated[tuple[Rung, ...], Field(min_length=1)]


@cache
def policy() -> Policy:
    """The policy that holds. Raises PackError."""
    return Policy.read(FILE)


class Alert(Record):
    """One alert. `subject`: what it is about (`family` of hazards, the one `hazard` of it, `place`,
    `district`, `category`, as far as it has one); `cases`: ids of those behind it when it was raised;
    `ladder`: whom it climbs to, as it was when it was raised (the policy's where there is none); `rung`:
    how far it has climbed; `dedupe`: raised again under the same name, the first one stands."""

    __tablename__ = "alerts"
    __table_args__ = (
        Index("ix_alerts_raised_at", "raised_at"),
        Index("ix_alerts_climbs_at", "climbs_at"),
        Index("ix_alerts_cluster_id", "cluster_id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    method: Mapped[str] = mapped_column(String(32))
    subject: Mapped[dict[str, Any]]
    cluster_id: Mapped[int | None] = mapped_column(Id)
    seen: Mapped[int]
    expected: Mapped[float]
    probability: Mapped[float]
    cases: Mapped[list[Any]]
    raised_at: Mapped[datetime]
    ladder: Mapped[list[Any] | None]
    rung: Mapped[int] = mapped_column(default=0)
    climbs_at: Mapped[datetime | None]
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[str | None] = mapped_column(String(64))
    words: Mapped[str | None] = mapped_column(String(MOST_WORDS))
    whistle_id: Mapped[int | None] = mapped_column(Id)
    verdict: Mapped[str | None] = mapped_column(String(8))
    judged_at: Mapped[datetime | None]
    judged_by: Mapped[str | None] = mapped_column(String(64))
    dedupe: Mapped[str] = mapped_column(String(255), unique=True)


@plain_dataclass(frozen=True)
class Found:
    """What a method found, before it is an alert."""

    kind: str
    method: str
    subject: Mapping[str, Any]
    seen: int
    expected: float
    probability: float
    cases: Sequence[int]
    dedupe: str
    cluster_id: int | None = None


@plain_dataclass(frozen=True)
class Recorded:
    """How often a method was right: of `judged` alerts `false` were false; `raised` in all."""

    method: str
    raised: int
    judged: int
    false: int

    @property
    def false_share(self) -> float | None:
        """The share of false ones among those judged; None while none was."""
        return self.false / self.judged if self.judged else None


def look(session: Session, cluster: Cluster, now: datetime) -> Alert | None:
    """Raise an alert if a cluster has become one: often enough, by enough callers, and not likely
    by the past. Once for a cluster; again when it has grown to twice as many."""
    held = policy()
    within = timedelta(days=held.within_days)
    lately = clusters.sightings(session, cluster.id, since=cluster.last_at - within)
    callers = {one.caller for one in lately}
    if len(lately) < held.repeats or len(callers) < held.callers:
        return None
    expected = clusters.expected(session, cluster, cluster.last_at, within)
    probability = _by_chance(len(lately), expected)
    if probability > held.surprise:
        return None
    steps = (len(lately) // held.repeats).bit_length()
    found = Found(
        HAZARD,
        REPEATS,
        {"family": cluster.family, "place": cluster.place, "district": cluster.district},
        len(lately),
        expected,
        probability,
        [one.case_id for one in lately],
        f"cluster:{cluster.id}:{steps}",
        cluster.id,
    )
    return raise_one(session, found, now)


def _by_chance(seen: int, expected: float) -> float:
    """The probability of as many or more, were there nothing but chance (Poisson)."""
    # Who only shows alerts need not wait for the library.
    from scipy.stats import poisson

    return float(poisson.sf(seen - 1, expected))


def raise_one(session: Session, found: Found, now: datetime) -> Alert | None:
    """Raise the alert and tell the first party; None when it was raised before."""
    if _already(session, found):
        return None
    values = {
        "kind": found.kind,
        "method": found.method,
        "subject": dict(found.subject),
        "cluster_id": found.cluster_id,
        "seen": found.seen,
        "expected": found.expected,
        "probability": found.probability,
        "cases": list(found.cases),
        "raised_at": now,
        "ladder": _ladder_for(session, found.subject),
        "rung": 0,
        "climbs_at": now,
        "dedupe": found.dedupe,
    }
    raised = insert(session, Alert).values(**values).on_conflict_do_nothing().returning(Alert.id)
    alert_id = session.execute(raised).scalar_one_or_none()
    if alert_id is None:
        return None
    alert = session.get_one(Alert, alert_id)
    _climb(session, alert, now)
    return alert


def raise_once(session: Session, found: Found, now: datetime) -> Alert | None:
    """As `raise_one`, but not when the same thing was raised lately, by whatever method: that alert is then
    told to have been found by this method as well. Twice as many are news again."""
    same = _the_same(session, found, now)
    if same is None or (same.method == found.method and found.seen >= 2 * same.seen):
        return raise_one(session, found, now)
    if found.method not in methods(same):
        same.subject = {**same.subject, ALSO: [*same.subject.get(ALSO, ()), found.method]}
        session.flush()
    return None


def methods(alert: Alert) -> list[str]:
    """All that found it, the one that raised it first."""
    return [alert.method, *alert.subject.get(ALSO, ())]


def _the_same(session: Session, found: Found, now: datetime) -> Alert | None:
    """The latest alert about the same kind of case in one of the same districts, or with half of these cases
    behind it."""
    since = now - timedelta(days=policy().quiet_days)
    lately = select(Alert).where(Alert.raised_at >= since).order_by(Alert.id.desc())
    wanted, behind = districts(found.subject), set(found.cases)
    for alert in session.scalars(lately):
        alike = _kind(alert.subject) == _kind(found.subject)
        if alike and wanted & districts(alert.subject):
            return alert
        if behind and 2 * len(behind & set(alert.cases)) >= len(behind):
            return alert
    return None


def _kind(subject: Mapping[str, Any]) -> tuple[Any, Any]:
    return subject.get("category"), subject.get("hazard")


def districts(subject: Mapping[str, Any]) -> set[str]:
    """The districts that an alert is about; one of no known district is about the nameless one."""
    return set(subject.get("districts") or (subject.get("district") or "",))


def _already(session: Session, found: Found) -> bool:
    known = select(Alert.id).where(Alert.dedupe == found.dedupe)
    return session.execute(known).first() is not None


def climb(session: Session, now: datetime, limit: int = 100) -> int:
    """Tell the next party of every alert that nobody has acknowledged in time; how many."""
    due = (
        select(Alert)
        .where(Alert.climbs_at <= now, Alert.acknowledged_at.is_(None))
        .order_by(Alert.climbs_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    late = list(session.scalars(due))
    for alert in late:
        _climb(session, alert, now)
    return len(late)


def _ladder_for(session: Session, subject: Mapping[str, Any]) -> list[Any] | None:
    """Who is on duty for the hazard first, one after the other, and then whom any alert climbs to."""
    held = policy()
    family = hazard_duty.family_of(subject)
    first = hazard_duty.able(session, family) if family else []
    if not first:
        return None
    step = held.duty_minutes
    named = [{"to": one.actor, "after_minutes": step * place} for place, one in enumerate(first)]
    then = [
        {"to": one.to, "after_minutes": step * len(first) + one.after_minutes}
        for one in held.climbs
    ]
    return [*named, *then]


def ladder(alert: Alert) -> tuple[Rung, ...]:
    """Whom the alert climbs to, each after so long; the first `alert.rung` of them have had their turn."""
    if alert.ladder:
        return tuple(Rung(**one) for one in alert.ladder)
    return policy().climbs


def _climb(session: Session, alert: Alert, now: datetime) -> None:
    """Tell the party whose turn it is, and set when the next one's is. Who cannot acknowledge any more
    is passed over."""
    rungs = ladder(alert)
    last = len(rungs) - 1
    while alert.rung < last and not hazard_duty.can_act(session, rungs[alert.rung].to):
        alert.rung += 1
    to = rungs[min(alert.rung, last)].to
    notices.post(
        session,
        "alert",
        to=to,
        case_id=alert.cases[-1] if alert.cases else None,
        facts={**_about(alert), "link": f"/alerts/{alert.id}"},
        dedupe=f"alert:{alert.id}:{alert.rung}",
        now=now,
    )
    alert.rung += 1
    following = rungs[alert.rung] if alert.rung < len(rungs) else None
    wait = timedelta(minutes=following.after_minutes) if following else None
    alert.climbs_at = None if wait is None else alert.raised_at + wait


def _about(alert: Alert) -> dict[str, object]:
    """What, where and how often: whoever reads it on the way need not open it to know whether to turn back."""
    subject = alert.subject
    told = {
        "hazard": subject.get("hazard") or subject.get("family"),
        "category": subject.get("category"),
        "place": subject.get("place") or subject.get("district"),
        "seen": alert.seen,
    }
    return {name: value for name, value in told.items() if value}


def acknowledge(session: Session, alert: Alert, words: str, *, by: Person, now: datetime) -> None:
    """Somebody has seen it, and says what is done about it. It climbs no further.

    Raises Refused: `already` when another was first, `incomplete` without words.
    """
    if not words.strip():
        raise Refused("incomplete", action="acknowledge", missing=["words"])
    first = (
        update(Alert)
        .where(Alert.id == alert.id, Alert.acknowledged_at.is_(None))
        .values(
            acknowledged_at=now,
            acknowledged_by=by.actor,
            words=words.strip()[:MOST_WORDS],
            climbs_at=None,
        )
    )
    if session.execute(first).rowcount != 1:  # type: ignore[attr-defined]
        raise Refused("already", action="acknowledge")
    session.refresh(alert)


def judge(session: Session, alert: Alert, verdict: str, *, by: Person, now: datetime) -> None:
    """What it came to: `right` or `false`. Raises Refused: `unknown_verdict`."""
    if verdict not in VERDICTS:
        raise Refused("unknown_verdict", verdict=verdict)
    alert.verdict, alert.judged_at, alert.judged_by = verdict, now, by.actor
    session.flush()


def dismiss(session: Session, alert: Alert, reason: str, *, by: Person, now: datetime) -> None:
    """It was false, and why. That is acknowledged as well; what was said before stays.

    Raises Refused: `incomplete` without a reason.
    """
    if not reason.strip():
        raise Refused("incomplete", action="dismiss", missing=["words"])
    said = f"{alert.words}\n{reason.strip()}" if alert.words else reason.strip()
    alert.words = said[:MOST_WORDS]
    if alert.acknowledged_at is None:
        alert.acknowledged_at, alert.acknowledged_by, alert.climbs_at = now, by.actor, None
    judge(session, alert, FALSE, by=by, now=now)


def whistled(session: Session, alert: Alert, whistle_id: int, *, by: Person, now: datetime) -> None:
    """The alert became a whistle: that is acknowledged as well."""
    alert.whistle_id = whistle_id
    if alert.acknowledged_at is None:
        alert.acknowledged_at, alert.acknowledged_by, alert.climbs_at = now, by.actor, None
    session.flush()


def open_ones(session: Session, limit: int = 200) -> list[Alert]:
    """Alerts that nobody has judged yet: those nobody has acknowledged first, then the latest."""
    wanted = (
        select(Alert)
        .where(Alert.verdict.is_(None))
        .order_by(Alert.acknowledged_at.is_not(None), Alert.raised_at.desc(), Alert.id.desc())
        .limit(limit)
    )
    return list(session.scalars(wanted))


def cases_of(session: Session, alert: Alert) -> list[Case]:
    """The cases behind an alert, the first opened first."""
    return list(session.scalars(select(Case).where(Case.id.in_(alert.cases)).order_by(Case.id)))


def record(session: Session) -> list[Recorded]:
    """How often each method was right so far; an alert that several found counts for each."""
    counted: dict[str, list[int]] = {}
    for alert in session.scalars(select(Alert)):
        for method in methods(alert):
            numbers = counted.setdefault(method, [0, 0, 0])
            numbers[0] += 1
            numbers[1] += alert.verdict is not None
            numbers[2] += alert.verdict == FALSE
    return [Recorded(method, *numbers) for method, numbers in sorted(counted.items())]
