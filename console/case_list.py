"""`/cases`: every case, filtered by what the address says."""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from cases.case import FLAGS
from cases.lifecycle import STATUSES
from cases.permissions import SEE_CASES
from console import worklist
from console.door import needs
from console.office import Office
from runtime import clock
from runtime.database import transaction


def routes(pages: Blueprint, office: Office) -> None:
    """`/cases`."""

    @pages.get("/cases")
    @needs(SEE_CASES)
    def case_list() -> ResponseReturnValue:
        wanted = worklist.read(request.args, list(office.categories))
        with transaction(office.engine) as records:
            page = worklist.find(records, wanted, office.city.time_zone)
        return render_template(
            "cases.html",
            wanted=wanted,
            page=page,
            now=clock.now(),
            statuses=(worklist.OPEN, *STATUSES),
            flags=FLAGS,
        )
