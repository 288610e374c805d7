"""Everything the console says exists in its three languages, and every code has words."""

import hashlib
import re
import string
from pathlib import Path

import pytest

import console
from cases.case import FLAGS
from cases.lifecycle import STATUSES, TRANSITIONS
from cases.permissions import ROLES
from cases.recordings import FINAL, READY
from cases.script import fold
from console import languages, worklist

FOLDER = Path(console.__file__).parent
MESSAGES = languages.messages()


@pytest.mark.parametrize("key", MESSAGES)
def test_every_message_exists_in_the_three_languages_with_the_same_blanks(key: str) -> None:
    texts = MESSAGES[key]
    assert set(texts) == set(languages.LANGUAGES)
    assert all(isinstance(text, str) and text.strip() for text in texts.values())
    blanks = {tuple(sorted(_blanks(text))) for text in texts.values()}
    assert len(blanks) == 1, blanks


def test_simplified_messages_hold_no_traditional_character_and_the_other_way_round() -> None:
    for key, texts in MESSAGES.items():
        assert fold(texts["zh-Hans"]) == texts["zh-Hans"], key
        if len(re.findall(r"[\u4e00-\u9fff]", texts["zh-Hant-HK"])) > 8:
            assert fold(texts["zh-Hant-HK"]) != texts["zh-Hant-HK"], key


def test_every_message_that_a_page_names_exists_and_none_is_left_over() -> None:
    sources = [*FOLDER.glob("*.py"), *FOLDER.glob("templates/*.html")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    named = set(re.findall(r"""\b(?:t|say|wording)\(f?["']([a-z_.]+)["']\s*[,)]""", text))
    assert len(named) > 60 and named <= set(MESSAGES)
    built = re.findall(r"""(?:["'])([a-z_]+\.(?:[a-z_]+\.)?)(?:["'] ~|\{)""", text)
    built += [f"{kind}." for kind in re.findall(r"""named\(\s*["']([a-z_.]+)["']""", text)]
    quoted = set(re.findall(r"""["']([a-z_.0-9]+)["']""", text))
    left_over = [k for k in MESSAGES if k not in quoted and not k.startswith(tuple(built))]
    assert not left_over


@pytest.mark.parametrize(
    "key",
    [
        *(f"flag.{flag}" for flag in FLAGS),
        *(f"flag.{flag}.help" for flag in FLAGS),
        *(f"status.{status}" for status in (worklist.OPEN, *STATUSES)),
        *(f"recording.{status}" for status in (*sorted(FINAL), *READY.values())),
        *(f"role.{role}" for role in ROLES),
        *(f"case.done.{one.action}" for one in TRANSITIONS),
        *(f"case.missing.{one.action}" for one in TRANSITIONS),
        *(f"history.{one.action}" for one in TRANSITIONS),
        *(f"language.{code}" for code in ("yue", "cmn", "en")),
    ],
)
def test_every_code_of_the_core_has_words(key: str) -> None:
    assert key in MESSAGES


def test_no_page_holds_words_or_styles_or_scripts_of_its_own() -> None:
    for page in FOLDER.glob("templates/*.html"):
        text = page.read_text(encoding="utf-8")
        assert not re.search(
            r"[\u4e00-\u9fff]|\bstyle=|\son[a-z]+=|<script>|<style|https?://", text
        ), page
        assert "|safe" not in text.replace(" ", "")


def test_vendored_files_are_what_was_published() -> None:
    lists = list(FOLDER.glob("static/vendor/*/SHA256SUMS"))
    assert lists
    for sums in lists:
        lines = [line.split() for line in sums.read_text().splitlines() if line[0] != "#"]
        for digest, name in lines:
            assert hashlib.sha256((sums.parent / name).read_bytes()).hexdigest() == digest
        assert {name for _, name in lines} == {f.name for f in sums.parent.iterdir()} - {sums.name}


def _blanks(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}
