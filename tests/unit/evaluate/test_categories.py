"""`evaluate categories` on a file: the figures, beside plain linear models, as a table and as JSON."""

import json
from pathlib import Path

from click.testing import CliRunner

from evaluate.__main__ import main
from evaluate.categories import BASELINES, evaluate
from tests.support.labelled import plainly, rows, write


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
    assert {one["way"] for one in figures["results"]} <= {"ours", *BASELINES}
    assert figures["points"] >= -1


def test_with_five_parts_every_row_is_tested_once(tmp_path: Path) -> None:
    file = write(tmp_path / "year.csv", [(row.text, row.category) for row in rows()])
    [result] = evaluate(file, parts=5).results
    assert result.accuracy.n == len(rows())


def test_what_is_wrong_is_said_in_a_line(tmp_path: Path) -> None:
    bad = write(tmp_path / "bad.csv", [("a", "")])
    result = CliRunner().invoke(main, ["categories", str(bad)])
    assert (result.exit_code, "line 2, column category" in result.output) == (1, True)
    few = write(tmp_path / "few.csv", [(f"{one}", one) for one in "一二三"])
    assert "none can be held out" in CliRunner().invoke(main, ["categories", str(few)]).output
