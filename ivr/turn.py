"""One turn of a call: take hold of the call, write down what the caller did, walk the flow on."""

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy.orm import Session

from callflows import engine
from callflows.engine import Move, Position, Question
from callflows.events import Answer, Digits, Event, Recorded, Silence
from callflows.flow import ANSWERS
from cases import calls, known
from ivr import answers, ledger
from ivr.ledger import Happened
from ivr.phone import Phone
from runtime.breaker import Unavailable

log = logging.getLogger(__name__)

# What outlives its turn. The end of a caller's number is asked for and used within one.
KEPT = frozenset({"number", *ANSWERS})

Ask = Callable[[Question], Answer]


@dataclass(frozen=True)
class Outcome:
    """Where the call stands after the turn, and the recording that now wants fetching, if any."""

    move: Move
    recording_id: int | None


def take(phone: Phone, happened: Happened, position: Position) -> Move:
    """The caller's next instructions. Whatever happens to the database, there are some."""
    try:
        outcome = ledger.in_ledger(phone, lambda session: write(session, phone, happened, position))
    except Unavailable as why:
        ledger.keep_for_later(phone, happened, why)
        return in_the_dark(phone, happened, position)
    if outcome.recording_id is not None:
        phone.doorbell.ring("fetch", outcome.recording_id)
    return outcome.move


def write(session: Session, phone: Phone, happened: Happened, position: Position) -> Outcome:
    """The turn inside a transaction. Doing it again changes nothing and says the same."""
    call_id = ledger.take_hold(session, phone, happened)
    event = happened.form.event(position.turn, silent=happened.silent)
    recording_id = ledger.note_recording(session, phone, happened, call_id, position.turn)

    def ask(question: Question) -> Answer:
        turn, live = position.turn, happened.live
        return answers.answer(phone, question, happened.at, session, call_id, turn, live=live)

    def note(kept: dict[str, str]) -> None:
        write_down(session, call_id, position, happened, event, kept)

    move = walk(phone, position, event, ask, note)
    if _waits(event):
        ledger.note_wait(session, phone, happened, call_id)
    if happened.form.call_status in calls.ENDED:
        ledger.note_status(session, phone, happened, call_id)
    elif move.ended:
        # We hang up now; a provider that was not told to report that would leave the line busy.
        calls.note_status(session, call_id, "completed", happened.at)
        known.settle(session, call_id, happened.at)
    if move.position.language and move.position.language != position.language:
        calls.note_language(session, call_id, move.position.language)
    return Outcome(move, recording_id)


def _waits(event: Event) -> bool:
    """The caller said nothing, or asked for a person."""
    match event:
        case Silence() | Digits("0") | Recorded(key="0"):
            return True
    return False


def walk(
    phone: Phone, position: Position, event: Event, ask: Ask, note: Callable[[dict[str, str]], None]
) -> Move:
    """Advance the flow, answering its questions on the way, until it has instructions for the caller."""
    move = engine.advance(phone.callflow, position, event)
    note(dict(move.keep))
    while move.question is not None:
        move = engine.advance(phone.callflow, move.position, ask(move.question))
    return move


def in_the_dark(phone: Phone, happened: Happened, position: Position) -> Move:
    """The same without a database: the flow has a way on for every question that has no answer."""

    def ask(question: Question) -> Answer:
        return answers.answer(phone, question, happened.at, None)

    return walk(
        phone,
        position,
        happened.form.event(position.turn, silent=happened.silent),
        ask,
        lambda kept: None,
    )


def write_down(
    session: Session,
    call_id: int,
    position: Position,
    happened: Happened,
    event: Event,
    kept: dict[str, str],
) -> None:
    """Keep what the caller did at this turn."""
    heard: dict[str, Any] = {"kind": type(event).__name__.lower(), **asdict(event)}
    if isinstance(event, Digits) and len(event.keys) > 1:
        # Longer entries are case numbers and parts of telephone numbers: kept by name or not at all.
        heard["keys"] = "*" * len(event.keys)
    kept = {name: digits for name, digits in kept.items() if name in KEPT}
    calls.note_turn(
        session, call_id, position.turn, step=position.step, heard=heard, kept=kept, now=happened.at
    )
    log.info("call %s turn %d at %s: %s", call_id, position.turn, position.step, heard["kind"])
