"""How well does a model learn what a city's matters are about? On anyone's labelled file, on a CPU.

    python -m evaluate categories FILE.csv [--baseline] [--noise SHARE] [--json FILE]

What is tested is what `python -m console model train` would put into service: the same code, learned from four
fifths of the texts and tested on the fifth (`cases/training.py`), and where every row has a date also learned
from the past and tested on what came then. The baselines are plain linear models of scikit-learn on the same two
parts. Which of them is best is told by the very texts they are tested on, so the best one is a little lucky.

Beside them stand the city's seed words, which learn from nothing, on all rows of its categories. With noise
whatever is tested on is misheard (`mishearing`), and whatever is learned from is not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from scipy.special import softmax
from sklearn.calibration import CalibratedClassifierCV
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.naive_bayes import ComplementNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import LinearSVC

from cases import categories, classifier, departments, labelled, training
from cases.accuracy import Accuracy, measure
from cases.categories import Category
from cases.classifier import Guess
from cases.labelled import Row
from cases.lexicon import plain
from cases.training import Example, Fitted, Split
from evaluate import corpora, mishearing
from evaluate.chance import ece_by_chance
from runtime.city import City

OURS: Final = "ours"
WORDS, LETTERS = "seed words", "seed words as written"


@dataclass(frozen=True)
class Result:
    """What one way of learning did on one split. Seconds of learning; milliseconds of one guess. `chance`: the
    calibration error that chance alone would make of shares that hold exactly."""

    way: str
    split: str
    accuracy: Accuracy
    chance: float
    seconds: float
    milliseconds: float


@dataclass(frozen=True)
class Outcome:
    """Everything that was tried on a source. `best`: the most accurate baseline; `points`: by how many points
    of percent ours is better than it, negative where it is worse; `noise`: the share of the characters of what
    was tested on that were misheard, `seed` that of their dice."""

    source: str
    rows: int
    categories: int
    results: Sequence[Result]
    best: str | None = None
    points: float | None = None
    noise: float = 0.0
    seed: int = 1


@dataclass(frozen=True)
class Town:
    """A city as far as its seed words go: its categories, and the language of rows that tell none."""

    categories: Sequence[Category] = ()
    language: str = "cmn"

    @classmethod
    def read(cls, folder: Path) -> Town:
        """The city kept in a folder. Raises ValueError."""
        known = categories.read(folder, departments.read(folder))
        return cls(known, City.read(folder).languages[0])

    def of(self, row: Row) -> str:
        """The language of a row, as codes of ours."""
        return corpora.CALLED.get((row.language or "").lower(), self.language)


@dataclass(frozen=True)
class Noise:
    """A share of the characters, from 0 to 1, and the seed of the dice."""

    share: float = 0.0
    seed: int = 1

    def on(self, said: Sequence[tuple[str, str]]) -> list[str]:
        """The texts, each given with its language, as they are heard."""
        if not self.share:
            return [text for text, _ in said]
        return mishearing.all_misheard(said, self.share, self.seed)


Guesses = list[dict[str, float]]
Learned = Callable[[Sequence[str]], Guesses]
Way = Callable[[Sequence[Example]], Learned]


def evaluate(
    source: Path,
    *,
    baseline: bool = False,
    parts: int = 1,
    town: Town = Town(),
    noise: Noise = Noise(),
) -> Outcome:
    """Learn and test. parts: of five, each held out once and tested on, all told together; with five every row
    is. Raises LabelledError, TooLittle, and ValueError when nothing can be held out."""
    rows = labelled.read(source)
    languages = {row.text: town.of(row) for row in rows}
    examples = [Example(row.text, row.category, row.day) for row in rows]
    held = [training.stratified(examples, part) for part in range(parts)]
    if not any(split.test for split in held):
        raise ValueError(f"{source}: no category has five texts, so that none can be held out")
    held = [_heard(split, languages, noise) for split in held]
    results = [_result(OURS, _ours, "stratified", held)]
    if later := training.temporal(examples):
        results.append(_result(OURS, _ours, "temporal", [_heard(later, languages, noise)]))
    rivals = list(_rivals(held)) if baseline else []
    best = max(rivals, key=lambda one: one.accuracy.accuracy, default=None)
    points = 100 * (results[0].accuracy.accuracy - best.accuracy.accuracy) if best else None
    results += [*rivals, *_by_words(rows, town, noise)]
    kinds = len({one.category for one in examples})
    told = best.way if best else None
    return Outcome(str(source), len(rows), kinds, results, told, points, noise.share, noise.seed)


def _heard(split: Split, languages: Mapping[str, str], noise: Noise) -> Split:
    """The same with what is tested on as it is heard."""
    texts = noise.on([(one.text, languages[one.text]) for one in split.test])
    pairs = zip(split.test, texts, strict=True)
    return split._replace(test=[one._replace(text=text) for one, text in pairs])


def _by_words(rows: Sequence[Row], town: Town, noise: Noise) -> Iterator[Result]:
    """What the city's seed words make of the rows of its categories, if there are any: as the hotline finds
    them, and by their letters alone."""
    known = labelled.known(rows, town.categories).rows
    if not known:
        return
    said = [(row.text, town.of(row)) for row in known]
    heard = list(zip(noise.on(said), (language for _, language in said), strict=True))
    truths = [row.category for row in known]
    yield _guessed(WORDS, truths, heard, town)
    # Of nobody's language no sounds are known.
    yield _guessed(LETTERS, truths, [(text, "") for text, _ in heard], town)


def _guessed(
    way: str, truths: Sequence[str], heard: Sequence[tuple[str, str]], town: Town
) -> Result:
    for language in {language for _, language in heard}:
        classifier.guess("", language, town.categories)  # reads the words
    began = time.perf_counter()
    found = [classifier.guess(text, language, town.categories) for text, language in heard]
    spent = time.perf_counter() - began
    guesses = [_shares(one) for one in found]
    accuracy, milliseconds = measure(truths, guesses), 1000 * spent / len(heard)
    return Result(way, "all rows", accuracy, ece_by_chance(guesses), 0.0, milliseconds)


def _shares(found: Guess) -> dict[str, float]:
    """None where the city does not trust the guess (`sure_from`)."""
    return {found.category: found.confidence, **dict(found.alternatives)} if found.category else {}


def as_json(outcome: Outcome) -> dict[str, Any]:
    """The outcome as plain JSON; each class with its precision, recall and F1."""
    plain = asdict(outcome)
    for told, result in zip(plain["results"], outcome.results, strict=True):
        for code, one in result.accuracy.classes.items():
            told["accuracy"]["classes"][code] |= {
                "precision": one.precision,
                "recall": one.recall,
                "f1": one.f1,
            }
    return plain


def _result(name: str, way: Way, split: str, parts: Sequence[Split]) -> Result:
    truths: list[str] = []
    guesses: Guesses = []
    taught = spent = 0.0
    for learn, test in parts:
        began = time.perf_counter()
        learned = way(learn)
        ready = time.perf_counter()
        guesses += learned([one.text for one in test]) if test else []
        taught, spent = taught + ready - began, spent + time.perf_counter() - ready
        truths += [one.category for one in test]
    seconds, milliseconds = taught / len(parts), 1000 * spent / len(truths)
    return Result(
        name, split, measure(truths, guesses), ece_by_chance(guesses), seconds, milliseconds
    )


def _rivals(held: Sequence[Split]) -> Iterator[Result]:
    """The baselines; one that cannot learn from so few of a category is left out."""
    for name, way in BASELINES.items():
        with suppress(ValueError):
            yield _result(name, way, "stratified", held)


def _ours(examples: Sequence[Example]) -> Learned:
    fitted: Fitted = training.fit(examples)
    return lambda texts: [fitted.model.shares(text) for text in texts]


def _plainly(classifier: Any) -> Way:
    """Character 1-3-grams, TF-IDF, and a classifier of scikit-learn."""

    def way(examples: Sequence[Example]) -> Learned:
        vectorizer = TfidfVectorizer(
            analyzer="char", ngram_range=(1, 3), sublinear_tf=True, preprocessor=plain
        )
        pipeline = make_pipeline(vectorizer, classifier)
        pipeline.fit([one.text for one in examples], [one.category for one in examples])
        return lambda texts: _guesses(pipeline, texts)

    return way


def _guesses(pipeline: Pipeline, texts: Sequence[str]) -> Guesses:
    """Its own probabilities; of what has none, a softmax of its scores."""
    if hasattr(pipeline, "predict_proba"):
        shares = pipeline.predict_proba(texts)
    else:
        scores = pipeline.decision_function(texts)
        scores = scores if scores.ndim > 1 else [[-one, one] for one in scores]
        shares = softmax(scores, axis=1)
    return [dict(zip(map(str, pipeline.classes_), map(float, row), strict=True)) for row in shares]


BASELINES: Final[dict[str, Way]] = {
    "linear SVM": _plainly(LinearSVC(C=0.5)),
    "linear SVM, Platt": _plainly(CalibratedClassifierCV(LinearSVC(C=0.5), cv=3)),
    "logistic regression": _plainly(LogisticRegression(C=10, max_iter=300)),
    "ridge": _plainly(RidgeClassifier(alpha=1.0)),
    "complement naive Bayes": _plainly(ComplementNB(alpha=0.3)),
}
