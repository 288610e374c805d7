"""All that is known of a case and that its reader may know, read at once."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from flask import abort, request
from sqlalchemy import select
from sqlalchemy.orm import Session

from cases import (
    abuse,
    accesses,
    asked,
    clocks,
    clusters,
    corrections,
    exclusions,
    followups,
    history,
    leases,
    lifecycle,
    models,
    readings,
    recordings,
    referrals,
    reply_templates,
    routing,
    suggestions,
    tasks,
    timing,
    transcripts,
    whistles,
)
from cases import case as case_rules
from cases.abuse import Mark
from cases.articles import Version
from cases.asked import Referral
from cases.calls import Call
from cases.case import Case
from cases.clocks import Clock
from cases.clusters import Together
from cases.errors import Refused
from cases.exclusions import Exclusion
from cases.followups import Followup
from cases.history import Entry
from cases.leases import Holder
from cases.permissions import OFFICER, Person
from cases.readings import Reading
from cases.recordings import Recording
from cases.reply_templates import Template
from cases.routing import NOWHERE, Route, Where
from cases.suggestions import Suggested
from cases.tasks import Task
from cases.transcripts import Transcript
from cases.whistles import Called, Whistle
from console import article_pages, noted, own_cases, ties
from console.office import Office
from console.ties import Ties
from console.who import Who, who
from runtime import clock


@dataclass(frozen=True)
class Guess:
    """Where a case may be, as its reading has it, and where its caller says so: in which recording, from
    and until which second; None where nothing can be played."""

    place: Mapping[str, Any]
    recording_id: int | None = None
    start: float = 0.0
    end: float = 0.0

    @property
    def address(self) -> str:
        """House, block, floor and room; empty when they were not said, or before they were read."""
        return str(self.place.get("address") or "")


@dataclass(frozen=True)
class Sheet:
    """A case as one reader sees it. The rows outlive the transaction they were read in.

    `parts`: who the reader is to the case. `where`: the place its caller named, where the gazetteer
    knows it. `reading`: what was understood of it; `alike`: what it is seen together with, and why.
    `route`: whose it is by the routing rules of today. `what`, `whose`: what a person at the
    desk is offered to choose from, whose department for the category `of`. `holder`, `lookers`: who
    has it in hand, and who else looks at it. `articles`: what is written about its category, as of
    `today`. `marks`: of abuse, that stand against the caller; `marked_in`: the numbers of the cases in
    which they were made. `private`: the reader may know neither who called nor hear
    the recordings, and reads the text without telephone and identity numbers.
    """

    case: Case
    call: Call
    reader: Person
    parts: frozenset[str]
    sounds: list[tuple[Recording, Transcript | None]]
    events: list[Entry]
    names: dict[str, Who]
    clocks: list[Clock] = field(default_factory=list)
    asked: list[Referral] = field(default_factory=list)
    whistle: Whistle | None = None
    called: list[Called] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    followups: list[Followup] = field(default_factory=list)
    exclusions: list[Exclusion] = field(default_factory=list)
    where: Where = NOWHERE
    reading: Reading | None = None
    alike: list[Together] = field(default_factory=list)
    route: Route | None = None
    articles: list[Version] = field(default_factory=list)
    templates: list[Template] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    marked_in: dict[int, str | None] = field(default_factory=dict)
    today: date = date.min
    of: str | None = None
    what: list[Suggested] = field(default_factory=list)
    whose: list[Suggested] = field(default_factory=list)
    holder: Holder | None = None
    lookers: list[str] = field(default_factory=list)
    ties: Ties = field(default_factory=Ties)

    # Recordings with a copy of the sound in which no number can be heard.
    silent: frozenset[int] = frozenset()

    @property
    def private(self) -> bool:
        return self.reader.role == OFFICER

    @property
    def place_said(self) -> str:
        """The first place its caller named, known to the gazetteer or not."""
        said = (slot for _, one in self.sounds if one for slot in one.slots)
        return next((str(slot["value"]) for slot in said if slot["kind"] == "place"), "")

    @property
    def guesses(self) -> list[Guess]:
        """The places that were understood, the likeliest first, each with its snippet of sound."""
        return [self._guess(place) for place in (self.reading.places if self.reading else ())]

    @property
    def taken(self) -> Guess | None:
        """The guess that the case is taken to be at; None where its place was not understood."""
        return next((one for one in self.guesses if one.place["name"] in self.where.names), None)

    def _guess(self, place: Mapping[str, Any]) -> Guess:
        for recording, one in self.sounds:
            if one is not None and recording.storage_key:
                lines = [line.segment for line in corrections.lines(one)]
                if found := timing.when(lines, place["said"]):
                    return Guess(place, recording.id, *found)
        return Guess(place)

    @property
    def seen(self) -> int:
        """The last line of the history a reader of this sheet knows."""
        return self.events[-1].id if self.events else 0

    @property
    def running(self) -> list[Clock]:
        """The clocks that run, the soonest due first."""
        return sorted((c for c in self.clocks if c.stopped_at is None), key=lambda c: c.due_at)

    @property
    def stopped(self) -> list[Clock]:
        return [clock for clock in self.clocks if clock.stopped_at is not None]

    @property
    def waiting(self) -> list[Referral]:
        """Those who were asked and have not answered, the lead first."""
        rows = [one for one in self.asked if one.answer is None]
        return sorted(rows, key=lambda one: one.role != asked.LEAD)

    def may(self, action: str) -> bool:
        """Whether the reader may do this with the case as it is now."""
        return lifecycle.may(self.parts, self.case.status, action)

    def since(self, seen: int) -> list[Entry]:
        """The lines of the history written after `seen`."""
        return [event for event in self.events if event.id > seen]

    def movers(self) -> list[str]:
        """Whose move it is: codes of departments, the first one first, or the desk's."""
        return list(dict.fromkeys(self._movers()))

    def _movers(self) -> Iterator[str]:
        for part in lifecycle.moves(self.case.status):
            if part == lifecycle.DESK:
                yield case_rules.DESK
            elif part == lifecycle.ASKED:
                yield from (one.department for one in self.waiting)
            elif part == lifecycle.CALLED:
                yield from (one.department for one in self.called)
            else:
                yield self.case.owner


def find(records: Session, number: str, reader: Person) -> Case:
    """The case, its row held while a form is dealt with; a page that says so when there is none, or
    none for this reader."""
    if not case_rules.is_number(number):
        abort(404)
    statement = select(Case).where(Case.number == number)
    if request.method == "POST":
        statement = statement.with_for_update(key_share=True)
    case = records.scalars(statement).one_or_none() or abort(404)
    if not own_cases.sees(records, reader, case):
        abort(404)
    return case


def is_seen(records: Session, number: str, reader: Person) -> bool:
    """Whether the reader may (still) see the case."""
    case = case_rules.by_number(records, number)
    return case is not None and own_cases.sees(records, reader, case)


def read(records: Session, office: Office, case: Case, reader: Person, category: str = "") -> Sheet:
    """The whole sheet; that its reader saw the case is written down.

    category: for which departments are suggested, if not for the case's own.
    """
    noted.note(records, office, accesses.VIEWED, case.id)
    now = clock.now()
    where = routing.where_is(records, case, office.policy.routing.places)
    events = history.of_case(records, case.id)
    given = tasks.of_case(records, case.id)
    whistle = _whistle(records, case)
    called = whistles.called(records, whistle.id) if whistle else []
    call = records.get_one(Call, case.call_id)
    marks = _marks(records, call, reader)
    parts = case_rules.parts(records, case, reader)
    sounds = _sounds(records, case)
    sheet = Sheet(
        case=case,
        call=call,
        reader=reader,
        parts=parts,
        sounds=sounds,
        silent=_silent(records, sounds),
        events=events,
        names=who(records, _actors(events, given, whistle, called, marks)),
        clocks=clocks.of_case(records, case.id),
        asked=asked.of_case(records, case.id),
        whistle=whistle,
        called=called,
        tasks=given,
        followups=followups.of_case(records, case.id),
        exclusions=exclusions.of_case(records, case.id),
        articles=article_pages.beside_case(records, "", case.category),
        templates=reply_templates.for_case(records, case.category),
        marks=marks,
        marked_in=abuse.numbers(records, marks),
        today=article_pages.today(office),
        where=where,
        reading=readings.of_case(records, case.id),
        alike=clusters.together(records, case.id),
        route=_route(records, office, case, where),
        of=category or case.category,
        **_offered(records, office, case, parts, where, category),
        holder=leases.holder(records, case.id, now),
        lookers=leases.lookers(records, case.id, besides=reader, now=now),
        ties=ties.read(records, case, reader, parts),
    )
    for one in sheet.ties.merged:
        noted.note(records, office, accesses.VIEWED, one.case.id)
    records.expunge_all()
    return sheet


def outline(records: Session, case: Case, reader: Person) -> Sheet:
    """The case and who its reader is to it: enough where what was chosen is only to be read."""
    sheet = Sheet(
        case=case,
        call=records.get_one(Call, case.call_id),
        reader=reader,
        parts=case_rules.parts(records, case, reader),
        sounds=[],
        events=[],
        names={},
    )
    records.expunge_all()
    return sheet


def _offered(
    records: Session,
    office: Office,
    case: Case,
    parts: frozenset[str],
    where: Where,
    category: str,
) -> dict[str, list[Suggested]]:
    """What the desk may choose from, for who decides there."""
    if not lifecycle.may(parts, case.status, lifecycle.CONFIRM):
        return {}
    kinds = tuple(one for one in office.categories.values() if not one.retired)
    said, model = transcripts.text_of(records, case), models.in_service(records)
    what = suggestions.categories(case, said, kinds, model)
    return {"what": what, "whose": whose(records, office, case, where, category or case.category)}


def whose(
    records: Session, office: Office, case: Case, where: Where, category: str | None
) -> list[Suggested]:
    """Who may have the case if it is of this category."""
    rules = (office.policy, office.terms, clock.now())
    return suggestions.departments(records, case, category, where, *rules)


def _route(records: Session, office: Office, case: Case, where: Where) -> Route | None:
    """Whose the case is by the rules of today; None where no rule says."""
    try:
        return referrals.route_of(records, case, office.policy, office.terms, clock.now(), where)
    except Refused:
        return None


def _marks(records: Session, call: Call, reader: Person) -> list[Mark]:
    """Departments learn nothing of who called, and so nothing of this either."""
    if reader.role == OFFICER:
        return []
    return abuse.standing(records, call.caller_digest, clock.now())


def _sounds(records: Session, case: Case) -> list[tuple[Recording, Transcript | None]]:
    return [
        (one, transcripts.of_recording(records, one.id))
        for one in recordings.of_call(records, case.call_id)
    ]


def _silent(
    records: Session, sounds: Iterable[tuple[Recording, Transcript | None]]
) -> frozenset[int]:
    with_copy = (one for one, _ in sounds if one.masked_key)
    return frozenset(one.id for one in with_copy if corrections.copy_is_silent(records, one))


def _whistle(records: Session, case: Case) -> Whistle | None:
    """The open whistle, or the last there was."""
    blown = whistles.of_case(records, case.id)
    return blown[-1] if blown else None


def _actors(
    events: Iterable[Entry],
    given: Iterable[Task],
    whistle: Whistle | None,
    called: Iterable[Called],
    marks: Iterable[Mark],
) -> Iterator[str]:
    yield from (event.actor for event in events)
    for task in given:
        yield task.given_by
        yield task.done_by or ""
    for one in called:
        yield one.arrived_by or ""
    for mark in marks:
        yield mark.marked_by
        yield mark.decided_by or ""
    if whistle:
        yield from (whistle.blown_by, whistle.coordinator)


def reveal(records: Session, office: Office, case: Case, reader: Person) -> str | None:
    """The caller's whole number, and the lines that say who saw it, together or not at all. None when it
    was withheld."""
    sealed = records.get_one(Call, case.call_id).caller_sealed
    if sealed is None:
        return None
    history.add(records, case.id, "revealed_number", clock.now(), actor=reader.actor)
    noted.note(records, office, accesses.REVEALED, case.id)
    return office.caller_key.unseal(sealed)
