"""Two calls about the same matter are one case: the later one is merged into the other 併案.

The merged case is closed and stands under the other, the *main* one, where its recordings are heard and its
text is read. It counts as no case that the desk has answered. To reopen it takes the two apart again.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from cases import case as case_module
from cases import clocks, history, notices
from cases.case import Case
from cases.errors import Refused
from cases.lifecycle import CLOSED
from cases.permissions import Person


def merge(
    session: Session,
    case: Case,
    into: str,
    note: str,
    *,
    by: Person,
    version: int | None,
    now: datetime,
) -> Case:
    """Merge a case that no department has into the one with the number `into`: the main case.

    Its caller is told, and of the main case's answer, too. version: as `case.act` has it.
    Raises Refused: what `case.act` does; `unknown_case`, `same_case`; `main_closed`; `merged_already` when
    the main case is itself merged into one, or others are into this; `in_hand` when somebody changes the
    main case at this very moment.
    """
    case_module.unchanged(case, version)
    given = {"into": into.strip(), "note": note.strip()}
    main = _main(session, case, given["into"]) if given["into"] else None
    case_module.act(session, case, "merge", given, by=by, version=version, now=now)
    assert main is not None, "the table asks for it"
    case.merged_into = main.id
    for kind in (clocks.DISPATCH, clocks.INTERIM, clocks.RESOLVE):
        clocks.stop(session, case.id, kind, now, outcome=clocks.WITHDRAWN)
    told = {"number": case.number, "note": given["note"]}
    history.add(session, main.id, "merged_here", now, actor=by.actor, **told)
    facts, times = {"number": case.number}, len(history.of_case(session, case.id))
    key = f"merged:{case.id}:{times}"
    notices.post(session, "merged", to="caller", case_id=case.id, facts=facts, dedupe=key, now=now)
    return main


def _main(session: Session, case: Case, number: str) -> Case:
    found = case_module.by_number(session, number)
    if found is None:
        raise Refused("unknown_case", number=number)
    if found.id == case.id:
        raise Refused("same_case", number=number)
    # Not waited for: of two who merge two cases into each other each would wait for the other.
    held = select(Case).where(Case.id == found.id)
    held = held.with_for_update(key_share=True, skip_locked=True)
    main = session.scalars(held.execution_options(populate_existing=True)).one_or_none()
    if main is None:
        raise Refused("in_hand", number=number)
    if main.status == CLOSED:
        raise Refused("main_closed", number=number)
    if main.merged_into is not None or of_main(session, case.id):
        raise Refused("merged_already", number=number)
    return main


def of_main(session: Session, case_id: int) -> Sequence[Case]:
    """The cases that are merged into this one, the first first."""
    return session.scalars(select(Case).where(Case.merged_into == case_id).order_by(Case.id)).all()


def main_of(session: Session, case: Case) -> Case:
    """The case in which this one is dealt with: itself, unless it is merged into another."""
    return session.get_one(Case, case.merged_into) if case.merged_into else case
