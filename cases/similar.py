"""Cases that may be about the same matter, each with what speaks for it: the same caller, the same place and
kind of matter, or the same uncommon words."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import func, literal, select, union_all
from sqlalchemy.orm import Session

from cases import readings, search, transcripts
from cases.calls import Call
from cases.case import Case

# Who rang again may mean the same for longer than neighbours who ring of the same place.
SAME_CALLER: Final = timedelta(days=90)
SAME_PLACE: Final = timedelta(days=14)
SAME_WORDS: Final = timedelta(days=90)
CALLER, PLACE, WORDS = REASONS = ("caller", "place", "words")
MOST: Final = 5
# So many of a case's uncommon words are looked for in others; a third of them, and so many, are the same.
LOOKED_FOR: Final = 16
LEAST_SHARED: Final = 4


@dataclass(frozen=True)
class Similar:
    """Another case. `reasons`: of REASONS; `place`: the name of the place they share."""

    case: Case
    reasons: tuple[str, ...]
    place: str = ""


def find(session: Session, case: Case) -> list[Similar]:
    """The cases most like this one: first those with more reasons, then the newest."""
    found: defaultdict[int, dict[str, str]] = defaultdict(dict)
    for reason, case_id, detail in _all(session, case):
        found[case_id].setdefault(reason, detail)
    found.pop(case.id, None)
    rows = session.scalars(select(Case).where(Case.id.in_(found)))
    ordered = sorted(rows, key=lambda one: (-len(found[one.id]), -one.id))
    return [
        Similar(one, tuple(r for r in REASONS if r in found[one.id]), found[one.id].get(PLACE, ""))
        for one in ordered[:MOST]
    ]


def _all(session: Session, case: Case) -> Iterator[tuple[str, int, str]]:
    yield from ((CALLER, case_id, "") for case_id in _by_caller(session, case))
    for name in readings.names(session, case.id)[:1]:
        yield from ((PLACE, case_id, name) for case_id in _by_place(session, case, name))
    yield from ((WORDS, case_id, "") for case_id in _by_words(session, case))


def _by_caller(session: Session, case: Case) -> list[int]:
    digest = session.get_one(Call, case.call_id).caller_digest
    if digest is None:
        return []
    same = select(Case.id).join(Call, Call.id == Case.call_id).where(Call.caller_digest == digest)
    return _newest(session, same.where(*_within(case, SAME_CALLER)))


def _by_place(session: Session, case: Case, name: str) -> list[int]:
    """Those of the same kind of matter in which the place's name is said."""
    named = search.find(session, name)
    if named is None or case.category is None:
        return []
    hits = named.cte("named").prefix_with("MATERIALIZED", dialect="postgresql")
    same = select(Case.id).join(hits, hits.c.case_id == Case.id)
    return _newest(session, same.where(Case.category == case.category, *_within(case, SAME_PLACE)))


def _by_words(session: Session, case: Case) -> list[int]:
    told = transcripts.told(session, [case.call_id]).get(case.call_id)
    words = search.rare(session, told.masked_text, LOOKED_FOR) if told else []
    least = max(LEAST_SHARED, -(-len(words) // 3))
    if len(words) < least:
        return []
    each = [search.having(session, word).add_columns(literal(n)) for n, word in enumerate(words)]
    hits = union_all(*each).cte("hits").prefix_with("MATERIALIZED", dialect="postgresql")
    shared = (
        select(hits.c.case_id)
        .group_by(hits.c.case_id)
        .having(func.count() >= least)
        .order_by(func.count().desc(), hits.c.case_id.desc())
        .limit(MOST * 4)
        .subquery()
    )
    same = select(Case.id).join(shared, shared.c.case_id == Case.id)
    return _newest(session, same.where(*_within(case, SAME_WORDS)))


def _within(case: Case, span: timedelta) -> tuple[Any, ...]:
    """Another case that came so shortly before or after this one."""
    since, until = case.opened_at - span, case.opened_at + span
    return Case.id != case.id, Case.opened_at >= since, Case.opened_at <= until


def _newest(session: Session, same: Any) -> list[int]:
    return list(session.scalars(same.order_by(Case.id.desc()).limit(MOST * 2)))
