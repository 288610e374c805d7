"""Words that a recogniser wrote otherwise are still found, and words that only sound alike are not."""

import pytest

from cases import lexicon
from cases.misheard import Misheard, MisheardEnglish, skeleton

CANTONESE = Misheard.of([("fire", "火燭"), ("net", "棚架~跌"), ("no", "有火")], "yue", ["火燭"])
ENGLISH = MisheardEnglish.of([("knife", "has a knife"), ("short", "a gun")])


def found(said: str) -> list[str]:
    return [said[hit.start : hit.end] for hit in CANTONESE.hits(lexicon.plain(said))]


def test_a_character_of_the_same_sound_counts() -> None:
    assert found("樓下火竹呀") == ["火竹"]
    assert found("個棚架突然鐵落嚟") == ["棚架突然鐵"]


@pytest.mark.parametrize("said", ["夥竹", "有貨", "棚架好靚", "火燭"])
def test_not_where_nothing_is_right_nor_in_short_words_that_may_not(said: str) -> None:
    """And a word that is written as it should be is the lexicon's own."""
    assert found(said) == []


def test_an_english_word_of_the_same_consonants_counts_in_a_phrase_of_some_length() -> None:
    (hit,) = ENGLISH.hits("he has a nife there")
    assert (hit.kind, hit.start, hit.end) == ("knife", 3, 13)
    assert not list(ENGLISH.hits("a gone man has a coat"))


@pytest.mark.parametrize(
    ("one", "other"), [("knife", "nife"), ("court", "kort"), ("daughter", "dauter")]
)
def test_letters_that_sound_alike_make_one_skeleton(one: str, other: str) -> None:
    assert skeleton(one) == skeleton(other)
