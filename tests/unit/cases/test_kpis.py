"""The rates, reckoned by hand and by the code; and what holds of them whatever was said."""

import random
from collections import Counter
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cases import kpis
from cases.kpis import Handled, Policy, Said, Unit
from cases.pack import PackError

POLICIES = kpis.policies()
BEIJING, JUNGAR, STYLE_1823 = (POLICIES[name] for name in ("10-50-40", "30-35-35", "1823"))
ZONE = ZoneInfo("Asia/Shanghai")

# Department a: 100 were asked and answered. 90 were contacted, 80 say solved, 60 are very and 20
# fairly satisfied. Department b: 40 answered, 30 contacted, 20 solved, 10 very, 10 fairly; 10 more
# could not be reached, and 5 are excluded.
SAID = Counter(
    {
        Said("a", True, True, True, "very", False): 60,
        Said("a", True, True, True, "fairly", False): 20,
        Said("a", True, True, False, "no", False): 10,
        Said("a", True, False, False, "no", False): 10,
        Said("b", True, True, True, "very", False): 10,
        Said("b", True, True, True, "fairly", False): 10,
        Said("b", True, True, False, "no", False): 10,
        Said("b", True, False, False, None, False): 10,
        Said("b", False, None, None, None, False): 10,
        Said("b", True, False, False, "no", True): 5,
    }
)


def unit(policy: Policy, group: str, said: Counter[Said] = SAID) -> Unit:
    return {one.group: one for one in kpis.report(policy, said).units}[group]


def shares(one: Unit) -> dict[str, str | None]:
    return {name: kpis.percent(rate.share, 1) for name, rate in one.rates.items()}


def test_ten_fifty_forty_by_hand() -> None:
    a, b = unit(BEIJING, "a"), unit(BEIJING, "b")
    assert shares(a) == {"contacted": "90.0", "solved": "80.0", "satisfied": "78.0"}  # 60 + .9 x 20
    assert a.score == Fraction("80.2")  # 9 + 40 + 31.2
    assert shares(b) == {"contacted": "75.0", "solved": "50.0", "satisfied": "47.5"}  # 19 of 40
    assert b.score == Fraction("51.5")  # 7.5 + 25 + 19
    assert (a.rank, b.rank) == (1, 2)


def test_thirty_thirtyfive_thirtyfive_by_hand() -> None:
    a, b = unit(JUNGAR, "a"), unit(JUNGAR, "b")
    assert a.score == Fraction("82.3")  # 27 + 28 + 27.3
    assert b.score == Fraction("56.625")  # 22.5 + 17.5 + 16.625
    assert kpis.figure(b.score, 1) == "56.6"


def test_targets_without_weights_are_shown_and_give_no_score() -> None:
    handled = Counter({Handled("a", True, False): 99, Handled("a", False, False): 1})
    (a, _) = kpis.report(STYLE_1823, SAID, handled).units
    assert shares(a) == {"answered_within": None, "first_call": "99.0", "satisfied": "75.0"}
    assert a.score is None and a.rank is None


def test_who_was_not_reached_is_in_no_rate_and_excluded_cases_are_in_nothing() -> None:
    b = unit(BEIJING, "b")
    assert (b.asked, b.valid, b.excluded) == (50, 40, 5)
    assert {rate.n for rate in b.rates.values()} == {40}


def test_a_policy_may_count_all_who_were_asked() -> None:
    asked = BEIJING.model_copy(update={"denominator": "asked"})
    assert shares(unit(asked, "b")) == {"contacted": "60.0", "solved": "40.0", "satisfied": "38.0"}


def test_all_together_is_over_the_answers_or_the_plain_mean_of_units() -> None:
    plain = kpis.report(BEIJING, SAID).together
    assert shares(plain) == {"contacted": "82.5", "solved": "65.0", "satisfied": "62.8"}
    assert plain.score == Fraction("65.85")
    over_all = kpis.report(JUNGAR, SAID).together
    assert shares(over_all) == {"contacted": "85.7", "solved": "71.4", "satisfied": "69.3"}


def test_nothing_to_take_a_share_of_is_no_data_and_never_0_or_100() -> None:
    nobody = Counter({Said("c", False, None, None, None, False): 7})
    c = unit(BEIJING, "c", nobody)
    assert set(shares(c).values()) == {None}
    assert (c.score, c.rank, c.asked) == (None, None, 7)
    assert kpis.report(BEIJING, Counter()).together.score is None


def test_too_few_answers_are_shown_and_not_ranked() -> None:
    few = Counter({Said("d", True, True, True, "very", False): BEIJING.least - 1})
    d = {one.group: one for one in kpis.report(BEIJING, SAID + few).units}["d"]
    assert d.score == 100 and d.rank is None


def test_of_equal_scores_the_larger_unit_stands_first() -> None:
    equal = Counter(
        {
            Said("small", True, True, True, "very", False): 40,
            Said("large", True, True, True, "very", False): 80,
            Said("twin", True, True, True, "very", False): 40,
        }
    )
    ranks = [(one.group, one.rank) for one in kpis.report(BEIJING, equal).units]
    assert ranks == [("large", 1), ("small", 2), ("twin", 2)]


def test_equal_scores_may_share_a_rank_however_many_were_asked() -> None:
    equal = Counter(
        {
            Said("small", True, True, True, "very", False): 40,
            Said("large", True, True, True, "very", False): 80,
            Said("worse", True, True, True, "fairly", False): 80,
        }
    )
    ranks = {one.group: one.rank for one in kpis.report(JUNGAR, equal).units}
    assert ranks == {"large": 1, "small": 1, "worse": 3}


def test_a_policy_may_count_excluded_cases_all_the_same() -> None:
    counted = BEIJING.model_copy(update={"excluded": "counted"})
    b = unit(counted, "b")
    assert (b.asked, b.valid, b.excluded) == (55, 45, 5)
    assert shares(b)["solved"] == "44.4"  # 20 of 45


def test_what_was_counted_stands_beside_the_rates() -> None:
    a = unit(BEIJING, "a")
    assert a.counts == {
        **{"contacted": 90, "solved": 80, "very": 60, "fairly": 20},
        **{"handled": 0, "first_call": 0},
    }


def test_cases_that_are_over_make_no_unit_where_no_policy_asks_for_them() -> None:
    handled = Counter({Handled("desk", True, False): 9})
    assert {one.group for one in kpis.report(BEIJING, SAID, handled).units} == {"a", "b"}


def test_the_interval_of_a_score_by_hand() -> None:
    """Of a: below the rates lie .07437, .08888 and .09069 (Wilson), times the weights .007437, .04444 and
    .03628; r is 2/3 for contacted and solved, .6634 and .9951 for these and satisfied. The root of the
    squares and of twice the products is .08575; above, of .00448, .03331 and .02800, it is .06421."""
    a = unit(BEIJING, "a")
    assert (kpis.figure(a.low, 1), kpis.figure(a.high, 1)) == ("71.6", "86.6")  # 80.2 - 8.6, + 6.4


def test_rates_over_different_things_have_nothing_in_common() -> None:
    """80 of 100 and 99 of 99, half and half: 80 - 71.11 and 86.66 - 80, 100 - 96.26 and 0."""
    weights = {"solved": Fraction(1, 2), "first_call": Fraction(1, 2)}
    mixed = BEIJING.model_copy(update={"weights": weights})
    handled = Counter({Handled("a", True, False): 99})
    (a, _) = kpis.report(mixed, SAID, handled).units
    # sqrt(4.444^2 + 1.868^2) = 4.82 below, 3.33 above
    shown = [kpis.figure(one, 1) for one in (a.score, a.low, a.high)]
    assert shown == ["90.0", "85.2", "93.3"]


def test_where_a_rate_never_differs_the_interval_is_the_widest() -> None:
    """All 40 are solved: what that has in common with being satisfied nobody can tell, and r is 1."""
    all_solved = Counter(
        {
            Said("a", True, True, True, "very", False): 30,
            Said("a", True, True, True, "no", False): 10,
        }
    )
    a = unit(JUNGAR, "a", all_solved)
    lows = [Fraction(rate.low or 0) for rate in a.rates.values()]
    highs = [Fraction(rate.high or 0) for rate in a.rates.values()]
    weights = [*JUNGAR.weights.values()]
    tiny = Fraction(1, 10**20)
    for side, limits in ((a.low, lows), (a.high, highs)):
        widest = 100 * sum(w * limit for w, limit in zip(weights, limits, strict=True))
        assert side is not None and abs(side - widest) < tiny


def test_a_plain_mean_has_the_interval_of_units_with_nothing_in_common() -> None:
    plain = kpis.report(BEIJING, SAID).together.rates["solved"]
    # 80 of 100 (71.11 to 86.66) and 20 of 40 (35.20 to 64.80), half and half: 65 - 8.63 and + 8.11
    assert [kpis.percent(one, 1) for one in (plain.low, plain.high)] == ["56.4", "73.1"]


def test_of_a_thousand_samples_95_of_100_hold_what_is_true() -> None:
    """Answers as they are in a city where the true score is 60.2."""
    answers = {
        **{(True, True, "very"): 30, (True, True, "no"): 20, (True, False, "fairly"): 20},
        **{(False, True, "very"): 10, (False, False, "no"): 20},
    }
    dice, held = random.Random(1), 0
    for _ in range(1000):
        drawn = Counter(dice.choices([*answers], [*answers.values()], k=60))
        said = Counter({Said("a", True, *one, False): count for one, count in drawn.items()})
        a = unit(BEIJING, "a", said)
        assert a.low is not None and a.high is not None
        held += a.low <= Fraction("60.2") <= a.high
    assert 930 <= held <= 970


@pytest.mark.parametrize(
    "share, decimals, shown",
    [
        (Fraction(1, 8), 0, "13"),  # 12.5 goes up, where binary rounding would say 12
        (Fraction(5, 1000), 0, "1"),
        (Fraction("0.98765"), 1, "98.8"),
        (Fraction("0.9995"), 1, "100.0"),
        (Fraction(1, 3), 4, "33.3333"),
        (Fraction("0.0045"), 2, "0.45"),
        (None, 1, None),
    ],
)
def test_percentages_are_rounded_half_up(
    share: Fraction | None, decimals: int, shown: str | None
) -> None:
    assert kpis.percent(share, decimals) == shown


def test_a_rate_is_a_share_and_becomes_a_percentage_once() -> None:
    a = unit(BEIJING, "a")
    assert a.rates["contacted"].share == Fraction(9, 10)
    assert all(0 <= rate.share <= 1 for rate in a.rates.values() if rate.share is not None)
    assert a.score is not None and 0 <= a.score <= 100


def test_the_interval_is_wilsons() -> None:
    # Wilson's interval for 80 of 100 at 95 %: 71.1 to 86.7 (Brown, Cai and DasGupta 2001 give the formula).
    rate = kpis.rate(Fraction(80), 100)
    assert (kpis.percent(rate.low, 1), kpis.percent(rate.high, 1)) == ("71.1", "86.7")
    none, every = kpis.rate(Fraction(0), 10), kpis.rate(Fraction(10), 10)
    assert (none.low, kpis.percent(none.high, 1)) == (Decimal(0), "27.8")
    assert (kpis.percent(every.low, 1), every.high) == ("72.2", Decimal(1))


# --- periods -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "day, begins, ends",
    [
        ("2026-11-18", "2026-10-19T00:00", "2026-11-19T00:00"),
        ("2026-11-19", "2026-11-19T00:00", "2026-12-19T00:00"),
        ("2026-12-25", "2026-12-19T00:00", "2027-01-19T00:00"),
        ("2027-01-01", "2026-12-19T00:00", "2027-01-19T00:00"),
    ],
)
def test_the_month_begins_on_the_19th(day: str, begins: str, ends: str) -> None:
    since, until = kpis.month(BEIJING, date.fromisoformat(day), ZONE)
    assert (f"{since:%Y-%m-%dT%H:%M}", f"{until:%Y-%m-%dT%H:%M}") == (begins, ends)


def days(*spans: tuple[datetime, datetime]) -> list[str]:
    return [f"{since:%Y-%m-%d}/{until:%Y-%m-%d}" for since, until in spans]


def test_the_months_before_a_day_are_told_in_their_order() -> None:
    found = kpis.months(BEIJING, date(2027, 1, 3), ZONE, 3)
    assert days(*found) == [
        "2026-10-19/2026-11-19",
        "2026-11-19/2026-12-19",
        "2026-12-19/2027-01-19",
    ]


@pytest.mark.parametrize(
    "policy, length, day, runs",
    [
        (JUNGAR, "month", "2026-11-25", "2026-11-01/2026-12-01"),
        (JUNGAR, "quarter", "2026-11-25", "2026-10-01/2027-01-01"),
        (JUNGAR, "quarter", "2026-01-01", "2026-01-01/2026-04-01"),
        (JUNGAR, "year", "2026-11-25", "2026-01-01/2027-01-01"),
        # The month that begins on 19 December is the last of its quarter and year.
        (BEIJING, "quarter", "2027-01-03", "2026-10-19/2027-01-19"),
        (BEIJING, "year", "2027-01-03", "2026-01-19/2027-01-19"),
    ],
)
def test_a_quarter_and_a_year_are_of_the_policys_months(
    policy: Policy, length: kpis.Span, day: str, runs: str
) -> None:
    assert days(kpis.span(policy, length, date.fromisoformat(day), ZONE)) == [runs]


def test_a_days_report_runs_from_noon_to_noon() -> None:
    since, until = kpis.report_day(BEIJING, date(2026, 3, 1), ZONE)
    assert f"{since:%m-%d %H:%M} {until:%m-%d %H:%M}" == "02-28 12:00 03-01 12:00"


# --- policies are data -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change, says",
    [
        ({"weights": {"solved": "0.5", "contacted": "0.4"}}, "must add up to 1"),
        ({"weights": {"applause": "1"}}, "weights"),
        ({"fairly": "9"}, "does not lie between 0 and 1"),
        ({"fairly": "much"}, "is not a number"),
        ({"denominator": "all"}, "denominator"),
        ({"excluded": "forgotten"}, "excluded"),
        ({"ties": "by lot"}, "ties"),
        ({"period": {"begins_on": 31, "begins_at": "00:00", "day_begins": "12:00"}}, "begins_on"),
        ({"decimals": -1}, "decimals"),
        ({"lest": 30}, "is it misspelt?"),
    ],
)
def test_a_mistake_in_a_policy_is_one_clear_line(
    tmp_path: Path, change: dict[str, object], says: str
) -> None:
    data = yaml.safe_load((kpis.FOLDER / "10-50-40.yaml").read_text(encoding="utf-8"))
    (tmp_path / "own.yaml").write_text(yaml.safe_dump({**data, **change}), encoding="utf-8")
    with pytest.raises(PackError) as error:
        kpis.policies(tmp_path)
    assert says in str(error.value) and "\n" not in str(error.value)


# --- whatever was said -------------------------------------------------------------------------------

saids = st.builds(
    Said,
    st.sampled_from("abc"),
    st.booleans(),
    st.none() | st.booleans(),
    st.none() | st.booleans(),
    st.none() | st.sampled_from(["very", "fairly", "no"]),
    st.booleans(),
)
counts = st.dictionaries(saids, st.integers(1, 400), max_size=30)
policies = st.sampled_from([*POLICIES.values()])


@given(policies, counts)
def test_every_rate_lies_in_its_interval_and_the_interval_in_0_to_1(
    policy: Policy, said: dict[Said, int]
) -> None:
    report = kpis.report(policy, said)
    for one in report.units:
        for rate in one.rates.values():
            if rate.share is None:
                assert rate.n == 0 and rate.low is None and rate.high is None
                continue
            assert rate.low is not None and rate.high is not None
            tiny = Fraction(1, 10**20)
            assert 0 <= Fraction(rate.low) <= rate.share + tiny
            assert rate.share - tiny <= Fraction(rate.high) <= 1


@given(policies, counts)
def test_every_score_lies_in_its_interval_and_the_interval_in_0_to_100(
    policy: Policy, said: dict[Said, int]
) -> None:
    report, tiny = kpis.report(policy, said), Fraction(1, 10**20)
    for one in (*report.units, report.together):
        if one.score is None:
            assert one.low is None and one.high is None
            continue
        assert one.low is not None and one.high is not None
        assert 0 <= one.low <= one.score + tiny and one.score - tiny <= one.high <= 100


@given(policies, counts)
def test_what_is_excluded_changes_no_rate(policy: Policy, said: dict[Said, int]) -> None:
    kept = {one: count for one, count in said.items() if not one.excluded}
    whole, less = kpis.report(policy, said), kpis.report(policy, kept)
    rates = {one.group: one.rates for one in whole.units}
    assert all(rates[one.group] == one.rates for one in less.units)


@given(policies, st.lists(saids, max_size=40), st.randoms(use_true_random=False))
def test_the_order_of_answers_makes_no_difference(
    policy: Policy, said: list[Said], dice: random.Random
) -> None:
    shuffled = [*said]
    dice.shuffle(shuffled)
    assert kpis.report(policy, Counter(said)) == kpis.report(policy, Counter(shuffled))


@given(policies, counts)
def test_who_is_ranked_has_enough_answers_and_no_better_one_stands_below(
    policy: Policy, said: dict[Said, int]
) -> None:
    ranked = [one for one in kpis.report(policy, said).units if one.rank is not None]
    assert all(one.valid >= policy.least and one.score is not None for one in ranked)
    places = [one.rank for one in ranked if one.rank]
    assert places == sorted(places)
    shown = [Decimal(kpis.figure(one.score, policy.decimals) or 0) for one in ranked]
    assert shown == sorted(shown, reverse=True)
