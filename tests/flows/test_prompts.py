"""Every prompt in every language, in the right script, filled for a voice or played from a file."""

from pathlib import Path

import pytest
import yaml
from opencc import OpenCC

from callflows.flow import Callflow
from callflows.prompts import PLACEHOLDER, PromptBook, spell
from callflows.reader import load

ROOT = Path(__file__).parents[2]
FOLDERS = (ROOT / "callflows", *sorted(ROOT.glob("cities/*")))
FILES = [file for folder in FOLDERS for file in sorted(folder.glob("prompts/*.yaml"))]


def texts(file: Path) -> dict[str, str]:
    return yaml.safe_load(file.read_text(encoding="utf-8"))["prompts"]


def test_the_three_languages_have_the_same_prompts_in_the_same_order() -> None:
    yue, cmn, en = (
        list(texts(ROOT / f"callflows/prompts/{code}.yaml")) for code in ("yue", "cmn", "en")
    )
    assert yue == cmn == en


def test_a_prompt_tells_the_same_in_every_language(hongkong: Callflow) -> None:
    for key in hongkong.prompts.texts["en"]:
        if key != "greeting":  # only a city's first language says whom one has reached
            told = [
                set(PLACEHOLDER.findall(hongkong.prompts.texts[c][key])) for c in hongkong.languages
            ]
            assert told[0] == told[1] == told[2], key


@pytest.mark.parametrize("file", FILES, ids=lambda file: "/".join(file.parts[-3:]))
def test_cantonese_is_in_traditional_and_putonghua_in_simplified_characters(file: Path) -> None:
    wrong = {"yue": "s2t", "cmn": "t2s"}.get(file.stem)
    if wrong:
        converted = OpenCC(wrong).convert
        for key, text in texts(file).items():
            assert converted(text) == text, key


def test_short_numbers_are_said_in_one_go_and_long_ones_dictated() -> None:
    assert [spell("999", language) for language in ("yue", "cmn", "en")] == [
        "九九九",
        "九九九",
        "9 9 9",
    ]
    assert spell("507304462", "yue") == "五、零、七，三、零、四，四、六、二。"
    assert spell("100000017", "cmn") == "幺、零、零，零、零、零，零、幺、七。"
    assert spell("507304462", "en") == "5, 0, 7. 3, 0, 4. 4, 6, 2."
    assert spell("HK-507-304-462", "en") == "5, 0, 7. 3, 0, 4. 4, 6, 2."
    assert spell("none", "en") == "none"


def book(audio: dict[tuple[str, str], str]) -> PromptBook:
    prompts = {
        "hello": "This is {hotline:digits}.",
        "number": "{number:digits}",
        "told": "It is {status}.",
    }
    return PromptBook(("en",), {"en": prompts}, {"hotline": "12345"}, audio)


def test_a_prompt_without_a_file_is_spoken() -> None:
    (prompt,) = book({}).fill("hello", "en", {})
    assert (prompt.text, prompt.audio) == ("This is 1 2 3 4 5.", None)


def test_a_file_is_played_where_there_is_one() -> None:
    (prompt,) = book({("en", "hello"): "en/hello.wav"}).fill("hello", "en", {})
    assert prompt.audio == "en/hello.wav"


def test_what_is_learnt_in_the_call_is_spoken_even_where_there_is_a_file() -> None:
    (prompt,) = book({("en", "told"): "en/told.wav"}).fill("told", "en", {"status": "closed"})
    assert (prompt.text, prompt.audio) == ("It is closed.", None)


def test_a_number_is_played_digit_by_digit_if_all_ten_are_there() -> None:
    ten = {("en", f"digit_{digit}"): f"en/digit_{digit}.wav" for digit in range(10)}
    played = [prompt.audio for prompt in book(ten).fill("number", "en", {"number": "507"})]
    assert played == ["en/digit_5.wav", "en/digit_0.wav", "en/digit_7.wav"]
    del ten["en", "digit_9"]
    (prompt,) = book(ten).fill("number", "en", {"number": "507"})
    assert (prompt.text, prompt.audio) == ("5 0 7", None)


def test_what_a_voice_or_xml_cannot_take_is_left_out() -> None:
    (prompt,) = book({}).fill("told", "en", {"status": "a\x00\x1b b\ud800\n<c>"})
    assert prompt.text == "It is a b <c>."


def test_a_call_cannot_replace_a_fact_of_the_city() -> None:
    (prompt,) = book({}).fill("hello", "en", {"hotline": "900"})
    assert prompt.text == "This is 1 2 3 4 5."


def test_the_city_folder_comes_before_the_package(tmp_path: Path) -> None:
    (tmp_path / "prompts/audio/en").mkdir(parents=True)
    (tmp_path / "prompts/en.yaml").write_text(
        "spec: 1\nlanguage: en\nprompts: {goodbye: Farewell.}\n", encoding="utf-8"
    )
    (tmp_path / "prompts/audio/en/noted.mp3").touch()
    facts = {"city": "Mytown", "hotline": "12345", "emergency": "110"}
    prompts = load(tmp_path, languages=["en"], facts=facts).prompts
    assert prompts.fill("goodbye", "en", {})[0].text == "Farewell."
    assert prompts.fill("noted", "en", {})[0].audio == "en/noted.mp3"
    assert prompts.fill("wrong_key", "en", {})[0].audio is None
