"""Where is it? Places are found as they are written, as they sound and nearly so, in milliseconds."""

import random
from pathlib import Path

import pytest

from cases import places
from cases.gazetteer import Gazetteer
from cases.places import Place, Places
from cases.sounds import sound

CITIES = Path(__file__).resolve().parents[3] / "cities"
HONGKONG = Gazetteer.of(places.read(CITIES / "hongkong"), "yue")
BEIJING = Gazetteer.of(places.read(CITIES / "beijing"), "cmn")


def first(text: str, gazetteer: Gazetteer = HONGKONG) -> tuple[str, str]:
    found = gazetteer.look_up(text)
    return (found[0].name, found[0].how) if found else ("", "")


@pytest.mark.parametrize(
    ("said", "name", "how"),
    [
        ("我住大埔宏福苑，啲棚網好易着火", "宏福苑", "exact"),
        ("我住大埔弘福院，啲棚網好易着火", "宏福苑", "sound"),
        ("宏福苑的棚网不阻燃", "宏福苑", "exact"),
        ("喺觀塘開源道有棵樹冧咗", "開源道", "exact"),
        ("軒尼斯道有個窿", "軒尼詩道", "sound"),
        ("The lamp in Nathan Road is broken", "彌敦道", "exact"),
    ],
)
def test_a_place_is_found_in_what_was_said(said: str, name: str, how: str) -> None:
    found_name, found_how = first(said)
    assert name in found_name
    assert found_how == how


def test_no_place_heard_is_said_so() -> None:
    for said in ("", "我想投訴噪音", "多謝", "I would like to complain about the noise."):
        assert HONGKONG.look_up(said) == ()


def test_two_characters_are_only_found_as_they_are_written() -> None:
    assert first("我喺中環")[0] == "中環"
    assert HONGKONG.look_up("我忠還") == ()


def test_a_short_name_misheard_needs_another_place_before_it() -> None:
    made = gazetteer(("area", "何文田", "油尖旺區"), ("street", "石鼓街", "油尖旺區"))
    assert "石鼓街" in [one.name for one in made.look_up("何文田石悖街有垃圾")]
    assert made.look_up("嗰度石悖街有垃圾") == ()


def test_of_two_streets_of_one_name_the_district_decides() -> None:
    made = gazetteer(
        *(("district", "沙田區", "沙田區"), ("district", "元朗區", "元朗區")),
        *(("street", "青山公路", "沙田區"), ("street", "青山公路", "元朗區")),
    )
    found = made.look_up("元朗區青山公路有棵樹冧咗")
    assert (found[0].name, found[0].place.district) == ("青山公路", "元朗區")
    alone = made.look_up("青山公路有棵樹冧咗")
    assert len(alone) == 2 and alone[0].confidence == pytest.approx(alone[1].confidence)
    assert alone[0].confidence < 0.6 < found[0].confidence


def test_a_part_of_a_longer_name_is_not_meant() -> None:
    made = gazetteer(("area", "旺角", ""), ("station", "旺角東站", ""))
    assert [one.name for one in made.look_up("旺角東站出便")] == ["旺角東站"]


def test_a_candidate_says_where_in_the_text_it_stands() -> None:
    said = "我住大埔宏福苑，好驚"
    found = HONGKONG.look_up(said)[0]
    assert "宏福苑" in said[found.start : found.end]
    assert 0 < found.confidence <= 1


def test_mandarin_and_simplified_are_as_good() -> None:
    assert first("海淀区中关村街道停水了", BEIJING)[0].startswith("中关村")


def test_one_character_in_ten_wrong_by_sound_hides_few_places() -> None:
    """Sentences made here from the city's own estates and streets, garbled by homophones."""
    rng = random.Random(5)
    everyone = places.read(CITIES / "hongkong").places
    named = [one for one in everyone if one.kind in ("estate", "street") and one.names["yue"]]
    homophones = _homophones({char for one in named for char in one.names["yue"][0]})
    chosen = [one for one in rng.sample(named, 400) if len(one.names["yue"][0]) >= 3]
    found = 0
    for place in chosen:
        said = f"你好呀我想講{place.names['yue'][0]}嗰度有好多垃圾冇人執"
        garbled = "".join(
            rng.choice(homophones[char]) if char in homophones and rng.random() < 0.1 else char
            for char in said
        )
        names = [one.name for one in HONGKONG.look_up(garbled)]
        found += place.names["yue"][0] in names
    assert found / len(chosen) >= 0.95


def test_a_hundred_thousand_names_are_looked_up() -> None:
    """Not how fast, which the benchmark prints, but that it is right among so many."""
    rng = random.Random(2)
    chars = sorted({char for one in HONGKONG._names for char in one.plain if not char.isascii()})
    made = {"".join(rng.choices(chars, k=rng.randint(3, 6))) for _ in range(100_000)}
    many = gazetteer(*(("street", name, "") for name in [*made, "宏福苑"]))
    assert "宏福苑" in [one.name for one in many.look_up("我住大埔弘福苑")]


def gazetteer(*rows: tuple[str, str, str]) -> Gazetteer:
    made = (
        Place(kind, {"yue": (name,), "cmn": (name,), "en": (name,)}, district, None, None)
        for kind, name, district in rows
    )
    return Gazetteer.of(Places.of(made), "yue")


def _homophones(chars: set[str]) -> dict[str, list[str]]:
    by_sound: dict[str, list[str]] = {}
    for char in sorted(chars):
        by_sound.setdefault(sound(char, "yue"), []).append(char)
    alike = {char: [o for o in by_sound[sound(char, "yue")] if o != char] for char in chars}
    return {char: others for char, others in alike.items() if others and not char.isascii()}
