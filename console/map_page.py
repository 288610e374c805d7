"""`/map`: how many cases lie in each district, of a hazard or a category, in a period. Drawn here, on the
server; each district leads to the list of the same cases."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from cases import districts, hazards
from cases.districts import Drawing, Layout
from cases.pack import PackError
from cases.permissions import SEE_ALERTS
from console import forms
from console.door import needs
from console.office import Office
from runtime import clock
from runtime.database import transaction

log = logging.getLogger(__name__)

USUAL = timedelta(days=30)
DAY = timedelta(days=1)
# How dark a district is: its share of the largest number, in so many steps.
STEPS = 4


@dataclass(frozen=True)
class Wanted:
    """What the address asks for; both days count."""

    hazard: str
    category: str
    since: date
    until: date

    def of(self, district: str) -> dict[str, str]:
        """The address of the list of a district's cases."""
        asked = {"hazard": self.hazard, "category": self.category, "district": district}
        days = {"since": self.since.isoformat(), "until": self.until.isoformat()}
        return {name: value for name, value in {**asked, **days}.items() if value}


@dataclass(frozen=True)
class Cell:
    """A district with its number, and how dark it is drawn."""

    district: str
    names: Mapping[str, str]
    row: int
    column: int
    count: int
    step: int


def routes(pages: Blueprint, office: Office) -> None:
    """`/map`."""

    @pages.get("/map")
    @needs(SEE_ALERTS)
    def map_page() -> ResponseReturnValue:
        wanted, zone = _wanted(office), office.city.time_zone
        since = datetime.combine(wanted.since, datetime.min.time(), zone)
        until = datetime.combine(wanted.until + DAY, datetime.min.time(), zone)
        with transaction(office.engine) as records:
            counts = districts.count(
                records, since, until, hazard=wanted.hazard, category=wanted.category
            )
        layout, drawn, broken = drawn_of(office.city.folder)
        cells = _cells(layout, counts) if layout else []
        return render_template(
            "map.html",
            wanted=wanted,
            cells=cells,
            layout=layout,
            drawn=drawn,
            broken=broken,
            by_name={one.district: one for one in cells},
        )


@lru_cache(8)
def drawn_of(folder: Path) -> tuple[Layout | None, Drawing | None, bool]:
    """A city's tiles, its own shapes, and whether those cannot be used. A folder is read once in a
    process: an edition never changes."""
    try:
        layout = districts.read(folder)
    except PackError as error:
        log.warning("%s", error)
        return None, None, True
    try:
        return layout, districts.drawing(folder, layout) if layout else None, False
    except PackError as error:
        log.warning("tiles are drawn instead: %s", error)
        return layout, None, True


def _wanted(office: Office) -> Wanted:
    """What the address says wrongly is left out rather than complained about."""
    asked: Mapping[str, Any] = request.args
    today = clock.now().astimezone(office.city.time_zone).date()
    until = forms.day(asked.get("until", "")) or today
    since = forms.day(asked.get("since", "")) or until - USUAL + DAY
    families = {one.family for one in hazards.kinds().values()}
    hazard = asked.get("hazard", "")
    category = asked.get("category", "")
    return Wanted(
        hazard if hazard in families else "",
        category if category in office.categories else "",
        min(since, until),
        until,
    )


def _cells(layout: Layout, counts: Mapping[str, int]) -> list[Cell]:
    most = max(counts.values(), default=0)
    return [
        Cell(
            district,
            tile.name,
            tile.row,
            tile.column,
            counts.get(district, 0),
            -(-STEPS * counts.get(district, 0) // most) if most else 0,
        )
        for district, tile in layout.tiles.items()
    ]
