"""A letter: one delivery with everything a sender needs, and what a sender answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from cases import case as case_module
from cases.contacts import Address, Directory
from cases.deliveries import Claim
from cases.notices import CALLER, FACTS
from cases.tracking import TrackingKey
from cases.wording import House, Text, mask_numbers

# Characters of a matter that are told; who wants the rest opens the case.
MOST_WORDS = 1000


@dataclass(frozen=True)
class Letter:
    """What goes out. `key` names it for the other side, every time it is sent; `at`: when it was posted;
    `payload`: what a department's system gets."""

    key: str
    at: datetime
    address: Address
    text: Text
    payload: Mapping[str, object]


@dataclass(frozen=True)
class Receipt:
    """What whoever took a letter said."""

    response_status: int | None = None
    provider_id: str | None = None


class NotSent(Exception):
    """The letter did not go. `for_good`: trying again is of no use; `wait`: what the other side asks
    for at least. The words name nobody."""

    def __init__(
        self,
        why: str,
        *,
        response_status: int | None = None,
        for_good: bool = False,
        wait: timedelta = timedelta(0),
    ) -> None:
        super().__init__(why)
        self.response_status, self.for_good, self.wait = response_status, for_good, wait


Sender = Callable[[Letter], Receipt]


def write(
    session: Session, directory: Directory, house: House, key: TrackingKey, claim: Claim
) -> Letter | None:
    """The letter of this delivery; None if there is no address for it any more."""
    address = directory.address(session, claim)
    if address is None:
        return None
    facts = _facts(session, house, key, claim)
    text = house.write(claim.kind, facts, address.language)
    if claim.to == CALLER:
        text = replace(text, short=text.body)
    return Letter(claim.key, claim.posted_at, address, text, _payload(claim, facts, text))


def _facts(session: Session, house: House, key: TrackingKey, claim: Claim) -> dict[str, object]:
    """What may be told of the notice, with the case's number and a whole link."""
    facts = {name: claim.facts[name] for name in FACTS if claim.facts.get(name) is not None}
    if claim.case_id is not None:
        facts["number"] = case_module.numbers(session, {claim.case_id})[claim.case_id]
    if "what" in facts:
        facts["what"] = mask_numbers(str(facts["what"]))[:MOST_WORDS]
    path = _path(str(facts.pop("link", "")), key, claim.to, facts.get("number"))
    return {**facts, "link": house.base_url + path} if path else facts


def _path(given: str, key: TrackingKey, to: str, number: object) -> str | None:
    """A page of ours: the one a rule named, or the case's own, which for a caller is another."""
    if to == CALLER:
        return key.path(str(number)) if number else None
    if given.startswith("/") and not given.startswith("//"):
        return given
    return f"/cases/{number}" if number else None


def _payload(claim: Claim, facts: Mapping[str, object], text: Text) -> dict[str, object]:
    return {
        "type": f"case.{claim.kind}",
        "timestamp": claim.posted_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "data": {"to": claim.to, **facts, "subject": text.subject, "text": text.body},
    }
