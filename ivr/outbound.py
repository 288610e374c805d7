"""Ring citizens back: one call at a time, inside the city's hours, caps and list of countries.

    place_next   the longest waiting follow-up is rung for, if one may be rung now
    look_after   calls of which nobody told us the end: the provider is asked

The intent is written down before the provider is asked, and its token stands in the address that the
provider fetches first. Whether a request came to a call that we do not know of, because we died or
the line broke in between, is looked up in the provider's list before anybody is rung again.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from sqlalchemy.orm import Session

from cases import calls, followups, outgoing
from cases.calls import Call
from cases.case import Case
from cases.followup_policy import day_begins
from cases.followups import Followup
from cases.outgoing import OutgoingCall
from ivr import followup, reconcile
from ivr.phone import Phone
from runtime.database import transaction

log = logging.getLogger(__name__)

PATIENCE = httpx.Timeout(10.0, connect=5.0)
# Seconds the provider may take to tell a person from a machine, before anybody is spoken to.
MACHINE_SECONDS = 5
# When to try again what the provider did not take, and to ask again what it could not tell.
RETRY_AFTER = timedelta(minutes=1)
ASK_AFTER = timedelta(minutes=1)
# A call that is not in the provider's list after so long was never placed.
NEVER_PLACED_AFTER = timedelta(minutes=2)
# A call of which nobody can tell us anything for so long has failed.
FORGET_AFTER = timedelta(hours=1)
# The provider's clock and ours may differ by so much.
CLOCK_SKEW = timedelta(seconds=30)
PAGE = 50
# Of numbers that turn out to be for a person, so many are sorted out in one round.
MOST_AT_ONCE = 20


@dataclass(frozen=True)
class Intent:
    """A call about to be placed: its row as it was written, the number, the citizen's language."""

    call: OutgoingCall
    number: str
    language: str | None


class Unclear(Exception):
    """The provider's answer does not say whether it took the call."""


def is_on(phone: Phone) -> bool:
    """Whether citizens are rung at all: switched on, with an account and a number to ring from."""
    return phone.settings.outbound_calls and reconcile.may_ask(phone)


def place_next(phone: Phone, now: datetime) -> bool:
    """Ring for one follow-up that is due. Whether there was one."""
    if not is_on(phone) or not _in_hours(phone, now):
        return False
    intent = _intend(phone, now)
    if intent is None:
        return False
    try:
        _told(phone, intent.call, _ask_for_call(phone, intent), now)
    except httpx.ConnectError as error:
        # Nothing was asked, so nothing can have been placed.
        log.warning("the provider cannot be reached, nobody is rung: %s", error)
        with _row(phone, intent.call) as (session, row):
            followups.release(session, row, now + RETRY_AFTER, now)
        _rest(phone, now)
    except (httpx.HTTPError, Unclear) as error:
        log.warning("it is not known whether a call was placed: %s", error)
        with _row(phone, intent.call) as (session, row):
            followups.hold_on(session, row, now + ASK_AFTER)
        _rest(phone, now)
    return True


def _rest(phone: Phone, now: datetime) -> None:
    """Leave a provider in trouble alone for a while: the watch has other rounds to make."""
    with transaction(phone.engine) as session:
        outgoing.rest(session, now + RETRY_AFTER)


@contextmanager
def _row(phone: Phone, call: OutgoingCall) -> Iterator[tuple[Session, OutgoingCall]]:
    """The call's row in a transaction of its own: we held none while the provider was asked."""
    with transaction(phone.engine) as session:
        row = outgoing.by_token(session, call.token)
        assert row is not None, "the intent was written down"
        yield session, row


def _in_hours(phone: Phone, now: datetime) -> bool:
    zone = phone.city.time_zone
    kind = phone.city.day_kind(now.astimezone(zone).date())
    return phone.policy.may_ring(now, zone, kind)


def _intend(phone: Phone, now: datetime) -> Intent | None:
    """Write down the call that comes next; numbers no machine may ring are for a person."""
    today = day_begins(now, phone.city.time_zone)
    with transaction(phone.engine) as session:
        waiting = followups.due(session, phone.policy, today, now, limit=MOST_AT_ONCE)
    for followup_id in waiting:
        with transaction(phone.engine) as session:
            session.expire_on_commit = False
            number, language = _whom(phone, session, followup_id)
            refusal = phone.policy.refusal(number, phone.city.country_prefix)
            if refusal is None:
                call = followups.claim(session, followup_id, phone.policy, today, now)
                return Intent(call, number, language) if call else None
            followups.unfit(session, followup_id, refusal)
    return None


def _whom(phone: Phone, session: Session, followup_id: int) -> tuple[str, str | None]:
    """The number that called us about the case, and never any other; the citizen's language."""
    row = session.get_one(Followup, followup_id)
    first = session.get_one(Call, session.get_one(Case, row.case_id).call_id)
    return phone.caller_key.unseal(first.caller_sealed or ""), row.language


# --- asking the provider -----------------------------------------------------------------------------


def _ask_for_call(phone: Phone, intent: Intent) -> httpx.Response:
    with _client(phone) as client:
        return client.post(_calls_url(phone), data=_wishes(phone, intent))


def _wishes(phone: Phone, intent: Intent) -> dict[str, str]:
    base, token = phone.settings.public_base_url, intent.call.token
    detection = {
        "MachineDetection": "Enable",
        "MachineDetectionTimeout": str(MACHINE_SECONDS),
    }
    return {
        "To": intent.number,
        "From": phone.settings.outbound_number,
        "Url": followup.first_address(phone, intent.call, intent.language),
        "Method": "POST",
        "FallbackUrl": f"{base}/voice/followup/fallback",
        "FallbackMethod": "POST",
        "StatusCallback": f"{base}/voice/followup/status?try={token}",
        "StatusCallbackMethod": "POST",
        "StatusCallbackEvent": "completed",
        "Timeout": str(phone.policy.rings),
        "TimeLimit": str(phone.policy.longest),
        **(detection if phone.profile.machine_detection else {}),
    }


def _told(phone: Phone, call: OutgoingCall, answer: httpx.Response, now: datetime) -> None:
    """What the provider said to our request. Raises Unclear where that may mean either."""
    if answer.status_code == 429:
        log.warning("the provider takes no more calls at the moment")
        with _row(phone, call) as (session, row):
            followups.release(session, row, now + RETRY_AFTER, now)
        _rest(phone, now)
    elif 400 <= answer.status_code < 500:
        log.error("the provider refuses to ring: %s %s", answer.status_code, _code(answer))
        with _row(phone, call) as (session, row):
            followups.for_a_person(session, row, "rejected", now)
    else:
        _known_as(phone, call, _sid(answer))


def _sid(answer: httpx.Response) -> str:
    try:
        return str(answer.raise_for_status().json()["sid"])
    except (httpx.HTTPStatusError, ValueError, KeyError, TypeError) as error:
        raise Unclear(f"the provider answered {answer.status_code}") from error


def _code(answer: httpx.Response) -> str:
    """The provider's error number; its words may hold the citizen's."""
    try:
        return str(answer.json().get("code", ""))[:10]
    except (ValueError, AttributeError):
        return ""


def _known_as(phone: Phone, call: OutgoingCall, sid: str) -> None:
    if not phone.profile.id_grammar.fullmatch(sid):
        raise Unclear("the provider named the call in a way that is no name")
    with _row(phone, call) as (session, row):
        outgoing.known_as(session, row, sid, phone.profile.name)
    log.info("ringing for follow-up %d: call %s", call.followup_id, sid)


def _client(phone: Phone) -> httpx.Client:
    account = (phone.settings.twilio_account_sid, phone.settings.twilio_auth_token)
    return httpx.Client(auth=account, timeout=PATIENCE, trust_env=False)


def _calls_url(phone: Phone) -> str:
    account = phone.settings.twilio_account_sid
    return f"{reconcile.api(phone)}/2010-04-01/Accounts/{account}/Calls.json"


# --- calls nobody tells us the end of ----------------------------------------------------------------


def look_after(phone: Phone, now: datetime) -> int:
    """Ask the provider about calls that should be over by now. How many there were."""
    if not is_on(phone):
        return 0
    with transaction(phone.engine) as session:
        session.expire_on_commit = False
        lost = followups.stale(session, now)
    for call in lost:
        try:
            _look_up(phone, call, now)
        except (httpx.HTTPError, ValueError, KeyError, TypeError, Unclear) as error:
            log.warning("the provider does not say how a call stands: %r", error)
            _wait_or_forget(phone, call, now)
    return len(lost)


def _look_up(phone: Phone, call: OutgoingCall, now: datetime) -> None:
    told = _as_known(phone, call) if call.call_id is not None else _in_list(phone, call)
    if told is None:
        _not_there(phone, call, now)
        return
    _known_as(phone, call, str(told["sid"]))
    status = str(told["status"])
    with _row(phone, call) as (session, row):
        row.answered_by = row.answered_by or told.get("answered_by") or None
        if status in calls.ENDED:
            outcome = "machine" if followup.is_machine(row) else status
            followups.over(session, row, outcome, phone.policy, phone.terms, now)
        else:
            followups.hold_on(session, row, now + ASK_AFTER)


def _as_known(phone: Phone, call: OutgoingCall) -> Mapping[str, Any] | None:
    with transaction(phone.engine) as session:
        sid = session.get_one(Call, call.call_id).provider_id
    with _client(phone) as client:
        answer = client.get(_calls_url(phone).replace(".json", f"/{sid}.json"))
    if answer.status_code == 404:
        return None
    told: Mapping[str, Any] = answer.raise_for_status().json()
    return told


def _in_list(phone: Phone, call: OutgoingCall) -> Mapping[str, Any] | None:
    """The call in the provider's list: to this number, since we wrote the intent down, and not known
    as another call of ours. The list does not show the address with the token."""
    with transaction(phone.engine) as session:
        case = session.get_one(Case, call.case_id)
        sealed = session.get_one(Call, case.call_id).caller_sealed or ""
    number = phone.caller_key.unseal(sealed)
    asked = {"To": number, "From": phone.settings.outbound_number, "PageSize": str(PAGE)}
    with _client(phone) as client:
        listed = client.get(_calls_url(phone), params=asked).raise_for_status().json()["calls"]
    since = call.placed_at - CLOCK_SKEW
    mine = [one for one in listed if parsedate_to_datetime(one["date_created"]) >= since]
    with transaction(phone.engine) as session:
        known = calls.known_ids(session, [str(one["sid"]) for one in mine])
    return next((one for one in reversed(mine) if one["sid"] not in known), None)


def _not_there(phone: Phone, call: OutgoingCall, now: datetime) -> None:
    with _row(phone, call) as (session, row):
        if row.call_id is not None:
            followups.over(session, row, "failed", phone.policy, phone.terms, now)
        elif now - row.placed_at > NEVER_PLACED_AFTER:
            followups.release(session, row, now, now)
        else:
            followups.hold_on(session, row, now + ASK_AFTER)


def _wait_or_forget(phone: Phone, call: OutgoingCall, now: datetime) -> None:
    with _row(phone, call) as (session, row):
        if now - row.placed_at > FORGET_AFTER:
            followups.over(session, row, "failed", phone.policy, phone.terms, now)
        else:
            followups.hold_on(session, row, now + ASK_AFTER)
