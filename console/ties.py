"""The cases around a case, as its reader may know of them: like it, linked with it, merged into it."""

from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from cases import known, links, merges, recordings, similar, transcripts
from cases.case import Case
from cases.permissions import OFFICER, Person
from cases.recordings import Recording
from cases.similar import Similar
from cases.transcripts import Told, Transcript
from console import own_cases


@dataclass(frozen=True)
class Merged:
    """A case that is dealt with here: with what was said in it. `seen`: whether the reader may open it."""

    case: Case
    sounds: list[tuple[Recording, Transcript | None]]
    seen: bool


@dataclass(frozen=True)
class Ties:
    """`similar`: each with what was said in it, masked. `linked`: each with the reason. `main`: the case
    this one is merged into. `linking`: whether the reader may link cases. `again`: how often its caller
    rang again about it."""

    similar: list[tuple[Similar, str]] = field(default_factory=list)
    linked: list[tuple[Case, str]] = field(default_factory=list)
    merged: list[Merged] = field(default_factory=list)
    main: Case | None = None
    linking: bool = False
    again: int = 0


def read(records: Session, case: Case, reader: Person, parts: frozenset[str]) -> Ties:
    """What is around the case. An officer is shown no case by what is like it: that would tell of callers
    and of cases that are other departments'."""
    linked = [
        (other, reason)
        for other, reason in links.of_case(records, case.id)
        if own_cases.sees(records, reader, other)
    ]
    main = merges.main_of(records, case)
    return Ties(
        similar=_similar(records, case, linked) if reader.role != OFFICER else [],
        linked=linked,
        merged=[_merged(records, one, reader) for one in merges.of_main(records, case.id)],
        main=main if main is not case and own_cases.sees(records, reader, main) else None,
        linking=bool(parts & links.LINKERS),
        again=known.times(records, case),
    )


def _similar(
    records: Session, case: Case, linked: list[tuple[Case, str]]
) -> list[tuple[Similar, str]]:
    known = {one.id for one, _ in linked}
    found = [
        one
        for one in similar.find(records, case)
        if one.case.id not in known
        and one.case.merged_into != case.id
        and one.case.id != case.merged_into
    ]
    told = transcripts.told(records, [one.case.call_id for one in found])
    nothing = Told("", "", ())
    return [(one, told.get(one.case.call_id, nothing).masked_text) for one in found]


def _merged(records: Session, case: Case, reader: Person) -> Merged:
    sounds = [
        (one, transcripts.of_recording(records, one.id))
        for one in recordings.of_call(records, case.call_id)
    ]
    return Merged(case, sounds, own_cases.sees(records, reader, case))
