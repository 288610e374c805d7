"""What the methods would have raised over counts of one's own: found, delay, false ones."""

import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from cases.surges import Series
from evaluate import alarms, tallies
from evaluate.__main__ import main
from evaluate.sheets import SheetError
from evaluate.tallies import Tally

FIRST = date(2025, 1, 6)  # a Monday


def quiet(cells: int, days: int, seed: int = 2) -> np.ndarray:
    return np.random.default_rng(seed).poisson(4.0, (cells, days)).astype(float)


def tally(counts: np.ndarray, outbreaks: np.ndarray | None = None) -> Tally:
    cells = [(f"c{row}", "") for row in range(len(counts))]
    return Tally(Series(cells, FIRST, counts), outbreaks, counts.size)


def always(day: date) -> bool:
    return True


def test_an_outbreak_is_found_with_its_delay_and_the_rest_is_false() -> None:
    counts, marked = np.full((4, 60), 4.0), np.zeros((4, 60), dtype=bool)
    marked[1, 40:45] = True
    counts[1, 42:45] = 30
    counts[2, 50] = 30
    found = {one.method: one for one in alarms.ears(tally(counts, marked), always, least=5)}
    c2 = found["EARS C2"]
    assert (c2.outbreaks, c2.found, c2.delay_days) == (1, 1, 2.0)
    assert c2.false == 1 and c2.false_a_week == pytest.approx(1 / (51 / 7), abs=0.01)


def test_without_known_outbreaks_only_alarms_are_counted() -> None:
    (one, *_) = alarms.ears(tally(quiet(3, 60)), always, least=5)
    assert one.alarms_a_week >= 0 and one.outbreaks is one.false is None


def test_farrington_judges_weeks_that_have_three_years_before_them() -> None:
    weeks = 52 * 4
    counts, marked = quiet(2, weeks * 7), np.zeros((2, weeks * 7), dtype=bool)
    counts[0, -14:-7] += 25
    marked[0, -14:-7] = True
    found = alarms.farrington(tally(counts, marked), weeks=8, processes=1)
    assert found is not None
    assert (found.judged, found.outbreaks, found.found) == (16, 1, 1)
    assert found.false is not None and found.false <= 1
    assert alarms.farrington(tally(quiet(2, 400)), weeks=8) is None


def test_rows_of_counts_and_rows_of_calls_give_the_same_tally(tmp_path: Path) -> None:
    days = [str(FIRST + timedelta(days=n)) for n in (0, 0, 3)]
    counted, raw = tmp_path / "counted.csv", tmp_path / "raw.csv"
    counted.write_text(
        "date,category,district,count\n" + "".join(f"{day},gas,東區,2\n" for day in days)
    )
    raw.write_text(
        "category,date,district\n" + "".join(f"gas,{day}T09:30:00,東區\n" * 2 for day in days)
    )
    one, other = tallies.read(counted), tallies.read(raw)
    assert one.series.counts.tolist() == other.series.counts.tolist() == [[4, 0, 0, 2]]
    assert one.series.cells == other.series.cells == [("gas", "東區")]
    assert (one.rows, other.rows) == (3, 6)


def test_outbreaks_are_marked_on_their_days(tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.csv"
    sheet.write_text(
        "date,category,district,count,outbreak\n2025-01-06,gas,,1,0\n2025-01-07,gas,,0,1\n"
    )
    read = tallies.read(sheet)
    assert read.outbreaks is not None and read.outbreaks.tolist() == [[False, True]]


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ("2025-01-06,gas,x,1\n6 January,gas,x,1\n", "row 2: date '6 January' is not like"),
        ("2025-01-06,gas,x,many\n", "row 1: count 'many' is not a whole number"),
        ("2025-01-06,gas,x,-1\n", "row 1: count -1 is below nothing"),
        ("2025-01-06,gas\n", "row 1: has not as many cells"),
        ("", "has no rows"),
        ("0025-01-06,gas,x,1\n2025-01-06,gas,x,1\n", "too long"),
    ],
)
def test_what_is_wrong_is_said_with_its_row(tmp_path: Path, rows: str, what: str) -> None:
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("date,category,district,count\n" + rows)
    with pytest.raises(SheetError, match=what):
        tallies.read(sheet)


def test_the_command_prints_a_table_and_writes_json(tmp_path: Path) -> None:
    sheet, out = tmp_path / "sheet.csv", tmp_path / "out.json"
    counts = quiet(3, 90)
    counts[1, 70:73] = 40
    lines = [
        f"{FIRST + timedelta(days=day)},c{row},d,{int(count)},{int(row == 1 and 70 <= day < 73)}"
        for row, days in enumerate(counts)
        for day, count in enumerate(days)
    ]
    sheet.write_text("date,category,district,count,outbreak\n" + "\n".join(lines))
    arguments = ["surges", str(sheet), "--city", "hongkong", "--json", str(out)]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    assert "needs three years of weeks" in done.output
    told = json.loads(out.read_text())
    assert [one["method"] for one in told["methods"]] == ["EARS C1", "EARS C2", "EARS C3"]
    assert all(one["found"] == 1 for one in told["methods"])
