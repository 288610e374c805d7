"""Danger to life is recognised in three languages; what only sounds like it is not."""

import pytest

from cases import urgency
from cases.pack import LANGUAGES


def kinds(said: str) -> set[str]:
    return {danger.kind for danger in urgency.dangers(said)}


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("大埔宏福苑棚網着火啦", "fire"),
        ("厨房冒烟了好多烟", "fire"),
        ("There is thick smoke coming from the roof", "fire"),
        ("我聞到好大陣煤氣味", "gas"),
        ("楼道里天然气味道很重，闻到煤气", "gas"),
        ("出面棚架冧落嚟壓住人", "collapse"),
        ("路面塌陷了", "collapse"),
        ("水浸到膝頭", "flood"),
        ("a man fell into the river", "flood"),
        ("電線跌咗落嚟有火花", "electric"),
        ("我哋困咗喺𨋢入面", "trapped"),
        ("夹在电梯里出不来", "trapped"),
        ("怕佢會跳樓", "self-harm"),
        ("I want to end my life", "self-harm"),
        ("佢揸住刀斬人", "violence"),
        ("隔篱邻居正在打孩子", "child"),
        ("the baby is not breathing", "child"),
    ],
)
def test_danger_is_recognised(said: str, kind: str) -> None:
    assert kind in kinds(said)


@pytest.mark.parametrize(
    "said",
    [
        *("我哋樓下冇火，想問火警演習幾時", "没有着火，就是想问一下", "There is no fire here"),
        *("上個月火燭過，想查賠償", "There was a fire last year but it was put out"),
        *("屋企廚房着火但係已經救熄咗", "萬一着火點算", "请问火车站怎么走", "煤氣費點交"),
        *("打電話俾我", "The noise is killing me", "How do I pay my gas bill?", ""),
    ],
)
def test_what_is_not_so_is_over_or_only_sounds_alike_is_no_danger(said: str) -> None:
    assert kinds(said) == set()


def test_what_was_counts_when_it_is_so_again() -> None:
    assert kinds("上個月火燭過，而家又着火") == {"fire"}
    assert kinds("It was put out but it is on fire again") == {"fire"}


def test_the_words_are_told_as_they_were_said() -> None:
    (found,) = urgency.dangers("大埔宏福苑棚網着火啦")
    assert (found.words, found.start) == ("着火", 7)


def test_both_scripts_and_typographic_apostrophes_count_alike() -> None:
    assert kinds("棚網著火") == kinds("棚网着火") == {"fire"}
    assert kinds("I don’t want to live") == {"self-harm"}


def test_every_danger_has_its_name_and_its_words_in_every_language() -> None:
    for kind in urgency.rules().dangers.values():
        assert set(kind.name) == set(LANGUAGES)
        assert all(getattr(kind, language) for language in LANGUAGES)


def test_every_word_of_the_rules_is_recognised_by_itself() -> None:
    """A word that another swallows, or that a negation of its own hides, would be there in vain."""
    for kind in urgency.rules().dangers.values():
        for word in (*kind.yue, *kind.cmn, *kind.en):
            said = word.replace("~", "")
            assert kinds(f"{said}") or kinds(f"快啲，{said}"), (kind.code, word)
