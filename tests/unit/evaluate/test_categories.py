"""`evaluate categories` on a file: the figures, beside plain linear models, as a table and as JSON."""

import json
from pathlib import Path

from click.testing import CliRunner

from cases.labelled import Row
from evaluate.__main__ import main
from evaluate.categories import BASELINES, LETTERS, OURS, WORDS, Noise, Outcome, Town, evaluate
from runtime.settings import CITIES
from tests.conftest import PROJECT
from tests.support.labelled import plainly, rows, write

CALLERS = PROJECT / "evaluate" / "callers.csv"
HONGKONG = Town.read(CITIES / "hongkong")


def test_a_file_gives_a_table_and_figures(tmp_path: Path) -> None:
    file = write(tmp_path / "year.csv", list(plainly(rows())), "text", "category", "date")
    told = tmp_path / "figures.json"
    result = CliRunner().invoke(main, ["categories", str(file), "--baseline", "--json", str(told)])
    assert result.exit_code == 0, result.output
    assert "stratified" in result.output and "temporal" in result.output
    figures = json.loads(told.read_text())
    first = figures["results"][0]
    assert (first["way"], first["split"]) == ("ours", "stratified")
    assert {"accuracy", "macro_f1", "top3", "ece", "classes"} <= first["accuracy"].keys()
    assert first["accuracy"]["classes"]["noise"]["recall"] > 0.9
    assert {one["way"] for one in figures["results"]} <= {"ours", *BASELINES, WORDS, LETTERS}
    assert figures["points"] >= -1


def test_with_five_parts_every_row_is_tested_once(tmp_path: Path) -> None:
    file = write(tmp_path / "year.csv", [(row.text, row.category) for row in rows()])
    [result] = evaluate(file, parts=5).results
    assert result.accuracy.n == len(rows())


def accuracy(outcome: Outcome) -> dict[str, float]:
    return {one.way: one.accuracy.accuracy for one in outcome.results}


def test_the_citys_seed_words_stand_beside_what_was_taught() -> None:
    clean, heard = (evaluate(CALLERS, town=HONGKONG, noise=Noise(share)) for share in (0, 0.2))
    assert accuracy(clean)[WORDS] >= 0.9
    assert accuracy(clean)[LETTERS] == accuracy(clean)[WORDS]
    assert accuracy(clean)[WORDS] > accuracy(heard)[WORDS] > accuracy(heard)[LETTERS] + 0.05


def test_a_sheet_of_another_citys_categories_is_no_matter_of_its_seed_words(tmp_path: Path) -> None:
    file = write(tmp_path / "year.csv", [(row.text, f"x-{row.category}") for row in rows()])
    assert set(accuracy(evaluate(file, town=HONGKONG))) == {OURS}


def test_noise_is_told_and_is_the_same_for_a_seed() -> None:
    run = ["categories", str(CALLERS), "--city", "hongkong", "--noise", "0.1", "--seed", "7"]
    result = CliRunner().invoke(main, run)
    assert result.exit_code == 0, result.output
    assert "10% of the characters tested on are misheard (seed 7)" in result.output
    once, again = (evaluate(CALLERS, town=HONGKONG, noise=Noise(0.1, 7)) for _ in range(2))
    assert accuracy(once) == accuracy(again)


def test_a_row_may_tell_its_language() -> None:
    told = {"zh-HK": "yue", "Mandarin": "cmn", "en": "en", "": "yue", None: "yue", "tlh": "yue"}
    for language, code in told.items():
        assert HONGKONG.of(Row(2, "街燈", "street-lamp", language=language)) == code


def test_what_is_wrong_is_said_in_a_line(tmp_path: Path) -> None:
    bad = write(tmp_path / "bad.csv", [("a", "")])
    result = CliRunner().invoke(main, ["categories", str(bad)])
    assert (result.exit_code, "line 2, column category" in result.output) == (1, True)
    few = write(tmp_path / "few.csv", [(f"{one}", one) for one in "一二三"])
    assert "none can be held out" in CliRunner().invoke(main, ["categories", str(few)]).output
