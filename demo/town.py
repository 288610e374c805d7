"""The demonstration's city: one of the cities, and the places of its sentences, which no real city has."""

import shutil
from pathlib import Path

from .house import CITY, PROJECT
from .scenario import CALLS

PLACES = CALLS / "places.csv"


def build(folder: Path) -> Path:
    """A city for the setting CITY, made anew in `folder`. Raises OSError."""
    town = folder / CITY
    shutil.rmtree(town, ignore_errors=True)
    shutil.copytree(PROJECT / "cities" / CITY, town)
    with (town / "places.csv").open("a", encoding="utf-8") as places:
        places.write(PLACES.read_text(encoding="utf-8"))
    return town
