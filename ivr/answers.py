"""What a call flow asks of us on its way: one function a question, by the question's name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from babel.dates import format_date
from sqlalchemy.orm import Session

from callflows.engine import Question
from callflows.events import Answer
from callflows.flow import QUESTIONS
from cases import calls, known, merges, recordings, transcripts
from cases import case as case_module
from cases.calls import Call
from ivr import ledger, read_back
from ivr.phone import Phone
from ivr.read_back import OnTheLine

# A caller may try a case number so often in one call.
PROGRESS_TRIES = 3
# A call longer than this has ended without our being told.
LONGEST_CALL = timedelta(hours=1)
SPOKEN_DATE = {
    "yue": ("zh_Hant_HK", "M月d日"),
    "cmn": ("zh_Hans_CN", "M月d日"),
    "en": ("en_GB", "d MMMM"),
}


@dataclass(frozen=True)
class Asked:
    """A question asked during a call."""

    phone: Phone
    session: Session
    call_id: int
    turn: int
    keep: Mapping[str, str]
    now: datetime
    live: bool = True


def answer(
    phone: Phone,
    question: Question,
    now: datetime,
    session: Session | None,
    call_id: int = 0,
    turn: int = 0,
    *,
    live: bool = True,
) -> Answer:
    """The answer to a question; without a database, the honest *unknown* or *unavailable*.

    live: the caller waits for it, and it is not only written down after the event."""
    if question.name in WITHOUT_DATABASE:
        return WITHOUT_DATABASE[question.name](phone, now)
    if session is None:
        return Answer(QUESTIONS[question.name].trouble)
    asked = Asked(phone, session, call_id, turn, question.keep, now, live)
    return WITH_DATABASE[question.name](asked)


def _office_hours(phone: Phone, now: datetime) -> Answer:
    return Answer(phone.city.office_hours(now), {})


def _agents_desk(phone: Phone, now: datetime) -> Answer:
    return Answer("present" if phone.settings.agent_dial else "absent", {})


def _line_load(asked: Asked) -> Answer:
    busy = calls.busy_lines(asked.session, asked.now - LONGEST_CALL)
    return Answer("busy" if busy >= asked.phone.city.overflow_calls else "free", {})


def _case_number(asked: Asked) -> Answer:
    case = case_module.of_call(asked.session, asked.call_id)
    # Of a caller who was not heard there may be a case for a return call, but no message to thank for.
    return _number_of(None if case and "missed_message" in case.flags else case)


def _missed_case(asked: Asked) -> Answer:
    return _number_of(ledger.open_missed(asked.session, asked.phone, asked.call_id, asked.now))


def _spoke_to_agent(asked: Asked) -> Answer:
    case = case_module.open_for(
        asked.session, asked.call_id, asked.phone.terms, asked.now, ["spoke_to_agent"]
    )
    return _number_of(case)


def _understood(asked: Asked) -> Answer:
    return read_back.understood(_on_the_line(asked, "understood"))


def _understood_place(asked: Asked) -> Answer:
    return read_back.understood(_on_the_line(asked, "understood_place"))


def _on_the_line(asked: Asked, question: str) -> OnTheLine:
    where = (asked.phone, asked.session, asked.call_id, asked.turn, asked.now)
    return OnTheLine(*where, may_ask=question == "understood", asked=question, live=asked.live)


def _keep_apart(asked: Asked) -> Answer:
    case = case_module.of_call(asked.session, asked.call_id)
    if case is not None:
        known.keep_apart(asked.session, case, asked.turn, asked.now)
    return _number_of(case)


def _record_again(asked: Asked) -> Answer:
    read_back.refused(asked.session, asked.call_id, asked.turn, asked.now)
    recordings.replace_earlier(asked.session, asked.call_id, asked.turn)
    transcripts.say_again(asked.session, asked.call_id)
    return _case_number(asked)


def _progress(asked: Asked) -> Answer:
    """Status, owner and due date of an earlier case, for who knows its number and who called then."""
    if calls.times_asked(asked.session, asked.call_id, "number") > PROGRESS_TRIES:
        return Answer("too_many", {})
    keyed = {**calls.kept(asked.session, asked.call_id), **asked.keep}
    if not {"number", "last_four"} <= keyed.keys():
        # The database was away when they were keyed.
        return Answer("unavailable", {})
    case = case_module.by_number(asked.session, keyed["number"])
    if case is None:
        return Answer("wrong", {})
    caller = asked.session.get_one(Call, case.call_id).caller_sealed
    if not asked.phone.caller_key.ends_with(caller, keyed["last_four"]):
        return Answer("wrong", {})
    case = merges.main_of(asked.session, case)
    phone, prompts = asked.phone, asked.phone.callflow.prompts.texts
    due = case.due_at.astimezone(phone.city.time_zone).date()
    values = {
        "status": {language: texts[f"status_{case.status}"] for language, texts in prompts.items()},
        "owner": phone.owner(case.owner),
        "due": {language: _spoken(due, language) for language in SPOKEN_DATE},
    }
    return Answer("found", values)


def _spoken(day: date, language: str) -> str:
    locale, pattern = SPOKEN_DATE[language]
    return format_date(day, pattern, locale=locale)


def _number_of(case: case_module.Case | None) -> Answer:
    if case is None or case.number is None:
        return Answer("unknown", {})
    return Answer("known", {"number": case.number})


WITHOUT_DATABASE: Mapping[str, Callable[[Phone, datetime], Answer]] = {
    "office_hours": _office_hours,
    "agents_desk": _agents_desk,
}
WITH_DATABASE: Mapping[str, Callable[[Asked], Answer]] = {
    "line_load": _line_load,
    "case_number": _case_number,
    "missed_case": _missed_case,
    "spoke_to_agent": _spoke_to_agent,
    "record_again": _record_again,
    "understood": _understood,
    "understood_place": _understood_place,
    "keep_apart": _keep_apart,
    "progress": _progress,
}
