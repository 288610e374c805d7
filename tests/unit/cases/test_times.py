"""Times of day and dates are written down as they were meant; words that only look like one are not."""

import pytest

from cases.times import times


def read(said: str) -> list[tuple[str, str]]:
    return [(one.value, said[one.start : one.end]) for one in times(said)]


@pytest.mark.parametrize(
    ("said", "value", "words"),
    [
        ("下晝三點半冇水", "15:30", "下晝三點半"),
        ("朝早八點三個字", "8:15", "朝早八點三個字"),
        ("佢八點搭九先到", "8:45", "八點搭九"),
        ("今晚十二點鐘", "0:00", "今晚十二點鐘"),
        ("晚上七点一刻", "19:15", "晚上七点一刻"),
        ("凌晨两点零二分", "2:02", "凌晨两点零二分"),
        ("下午三点四十", "15:40", "下午三点四十"),
        ("中午十二點", "12:00", "中午十二點"),
        ("八点三十分", "8:30", "八点三十分"),
        ("夜晚十一點", "23:00", "夜晚十一點"),
        ("大約 15:30 開始", "15:30", "15:30"),
        ("三月五號開始", "03-05", "三月五號"),
        ("二零二六年十一月二十八日", "2026-11-28", "二零二六年十一月二十八日"),
        ("2026年3月5日", "2026-03-05", "2026年3月5日"),
        ("at half past three in the afternoon", "15:30", "half past three in the afternoon"),
        ("at quarter to nine", "8:45", "quarter to nine"),
        ("since 3 pm today", "15:00", "3 pm"),
        ("at seven thirty am", "7:30", "seven thirty am"),
        ("ten o'clock at night", "22:00", "ten o'clock at night"),
    ],
)
def test_a_time_is_written_down(said: str, value: str, words: str) -> None:
    assert read(said) == [(value, words)]


@pytest.mark.parametrize(
    "said",
    [
        *(
            "有一點點污糟",
            "我有三點意見",
            "快點嚟",
            "七點水",
            "二十五點半",
            "十三月五號",
            "二月三十一號",
        ),
        *("三個月", "I have three complaints", "past the station", "twelve thirty"),
    ],
)
def test_what_only_looks_like_one_is_not(said: str) -> None:
    assert read(said) == []
