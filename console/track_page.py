"""`/track`: a citizen follows a case without signing in, by its number and proof that it is theirs; or by
`/track/<number>/<proof>`, the link in a text message.

They see how the case stands, whose it is, by when, what was answered, and who saw, heard or was given
what they said; never who called or what was said, for the number may be known to others.
"""

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from cases import accesses, merges, replies, signins, tracking
from cases import case as case_rules
from cases.accesses import CITIZEN, Access, Forward
from cases.case import Case
from cases.errors import Refused
from cases.lifecycle import CLOSED, RESOLVED
from cases.tracking import Tracker
from cases.wording import mask_numbers
from console.addresses import address
from console.door import ANYBODY, needs
from console.office import Office
from runtime import clock
from runtime.database import transaction

# Whoever tries proofs is not kept waiting for the hundredth.
LONGEST = 64
# A browser that others use too forgets the case after so many seconds.
REMEMBERED = 20 * 60
# So many lines of who saw what are shown, the newest.
MOST = 100


@dataclass(frozen=True)
class Tracked:
    """What a citizen sees of a case. together: it was merged into another, whose state this is. due_at:
    None once it is answered. answers: when, and what. log: who saw, heard, took out or was given it,
    the newest first; `more`: so many older lines there are."""

    number: str
    together: bool
    status: str
    owner: str
    opened_at: datetime
    due_at: datetime | None
    answers: list[tuple[datetime, str]]
    log: list[Access | Forward]
    more: int


def routes(pages: Blueprint, office: Office) -> None:
    """`/track`, `/track/done` and `/track/<number>/<proof>`."""

    @pages.get("/track")
    @needs(ANYBODY)
    def track_form() -> ResponseReturnValue:
        """The form; or the case that this browser has just proved to be its own."""
        number = _remembered()
        if number is None:
            return render_template("track_form.html", number="")
        with transaction(office.engine) as records:
            case = case_rules.by_number(records, number)
            tracked = _tracked(records, case) if case else None
        return render_template("track.html", case=tracked, minutes=None)

    @pages.post("/track")
    @needs(ANYBODY)
    def track_find() -> ResponseReturnValue:
        """A wrong pair of number and proof is answered alike, whatever is wrong with it."""
        number = tracking.plain(request.form.get("number", ""))[:LONGEST]
        proof = tracking.plain(request.form.get("proof", ""))[:LONGEST]
        try:
            found = _find(office, number, proof)
        except Refused as no:
            return _refused(number, "wait", 429, minutes=no.details["minutes"])
        if not found:
            return _refused(number, "wrong", 422, hotline=office.city.hotline)
        session["tracked"] = [number, int(clock.now().timestamp())]
        return redirect(url_for("console.track_form"), 303)

    @pages.post("/track/done")
    @needs(ANYBODY)
    def track_forget() -> ResponseReturnValue:
        session.pop("tracked", None)
        return redirect(url_for("console.track_form"), 303)

    @pages.get("/track/<number>/<proof>")
    @needs(ANYBODY)
    def track(number: str, proof: str) -> ResponseReturnValue:
        """How the case stands. Wrong links are counted, and after some of them answered no more."""
        try:
            with transaction(office.engine) as records:
                case = _by_link(records, office, number, proof)
                if case is None:
                    _count_wrong(records)
        except Refused as no:
            return render_template("track.html", case=None, minutes=no.details["minutes"]), 429
        return render_template("track.html", case=case, minutes=None), 200 if case else 404


def _find(office: Office, number: str, proof: str) -> bool:
    """Whether the pair is right. Raises Refused("wait")."""
    now, at = clock.now(), address(request.remote_addr)
    with transaction(office.engine) as records:
        tracking.count_try(records, number, at, now)
    tracker = Tracker(office.tracking, office.caller_key)
    with transaction(office.engine) as records:
        case = tracker.find(records, number, proof)
        if case is not None:
            tracking.was_right(records, number, at)
    return case is not None


def _remembered() -> str | None:
    """The number of the case that was proved in this browser a short while ago."""
    number, at = session.get("tracked") or (None, 0)
    if number and clock.now().timestamp() - at > REMEMBERED:
        session.pop("tracked")
        return None
    return number


def _refused(number: str, why: str, status: int, **values: object) -> ResponseReturnValue:
    page = render_template("track_form.html", number=number, why=why, values=values)
    return page, status


def _by_link(records: Session, office: Office, number: str, proof: str) -> Tracked | None:
    if not case_rules.is_number(number) or len(proof) > LONGEST:
        return None
    if not office.tracking.opens(number, proof):
        return None
    case = case_rules.by_number(records, number)
    return _tracked(records, case) if case else None


def _tracked(records: Session, case: Case) -> Tracked:
    """The case as its citizen sees it. That somebody looked is a line of the log itself: whoever else
    has the number and the proof is seen by the citizen."""
    accesses.note(records, accesses.VIEWED, [case.id], CITIZEN, clock.now(), page="track")
    main = merges.main_of(records, case)
    answered = main.status in (RESOLVED, CLOSED)
    seen, given = accesses.of_case(records, case.id, MOST), accesses.forwards(records, case.id)
    count = accesses.count_of_case(records, case.id) + len(given)
    lines: list[Access | Forward] = [*seen, *given]
    log = sorted(lines, key=lambda one: one.at, reverse=True)[:MOST]
    records.expunge_all()
    return Tracked(
        number=str(case.number),
        together=main is not case,
        status=main.status,
        owner=main.owner,
        opened_at=case.opened_at,
        due_at=None if answered else main.due_at,
        answers=[(one.at, mask_numbers(one.text)) for one in replies.of_case(records, main.id)],
        log=log,
        more=count - len(log),
    )


def _count_wrong(records: Session) -> None:
    key = signins.of_address(f"track:{address(request.remote_addr)}")
    signins.count_try(records, (key,), clock.now())
