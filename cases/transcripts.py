"""What was said in a recording, as an engine heard it or a person wrote it, and what it does to the case."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ForeignKey, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from cases import (
    calls,
    classifier,
    history,
    models,
    outgoing,
    permissions,
    recordings,
    search,
)
from cases import case as case_module
from cases.case import Case
from cases.categories import Category
from cases.errors import Refused
from cases.permissions import MANAGE_JOBS, Person
from cases.record import Id, Record
from cases.recordings import Claim, Recording

SlotKind = Literal["place", "time", "number", "name"]
MaskKind = Literal["phone", "identity"]
# The flag of a line that a model invented.
PHANTOM = "phantom"
# What stands in a masked text in place of a number.
_MASKS = re.compile(r"\[(?:phone|identity)\]")


@dataclass(frozen=True)
class Word:
    """A word, in Chinese a character. `start`, `end`: seconds of the recording; `confidence`: 0 to
    1, how likely it is what was said."""

    start: float
    end: float
    text: str
    confidence: float


@dataclass(frozen=True)
class Segment:
    """A stretch of speech in one language. `start`, `end`: seconds from the beginning of the
    recording; `confidence`: 0 to 1, the mean of its words; `flags`: why it is doubted; `channel`: 0
    is the caller, 1 the other side of a two-channel recording."""

    start: float
    end: float
    text: str
    confidence: float
    flags: tuple[str, ...] = ()
    language: str = ""
    channel: int = 0
    words: tuple[Word, ...] = ()


@dataclass(frozen=True)
class Slot:
    """Something a case needs, as it was said (`text`) and in its usual form (`value`): 八十八號 is
    88號. Times in seconds of the recording; `confidence`: 0 to 1, that all of it is right."""

    kind: SlotKind
    text: str
    value: str
    start: float
    end: float
    confidence: float


@dataclass(frozen=True)
class Mask:
    """A stretch of the recording, in seconds, that says somebody's telephone or identity number."""

    kind: MaskKind
    start: float
    end: float


@dataclass(frozen=True)
class Heard:
    """The outcome of listening to one recording. `text` is in the city's script, `raw_text` is
    exactly what the engine said, `masked_text` is the text with `[phone]` and `[identity]` in place
    of such numbers; `flags` are flags of the case."""

    text: str
    raw_text: str
    language: str
    language_probability: float
    segments: tuple[Segment, ...]
    confidence: float
    engine: str
    model: str
    flags: tuple[str, ...] = ()
    slots: tuple[Slot, ...] = ()
    masks: tuple[Mask, ...] = ()
    masked_text: str = ""


@dataclass(frozen=True)
class Told:
    """What was said in a call, a line each recording that still counts. `slots`: each with the id of
    its recording and the fields of a Slot."""

    text: str
    masked_text: str
    slots: tuple[tuple[int, Mapping[str, Any]], ...]


# The engine of a text that a person wrote.
PERSON = "person"


class Transcript(Record):
    """One reading of one recording: an engine's, or a person's (`corrections`). No reading is ever
    changed.

    A person's has `made_by` (`agent:<id>`), the `role` they had, and was made from the reading
    `based_on`, or from none; its `engine` is `person`. Any person's counts for more than any engine's.
    """

    __tablename__ = "transcripts"
    __table_args__ = (UniqueConstraint("recording_id", "engine", "model"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    recording_id: Mapped[int] = mapped_column(Id, ForeignKey("recordings.id"))
    engine: Mapped[str] = mapped_column(String(32))
    model: Mapped[str] = mapped_column(String(128))
    language: Mapped[str] = mapped_column(String(3))
    language_probability: Mapped[float]
    confidence: Mapped[float]
    text: Mapped[str]
    raw_text: Mapped[str]
    segments: Mapped[list[Any]]
    flags: Mapped[list[Any]]
    slots: Mapped[list[Any]] = mapped_column(server_default="[]")
    masks: Mapped[list[Any]] = mapped_column(server_default="[]")
    masked_text: Mapped[str] = mapped_column(server_default="")
    made_at: Mapped[datetime]
    made_by: Mapped[str | None] = mapped_column(String(64))
    role: Mapped[str | None] = mapped_column(String(32))
    based_on: Mapped[int | None] = mapped_column(Id, ForeignKey("transcripts.id"))


def finish(
    session: Session, claim: Claim, heard: Heard, categories: Sequence[Category], now: datetime
) -> bool:
    """Keep the transcript and let the case know. False, and nothing changed, if the lease was lost."""
    case = _hold_case(session, claim)
    if not recordings.settle(session, claim, "transcribed"):
        return False
    session.add(_row(claim, heard, now))
    session.flush()
    if _said_later(case, claim):
        history.add(
            session, case.id, "followup_heard", now, recording=claim.recording_id, model=heard.model
        )
        return True
    make_findable(session, case)
    case.transcribed_at = now
    case_module.unset(case, "missed_message", "no_speech")
    _unset_what_is_over(session, case)
    case_module.mark(case, *heard.flags)
    history.add(
        session, case.id, "transcribed", now, recording=claim.recording_id, model=heard.model
    )
    guess_again(session, case, heard.language, categories)
    return True


def no_speech(session: Session, claim: Claim, now: datetime) -> bool:
    """Nobody spoke in this recording: there is no text, and none is invented."""
    case = _hold_case(session, claim)
    if not recordings.settle(session, claim, "no_speech"):
        return False
    session.flush()
    if _said_later(case, claim):
        return True
    _unset_what_is_over(session, case)
    if not text_of(session, case):
        case_module.mark(case, "no_speech", "missed_message")
    history.add(session, case.id, "no_speech", now, recording=claim.recording_id)
    return True


def give_up(session: Session, claim: Claim, status: str, reason: str, now: datetime) -> bool:
    """No machine can go on with this recording (`missing` or `needs_listening`): a person must."""
    case = _hold_case(session, claim)
    if not recordings.settle(session, claim, status, reason):
        return False
    session.flush()
    if not _said_later(case, claim):
        _unset_what_is_over(session, case)
    flag = "recording_missing" if status == "missing" else "listen_to_recording"
    case_module.mark(case, flag)
    history.add(session, case.id, status, now, recording=claim.recording_id, reason=reason)
    return True


def try_again(session: Session, recording_id: int, *, by: Person, now: datetime) -> None:
    """A person has the machine go on with a recording that it gave up: it is fetched, or heard, anew.

    Raises Refused: `forbidden`; `unknown_recording`; `not_given_up` when it is not (any more).
    """
    permissions.require(by.role, MANAGE_JOBS)
    row = session.get(Recording, recording_id)
    if row is None:
        raise Refused("unknown_recording")
    calls.hold(session, row.call_id)
    case = outgoing.case_about(session, row.call_id)
    if case is None:
        raise Refused("unknown_recording")
    if not recordings.begin_again(session, recording_id, now):
        raise Refused("not_given_up")
    session.refresh(row)
    if case_module.of_call(session, row.call_id) is case:
        _unset_what_is_over(session, case)
        case_module.mark(case, "transcript_pending")
    history.add(session, case.id, "tried_again", now, actor=by.actor, recording=recording_id)


def wait_for_model(
    session: Session, claim: Claim, reason: str, retry_at: datetime, now: datetime
) -> bool:
    """There is no model to listen with: an agent can, meanwhile; the attempt does not count."""
    case = _hold_case(session, claim)
    case_module.mark(case, "listen_to_recording")
    return recordings.give_back(session, claim, reason, retry_at, counts=False)


def sound_is_missing(session: Session, claim: Claim) -> None:
    """We may not fetch the sound from where it lies: somebody has to see to that."""
    case_module.mark(_hold_case(session, claim), "recording_missing")


def text_of(session: Session, case: Case) -> str:
    """What the caller said, all recordings that still count, in order, a line each."""
    told_here = told(session, [case.call_id]).get(case.call_id)
    return told_here.text if told_here else ""


def make_findable(session: Session, case: Case) -> None:
    """The search finds the case by what is said in it now: to be called whenever that changes."""
    said = told(session, [case.call_id]).get(case.call_id)
    if said is None:
        search.say(session, case.id, "", "")
        return
    places = [str(slot["value"]) for _, slot in said.slots if slot["kind"] == "place"]
    values = [str(slot["value"]) for _, slot in said.slots if slot["kind"] != "place"]
    masked = without_masks(said.masked_text)
    search.say(
        session,
        case.id,
        "\n".join([said.text, *places, *values]),
        "\n".join([masked, *places]),
    )


def without_masks(masked_text: str) -> str:
    """A masked text with nothing in place of the numbers."""
    return _MASKS.sub(" ", masked_text)


def say_again(session: Session, call_id: int) -> None:
    """The caller wants to say it again: what was said up to now counts no more once something is said."""
    case = case_module.of_call(session, call_id)
    if case is not None and case.transcribed_at is not None:
        make_findable(session, case)


def of_recording(session: Session, recording_id: int) -> Transcript | None:
    """The reading of a recording that counts: a person's latest, else the latest of all."""
    read = readings(session, recording_id)
    return read[-1] if read else None


def readings(session: Session, recording_id: int) -> list[Transcript]:
    """All readings of a recording, the one that counts last."""
    statement = select(Transcript).where(Transcript.recording_id == recording_id)
    return list(session.scalars(statement.order_by(*_WORTH)))


# Whatever a machine may hear afterwards: who has listened knows better.
_WORTH = (Transcript.made_by.is_not(None), Transcript.id)


def _hold_case(session: Session, claim: Claim) -> Case:
    # The call first, as everywhere: two who take hold in different orders wait for each other.
    calls.hold(session, claim.call_id)
    case = outgoing.case_about(session, claim.call_id)
    assert case is not None, "a recording is announced together with its case"
    case_module.touch(session, case.id)
    session.refresh(case)
    return case


def _said_later(case: Case, claim: Claim) -> bool:
    """It was said when we rang back: that belongs to the case, but is not what it is about."""
    return case.call_id != claim.call_id


# A flag stays for as long as one of the call's recordings is in such a status.
STAYS_FOR = {
    "transcript_pending": recordings.OPEN,
    "listen_to_recording": frozenset({"fetched", "needs_listening"}),
    "recording_missing": frozenset({"announced", "missing"}),
}


def _unset_what_is_over(session: Session, case: Case) -> None:
    rows = recordings.of_call(session, case.call_id)
    statuses = {row.status for row in rows}
    over = {flag for flag, those in STAYS_FOR.items() if not statuses & those}
    case_module.unset(case, *over - _asked_for(session, [row.id for row in rows]))


def _asked_for(session: Session, recording_ids: list[int]) -> set[str]:
    """The flags that any transcript of these recordings asked for."""
    statement = select(Transcript.flags).where(Transcript.recording_id.in_(recording_ids))
    return {flag for flags in session.scalars(statement) for flag in flags}


def guess_again(
    session: Session, case: Case, language: str, categories: Sequence[Category]
) -> None:
    """What the case is about, by the text as it is now; nothing once a person has said it."""
    if case.category_confirmed:
        return
    model = models.in_service(session)
    guess = classifier.guess(text_of(session, case), language, categories, model)
    case.language = language
    case.category = guess.category
    case.category_confidence = guess.confidence
    case.category_alternatives = [[code, confidence] for code, confidence in guess.alternatives]
    case.category_reasons = list(guess.reasons)
    departments = {category.code: category.department for category in categories}
    case.department = departments.get(guess.category) if guess.category else None


def told(session: Session, call_ids: Sequence[int]) -> dict[int, Told]:
    """What was said in several calls; those in which nothing was are left out."""
    statement = (
        select(Recording, Transcript)
        .join(Recording, Recording.id == Transcript.recording_id)
        .where(Recording.call_id.in_(call_ids))
        .order_by(Recording.id, *_WORTH)
    )
    latest = {recording.id: (recording, row) for recording, row in session.execute(statement)}
    by_call: defaultdict[int, list[tuple[Recording, Transcript]]] = defaultdict(list)
    for recording, row in latest.values():
        if row.text:
            by_call[recording.call_id].append((recording, row))
    return {call_id: _told(_counting(spoken)) for call_id, spoken in by_call.items()}


def _counting(spoken: list[tuple[Recording, Transcript]]) -> list[Transcript]:
    # A caller who wanted to say it again but then said nothing has still said it once.
    counting = [row for recording, row in spoken if not recording.replaced]
    return counting or [row for _, row in spoken]


def _told(rows: Sequence[Transcript]) -> Told:
    return Told(
        text="\n".join(row.text for row in rows),
        masked_text="\n".join(row.masked_text for row in rows),
        slots=tuple((row.recording_id, slot) for row in rows for slot in row.slots),
    )


def _row(claim: Claim, heard: Heard, now: datetime) -> Transcript:
    return Transcript(
        recording_id=claim.recording_id,
        engine=heard.engine,
        model=heard.model[-128:],
        language=heard.language,
        language_probability=heard.language_probability,
        confidence=heard.confidence,
        text=heard.text,
        raw_text=heard.raw_text,
        segments=[asdict(segment) for segment in heard.segments],
        flags=list(heard.flags),
        slots=[asdict(slot) for slot in heard.slots],
        masks=[asdict(mask) for mask in heard.masks],
        masked_text=heard.masked_text or heard.text,
        made_at=now,
    )
