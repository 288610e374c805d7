"""`/admin/flows`: the call flows: changed as text, checked, laid out step by step, and played in the page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue

from callflows import simulator
from callflows.flow import Callflow, Flow, RecordStep
from callflows.simulator import Call
from cases import editions
from cases.editions import FLOWS, PROMPTS, SOUNDS
from cases.permissions import EDIT_CITY
from console import city_page, papers, proof
from console.door import needs, takes
from console.office import Office
from runtime.database import transaction

MOST_DONE = 60
"""How often a caller may do something in a call that is played."""
# What a caller can do at a press: keys, nothing, speech, the end.
SILENCE, SPEECH, HANG_UP = "-", "say 8", "h"
DOINGS = (*"123456789*0#", SILENCE, SPEECH, HANG_UP)


@dataclass(frozen=True)
class Step:
    """A step as the page lays it out: what it says, and where it leads by what."""

    name: str
    kind: str
    question: str | None
    says: tuple[str, ...]
    ways: tuple[tuple[str, str], ...]


def routes(pages: Blueprint, office: Office) -> None:
    """`/admin/flows` and below."""

    @pages.get("/admin/flows")
    @needs(EDIT_CITY)
    def flows_page() -> ResponseReturnValue:
        with transaction(office.engine) as records:
            found = {flow: papers.working(records, file) for flow, file in FLOWS.items()}
            records.expunge_all()
        return render_template("city_flows.html", flows=found)

    @pages.get("/admin/flows/<flow>")
    @needs(EDIT_CITY)
    def flow_form(flow: str) -> ResponseReturnValue:
        sheet = city_page.sheet(office, _file(flow))
        return render_template("city_flow.html", sheet=sheet, problem="", **_laid_out(office, flow))

    @pages.post("/admin/flows/<flow>")
    @needs(EDIT_CITY)
    @takes(city_page.LARGEST)
    def change_flow(flow: str) -> ResponseReturnValue:
        text = request.form.get("text", "").replace("\r\n", "\n")
        more = _laid_out(office, flow, text)
        return city_page.save_text(office, _file(flow), "city_flow.html", **more)

    @pages.route("/admin/flows/<flow>/play", methods=["GET", "POST"])
    @needs(EDIT_CITY)
    def play_flow(flow: str) -> ResponseReturnValue:
        return _play(office, flow)


def _file(flow: str) -> str:
    return FLOWS[flow] if flow in FLOWS else abort(404)


def _drafted(office: Office, flow: str, text: str | None = None) -> proof.Reading:
    """The flow as drafted, or as somebody has just typed it, with all else as drafted."""
    with transaction(office.engine) as records:
        texts = papers.draft_texts(records)
    return proof.read(papers.installed(), texts if text is None else {**texts, FLOWS[flow]: text})


def _laid_out(office: Office, flow: str, text: str | None = None) -> dict[str, object]:
    found = _drafted(office, flow, text).flows.get(flow)
    return {
        "flow": flow,
        "steps": _steps(found.flow) if found else [],
        "texts": found.prompts.texts if found else {},
        "start": found.flow.start if found else "",
        "trial": _trial(office) if found and flow == "hotline" else None,
    }


def _trial(office: Office) -> str | None:
    """The drafts of what callers hear, as the browser telephone takes them, where there is one."""
    if office.phone is None:
        return None
    with transaction(office.engine) as records:
        drafts = editions.drafts(records, (*FLOWS.values(), *PROMPTS.values(), SOUNDS))
        return "-".join(str(one.id) for one in drafts) or None


def _steps(flow: Flow) -> list[Step]:
    return [
        Step(
            name,
            step.kind,
            getattr(step, "question", None),
            tuple(key for breath in getattr(step, "say", ()) for key in breath),
            tuple([*step.ways(), *(flow.keys.items() if isinstance(step, RecordStep) else ())]),
        )
        for name, step in flow.steps.items()
    ]


# --- a call played in the page ------------------------------------------------------------------------


class _Waits(Exception):
    """The call waits for what the caller does next."""


@dataclass
class Played:
    """A call as far as it went. `told`: what was heard and done; `waits`: it goes on."""

    did: tuple[str, ...]
    told: list[tuple[str, str]] = field(default_factory=list)
    waits: bool = False

    def ask(self, _: str) -> str:
        """What the caller does next, as it was pressed in the page."""
        done = sum(kind == "you" for kind, _ in self.told)
        if done >= len(self.did):
            raise _Waits
        self.told.append(("you", self.did[done]))
        return "" if self.did[done] == SILENCE else self.did[done]

    def tell(self, line: str) -> None:
        """A line that the terminal would show."""
        line = line.strip()
        self.told.append(("note", line[1:-1]) if line.startswith("[") else ("heard", line))


def play(
    callflow: Callflow, did: Iterable[str], chosen: Mapping[str, str], known: str | None
) -> Played:
    """Play a call anew from its ringing: the flow walks the same way for the same doings.

    chosen: question -> outcome. known: the citizen's language where we ring. Raises ValueError.
    """
    played = Played(tuple(did))
    edge = simulator.edge([f"{name}={outcome}" for name, outcome in chosen.items()], None)
    try:
        Call(callflow, edge, ask=played.ask, tell=played.tell, known=known).play()
    except _Waits:
        played.waits = True
    return played


def _play(office: Office, flow: str) -> ResponseReturnValue:
    _file(flow)
    reading = _drafted(office, flow)
    callflow = reading.flows.get(flow)
    did = [one for one in request.form.getlist("did") if one in DOINGS][:MOST_DONE]
    if request.form.get("do") in DOINGS:
        did.append(request.form["do"])
    if request.form.get("do") == "again":
        did = []
    known = office.city.languages[0] if flow == "followup" else None
    return render_template(
        "city_play.html",
        flow=flow,
        played=play(callflow, did, {}, known) if callflow else None,
        faults=reading.faults,
        did=did,
        doings=DOINGS,
    )
