"""Cases as plain rows for other programs. Fields are added over time, never renamed.

Rows are read in batches, so that a hundred thousand cases pass through little memory and no
transaction is held for long.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from cases.agents import Agent
from cases.asked import Referral
from cases.calls import Call, caller_of, channel
from cases.case import Case
from cases.clocks import Clock
from cases.duty import Seat
from cases.exclusions import Exclusion
from cases.followups import Followup
from cases.history import Entry, Head
from cases.recordings import Recording, place
from cases.transcripts import Told, told
from cases.whistles import Whistle

BATCH = 500


@dataclass(frozen=True)
class Batch:
    """Some rows, ready for JSON; `last` is where the next batch goes on, None at the end."""

    rows: Sequence[dict[str, Any]]
    last: int | None


def batch(session: Session, after: int = 0, limit: int = BATCH) -> Batch:
    """The next rows of the export, oldest case first, in a few queries."""
    found = session.execute(
        select(Case, Call)
        .join(Call, Call.id == Case.call_id)
        .where(Case.id > after)
        .order_by(Case.id)
        .limit(limit)
    ).all()
    call_ids = [call.id for _, call in found]
    sounds, spoken = recordings_of(session, call_ids), told(session, call_ids)
    lives = lives_of(session, [case.id for case, _ in found])
    rows = [
        {**row(case, call, sounds[call.id], spoken.get(call.id)), **lives[case.id]}
        for case, call in found
    ]
    return Batch(rows, found[-1][0].id if len(found) == limit else None)


def row(
    case: Case, call: Call, recordings: Sequence[Recording], told: Told | None
) -> dict[str, Any]:
    """One case as other programs read it; moments are ISO 8601 in UTC."""
    ids = {one.id: provider_id(one) for one in recordings}
    return {
        "number": case.number,
        "status": case.status,
        "opened_at": moment(case.opened_at),
        "language": case.language,
        "transcript": told.text if told else None,
        "masked_transcript": told.masked_text if told else None,
        "slots": [{**slot, "recording": ids[id_]} for id_, slot in told.slots] if told else [],
        "category": case.category,
        "category_confidence": case.category_confidence,
        "category_alternatives": case.category_alternatives,
        "category_reasons": case.category_reasons,
        "category_confirmed": case.category_confirmed,
        "department": case.department,
        "owner": case.owner,
        "due_at": moment(case.due_at),
        "transcribed_at": moment(case.transcribed_at),
        "caller_masked": caller_of(call),
        "call_id": call.provider_id,
        "channel": channel(call),
        "ended_at": moment(call.ended_at),
        "recordings": [
            {"provider_id": ids[one.id], "status": one.status, "seconds": one.seconds}
            for one in recordings
        ],
        "flags": case.flags,
    }


def lives_of(session: Session, case_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """What was done with each of several cases, and its sealed history: enough to reckon the rates
    again, and to see whether the file was changed (`recount`)."""
    mains = _mains(session, case_ids)
    districts, seats = _places(session, case_ids), _seats(session, case_ids)
    heads = _heads(session, case_ids)
    lives: dict[int, dict[str, Any]] = {
        number: {
            "id": number,
            "district": districts.get(number),
            "seat": seats.get(number),
            "merged_into": mains.get(number),
            "seal": heads.get(number, ""),
        }
        for number in case_ids
    }
    for name, (table, fields) in LIFE.items():
        of: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
        statement = select(table).where(table.case_id.in_(case_ids)).order_by(table.id)
        for one in session.scalars(statement):
            of[one.case_id].append({field: _plain(getattr(one, field)) for field in fields})
        for number, life in lives.items():
            life[name] = of[number]
    return lives


LIFE: dict[str, tuple[Any, tuple[str, ...]]] = {
    "referrals": (
        Referral,
        (
            *("round", "department", "role", "rule", "asked_at", "silences", "answer"),
            *("answered_at", "reason", "words", "named"),
        ),
    ),
    "clocks": (
        Clock,
        (
            *("kind", "department", "grade", "span", "set_at", "warn_at", "due_at", "third_at"),
            *("stopped_at", "outcome"),
        ),
    ),
    "whistles": (
        Whistle,
        (
            *("matter", "danger", "blown_as", "reason", "blown_by", "blown_department"),
            *("blown_at", "lead", "coordinator", "review_on", "ended_at"),
        ),
    ),
    "followups": (
        Followup,
        (
            *("resolution", "department", "state", "tries", "contacted", "solved", "satisfied"),
            *("by", "resolved_at", "ended_at"),
        ),
    ),
    "exclusions": (
        Exclusion,
        (
            *("reason", "asked_by", "department", "asked_at", "approved", "words"),
            *("decided_by", "decided_at"),
        ),
    ),
    "history": (Entry, ("at", "actor", "action", "detail", "seal")),
}


def _plain(value: object) -> object:
    """As JSON holds it. Moments are whole, to the microsecond: seals are reckoned over them."""
    return value.isoformat() if isinstance(value, date) else value


def _places(session: Session, case_ids: Sequence[int]) -> dict[int, str | None]:
    """The district of each case, as the first department was told."""
    asked_first = (
        select(Referral.case_id, Referral.district)
        .where(Referral.case_id.in_(case_ids), Referral.role == "lead")
        .order_by(Referral.id.desc())
    )
    return {case_id: district for case_id, district in session.execute(asked_first)}


def _seats(session: Session, case_ids: Sequence[int]) -> dict[int, str]:
    """The leader on duty who took each case."""
    taken = (
        select(Case.id, Agent.name)
        .join(Seat, Seat.id == Case.seat_id)
        .join(Agent, Agent.id == Seat.leader_id)
        .where(Case.id.in_(case_ids))
    )
    return {case_id: name for case_id, name in session.execute(taken)}


def _mains(session: Session, case_ids: Sequence[int]) -> dict[int, str | None]:
    """The number of the case into which each was merged."""
    main = aliased(Case)
    merged = select(Case.id, main.number).join(main, main.id == Case.merged_into)
    return {
        case_id: number for case_id, number in session.execute(merged.where(Case.id.in_(case_ids)))
    }


def _heads(session: Session, case_ids: Sequence[int]) -> dict[int, str]:
    rows = session.execute(select(Head.case_id, Head.seal).where(Head.case_id.in_(case_ids)))
    return {case_id: seal for case_id, seal in rows}


def provider_id(recording: Recording) -> str | None:
    """The provider's id of the recording, or the end of its address when none was given."""
    if recording.provider_id or not recording.url:
        return recording.provider_id
    return place(recording.url)[1].rpartition("/")[2] or None


def recordings_of(session: Session, call_ids: Sequence[int]) -> defaultdict[int, list[Recording]]:
    """The recordings of several calls, first first."""
    statement = select(Recording).where(Recording.call_id.in_(call_ids)).order_by(Recording.id)
    by_call: defaultdict[int, list[Recording]] = defaultdict(list)
    for recording in session.scalars(statement):
        by_call[recording.call_id].append(recording)
    return by_call


def moment(at: datetime | None) -> str | None:
    """ISO 8601 to the millisecond, in UTC."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else None
