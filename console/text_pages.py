"""What was said, corrected by a person; every reading of it with what changed; and the case on paper."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, abort, flash, g, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from cases import accesses, corrections, recordings, timing, transcripts
from cases.case import Case
from cases.errors import Refused
from cases.permissions import CORRECT_TEXT, SEE_CASES, SEE_OWN_CASES
from cases.recordings import Recording
from cases.timing import Difference
from cases.transcripts import Transcript
from console import case_sheet
from console.door import needs
from console.noted import note
from console.office import Office
from console.who import Who, who
from console.words import Words
from runtime import clock
from runtime.database import transaction

# Somebody else's text counts by now: both are shown, and nothing is lost.
STALE = "text_changed"


@dataclass(frozen=True)
class Version:
    """One reading of a recording, and how it differs from the one it was made from; the first has none."""

    reading: Transcript
    changes: tuple[Difference, ...]


@dataclass(frozen=True)
class Told:
    """A recording and its readings, the first one first."""

    recording: Recording
    versions: Sequence[Version]


def routes(pages: Blueprint, office: Office) -> None:
    """`/cases/<number>/recordings/<id>/text`, `/cases/<number>/versions` and `/cases/<number>/print`."""

    @pages.post("/cases/<number>/recordings/<int:recording_id>/text")
    @needs(CORRECT_TEXT)
    def correct_text(number: str, recording_id: int) -> ResponseReturnValue:
        """Keep a corrected text. A script that asks for JSON is told the case's new state."""
        return _correct(office, number, recording_id)

    @pages.get("/cases/<number>/versions")
    @needs(SEE_CASES)
    def versions_page(number: str) -> ResponseReturnValue:
        with transaction(office.engine) as records:
            case = case_sheet.find(records, number, office.person(g.here))
            told = _told(records, case)
            names = _names(records, told)
            note(records, office, accesses.VIEWED, case.id)
            records.expunge_all()
        return render_template("versions.html", case=case, told=told, names=names)

    @pages.get("/cases/<number>/print")
    @needs(SEE_CASES, SEE_OWN_CASES)
    def print_page(number: str) -> ResponseReturnValue:
        """The case on paper: telephone and identity numbers stay masked."""
        with transaction(office.engine) as records:
            reader = office.person(g.here)
            case = case_sheet.find(records, number, reader)
            sheet = case_sheet.read(records, office, case, reader)
            note(records, office, accesses.EXPORTED, case.id, format="paper")
        return render_template("print.html", sheet=sheet, names=sheet.names, now=clock.now())


def _correct(office: Office, number: str, recording_id: int) -> ResponseReturnValue:
    text, base = request.form.get("text", ""), request.form.get("base", type=int)
    by, now = office.person(g.here), clock.now()
    try:
        with transaction(office.engine) as records:
            case = case_sheet.find(records, number, by)
            recording, was = _recording(records, case, recording_id), case.version
            corrections.correct(
                records,
                case,
                recording,
                text,
                base=base,
                by=by,
                language=case.language or office.city.languages[0],
                categories=[*office.categories.values()],
                places=office.policy.routing.places,
                now=now,
            )
    except Refused as no:
        return _refused(office, number, recording_id, text, no)
    if _wants_json():
        return _state(office, number, recording_id, was)
    flash("text.done")
    return redirect(url_for("console.case_page", number=number), 303)


def _recording(records: Session, case: Case, recording_id: int) -> Recording:
    found = records.get(Recording, recording_id) or abort(404)
    return found if found.call_id == case.call_id else abort(404)


def _wants_json() -> bool:
    return request.accept_mimetypes.best == "application/json"


def _state(office: Office, number: str, recording_id: int, was: int) -> ResponseReturnValue:
    """On what the page decides from now on if it knew the case as it `was`, and on which reading a
    further correction is made."""
    with transaction(office.engine) as records:
        reader = office.person(g.here)
        case = case_sheet.find(records, number, reader)
        sheet = case_sheet.read(records, office, case, reader)
        reading = transcripts.of_recording(records, recording_id)
        base = reading.id if reading else None
    return jsonify(was=was, version=sheet.case.version, seen=sheet.seen, base=base)


def _refused(
    office: Office, number: str, recording_id: int, text: str, no: Refused
) -> ResponseReturnValue:
    """What was typed comes back, beside what counts by now."""
    status = 409 if no.code == STALE else 422
    problem = Words(g.wording, office).refused(no)
    if _wants_json():
        return jsonify(problem=problem), status
    with transaction(office.engine) as records:
        case = case_sheet.find(records, number, office.person(g.here))
        reading = transcripts.of_recording(records, recording_id)
        current = corrections.text_to_edit(reading)
        names = who(records, [reading.made_by or ""] if reading else [])
        note(records, office, accesses.VIEWED, case.id)
        records.expunge_all()
    page = render_template(
        "text_changed.html",
        case=case,
        recording_id=recording_id,
        reading=reading,
        current=current,
        text=text,
        changes=timing.differences(current, text),
        names=names,
        problem=problem,
        stale=no.code == STALE,
    )
    return page, status


def _told(records: Session, case: Case) -> list[Told]:
    return [
        Told(one, _versions(transcripts.readings(records, one.id)))
        for one in recordings.of_call(records, case.call_id)
    ]


def _versions(readings: Sequence[Transcript]) -> list[Version]:
    by_id = {one.id: one for one in readings}
    found = []
    for place, one in enumerate(readings):
        before = by_id.get(one.based_on or 0) or (readings[place - 1] if place else None)
        changes = timing.differences(before.text, one.text) if before else ()
        found.append(Version(one, changes))
    return found


def _names(records: Session, told: Sequence[Told]) -> dict[str, Who]:
    return who(records, [v.reading.made_by or "" for one in told for v in one.versions])
