"""A model is taught in seconds, tested on what it was not taught, and set beside what is in service."""

from datetime import date, timedelta

import pytest

from cases import categories, departments, training
from cases.accuracy import measure
from cases.labelled import Row, TooLittle
from cases.taught import teach
from cases.training import Example, Split
from runtime.settings import CITIES
from tests.support.labelled import rows

ROWS = rows()
EXAMPLES = [Example(row.text, row.category, row.day) for row in ROWS]
KINDS = [
    *categories.read(CITIES / "hongkong", departments.read(CITIES / "hongkong")),
]
CODES = {one.code for one in KINDS}
KNOWN = [row for row in ROWS if row.category in CODES]


def half_wrong() -> list[Row]:
    """The same rows, but half of those that are learned from name something else."""
    split = training.stratified([Example(row.text, row.category) for row in KNOWN])
    held = {one.text for one in split.test}
    return [
        row
        if row.text in held or at % 2
        else row._replace(category=KNOWN[at * 7 % len(KNOWN)].category)
        for at, row in enumerate(KNOWN)
    ]


# --- what is held out


def test_a_fifth_of_each_category_is_held_out_and_never_a_text_that_is_learned_from() -> None:
    split = training.stratified(EXAMPLES)
    assert not {one.text for one in split.learn} & {one.text for one in split.test}
    for code in {one.category for one in EXAMPLES}:
        own = sum(one.category == code for one in EXAMPLES)
        held = sum(one.category == code for one in split.test)
        assert abs(held / own - 0.2) < 0.02


def test_the_same_texts_are_held_out_whatever_the_order_of_the_rows() -> None:
    back = training.stratified(EXAMPLES[::-1])
    assert {one.text for one in back.test} == {
        one.text for one in training.stratified(EXAMPLES).test
    }


def test_the_same_text_in_either_script_is_on_one_side() -> None:
    twice = [*EXAMPLES, *(Example(one.text.replace("燈", "灯"), one.category) for one in EXAMPLES)]
    split = training.stratified(twice)
    learned = {one.text.replace("燈", "灯") for one in split.learn}
    assert not learned & {one.text.replace("燈", "灯") for one in split.test}


def test_five_parts_hold_out_every_row_once() -> None:
    tested = [one for part in range(5) for one in training.stratified(EXAMPLES, part).test]
    assert sorted(tested) == sorted(EXAMPLES)


def test_of_few_texts_of_a_category_none_is_held_out() -> None:
    few = [Example(f"{one}號", "rare") for one in "一二三四"]
    assert not [
        one for one in training.stratified([*EXAMPLES, *few]).test if one.category == "rare"
    ]


def test_the_past_teaches_and_what_came_later_tests() -> None:
    split = training.temporal(EXAMPLES)
    assert split is not None
    days = [[one.day for one in part if one.day] for part in split]
    assert max(days[0]) < min(days[1])
    assert abs(len(days[1]) / len(EXAMPLES) - 0.2) < 0.02


def test_without_days_or_on_one_day_there_is_no_later() -> None:
    assert training.temporal([one._replace(day=None) for one in EXAMPLES]) is None
    assert training.temporal([*EXAMPLES[1:], EXAMPLES[0]._replace(day=None)]) is None
    assert training.temporal([one._replace(day=date(2026, 1, 1)) for one in EXAMPLES]) is None
    assert training.temporal([]) is None
    first = [one._replace(day=date(2026, 1, 1)) for one in EXAMPLES]
    last = EXAMPLES[0]._replace(day=date(2026, 1, 1) + timedelta(days=1))
    assert training.temporal([*first, last]) is None


# --- what is taught


def test_it_learns_what_it_was_taught() -> None:
    found = training.tested(training.stratified(EXAMPLES))
    assert found.accuracy > 0.95 and found.top3 > 0.98


def test_the_same_rows_teach_the_same_model() -> None:
    one, other = (training.fit(EXAMPLES[::3]).model for _ in range(2))
    assert one.to_bytes() == other.to_bytes()


def test_what_operators_write_teaches_nothing() -> None:
    """Each row says who is to see to it; a text that says nothing else cannot be guessed by that."""
    leaked = [
        Example(
            f"{one.text}，請{one.category}派員跟進" if one.category == "noise" else one.text,
            one.category,
        )
        for one in EXAMPLES
    ]
    shares = training.fit(leaked).model.shares("請noise派員跟進")
    assert shares == {}


@pytest.mark.parametrize(
    ("examples", "told"),
    [
        (EXAMPLES[:19], "needs 20 rows to learn from, and there are 19"),
        (
            [one for one in EXAMPLES if one.category == "noise"],
            "every row is of one category, 'noise'",
        ),
        ([], "needs 20 rows to learn from, and there are 0"),
    ],
)
def test_too_little_is_said(examples: list[Example], told: str) -> None:
    with pytest.raises(TooLittle, match=told):
        training.fit(examples)


def test_two_categories_are_enough() -> None:
    two = [one for one in EXAMPLES if one.category in ("noise", "trees")]
    found = training.tested(training.stratified(two))
    assert found.accuracy > 0.95


def test_a_category_of_a_single_row_is_no_obstacle() -> None:
    model = training.fit([*EXAMPLES[:200], Example("大象走咗出嚟", "elephants")]).model
    assert "elephants" in model.codes


# --- beside what is in service


def test_it_is_set_beside_the_seed_words_where_nothing_was_taught() -> None:
    taught = teach(KNOWN, KINDS, None)
    assert taught.new.n == taught.old.n > 50
    assert taught.new.accuracy > 0.9 and not taught.is_worse
    assert taught.later is not None


def test_it_is_worse_than_one_that_knows_better() -> None:
    good = teach(KNOWN, KINDS, None)
    spoilt = half_wrong()
    assert teach(spoilt, KINDS, good.model).is_worse


def test_how_often_the_department_is_the_rows_own() -> None:
    own = {one.code: one.department for one in KINDS}
    told = [row._replace(department=own[row.category]) for row in KNOWN]
    found = teach(told, KINDS, None).departments
    assert found is not None and found[0] > 0.9 and found[1] > 50


def test_nothing_to_test_on_is_too_little() -> None:
    texts = [row for row in KNOWN if row.category == "noise"][:16]
    few = [*texts, *(texts[0]._replace(text=f"{one}號", category="trees") for one in "一二三四")]
    with pytest.raises(TooLittle):
        teach(few, KINDS, None)


# --- the measures


def test_the_measures_by_hand() -> None:
    truths = ["a", "a", "b", "c"]
    guesses = [{"a": 0.9, "b": 0.1}, {"b": 0.6, "a": 0.4}, {"b": 1.0}, {}]
    found = measure(truths, guesses)
    assert (found.n, found.accuracy, found.top3) == (4, 0.5, 0.75)
    # F1: a 2*1/(2+1), b 2*1/(1+2), c 0.
    assert found.macro_f1 == pytest.approx((2 / 3 + 2 / 3 + 0) / 3)
    # By tenths: .9 right, .6 wrong, 1.0 right (with .9), 0 wrong.
    assert found.ece == pytest.approx((2 * abs(0.95 - 1) + 0.6 + 0) / 4)
    assert (found.classes["a"].recall, found.classes["b"].precision) == (0.5, 0.5)
    with pytest.raises(ValueError):
        measure([], [])


def test_an_empty_side_is_no_split() -> None:
    assert training.stratified([]) == Split([], [])
