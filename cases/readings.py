"""What the hotline itself understood of a case: where it is, which hazards it is about, whether somebody's
life is in danger. Read anew whenever its text changes; the text itself is never touched.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from cases import addresses, hazards, history, notices, places, transcripts, urgency
from cases import case as case_rules
from cases.case import DESK, Case
from cases.gazetteer import Candidate, Gazetteer
from cases.hazards import Hazard
from cases.lifecycle import CLOSED
from cases.record import Id, Record
from cases.urgency import Danger

# A place surer than this is taken for the case's own until somebody says otherwise.
LIKELY: Final = 0.5
# What is told to a caller as certain: a place that only sounds nearly so is below, one among others of
# the same sound may be above; words of which the ear is less sure than this were perhaps not said.
SURE_PLACE: Final = 0.6
SURE: Final = 0.7
FAILED: Final = "failed"
# The hotline's own desk has a telephone that takes text messages and a webhook; its people have e-mail.
ON_CALL: Final = ("role:supervisor", "role:coordinator", f"department:{DESK}")


class Reading(Record):
    """What was understood of one case. `of`: a digest of the text it was read from; `places`,
    `hazards`, `dangers`: as `Place`, Hazard and Danger have them, the likeliest place first; `district`:
    of the likeliest place that lies in one, empty if none does."""

    __tablename__ = "readings"

    case_id: Mapped[int] = mapped_column(Id, ForeignKey("cases.id"), primary_key=True)
    of: Mapped[str] = mapped_column(String(64))
    read_at: Mapped[datetime]
    places: Mapped[list[Any]]
    district: Mapped[str] = mapped_column(String(64), default="")
    hazards: Mapped[list[Any]]
    dangers: Mapped[list[Any]]


@dataclass(frozen=True)
class Place:
    """Where a case may be. `said`: the caller's words for it; `how`: exact, sound or near; `address`: house,
    block, floor and room that stand beside it, empty for none, and its `parts` in figures (`addresses.PARTS`);
    `names`: what it is properly called in each language."""

    name: str
    kind: str
    district: str
    lat: float | None
    lon: float | None
    said: str
    how: str
    confidence: float
    wide: bool
    address: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reader:
    """Reads in the languages of one city."""

    gazetteers: Mapping[str, Gazetteer]
    language: str

    @classmethod
    def of_city(cls, folder: Path, languages: Sequence[str]) -> Reader:
        """Raises PackError."""
        known = places.read(folder)
        # Whatever is not Cantonese is heard as Mandarin: one index for both.
        heard = {one: Gazetteer.of(known, one) for one in {_heard_as(one) for one in languages}}
        made = {one: replace(heard[_heard_as(one)], language=one) for one in languages}
        return cls(made, languages[0])

    def places(self, text: str, language: str | None) -> tuple[Place, ...]:
        """The places that may have been meant, the likeliest first."""
        gazetteer = self.gazetteers.get(language or "", self.gazetteers[self.language])
        return tuple(_place(found, text) for found in gazetteer.look_up(text))


def _heard_as(language: str) -> str:
    return "yue" if language == "yue" else "cmn"


def _place(found: Candidate, text: str) -> Place:
    place = found.place
    beside = None if found.wide else addresses.beside(text, found.start, found.end)
    return Place(
        name=found.name,
        kind=place.kind,
        district=place.district,
        lat=place.lat,
        lon=place.lon,
        said=text[found.start : found.end],
        how=found.how,
        confidence=round(found.confidence, 3),
        wide=found.wide,
        names={language: place.name(language) for language in place.names},
        address=beside.text if beside else "",
        parts=dict(beside.parts) if beside else {},
    )


def of_case(session: Session, case_id: int) -> Reading | None:
    """What was understood of a case; None before anything was."""
    return session.get(Reading, case_id)


def current(session: Session, case: Case) -> Reading | None:
    """What was understood of a case's text as it now stands; None while that is not known."""
    reading = of_case(session, case.id)
    if reading is None or reading.of == "" or case.transcribed_at is None:
        return None
    return reading if reading.read_at >= case.transcribed_at else None


def names(session: Session, case_id: int) -> list[str]:
    """The proper names of the places a case is likely to be at, the likeliest first."""
    reading = of_case(session, case_id)
    found = reading.places if reading else []
    return [str(one["name"]) for one in found if one["confidence"] >= LIKELY]


def sure_place(
    reading: Reading, slots: Iterable[Mapping[str, Any]], *, wide: bool = False
) -> Mapping[str, Any] | None:
    """The likeliest place that is certain, also by the ear that heard its words (`slots`) once at least.

    wide: a district is place enough. Its address, where a figure of it is doubted, is left out.
    """
    doubted = _doubted([one for one in slots if one["kind"] == "place"])
    for place in reading.places:
        if (place["wide"] and not wide) or place["confidence"] < SURE_PLACE:
            continue
        if any(_is_within(str(one["text"]), str(place["said"])) for one in doubted):
            continue
        figures = {figure for one in doubted for figure in re.findall(r"\d+", str(one["value"]))}
        unsure = figures & {*(place.get("parts") or {}).values()}
        return {**place, "address": "", "parts": {}} if unsure else place
    return None


def _doubted(slots: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What was nowhere heard for certain: who says it twice is believed the better of the two."""
    certain = {str(one["value"]) for one in slots if one["confidence"] >= SURE}
    return [one for one in slots if str(one["value"]) not in certain]


def _is_within(one: str, other: str) -> bool:
    return one in other or other in one


def read(session: Session, case: Case, reader: Reader, now: datetime) -> Reading | None:
    """Understand the case as its text now stands; None when it has none, or nothing changed.

    A danger that was not known before is told at once to whoever is on call, marked on the case, and
    stands in its history.
    """
    told = transcripts.told(session, [case.call_id]).get(case.call_id)
    text = told.text if told else ""
    digest = hashlib.sha256(f"{case.category}\n{text}".encode()).hexdigest()
    reading = of_case(session, case.id)
    if not text or (reading and reading.of == digest):
        _seen(session, case, reading, digest, now)
        return None
    found = (
        reader.places(text, case.language),
        hazards.hazards(text, case.category),
        urgency.dangers(text, case.language),
    )
    return _keep(session, case, reading, digest, found, now)


def _seen(
    session: Session, case: Case, reading: Reading | None, digest: str, now: datetime
) -> None:
    """Nothing new, or nothing at all: it is not due again."""
    if reading is None:
        give_up(session, case.id, now)
        reading = session.get_one(Reading, case.id)
    reading.of, reading.read_at = digest, now


Found = tuple[tuple[Place, ...], tuple[Hazard, ...], tuple[Danger, ...]]


def _keep(
    session: Session,
    case: Case,
    reading: Reading | None,
    digest: str,
    found: Found,
    now: datetime,
) -> Reading:
    where, about, dangers = found
    if reading is None:
        reading = Reading(case_id=case.id)
        session.add(reading)
    known = {danger["kind"] for danger in reading.dangers or []}
    reading.of, reading.read_at = digest, now
    reading.places = [asdict(one) for one in where]
    reading.district = next((one.district for one in where if one.district), "")
    reading.hazards = [asdict(one) for one in about]
    reading.dangers = [asdict(one) for one in dangers]
    if fresh := [danger for danger in dangers if danger.kind not in known]:
        _alarm(session, case, fresh, now)
    session.flush()
    return reading


def _alarm(session: Session, case: Case, dangers: Sequence[Danger], now: datetime) -> None:
    """Somebody's life may be in danger: whoever is on call learns it at once. Of a closed case nobody
    is rung: its text was corrected later."""
    open_ones = _open_ones(session, case)
    if not open_ones:
        return
    kinds = list(dict.fromkeys(danger.kind for danger in dangers))
    words = list(dict.fromkeys(danger.words for danger in dangers))
    for one in open_ones:
        case_rules.mark(one, "danger")
        history.add(session, one.id, "danger_heard", now, kinds=kinds, words="、".join(words))
    for party in ON_CALL:
        notices.post(
            session,
            "danger",
            to=party,
            case_id=case.id,
            facts={"state": kinds[0], "link": f"/cases/{open_ones[-1].number}"},
            dedupe=f"danger:{case.id}:{','.join(kinds)}:{party}",
            now=now,
        )


def _open_ones(session: Session, case: Case) -> list[Case]:
    """The cases in which this one's matter is dealt with: of one that is merged into another, both."""
    if case.merged_into is None:
        return [] if case.status == CLOSED else [case]
    main = session.get_one(Case, case.merged_into, with_for_update={"key_share": True})
    return [] if main.status == CLOSED else [case, main]


def give_up(session: Session, case_id: int, now: datetime) -> None:
    """The case could not be read: it stands as read, with nothing found, until its text changes."""
    values = {
        "of": FAILED,
        "read_at": now,
        "places": [],
        "district": "",
        "hazards": [],
        "dangers": [],
    }
    if reading := of_case(session, case_id):
        for name, value in values.items():
            setattr(reading, name, value)
    else:
        session.add(Reading(case_id=case_id, **values))


def forget(session: Session, case_id: int) -> None:
    """The case's text or category changed: it is to be read again."""
    if reading := of_case(session, case_id):
        reading.of = ""


def unread(session: Session, limit: int = 100) -> list[int]:
    """Cases with a text that was not read yet, or not as it now is, the first heard first."""
    wanted = (
        select(Case.id)
        .outerjoin(Reading, Reading.case_id == Case.id)
        .where(Case.transcribed_at.is_not(None))
        .where(
            (Reading.case_id.is_(None))
            | (Reading.of == "")
            | (Reading.read_at < Case.transcribed_at)
        )
        .order_by(Case.transcribed_at)
        .limit(limit)
    )
    return list(session.scalars(wanted))
