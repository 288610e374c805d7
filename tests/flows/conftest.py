"""The call flows of both cities, read from their folders."""

from pathlib import Path

import pytest

from callflows.flow import Callflow
from callflows.reader import load_city

CITIES = Path(__file__).parents[2] / "cities"


@pytest.fixture(scope="session")
def hongkong() -> Callflow:
    return load_city(CITIES / "hongkong")


@pytest.fixture(scope="session", params=["hongkong", "beijing"])
def callflow(request: pytest.FixtureRequest) -> Callflow:
    """Each city in turn."""
    return load_city(CITIES / request.param)
