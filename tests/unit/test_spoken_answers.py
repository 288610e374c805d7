"""What citizens say instead of pressing a key. Nothing is guessed."""

import pytest

from cases.spoken_answers import meaning


@pytest.mark.parametrize(
    ("question", "said", "meant"),
    [
        ("contacted", "有啊，佢哋打過嚟", "yes"),
        ("contacted", "冇，完全冇人聯絡過我", "no"),
        ("contacted", "没有人联系过我", "no"),
        ("contacted", "联系过了。", "yes"),
        ("contacted", "Yes, they did.", "yes"),
        ("contacted", "No, nobody.", "no"),
        ("solved", "解決咗啦，多謝", "yes"),
        ("solved", "仲未解決", "no"),
        ("solved", "一直没有解决", "no"),
        ("solved", "嗯，修好了", "yes"),
        ("solved", "It's not fixed yet.", "no"),
        ("solved", "No, it isn’t solved.", "no"),
        ("satisfied", "好滿意", "very"),
        ("satisfied", "很满意", "very"),
        ("satisfied", "基本滿意囉", "fairly"),
        ("satisfied", "还可以吧", "fairly"),
        ("satisfied", "唔滿意", "no"),
        ("satisfied", "不太满意", "no"),
        ("satisfied", "I am not satisfied at all", "no"),
        ("satisfied", "Fairly satisfied.", "fairly"),
    ],
)
def test_an_answer_in_each_language(question: str, said: str, meant: str) -> None:
    assert meaning(said, question) == meant


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("contacted", ""),
        ("contacted", "喂？邊位？"),
        ("solved", "yes and no"),
        ("solved", "水管解決咗，不過盞燈仲未"),
        ("satisfied", "I know that nothing was done"),  # no `no` in `know` and `nothing`
    ],
)
def test_what_is_unclear_is_not_guessed(question: str, said: str) -> None:
    assert meaning(said, question) is None


def test_traditional_and_simplified_are_one() -> None:
    assert meaning("解决了", "solved") == meaning("解決了", "solved") == "yes"
