"""A call of ours to a citizen, turn by turn: was anybody in touch, is it solved, are you satisfied?

The provider calls these addresses as it does all others. Which call it is says the token that we
put into them; the form's `From` is our own number here, and `To` is never looked at.
"""

import logging
from dataclasses import replace

from sqlalchemy.orm import Session

from callflows import engine
from callflows.engine import Move, Position, Question
from callflows.events import Answer, Event
from callflows.flow import ANSWERS, Callflow, RecordStep
from callflows.instructions import HangUp
from callflows.position import PositionError
from cases import calls, followups, recordings, spoken_answers, transcripts
from cases.case import Case
from cases.outgoing import OutgoingCall
from cases.recordings import ON_THE_LINE
from ivr import answers, ledger, turn
from ivr.ledger import Happened
from ivr.phone import Phone
from ivr.turn import Outcome
from runtime.breaker import Unavailable

log = logging.getLogger(__name__)

MACHINES = ("machine", "fax")
UNKNOWN_CALL = Position("")


def take(phone: Phone, happened: Happened) -> Move:
    """The citizen's next instructions. Without a database the call ends soon, and counts as a try."""
    try:
        outcome = ledger.in_ledger(phone, lambda session: write(session, phone, happened))
    except Unavailable as why:
        ledger.keep_for_later(phone, happened, why)
        phone = phone.ringing_back(happened.token)
        return turn.in_the_dark(phone, happened, position_of(phone.callflow, happened))
    if outcome.recording_id is not None:
        phone.doorbell.ring("fetch", outcome.recording_id)
    return outcome.move


def position_of(callflow: Callflow, happened: Happened) -> Position:
    """Where the citizen is; at the beginning, with the language of the case, when nothing is told."""
    if "step" in happened.query:
        try:
            return Position.from_query(happened.query, callflow)
        except PositionError as error:
            log.warning("a call of ours came back to a place that is gone: %s", error)
    return engine.begin(callflow, happened.query.get("language"))


def write(session: Session, phone: Phone, happened: Happened) -> Outcome:
    """The turn inside a transaction. Doing it again changes nothing and says the same."""
    ours = ledger.our_call(session, happened)
    if ours is None:
        log.warning("a call that we never placed is ended")
        return Outcome(_hang_up(), None)
    phone = phone.ringing_back(ours.token)
    call_id = ledger.take_hold(session, phone, happened)
    if ours.call_id != call_id:
        log.warning("the provider rang twice for one call of ours: the second is ended")
        return Outcome(_hang_up(), None)
    return _write(session, phone, happened, ours, call_id)


def _write(
    session: Session, phone: Phone, happened: Happened, ours: OutgoingCall, call_id: int
) -> Outcome:
    position = position_of(phone.callflow, happened)
    event = happened.form.event(position.turn, silent=happened.silent)
    ours.answered_by = ours.answered_by or happened.form.answered_by
    recording_id = _note_recording(session, phone, happened, ours, call_id, position)

    def ask(question: Question) -> Answer:
        return _answer(phone, session, question, happened, ours, position)

    def note(kept: dict[str, str]) -> None:
        _note(session, ours, call_id, position, happened, event, kept)

    move = turn.walk(phone, position, event, ask, note)
    if move.ended or happened.form.call_status in calls.ENDED:
        calls.note_status(session, call_id, "completed", happened.at)
        end(session, phone, happened, ours, "completed")
    elif ours.outcome is not None:
        # What was answered is told us after the end: it may decide all the same.
        end(session, phone, happened, ours, ours.outcome)
    return Outcome(move, recording_id)


def _note(
    session: Session,
    ours: OutgoingCall,
    call_id: int,
    position: Position,
    happened: Happened,
    event: Event,
    kept: dict[str, str],
) -> None:
    turn.write_down(session, call_id, position, happened, event, kept)
    for question in ANSWERS.keys() & kept.keys():
        followups.note(session, ours, question, kept[question], happened.at)


def _note_recording(
    session: Session,
    phone: Phone,
    happened: Happened,
    ours: OutgoingCall,
    call_id: int,
    position: Position,
) -> int | None:
    """What was said: an answer, which the citizen waits on the line for us to hear, or a remark."""
    told = happened.form.announcement(position.turn)
    if told is None:
        return None
    step = phone.callflow.flow.steps[position.step]
    is_remark = isinstance(step, RecordStep) and step.keeps == "remark"
    if not is_remark:
        told = replace(told, priority=ON_THE_LINE)
    recording_id = recordings.announce(session, call_id, told, happened.at)
    if is_remark:
        followups.attach_remark(session, ours, recording_id)
    return recording_id


def end(
    session: Session, phone: Phone, happened: Happened, ours: OutgoingCall, outcome: str
) -> None:
    """The call is over; what follows from it follows now."""
    if is_machine(ours):
        outcome = "machine"
    followups.over(session, ours, outcome, phone.policy, phone.terms, happened.at)


def is_machine(ours: OutgoingCall) -> bool:
    """Whether no person picked up, as far as the provider can tell."""
    return (ours.answered_by or "").startswith(MACHINES)


def _hang_up() -> Move:
    return Move(UNKNOWN_CALL, (HangUp(),), ended=True)


# --- how the call stands -------------------------------------------------------------------------------


def write_status(session: Session, phone: Phone, happened: Happened) -> int | None:
    """The provider's word on a call of ours, in any order and any number of times."""
    ours = ledger.our_call(session, happened)
    status = happened.form.call_status
    if ours is None or status is None:
        return None
    call_id = ledger.take_hold(session, phone, happened)
    if ours.call_id == call_id:
        ours.answered_by = ours.answered_by or happened.form.answered_by
        calls.note_status(session, call_id, status, happened.at)
        if status in calls.ENDED:
            end(session, phone, happened, ours, status)
    return None


# --- what the flow asks --------------------------------------------------------------------------------


def _answer(
    phone: Phone,
    session: Session,
    question: Question,
    happened: Happened,
    ours: OutgoingCall,
    position: Position,
) -> Answer:
    match question.name:
        case "followup_case":
            return _which_case(session, ours)
        case "heard_contacted" | "heard_solved" | "heard_satisfied":
            return _heard(session, ours, question.name.removeprefix("heard_"), position, happened)
        case "wrong_number":
            followups.refuse_calls(session, ours, "wrong_number", happened.at)
            return Answer("known")
        case "no_more_calls":
            followups.refuse_calls(session, ours, "opted_out", happened.at)
            return Answer("known")
    call_id = ours.call_id or 0
    return answers.answer(phone, question, happened.at, session, call_id, position.turn)


def _which_case(session: Session, ours: OutgoingCall) -> Answer:
    if is_machine(ours):
        return Answer("machine")
    case = session.get_one(Case, ours.case_id)
    if not followups.is_asked(session, ours) or case.number is None:
        return Answer("over")
    return Answer("known", {"number": case.number})


def _heard(
    session: Session, ours: OutgoingCall, question: str, position: Position, happened: Happened
) -> Answer:
    """What the last recording of this call says, if it has been heard by now."""
    assert ours.call_id is not None, "a turn names its call"
    spoken = recordings.of_call(session, ours.call_id)
    if not spoken or spoken[-1].status in recordings.FINAL - {"transcribed"}:
        return Answer("unclear")
    if spoken[-1].status != "transcribed":
        return Answer("waiting")
    transcript = transcripts.of_recording(session, spoken[-1].id)
    meant = spoken_answers.meaning(transcript.text if transcript else "", question)
    if meant is None:
        return Answer("unclear")
    followups.note(session, ours, question, meant, happened.at)
    return Answer(meant)


def first_address(phone: Phone, ours: OutgoingCall, language: str | None) -> str:
    """Where the provider gets the first instructions of a call of ours."""
    chosen = f"&language={language}" if language else ""
    return f"{phone.settings.public_base_url}/voice/followup?try={ours.token}{chosen}"
