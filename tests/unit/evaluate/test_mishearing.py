"""Texts are misheard as a recogniser mishears: other characters, the same sounds, the same dice for a seed."""

from random import Random

import pytest

from cases.sounds import sound
from evaluate.mishearing import alike, all_misheard, common, misheard

SAID = [
    ("樓下街燈壞咗，好黑 lamp 3號", "yue"),
    ("楼上卫生间漏水", "cmn"),
    ("The lamp is out", "en"),
] * 20


def test_every_character_sounds_as_it_did_and_nothing_else_is_touched() -> None:
    for (text, language), heard in zip(SAID, all_misheard(SAID, 0.5, seed=1), strict=True):
        assert sound(heard, language) == sound(text, language)
    assert all_misheard(SAID, 1, seed=1)[2] == "The lamp is out"


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_about_the_share_is_misheard(share: float) -> None:
    chinese = [pair for pair in SAID * 20 if pair[1] != "en"]
    pairs = zip(chinese, all_misheard(chinese, share, seed=1), strict=True)
    other = [
        a != b for (text, _), heard in pairs for a, b in zip(text, heard, strict=True) if a > "一"
    ]
    assert sum(other) / len(other) == pytest.approx(share, abs=0.02)


def test_a_seed_throws_the_same_dice() -> None:
    assert all_misheard(SAID, 0.3, seed=1) == all_misheard(SAID, 0.3, seed=1)
    assert all_misheard(SAID, 0.3, seed=1) != all_misheard(SAID, 0.3, seed=2)


def test_a_character_without_another_of_its_sound_stays() -> None:
    others = alike("燈登水", "yue")
    assert others == {"燈": ["登"], "登": ["燈"]}
    assert misheard("燈水", 1, others, Random(1)) == "登水"


def test_the_common_characters_are_written_as_readers_of_the_language_write_them() -> None:
    assert len(common("cmn")) == 3755
    assert "灯" in common("cmn") and "燈" in common("yue") and "灯" not in common("yue")
