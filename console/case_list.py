"""`/cases`: every case that its reader may see, filtered by what the address says."""

from flask import Blueprint, g, render_template, request
from flask.typing import ResponseReturnValue

from cases.case import FLAGS
from cases.clocks import KINDS
from cases.lifecycle import STATUSES
from cases.permissions import SEE_CASES, SEE_OWN_CASES
from console import worklist
from console.door import needs
from console.office import Office
from runtime import clock
from runtime.database import transaction


def routes(pages: Blueprint, office: Office) -> None:
    """`/cases`."""

    @pages.get("/cases")
    @needs(SEE_CASES, SEE_OWN_CASES)
    def case_list() -> ResponseReturnValue:
        now, reader = clock.now(), office.person(g.here)
        wanted = worklist.read(request.args, list(office.categories), list(office.departments))
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
        )
