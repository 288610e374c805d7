"""What a person can do with a case: the form each act asks to be filled in, and the rule that does it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from cases import (
    abuse,
    clocks,
    delays,
    duty,
    exclusions,
    followups,
    lifecycle,
    links,
    merges,
    recordings,
    referrals,
    replies,
    reply_templates,
    tasks,
    whistles,
    wording,
)
from cases import (
    case as case_rules,
)
from cases.case import DESK, Case
from cases.clocks import Terms
from cases.errors import Refused
from cases.pack import LANGUAGES
from cases.permissions import (
    DECIDE_MARKS,
    MARK_CALLERS,
    SEE_CASES,
    SEE_OWN_CASES,
    Person,
    may,
)
from console import forms
from console.case_sheet import Sheet
from console.forms import Field, Form, Given, Ready
from console.languages import DATA_LANGUAGE
from console.office import Office
from console.words import Words


@dataclass(frozen=True)
class How:
    """Who does it, when, by which calendar, and on which state of the case it was decided."""

    by: Person
    now: datetime
    terms: Terms
    version: int

    @property
    def whole(self) -> dict[str, Any]:
        """As the rules take it that let nobody overwrite another's decision."""
        return {"by": self.by, "now": self.now, "terms": self.terms, "version": self.version}

    @property
    def plain(self) -> dict[str, Any]:
        """As the rules take it that only ever add something."""
        return {"by": self.by, "now": self.now, "terms": self.terms}


@dataclass(frozen=True)
class Desk:
    """What a form is made from: the case as its reader sees it, and the city's words."""

    office: Office
    words: Words
    sheet: Sheet

    @property
    def departments(self) -> list[tuple[str, str]]:
        return self.words.departments()


# --- what each act asks for ------------------------------------------------------------------------


def _note(desk: Desk) -> Form:
    return Form("", (Field("note", ready=_ready(desk, "close")),))


def _reopen(desk: Desk) -> Form:
    return Form("", (Field("note"),))


def _confirm(desk: Desk) -> Form:
    names = desk.words.categories()
    return Form("", (forms.choice("category", names, value=desk.sheet.case.category or ""),))


def _dispatch(desk: Desk) -> Form:
    """What it is and whose: the first suggestion of each stands there until another is chosen."""
    suggested = desk.sheet.whose[0].code if desk.sheet.whose else ""
    return Form(
        "",
        (
            *_confirm(desk).fields,
            forms.choice("lead", desk.departments, value=suggested),
            forms.choices("supporting", desk.departments, needed=False),
        ),
    )


def _refer(desk: Desk) -> Form:
    """The lead as the routing rule of the day has it, with the rule's own words."""
    route = desk.sheet.route
    again = desk.sheet.case.status == lifecycle.ACCEPTED
    fields = (
        forms.choice("lead", desk.departments, value=route.department if route else ""),
        forms.choices("supporting", desk.departments, needed=False),
        Field("reason", needed=again),
    )
    why = desk.words.say("refer.suggested", why=desk.words.why(route.why)) if route else ""
    return Form("", fields, why)


def _return(desk: Desk) -> Form:
    own = desk.sheet.reader.department
    others = [(code, name) for code, name in desk.departments if code != own]
    reasons = desk.words.return_reasons()
    return Form(
        "",
        (
            forms.choice("reason", reasons),
            Field("words", ready=_ready(desk, "return")),
            forms.choice("department", others),
        ),
    )


def _blow(desk: Desk) -> Form:
    asked = [one.department for one in desk.sheet.asked]
    concerned = [desk.sheet.case.owner, desk.sheet.case.department or DESK, *asked]
    return Form(
        "",
        (
            Field("matter"),
            forms.choices(
                "departments", desk.departments, value=[one for one in concerned if one != DESK]
            ),
            Field("danger", "tick", needed=False),
        ),
    )


def _text(desk: Desk) -> Form:
    return Form("", (Field("text", ready=_ready(desk, "interim")),))


def _resolve(desk: Desk) -> Form:
    outcomes = desk.words.named("outcome", replies.OUTCOMES)
    answer = Field("answer", ready=_ready(desk, "resolve"))
    return Form("", (forms.pick("outcome", outcomes), answer))


def _until(desk: Desk) -> Form:
    return Form("", (Field("until", "date"), Field("reason")))


def _extend(desk: Desk) -> Form:
    names = [
        (f"{one.kind} {one.department or ''}".strip(), desk.words.clock_name(one))
        for one in desk.sheet.running
        if one.kind in EXTENDED
    ]
    first = names[0][0] if len(names) == 1 else ""
    return Form(
        "", (forms.pick("clock", names, value=first), Field("until", "date"), Field("reason"))
    )


def _told(desk: Desk) -> Form:
    """What a citizen said when an agent asked; that it is (not) solved is the act itself."""
    contacted = desk.words.named("answer", ("yes", "no"))
    satisfied = desk.words.named("satisfied", ("very", "fairly", "no"))
    return Form(
        "",
        (
            forms.pick("contacted", contacted, needed=False),
            forms.pick("satisfied", satisfied, needed=False),
            Field("remark", needed=False),
        ),
    )


def _task(desk: Desk) -> Form:
    owners = desk.departments
    if not desk.sheet.parts & tasks.GIVERS:  # a called department may give itself a task
        owners = [one for one in owners if one[0] == desk.sheet.reader.department]
    return Form(
        "",
        (
            forms.choice("owner", owners, value=_owner(desk)),
            Field("text"),
            Field("until", "date", needed=False),
        ),
    )


def _owner(desk: Desk) -> str:
    owner = desk.sheet.case.owner
    return owner if owner != DESK else ""


def _exclusion(desk: Desk) -> Form:
    return Form("", (Field("reason"),))


def _decide(desk: Desk) -> Form:
    decisions = desk.words.named("decision", ("approve", "refuse"))
    asked = [one.reason for one in desk.sheet.exclusions if one.approved is None]
    return Form("", (forms.pick("decision", decisions), Field("words")), why=" ".join(asked))


def _mark_caller(desk: Desk) -> Form:
    kinds = desk.words.named("mark", abuse.KINDS)
    reasons = desk.words.named("mark_reason", abuse.REASONS)
    why = desk.words.say("abuse.how")
    return Form(
        "", (forms.pick("mark", kinds), forms.choice("mark_reason", reasons), Field("words")), why
    )


def _mark_decision(desk: Desk) -> Form:
    marks = [(str(one.id), desk.words.mark(one)) for one in desk.sheet.marks]
    decisions = desk.words.named("mark_decision", ("confirm", "lift"))
    return Form(
        "",
        (
            forms.choice("which_mark", marks, value=marks[0][0] if len(marks) == 1 else ""),
            forms.pick("mark_decision", decisions),
            Field("words"),
        ),
    )


def _other_case(desk: Desk) -> Form:
    return Form("", (Field("other", "line"), Field("note")))


def _linked(desk: Desk) -> Form:
    return Form("", (Field("other", "line"),))


def _nothing(desk: Desk) -> Form:
    return Form("")


def _ready(desk: Desk, action: str) -> Ready:
    """The templates of an act, filled in: those in the citizen's language first, then the reader's."""
    first = (desk.sheet.case.language, DATA_LANGUAGE[desk.words.say.language], *LANGUAGES)
    templates = [one for one in desk.sheet.templates if one.action == action]
    groups = []
    for code in dict.fromkeys(one for one in first if one in LANGUAGES):
        facts = _facts(desk, code)
        texts = tuple(
            (
                f"{one.code}.{code}",
                desk.words.say.name(one.names),
                reply_templates.fill(one.texts[code], facts),
            )
            for one in templates
            if code in one.texts
        )
        if texts:
            groups.append((desk.words.say(f"template.language.{code}"), texts))
    return tuple(groups)


def _facts(desk: Desk, language: str) -> dict[str, str]:
    """What fills the blanks of a template in this language."""
    case, city = desk.sheet.case, desk.office.city
    due = case.due_at.astimezone(city.time_zone)
    return {
        "number": str(case.number),
        "department": desk.office.owner(case.owner)[language],
        "due": due.strftime(wording.words().day[language]),
    }


# The clocks that can be given more time; a task's is its giver's to set.
EXTENDED = (clocks.ACCEPT, clocks.ARRIVE, clocks.INTERIM, clocks.RESOLVE)

FORMS: Mapping[str, Callable[[Desk], Form]] = {
    "accept": _nothing,
    "join": _nothing,
    "return": _return,
    "dispatch": _dispatch,
    "confirm": _confirm,
    "refer": _refer,
    "interim": _text,
    "resolve": _resolve,
    "solved": _told,
    "unsolved": _told,
    "not_reached": _nothing,
    "resume": _nothing,
    "close": _note,
    "merge": _other_case,
    "link": _other_case,
    "unlink": _linked,
    "reopen": _reopen,
    "take": _nothing,
    "instruction": _task,
    "task": _task,
    "blow": _blow,
    "extend": _extend,
    "suspend": _until,
    "exclusion": _exclusion,
    "exclusion_decision": _decide,
    "mark_caller": _mark_caller,
    "mark_decision": _mark_decision,
}
# Those that the lifecycle's table does not know: they leave the case where it is.
BESIDES = frozenset(
    {
        *("take", "instruction", "task", "exclusion", "exclusion_decision"),
        *("mark_caller", "mark_decision", "link", "unlink"),
    }
)

# Those whose choices are the city's, whatever the case: to read what was chosen needs no more of it.
OF_THE_CITY = frozenset({"dispatch", "confirm"})
# Those in which several of the table's are done at once, or none of them.
TOGETHER: Mapping[str, tuple[str, ...]] = {"dispatch": (lifecycle.CONFIRM, lifecycle.REFER)}


def permissions(action: str) -> tuple[str, ...]:
    """Whom the door lets in with this form; whether the act is theirs in this case, the rule says."""
    if action in TOGETHER:
        return TOGETHER[action][:1]
    return (SEE_CASES, SEE_OWN_CASES) if action in BESIDES else (action,)


def possible(sheet: Sheet) -> list[str]:
    """Everything the reader may do with the case now, in the order in which it is offered."""
    return [act for act in FORMS if _may(sheet, act)]


def _may(sheet: Sheet, action: str) -> bool:
    if action == "dispatch":
        return sheet.may(lifecycle.CONFIRM) and lifecycle.may(
            sheet.parts, lifecycle.CONFIRMED, lifecycle.REFER
        )
    if action not in BESIDES:
        return sheet.may(action) and not (action == "resolve" and _is_the_leads(sheet))
    if action.startswith("exclusion"):
        return _about_exclusion(sheet, action)
    if action == "mark_caller":
        return _may_mark(sheet)
    if action in ("link", "unlink"):
        return sheet.ties.linking and (action == "link" or bool(sheet.ties.linked))
    if action == "mark_decision":
        return bool(sheet.marks) and may(sheet.reader.role, DECIDE_MARKS)
    if sheet.case.status == lifecycle.CLOSED:
        return False
    if action == "take":
        return lifecycle.LEADER in sheet.parts and sheet.case.seat_id is None
    if action == "instruction":
        return lifecycle.LEADER in sheet.parts
    return bool(sheet.parts & (tasks.GIVERS | {lifecycle.CALLED}))


def _about_exclusion(sheet: Sheet, action: str) -> bool:
    """One asks that the case not count, and another decides; what stands is not asked for again."""
    waiting = [one for one in sheet.exclusions if one.approved is None]
    if action == "exclusion":
        stands = waiting or any(one.approved for one in sheet.exclusions)
        return not stands and bool(sheet.parts & exclusions.ASKERS)
    mine = any(one.asked_by == sheet.reader.actor for one in waiting)
    return bool(waiting) and not mine and bool(sheet.parts & exclusions.DECIDERS)


def _may_mark(sheet: Sheet) -> bool:
    """Once in each case, and only who can be known again."""
    known = sheet.call.caller_digest is not None
    marked = any(one.case_id == sheet.case.id for one in sheet.marks)
    return known and not marked and may(sheet.reader.role, MARK_CALLERS)


def _is_the_leads(sheet: Sheet) -> bool:
    """Whether the answer is for another to give: a coordinator answers only where nobody arrived."""
    came = any(one.arrived_at for one in sheet.called)
    return lifecycle.LEAD not in sheet.parts and came


def form(desk: Desk, action: str) -> Form:
    """What this act asks for in this case."""
    made = FORMS[action](desk)
    return Form(action, made.fields, made.why)


def in_short(words: Words, action: str, given: Given) -> Given:
    """What three taps leave out: a return's words are then those of its reason."""
    if action == "return" and given["reason"] and not given["words"]:
        return {"words": words.return_reason(given["reason"])}
    return {}


# --- what each act does ----------------------------------------------------------------------------


def do(records: Session, office: Office, case: Case, action: str, given: Given, how: How) -> None:
    """Do it. Raises Refused as the rule does; `changed` before anything else, for who is overtaken by
    another must learn of that, and not of what would be missing now."""
    if action not in BESIDES:
        _unchanged(case, how)
        _check(records, case, TOGETHER.get(action, (action,))[0], how)
    RULES[action](records, office, case, given, how)


def _check(records: Session, case: Case, action: str, how: How) -> None:
    """One rule serves several acts (accept and join, solved and unsolved): the act must be the table's."""
    lifecycle.check(case_rules.parts(records, case, how.by), case.status, action)


def _do_dispatch(records: Session, office: Office, case: Case, given: Given, how: How) -> None:
    """Confirm what it is, unless that was done, and refer it: both or neither."""
    if missing := [name for name in ("category", "lead") if not given[name]]:
        raise Refused("incomplete", missing=missing)
    if case.status != lifecycle.CONFIRMED or case.category != given["category"]:
        _do_confirm(records, office, case, given, how)
        records.flush()
    _do_refer(records, office, case, given, replace(how, version=case.version))


def _do_confirm(records: Session, office: Office, case: Case, given: Given, how: How) -> None:
    if not given["category"]:
        raise Refused("incomplete", missing=["category"])
    category = office.categories[given["category"]]
    case_rules.confirm(
        records, case, category, version=how.version, by=how.by, now=how.now, terms=how.terms
    )
    if category.urgent:
        recordings.hasten(records, case.call_id, recordings.URGENT)


def _do_refer(records: Session, office: Office, case: Case, given: Given, how: How) -> None:
    """To whom the person chose; where that is whom the routing rule names, the rule is on record."""
    referrals.refer(
        records,
        case,
        None
        if given["lead"] and given["lead"] == _by_rule(records, office, case, how)
        else given["lead"],
        [one for one in given["supporting"] if one != given["lead"]],
        reason=given.get("reason", ""),
        policy=office.policy,
        **how.whole,
    )


def _by_rule(records: Session, office: Office, case: Case, how: How) -> str | None:
    try:
        return referrals.route_of(records, case, office.policy, how.terms, how.now).department
    except Refused:
        return None


def _do_accept(records: Session, office: Office, case: Case, given: Given, how: How) -> None:
    referrals.accept(records, case, **how.whole)


def _do_return(records: Session, office: Office, case: Case, given: Given, how: How) -> None:
    said = (given["reason"], given["words"], given["department"])
    referrals.give_back(records, case, *said, policy=office.policy, **how.whole)


def _do_interim(records: Session, office: Office, case: Case, given: Given, how: How) -> None:
    replies.interim(records, case, given["text"], by=how.by, now=how.now, version=how.version)


def _do_resolve(records: Session, office: Office, case: Case, given: Given, how: How) -> None:
    replies.resolve(records, case, given["answer"], given["outcome"], **how.whole)


def _do_close(records: Session, office: Office, case: Case, given: Given, how: How) -> None:
    case_rules.close(records, case, given["note"], version=how.version, by=how.by, now=how.now)


def _do_merge(records: Session, office: Office, case: Case, given: Given, how: How) -> None:
    said = (given["other"], given["note"])
    merges.merge(records, case, *said, by=how.by, version=how.version, now=how.now)


def _do_link(records: Session, office: Office, case: Case, given: Given, how: How) -> None:
    links.link(records, case, given["other"], given["note"], by=how.by, now=how.now)


def _do_unlink(records: Session, office: Office, case: Case, given: Given, how: How) -> None:
    links.unlink(records, case, given["other"], by=how.by, now=how.now)


def _do_reopen(records: Session, office: Office, case: Case, given: Given, how: How) -> None:
    case_rules.reopen(records, case, given["note"], **how.whole)


def _do_blow(records: Session, office: Office, case: Case, given: Given, how: How) -> None:
    whistles.blow(
        records,
        case,
        given["matter"],
        given["departments"],
        danger=bool(given["danger"]),
        blown_as=_blown_as(how.by),
        **how.whole,
    )


def _blown_as(by: Person) -> str:
    if by.role == duty.LEADER:
        return whistles.LEADER
    return whistles.DISTRICT if by.district else whistles.AGENT


def _do_extend(records: Session, office: Office, case: Case, given: Given, how: How) -> None:
    kind, _, department = given["clock"].partition(" ")
    until = _end(given["until"], how)
    if not kind or until is None:
        raise Refused("incomplete", missing=["clock", "until"])
    delays.extend(
        records, case, kind, until, given["reason"], department=department or None, **how.whole
    )


def _do_suspend(records: Session, office: Office, case: Case, given: Given, how: How) -> None:
    until = _end(given["until"], how)
    if until is None:
        raise Refused("incomplete", missing=["until"])
    delays.suspend(records, case, until, given["reason"], **how.whole)


def _do_resume(records: Session, office: Office, case: Case, given: Given, how: How) -> None:
    delays.resume(records, case, **how.whole)


def _do_task(records: Session, office: Office, case: Case, given: Given, how: How) -> None:
    _give(records, case, given, how, tasks.TASK)


def _do_instruction(records: Session, office: Office, case: Case, given: Given, how: How) -> None:
    _give(records, case, given, how, tasks.INSTRUCTION)


def _give(records: Session, case: Case, given: Given, how: How, kind: str) -> None:
    if not given["owner"]:
        raise Refused("incomplete", missing=["owner"])
    tasks.give(
        records,
        case,
        given["owner"],
        given["text"],
        kind=kind,
        until=_end(given["until"], how),
        **how.plain,
    )


def _end(day: str, how: How) -> datetime | None:
    """When the working day ends on which something is to be done."""
    workdays = how.terms.workdays
    return forms.end_of_day(day, workdays.zone, workdays.day_ends)


def _do_exclusion(records: Session, office: Office, case: Case, given: Given, how: How) -> None:
    exclusions.ask(records, case, given["reason"], by=how.by, now=how.now)


def _do_decide(records: Session, office: Office, case: Case, given: Given, how: How) -> None:
    if not given["decision"]:
        raise Refused("incomplete", missing=["decision"])
    waiting = [one for one in exclusions.of_case(records, case.id) if one.approved is None]
    if not waiting:
        raise Refused("decided_before")
    approved = given["decision"] == "approve"
    exclusions.decide(records, waiting[-1], approved, given["words"], by=how.by, now=how.now)


def _do_mark_caller(records: Session, office: Office, case: Case, given: Given, how: How) -> None:
    said = (given["mark"], given["mark_reason"], given["words"])
    abuse.mark(records, case, *said, by=how.by, now=how.now)


def _do_mark_decision(records: Session, office: Office, case: Case, given: Given, how: How) -> None:
    if not given["which_mark"] or not given["mark_decision"]:
        raise Refused("incomplete", missing=["mark_decision"])
    mark = records.get_one(abuse.Mark, int(given["which_mark"]))
    confirm = given["mark_decision"] == "confirm"
    abuse.decide(records, mark, confirm, given["words"], by=how.by, now=how.now)


def _do_take(records: Session, office: Office, case: Case, given: Given, how: How) -> None:
    duty.take(records, case, by=how.by, now=how.now)


def _do_solved(records: Session, office: Office, case: Case, given: Given, how: How) -> None:
    _answer(records, case, {**given, "solved": "yes"}, how)


def _do_unsolved(records: Session, office: Office, case: Case, given: Given, how: How) -> None:
    _answer(records, case, {**given, "solved": "no"}, how)


def _answer(records: Session, case: Case, given: Given, how: How) -> None:
    followups.answer(records, _followup(records, case), given, **how.plain)


def _do_not_reached(records: Session, office: Office, case: Case, given: Given, how: How) -> None:
    followups.give_up(records, _followup(records, case), by=how.by, now=how.now)


def _followup(records: Session, case: Case) -> int:
    """The follow-up that is still open."""
    rows = [one for one in followups.of_case(records, case.id) if one.state in followups.OPEN]
    if not rows:
        raise Refused("not_now", action="follow_up", status=case.status)
    return rows[-1].id


def _unchanged(case: Case, how: How) -> None:
    if case.version != how.version:
        raise Refused("changed", number=case.number, version=case.version)


Rule = Callable[[Session, Office, Case, Given, How], None]
RULES: Mapping[str, Rule] = {
    "accept": _do_accept,
    "join": _do_accept,
    "return": _do_return,
    "dispatch": _do_dispatch,
    "confirm": _do_confirm,
    "refer": _do_refer,
    "interim": _do_interim,
    "resolve": _do_resolve,
    "close": _do_close,
    "merge": _do_merge,
    "link": _do_link,
    "unlink": _do_unlink,
    "reopen": _do_reopen,
    "blow": _do_blow,
    "extend": _do_extend,
    "suspend": _do_suspend,
    "resume": _do_resume,
    "task": _do_task,
    "instruction": _do_instruction,
    "take": _do_take,
    "exclusion": _do_exclusion,
    "exclusion_decision": _do_decide,
    "mark_caller": _do_mark_caller,
    "mark_decision": _do_mark_decision,
    "solved": _do_solved,
    "unsolved": _do_unsolved,
    "not_reached": _do_not_reached,
}
