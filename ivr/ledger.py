"""Write down what happened on the telephone, or, when the database is away, keep it until it is back.

Every event goes through `Happened`, whether it is live or comes out of the spool, so both are
written by the same lines.
"""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from cases import browser_calls, calls, followups, known, notices, outgoing, recordings
from cases import case as case_module
from cases.outgoing import OutgoingCall
from cases.recordings import Announcement
from ivr.form import Form
from ivr.phone import Phone
from runtime.breaker import Unavailable
from runtime.database import transaction

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True)
class Happened:
    """One webhook: which (`turn`, `recording`, `status`, `fallback`), its query, its form, when.

    live: it is being answered now, and not only written down after the event.
    """

    kind: str
    query: dict[str, str]
    form: Form
    at: datetime
    live: bool = True

    @property
    def silent(self) -> bool:
        """Whether the address could only be reached by doing nothing."""
        return self.query.get("heard") == "silence"

    @property
    def turn(self) -> int | None:
        """The turn that a recording's callback names in its address."""
        turn = self.query.get("turn", "")
        return int(turn) if re.fullmatch("[0-9]{1,3}", turn) else None

    @property
    def token(self) -> str:
        """Which call of ours this belongs to; empty where a citizen called us."""
        token = self.query.get("try", "")
        return token if re.fullmatch("[0-9a-f]{32}", token) else ""

    def to_spool(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "query": self.query,
            "form": dict(self.form.fields),
            "at": self.at.isoformat(),
        }


def in_ledger(phone: Phone, work: Callable[[Session], T]) -> T:
    """Run the work in one transaction, within a caller's patience. Raises Unavailable."""

    def once() -> T:
        with transaction(phone.engine) as session:
            return work(session)

    return phone.ledger.run(once)


def keep_for_later(phone: Phone, happened: Happened, why: Unavailable) -> bool:
    """Spool the event. False when even that is impossible: then only the provider still has it."""
    try:
        phone.spool.add(happened.to_spool())
    except OSError as error:
        log.critical("neither database (%s) nor spool (%s) took a %s", why, error, happened.kind)
        return False
    log.error("the database is away (%s): kept a %s for later", why, happened.kind)
    return True


def take_hold(session: Session, phone: Phone, happened: Happened) -> int:
    """Our id of the call this event belongs to, its row held; the caller's number if the form has it."""
    form = happened.form
    if ours := our_call(session, happened):
        return outgoing.known_as(session, ours, form.call_id, phone.profile.name)
    caller = None if form.caller is None else phone.caller_key.caller(form.caller)
    return calls.begin(
        session,
        form.call_id,
        provider=provider_of(phone, form),
        caller=caller,
        called=form.called,
        now=happened.at,
    )


def provider_of(phone: Phone, form: Form) -> str:
    """Who brought us this call: the provider, or our own browser telephone."""
    return browser_calls.BROWSER if browser_calls.is_browser(form.call_id) else phone.profile.name


def our_call(session: Session, happened: Happened) -> OutgoingCall | None:
    """The call of ours that this event tells of, if it is one."""
    return outgoing.by_token(session, happened.token) if happened.token else None


def write(session: Session, phone: Phone, happened: Happened) -> int | None:
    """Write down what a callback told, inside a transaction. Our id of its recording, if any."""
    call_id = take_hold(session, phone, happened)
    recording_id = note_recording(session, phone, happened, call_id, happened.turn)
    note_status(session, phone, happened, call_id)
    if phone.texts_callers and calls.is_over(session, call_id):
        _text_caller(session, call_id, happened.at)
    return recording_id


def _text_caller(session: Session, call_id: int, now: datetime) -> None:
    """After the call its case's number goes to the caller, once, however often we are told."""
    case = case_module.of_call(session, call_id)
    if case is None or case.merged_into is not None:  # then the caller is told of that instead
        return
    key, facts = f"case_opened:{case.id}", {"number": case.number}
    notices.post(
        session, "case_opened", to="caller", case_id=case.id, facts=facts, dedupe=key, now=now
    )


def note_status(session: Session, phone: Phone, happened: Happened, call_id: int) -> None:
    """Note how the call stands; one that ended while it waited for an answer becomes a missed case."""
    status = happened.form.call_status
    if status is None:
        return
    calls.note_status(session, call_id, status, happened.at)
    if status in calls.ENDED:
        _missed_if_waited(session, phone, call_id, happened.at)
        known.settle(session, call_id, happened.at)


def note_wait(session: Session, phone: Phone, happened: Happened, call_id: int) -> None:
    """The caller said nothing or wants a person. The call may be over already: we hear of it late."""
    if calls.is_over(session, call_id):
        _missed_if_waited(session, phone, call_id, happened.at)
    elif (case := case_module.of_call(session, call_id)) and calls.pressed(session, call_id, "0"):
        case_module.mark(case, "wants_person")


def _missed_if_waited(session: Session, phone: Phone, call_id: int, now: datetime) -> None:
    if outgoing.of_call(session, call_id):
        return
    waited = calls.did(session, call_id, "silence") or calls.pressed(session, call_id, "0")
    if waited and not calls.times_asked(session, call_id, "number"):
        open_missed(session, phone, call_id, now)


def note_recording(
    session: Session, phone: Phone, happened: Happened, call_id: int, turn: int | None
) -> int | None:
    """Write down the recording this event tells of, and open its case. Our id of the recording."""
    told = happened.form.announcement(turn)
    if told is None:
        return None
    recording_id = recordings.announce(session, call_id, told, happened.at)
    if ours := outgoing.of_call(session, call_id):
        if happened.query.get("keeps") == "remark":
            followups.attach_remark(session, ours, recording_id)
        return recording_id
    if told.told not in recordings.WITHOUT_SOUND:
        flags = _flags_of_message(session, call_id, told)
        case = case_module.open_for(session, call_id, phone.terms, happened.at, flags)
        if "transcript_pending" in flags:
            case_module.unset(case, "missed_message")
        elif _nothing_came(session, call_id):
            case_module.mark(case, "missed_message")
    elif not calls.times_asked(session, call_id, "number"):
        open_missed(session, phone, call_id, happened.at)
    return recording_id


def open_missed(session: Session, phone: Phone, call_id: int, now: datetime) -> case_module.Case:
    """The case of a call without a message: somebody must ring back. With a message it is not missed."""
    flags = ["missed_message"] if _nothing_came(session, call_id) else []
    if calls.pressed(session, call_id, "0"):
        flags.append("wants_person")
    case = case_module.open_for(session, call_id, phone.terms, now, flags)
    if flags[:1] == ["missed_message"]:
        case_module.unset(case, "transcript_pending")
    return case


def _nothing_came(session: Session, call_id: int) -> bool:
    """Of this call there is no recording with sound."""
    return all(r.status in recordings.WITHOUT_SOUND for r in recordings.of_call(session, call_id))


def _flags_of_message(session: Session, call_id: int, told: Announcement) -> list[str]:
    flags = ["hung_up"] if told.hung_up else []
    if calls.pressed(session, call_id, "0"):
        flags.append("wants_person")
    # A callback may come after the transcript: then nothing is pending any more.
    if not all(r.status in recordings.FINAL for r in recordings.of_call(session, call_id)):
        flags.append("transcript_pending")
    return flags
