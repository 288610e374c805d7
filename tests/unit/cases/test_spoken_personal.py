"""Numbers that lead to a person are found however they are said: digit by digit, with 幺, in breaths, doubled."""

import pytest

from cases.personal import personal


@pytest.mark.parametrize(
    ("said", "kind", "digits"),
    [
        ("打九一二三 四五六七俾我", "phone", "91234567"),
        ("手机幺三八零零幺三八零零零", "phone", "13800138000"),
        ("电话是一三八 零零一三 八零零零", "phone", "13800138000"),
        ("电话零二零八三三幺幺零零零", "phone", "02083311000"),
        ("double six one two three four five six", "phone", "66123456"),
        ("我電話係九 一 二 三 四 五 六 七", "phone", "91234567"),
        ("我嘅身份證號碼係A一二三四五六括號七", "identity", "A1234567"),
        ("身份证四四零幺零六幺九九零零三零七四五幺X", "identity", "44010619900307451X"),
    ],
)
def test_it_is_found_and_in_figures(said: str, kind: str, digits: str) -> None:
    assert [(one.kind, one.digits) for one in personal(said)] == [(kind, digits)]


@pytest.mark.parametrize("said", ["手機尾數九一二三", "六條一二三四五六", "下晝三點半", "三月五號"])
def test_what_leads_to_nobody_stays(said: str) -> None:
    assert list(personal(said)) == []
