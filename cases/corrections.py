"""A person writes what was said where a machine heard it wrong.

A correction is one more reading of the recording (`transcripts.Transcript`): who, when, made from which
reading. It takes over the times of what stayed, and finds places, numbers and names anew, and what must
be masked. Nothing that was there before is changed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from cases import case as case_rules
from cases import history, permissions, readings, recordings, timing, transcripts
from cases.case import Case
from cases.categories import Category
from cases.errors import Refused
from cases.permissions import CORRECT_TEXT, Person
from cases.personal import redact
from cases.places import Places
from cases.recordings import Recording
from cases.slots import slots
from cases.spoken import joined
from cases.timing import Timed
from cases.transcripts import PERSON, Mask, Segment, Transcript, Word

# Two hours of speech: what is longer is no transcript.
MOST_CHARACTERS: Final = 40_000
# A person who has read a text knows what a machine had doubts about.
SETTLED: Final = ("suspect_text", "low_confidence")


@dataclass(frozen=True)
class Line:
    """A line of a reading. `counts`: whether it is part of the text, or somebody else was heard, or
    something that nobody said to us."""

    segment: Segment
    counts: bool


def lines(reading: Transcript) -> tuple[Line, ...]:
    """The lines of a reading in their order; all count where we cannot tell which make up its text."""
    segments = [_segment(row) for row in reading.segments]
    counting = _counting(reading.text, segments)
    return tuple(Line(one, counts) for one, counts in zip(segments, counting, strict=True))


def text_to_edit(reading: Transcript | None) -> str:
    """The text as a person edits it, a line each."""
    if reading is None:
        return ""
    told = [line.segment.text for line in lines(reading) if line.counts]
    return "\n".join(told) if joined(told) == reading.text else reading.text


def correct(
    session: Session,
    case: Case,
    recording: Recording,
    text: str,
    *,
    base: int | None,
    by: Person,
    language: str,
    categories: Sequence[Category],
    places: Places,
    now: datetime,
) -> Transcript | None:
    """Keep a person's text of a recording, and let the case know. Who calls this holds the case's row.

    text: a line each. base: the reading it was made from, None where there was none. language: of a
    text where no machine has told one. Returns the reading that counts now: the one there was if
    nothing was changed.
    Raises Refused: `forbidden`; `text_changed` when another reading counts by now; `text_too_long`.
    """
    permissions.require(by.role, CORRECT_TEXT)
    was = transcripts.of_recording(session, recording.id)
    if (was.id if was else None) != base:
        raise Refused("text_changed", number=case.number)
    if len(text) > MOST_CHARACTERS:
        raise Refused("text_too_long", most=MOST_CHARACTERS)
    written = [line.strip() for line in text.splitlines() if line.strip()]
    if written == [line for line in text_to_edit(was).splitlines() if line]:
        return was
    made = _reading(recording, was, written, by, was.language if was else language, places, now)
    session.add(made)
    session.flush()
    about = {"recording": recording.id, "reading": made.id}
    history.add(session, case.id, "text_corrected", now, actor=by.actor, **about)
    case_rules.unset(case, *_settled(session, case))
    transcripts.guess_again(session, case, made.language, categories)
    transcripts.make_findable(session, case)
    readings.forget(session, case.id)
    return made


def _reading(
    recording: Recording,
    was: Transcript | None,
    written: Sequence[str],
    by: Person,
    language: str,
    places: Places,
    now: datetime,
) -> Transcript:
    before = lines(was) if was else ()
    kept = _retimed(before, written, language, recording.seconds or 0.0)
    others = [line.segment for line in before if not line.counts]
    segments = sorted((*kept, *others), key=lambda one: (one.start, one.channel))
    own = {id(one) for one in kept}
    masked, masks = redact(segments, lambda one: id(one) in own)
    text = joined(written)
    return Transcript(
        recording_id=recording.id,
        engine=PERSON,
        # One correction of each reading: two who correct the same one cannot both.
        model=f"{PERSON}-{was.id if was else 0}",
        language=language,
        language_probability=1.0,
        confidence=timing.SURE,
        text=text,
        raw_text=text,
        segments=[asdict(one) for one in segments],
        flags=[],
        slots=[asdict(slot) for slot in slots(kept, places)],
        masks=[asdict(mask) for mask in masks],
        masked_text=masked,
        made_at=now,
        made_by=by.actor,
        role=by.role,
        based_on=was.id if was else None,
    )


def _retimed(
    before: Sequence[Line], written: Sequence[str], language: str, seconds: float
) -> list[Segment]:
    counting = [line.segment for line in before if line.counts]
    known: list[Timed] = [one for segment in counting for one in timing.timed(segment)]
    channel = counting[0].channel if counting else 0
    made: list[Segment] = []
    at = 0.0
    for line, chars in zip(written, timing.retimed(known, written, seconds), strict=True):
        made.append(timing.segment(line, chars, language=language, channel=channel, at=at))
        at = made[-1].end
    return made


def _settled(session: Session, case: Case) -> Iterator[str]:
    """The doubts about the case's text that no reading that counts has any more."""
    doubted: set[str] = set()
    for recording in recordings.of_call(session, case.call_id):
        reading = transcripts.of_recording(session, recording.id)
        doubted.update(reading.flags if reading else ())
    return (flag for flag in SETTLED if flag not in doubted)


def copy_is_silent(session: Session, recording: Recording) -> bool:
    """Whether the copy of the sound is silent wherever the text that counts knows of a number. It was
    made of what a machine heard, and a person may have found more."""
    read = transcripts.readings(session, recording.id)
    machine = [one for one in read if one.made_by is None]
    return not machine or not reveals_more(read[-1], machine[-1])


def reveals_more(reading: Transcript, than: Transcript) -> bool:
    """Whether in this reading numbers of persons are said where the other knows of none: a copy of the
    sound made after the other is not silent there."""
    known = [_mask(row) for row in than.masks]
    return any(not _within(_mask(row), known) for row in reading.masks)


def _within(mask: Mask, known: Sequence[Mask]) -> bool:
    middle = (mask.start + mask.end) / 2
    return any(one.start <= middle <= one.end for one in known)


def _counting(text: str, segments: Sequence[Segment]) -> list[bool]:
    """Which of the segments a text was made of: each that stands next in it."""
    at, found = 0, []
    for segment in segments:
        start = len(text) - len(text[at:].lstrip())
        counts = bool(segment.text) and text.startswith(segment.text, start)
        found.append(counts)
        at = start + len(segment.text) if counts else at
    return found if not text[at:].strip() else [True] * len(segments)


def _segment(row: dict[str, Any]) -> Segment:
    words = tuple(Word(**word) for word in row.get("words", ()))
    return Segment(**{**row, "flags": tuple(row.get("flags", ())), "words": words})


def _mask(row: dict[str, Any]) -> Mask:
    return Mask(**row)
