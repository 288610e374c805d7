"""The districts of a city as they are drawn: tiles of one size laid out like the city, or the city's own
shapes. And which cases lie in which: what was understood of a case, and what the departments were told.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import cos, isfinite, radians
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass as checked
from sqlalchemy import ColumnElement, String, cast, false, func, or_, select, union
from sqlalchemy.orm import Session

from cases import asked, hazards
from cases.asked import Referral
from cases.case import Case
from cases.pack import STRICT, Names, Pack, PackError
from cases.readings import Reading

FILE: Final = "districts.yaml"
# A drawing is so wide, in units of its own; what is nearer than one unit to the point before is left out.
WIDE: Final = 600.0
MARGIN: Final = 6.0
NEAREST: Final = 1.0

Point = tuple[float, float]


@checked(frozen=True, kw_only=True, config=STRICT)
class Tile:
    """One district's tile. `row`, `column`: from 0, from the north and from the west; `name`: short."""

    row: Annotated[int, Field(ge=0, le=30)]
    column: Annotated[int, Field(ge=0, le=30)]
    name: Names


@checked(frozen=True, kw_only=True, config=STRICT)
class GeoJson:
    """A file of the city's own with the shapes. `property`: of each feature, the one that holds the
    district's name; `source`: whose data it is, shown below the drawing."""

    file: str
    property: str
    source: str


class Layout(Pack):
    """The content of `districts.yaml`. The tiles' keys are the districts' names in `places.csv`."""

    tiles: Annotated[dict[str, Tile], Field(min_length=1)]
    geojson: GeoJson | None = None

    @model_validator(mode="after")
    def _each_in_a_place_of_its_own(self) -> Layout:
        taken: dict[tuple[int, int], str] = {}
        for name, tile in self.tiles.items():
            other = taken.setdefault((tile.row, tile.column), name)
            if other != name:
                raise ValueError(f"tiles: {name} lies on {other}")
        return self


@dataclass(frozen=True)
class Shape:
    """One district's outline as an SVG path, and where its name is written."""

    district: str
    path: str
    label: Point


@dataclass(frozen=True)
class Drawing:
    """The shapes of a city, in a picture `wide` and `high`."""

    shapes: tuple[Shape, ...]
    wide: float
    high: float


def read(folder: Path) -> Layout | None:
    """The layout of the city kept in `folder`; None if it has none. Raises PackError."""
    return Layout.read(folder / FILE) if (folder / FILE).is_file() else None


def drawing(folder: Path, layout: Layout) -> Drawing | None:
    """The city's own shapes, projected; None where the layout names no file.

    Raises PackError: the file is missing, is no GeoJSON, or lacks a district.
    """
    if layout.geojson is None:
        return None
    file = folder / layout.geojson.file
    if file.resolve().parent != folder.resolve() and not file.is_symlink():
        raise PackError(file, "must lie in the city's folder")
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        found = dict(_features(content, layout.geojson.property))
        missing = [name for name in layout.tiles if name not in found]
        if missing:
            raise ValueError(f"there is no feature with {layout.geojson.property!r} {missing[0]!r}")
        return _drawn({name: found[name] for name in layout.tiles})
    except FileNotFoundError:
        raise PackError(file, f"is missing; {FILE} names it") from None
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
        said = f"{error}" if isinstance(error, ValueError) else f"is no GeoJSON ({error!r})"
        raise PackError(file, said) from None


Rings = list[list[Point]]


def _features(content: Any, name: str) -> Iterator[tuple[str, Rings]]:
    if not isinstance(content, dict) or content.get("type") != "FeatureCollection":
        raise ValueError("must be a GeoJSON FeatureCollection")
    for number, feature in enumerate(content["features"], 1):
        properties = feature.get("properties") or {}
        if name not in properties:
            raise ValueError(f"feature {number} has no property {name!r}")
        yield str(properties[name]), list(_rings(feature["geometry"], number))


def _rings(geometry: Any, number: int) -> Iterator[list[Point]]:
    kind = (geometry or {}).get("type")
    if kind not in ("Polygon", "MultiPolygon"):
        raise ValueError(f"feature {number} is a {kind}, not a Polygon or MultiPolygon")
    polygons = [geometry["coordinates"]] if kind == "Polygon" else geometry["coordinates"]
    for polygon in polygons:
        for ring in polygon:
            yield [_point(one, number) for one in ring]


def _point(given: Any, number: int) -> Point:
    lon, lat = float(given[0]), float(given[1])
    if not (isfinite(lon) and isfinite(lat) and abs(lat) < 90 and abs(lon) <= 180):
        raise ValueError(f"feature {number}: {given[:2]} are no degrees of longitude and latitude")
    return lon, lat


def _drawn(found: Mapping[str, Rings]) -> Drawing:
    """Equirectangular, true to scale at the city's middle: good enough for a city."""
    points = [point for rings in found.values() for ring in rings for point in ring]
    west, east = min(p[0] for p in points), max(p[0] for p in points)
    south, north = min(p[1] for p in points), max(p[1] for p in points)
    squeeze = cos(radians((south + north) / 2))
    scale = (WIDE - 2 * MARGIN) / max((east - west) * squeeze, 1e-9)

    def project(point: Point) -> Point:
        return (
            MARGIN + (point[0] - west) * squeeze * scale,
            MARGIN + (north - point[1]) * scale,
        )

    shapes = tuple(
        _shape(name, [[project(point) for point in ring] for ring in rings])
        for name, rings in found.items()
    )
    return Drawing(shapes, WIDE, round((north - south) * scale + 2 * MARGIN, 1))


def _shape(name: str, rings: Rings) -> Shape:
    thinned = [_thinned(ring) for ring in rings]
    path = "".join("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in ring) + "Z" for ring in thinned)
    largest = max(thinned, key=len)
    middle = (
        (min(x for x, _ in largest) + max(x for x, _ in largest)) / 2,
        (min(y for _, y in largest) + max(y for _, y in largest)) / 2,
    )
    return Shape(name, path, (round(middle[0], 1), round(middle[1], 1)))


def _thinned(ring: Sequence[Point]) -> list[Point]:
    """Without the points nobody could tell apart; at least three are kept."""
    if len(ring) < 4:
        return list(ring)
    kept = [ring[0]]
    for point in ring[1:]:
        if abs(point[0] - kept[-1][0]) + abs(point[1] - kept[-1][1]) >= NEAREST:
            kept.append(point)
    return kept if len(kept) > 3 else list(ring)


# --- what lies where ------------------------------------------------------------------------------------


def located() -> Any:
    """Every case with the district it lies in, as the hotline understood it, or as the departments that
    were asked to lead were told: columns `case_id`, `district`. A case can lie in two."""
    told = select(Referral.case_id, Referral.district).where(
        Referral.role == asked.LEAD, Referral.district.is_not(None)
    )
    understood = select(Reading.case_id, Reading.district).where(Reading.district != "")
    return union(told, understood)


def of_hazard(family: str) -> Any:
    """The cases in which a hazard of the family was heard: a selection of ids."""
    return select(Reading.case_id).where(is_heard(family))


def is_heard(family: str) -> ColumnElement[bool]:
    """Whether a hazard of the family is in a reading."""
    kinds = [one.code for one in hazards.kinds().values() if one.family == family]
    # Codes are plain words, and both databases write an object with a space behind the colon.
    heard = [cast(Reading.hazards, String).contains(f'"kind": "{kind}"') for kind in kinds]
    return or_(*heard) if heard else false()


def count(
    session: Session,
    since: datetime,
    until: datetime,
    *,
    hazard: str = "",
    category: str = "",
) -> dict[str, int]:
    """How many cases opened from `since` up to `until` lie in each district; those with any, by name."""
    where = located().subquery()
    wanted = (
        select(where.c.district, func.count(where.c.case_id.distinct()))
        .join(Case, Case.id == where.c.case_id)
        .where(Case.opened_at >= since, Case.opened_at < until)
        .group_by(where.c.district)
    )
    if hazard:
        wanted = wanted.where(Case.id.in_(of_hazard(hazard)))
    if category:
        wanted = wanted.where(Case.category == category)
    return {str(name): number for name, number in session.execute(wanted)}
