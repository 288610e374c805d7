"""Cases as plain rows for other programs. Fields are added over time, never renamed.

Rows are read in batches, so that a hundred thousand cases pass through little memory and no
transaction is held for long.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.calls import Call, caller_of
from cases.case import Case
from cases.recordings import Recording, place
from cases.transcripts import Told, told

BATCH = 500


@dataclass(frozen=True)
class Batch:
    """Some rows, ready for JSON; `last` is where the next batch goes on, None at the end."""

    rows: Sequence[dict[str, Any]]
    last: int | None


def batch(session: Session, after: int = 0, limit: int = BATCH) -> Batch:
    """The next rows of the export, oldest case first, in three queries."""
    found = session.execute(
        select(Case, Call)
        .join(Call, Call.id == Case.call_id)
        .where(Case.id > after)
        .order_by(Case.id)
        .limit(limit)
    ).all()
    call_ids = [call.id for _, call in found]
    sounds, spoken = recordings_of(session, call_ids), told(session, call_ids)
    rows = [row(case, call, sounds[call.id], spoken.get(call.id)) for case, call in found]
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
        "ended_at": moment(call.ended_at),
        "recordings": [
            {"provider_id": ids[one.id], "status": one.status, "seconds": one.seconds}
            for one in recordings
        ],
        "flags": case.flags,
    }


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
