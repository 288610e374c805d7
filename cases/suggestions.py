"""What the desk is offered to choose from: what a case may be about and who may have it, each with why.

A suggestion decides nothing. The first of each kind stands chosen until a person chooses otherwise; where the
machine is not sure what a case is about, no category does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from cases import asked, classifier, routing
from cases.case import Case
from cases.categories import Category
from cases.clocks import Terms
from cases.errors import Refused
from cases.referral_policy import ReferralPolicy
from cases.routing import Route, Where

if TYPE_CHECKING:
    from cases.learned import Model

# So many of each kind: as many as there are keys for them.
MOST = 3

# Why: a person said so; words that were heard; a routing rule; the category's own department; the
# department if the case were of another category that was heard; asked before.
CONFIRMED, HEARD, RULE, CATEGORY, OTHERWISE, BEFORE = (
    *("confirmed", "heard", "rule", "category", "otherwise", "before"),
)


@dataclass(frozen=True)
class Suggested:
    """A category or a department by its code. `words`: those heard; `rule`: the rule's own wording by
    language; `category`: the code of the category on which it rests."""

    code: str
    reason: str
    confidence: float | None = None
    words: tuple[str, ...] = ()
    rule: Mapping[str, str] = field(default_factory=dict)
    category: str | None = None


def categories(
    case: Case, text: str, known: Sequence[Category], model: Model | None = None
) -> list[Suggested]:
    """What the case may be about, the likeliest first, with the words of `text` that say so: those that
    the model in service goes by, where there is one."""
    codes = {one.code for one in known}
    guessed = [(case.category, case.category_confidence), *case.category_alternatives]
    found: list[Suggested] = []
    for code, confidence in guessed:
        if code not in codes or code in {one.code for one in found}:
            continue
        certain = case.category_confirmed and code == case.category
        reason = CONFIRMED if certain else HEARD
        share = None if certain else confidence
        heard = classifier.reasons_for(text, case.language, code, known, model)
        found.append(Suggested(code, reason, share, heard))
    return found[:MOST]


def departments(
    session: Session,
    case: Case,
    category: str | None,
    where: Where,
    policy: ReferralPolicy,
    terms: Terms,
    now: datetime,
) -> list[Suggested]:
    """Who may have the case if it is of this category, whom the rules of the day name first."""
    found: dict[str, Suggested] = {}
    for one in _departments(session, case, category, where, policy, terms, now):
        found.setdefault(one.code, one)
    return list(found.values())[:MOST]


def _departments(
    session: Session,
    case: Case,
    category: str | None,
    where: Where,
    policy: ReferralPolicy,
    terms: Terms,
    now: datetime,
) -> Iterator[Suggested]:
    day = now.astimezone(terms.time_zone).date()

    def route(kind: str | None) -> Route | None:
        try:
            return routing.department_for(session, policy.routing, kind, where, day)
        except Refused:
            return None

    # Nobody is suggested for what nobody has said yet.
    if category is not None and (by_rule := route(category)):
        yield Suggested(by_rule.department, RULE, rule=by_rule.why, category=category)
    known = policy.routing.categories
    if category is not None and category in known:
        yield Suggested(known[category].department, CATEGORY, category=category)
    guessed = [(case.category, case.category_confidence), *case.category_alternatives]
    for code, confidence in guessed:
        if code in known and code != category and (other := route(code)):
            share = None if case.category_confirmed else confidence
            yield Suggested(other.department, OTHERWISE, share, category=code)
    for one in asked.of_case(session, case.id):
        yield Suggested(one.named or one.department, BEFORE)
