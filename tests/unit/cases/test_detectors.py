"""The methods that find surges give what their authors' publications and reference programs give."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from cases import ears, farrington, scan

REFERENCE = json.loads((Path(__file__).parent / "reference" / "surveillance.json").read_text())


@pytest.mark.parametrize("method", ["C1", "C2"])
def test_ears_gives_the_bounds_of_the_reference_program(method: ears.Method) -> None:
    counts = np.array([REFERENCE["days"]], dtype=float)
    upper = ears.bounds(counts, method).upper[0]
    wanted = REFERENCE[method]["upper"]
    assert np.isnan(upper[: len(upper) - len(wanted)]).all()
    assert upper[-len(wanted) :] == pytest.approx(wanted, abs=1e-6)


def test_c3_adds_up_the_excess_of_three_days() -> None:
    """By hand: nine days of 1, 2, 3 ... have mean 2 and deviation 1; two days with 4 are z = 2 each, an
    excess of 1 each; z for 2.5 % is 1.96, so that the third day's bound is 2 + (1.96 - 2) < 2."""
    days = [1, 2, 3, 1, 2, 3, 2, 2, 2, 4, 4, 2]
    counts = np.array([days], dtype=float)
    plain = ears.bounds(counts, "C2", alpha=0.025)
    added = ears.bounds(counts, "C3")
    sigma = (plain.upper - plain.expected) / 1.959964
    excess = np.maximum((counts - plain.expected) / sigma - 1, 0)
    bound = plain.expected[0, 11] + sigma[0, 11] * (1.959964 - excess[0, 9] - excess[0, 10])
    assert excess[0, 9] > 0 and excess[0, 10] > 0
    assert added.upper[0, 11] == pytest.approx(bound, abs=1e-4)
    assert added.upper[0, 11] < plain.upper[0, 11]


def test_a_first_call_in_silence_is_no_alarm_and_five_are() -> None:
    counts = np.zeros((2, 20))
    counts[0, 15], counts[1, 15] = 1, 5
    assert ears.bounds(counts).alarms(counts)[:, 15].tolist() == [False, True]
    assert ears.bounds(counts).alarms(counts).sum() == 1


def test_a_series_shorter_than_its_past_has_no_bounds() -> None:
    assert np.isnan(ears.bounds(np.ones((3, 9))).upper).all()
    with pytest.raises(ValueError, match="three days"):
        ears.bounds(np.ones((1, 20)), baseline=2)


def test_farrington_flexible_gives_what_the_reference_program_gives() -> None:
    weeks, wanted = np.array(REFERENCE["weeks"]), REFERENCE["farrington"]
    first = date.fromisoformat(REFERENCE["first_week"])
    for place in range(60):
        found = farrington.judge(weeks, first, len(weeks) - 60 + place, years=4)
        assert found is not None
        assert found.alarm == wanted["alarm"][place]
        assert found.probability == pytest.approx(wanted["probability"][place], abs=1e-5)
        if wanted["upper"][place] is not None:
            assert found.upper == wanted["upper"][place]
            assert found.expected == pytest.approx(wanted["expected"][place], abs=1e-4)
    assert sum(wanted["alarm"]) == 2


def test_farrington_needs_its_years() -> None:
    with pytest.raises(ValueError, match="no 5 years"):
        farrington.judge(np.ones(200, dtype=int), date(2020, 1, 6), 199)


def test_a_series_of_nothing_but_one_call_is_no_alarm() -> None:
    weeks = np.zeros(52 * 6, dtype=int)
    weeks[-1] = 1
    found = farrington.judge(weeks, date(2015, 1, 5), len(weeks) - 1, years=4)
    assert found is None or not found.alarm


def test_the_likelihood_ratio_is_kulldorff_s() -> None:
    """By hand: 8 of 10 calls where 5 were expected: 8 ln(8/5) + 2 ln(2/5)."""
    counts = np.array([[8], [2]])
    found = scan.most_likely(counts, np.ones((2, 1)), [(0,), (1,)], seed=1)
    assert found is not None
    assert (found.zone, found.days, found.seen, found.expected) == ((0,), 1, 8, 5.0)
    assert found.ratio == pytest.approx(8 * np.log(8 / 5) + 2 * np.log(2 / 5))


def test_the_scan_finds_where_and_since_when() -> None:
    random = np.random.default_rng(7)
    counts = random.poisson(2, (18, 28))
    counts[4, -6:] += 4
    places = [(22 + one % 5 * 0.05, 114 + one // 5 * 0.05) for one in range(18)]
    found = scan.most_likely(counts, np.full(counts.shape, 2.0), scan.zones(places), seed=1)
    assert found is not None
    assert 4 in found.zone and 5 <= found.days <= 7
    assert found.probability == 1 / (scan.REPLICAS + 1)


def test_the_scan_s_false_alarms_are_as_many_as_it_says() -> None:
    """Over quiet maps the probability is spread evenly: about one in five is below 0.2."""
    random = np.random.default_rng(3)
    below = 0
    for turn in range(60):
        counts = random.poisson(1.0, (6, 10))
        zones = [(one,) for one in range(6)]
        found = scan.most_likely(counts, np.ones((6, 10)), zones, seed=turn, replicas=99)
        below += found is not None and found.probability <= 0.2
    assert 4 <= below <= 22


def test_nothing_counted_is_no_cluster() -> None:
    assert scan.most_likely(np.zeros((2, 3), dtype=int), np.ones((2, 3)), [(0,)], seed=1) is None
    level = np.ones((2, 3), dtype=int)
    assert scan.most_likely(level, np.ones((2, 3)), [(0,), (1,)], seed=1) is None
