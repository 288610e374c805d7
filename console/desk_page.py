"""`/desk`: where an agent's day begins: the next case, what is in hand, what is due, who is to be rung."""

from datetime import datetime, time, timedelta

from flask import Blueprint, abort, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cases import case as case_rules
from cases import followups, leases, routing, transcripts
from cases.errors import Refused
from cases.permissions import WORK_DESK
from console import case_sheet, in_hand
from console.door import needs
from console.office import Office
from console.who import who
from runtime import clock
from runtime.database import transaction

# So many of each are shown; the rest is in the lists.
MOST = 12


def routes(pages: Blueprint, office: Office) -> None:
    """`/desk`, the next case, and who has a case in hand."""
    _desk_routes(pages, office)
    _hand_routes(pages, office)

    @pages.get("/cases/<number>/departments")
    @needs(WORK_DESK)
    def case_departments(number: str) -> ResponseReturnValue:
        """Who may have the case if it is of the category that is being chosen: a part of its page."""
        chosen = request.args.get("category", "")
        category = chosen if chosen in office.categories else None
        with transaction(office.engine) as records:
            case = case_sheet.find(records, number, office.person(g.here))
            where = routing.where_is(records, case, office.policy.routing.places)
            whose = case_sheet.whose(records, office, case, where, category)
        lead = whose[0].code if whose else ""
        return render_template("departments.html", whose=whose, lead=lead)


def _desk_routes(pages: Blueprint, office: Office) -> None:
    @pages.get("/desk")
    @needs(WORK_DESK)
    def desk_page() -> ResponseReturnValue:
        now, me = clock.now(), office.person(g.here)
        with transaction(office.engine) as records:
            due = leases.waiting_until(records, _tonight(office, now), MOST)
            held = leases.holders(records, [case.id for case, _ in due], now)
            told = transcripts.told(records, [case.call_id for case, _ in due])
            to_ring = followups.by_hand(records, MOST)
            page = {
                "waiting": leases.waiting(records),
                "due": due,
                "texts": {call: one.masked_text for call, one in told.items()},
                "held": held,
                "to_ring": to_ring,
                "names": who(records, [row.in_hand_by or "" for row, _ in to_ring]),
            }
            strip = in_hand.of(records, me)
        return render_template("desk.html", now=now, strip=strip, most=leases.MOST, **page)

    @pages.post("/desk/next")
    @needs(WORK_DESK)
    def desk_next() -> ResponseReturnValue:
        return in_hand.go_on(office)


def _tonight(office: Office, now: datetime) -> datetime:
    """The next midnight in the city."""
    zone = office.city.time_zone
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), zone)


def _hand_routes(pages: Blueprint, office: Office) -> None:
    @pages.post("/cases/<number>/take-in-hand")
    @needs(WORK_DESK)
    def take_in_hand(number: str) -> ResponseReturnValue:
        """Take this very case. `knowingly`: from somebody who is at it, as a supervisor may."""
        by, knowingly = office.person(g.here), request.form.get("knowingly") == "1"
        try:
            with transaction(office.engine) as records:
                case = case_sheet.find(records, number, by)
                leases.take(records, case, by=by, now=clock.now(), knowingly=knowingly)
        except Refused as no:
            flash(f"refused.{no.code}")
        else:
            flash("desk.taken")
        return redirect(url_for("console.case_page", number=number), 303)

    @pages.post("/cases/<number>/put-back")
    @needs(WORK_DESK)
    def put_back(number: str) -> ResponseReturnValue:
        by = office.person(g.here)
        with transaction(office.engine) as records:
            case = case_sheet.find(records, number, by)
            leases.put_back(records, case.id, by=by)
        flash("desk.put_back")
        return redirect(url_for("console.desk_page"), 303)

    @pages.post("/cases/<number>/presence")
    @needs(WORK_DESK)
    def presence(number: str) -> ResponseReturnValue:
        """Told by a case's page while it is in sight; what comes back is who else is there.

        active: somebody is at work, so what they have in hand stays theirs. away: the page is left.
        """
        by = office.person(g.here)
        with transaction(office.engine) as records:
            case = case_rules.by_number(records, number) or abort(404)
            if request.form.get("away"):
                leases.look_away(records, case.id, by=by)
                return "", 204
            if request.form.get("active"):
                leases.keep(records, by, clock.now())
            leases.look(records, case.id, by=by, now=clock.now())
            holder = leases.holder(records, case.id, clock.now())
            lookers = leases.lookers(records, case.id, besides=by, now=clock.now())
            records.flush()
            records.expunge_all()
        return render_template("in_hand.html", case=case, holder=holder, lookers=lookers)
