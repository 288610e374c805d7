"""`/abuse`: the marks of abuse, for who decides on them and who looks whether they are made rightly."""

from datetime import timedelta

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from cases import abuse
from cases.accesses import VIEWED
from cases.permissions import SEE_MARKS
from console import noted
from console.door import needs
from console.office import Office
from console.who import who
from runtime import clock
from runtime.database import transaction

# How far back is counted.
COUNTED = timedelta(days=90)
MOST = 50


def routes(pages: Blueprint, office: Office) -> None:
    """`/abuse`."""

    @pages.get("/abuse")
    @needs(SEE_MARKS)
    def abuse_page() -> ResponseReturnValue:
        now = clock.now()
        with transaction(office.engine) as records:
            waiting = abuse.waiting(records, now, MOST)
            latest = abuse.latest(records, MOST)
            counts = abuse.counts(records, now - COUNTED, now)
            numbers = abuse.numbers(records, [*waiting, *latest])
            actors = {one.marked_by for one in latest} | {one.decided_by or "" for one in latest}
            noted.note(records, office, VIEWED, *{one.case_id for one in (*waiting, *latest)})
            names = who(records, actors | {one.marked_by for one in waiting} | set(counts["agent"]))
            records.expunge_all()
        return render_template(
            "abuse.html",
            waiting=waiting,
            latest=latest,
            counts=counts,
            numbers=numbers,
            names=names,
            now=now,
            days=COUNTED.days,
        )
