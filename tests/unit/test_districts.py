"""The districts of a city as they are drawn, and the city's own shapes where it has them."""

import json
from pathlib import Path
from typing import Any

import pytest

from cases import districts, places
from cases.pack import PackError

CITIES = Path(__file__).resolve().parents[2] / "cities"
CODES = sorted(file.parent.name for file in CITIES.glob("*/districts.yaml"))
LAYOUT = """spec: 1
tiles:
  甲區: {row: 0, column: 0, name: {yue: 甲, cmn: 甲, en: A}}
  乙區: {row: 0, column: 1, name: {yue: 乙, cmn: 乙, en: B}}
"""
OWN = "geojson: {file: own.geojson, property: name, source: The city}\n"


def square(name: str, lon: float) -> dict[str, Any]:
    ring = [[lon, 22.0], [lon + 1, 22.0], [lon + 1, 23.0], [lon, 23.0], [lon, 22.0]]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    return {"type": "Feature", "properties": {"name": name}, "geometry": geometry}


def city(folder: Path, content: object, layout: str = LAYOUT + OWN) -> Path:
    (folder / "districts.yaml").write_text(layout, "utf-8")
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / "own.geojson").write_text(text, "utf-8")
    return folder


def collection(*features: object) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": list(features)}


@pytest.mark.parametrize("code", CODES)
def test_every_district_of_the_gazetteer_has_a_tile_of_its_own(code: str) -> None:
    layout = districts.read(CITIES / code)
    known = {one.district for one in places.read(CITIES / code).places if one.kind == "district"}
    assert layout is not None and set(layout.tiles) == known


def test_a_city_without_the_file_has_no_layout(tmp_path: Path) -> None:
    assert districts.read(tmp_path) is None


def test_two_tiles_in_one_place_are_refused(tmp_path: Path) -> None:
    text = LAYOUT.replace("column: 1", "column: 0")
    with pytest.raises(PackError, match="乙區 lies on 甲區"):
        districts.read(city(tmp_path, "", text))


def test_the_citys_own_shapes_are_projected_true_to_scale_with_north_above(tmp_path: Path) -> None:
    folder = city(tmp_path, collection(square("甲區", 114.0), square("乙區", 115.0)))
    layout = districts.read(folder)
    assert layout is not None
    drawn = districts.drawing(folder, layout)
    assert drawn is not None
    assert [shape.district for shape in drawn.shapes] == ["甲區", "乙區"]
    assert drawn.shapes[0].path.startswith("M6.0 ") and drawn.shapes[0].path.endswith("Z")
    assert drawn.shapes[0].label[0] < drawn.shapes[1].label[0]
    # Two squares of one degree beside one another at 22.5 degrees north: 2 x cos 22.5 wide to 1 high.
    assert (drawn.wide - 12) / (drawn.high - 12) == pytest.approx(2 * 0.9239, rel=0.001)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("not json", "Expecting value"),
        ({"type": "Feature"}, "FeatureCollection"),
        (collection(square("甲區", 114.0)), "no feature with 'name' '乙區'"),
        (collection({**square("甲區", 1), "properties": {}}), "feature 1 has no property 'name'"),
        (collection({**square("甲區", 1), "geometry": {"type": "Point"}}), "feature 1 is a Point"),
        (collection(square("甲區", 836000.0)), "no degrees of longitude"),
        (collection(7), "no GeoJSON"),
    ],
)
def test_a_bad_file_is_refused_with_what_is_wrong(tmp_path: Path, content: Any, what: str) -> None:
    folder = city(tmp_path, content)
    layout = districts.read(folder)
    assert layout is not None
    with pytest.raises(PackError, match=what) as error:
        districts.drawing(folder, layout)
    assert error.value.file.name == "own.geojson"


def test_a_file_that_is_named_and_not_there_is_refused(tmp_path: Path) -> None:
    folder = city(tmp_path, "")
    (folder / "own.geojson").unlink()
    layout = districts.read(folder)
    assert layout is not None
    with pytest.raises(PackError, match="is missing"):
        districts.drawing(folder, layout)
