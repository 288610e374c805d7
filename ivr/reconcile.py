"""Ask the provider which recordings it keeps, and take in those nobody told us of.

For the hours in which neither our database nor our spool could be reached: callers were sent to the
fallback, the provider recorded them, and its callbacks came to nothing.
"""

import logging
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urljoin

import httpx

from cases import recordings
from ivr import ledger
from ivr.form import Form
from ivr.ledger import Happened
from ivr.phone import Phone
from runtime.breaker import Unavailable
from runtime.settings import is_loopback

log = logging.getLogger(__name__)

LOOK_BACK = timedelta(days=2)
PAGE = 100
MOST_PAGES = 1000
PATIENCE = httpx.Timeout(10.0)


def collect(phone: Phone, now: datetime) -> int:
    """Take in every recording of the last two days that is not known here. How many there were.

    Raises Unavailable when the provider or the database does not answer as it should.
    """
    if not may_ask(phone):
        return 0
    try:
        found = _collect(phone, now)
    except (httpx.HTTPError, KeyError, ValueError, TypeError) as error:
        raise Unavailable(f"the provider's list of recordings: {error!r}") from error
    if found:
        log.warning("collected %d recordings that nobody had told us of", found)
    return found


def _collect(phone: Phone, now: datetime) -> int:
    settings, found = phone.settings, 0
    account = (settings.twilio_account_sid, settings.twilio_auth_token)
    with httpx.Client(auth=account, timeout=PATIENCE, trust_env=False) as client:
        for page in _pages(client, api(phone), settings.twilio_account_sid, now - LOOK_BACK):
            for told in _unknown(phone, page):
                found += _take_in(phone, client, told, now)
    return found


def may_ask(phone: Phone) -> bool:
    """Whether there is an account to ask with. A server on loopback has no provider of its own."""
    settings = phone.settings
    real = bool(settings.provider_api_url) or not is_loopback(
        httpx.URL(settings.public_base_url).host
    )
    return real and bool(settings.twilio_account_sid and settings.twilio_auth_token)


def api(phone: Phone) -> str:
    """Where the provider's REST interface is."""
    return phone.settings.provider_api_url or phone.profile.api_url


def _pages(
    client: httpx.Client, api: str, account: str, since: datetime
) -> Iterator[list[Mapping[str, Any]]]:
    url: str | None = f"{api}/2010-04-01/Accounts/{account}/Recordings.json"
    query: dict[str, str] | None = {"DateCreated>": f"{since:%Y-%m-%d}", "PageSize": str(PAGE)}
    for _ in range(MOST_PAGES):
        if url is None:
            return
        answer = client.get(url, params=query)
        answer.raise_for_status()
        page = answer.json()
        yield page["recordings"]
        # The next page's address already holds the question, and is the provider's own host.
        url = page.get("next_page_uri") and urljoin(f"{api}/", page["next_page_uri"])
        query = None


def _unknown(phone: Phone, page: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    ids = [str(told["sid"]) for told in page]
    known = ledger.in_ledger(phone, lambda session: recordings.known_ids(session, ids))
    return [told for told in page if told["sid"] not in known and told["status"] == "completed"]


def _take_in(phone: Phone, client: httpx.Client, told: Mapping[str, Any], now: datetime) -> int:
    """One recording, by the same lines that take in a callback, with the caller the provider knows."""
    account = phone.settings.twilio_account_sid
    base = f"{api(phone)}/2010-04-01/Accounts/{account}"
    call = client.get(f"{base}/Calls/{told['call_sid']}.json")
    parties = call.json() if call.status_code == 200 else {}
    fields = {
        "CallSid": str(told["call_sid"]),
        "From": str(parties.get("from", "")),
        "To": str(parties.get("to", "")),
        "RecordingSid": str(told["sid"]),
        "RecordingUrl": str(told.get("media_url") or f"{base}/Recordings/{told['sid']}"),
        "RecordingDuration": str(told.get("duration") or ""),
        "RecordingStatus": "completed",
    }
    happened = Happened(
        "recording", {}, Form(fields, fields["CallSid"], phone.profile.id_grammar), now
    )
    try:
        recording_id = ledger.in_ledger(
            phone, lambda session: ledger.write(session, phone, happened)
        )
    except Unavailable:
        return 0
    if recording_id is not None:
        phone.doorbell.ring("fetch", recording_id)
    return 1
