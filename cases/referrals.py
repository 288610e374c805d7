"""Referral 派單: a case is given to a department in the lead 主辦 and to others in support 協辦.

Each of them accepts 簽收 or returns it 退單, with a reason and the name of who should have it; silence
is no answer, and escalates. Who got a case first leads until another has accepted (首接負責). The second
refusal, of either kind, since a person last referred it blows the whistle.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cases import asked, clocks, lifecycle, notices, routing, whistles
from cases import case as case_module
from cases.asked import LEAD, SUPPORT, Referral
from cases.case import DESK, Case
from cases.clocks import Clock, Terms
from cases.errors import Refused
from cases.pack import LANGUAGES
from cases.permissions import SYSTEM, Person
from cases.referral_policy import RETURN, SILENCE, ReferralPolicy
from cases.routing import NOWHERE, Route, Where

# Who must know at once that a department did not answer.
ABOVE = ("role:supervisor", "role:coordinator")


def refer(
    session: Session,
    case: Case,
    lead: str | None,
    supporting: Sequence[str],
    *,
    by: Person,
    terms: Terms,
    now: datetime,
    policy: ReferralPolicy | None = None,
    reason: str = "",
    version: int | None = None,
) -> list[Referral]:
    """Ask departments to take the case: `lead`, or else whom the city's rule of the day names, and
    those `supporting`. Whoever was asked before and has not answered is asked no longer.

    Raises Refused: what `case.act` does, `unknown_department`, `no_rule`.
    """
    where = routing.where_is(session, case, policy.routing.places) if policy else NOWHERE
    route = None if lead or policy is None else route_of(session, case, policy, terms, now, where)
    lead = route.department if route else (lead or "").strip()
    wanted = _each_once([lead, *supporting])
    _known(policy, wanted)
    given = {"lead": lead, "supporting": " ".join(wanted[1:])} | (
        {"reason": reason} if reason else {}
    )
    rule: dict[str, Any] = {"rule": route.rule, "why": dict(route.why)} if route else {}
    about = {"district": where.district, **rule}
    case_module.act(session, case, "refer", given, by=by, version=version, now=now, **about)
    _ask_nobody(session, case, now)
    clocks.stop(session, case.id, clocks.DISPATCH, now)
    if case.owner == DESK:
        case.owner = lead
    ask = _Ask(session, case, _round(session, case, by), where, by, terms, now)
    return [
        ask(department, LEAD if department == lead else SUPPORT, route) for department in wanted
    ]


def route_of(
    session: Session,
    case: Case,
    policy: ReferralPolicy,
    terms: Terms,
    now: datetime,
    where: Where | None = None,
) -> Route:
    """Whose the case is by the rules of this day. Raises Refused("no_rule")."""
    if where is None:
        where = routing.where_is(session, case, policy.routing.places)
    day = now.astimezone(terms.time_zone).date()
    return routing.department_for(session, policy.routing, case.category, where, day)


def accept(
    session: Session,
    case: Case,
    *,
    by: Person,
    terms: Terms,
    now: datetime,
    version: int | None = None,
) -> Referral:
    """The department takes what it was asked: the lead, and then it owns the case, or its support.

    Raises Refused: `forbidden` unless it was asked and has not answered, and what `case.act` does.
    """
    case_module.unchanged(case, version)
    referral = _asked(session, case, by)
    action = "join" if referral.role == SUPPORT else "accept"
    case_module.act(
        session, case, action, {}, by=by, version=version, now=now, department=by.department
    )
    _answer(session, referral, asked.ACCEPTED, by, now)
    if referral.role == LEAD:
        case.owner = referral.department
        _begin(session, case, terms, now)
    return referral


def _begin(session: Session, case: Case, terms: Terms, now: datetime) -> None:
    """The lead works on it. A citizen counts from the call, so the interim reply does as well."""
    kinds = {clock.kind for clock in clocks.of_case(session, case.id)}
    if clocks.INTERIM not in kinds:
        clocks.start(session, case.id, clocks.INTERIM, terms, now, since=case.opened_at)
    if not any(one.kind == clocks.RESOLVE for one in clocks.running(session, case.id)):
        case_module.promise(session, case, terms, now)


def give_back(
    session: Session,
    case: Case,
    reason: str,
    words: str,
    department: str,
    *,
    by: Person,
    terms: Terms,
    policy: ReferralPolicy,
    now: datetime,
    version: int | None = None,
) -> Referral:
    """Return what was asked 退單: a reason of the city's list, words, and another department that
    should have it. That one is asked in its place at once; the second refusal blows the whistle.

    Raises Refused: `forbidden` unless it was asked and has not answered, `incomplete`,
    `unknown_reason`, `unknown_department`, `names_itself`, and what `case.act` does.
    """
    case_module.unchanged(case, version)
    referral = _asked(session, case, by)
    _check_return(policy, by, reason, department)
    given = {"reason": reason, "words": words.strip(), "department": department}
    last = _is_last(session, case, referral, policy)
    to = lifecycle.WHISTLED if last else case.status
    case_module.act(session, case, "return", given, by=by, version=version, now=now, to=to)
    referral.reason, referral.words, referral.named = reason, given["words"], department
    _answer(session, referral, asked.RETURNED, by, now)
    if last:
        _blow(session, case, referral, RETURN, terms, policy, now)
    else:
        _pass_on(session, case, referral, terms, now)
    return referral


def _check_return(policy: ReferralPolicy, by: Person, reason: str, department: str) -> None:
    # What is not given at all, the lifecycle's table asks for.
    if reason and reason not in policy.reasons:
        raise Refused("unknown_reason", reason=reason)
    if department and department == by.department:
        raise Refused("names_itself", department=department)
    _known(policy, [department] if department else [])


def _pass_on(session: Session, case: Case, returned: Referral, terms: Terms, now: datetime) -> None:
    """Ask the department that the return names, unless it is asked for as much, or has it, already."""
    assert returned.named is not None, "a return names who should have it"
    there = asked.open_of(session, case.id, returned.named)
    if returned.role == SUPPORT and (there or _has_it(session, case, returned.named)):
        return
    if there:
        _let_go(session, there, now)
    ask = _Ask(session, case, returned.round, _where(returned), SYSTEM, terms, now)
    why = dict.fromkeys(LANGUAGES, returned.words or "")
    ask(returned.named, returned.role, Route(returned.named, f"return:{returned.id}", why))


def _has_it(session: Session, case: Case, department: str) -> bool:
    took = {one.department for one in of_case(session, case.id) if one.answer == asked.ACCEPTED}
    return department in took


def silence(
    session: Session, clock: Clock, now: datetime, terms: Terms, policy: ReferralPolicy
) -> None:
    """A department's time to accept ran out (called by the watch). It is recorded and told to those
    above, and the department is asked once more; the second refusal blows the whistle."""
    session.flush()
    case = session.get_one(
        Case, clock.case_id, with_for_update={"key_share": True}, populate_existing=True
    )
    session.refresh(clock)
    referral = asked.open_of(session, case.id, clock.department or "")
    if referral is None or clock.stopped_at or "silence" not in lifecycle.actions(case.status):
        return
    last = _is_last(session, case, referral, policy)
    referral.silences += 1
    clocks.halt(clock, now, clocks.LATE)
    to = lifecycle.WHISTLED if last else case.status
    given = {"department": referral.department}
    case_module.act(session, case, "silence", given, by=SYSTEM, version=None, now=now, to=to)
    if last:
        _blow(session, case, referral, SILENCE, terms, policy, now)
    else:
        _ask_again(session, case, referral, terms, now)


def on_silence(terms: Terms, policy: ReferralPolicy) -> Callable[[Session, Clock, datetime], None]:
    """The rule for clocks of kind `accept` that ran out, as the watch calls it."""
    return lambda session, clock, now: silence(session, clock, now, terms, policy)


def _ask_again(
    session: Session, case: Case, referral: Referral, terms: Terms, now: datetime
) -> None:
    clock = _set_clock(session, referral, terms, now)
    facts = {**_facts(case, referral, clock), "state": "silent"}
    for to in (*ABOVE, f"department:{referral.department}"):
        key = f"silent:{referral.id}:{referral.silences}:{to}"
        notices.post(session, "escalated", to=to, case_id=case.id, facts=facts, dedupe=key, now=now)


def _blow(
    session: Session,
    case: Case,
    referral: Referral,
    reason: str,
    terms: Terms,
    policy: ReferralPolicy,
    now: datetime,
) -> None:
    """Call everybody who was asked, and whom they named. Who got it first leads."""
    this_round = [one for one in of_case(session, case.id) if one.round == referral.round]
    concerned = [name for one in this_round for name in (one.department, one.named) if name]
    _ask_nobody(session, case, now)
    whistles.blow(
        session,
        case,
        policy.matter(reason, case.category, case.number),
        _each_once(concerned),
        danger=terms.promises.grade_of(case.category) == whistles.DANGER,
        blown_as=whistles.RULE,
        reason=reason,
        by=SYSTEM,
        terms=terms,
        now=now,
    )


def of_case(session: Session, case_id: int) -> list[Referral]:
    """Everybody ever asked to take the case, in order."""
    return asked.of_case(session, case_id)


def open_of_department(
    session: Session, department: str, limit: int = 100
) -> list[tuple[Referral, Case]]:
    """What this department was asked and has not answered, the longest waiting first."""
    waiting = (
        select(Referral, Case)
        .join(Case, Case.id == Referral.case_id)
        .where(Referral.department == department, Referral.answer.is_(None))
        .order_by(Referral.asked_at, Referral.id)
    )
    return [(referral, case) for referral, case in session.execute(waiting.limit(limit))]


# --- asking ------------------------------------------------------------------------------------------


class _Ask:
    """Asks departments about one case: their rows, their clocks and their notices."""

    def __init__(
        self,
        session: Session,
        case: Case,
        round_: int,
        where: Where,
        by: Person,
        terms: Terms,
        now: datetime,
    ) -> None:
        self.session, self.case, self.terms, self.now = session, case, terms, now
        self._same = {
            "case_id": case.id,
            "round": round_,
            "asked_at": now,
            "asked_by": by.actor,
            "category": case.category,
            "place": where.name,
            "district": where.district,
        }

    def __call__(self, department: str, role: str, route: Route | None) -> Referral:
        why = dict(route.why) if route and route.department == department else {}
        rule = route.rule if why and route else None
        referral = Referral(
            **self._same, department=department, role=role, rule=rule, why=why, silences=0
        )
        self.session.add(referral)
        self.session.flush()
        clock = _set_clock(self.session, referral, self.terms, self.now)
        notices.post(
            self.session,
            "referred",
            to=f"department:{department}",
            case_id=self.case.id,
            facts=_facts(self.case, referral, clock),
            dedupe=f"referred:{referral.id}",
            now=self.now,
        )
        return referral


def _set_clock(session: Session, referral: Referral, terms: Terms, now: datetime) -> Clock:
    return clocks.start(
        session, referral.case_id, clocks.ACCEPT, terms, now, department=referral.department
    )


def _facts(case: Case, referral: Referral, clock: Clock) -> dict[str, object]:
    return {
        "number": case.number,
        "department": referral.department,
        "state": referral.role,
        "due_at": clock.due_at.isoformat(),
    }


def _round(session: Session, case: Case, by: Person) -> int:
    """The first is 1; a person's new referral begins another, and refusals are counted anew."""
    last = max((one.round for one in of_case(session, case.id)), default=0)
    return last if last and by == SYSTEM else last + 1


def _is_last(session: Session, case: Case, referral: Referral, policy: ReferralPolicy) -> bool:
    """Whether one more refusal blows the whistle."""
    rests = case.status == lifecycle.SUSPENDED
    return not rests and _refusals(session, referral) + 1 >= policy.refusals


def _refusals(session: Session, referral: Referral) -> int:
    """Returns and silences, in all, since a person last referred the case."""
    rows = [one for one in of_case(session, referral.case_id) if one.round == referral.round]
    return sum((one.answer == asked.RETURNED) + one.silences for one in rows)


def _asked(session: Session, case: Case, by: Person) -> Referral:
    referral = asked.open_of(session, case.id, by.department) if by.department else None
    if referral is None:
        raise Refused("forbidden", permission="accept")
    return referral


def _answer(session: Session, referral: Referral, answer: str, by: Person, now: datetime) -> None:
    referral.answer, referral.answered_at, referral.answered_by = answer, now, by.actor
    _stop_clock(session, referral, now, clocks.MET)


def _let_go(session: Session, referral: Referral, now: datetime) -> None:
    referral.answer, referral.answered_at = asked.WITHDRAWN, now
    _stop_clock(session, referral, now, clocks.WITHDRAWN)


def _ask_nobody(session: Session, case: Case, now: datetime) -> None:
    for referral in asked.open_of_case(session, case.id):
        _let_go(session, referral, now)
    session.flush()


def _stop_clock(session: Session, referral: Referral, now: datetime, outcome: str) -> None:
    department = referral.department
    clocks.stop(
        session, referral.case_id, clocks.ACCEPT, now, department=department, outcome=outcome
    )


def _where(referral: Referral) -> Where:
    return Where(name=referral.place, district=referral.district)


def _known(policy: ReferralPolicy | None, departments: Iterable[str]) -> None:
    for department in departments:
        if policy and department and department not in policy.routing.departments:
            raise Refused("unknown_department", department=department)


def _each_once(departments: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(departments))
