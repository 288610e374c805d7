"""Tell the database what the spool kept for it, by the same lines that write live events."""

import logging
import re
import threading
from datetime import datetime
from typing import Any

from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session

from callflows import engine
from callflows.position import Position, PositionError
from ivr import followup, ledger, turn
from ivr.form import BadForm, Form
from ivr.ledger import Happened
from ivr.phone import Phone, Phones
from runtime.breaker import Unavailable
from runtime.spool import Unfit

log = logging.getLogger(__name__)

EVERY_SECONDS = 2.0


def keep_draining(phones: Phones) -> threading.Thread:
    """Look at the spool now and then, in the background, for as long as this process lives."""

    def forever() -> None:
        pause = threading.Event()
        while not pause.wait(EVERY_SECONDS):
            try:
                drain(phones)
            except Exception:
                log.exception("the spool could not be told to the database")

    thread = threading.Thread(target=forever, name="spool", daemon=True)
    thread.start()
    return thread


def drain(phones: Phones) -> int:
    """Write down what waits in the spool, oldest first, until the database balks. How many."""
    try:
        done = phones.now.spool.drain(lambda event: _tell(phones, event))
    except Unavailable:
        return 0
    if done:
        log.info("told the database %d events it had missed", done)
    return done


def _tell(phones: Phones, event: dict[str, Any]) -> None:
    try:
        phone = phones.of_call(event["query"])
        happened = _happened(phone, event)
        recording_id = ledger.in_ledger(phone, lambda session: _write(session, phone, happened))
    except (BadForm, KeyError, ValueError) as error:
        log.exception("an event in the spool cannot be understood and is set aside")
        raise Unfit(str(error)) from error
    except Unavailable as error:
        if isinstance(error.__cause__, DataError | IntegrityError):
            log.exception("the database is there, but refuses an event, which is set aside")
            raise Unfit(str(error)) from error
        raise
    if recording_id is not None:
        phone.doorbell.ring("fetch", recording_id)


def _write(session: Session, phone: Phone, happened: Happened) -> int | None:
    if happened.kind == "followup":
        return followup.write(session, phone, happened).recording_id
    if happened.kind == "followup_status":
        return followup.write_status(session, phone, happened)
    if happened.kind != "turn":
        return ledger.write(session, phone, happened)
    try:
        position = Position.from_query(happened.query, phone.callflow)
    except PositionError:
        position = engine.begin(phone.callflow)
    return turn.write(session, phone, happened, position).recording_id


def _happened(phone: Phone, event: dict[str, Any]) -> Happened:
    fields = event["form"]
    grammar: re.Pattern[str] = phone.profile.id_grammar
    return Happened(
        kind=event["kind"],
        query=event["query"],
        form=Form(fields, fields["CallSid"], grammar),
        at=datetime.fromisoformat(event["at"]),
        live=False,
    )
