"""How often guesses were right, and what their confidence was worth: accuracy, macro-F1, top-3, the expected
calibration error (ECE), and each category by itself.

A guess is a share per category, each from 0 to 1; what is missing to 1 is "not sure". A matter of which
nothing was recognised counts as guessed wrongly with a confidence of 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Final

BINS: Final = 10
"""Tenths of confidence (Guo et al. 2017, "On Calibration of Modern Neural Networks")."""
TOP: Final = 3
# No share is so small that one surprise would decide everything.
_LEAST: Final = 1e-6

Shares = Mapping[str, float]


@dataclass(frozen=True)
class Tenth:
    """Guesses of about the same confidence: how many, their mean confidence, the share that was right."""

    n: int
    confidence: float
    right: float


@dataclass(frozen=True)
class OfOne:
    """One category: how many there were (`n`), how many were guessed so, and how many of these rightly."""

    n: int
    guessed: int
    right: int
    top3: int

    @property
    def recall(self) -> float:
        return self.right / self.n if self.n else 0.0

    @property
    def precision(self) -> float:
        return self.right / self.guessed if self.guessed else 0.0

    @property
    def f1(self) -> float:
        return 2 * self.right / (self.n + self.guessed) if self.n + self.guessed else 0.0


@dataclass(frozen=True)
class Accuracy:
    """Shares from 0 to 1. `macro_f1`: the mean over the categories there were; `log_loss`: in nats."""

    n: int
    accuracy: float
    macro_f1: float
    top3: float
    ece: float
    log_loss: float
    classes: Mapping[str, OfOne]
    tenths: Sequence[Tenth]


def measure(truths: Sequence[str], guesses: Sequence[Shares]) -> Accuracy:
    """The accuracy of guesses of matters that are known to be about `truths`. Raises ValueError for none."""
    if not truths or len(truths) != len(guesses):
        raise ValueError("needs as many guesses as there are matters, one at least")
    ranked = [ranking(shares) for shares in guesses]
    firsts = [codes[0] if codes else None for codes in ranked]
    right = [first == truth for first, truth in zip(firsts, truths, strict=True)]
    among = [truth in codes[:TOP] for codes, truth in zip(ranked, truths, strict=True)]
    classes = _classes(truths, firsts, among)
    sure = [shares[first] if first else 0.0 for first, shares in zip(firsts, guesses, strict=True)]
    tenths = _tenths(sure, right)
    present = [one.f1 for one in classes.values() if one.n]
    return Accuracy(
        n=len(truths),
        accuracy=sum(right) / len(right),
        macro_f1=sum(present) / len(present),
        top3=sum(among) / len(among),
        ece=sum(one.n * abs(one.confidence - one.right) for one in tenths) / len(right),
        log_loss=_log_loss(truths, guesses),
        classes=classes,
        tenths=tenths,
    )


def ranking(shares: Shares) -> list[str]:
    """The categories, the likeliest first."""
    return sorted(shares, key=lambda code: (-shares[code], code))


def _log_loss(truths: Sequence[str], guesses: Sequence[Shares]) -> float:
    given = (shares.get(truth, 0.0) for truth, shares in zip(truths, guesses, strict=True))
    return -sum(log(max(share, _LEAST)) for share in given) / len(truths)


def _classes(
    truths: Sequence[str], firsts: Sequence[str | None], among: Sequence[bool]
) -> dict[str, OfOne]:
    n, guessed = Counter(truths), Counter(one for one in firsts if one)
    both = zip(truths, firsts, strict=True)
    right = Counter(truth for truth, first in both if truth == first)
    top3 = Counter(truth for truth, there in zip(truths, among, strict=True) if there)
    codes = sorted({*n, *guessed}, key=lambda code: (-n[code], code))
    return {code: OfOne(n[code], guessed[code], right[code], top3[code]) for code in codes}


def _tenths(sure: Sequence[float], right: Sequence[bool]) -> list[Tenth]:
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(BINS)]
    for confidence, was in zip(sure, right, strict=True):
        bins[min(int(confidence * BINS), BINS - 1)].append((confidence, was))
    return [
        Tenth(
            len(one),
            sum(confidence for confidence, _ in one) / len(one),
            sum(was for _, was in one) / len(one),
        )
        for one in bins
        if one
    ]
