"""How large a calibration error chance alone makes: what an error is to be set against."""

import random

import pytest

from cases.accuracy import measure
from evaluate.chance import ece_by_chance


def guesses(rows: int) -> list[dict[str, float]]:
    dice = random.Random(1)
    return [{"a": share, "b": 1 - share} for share in (dice.uniform(0.5, 1) for _ in range(rows))]


def test_shares_that_hold_miss_by_about_so_much() -> None:
    dice, shares = random.Random(2), guesses(500)
    errors = [
        measure(["a" if dice.random() < one["a"] else "b" for one in shares], shares).ece
        for _ in range(100)
    ]
    assert ece_by_chance(shares) == pytest.approx(sum(errors) / len(errors), rel=0.1)


def test_four_times_as_many_miss_by_half_as_much() -> None:
    assert ece_by_chance(guesses(4000)) == pytest.approx(ece_by_chance(guesses(1000)) / 2, rel=0.1)


def test_what_is_certain_or_not_guessed_at_all_cannot_miss() -> None:
    assert ece_by_chance([{"a": 1.0}, {}]) == 0


def test_no_guesses_are_no_figure() -> None:
    with pytest.raises(ValueError, match="a guess at least"):
        ece_by_chance([])
