"""`/alerts`: what the calls add up to, raised before the accident 未訴先辦. `/hazards`: hazards by place."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from flask import Blueprint, abort, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from cases import accesses, alerts, case, hazard_duty, hazards, transcripts, whistles
from cases.alerts import Alert
from cases.case import Case
from cases.clusters import Cluster
from cases.errors import Refused
from cases.lifecycle import CLOSED
from cases.permissions import ACKNOWLEDGE, SEE_ALERTS
from console import forms
from console.door import needs
from console.forms import Field, Form, Given
from console.noted import note
from console.office import Office
from console.who import who
from console.words import Words
from runtime import clock
from runtime.database import transaction

# What a line of the list and of the board is about, and how far back the board looks.
BOARD = timedelta(days=90)
MOST = 200
# So many of the cases behind an alert are named in the list.
NAMED = 4
DISMISSING = Form("dismiss", (Field("words"),))


@dataclass(frozen=True)
class Behind:
    """A case behind an alert, with what was said in it, numbers masked."""

    case: Case
    text: str


def routes(pages: Blueprint, office: Office) -> None:
    """`/alerts`, `/alerts/<id>` with what is done about it, and `/hazards`."""

    @pages.get("/alerts")
    @needs(SEE_ALERTS)
    def alert_list() -> ResponseReturnValue:
        with transaction(office.engine) as records:
            rows, record = alerts.open_ones(records), alerts.record(records)
            ids = {one for alert in rows for one in alert.cases[-NAMED:]}
            numbers = case.numbers(records, ids)
            records.expunge_all()
        shares = {one.method: one for one in record}
        now = clock.now()
        return render_template(
            "alerts.html",
            rows=rows,
            record=record,
            shares=shares,
            numbers=numbers,
            named=NAMED,
            now=now,
        )

    @pages.get("/alerts/<int:alert_id>")
    @needs(SEE_ALERTS)
    def alert_page(alert_id: int) -> ResponseReturnValue:
        return _page(office, alert_id)

    @pages.get("/hazards")
    @needs(SEE_ALERTS)
    def hazard_board() -> ResponseReturnValue:
        return board_page(office)

    _acts(pages, office)


def _acts(pages: Blueprint, office: Office) -> None:
    @pages.post("/alerts/<int:alert_id>/acknowledge")
    @needs(ACKNOWLEDGE)
    def acknowledge_alert(alert_id: int) -> ResponseReturnValue:
        given = forms.read(ACKNOWLEDGING, request.form)
        return _do(office, alert_id, "acknowledge", given)

    @pages.post("/alerts/<int:alert_id>/judge")
    @needs(ACKNOWLEDGE)
    def judge_alert(alert_id: int) -> ResponseReturnValue:
        return _do(office, alert_id, "judge", {"verdict": request.form.get("verdict", "")})

    @pages.post("/alerts/<int:alert_id>/dismiss")
    @needs(ACKNOWLEDGE)
    def dismiss_alert(alert_id: int) -> ResponseReturnValue:
        return _do(office, alert_id, "dismiss", forms.read(DISMISSING, request.form))

    @pages.post("/alerts/<int:alert_id>/whistle")
    @needs(ACKNOWLEDGE)
    def whistle_alert(alert_id: int) -> ResponseReturnValue:
        form = _whistling(_words(office), "")
        return _do(office, alert_id, "whistle", forms.read(form, request.form))


ACKNOWLEDGING = Form("acknowledge", (Field("words"),))


def _whistling(words: Words, matter: str) -> Form:
    return Form(
        "whistle",
        (
            Field("matter", value=matter),
            forms.choices("departments", words.departments()),
            Field("danger", "tick", needed=False),
        ),
    )


def _page(office: Office, alert_id: int, problem: str = "", given: Given | None = None) -> str:
    words = _words(office)
    with transaction(office.engine) as records:
        alert = records.get(Alert, alert_id) or abort(404)
        behind = _behind(records, alert)
        note(records, office, accesses.VIEWED, *(one.case.id for one in behind))
        found_by = alerts.methods(alert)
        record = [one for one in alerts.record(records) if one.method in found_by]
        ladder = alerts.ladder(alert)
        people = [alert.acknowledged_by or "", alert.judged_by or "", *(one.to for one in ladder)]
        names = who(records, people)
        records.expunge_all()
    made = _whistling(words, _matter(words, alert))
    whistle = forms.filled(made, given) if given and "departments" in given else made
    doing = request.path.rpartition("/")[2] if problem else request.args.get("do", "")
    return render_template(
        "alert.html",
        alert=alert,
        behind=behind,
        record=record,
        names=names,
        ladder=ladder,
        acknowledging=ACKNOWLEDGING,
        dismissing=DISMISSING,
        doing=doing,
        whistling=whistle,
        blowable=any(one.case.status != CLOSED for one in behind),
        problem=problem,
        now=clock.now(),
    )


def _behind(records: Session, alert: Alert) -> list[Behind]:
    found = alerts.cases_of(records, alert)
    told = transcripts.told(records, [one.call_id for one in found])
    return [
        Behind(one, told[one.call_id].masked_text if one.call_id in told else "") for one in found
    ]


def _matter(words: Words, alert: Alert) -> str:
    return words.say(
        "alerts.matter",
        about=words.alert(alert.subject),
        seen=alert.seen,
        place=alert.subject.get("place") or alert.subject.get("district") or "–",
    )


def _do(office: Office, alert_id: int, act: str, given: Given) -> ResponseReturnValue:
    """Do it; or say what is missing, with what was typed."""
    by, now = office.person(g.here), clock.now()
    goal = url_for("console.alert_page", alert_id=alert_id)
    try:
        with transaction(office.engine) as records:
            alert = records.get(Alert, alert_id, with_for_update=True) or abort(404)
            if act == "acknowledge":
                alerts.acknowledge(records, alert, given["words"], by=by, now=now)
            elif act == "dismiss":
                alerts.dismiss(records, alert, given["words"], by=by, now=now)
            elif act == "judge":
                alerts.judge(records, alert, given["verdict"], by=by, now=now)
            else:
                whistle_id = _blow(records, office, alert, given)
                goal = url_for("console.whistle_page", whistle_id=whistle_id)
    except Refused as no:
        status = 409 if no.code in ("already", "changed", "not_now") else 422
        return _page(office, alert_id, _words(office).refused(no), given), status
    flash(f"alerts.done.{act}")
    return redirect(goal, 303)


def _blow(records: Session, office: Office, alert: Alert, given: Given) -> int:
    """The whistle is blown on the last case behind the alert that is still open."""
    by, now = office.person(g.here), clock.now()
    open_ones = [one for one in alerts.cases_of(records, alert) if one.status != CLOSED]
    if not open_ones:
        raise Refused("not_now", action="blow", status=CLOSED)
    held = case.by_number(records, str(open_ones[-1].number))
    assert held is not None
    whistle = whistles.blow(
        records,
        held,
        given["matter"],
        given["departments"],
        danger=bool(given["danger"]),
        blown_as=whistles.LEADER if by.role == whistles.LEADER else whistles.AGENT,
        by=by,
        terms=office.terms,
        now=now,
    )
    alerts.whistled(records, alert, whistle.id, by=by, now=now)
    return whistle.id


def board_page(office: Office, problem: str = "") -> str:
    """The board, with who is on duty for each hazard."""
    with transaction(office.engine) as records:
        rows, duty = _board(records), hazard_duty.roster(records)
        able = hazard_duty.able_people(records)
        records.expunge_all()
    return render_template(
        "hazards.html",
        families=_by_family(rows),
        duty=duty,
        able=able,
        minutes=alerts.policy().duty_minutes,
        problem=problem,
    )


def _board(records: Session) -> list[Cluster]:
    """Places with a hazard that was told of more than once lately, the most often first."""
    wanted = (
        select(Cluster)
        .where(Cluster.last_at >= clock.now() - BOARD, Cluster.cases >= 2)
        .order_by(Cluster.cases.desc(), Cluster.last_at.desc())
        .limit(MOST)
    )
    return list(records.scalars(wanted))


def _by_family(rows: Sequence[Cluster]) -> dict[str, list[Cluster]]:
    """Every family of hazards has its column, empty or not."""
    families = dict.fromkeys(kind.family for kind in hazards.kinds().values())
    return {family: [row for row in rows if row.family == family] for family in families}


def _words(office: Office) -> Words:
    return Words(g.wording, office)
