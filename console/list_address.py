"""What an address of the list of cases asks for, in a city with these categories, departments and districts."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from console import worklist
from console.office import Office
from console.worklist import Filter


def read(office: Office, arguments: Mapping[str, str]) -> Filter:
    """The filter of an address. What it says wrongly is left out."""
    kinds, owners = list(office.categories), list(office.departments)
    return worklist.read(arguments, kinds, owners, districts(office))


def asked_for(office: Office, query: str) -> dict[str, Any]:
    """What is asked for after an address's question mark, but for the page."""
    return read(office, dict(parse_qsl(query))).at(1)


def districts(office: Office) -> list[str]:
    """The names of the city's districts, as referrals name them."""
    places = office.policy.routing.places.places
    return list(dict.fromkeys(one.district for one in places if one.district))
