"""`/cases`: every case that its reader may see, filtered by what the address says."""

from urllib.parse import urlencode

from flask import Blueprint, g, request
from flask.typing import ResponseReturnValue

from cases import permissions, views
from cases.case import FLAGS
from cases.clocks import KINDS
from cases.lifecycle import STATUSES
from cases.permissions import SEE_CASES, SEE_OWN_CASES
from console import bulk_page, export_page, list_address, live, worklist
from console.door import needs
from console.office import Office
from runtime import clock
from runtime.database import transaction

# Seconds between two looks at how many cases are new, and late.
EVERY = 10


def routes(pages: Blueprint, office: Office) -> None:
    """`/cases`."""

    @pages.get("/cases")
    @needs(SEE_CASES, SEE_OWN_CASES)
    def case_list() -> ResponseReturnValue:
        now, reader = clock.now(), office.person(g.here)
        with transaction(office.engine) as records:
            counts = worklist.counts(records, reader, now)
        if live.ASKS in request.headers:
            return live.page("cases", office, now, counts=counts)
        wanted = list_address.read(office, request.args)
        with transaction(office.engine) as records:
            page = worklist.find(records, wanted, reader, office.city.time_zone, now)
            saved = views.of(records, reader)
            records.expunge_all()
        return live.page(
            "cases",
            office,
            now,
            counts=counts,
            every=EVERY,
            wanted=wanted,
            page=page,
            statuses=(worklist.OPEN, *STATUSES),
            flags=FLAGS,
            clock_kinds=KINDS,
            views=saved,
            query=urlencode(wanted.at(1)),
            bulk=[one for one in bulk_page.ACTIONS if permissions.may(reader.role, one)],
            exported_at_most=export_page.MOST,
            districts=[(name, name) for name in list_address.districts(office)],
        )
