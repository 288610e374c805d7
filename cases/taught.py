"""A new model is taught, tested, and set beside the one in service: is it worse?

Both guess the same texts, which the new one was not taught, nor was any version before it that was taught from the
same rows. Where nothing was ever taught, the seed words are what is in service.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from cases import training
from cases.accuracy import Accuracy, Shares, measure
from cases.categories import Category
from cases.classifier import likely
from cases.labelled import Row, TooLittle
from cases.learned import Model
from cases.training import Example

LEAST_TESTED: Final = 5


@dataclass(frozen=True)
class Taught:
    """A model, what it is worth on what it was not taught (`new`), what was in service is worth there (`old`),
    what it is worth on what came later, where the rows have dates, and how often the department was the
    row's own, where the rows name one: the share, of so many."""

    model: Model
    rows: int
    new: Accuracy
    old: Accuracy
    later: Accuracy | None
    departments: tuple[float, int] | None

    @property
    def is_worse(self) -> bool:
        """Whether what is in service is right more often."""
        return self.new.accuracy < self.old.accuracy

    def figures(self) -> dict[str, Any]:
        """What is kept beside the weights."""
        return {
            "stratified": _figures(self.new),
            "in_service": _figures(self.old),
            "temporal": _figures(self.later) if self.later else None,
            "departments": list(self.departments) if self.departments else None,
        }


def teach(rows: Sequence[Row], categories: Sequence[Category], in_service: Model | None) -> Taught:
    """Teach a model. The one kept is the one that was tested: it never saw the texts held out.

    Raises TooLittle.
    """
    examples = [Example(row.text, row.category, row.day) for row in rows]
    split = training.stratified(examples)
    if len(split.test) < LEAST_TESTED:
        raise TooLittle("too few texts of any category to hold out some of them and test on those")
    model = training.fit(split.learn).model
    later = training.temporal(examples)
    truths = [one.category for one in split.test]
    return Taught(
        model=model,
        rows=len(rows),
        new=measure(truths, _guesses(split.test, categories, model)),
        old=measure(truths, _guesses(split.test, categories, in_service)),
        later=training.tested(later) if later and _can_learn(later.learn) else None,
        departments=_departments(rows, categories, model, {one.text for one in split.test}),
    )


def _can_learn(examples: Sequence[Example]) -> bool:
    kinds = {one.category for one in examples}
    return len(examples) >= training.LEAST_ROWS and len(kinds) > 1


def _guesses(
    examples: Sequence[Example], categories: Sequence[Category], model: Model | None
) -> list[Shares]:
    return [likely(one.text, None, categories, model) for one in examples]


def _departments(
    rows: Sequence[Row], categories: Sequence[Category], model: Model, held: set[str]
) -> tuple[float, int] | None:
    """How often the guessed category's department is the one the row names, of the texts held out."""
    own: Mapping[str, str] = {one.code: one.department for one in categories}
    told = [row for row in rows if row.text in held and row.department]
    if not told:
        return None
    right = 0
    for row in told:
        shares = likely(row.text, None, categories, model)
        first = max(shares, key=lambda code: shares[code], default=None)
        right += first is not None and own[first] == row.department
    return right / len(told), len(told)


def _figures(found: Accuracy) -> dict[str, Any]:
    whole = asdict(found)
    del whole["tenths"]
    return whole
