"""The daily round: what a day added up to, by every method, each thing raised once.

EARS C2 looks by the day at each category in each district, and at each hazard of which callers spoke there,
whatever their cases are filed under; Kulldorff's scan at which neighbouring districts have more than their
share of a category in the last fortnight; Farrington Flexible, on Sundays, at the week, against the same
weeks of past years. EARS is raised first: it is the most particular.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib.util import find_spec
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from cases import alerts, hazards, scan, surges
from cases.alerts import SCAN, SURGE, Alert, Found
from cases.places import Places
from cases.scan import Cluster
from cases.surges import DAY, LEARNED, By, Series, Surge

EARS_METHOD: Final = "EARS C2"
SCAN_METHOD: Final = "Kulldorff scan"
FARRINGTON_METHOD: Final = "Farrington Flexible"

SCANNED: Final = 14  # days
# The scan needs so many days before these to know a district's share.
LEAST_PAST: Final = 56
FEW_REPLICAS: Final = 99
# A district that never had such a call is taken to have one in so many days.
RARE_DAYS: Final = 365
WEEK: Final = 7
MOST_YEARS, FEWEST_YEARS = 5, 3
WEEKS_A_YEAR: Final = 53
HALF: Final = 3

Working = Callable[[date], bool]
Centres = Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Day:
    """The day that is looked back on, and what is known of the city: `centres` of its districts as
    (latitude, longitude) in degrees."""

    zone: ZoneInfo
    is_working: Working
    centres: Centres
    day: date


def centres(places: Places) -> dict[str, tuple[float, float]]:
    """The middle of the known places of each district."""
    points: dict[str, list[tuple[float, float]]] = {}
    for place in places.places:
        if place.district and place.lat is not None and place.lon is not None:
            points.setdefault(place.district, []).append((place.lat, place.lon))
    return {
        district: (sum(lat for lat, _ in of) / len(of), sum(lon for _, lon in of) / len(of))
        for district, of in points.items()
    }


@cache
def has_farrington() -> bool:
    """Whether the extra `surveillance` is installed, which Farrington's method needs."""
    return find_spec("statsmodels") is not None


def look(session: Session, of: Day, now: datetime) -> list[Alert]:
    """Raise an alert for everything the day added up to that was not raised lately."""
    series = surges.series_of(session, of.zone, of.day, LEARNED)
    spoken_of = surges.series_of(session, of.zone, of.day, LEARNED, by="hazard")
    found: list[Iterable[Found]] = [
        _sudden(session, of, series, "category"),
        _sudden(session, of, spoken_of, "hazard"),
        _spread(session, of, series),
    ]
    if of.day.weekday() == 6 and has_farrington():
        found.append(_weekly(session, of))
    each = (alerts.raise_once(session, one, now) for method in found for one in method)
    return [alert for alert in each if alert]


def _sudden(session: Session, of: Day, series: Series, by: By) -> Iterator[Found]:
    held, called = alerts.policy(), "surge" if by == "category" else "spoken-of"
    least, surprise = held.surge_least, held.surge_surprise
    for one in surges.detect(series, of.is_working, least=least, surprise=surprise, days=1):
        yield _surge(session, of, one, EARS_METHOD, one.day, called, by)


def _surge(
    session: Session,
    of: Day,
    surge: Surge,
    method: str,
    first: date,
    called: str,
    by: By = "category",
) -> Found:
    kind, district = surge.cell
    last = of.day
    return Found(
        SURGE,
        method,
        {**_about(kind, by), "district": district, "day": last.isoformat()},
        surge.seen,
        surge.expected,
        surge.probability,
        surges.cases_behind(session, of.zone, kind, [district], first, last, by),
        f"{called}:{kind}:{district}:{last.isoformat()}",
    )


def _about(kind: str, by: By) -> dict[str, str]:
    if by == "category":
        return {"category": kind}
    return {"family": hazards.family(kind), "hazard": kind}


def _spread(session: Session, of: Day, series: Series) -> Iterator[Found]:
    """Of each category the most unlikely group of districts, if it is unlikely enough."""
    begun = np.flatnonzero(series.counts.sum(axis=0)) if series.cells else np.array([])
    if not len(begun) or series.counts.shape[1] - SCANNED - begun[0] < LEAST_PAST:
        return
    names = sorted(of.centres)
    zones = scan.zones([of.centres[name] for name in names])
    factors = surges.day_factors(series, of.is_working)
    for category in sorted({category for category, _ in series.cells}):
        counts = _by_district(series, category, names)
        lately = counts[:, -SCANNED:]
        if lately[:, -1].sum() and lately.sum() >= alerts.policy().surge_least:
            expected = _usual(counts[:, begun[0] : -SCANNED], factors[-SCANNED:])
            cluster = _unlikely(lately, expected, zones, seed=of.day.toordinal())
            if cluster:
                yield _cluster(session, of, category, names, cluster)


def _by_district(series: Series, category: str, names: list[str]) -> NDArray[np.int_]:
    rows = {district: row for row, (kind, district) in enumerate(series.cells) if kind == category}
    nothing = np.zeros(series.counts.shape[1])
    daily = [series.counts[rows[name]] if name in rows else nothing for name in names]
    return np.array(daily).astype(int)


def _usual(past: NDArray[np.int_], factors: surges.Floats) -> surges.Floats:
    """What each district has of such calls on each of the last days, by its past."""
    mean = np.maximum(past.mean(axis=1), 1 / RARE_DAYS)
    usual: surges.Floats = mean[:, None] * factors[None]
    return usual


def _unlikely(
    counts: NDArray[np.int_], expected: surges.Floats, zones: list[tuple[int, ...]], seed: int
) -> Cluster | None:
    """The most unlikely window if it is unlikely enough. Most are not, and a hundred random maps say so."""
    held = alerts.policy()
    few = scan.most_likely(counts, expected, zones, seed=seed, replicas=FEW_REPLICAS)
    if few is None or few.seen < held.surge_least or few.probability > 2 / FEW_REPLICAS:
        return None
    cluster = scan.most_likely(counts, expected, zones, seed=seed)
    # As many random maps as there are cannot show less than one in so many.
    least = max(held.surge_surprise, 1 / (scan.REPLICAS + 1))
    return cluster if cluster and cluster.probability <= least else None


def _cluster(session: Session, of: Day, category: str, names: list[str], cluster: Cluster) -> Found:
    districts = [names[row] for row in cluster.zone]
    first = of.day - (cluster.days - 1) * DAY
    return Found(
        SCAN,
        SCAN_METHOD,
        {
            "category": category,
            "district": "、".join(districts),
            "districts": districts,
            "days": cluster.days,
            "day": of.day.isoformat(),
        },
        cluster.seen,
        cluster.expected,
        cluster.probability,
        surges.cases_behind(session, of.zone, category, districts, first, of.day),
        f"scan:{category}:{of.day.isoformat()}",
    )


def _weekly(session: Session, of: Day) -> Iterator[Found]:
    """The week that ended with the day, of every category and district with three years behind it."""
    weeks = MOST_YEARS * WEEKS_A_YEAR + HALF + 1
    series = surges.weeks_of(session, of.zone, of.day, weeks)
    begun = np.flatnonzero(series.counts.sum(axis=0)) if series.cells else np.array([])
    years = (weeks - 1 - HALF - begun[0]) // WEEKS_A_YEAR if len(begun) else 0
    if years < FEWEST_YEARS:
        return
    for cell, counts in zip(series.cells, series.counts.astype(int), strict=True):
        if counts[-1] >= alerts.policy().surge_least and (
            surge := _week(cell, counts, series.first, int(years), of.day)
        ):
            first = of.day - (WEEK - 1) * DAY
            yield _surge(session, of, surge, FARRINGTON_METHOD, first, "week")


def _week(
    cell: surges.Cell, counts: NDArray[np.int_], first: date, years: int, day: date
) -> Surge | None:
    # Statsmodels takes a second to load: only where it is wanted.
    from cases import farrington

    week = farrington.judge(counts, first, len(counts) - 1, years=years)
    if week is None or not week.alarm:
        return None
    return Surge(cell, day, week.seen, week.expected, week.probability)
