"""Teaches a model (`learned`) what a city's own cases were about: scikit-learn's home.

A linear model on TF-IDF of pieces. Two losses are tried on parts of what is learned from: log-loss
(multinomial logistic regression), which calibrates best, and the hinge loss of a support vector machine, which
is right more often where there are few examples of many categories. On the same parts one number is fitted by
which all scores are divided (the temperature), so that of guesses believed to 70 % seven in ten are right
(Guo et al. 2017, "On Calibration of Modern Neural Networks").

One text in five is held out, of every category, and no version ever learns from it: which, a digest of the
text says, so the same text said twice is on one side, and two versions are compared on what neither knew.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from cases.accuracy import Accuracy, measure
from cases.labelled import TooLittle
from cases.learned import Model, Numbers, terms
from cases.lexicon import plain

PARTS: Final = 5
"""One text in so many is held out to be tested on."""
MOST_PIECES: Final = 100_000
LEAST_ROWS: Final = 20
# From so many texts on, a piece that stands in a single one is left out: it says more of that one case.
RARE_FROM: Final = 3000
_STEPS: Final = 300
_SEED: Final = 1


class Way(NamedTuple):
    """How to learn: by which loss, and how freely (the inverse of scikit-learn's regularisation)."""

    loss: str
    freely: float


LOGISTIC, HINGE = "logistic", "hinge"
WAYS: Final = (Way(LOGISTIC, 10.0), Way(HINGE, 0.5), Way(HINGE, 2.0))
CLOSE: Final = 0.005
FOLDS: Final = 3
MANY: Final = 2000


class Example(NamedTuple):
    """What somebody said, and what it was about."""

    text: str
    category: str
    day: date | None = None


class Split(NamedTuple):
    """To learn from, and to be tested on."""

    learn: Sequence[Example]
    test: Sequence[Example]


@dataclass(frozen=True)
class Fitted:
    """A model, and how it was fitted."""

    model: Model
    way: Way
    temperature: float


def stratified(examples: Sequence[Example], part: int = 0) -> Split:
    """One text in five of each category is held out. Which, a digest says: `part` is of the five, and the first
    holds out none of a category that has fewer than five."""
    by_category: defaultdict[str, list[Example]] = defaultdict(list)
    for one in examples:
        by_category[one.category].append(one)
    learn: list[Example] = []
    test: list[Example] = []
    for several in by_category.values():
        texts = sorted({plain(one.text) for one in several}, key=lambda text: _digest("held", text))
        held = set(texts[part * len(texts) // PARTS : (part + 1) * len(texts) // PARTS])
        for one in several:
            (test if plain(one.text) in held else learn).append(one)
    # A text that is told of two categories is on one side only.
    tested = {plain(one.text) for one in test}
    return Split([one for one in learn if plain(one.text) not in tested], test)


def temporal(examples: Sequence[Example]) -> Split | None:
    """The last fifth by date is held out: learned from the past, tested on what came then. None unless
    every row has a date and there is more than one."""
    days = sorted(one.day for one in examples if one.day)
    if len(days) < len(examples) or not days or days[0] == days[-1]:
        return None
    since = days[len(days) * (PARTS - 1) // PARTS]
    if since == days[0]:
        return None
    learn = [one for one in examples if one.day and one.day < since]
    return Split(learn, [one for one in examples if one.day and one.day >= since])


def _digest(salt: str, text: str) -> str:
    return hashlib.sha256(f"{salt}\n{text}".encode()).hexdigest()


def fit(examples: Sequence[Example]) -> Fitted:
    """A model of all these examples. Raises TooLittle."""
    counts = Counter(one.category for one in examples)
    if len(examples) < LEAST_ROWS:
        raise TooLittle(f"needs {LEAST_ROWS} rows to learn from, and there are {len(examples)}")
    if len(counts) < 2:
        raise TooLittle(f"every row is of one category, {next(iter(counts))!r}")
    way, temperature = _chosen(examples)
    return Fitted(_model(examples, way, temperature), way, temperature)


def tested(split: Split) -> Accuracy:
    """How well a model does on the one part that learned from the other. Raises TooLittle, ValueError."""
    return test(fit(split.learn).model, split.test)


def test(model: Model, examples: Sequence[Example]) -> Accuracy:
    """How well a model does on these examples."""
    return measure([one.category for one in examples], [model.shares(one.text) for one in examples])


def _chosen(examples: Sequence[Example]) -> tuple[Way, float]:
    """The way that is right most often on parts it did not learn from, and its temperature there. Where
    one calibrates better by itself, half a point of percent does not decide against it."""
    parts = [_Part.of(split) for split in _folds(examples)]
    found = []
    for way in WAYS:
        tried = [part.scores(way) for part in parts]
        temperature, loss = _temperature(tried)
        found.append((_right(tried), loss, way, temperature))
    most = max(right for right, *_ in found)
    good = [one for one in found if one[0] >= most - CLOSE]
    _, _, way, temperature = min(good, key=lambda one: one[1])
    return way, temperature


def _folds(examples: Sequence[Example]) -> Iterator[Split]:
    """Three ways to hold out a third; of many examples one alone, which tells as much and is done in seconds."""
    fold = [int(_digest("inner", plain(one.text))[:8], 16) % FOLDS for one in examples]
    for held in range(FOLDS if len(examples) < MANY else 1):
        learn = [one for one, at in zip(examples, fold, strict=True) if at != held]
        test = [one for one, at in zip(examples, fold, strict=True) if at == held]
        if test and len({one.category for one in learn}) > 1:
            yield Split(learn, test)


class Scores(NamedTuple):
    """Scores of matters (rows) by category (columns), and the column that is true of each."""

    scores: Numbers
    truths: Numbers


@dataclass(frozen=True)
class _Part:
    """A split as numbers."""

    learn: Any
    test: Any
    split: Split

    @classmethod
    def of(cls, split: Split) -> _Part:
        vectorizer = _vectorizer(len(split.learn))
        learn = vectorizer.fit_transform([one.text for one in split.learn])
        return cls(learn, vectorizer.transform([one.text for one in split.test]), split)

    def scores(self, way: Way) -> Scores:
        """What is held out, but for what is of a category that was not there to be learned."""
        fitted = _classifier(way).fit(self.learn, [one.category for one in self.split.learn])
        place = {code: at for at, code in enumerate(fitted.classes_)}
        rows = [at for at, one in enumerate(self.split.test) if one.category in place]
        truths = [place[self.split.test[at].category] for at in rows]
        scores = self.test[rows] @ _weights(fitted) + _bias(fitted)
        return Scores(scores, np.array(truths, dtype=np.int64))


def _right(tried: Sequence[Scores]) -> float:
    """The share that is right."""
    right = [one.scores.argmax(axis=1) == one.truths for one in tried]
    return float(np.concatenate(right).mean())


def _temperature(tried: Sequence[Scores]) -> tuple[float, float]:
    """The number by which to divide all scores, and the log-loss that is left."""

    def loss(logarithm: float) -> float:
        return float(np.concatenate([_losses(one, np.exp(logarithm)) for one in tried]).mean())

    best = minimize_scalar(loss, bounds=(-5, 2), method="bounded")
    return float(np.exp(best.x)), float(best.fun)


def _losses(tried: Scores, temperature: float) -> Numbers:
    divided = tried.scores / temperature
    given = divided[np.arange(len(tried.truths)), tried.truths]
    return np.asarray(logsumexp(divided, axis=1) - given)


def _model(examples: Sequence[Example], way: Way, temperature: float) -> Model:
    vectorizer = _vectorizer(len(examples))
    amounts = vectorizer.fit_transform([one.text for one in examples])
    fitted = _classifier(way).fit(amounts, [one.category for one in examples])
    return Model(
        codes=tuple(map(str, fitted.classes_)),
        pieces=tuple(vectorizer.get_feature_names_out()),
        idf=vectorizer.idf_.astype(np.float32),
        weights=(_weights(fitted) / temperature).astype(np.float32),
        bias=(_bias(fitted) / temperature).astype(np.float32),
    )


def _vectorizer(rows: int) -> Any:
    return TfidfVectorizer(
        analyzer=terms,
        sublinear_tf=True,
        min_df=2 if rows >= RARE_FROM else 1,
        max_features=MOST_PIECES,
        dtype=np.float32,
    )


def _classifier(way: Way) -> Any:
    if way.loss == HINGE:
        return LinearSVC(C=way.freely, random_state=_SEED)
    return LogisticRegression(C=way.freely, max_iter=_STEPS, random_state=_SEED)


def _weights(fitted: Any) -> Numbers:
    """Pieces x categories; of two categories scikit-learn keeps the difference alone."""
    both = fitted.coef_ if len(fitted.coef_) > 1 else np.vstack([-fitted.coef_, fitted.coef_]) / 2
    return np.asarray(both.T)


def _bias(fitted: Any) -> Numbers:
    own = fitted.intercept_
    return np.asarray(own if len(own) > 1 else np.array([-own[0], own[0]]) / 2)
