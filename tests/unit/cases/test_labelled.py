"""A file of matters whose category is known is read, or it is said which line and column is wrong."""

from datetime import date
from pathlib import Path

import pytest

from cases import labelled
from cases.labelled import LabelledError, Row, Unknown
from tests.support.labelled import write
from tests.unit.cases.conftest import LAMPS


def wrong(file: Path) -> str:
    with pytest.raises(LabelledError) as told:
        labelled.read(file)
    return str(told.value).replace(str(file), "FILE")


def test_a_row_is_a_text_a_category_and_if_told_a_department_and_a_day(tmp_path: Path) -> None:
    lines = [("街燈壞咗", "lamps", "hyd", "2026-11-28T09:00"), ("垃圾", "refuse", "", "")]
    file = write(tmp_path / "a.csv", lines, "Text", "category", "department", "date", "note")
    assert labelled.read(file) == [
        Row(2, "街燈壞咗", "lamps", "hyd", date(2026, 11, 28)),
        Row(3, "垃圾", "refuse"),
    ]


def test_a_row_may_say_its_language(tmp_path: Path) -> None:
    lines = [("街燈壞咗", "lamps", "zh-HK"), ("垃圾", "refuse", "")]
    file = write(tmp_path / "a.csv", lines, "text", "category", "language")
    assert [row.language for row in labelled.read(file)] == ["zh-HK", None]


def test_the_mark_of_a_spreadsheet_and_empty_lines_are_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes('\ufefftext,category\r\n\r\n"兩\r\n行",x\r\n,\r\n再,y\r\n'.encode())
    assert [(row.line, row.text) for row in labelled.read(file)] == [(3, "兩\r\n行"), (6, "再")]


def test_every_file_of_a_folder_is_read(tmp_path: Path) -> None:
    for name in ("b", "a"):
        write(tmp_path / f"{name}.csv", [(name, "x")])
    assert [row.text for row in labelled.read(tmp_path)] == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "FILE, line 1: needs a column text and category; there is nothing"),
        (b"text,kind\n", "FILE, line 1: needs a column category; there is text, kind"),
        (b"text,category,text\n", "FILE, line 1: column text stands there twice"),
        (b"text,category\n", "FILE: has no row"),
        (b"text,category\na,x\n,x\n", "FILE, line 3, column text: is empty"),
        (b"text,category\na\n", "FILE, line 2, column category: is empty"),
        (
            b"text,category,date\na,x,28.11.2026\n",
            "FILE, line 2, column date: '28.11.2026' is not a date like 2026-11-28",
        ),
        (b"text,category\n\xb5\xf3,x\n", "FILE: is not UTF-8; save it as CSV UTF-8"),
    ],
)
def test_what_is_wrong_is_said_by_line_and_column(
    tmp_path: Path, content: bytes, told: str
) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(content)
    assert wrong(file) == told


def test_of_many_mistakes_the_first_five_are_told_and_how_many_more_there_are(
    tmp_path: Path,
) -> None:
    lines = wrong(write(tmp_path / "a.csv", [("", "x")] * 7)).splitlines()
    assert len(lines) == 6 and lines[-1] == "FILE: and 2 more"


def test_there_must_be_a_file(tmp_path: Path) -> None:
    assert wrong(tmp_path / "none.csv") == "FILE: there is no such file"
    assert wrong(tmp_path) == "FILE: there is no .csv file"


def test_a_category_is_named_by_code_or_by_its_name_in_any_language_and_script() -> None:
    names = ["street-lamps", "街燈", "街灯", "路灯", "STREET LAMPS", "elephants", "elephants"]
    rows = [Row(line, "x", name) for line, name in enumerate(names, start=2)]
    known = labelled.known(rows, [LAMPS])
    assert [row.category for row in known.rows] == ["street-lamps"] * 5
    assert known.unknown == {"elephants": Unknown(first=7, rows=2)}
