"""Two ways of writing the same words count as the same; two different words never do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluate.normalisation import characters, is_mixed, normal, words

SAME = [
    ("yue", "我住喺海晴邨三座十二樓五室。", "我住喺海晴邨3座12樓5室"),
    ("yue", "棚架唔着", "棚架唔著"),
    ("yue", "噉樣好危險", "咁樣好危險"),
    ("yue", "我哋嘅樓", "我地既樓"),
    ("yue", "呢啲人快啲嚟", "呢D人快D嚟"),
    ("yue", "上嚟睇", "上黎睇"),
    ("yue", "俾錢", "畀錢"),
    ("yue", "係喇", "係啦"),
    ("yue", "尋日", "琴日"),
    ("yue", "廿四號", "二十四號"),
    ("yue", "兩個人", "2個人"),
    ("yue", "電話六一二三，四五六七", "電話 6123 4567"),
    ("yue", "三百五", "350"),
    ("cmn", "二零二六年", "2026年"),
    ("cmn", "一百零五号", "105號"),
    ("cmn", "一万两千三百", "12,300"),
    ("cmn", "五万块", "5万块"),
    ("cmn", "百分之五", "5%"),
    ("cmn", "三点五", "3.5"),
    ("cmn", "呃，水管爆了啊", "水管爆了"),
    ("cmn", "ＡＢＣ大厦", "abc大廈"),
    ("en", "Flat forty-two, twelfth floor.", "flat 42 12th floor"),
    ("en", "six one two three", "6123"),
    ("en", "one hundred and five", "105"),
    ("en", "Um, I don't know", "i dont know"),
    ("en", "five percent", "5%"),
]

DIFFERENT = [
    ("yue", "左邊", "咗邊"),
    ("yue", "唔好", "好"),
    ("yue", "喺度", "係度"),
    ("yue", "既然", "嘅然"),
    ("yue", "地址", "哋址"),
    ("yue", "知道", "知度"),
    ("yue", "A座D室", "A座啲室"),
    ("cmn", "三四个", "三十四个"),
    ("cmn", "两个", "二个"),
    ("cmn", "十二楼", "二楼"),
    ("cmn", "著名", "着名"),
    ("en", "third floor", "three floor"),
    ("en", "forty two", "forty"),
]

UNTOUCHED = ["十分感谢", "一点点", "万一", "千万不要", "三四十", "一个人", "统一"]


@pytest.mark.parametrize(("language", "one", "other"), SAME)
def test_two_spellings_of_the_same_are_the_same(language: str, one: str, other: str) -> None:
    assert words(normal(one, language)) == words(normal(other, language))


@pytest.mark.parametrize(("language", "one", "other"), DIFFERENT)
def test_an_error_is_never_normalised_away(language: str, one: str, other: str) -> None:
    assert words(normal(one, language)) != words(normal(other, language))


@pytest.mark.parametrize("text", UNTOUCHED)
def test_words_that_only_look_like_numbers_stay(text: str) -> None:
    assert normal(text, "cmn") == text


@given(st.text(max_size=40), st.sampled_from(["yue", "cmn", "en"]))
def test_any_text_can_be_normalised_and_its_units_are_its_characters(
    text: str, language: str
) -> None:
    usual = normal(text, language)
    assert "".join(words(usual)) == "".join(characters(usual))


@given(st.integers(10, 99_999_999))
def test_a_chinese_number_is_its_figures(number: int) -> None:
    assert normal(f"编号{_chinese(number)}。", "cmn") == normal(f"编号{number}", "cmn")


def test_a_mixed_text_has_chinese_characters_and_latin_words() -> None:
    assert is_mixed("我個 WhatsApp 冇反應")
    assert not is_mixed("A座三樓")
    assert words(normal("我個 WhatsApp 冇反應", "yue")) == [
        "我",
        "个",
        "whatsapp",
        "冇",
        "反",
        "应",
    ]


def _chinese(number: int) -> str:
    """As it is written out in full."""
    if number >= 10_000:
        high, low = divmod(number, 10_000)
        gap = "零" if 0 < low < 1000 else ""
        return f"{_chinese(high)}万{gap}{_chinese(low) if low else ''}"
    for unit, name in ((1000, "千"), (100, "百"), (10, "十")):
        if number >= unit:
            head, rest = divmod(number, unit)
            gap = "零" if 0 < rest < unit // 10 else ""
            return f"{_chinese(head)}{name}{gap}{_chinese(rest) if rest else ''}"
    return "零一二三四五六七八九"[number]
