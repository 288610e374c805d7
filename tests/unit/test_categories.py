"""What a case can be about: both cities' categories are complete, and mistakes are told."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from cases import categories, departments
from cases.categories import Category
from cases.classifier import guess
from cases.departments import Department
from cases.pack import PackError
from cases.script import fold, to_script

CITIES = Path(__file__).resolve().parents[2] / "cities"
SHIPPED = ("hongkong", "beijing")
CODES = sorted(file.parent.name for file in CITIES.glob("*/categories.yaml"))
COMMON = {
    *("fire-safety", "building-safety", "water-supply", "water-leak", "drainage", "street-lamp"),
    *("road", "traffic", "public-transport", "lift", "electricity", "gas", "refuse", "pests"),
    *("food", "noise", "trees", "slopes", "parks", "animals", "housing", "social-help", "labour"),
}

WORKS = Department(
    code="works", name={"yue": "工務", "cmn": "工务", "en": "Works"}, abbreviation="W"
)
LAMP = """
spec: 1
categories:
  lamp:
    name: {yue: 街燈, cmn: 路灯, en: Lamps}
    department: works
    words: {yue: [{街燈: 3}, 黑], cmn: [路灯], en: [lamp]}
  other:
    name: {yue: 其他, cmn: 其他, en: Other}
    department: works
    words: {yue: [查詢], cmn: [咨询], en: [enquiry]}
"""


def pack(code: str) -> tuple[Category, ...]:
    return categories.read(CITIES / code, departments.read(CITIES / code))


def write(folder: Path, content: str) -> Path:
    (folder / "categories.yaml").write_text(content, "utf-8")
    return folder


# --- the two cities we ship


@pytest.mark.parametrize("code", SHIPPED)
def test_a_city_has_a_place_for_every_common_matter_and_for_any_other(code: str) -> None:
    codes = [category.code for category in pack(code)]
    assert set(codes) >= COMMON
    assert codes[-1] == "other"
    assert len(codes) <= 32  # broad enough to choose from by eye


@pytest.mark.parametrize("code", CODES)
def test_every_category_is_named_and_has_seed_words_in_three_languages(code: str) -> None:
    for category in pack(code):
        for language in ("yue", "cmn", "en"):
            assert category.name[language], category.code
            assert len(category.words[language]) >= 6, (category.code, language)


@pytest.mark.parametrize("code", CODES)
def test_each_language_is_written_as_its_readers_write_it(code: str) -> None:
    for category in pack(code):
        for text in (category.name["yue"], *category.words["yue"]):
            assert text == to_script(text, "hk"), category.code
        for text in (category.name["cmn"], *category.words["cmn"]):
            assert text in (to_script(text, "cn"), "著火"), category.code
        for text in (category.name["en"], *category.words["en"]):
            assert text.isascii() and text == text.strip(), category.code
        assert all(text == text.lower() for text in category.words["en"]), category.code


@pytest.mark.parametrize("code", SHIPPED)
def test_danger_to_life_is_urgent(code: str) -> None:
    urgent = {category.code for category in pack(code) if category.urgent}
    assert {"fire-safety", "building-safety", "gas"} <= urgent
    assert not urgent & {"street-lamp", "refuse", "noise", "other"}


@pytest.mark.parametrize("code", CODES)
def test_every_seed_word_alone_speaks_for_its_category(code: str) -> None:
    tree = pack(code)
    for category in tree:
        for language, words in category.words.items():
            for word in words:
                found = guess(word, language, tree)
                named = {found.category, *(other for other, _ in found.alternatives)}
                assert category.code in named, (category.code, word)


@pytest.mark.parametrize("code", CODES)
def test_hardly_a_seed_word_is_shared_and_none_by_more_than_two_categories(code: str) -> None:
    owners: Counter[str] = Counter()
    for category in pack(code):
        owners.update({fold(word) for words in category.words.values() for word in words})
    shared = [word for word, count in owners.items() if count > 1]
    assert max(owners.values()) <= 2
    assert len(shared) <= 0.02 * len(owners), shared


# --- a city of one's own


def test_a_word_weighs_one_unless_it_says_otherwise(tmp_path: Path) -> None:
    lamp, _ = categories.read(write(tmp_path, LAMP), [WORKS])
    assert lamp.words["yue"] == {"街燈": 3, "黑": 1}


def test_a_category_is_not_urgent_unless_it_says_so(tmp_path: Path) -> None:
    assert not any(category.urgent for category in categories.read(write(tmp_path, LAMP), [WORKS]))


@pytest.mark.parametrize(
    ("wrong", "right", "said"),
    [
        ("department: works", "department: work", "categories.lamp.department: there is no 'work'"),
        ("  other:", "  another:", "needs a category 'other'"),
        ("en: Lamps", "fr: Lampes", "categories.lamp.name: must be given in each of yue, cmn, en"),
        ("en: [lamp]", "en: []", "categories.lamp.words: must be given in each of yue, cmn, en"),
        ("en: [lamp]", "en: lamp", "categories.lamp.words.en: must be a list of words"),
        ("en: [lamp]", "en: [no]", "categories.lamp.words.en"),  # YAML reads no as false
        ("en: [lamp]", "en: [lamp, lamp]", "categories.lamp.words.en: 'lamp' is listed twice"),
        ("{街燈: 3}", "{街燈: -3}", "categories.lamp.words.yue.街燈: "),
        ("{街燈: 3}", "{街燈: heavy}", "categories.lamp.words.yue.街燈: "),
        (
            "    words: {yue: [{街燈",
            "    colour: red\n    words: {yue: [{街燈",
            "categories.lamp.colour: is not a field of this file",
        ),
        ("  other:", "  lamp:", "'lamp' twice"),
        ("spec: 1", "spec: 9", "spec: Input should be 1"),
    ],
)
def test_a_mistake_is_one_line_naming_file_category_and_field(
    tmp_path: Path, wrong: str, right: str, said: str
) -> None:
    assert wrong in LAMP
    with pytest.raises(PackError) as caught:
        categories.read(write(tmp_path, LAMP.replace(wrong, right, 1)), [WORKS])
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'categories.yaml'}: {said}")
    assert "\n" not in message
