"""`/follow-ups`: who is to be rung and asked by a person, with what to say and where to write the answer."""

from typing import Any

from flask import Blueprint, abort, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from cases import accesses, followups
from cases.calls import Call
from cases.case import Case
from cases.errors import Refused
from cases.followups import Followup
from cases.permissions import FOLLOW_UP, REVEAL_NUMBER
from console import case_sheet, forms, noted
from console.door import needs
from console.forms import Field, Form
from console.office import Office
from console.who import who
from console.words import Words
from runtime import clock
from runtime.database import transaction

# What is asked, in the order in which it is asked.
QUESTIONS = ("contacted", "solved", "satisfied")


def routes(pages: Blueprint, office: Office) -> None:
    """`/follow-ups`, `/follow-ups/<id>` and what is done there."""

    @pages.get("/follow-ups")
    @needs(FOLLOW_UP)
    def follow_up_list() -> ResponseReturnValue:
        with transaction(office.engine) as records:
            rows = followups.by_hand(records)
            names = who(records, [row.in_hand_by or "" for row, _ in rows])
            records.expunge_all()
        return render_template("follow_ups.html", rows=rows, names=names, now=clock.now())

    @pages.get("/follow-ups/<int:followup_id>")
    @needs(FOLLOW_UP)
    def follow_up_page(followup_id: int) -> ResponseReturnValue:
        return _page(office, followup_id)

    @pages.post("/follow-ups/<int:followup_id>/reveal")
    @needs(REVEAL_NUMBER)
    def follow_up_reveal(followup_id: int) -> ResponseReturnValue:
        """Take it in hand and see the number: the machine no longer rings at the same time."""
        return _reveal(office, followup_id)

    @pages.post("/follow-ups/<int:followup_id>/answer")
    @needs(FOLLOW_UP)
    def follow_up_answer(followup_id: int) -> ResponseReturnValue:
        return _do(office, followup_id, "answer")

    @pages.post("/follow-ups/<int:followup_id>/give-up")
    @needs(FOLLOW_UP)
    def follow_up_give_up(followup_id: int) -> ResponseReturnValue:
        return _do(office, followup_id, "give_up")

    @pages.post("/follow-ups/<int:followup_id>/put-back")
    @needs(FOLLOW_UP)
    def follow_up_put_back(followup_id: int) -> ResponseReturnValue:
        return _do(office, followup_id, "put_back")


def _page(office: Office, followup_id: int, problem: str = "", **more: Any) -> str:
    with transaction(office.engine) as records:
        row = _find(records, followup_id)
        case = records.get_one(Case, row.case_id)
        noted.note(records, office, accesses.VIEWED, case.id)
        call = records.get_one(Call, case.call_id)
        names = who(records, [row.in_hand_by or ""])
        records.expunge_all()
    language = row.language or office.city.languages[0]
    script = followups.script(language, number=str(case.number), city=office.city.name[language])
    form = _form(Words(g.wording, office))
    return render_template(
        "follow_up.html",
        row=row,
        case=case,
        call=call,
        names=names,
        script=script,
        language=language,
        form=forms.filled(form, more.get("given", {})),
        problem=problem,
        revealed=more.get("revealed"),
        open=row.state in (followups.WAITING, followups.BY_HAND),
    )


def _form(words: Words) -> Form:
    answers = {
        "contacted": words.named("answer", ("yes", "no")),
        "solved": words.named("solved", ("yes", "no")),
        "satisfied": words.named("satisfied", ("very", "fairly", "no")),
    }
    asked = [forms.pick(name, answers[name], needed=name == "solved") for name in QUESTIONS]
    return Form("answer", (*asked, Field("remark", needed=False)))


def _find(records: Session, followup_id: int) -> Followup:
    return records.get(Followup, followup_id) or abort(404)


def _reveal(office: Office, followup_id: int) -> ResponseReturnValue:
    by = office.person(g.here)
    try:
        with transaction(office.engine) as records:
            _find(records, followup_id)
            row = followups.take(records, followup_id, by=by, now=clock.now())
            case = records.get_one(Case, row.case_id)
            revealed = case_sheet.reveal(records, office, case, by)
    except Refused as no:
        return _refused(office, followup_id, no, {})
    return _page(office, followup_id, revealed=revealed)


def _do(office: Office, followup_id: int, what: str) -> ResponseReturnValue:
    given = forms.read(_form(Words(g.wording, office)), request.form)
    try:
        with transaction(office.engine) as records:
            _find(records, followup_id)
            _rule(records, office, followup_id, what, given)
    except Refused as no:
        return _refused(office, followup_id, no, given)
    flash(f"follow_ups.did.{what}")
    return redirect(url_for("console.follow_up_list"), 303)


def _rule(
    records: Session, office: Office, followup_id: int, what: str, given: forms.Given
) -> None:
    by, now = office.person(g.here), clock.now()
    if what == "answer":
        followups.answer(records, followup_id, given, by=by, terms=office.terms, now=now)
    elif what == "give_up":
        followups.give_up(records, followup_id, by=by, now=now)
    else:
        followups.put_back(records, followup_id, by=by, now=now)


def _refused(
    office: Office, followup_id: int, no: Refused, given: forms.Given
) -> ResponseReturnValue:
    if no.code == "forbidden":
        abort(403)
    status = 409 if no.code in ("not_now", "in_hand") else 422
    problem = Words(g.wording, office).refused(no)
    return _page(office, followup_id, problem, given=given), status
