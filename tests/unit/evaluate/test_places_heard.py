"""Place recall on a sheet of one's own: by letters and by sound, with a share of characters misheard."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cases import places
from cases.places import Place, Places
from evaluate import places_heard
from evaluate.__main__ import main
from evaluate.places_heard import Asked
from evaluate.sheets import SheetError

NAMES = (("宏福苑", 22.45, 114.17), ("彌敦道", 22.31, 114.17), ("海怡半島", 22.24, 114.15))
KNOWN = Places.of(
    Place("estate", {"yue": (name,), "cmn": (name,), "en": (name,)}, "", lat, lon)
    for name, lat, lon in NAMES
)


def asked(text: str, *names: str, at: tuple[float, float] | None = None) -> Asked:
    lat, lon = at or (None, None)
    return Asked(text, "yue", names, lat, lon)


def score(*rows: Asked) -> places_heard.Score:
    return places_heard.scores(list(places_heard.judge(rows, KNOWN)))[-1]


def test_what_is_found_only_by_sound_counts_apart_from_what_is_written() -> None:
    found = score(asked("我住宏福苑", "宏福苑"), asked("我住弘福院", "宏福苑"))
    assert (found.rows, found.exact, found.top_1, found.top_3) == (2, 0.5, 1.0, 1.0)


def test_a_place_the_gazetteer_lacks_counts_among_all_and_not_among_the_listed() -> None:
    found = score(asked("我住宏福苑", "宏福苑"), asked("我住幸福里", "幸福里"))
    assert (found.rows, found.listed) == (2, 1)
    assert (found.top_1, found.listed_top_1) == (0.5, 1.0)


def test_rows_without_a_place_show_the_false_alarms() -> None:
    found = score(asked("我想投訴噪音"), asked("我住彌敦道"))
    assert (found.rows, found.top_1, found.none) == (0, None, 2)
    assert (found.none_any, found.none_likely) == (0.5, 0.5)


def test_a_place_counts_by_where_it_lies_as_well() -> None:
    near, far = (22.2401, 114.1501), (22.3, 114.3)
    assert score(asked("我住海怡半島", "South Horizons", at=near)).top_1 == 1.0
    assert score(asked("我住海怡半島", "South Horizons", at=far)).top_1 == 0.0


def test_noise_is_the_same_for_a_seed_and_only_ever_sounds_the_same() -> None:
    rows = [asked(f"我想講{name}同埋彌惇道宏腹怨", name) for name, *_ in NAMES] * 20
    once, again = (places_heard.misheard(rows, 0.5, seed=3) for _ in range(2))
    assert once == again != places_heard.misheard(rows, 0.5, seed=4)
    assert any("惇" in one.text or "腹" in one.text for one in once)
    assert places_heard.misheard(rows, 0.0, seed=1) == rows


def test_the_command_prints_a_table_and_writes_json(tmp_path: Path) -> None:
    known = places.read(Path("cities/hongkong")).places
    named = [place.names["yue"][0] for place in known if place.kind == "estate"][:40]
    lines = [f"你好我想講{name}嗰度有好多垃圾,{name}" for name in named]
    sheet, out = tmp_path / "places.csv", tmp_path / "out.json"
    sheet.write_text("text,place\n" + "\n".join([*lines, "多謝,"]), encoding="utf-8")
    arguments = ["places", str(sheet), "--city", "hongkong", "--noise", "0.1", "--json", str(out)]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    (told,) = json.loads(out.read_text())["scores"]
    assert told["rows"] == told["listed"] == 40 and told["top_3"] >= 0.95
    assert told["none"] == 1 and told["ms_mean"] < 1000


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("text\n", "line 1: needs a column place"),
        ("text,place,lat\na,b,north\n", "line 2: lat 'north' is not a number"),
        ("text,place,language\na,b,fr\n", "line 2: language 'fr' is none of"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, content: str, what: str) -> None:
    sheet = tmp_path / "places.csv"
    sheet.write_text(content)
    with pytest.raises(SheetError, match=what):
        list(places_heard.read(sheet, "yue"))
