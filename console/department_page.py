"""`/department`: what an officer's department is to do, all on one page, and first of all on a phone.

A case is accepted with one tap, and returned with three: the reason, who should have it, send. With the
first of these the page comes back (`?back=<number>&reason=<code>`) with the rest under that one case.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime

from flask import Blueprint, abort, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cases import asked as asked_rules
from cases import clocks, lifecycle, referrals, tasks, topics, transcripts
from cases.asked import ACCEPTED, SUPPORT, Referral
from cases.case import Case
from cases.clocks import Clock
from cases.errors import Refused
from cases.history import Entry
from cases.permissions import SEE_CASES, SEE_OWN_CASES
from cases.tasks import Task
from cases.topics import MonthlyTopic
from cases.whistles import Called, Whistle
from console import forms, live, own_cases, topic_page
from console.door import needs
from console.office import Office
from console.who import Who, who
from console.words import Words
from runtime import clock
from runtime.database import transaction

# So many of each kind are shown; the rest is in the list of cases.
MOST = 50
# Seconds between two looks.
EVERY = 5
IN_WORK = (lifecycle.ACCEPTED, lifecycle.WHISTLED, lifecycle.SUSPENDED)


@dataclass(frozen=True)
class Item:
    """One case in the inbox: what was said, and the clock that presses most. `seen`: the last line of
    its history, so that a form here knows on what it was decided."""

    case: Case
    text: str | None
    clock: Clock | None
    seen: int
    referral: Referral | None = None
    called: Called | None = None
    whistle: Whistle | None = None


@dataclass(frozen=True)
class Inbox:
    """Everything that waits for one department."""

    to_accept: list[Item]
    to_report_in: list[Item]
    whistles: list[Item]
    tasks: list[tuple[Task, Case]]
    sent_back: list[Item]
    in_work: list[Item]
    supported: list[Item]
    topics: list[tuple[MonthlyTopic, str | None]] = field(default_factory=list)
    names: dict[str, Who] = field(default_factory=dict)
    likely: list[str] = field(default_factory=list)

    def late(self, now: datetime) -> dict[str, int]:
        """How many clocks have run out, by kind, in the order in which they are spoken of."""
        lists = (self.to_accept, self.to_report_in, self.sent_back, self.in_work, self.supported)
        over = [one.clock for some in lists for one in some if one.clock]
        found = Counter(one.kind for one in over if one.due_at < now)
        found[clocks.TASK] += sum(
            task.due_at is not None and task.due_at < now for task, _ in self.tasks
        )
        return {kind: found[kind] for kind in clocks.KINDS if found[kind]}


@dataclass(frozen=True)
class Back:
    """The case that the reader is about to return, and the reason that was chosen."""

    number: str
    reason: str


def routes(pages: Blueprint, office: Office) -> None:
    """`/department`, and `/tasks/<id>/done`."""

    @pages.get("/department")
    @needs(SEE_OWN_CASES)
    def department_page() -> ResponseReturnValue:
        return _page(office)

    @pages.post("/tasks/<int:task_id>/done")
    @needs(SEE_CASES, SEE_OWN_CASES)
    def task_done(task_id: int) -> ResponseReturnValue:
        return _task_done(office, task_id)


def _page(office: Office) -> ResponseReturnValue:
    back, now = _back(office), clock.now()
    with transaction(office.engine) as records:
        inbox = _inbox(records, office, g.here.department, back)
        records.expunge_all()
    return live.page(
        "department",
        office,
        now,
        inbox=inbox,
        names=inbox.names,
        late=inbox.late(now),
        back_of=back,
        every=EVERY,
    )


def _back(office: Office) -> Back | None:
    number, reason = request.args.get("back", ""), request.args.get("reason", "")
    return Back(number, reason) if reason in office.policy.reasons else None


def _likely(records: Session, office: Office, case: Case, department: str) -> list[str]:
    """Who might have the case instead: by what else it may be about, and whom others named."""
    known = office.categories
    guessed = [case.category, *(code for code, _ in case.category_alternatives)]
    codes = [known[code].department for code in guessed if code in known]
    codes += [one.named or one.department for one in asked_rules.of_case(records, case.id)]
    return [one for one in dict.fromkeys(codes) if one != department and one in office.departments]


def _inbox(records: Session, office: Office, department: str, back: Back | None) -> Inbox:
    asked = referrals.open_of_department(records, department, MOST)
    called = _called(records, department)
    owned = _owned(records, department)
    supported = _supported(records, department)
    cases = [*(c for _, c in asked), *(c for _, _, c in called), *owned, *supported]
    items = _Items(records, department, cases)
    given = [
        (task, records.get_one(Case, task.case_id))
        for task in tasks.open_of(records, [department], MOST)
    ]
    returned = [case for _, case in asked if back and case.number == back.number]
    return Inbox(
        to_accept=_in_order(
            items(case, clocks.ACCEPT, referral=referral) for referral, case in asked
        ),
        to_report_in=_in_order(
            items(case, clocks.ARRIVE, called=one, whistle=whistle)
            for one, whistle, case in called
            if one.arrived_at is None
        ),
        whistles=[
            items(case, called=one, whistle=whistle)
            for one, whistle, case in called
            if one.arrived_at is not None
        ],
        tasks=given,
        sent_back=_in_order(items(case) for case in owned if "reopened" in case.flags),
        in_work=_in_order(items(case) for case in owned if "reopened" not in case.flags),
        supported=_in_order(items(case) for case in supported),
        topics=_topics(records, office, department),
        names=who(records, [task.given_by for task, _ in given]),
        likely=[one for case in returned[:1] for one in _likely(records, office, case, department)],
    )


def _topics(
    records: Session, office: Office, department: str
) -> list[tuple[MonthlyTopic, str | None]]:
    """The monthly topics that the department leads, each with the address of its own cases of it."""
    today = clock.now().astimezone(office.city.time_zone).date()
    return [
        (one, topic_page.cases_of(date.fromisoformat(f"{one.month}-01"), one.problem))
        for one in topics.led_by(records, department, today)
    ]


def _in_order(items: Iterable[Item]) -> list[Item]:
    """The clock that presses most first; what has none comes last, as it came."""
    return sorted(items, key=lambda one: (one.clock is None, one.clock and one.clock.due_at))


def _called(records: Session, department: str) -> list[tuple[Called, Whistle, Case]]:
    """The open whistles that called the department, the longest waiting first."""
    rows = records.execute(
        select(Called, Whistle, Case)
        .join(Whistle, Whistle.id == Called.whistle_id)
        .join(Case, Case.id == Whistle.case_id)
        .where(Called.department == department, Whistle.ended_at.is_(None))
        .order_by(Called.called_at, Whistle.id)
        .limit(MOST)
    )
    return [(row.Called, row.Whistle, row.Case) for row in rows]


def _owned(records: Session, department: str) -> list[Case]:
    mine = select(Case).where(Case.owner == department, Case.status.in_(IN_WORK))
    return list(records.scalars(mine.order_by(Case.due_at, Case.id).limit(MOST)))


def _supported(records: Session, department: str) -> list[Case]:
    joined = select(Referral.case_id).where(
        Referral.department == department, Referral.role == SUPPORT, Referral.answer == ACCEPTED
    )
    mine = select(Case).where(Case.id.in_(joined), Case.status.in_(IN_WORK))
    return list(records.scalars(mine.order_by(Case.due_at, Case.id).limit(MOST)))


class _Items:
    """Makes the items of one inbox, having read for all of them at once."""

    def __init__(self, records: Session, department: str, cases: Iterable[Case]) -> None:
        self._department = department
        ids = {case.id: case.call_id for case in cases}
        self._told = transcripts.told(records, list(ids.values()))
        self._clocks = clocks.of_cases(records, list(ids))
        last = select(Entry.case_id, func.max(Entry.id).label("last"))
        rows = records.execute(last.where(Entry.case_id.in_(ids)).group_by(Entry.case_id))
        self._seen = {row.case_id: row.last for row in rows}

    def __call__(
        self,
        case: Case,
        kind: str | None = None,
        *,
        referral: Referral | None = None,
        called: Called | None = None,
        whistle: Whistle | None = None,
    ) -> Item:
        told = self._told.get(case.call_id)
        return Item(
            case=case,
            text=told.masked_text if told else None,
            clock=clocks.most_pressing(self._mine(case, kind)),
            seen=self._seen.get(case.id, 0),
            referral=referral,
            called=called,
            whistle=whistle,
        )

    def _mine(self, case: Case, kind: str | None) -> list[Clock]:
        """The case's clocks that are this department's, or the whole case's."""
        return [
            one
            for one in self._clocks.get(case.id, [])
            if one.department in (None, self._department) and kind in (None, one.kind)
        ]


def _task_done(office: Office, task_id: int) -> ResponseReturnValue:
    """Report what was done, and go on where the report was written."""
    words, by = forms.plain(request.form.get("words", ""))[: forms.LONGEST], office.person(g.here)
    try:
        with transaction(office.engine) as records:
            task = records.get(Task, task_id) or abort(404)
            case = records.get_one(Case, task.case_id)
            if not own_cases.sees(records, by, case):
                abort(404)
            if task.done_at is not None:
                raise Refused("done_already")
            tasks.done(records, task, words, by=by, now=clock.now())
            number = case.number
    except Refused as no:
        if no.code == "forbidden":
            abort(403)
        problem = Words(g.wording, office).refused(no)
        return render_template("refused.html", problem=problem, typed=words), 422
    flash("case.done.task_done")
    return redirect(url_for("console.case_page", number=number), 303)
