"""The search made anew from the texts themselves: for cases older than it, and should it ever be in doubt."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from cases import history, search, transcripts
from cases.case import Case
from cases.wording import mask_numbers

BATCH = 200


def batch(session: Session, after: int = 0, limit: int = BATCH) -> int | None:
    """Make the next cases findable by all that is said and written of them now, the oldest first. Gives
    the id with which to go on; None when there are no more. Done twice it changes nothing."""
    # Held as by everybody who writes to a case, so that nothing written meanwhile is lost.
    oldest = select(Case).where(Case.id > after).order_by(Case.id).limit(limit)
    cases = list(session.scalars(oldest.with_for_update(key_share=True)))
    search.forget(session, [case.id for case in cases])
    for case in cases:
        transcripts.make_findable(session, case)
        for line in history.of_case(session, case.id):
            if words := history.written(line.actor, line.detail):
                search.write(session, case.id, words, mask_numbers(words))
    return cases[-1].id if cases else None
