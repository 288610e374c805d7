"""`/cases`: every case that its reader may see, filtered by what the address says."""

from collections.abc import Mapping

from flask import Blueprint, g, render_template, request
from flask.typing import ResponseReturnValue

from cases.case import FLAGS
from cases.clocks import KINDS
from cases.lifecycle import STATUSES
from cases.permissions import SEE_CASES, SEE_OWN_CASES
from console import worklist
from console.door import needs
from console.office import Office
from console.worklist import Filter
from runtime import clock
from runtime.database import transaction


def routes(pages: Blueprint, office: Office) -> None:
    """`/cases`."""

    @pages.get("/cases")
    @needs(SEE_CASES, SEE_OWN_CASES)
    def case_list() -> ResponseReturnValue:
        now, reader = clock.now(), office.person(g.here)
        wanted = read(office, request.args)
        with transaction(office.engine) as records:
            page = worklist.find(records, wanted, reader, office.city.time_zone, now)
        return render_template(
            "cases.html",
            wanted=wanted,
            page=page,
            now=now,
            statuses=(worklist.OPEN, *STATUSES),
            flags=FLAGS,
            clock_kinds=KINDS,
            districts=[(name, name) for name in districts(office)],
        )


def read(office: Office, arguments: Mapping[str, str]) -> Filter:
    """The filter that an address describes, with what this city has to choose from."""
    kinds, owners = list(office.categories), list(office.departments)
    return worklist.read(arguments, kinds, owners, districts(office))


def districts(office: Office) -> list[str]:
    """The names of the city's districts, as referrals name them."""
    places = office.policy.routing.places.places
    return list(dict.fromkeys(one.district for one in places if one.district))
