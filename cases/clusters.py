"""The same hazard at the same place, told again: cases are joined as they come, across categories and
departments, and the evidence for each is kept.

A case joins the cluster of its hazard's family at its likeliest place when that has the same name, or lies
within a stone's throw, and was last told of not too long ago. Of a case whose place is only a district
nothing is joined: half a city is no place.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import cos, hypot, radians
from typing import Any, Final

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from cases import hazards
from cases.calls import Call
from cases.case import Case
from cases.readings import Reading
from cases.record import Id, Record

# A place that is doubted more than this is no ground to join on.
LEAST_SURE: Final = 0.3
METRES_A_DEGREE: Final = 111_195.0  # of latitude, on a sphere of 6,371 km


class Cluster(Record):
    """Cases of one family of hazards at one place. `cases`: how many of them."""

    __tablename__ = "clusters"
    __table_args__ = (Index("ix_clusters_family", "family", "last_at"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    family: Mapped[str] = mapped_column(String(32))
    place: Mapped[str] = mapped_column(String(128))
    district: Mapped[str] = mapped_column(String(64))
    lat: Mapped[float | None]
    lon: Mapped[float | None]
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    cases: Mapped[int]


class Sighting(Record):
    """One case in a cluster: why it is there. `at`: when the call came; `evidence`: the place as it was
    said and found, and the words of each hazard."""

    __tablename__ = "sightings"
    __table_args__ = (
        UniqueConstraint("case_id", "cluster_id"),
        Index("ix_sightings_cluster_id", "cluster_id", "at"),
        Index("ix_sightings_at", "at"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(Id, ForeignKey("cases.id"))
    cluster_id: Mapped[int] = mapped_column(Id, ForeignKey("clusters.id"))
    family: Mapped[str] = mapped_column(String(32))
    caller: Mapped[str] = mapped_column(String(80))
    at: Mapped[datetime]
    evidence: Mapped[dict[str, Any]]


def join(
    session: Session, case: Case, reading: Reading, *, joined_days: int, near_metres: float
) -> list[Cluster]:
    """Put the case into the cluster of each of its families of hazards; the clusters it is new in.

    A case read anew leaves the clusters that it does not belong to any more.
    """
    place = _place(reading)
    families = _families(reading) if place else {}
    kept = _leave(session, case, place, families, near_metres)
    fresh = []
    for family, told in families.items():
        if family in kept or place is None:
            continue
        cluster = _find(session, family, place, case.opened_at, joined_days, near_metres)
        cluster = cluster or _new(session, family, place, case.opened_at)
        _add(session, cluster, case, {"place": place, "hazards": told})
        fresh.append(cluster)
    session.flush()
    return fresh


def _place(reading: Reading) -> dict[str, Any] | None:
    sure = [one for one in reading.places if not one["wide"] and one["confidence"] >= LEAST_SURE]
    return sure[0] if sure else None


def _families(reading: Reading) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for told in reading.hazards:
        found.setdefault(hazards.family(told["kind"]), []).append(told)
    return found


def _leave(
    session: Session,
    case: Case,
    place: dict[str, Any] | None,
    families: Iterable[str],
    near_metres: float,
) -> set[str]:
    """Take the case out of what it does not belong to; the families it stays in."""
    stays = set()
    mine = (
        select(Sighting, Cluster)
        .join(Cluster, Cluster.id == Sighting.cluster_id)
        .where(Sighting.case_id == case.id)
    )
    for sighting, cluster in session.execute(mine).all():
        if place and cluster.family in families and is_near(cluster, place, near_metres):
            stays.add(cluster.family)
            continue
        session.delete(sighting)
        cluster.cases -= 1
    return stays


def _find(
    session: Session,
    family: str,
    place: dict[str, Any],
    at: datetime,
    joined_days: int,
    near_metres: float,
) -> Cluster | None:
    """The cluster of this place last told of; its row is held, so that two cases make one."""
    lately = (
        select(Cluster)
        .where(Cluster.family == family)
        .where(Cluster.last_at >= at - timedelta(days=joined_days))
        .where(Cluster.first_at <= at + timedelta(days=joined_days))
        .order_by(Cluster.last_at.desc())
        .with_for_update()
    )
    near = (one for one in session.scalars(lately) if is_near(one, place, near_metres))
    return next(near, None)


def is_near(cluster: Cluster, place: dict[str, Any], near_metres: float) -> bool:
    """Whether a place is the cluster's: of the same name in the same district, or near enough."""
    if cluster.place == place["name"] and cluster.district == place["district"]:
        return True
    here, there = (cluster.lat, cluster.lon), (place["lat"], place["lon"])
    if None in here or None in there:
        return False
    return metres(*here, *there) <= near_metres  # type: ignore[arg-type]


def metres(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """How far two points (degrees) lie apart, in metres; good for distances within a city."""
    north = (other_lat - lat) * METRES_A_DEGREE
    east = (other_lon - lon) * METRES_A_DEGREE * cos(radians((lat + other_lat) / 2))
    return hypot(north, east)


def _new(session: Session, family: str, place: dict[str, Any], at: datetime) -> Cluster:
    cluster = Cluster(
        family=family,
        place=place["name"],
        district=place["district"],
        lat=place["lat"],
        lon=place["lon"],
        first_at=at,
        last_at=at,
        cases=0,
    )
    session.add(cluster)
    session.flush()
    return cluster


def _add(session: Session, cluster: Cluster, case: Case, evidence: dict[str, Any]) -> None:
    digest = session.scalars(select(Call.caller_digest).where(Call.id == case.call_id)).one()
    session.add(
        Sighting(
            case_id=case.id,
            cluster_id=cluster.id,
            family=cluster.family,
            # Each withheld number counts as somebody of their own.
            caller=digest or f"case:{case.id}",
            at=case.opened_at,
            evidence=evidence,
        )
    )
    cluster.cases += 1
    cluster.first_at = min(cluster.first_at, case.opened_at)
    cluster.last_at = max(cluster.last_at, case.opened_at)


def sightings(session: Session, cluster_id: int, since: datetime | None = None) -> list[Sighting]:
    """The cases of a cluster, the first told first."""
    wanted = select(Sighting).where(Sighting.cluster_id == cluster_id)
    if since:
        wanted = wanted.where(Sighting.at >= since)
    return list(session.scalars(wanted.order_by(Sighting.at, Sighting.id)))


def of_case(session: Session, case_id: int) -> list[Cluster]:
    """The clusters a case is in."""
    mine = select(Sighting.cluster_id).where(Sighting.case_id == case_id)
    return list(session.scalars(select(Cluster).where(Cluster.id.in_(mine)).order_by(Cluster.id)))


@dataclass(frozen=True)
class Told:
    """One case of a cluster and why it is in it, for people to read. `said`: the caller's words for the
    place; `how`: as Candidate has it; `words`: those for the hazard, empty where only its category says
    so; `apart`: metres from the place of the case it is shown beside, None where one of them has no
    position; `by_name`: whether the two places have the same name."""

    case_id: int
    number: str
    place: str
    said: str
    how: str
    words: tuple[str, ...]
    apart: float | None = None
    by_name: bool = True


@dataclass(frozen=True)
class Together:
    """A cluster that a case shares with others: the case's own words, and the others', latest first."""

    cluster: Cluster
    own: Told
    others: tuple[Told, ...]


def together(session: Session, case_id: int, most: int = 8) -> list[Together]:
    """What a case is seen together with, and on what evidence; of each cluster the last `most` others."""
    shared = (one for one in of_case(session, case_id) if one.cases > 1)
    return [_together(session, cluster, case_id, most) for cluster in shared]


def _together(session: Session, cluster: Cluster, case_id: int, most: int) -> Together:
    rows = session.execute(
        select(Sighting, Case.number)
        .join(Case, Case.id == Sighting.case_id)
        .where(Sighting.cluster_id == cluster.id)
        .order_by(Sighting.at.desc(), Sighting.id.desc())
    ).all()
    own = next(row for row in rows if row.Sighting.case_id == case_id)
    others = [row for row in rows if row.Sighting.case_id != case_id][:most]
    return Together(
        cluster,
        _told(own.Sighting, own.number, own.Sighting),
        tuple(_told(row.Sighting, row.number, own.Sighting) for row in others),
    )


def _told(sighting: Sighting, number: str | None, beside: Sighting) -> Told:
    place, other = sighting.evidence["place"], beside.evidence["place"]
    points = (place["lat"], place["lon"], other["lat"], other["lon"])
    words = [word for hazard in sighting.evidence["hazards"] for word in hazard["words"]]
    return Told(
        case_id=sighting.case_id,
        number=number or "",
        place=place["name"],
        said=place["said"],
        how=place["how"],
        words=tuple(dict.fromkeys(words)),
        apart=None if None in points else metres(*points),
        by_name=place["name"] == other["name"] and place["district"] == other["district"],
    )


def expected(session: Session, cluster: Cluster, now: datetime, within: timedelta) -> float:
    """How many cases its hazard and place would have let expect within so long: by the rate of the
    hazard at a place where it is told of at all, over the year before, or by the place's own rate
    before, whichever is more. Never 0: something is always possible."""
    year = timedelta(days=365)
    since = now - within
    past = (Sighting.at >= since - year, Sighting.at < since, Sighting.family == cluster.family)
    told, places = session.execute(
        select(func.count(), func.count(Sighting.cluster_id.distinct())).where(*past)
    ).one()
    own = session.execute(
        select(func.count()).where(*past, Sighting.cluster_id == cluster.id)
    ).scalar_one()
    share = within / year
    return float(max((told + 1) / (places + FEWEST_PLACES), own) * share)


# With little past a place is taken to be one of this many.
FEWEST_PLACES: Final = 20
