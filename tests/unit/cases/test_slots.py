"""What a case needs, found in what was said: places, numbers, names."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cases import places
from cases.places import Places
from cases.slots import slots
from cases.transcripts import PHANTOM, Segment, Slot, Word
from tests.support.cost import processor_seconds

ROOT = Path(__file__).resolve().parents[3]
WHAT = ("place", "number", "name")
SENTENCES = ROOT / "tests/unit/callers_sentences.txt"


@pytest.fixture(scope="module")
def hong_kong() -> Places:
    return places.read(ROOT / "cities/hongkong")


@pytest.fixture(scope="module")
def beijing() -> Places:
    return places.read(ROOT / "cities/beijing")


def line(text: str, **more: object) -> Segment:
    return Segment(1.0, 5.0, text, 0.9, **more)  # type: ignore[arg-type]


def found(text: str, city: Places, *kinds: str) -> list[str]:
    return [it.value for it in slots([line(text)], city) if not kinds or it.kind in kinds]


def spoken(text: str, confidence: float = 0.9) -> Segment:
    """A line of which each character is a word that takes a second."""
    words = tuple(Word(float(i), i + 1.0, char, confidence) for i, char in enumerate(text))
    return line(text, words=words)


class TestPlaces:
    @pytest.mark.parametrize(
        ("text", "values"),
        [
            ("我住喺彩雲邨", ["彩雲邨"]),
            ("我住在彩云邨", ["彩云邨"]),
            ("旺角彌敦道八十八號", ["旺角彌敦道88號"]),
            ("彌敦道88號五樓", ["彌敦道88號", "5樓"]),
            ("我住大埔海晴邨", ["大埔海晴邨"]),
            ("喺新田碧豪苑第七街嘅垃圾桶", ["新田碧豪苑第七街"]),
            ("我姑媽住喺羅便臣道八十號", ["羅便臣道80號"]),
            ("a lamp on nathan road is broken", ["Nathan Road"]),
            ("number eighty eight Nathan Road", ["88 Nathan Road"]),
            ("12 Argyle Street", ["12 Argyle Street"]),
            ("旺角街市附近", ["旺角街市"]),
            ("旺角街坊話", ["旺角"]),
            ("樓道裏堆滿紙箱，馬路中間有個窿", []),
            ("the central heating", []),
        ],
    )
    def test_in_hong_kong(self, text: str, values: list[str], hong_kong: Places) -> None:
        assert found(text, hong_kong) == values

    @pytest.mark.parametrize(
        ("text", "values"),
        [
            ("我住在朝阳区建国路八十八号院", ["朝阳区建国路88号院"]),
            ("望京街道阜通东大街六号", ["望京街道阜通东大街6号"]),
            ("我住在阳光小区六号楼十二层", ["阳光小区6号楼", "12层"]),
            ("我们小区六号楼", ["6号楼"]),
            ("海淀区中关村大街二十七号", ["海淀区中关村大街27号"]),
            ("家里暖气不热，屋里才十四度", []),
            ("胡同里路灯坏了半个月", []),
        ],
    )
    def test_in_beijing(self, text: str, values: list[str], beijing: Places) -> None:
        assert found(text, beijing) == values


class TestNumbers:
    @pytest.mark.parametrize(
        ("text", "values"),
        [
            ("第三座十二樓A室", ["第3座", "12樓", "A室"]),
            ("五号楼二单元三零二室", ["5号楼", "2单元", "302室"]),
            ("廿三號十二字樓", ["23號", "12字樓"]),
            ("一座五樓", ["1座", "5樓"]),
            ("flat twelve B, fifth floor", ["flat 12B", "floor 5"]),
            ("number eighty eight, block C", ["number 88", "block C"]),
            ("電話六一二三，呃，四五六七", ["61234567"]),
            ("幺三八零零幺三八零零零", ["13800138000"]),
            ("double six one two", ["6612"]),
            ("尾號幺七零二", ["1702"]),
            ("搭九六八路", ["968路"]),
        ],
    )
    def test_are_read(self, text: str, values: list[str], hong_kong: Places) -> None:
        assert found(text, hong_kong, "number") == values

    @pytest.mark.parametrize(
        "text",
        [
            "十分感謝，一點點，一個人",
            "一路行一路講，一座大廈",
            "十二月八號，二零二六年，七月二十四號",
            "八號風球",
            "二零一九世界盃",
            "蝕得七七八八",
            "三三兩兩",
            "四百六十五萬人",
            "三百蚊",
            "one of them",
        ],
    )
    def test_words_stay_words(self, text: str, hong_kong: Places) -> None:
        assert found(text, hong_kong, *WHAT) == []

    def test_identity_numbers_are_nobodys_need(self, hong_kong: Places) -> None:
        assert found("身份證 A123456(3)", hong_kong) == []

    @settings(max_examples=60, deadline=None)
    @given(st.integers(3, 99), st.sampled_from(["號", "号", "樓", "楼", "室", "單元", "单元"]))
    def test_house_numbers_keep_their_unit(self, value: int, unit: str) -> None:
        tens, ones = divmod(value, 10)
        digits = "零一二三四五六七八九"
        said = ("" if tens < 2 else digits[tens]) + ("十" if tens else "")
        said += digits[ones] if ones else ""
        (slot,) = slots([line(f"喺{said}{unit}")], Places.of(()))
        assert (slot.text, slot.value) == (said + unit, f"{value}{unit}")


class TestNames:
    @pytest.mark.parametrize(
        ("text", "values"),
        [
            ("我姓陳", ["陳"]),
            ("免貴姓歐陽", ["歐陽"]),
            ("我叫陳大文，想投訴", ["陳大文"]),
            ("我叫李明住在望京", ["李明"]),
            ("我係陳太", ["陳太"]),
            ("我個名叫做歐陽協成", ["歐陽協成"]),
            ("My name is Mary Chan and I live here", ["Mary Chan"]),
            ("my name is mary chan", ["Mary Chan"]),
            ("this is Mrs. Wong", ["Mrs. Wong"]),
            ("I'm Peter Leung calling about a lamp", ["Peter Leung"]),
        ],
    )
    def test_are_found_where_they_are_given(
        self, text: str, values: list[str], hong_kong: Places
    ) -> None:
        assert found(text, hong_kong, "name") == values

    @pytest.mark.parametrize(
        "text",
        [
            "我叫救護車",
            "我係江蘇人",
            "我叫佢走",
            "我是高中老师",
            "I am very angry",
            "this is awful",
        ],
    )
    def test_are_not_made_up(self, text: str, hong_kong: Places) -> None:
        assert found(text, hong_kong) == []


class TestTimesAndConfidence:
    def test_come_from_the_words(self, hong_kong: Places) -> None:
        (slot,) = slots([spoken("我住喺彩雲邨", 0.9)], hong_kong)
        assert slot == Slot("place", "彩雲邨", "彩雲邨", 3.0, 6.0, 0.729)

    def test_are_the_lines_own_where_words_have_none(self, hong_kong: Places) -> None:
        (slot,) = slots([line("我住喺彩雲邨")], hong_kong)
        assert (slot.start, slot.end, slot.confidence) == (1.0, 5.0, 0.9)

    def test_english_words_need_not_carry_their_blanks(self, hong_kong: Places) -> None:
        said = [("on", 0.0), ("Nathan", 1.0), ("Road", 2.0)]
        words = tuple(Word(at, at + 1.0, text, 0.5) for text, at in said)
        (slot,) = slots([line("on Nathan Road", words=words)], hong_kong)
        assert (slot.start, slot.end, slot.confidence) == (1.0, 3.0, 0.25)

    def test_a_number_may_go_on_in_the_next_line(self, hong_kong: Places) -> None:
        (slot,) = slots([spoken("電話六一二三"), spoken("四五六七")], hong_kong)
        assert (slot.text, slot.value) == ("六一二三 四五六七", "61234567")

    def test_slots_are_in_order_of_time_and_do_not_overlap(self, hong_kong: Places) -> None:
        told = slots([spoken("我姓陳，住旺角彌敦道八十八號五樓，電話六一二三四五六七")], hong_kong)
        assert [it.kind for it in told] == ["name", "place", "number", "number"]
        assert all(a.end <= b.start for a, b in pairwise(told))


class TestTimes:
    @pytest.mark.parametrize(
        ("said", "value"),
        [
            ("琴晚十點半開始停水", "琴晚10點半"),
            ("昨天晚上开始停水", "昨天晚上"),
            ("今朝八點鐘", "今朝8點鐘"),
            ("上個星期三壞咗", "上個星期三"),
            ("十一月廿三號開始", "11月23號"),
            ("下午三点二十分", "下午3点20分"),
            ("每晚凌晨兩點仲好嘈", "凌晨2點"),
            ("三點鐘打過嚟", "3點鐘"),
            ("broken since last night", "last night"),
            ("it happened at 5 pm yesterday", "at 5 pm yesterday"),
            ("this morning, nine o'clock", "this morning, nine o'clock"),
            ("since Monday", "since Monday"),
        ],
    )
    def test_a_day_or_an_hour_is_one(self, hong_kong: Places, said: str, value: str) -> None:
        assert found(said, hong_kong, "time") == [value]

    @pytest.mark.parametrize(
        "said",
        [
            "一點就着",
            "有一點漏水",
            "三點意見",
            "佢晚上唔喺度",
            "早上好",
            "night bus",
            "I may call",
            "88號",
        ],
    )
    def test_words_that_only_look_like_it_are_none(self, hong_kong: Places, said: str) -> None:
        assert found(said, hong_kong, "time") == []


def test_an_invented_line_has_no_slots(hong_kong: Places) -> None:
    assert slots([line("我住喺彩雲邨", flags=(PHANTOM,))], hong_kong) == ()


def test_most_sentences_of_our_callers_name_nothing(hong_kong: Places) -> None:
    rows = SENTENCES.read_text(encoding="utf-8").splitlines()
    told = [row.rpartition("|")[2].strip() for row in rows if "|" in row]
    values = [value for sentence in told for value in found(sentence, hong_kong, *WHAT)]
    assert values == ["大埔海晴邨", "number 12", "Nathan Road", "floor 5"]


def test_a_long_transcript_takes_less_than_five_milliseconds(hong_kong: Places) -> None:
    segments = [spoken("我姓陳，住旺角彌敦道八十八號五樓，樓下成日有人掉垃圾")] * 12
    assert processor_seconds(lambda: slots(segments, hong_kong), tries=10) < 0.005
