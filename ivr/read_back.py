"""What a caller said, as far as it is understood while they are still on the line.

The workers hear and understand; here is only looked whether they have, for a few seconds, and what of it
is certain enough to be read back. Whatever is missing, late or in doubt, the call goes on without it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from callflows.events import Answer
from cases import (
    addresses,
    calls,
    hazards,
    history,
    known,
    readings,
    recordings,
    stations,
    transcripts,
    urgency,
)
from cases import case as case_module
from cases.case import Case
from cases.readings import SURE, Reading
from cases.recordings import ON_THE_LINE, Recording
from cases.transcripts import Transcript
from ivr.phone import Phone

UNCLEAR: Final = Answer("unclear")
WAITING: Final = Answer("waiting")
# So many recordings may wait for each process that hears; with more a caller would wait in vain.
WAITING_FOR_EACH: Final = 4
# Nobody can be kept waiting without these.
NEEDED: Final = (stations.FETCH, stations.TRANSCRIBE, stations.UNDERSTAND)
COMMA: Final = {"yue": "，", "cmn": "，", "en": ", "}
TOLD: Final = "read_back"
REFUSED: Final = known.SAID_ANEW

Names = Mapping[str, str]


@dataclass(frozen=True)
class OnTheLine:
    """A call in progress at one of its turns, and whether its caller may still be asked for the place.

    asked: the flow's question. live: the caller hears the answer, and it is not only written down late.
    """

    phone: Phone
    session: Session
    call_id: int
    turn: int
    now: datetime
    may_ask: bool
    asked: str = "understood"
    live: bool = True


def understood(line: OnTheLine) -> Answer:
    """What was understood of all that was said in this call."""
    case = case_module.of_call(line.session, line.call_id)
    spoken = recordings.of_call(line.session, line.call_id)
    if case is None or not spoken or not line.phone.settings.read_back_seconds:
        return UNCLEAR
    if any(row.status in recordings.OPEN for row in spoken):
        return _wait(line, spoken)
    heard = [row for row in spoken if row.status == "transcribed"]
    if not heard:
        return UNCLEAR
    reading = readings.current(line.session, case)
    if reading is None:
        return _wait(line, spoken)
    transcript = transcripts.of_recording(line.session, heard[-1].id)
    if transcript is None or reading.of == readings.FAILED:
        return UNCLEAR
    return _tell(line, case, reading, transcript)


def refused(session: Session, call_id: int, turn: int, now: datetime) -> None:
    """The caller says it again: if something was read back to them, it was not right."""
    case = case_module.of_call(session, call_id)
    if case is not None and _lines(session, case, TOLD):
        _note(session, case, REFUSED, turn, now)


# --- waiting -------------------------------------------------------------------------------------------


def _wait(line: OnTheLine, spoken: list[Recording]) -> Answer:
    since = max(row.announced_at for row in spoken)
    patience = timedelta(seconds=line.phone.settings.read_back_seconds)
    if line.now - since >= patience or not _is_worth_it(line):
        return UNCLEAR
    recordings.hasten(line.session, line.call_id, ON_THE_LINE)
    return WAITING


def _is_worth_it(line: OnTheLine) -> bool:
    """Whether somebody is there to hear and to understand, and comes to it in time."""
    up = stations.up(line.session, line.now)
    if not all(up[step] for step in NEEDED):
        return False
    most = WAITING_FOR_EACH * up[stations.TRANSCRIBE]
    return recordings.in_hand(line.session, "transcribe", line.now, most + 1) <= most


# --- telling -------------------------------------------------------------------------------------------


def _tell(line: OnTheLine, case: Case, reading: Reading, transcript: Transcript) -> Answer:
    danger = bool(reading.dangers)
    place = _place(reading, transcript, line.may_ask)
    if "suspect_text" in case.flags:
        return _answer(line, case, transcript, "danger_unclear" if danger else "unclear", {})
    if place is None and line.may_ask:
        ask = "ask_place_danger" if danger else "ask_place"
        return _answer(line, case, transcript, ask, {})
    parts = [part for part in (place, _matter(line.phone, case, reading)) if part]
    if not parts:
        return UNCLEAR
    heard = {language: COMMA[language].join(part[language] for part in parts) for language in COMMA}
    if not danger and (earlier := _known(line, case, place)):
        return _tell_known(line, case, transcript, earlier, heard)
    return _answer(line, case, transcript, "danger" if danger else "understood", heard)


def _answer(
    line: OnTheLine, case: Case, transcript: Transcript, outcome: str, heard: Names
) -> Answer:
    sure = transcript.language_probability >= SURE
    language = transcript.language if sure else None
    if heard:
        own = case.language or line.phone.city.languages[0]
        _note(line.session, case, TOLD, line.turn, line.now, heard=heard[own])
    values: dict[str, str | Names] = {"number": case.number or ""}
    return Answer(outcome, {**values, "heard": heard} if heard else values, language)


def _known(line: OnTheLine, case: Case, place: Names | None) -> Case | None:
    """The case in which this caller told of the same before, where the flow has words for it."""
    may = line.live and place and line.phone.callflow.flow.handles(line.asked, "known")
    return known.find(line.session, case) if may else None


def _tell_known(
    line: OnTheLine, case: Case, transcript: Transcript, earlier: Case, heard: Names
) -> Answer:
    calls.hold(line.session, case.call_id)
    own = case.language or line.phone.city.languages[0]
    known.tell(line.session, case, earlier, heard[own], line.turn, line.now)
    answer = _answer(line, case, transcript, "known", heard)
    owner = line.phone.owner(earlier.owner)
    return replace(
        answer, values={**answer.values, "earlier": earlier.number or "", "owner": owner}
    )


def _place(reading: Reading, transcript: Transcript, may_ask: bool) -> Names | None:
    """Where it is, with house, block and floor, if that is certain. A district is asked about more
    closely, where that may be."""
    one = readings.sure_place(reading, transcript.slots, wide=not may_ask)
    if one is None:
        return None
    names = {language: one.get("names", {}).get(language, one["name"]) for language in COMMA}
    beside = addresses.spoken(one.get("parts") or {}, one.get("address") or "")
    return {language: f"{name}{beside.get(language, '')}" for language, name in names.items()}


def _matter(phone: Phone, case: Case, reading: Reading) -> Names | None:
    """What it is about, if that is certain: the hazard named, the danger, the category."""
    kinds = hazards.kinds()
    for told in reading.hazards:
        if told["words"] and told["kind"] in kinds:
            return kinds[told["kind"]].name
    for told in reading.dangers:
        if told["kind"] in urgency.rules().dangers:
            return urgency.rules().dangers[told["kind"]].name
    category = phone.categories.get(case.category or "")
    sure = case.category_confirmed or (case.category_confidence or 0.0) >= SURE
    return category.name if category and sure else None


def _note(
    session: Session, case: Case, action: str, turn: int, now: datetime, **detail: str
) -> None:
    """Write it down once a turn, however often we are asked."""
    calls.hold(session, case.call_id)
    if turn not in _lines(session, case, action):
        history.add(session, case.id, action, now, turn=turn, **detail)


def _lines(session: Session, case: Case, action: str) -> set[int]:
    """The turns at which this was written into the case's history."""
    lines = history.of_case(session, case.id)
    return {line.detail["turn"] for line in lines if line.action == action}
