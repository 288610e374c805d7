"""Words to expect: what of a city's names is told to the engine, and when."""

from pathlib import Path

import pytest
from whisper.tokenizer import get_tokenizer

from cases.pack import PackError
from runtime.city import City
from runtime.settings import CITIES
from transcription.expected import MOST_TOKENS, Expected, tokens

SHIPPED = sorted(folder.parent for folder in CITIES.glob("*/expected.yaml"))
ENTRY = """
yue:
  sentence: "市民想投訴{names}嘅事。"
  between: "、"
  names: [旺角, 美孚新邨]
"""


def city(folder: Path, content: str) -> Path:
    (folder / "expected.yaml").write_text(content, encoding="utf-8")
    return folder


def test_a_city_expects_its_names_in_a_natural_sentence(tmp_path: Path) -> None:
    expected = Expected.read(city(tmp_path, ENTRY))

    assert expected.prompt({"yue": 0.9, "en": 0.1}) == "市民想投訴旺角、美孚新邨嘅事。"


def test_in_a_language_that_is_a_guess_nothing_is_expected(tmp_path: Path) -> None:
    expected = Expected.read(city(tmp_path, ENTRY))

    assert expected.prompt({"yue": 0.4, "cmn": 0.3, "en": 0.3}) is None
    assert expected.prompt({"yue": 0.1, "en": 0.9}) is None  # no names in English


def test_only_as_many_names_as_fit_are_told_the_first_first(tmp_path: Path) -> None:
    names = ", ".join(f"第{number}號屋邨" for number in range(100, 200))
    expected = Expected.read(city(tmp_path, ENTRY.replace("旺角, 美孚新邨", names)))

    prompt = expected.prompt({"yue": 1.0})

    assert prompt is not None and tokens(prompt) <= MOST_TOKENS
    assert "第100號屋邨" in prompt and "第199號屋邨" not in prompt


def test_a_city_without_such_a_file_expects_nothing(tmp_path: Path) -> None:
    assert Expected.read(tmp_path).prompt({"yue": 1.0}) is None


@pytest.mark.parametrize("broken", ["yue: {sentence: x}", "- yue", "yue: [", "yue: 3"])
def test_a_broken_file_is_named(tmp_path: Path, broken: str) -> None:
    with pytest.raises(PackError, match=r"expected\.yaml"):
        Expected.read(city(tmp_path, broken))


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: str(folder.name))
def test_the_shipped_prompts_are_for_every_language_and_as_short_as_they_say(folder: Path) -> None:
    expected = Expected.read(folder)

    assert set(expected.prompts) == set(City.read(folder).languages)
    tokenizer = get_tokenizer(True, num_languages=100)
    for prompt in expected.prompts.values():
        assert len(tokenizer.encode(" " + prompt)) <= MOST_TOKENS
        assert tokens(prompt) >= len(tokenizer.encode(" " + prompt))  # rather too many
