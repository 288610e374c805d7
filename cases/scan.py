"""Kulldorff's scan statistic: which districts, over which last days, have more than their share?

The prospective space-time scan of Kulldorff, JRSS A 164 (2001) 61, with the Poisson likelihood ratio: every
zone (a district with so many of its nearest neighbours) over every window that ends today is compared
with what was expected of it; the most unlikely one is told, with the share of random maps of as many
calls in which some window is as unlikely (Monte Carlo, Dwass 1957).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

REPLICAS: Final = 999


@dataclass(frozen=True)
class Cluster:
    """The most unlikely window. `zone`: rows of the counts, the middle first; `days`: how many, the last
    one today; `ratio`: the log likelihood ratio; `probability`: of one as high by chance alone."""

    zone: tuple[int, ...]
    days: int
    seen: int
    expected: float
    ratio: float
    probability: float


def most_likely(
    counts: NDArray[np.int_],
    expected: Floats,
    zones: Sequence[tuple[int, ...]],
    *,
    seed: int,
    replicas: int = REPLICAS,
) -> Cluster | None:
    """The most unlikely window of daily counts of shape (districts, days), the last day being today.

    expected: of the same shape, in any unit: only its proportions count. None when nothing was counted
    or nowhere was more than expected. The same seed gives the same probability.
    """
    total = int(counts.sum())
    share = expected / expected.sum()
    if not total:
        return None
    members = _members(zones, counts.shape[0])
    seen = _windows(counts.astype(float), members)
    hoped = _windows(share * total, members)
    ratios = _ratio(seen, hoped, total)
    best = np.unravel_index(int(np.argmax(ratios)), ratios.shape)
    if ratios[best] <= 0:
        return None
    higher = _higher(share, members, hoped, total, float(ratios[best]), seed, replicas)
    zone, back = int(best[0]), int(best[1])
    return Cluster(
        zone=zones[zone],
        days=back + 1,
        seen=int(seen[best]),
        expected=float(hoped[best]),
        ratio=float(ratios[best]),
        probability=(higher + 1) / (replicas + 1),
    )


def zones(places: Sequence[tuple[float, float]], most: int = 4) -> list[tuple[int, ...]]:
    """Every district alone and with its nearest neighbours, up to `most` in all.

    places: (latitude, longitude) in degrees of the districts' middles.
    """
    points = np.radians(np.array(places, dtype=float).reshape(-1, 2))
    flat = np.column_stack([points[:, 0], points[:, 1] * np.cos(points[:, 0].mean())])
    apart = np.linalg.norm(flat[:, None] - flat[None], axis=2)
    nearest = np.argsort(apart, axis=1, kind="stable")
    found: dict[frozenset[int], tuple[int, ...]] = {}
    for size in range(1, min(most, len(places)) + 1):
        for row in nearest:
            zone = tuple(int(one) for one in row[:size])
            found.setdefault(frozenset(zone), zone)
    return list(found.values())


def _members(zones: Sequence[tuple[int, ...]], districts: int) -> Floats:
    members = np.zeros((len(zones), districts))
    for row, zone in enumerate(zones):
        members[row, list(zone)] = 1
    return members


def _windows(daily: Floats, members: Floats) -> Floats:
    """For each zone and number of last days the sum. Leading axes (replicas) stay."""
    since: Floats = np.cumsum(daily[..., ::-1], axis=-1)
    return members @ since


def _ratio(seen: Floats, expected: Floats, total: int) -> Floats:
    """The log likelihood ratio where more was seen than expected, else 0."""
    outside, hoped_outside = total - seen, total - expected
    with np.errstate(divide="ignore", invalid="ignore"):
        inside = np.where(seen > 0, seen * np.log(seen / expected), 0)
        rest = np.where(outside > 0, outside * np.log(outside / hoped_outside), 0)
    ratio: Floats = np.where((seen > expected) & (expected > 0), inside + rest, 0)
    return ratio


def _higher(
    share: Floats,
    members: Floats,
    hoped: Floats,
    total: int,
    ratio: float,
    seed: int,
    replicas: int,
) -> int:
    """In how many random maps some window is as unlikely."""
    random = np.random.default_rng(seed)
    drawn = random.multinomial(total, share.ravel(), size=replicas)
    maps = drawn.reshape(replicas, *share.shape).astype(float)
    ratios = _ratio(_windows(maps, members), hoped, total)
    return int((ratios.max(axis=(1, 2)) >= ratio).sum())
