"""`/admin/jobs`: what waits for the hotline's own processes, and what was given up, to be tried again."""

from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache

from flask import Blueprint, abort, flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from cases import backlog, deliveries, outgoing, recordings, transcripts
from cases.accesses import VIEWED
from cases.errors import Refused
from cases.permissions import MANAGE_JOBS
from console import noted
from console.door import needs
from console.office import Office
from console.who import who
from console.words import Words
from runtime import clock
from runtime.database import transaction
from runtime.queues import Doorbell

MOST = 50
# How far back deliveries are shown that were given up.
SHOWN = timedelta(days=14)


def routes(pages: Blueprint, office: Office) -> None:
    """`/admin/jobs`, and the two ways to try again."""

    @pages.get("/admin/jobs")
    @needs(MANAGE_JOBS)
    def job_page() -> ResponseReturnValue:
        return _page(office)

    @pages.post("/admin/jobs/recordings/<int:recording_id>/again")
    @needs(MANAGE_JOBS)
    def recording_again(recording_id: int) -> ResponseReturnValue:
        return _again(office, recording_id, transcripts.try_again)

    @pages.post("/admin/jobs/deliveries/<int:delivery_id>/again")
    @needs(MANAGE_JOBS)
    def delivery_again(delivery_id: int) -> ResponseReturnValue:
        return _again(office, delivery_id, deliveries.try_again)


def _page(office: Office, problem: str = "") -> str:
    now = clock.now()
    with transaction(office.engine) as records:
        steps = backlog.steps(records, now)
        unspread = backlog.unspread(records)
        lost = [
            (one, case)
            for one in recordings.given_up(records, MOST)
            if (case := outgoing.case_about(records, one.call_id)) is not None
        ]
        noted.note(records, office, VIEWED, *{case.id for _, case in lost})
        undelivered = deliveries.given_up(records, now - SHOWN, MOST)
        names = who(records, [row.to for _, row in undelivered if row.to.startswith("agent:")])
        records.expunge_all()
    redis_url = office.settings.redis_url
    bells = {one.name: _doorbell(redis_url).depth(one.name) for one in steps}
    return render_template(
        "jobs.html",
        steps=steps,
        bells=bells,
        rings=bool(redis_url),
        mute=bool(redis_url) and None in bells.values(),
        unspread=unspread,
        lost=lost,
        undelivered=undelivered,
        names=names,
        problem=problem,
        now=now,
        days=SHOWN.days,
        most=backlog.MOST,
    )


@lru_cache(4)
def _doorbell(redis_url: str) -> Doorbell:
    return Doorbell(redis_url)


def _again(office: Office, row_id: int, rule: Callable[..., None]) -> ResponseReturnValue:
    try:
        with transaction(office.engine) as records:
            _do(records, office, row_id, rule)
    except Refused as no:
        if no.code.startswith("unknown_"):
            abort(404)
        return _page(office, Words(g.wording, office).refused(no)), 409
    flash("jobs.again.done")
    return redirect(url_for("console.job_page"), 303)


def _do(records: Session, office: Office, row_id: int, rule: Callable[..., None]) -> None:
    rule(records, row_id, by=office.person(g.here), now=clock.now())
