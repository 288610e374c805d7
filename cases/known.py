"""A caller who rings again about the same thing 再次來電: which case that is, that they were told of it, and
that the two become one when the call ends.

Only what is certain counts: the same number, the same place, the same hazard or category. Where a life may
be in danger, or somebody wants a person, the call stays a case of its own. Whatever is refused here, nothing
is lost: the call has its case from the first recording on.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cases import case as case_rules
from cases import hazards, history, lifecycle, merges, readings, transcripts
from cases.browser_calls import BROWSER
from cases.calls import Call
from cases.case import Case
from cases.errors import Refused
from cases.permissions import SYSTEM
from cases.readings import SURE
from cases.similar import SAME_CALLER

log = logging.getLogger(__name__)

# How the history names that the caller was told, that it is another matter, and that they said it anew.
TOLD: Final = "known_told"
APART: Final = "known_refused"
SAID_ANEW: Final = "read_back_refused"
# A case that was answered is not merely told of again: a person must see that it was not solved.
OPEN: Final = tuple(
    one for one in lifecycle.STATUSES if one not in (lifecycle.RESOLVED, lifecycle.CLOSED)
)
# A call of which this is said stays a case of its own.
_OWN: Final = frozenset(
    {"danger", "wants_person", "spoke_to_agent", "suspect_text", "low_confidence"}
)
# So many open cases of one caller are looked at, the newest first.
_MOST: Final = 20


@dataclass(frozen=True)
class _Matter:
    """What is certain of a case. `families`: of the hazards that were named in words."""

    place: Mapping[str, Any]
    families: frozenset[str]
    category: str | None


def find(session: Session, case: Case) -> Case | None:
    """The open case in which the same caller told of the same thing before; None unless that is certain.

    Never for a withheld number, nor for a call from a browser, whose numbers are everybody's.
    """
    call = session.get_one(Call, case.call_id)
    if call.caller_digest is None or call.provider == BROWSER or _stays_apart(session, case):
        return None
    matter = _matter(session, case)
    if matter is None:
        return None
    for other in _earlier(session, case, call.caller_digest):
        told = _matter(session, other)
        if told and _is_same(matter, told) and not _reopened_by(session, other, case):
            return other
    return None


def _earlier(session: Session, case: Case, digest: str) -> Sequence[Case]:
    wanted = (
        select(Case)
        .join(Call, Call.id == Case.call_id)
        .where(Call.caller_digest == digest, Call.provider != BROWSER)
        .where(Case.id < case.id, Case.opened_at >= case.opened_at - SAME_CALLER)
        .where(Case.status.in_(OPEN))
        .order_by(Case.id.desc())
        .limit(_MOST)
    )
    return session.scalars(wanted).all()


def _matter(session: Session, case: Case) -> _Matter | None:
    reading = readings.current(session, case)
    if reading is None or reading.of == readings.FAILED:
        return None
    told = transcripts.told(session, [case.call_id]).get(case.call_id)
    place = readings.sure_place(reading, [slot for _, slot in told.slots] if told else [])
    if place is None:
        return None
    named = (one["kind"] for one in reading.hazards if one["words"])
    sure = case.category_confirmed or (case.category_confidence or 0.0) >= SURE
    category = case.category if sure else None
    return _Matter(place, frozenset(hazards.family(kind) for kind in named), category)


def _is_same(matter: _Matter, told: _Matter) -> bool:
    """The same place, no other block or floor of it, and nothing dangerous that was not told before."""
    here, there = matter.place, told.place
    if here["district"] != there["district"] or not _names(here) & _names(there):
        return False
    ours, theirs = here.get("parts") or {}, there.get("parts") or {}
    if any(theirs[kind] != ours[kind] for kind in ours.keys() & theirs.keys()):
        return False
    if matter.families:
        return matter.families <= told.families
    return matter.category is not None and matter.category == told.category


def _names(place: Mapping[str, Any]) -> set[str]:
    """What a place is called, in every language: it was perhaps told of in another."""
    return {place["name"], *(place.get("names") or {}).values()}


def _reopened_by(session: Session, other: Case, case: Case) -> bool:
    """Whether the other case was closed until this call came: a sham fix is told of as such."""
    lines = history.of_case(session, other.id)
    return any(line.action == "reopen" and line.at >= case.opened_at for line in lines)


def _stays_apart(session: Session, case: Case) -> bool:
    if _OWN & {*case.flags}:
        return True
    reading = readings.of_case(session, case.id)
    if reading is not None and reading.dangers:
        return True
    # Who said that it is another matter is not asked again, and what a person took apart stays apart.
    return any(line.action in (APART, "merge") for line in history.of_case(session, case.id))


def tell(session: Session, case: Case, earlier: Case, heard: str, turn: int, now: datetime) -> None:
    """The caller is told at this turn that what was `heard` is known as the earlier case."""
    if turn not in _turns(session, case, TOLD):
        number = earlier.number
        history.add(session, case.id, TOLD, now, turn=turn, number=number, heard=heard)


def keep_apart(session: Session, case: Case, turn: int, now: datetime) -> None:
    """The caller says that it is another matter. Said twice, the first time counts."""
    told = _told(session, case)
    if told is not None:
        number = told["number"]
        history.add(session, case.id, APART, now, turn=turn, number=number)


def settle(session: Session, call_id: int, now: datetime) -> None:
    """The call is over: what its caller was told is known, and did not deny, is merged into that case,
    if that is still to be done. The end of a call may be told to us again and again."""
    case = case_rules.of_call(session, call_id)
    told = _told(session, case) if case else None
    if told is None:
        return
    case = case_rules.held(session, call_id)
    if case is None or _stays_apart(session, case) or not _is_open(session, told["number"]):
        return
    try:
        merges.merge(session, case, told["number"], told["heard"], by=SYSTEM, version=None, now=now)
    except Refused as no:
        log.info("case %s stays apart from case %s: %s", case.number, told["number"], no.code)


def _is_open(session: Session, number: str) -> bool:
    earlier = case_rules.by_number(session, number)
    return earlier is not None and earlier.status in OPEN


def _told(session: Session, case: Case) -> Mapping[str, Any] | None:
    """What the caller was told last, unless it holds no more."""
    told = None
    for line in history.of_case(session, case.id):
        if line.action == TOLD:
            told = line.detail
        elif line.action in (SAID_ANEW, APART, "merge"):
            told = None
    return told


def _turns(session: Session, case: Case, action: str) -> Iterator[int]:
    lines = history.of_case(session, case.id)
    return (line.detail["turn"] for line in lines if line.action == action)


def times(session: Session, case: Case) -> int:
    """How often the caller of a case rang again about it: the calls merged into it that are theirs."""
    digest = select(Call.caller_digest).where(Call.id == case.call_id).scalar_subquery()
    again = (
        select(func.count())
        .select_from(Case)
        .join(Call, Call.id == Case.call_id)
        .where(Case.merged_into == case.id, Call.caller_digest == digest)
    )
    return session.execute(again).scalar_one()
