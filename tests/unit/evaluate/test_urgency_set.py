"""Danger to life, on sentences written by rule against the rules: what is missed, and what rings for nothing."""

from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from cases.pack import LANGUAGES
from evaluate import urgency_set, urgent
from evaluate.__main__ import main
from evaluate.sheets import SheetError
from evaluate.urgency_set import URGENT, Sentence

EVERY = urgency_set.sentences()


def over_all(chosen: list[Sentence]) -> urgent.Score:
    return urgent.scores(urgent.judge(chosen))[-1]


def test_the_set_has_every_danger_in_every_language_and_every_form() -> None:
    assert len(EVERY) >= 450
    counted = Counter((one.danger, one.language) for one in EVERY if one.danger)
    assert len(counted) == 9 * len(LANGUAGES) and min(counted.values()) >= 10
    forms = {one.form for one in EVERY}
    assert forms == {*URGENT, "negated", "past", "alike", "asked", "procedure"}
    assert all(bool(one.danger) == (one.form in URGENT) for one in EVERY)


def test_it_is_the_same_every_time_and_no_sentence_is_in_both_parts() -> None:
    urgency_set.sentences.cache_clear()
    assert urgency_set.sentences() == EVERY
    parts = Counter(one.part for one in EVERY)
    assert min(parts["tuning"], parts["held out"]) > 300


def test_98_of_100_in_danger_are_recognised() -> None:
    found = over_all(list(EVERY))
    assert found.recall is not None and found.recall >= 0.98
    assert found.precision is not None and found.precision >= 0.95


def test_the_part_that_is_held_out_is_hardly_worse() -> None:
    found = over_all([one for one in EVERY if one.part == "held out"])
    assert found.recall is not None and found.recall >= 0.96


def test_a_miss_and_a_false_alarm_are_counted() -> None:
    chosen = [
        *(Sentence("對面幢樓燒緊", "yue", "fire"), Sentence("想問吓公園幾點開", "yue", "fire")),
        *(Sentence("he has a knife", "en", ""), Sentence("thank you", "en", "")),
    ]
    every = urgent.scores(urgent.judge(chosen))
    fire = next(one for one in every if (one.danger, one.language) == ("fire", "all"))
    assert (fire.urgent, fire.rung, fire.recall, fire.precision) == (2, 1, 0.5, 1.0)
    assert every[-1].precision == 0.5


def test_a_sheet_of_one_s_own_is_judged(tmp_path: Path) -> None:
    sheet = tmp_path / "calls.csv"
    sheet.write_text("text,danger\n楼道里好大的煤气味,gas\n想问停水几点恢复,\n", encoding="utf-8")
    done = CliRunner().invoke(main, ["urgency", str(sheet), "--json", str(tmp_path / "out.json")])
    assert done.exit_code == 0, done.output
    assert "calls.csv: 2 sentences" in done.output
    assert '"recall": 1.0' in (tmp_path / "out.json").read_text()


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("text,kind\n", "line 1: needs a column danger"),
        ("text,danger\nx,fire\ny,war\n", "line 3: danger 'war' is none of fire"),
        ("text,danger\n,fire\n", "line 2: text is empty"),
        ("text,danger\na,fire,b\n", "line 2: has not as many cells"),
    ],
)
def test_what_is_wrong_with_a_sheet_is_said_with_its_line(
    tmp_path: Path, content: str, what: str
) -> None:
    sheet = tmp_path / "calls.csv"
    sheet.write_text(content, encoding="utf-8")
    with pytest.raises(SheetError, match=what):
        list(urgency_set.read(sheet))


def test_half_of_the_set_is_not_shown_sentence_by_sentence() -> None:
    done = CliRunner().invoke(main, ["urgency", "--wrong", "1000"])
    shown = [line for line in done.output.splitlines() if line.startswith(("missed", "rung for"))]
    held_out = {one.text for one in EVERY if one.part == "held out"}
    assert not [line for line in shown if line.split(": ", 1)[1] in held_out]
