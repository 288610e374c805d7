"""What the citizen is told: an interim reply, and the one answer that resolves the case."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from cases import case as case_module
from cases import clocks, followups, history, lifecycle, merges, notices, whistles
from cases.case import Case
from cases.clocks import Terms
from cases.errors import Refused
from cases.permissions import Person

# Done; or it cannot be done, which is said as openly as the other.
DONE, CANNOT = "done", "cannot"
OUTCOMES = (DONE, CANNOT)


@dataclass(frozen=True)
class Reply:
    """A reply as it was given. `outcome` is None for an interim one."""

    at: datetime
    actor: str
    text: str
    outcome: str | None


def interim(
    session: Session,
    case: Case,
    text: str,
    *,
    by: Person,
    now: datetime,
    version: int | None = None,
) -> None:
    """Say how it stands. Raises Refused as `case.act` does."""
    given = {"text": text.strip()}
    case_module.act(session, case, "interim", given, by=by, version=version, now=now)
    clocks.stop(session, case.id, clocks.INTERIM, now)


def resolve(
    session: Session,
    case: Case,
    answer: str,
    outcome: str,
    *,
    by: Person,
    terms: Terms,
    now: datetime,
    version: int | None = None,
) -> None:
    """Give the answer; the citizen is then asked whether it is solved.

    outcome: one of OUTCOMES. A coordinator answers only where no department arrived.
    Raises Refused: `unknown_outcome`, and what `case.act` does.
    """
    case_module.unchanged(case, version)
    if outcome and outcome not in OUTCOMES:
        raise Refused("unknown_outcome", outcome=outcome)
    _leave_it_to_the_lead(session, case, by)
    given = {"answer": answer.strip(), "outcome": outcome}
    case_module.act(session, case, "resolve", given, by=by, version=version, now=now)
    for kind in (clocks.INTERIM, clocks.RESOLVE):
        clocks.stop(session, case.id, kind, now)
    _ask_the_citizen(session, case, terms, now)


def _leave_it_to_the_lead(session: Session, case: Case, by: Person) -> None:
    if lifecycle.LEAD in case_module.parts(session, case, by):
        return
    whistle = whistles.open_of(session, case.id)
    if whistle and any(one.arrived_at for one in whistles.called(session, whistle.id)):
        raise Refused("forbidden", permission="resolve")


def _ask_the_citizen(session: Session, case: Case, terms: Terms, now: datetime) -> None:
    followup = followups.plan(session, case, terms, now)
    clocks.start(session, case.id, clocks.FOLLOWUP, terms, now)
    for one in (case, *merges.of_main(session, case.id)):
        notices.post(
            session,
            "resolved",
            to="caller",
            case_id=one.id,
            facts={"number": one.number, "owner": case.owner},
            dedupe=f"resolved:{followup.id}" + ("" if one is case else f":{one.id}"),
            now=now,
        )


def of_case(session: Session, case_id: int) -> list[Reply]:
    """Every reply the citizen was given, the first one first."""
    return [
        Reply(line.at, line.actor, line.detail.get("text") or line.detail["answer"], outcome)
        for line in history.of_case(session, case_id)
        if line.action in ("interim", "resolve")
        for outcome in [line.detail.get("outcome")]
    ]
