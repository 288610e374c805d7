"""`/whistles/<id>`: who was called, who came, what was said, and how it ends."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint, abort, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from cases import accesses, arrivals, clocks, task_forces, tasks, whistles
from cases import case as case_rules
from cases.case import Case
from cases.clocks import Clock
from cases.errors import Refused
from cases.permissions import SEE_CASES, SEE_OWN_CASES, Person
from cases.task_forces import Member
from cases.tasks import Task
from cases.whistles import Called, Line, Whistle
from console import forms, noted, own_cases
from console.door import needs
from console.forms import Field, Form, Given
from console.office import Office
from console.who import Who, who
from console.words import Words
from runtime import clock
from runtime.database import transaction


@dataclass(frozen=True)
class View:
    """One whistle as its reader sees it. `acts`: what the reader may do with it now."""

    whistle: Whistle
    case: Case
    called: list[Called]
    clocks: Mapping[str | None, Clock]
    thread: list[Line]
    tasks: list[Task]
    members: list[Member]
    names: Mapping[str, Who]
    acts: frozenset[str]
    scored_by_me: frozenset[str]
    reporting: frozenset[str]


def routes(pages: Blueprint, office: Office) -> None:
    """`/whistles/<id>` and the acts below it."""

    @pages.get("/whistles/<int:whistle_id>")
    @needs(SEE_CASES, SEE_OWN_CASES)
    def whistle_page(whistle_id: int) -> ResponseReturnValue:
        return _page(office, whistle_id)

    for action in ACTS:
        _act_route(pages, office, action)


def _act_route(pages: Blueprint, office: Office, action: str) -> None:
    @needs(SEE_CASES, SEE_OWN_CASES)
    def act(whistle_id: int) -> ResponseReturnValue:
        return _act(office, whistle_id, action)

    path = f"/whistles/<int:whistle_id>/{action.replace('_', '-')}"
    pages.add_url_rule(path, f"whistle_{action}", act, methods=["POST"])


def _page(office: Office, whistle_id: int, problem: str = "", **more: Any) -> str:
    """The whistle. `failed`: the act that was refused, whose form comes back with what was `given`."""
    with transaction(office.engine) as records:
        view = _view(records, office, _find(records, office, whistle_id))
        records.expunge_all()
    failed, given = more.get("failed"), more.get("given", {})
    made = {
        action: ACTS[action].form(Words(g.wording, office), view)
        for action in ACTS
        if action in view.acts
    }
    if failed in made:
        made[failed] = forms.filled(made[failed], given)
    return render_template(
        "whistle.html",
        view=view,
        forms=made,
        now=clock.now(),
        problem=problem,
        failed=failed,
        about=given.get("department"),
    )


def _view(records: Session, office: Office, whistle: Whistle) -> View:
    case = records.get_one(Case, whistle.case_id)
    noted.note(records, office, accesses.VIEWED, case.id)
    reader = office.person(g.here)
    called = whistles.called(records, whistle.id)
    thread = whistles.thread(records, whistle.id)
    given = [one for one in tasks.of_case(records, case.id) if one.whistle_id == whistle.id]
    named = [whistle.blown_by, whistle.coordinator, whistle.ended_by or ""]
    named += [line.actor for line in thread]
    named += [actor or "" for one in called for actor in (one.arrived_by, one.scored_by)]
    named += [actor or "" for task in given for actor in (task.given_by, task.done_by)]
    running = [one for one in clocks.running(records, case.id) if one.kind == clocks.ARRIVE]
    return View(
        whistle=whistle,
        case=case,
        called=called,
        clocks={one.department: one for one in running},
        thread=thread,
        tasks=given,
        members=task_forces.members_of(records, whistle.id),
        names=who(records, named),
        acts=frozenset(_acts(records, whistle, case, called, reader)),
        scored_by_me=frozenset(_to_score(records, whistle, called, reader)),
        reporting=frozenset(_may_report(whistle, called, reader)),
    )


def _acts(
    records: Session, whistle: Whistle, case: Case, called: list[Called], reader: Person
) -> Iterator[str]:
    """What the reader may do with the whistle, as `whistles` and its neighbours have it."""
    if whistle.ended_at is not None:
        return
    parts = case_rules.parts(records, case, reader)
    blower = whistles.is_blower(records, whistle, reader)
    decides = blower or whistles.coordinates(whistle, reader)
    if any(_may_report(whistle, called, reader)):
        yield "arrive"
    if any(_to_score(records, whistle, called, reader)):
        yield "score"
    if any(_to_lead(whistle, called, reader)):
        yield "lead"
    if blower or whistles.SPEAKERS & parts:
        yield "say"
    if blower or parts & (tasks.GIVERS | {"called"}):
        yield "task"
    if decides:
        yield "task_force"
        yield "end"
        if whistle.review_on is not None:
            yield "review"


def _may_report(whistle: Whistle, called: list[Called], reader: Person) -> Iterator[str]:
    """The departments that the reader may report in."""
    for one in called:
        own = reader.department == one.department or reader.role == "coordinator"
        if own and one.arrived_at is None and whistle.ended_at is None:
            yield one.department


def _to_score(
    records: Session, whistle: Whistle, called: list[Called], reader: Person
) -> Iterator[str]:
    """The departments whose arrival the reader has yet to score."""
    if whistle.ended_at is not None:
        return
    for one in called:
        if one.arrived_at is None or one.scored_at is not None:
            continue
        if arrivals.may_score(records, whistle, one.department, reader):
            yield one.department


def _to_lead(whistle: Whistle, called: list[Called], reader: Person) -> Iterator[str]:
    """The departments that may take the lead by the reader's word."""
    for one in called:
        if one.arrived_at is None or (one.department == whistle.lead and whistle.led_at):
            continue
        own = reader.department == one.department and whistle.led_at is None
        if own or whistles.coordinates(whistle, reader):
            yield one.department


def _act(office: Office, whistle_id: int, action: str) -> ResponseReturnValue:
    """Do it and show the whistle again; or say why not, with everything that was typed."""
    act = ACTS[action]
    with transaction(office.engine) as records:
        view = _view(records, office, _find(records, office, whistle_id))
        form = act.form(Words(g.wording, office), view)
    given = forms.read(form, request.form)
    given["department"] = given.get("department") or request.form.get("department", "")[:32]
    try:
        with transaction(office.engine) as records:
            whistle = _find(records, office, whistle_id)
            act.rule(records, office, whistle, given)
    except Refused as no:
        if no.code == "forbidden":
            abort(403)
        problem = Words(g.wording, office).refused(no)
        return _page(office, whistle_id, problem, failed=action, given=given), 422
    flash(f"whistle.did.{action}")
    return redirect(url_for("console.whistle_page", whistle_id=whistle_id), 303)


def _find(records: Session, office: Office, whistle_id: int) -> Whistle:
    whistle = records.get(Whistle, whistle_id) or abort(404)
    case = records.get_one(Case, whistle.case_id)
    if not own_cases.sees(records, office.person(g.here), case):
        abort(404)
    return whistle


# --- what may be done ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Act:
    """One act: what it asks for, and the rule that does it."""

    form: Callable[[Words, View], Form]
    rule: Callable[[Session, Office, Whistle, Given], object]


def _named(words: Words, codes: list[str]) -> list[tuple[str, str]]:
    return [(code, words.department(code)) for code in codes]


def _everybody(words: Words, view: View) -> list[tuple[str, str]]:
    return _named(words, [one.department for one in view.called])


def _press(words: Words, view: View) -> Form:
    return Form("")


def _arrive(records: Session, office: Office, whistle: Whistle, given: Given) -> None:
    by = office.person(g.here)
    arrivals.arrive(records, whistle, given["department"], by=by, now=clock.now())


def _score_form(words: Words, view: View) -> Form:
    points = [(str(n), words.say(f"points.{n}")) for n in arrivals.POINTS]
    return Form("score", (forms.pick("points", points), Field("words")))


def _score(records: Session, office: Office, whistle: Whistle, given: Given) -> None:
    arrivals.score(
        records,
        whistle,
        given["department"],
        int(given["points"] or 0),
        given["words"],
        by=office.person(g.here),
        now=clock.now(),
    )


def _lead_form(words: Words, view: View) -> Form:
    arrived = [one.department for one in view.called if one.arrived_at]
    return Form("lead", (forms.choice("department", _named(words, arrived)),))


def _lead(records: Session, office: Office, whistle: Whistle, given: Given) -> None:
    by = office.person(g.here)
    whistles.lead(records, whistle, given["department"], by=by, now=clock.now())


def _say_form(words: Words, view: View) -> Form:
    return Form("say", (Field("text"),))


def _say(records: Session, office: Office, whistle: Whistle, given: Given) -> None:
    whistles.say(records, whistle, given["text"], by=office.person(g.here), now=clock.now())


def _task_form(words: Words, view: View) -> Form:
    owners = _everybody(words, view)
    return Form(
        "task",
        (
            forms.choice("owner", owners),
            Field("text"),
            Field("until", "date", needed=False),
        ),
    )


def _task(records: Session, office: Office, whistle: Whistle, given: Given) -> None:
    if not given["owner"]:
        raise Refused("incomplete", missing=["owner"])
    workdays = office.terms.workdays
    whistles.give_task(
        records,
        whistle,
        given["owner"],
        given["text"],
        by=office.person(g.here),
        terms=office.terms,
        now=clock.now(),
        until=forms.end_of_day(given["until"], workdays.zone, workdays.day_ends),
    )


def _task_force_form(words: Words, view: View) -> Form:
    there = [one.department for one in view.called]
    members = forms.choices("members", words.departments(), value=there)
    return Form("task_force", (members, Field("review_on", "date")))


def _task_force(records: Session, office: Office, whistle: Whistle, given: Given) -> None:
    members = [(department, "") for department in given["members"]]
    day = _day(given["review_on"], "review_on")
    task_forces.form(records, whistle, members, day, **_how(office))


def _review_form(words: Words, view: View) -> Form:
    return Form("review", (Field("words"), Field("next_on", "date")))


def _review(records: Session, office: Office, whistle: Whistle, given: Given) -> None:
    day = _day(given["next_on"], "next_on")
    task_forces.review(records, whistle, given["words"], day, **_how(office))


def _end(records: Session, office: Office, whistle: Whistle, given: Given) -> None:
    whistles.end(records, whistle, by=office.person(g.here), now=clock.now())


def _how(office: Office) -> dict[str, Any]:
    return {"by": office.person(g.here), "terms": office.terms, "now": clock.now()}


def _day(text: str, name: str) -> date:
    day = forms.day(text)
    if day is None:
        raise Refused("incomplete", missing=[name])
    return day


ACTS: Mapping[str, Act] = {
    "arrive": Act(_press, _arrive),
    "say": Act(_say_form, _say),
    "score": Act(_score_form, _score),
    "lead": Act(_lead_form, _lead),
    "task": Act(_task_form, _task),
    "task_force": Act(_task_force_form, _task_force),
    "review": Act(_review_form, _review),
    "end": Act(_press, _end),
}
