"""Invented text is recognised, and what citizens really say is left alone."""

import pytest
import yaml

from transcription import quality
from transcription.engines.interface import Hypothesis, Line
from transcription.quality import PHANTOMS, doubts, is_loop, is_phantom, is_too_much

KNOWN = [entry["example"] for entry in yaml.safe_load(PHANTOMS.read_text(encoding="utf-8"))]
VARIANTS = [
    "字幕由Amara.org社區提供",
    "字幕由 Amara.org 社群提供",
    "中文字幕由Amara.org社区提供",
    "請不吝點贊 訂閱 轉發 打賞支持明鏡與點點欄目",
    "请不吝点赞订阅转发打赏支持明镜与点点栏目",
    "謝謝收看",
    "多謝收看！",
    "感謝您的觀看,謝謝大家收看。",
    "中文字幕志愿者 杨茜茜",
    "作詞・作曲・編曲 李宗盛",
    "Thanks for watching!",
    "THANK YOU FOR WATCHING.",
    "...",
    "♪♪",
]
REAL_COMPLAINTS = [
    "我想投訴有人喺我個頻道亂咁轉發謠言",
    "我想投訴電視台啲字幕成日錯",
    "有人冒認政府部門提供嘅影片",
    "網上有人呼籲訂閱,懷疑係騙局",
    "多謝你哋",
    "唔該晒,再見",
    "謝謝",
    "Thank you very much",
    "Thanks for your help, the street lamp is broken",
    "I was watching the street lamp all night",
    "字幕翻譯錯晒,聾人睇唔到政府記者會",
    "我支持明鏡路加設斑馬線",
]


@pytest.mark.parametrize("line", KNOWN + VARIANTS)
def test_a_known_invention_is_recognised(line: str) -> None:
    assert is_phantom(line)


@pytest.mark.parametrize("line", REAL_COMPLAINTS)
def test_a_complaint_that_looks_like_one_is_kept(line: str) -> None:
    assert not is_phantom(line)


def test_a_phantom_inside_a_longer_line_does_not_condemn_it() -> None:
    assert not is_phantom("我想投訴條片最後寫住字幕由Amara.org社區提供")


LOOPS = [
    "我想投訴。" * 4,
    "係" * 12,
    "多謝你哋" * 6,
    "the the the the the the",
    "屋邨外牆嘅棚網懷疑唔係阻燃物料" * 4,
]
NOT_LOOPS = [
    "我想投訴屋邨外牆嘅棚網懷疑唔係阻燃物料,已經搭咗成三個月,管理處話唔關佢事。",
    "好好好,我知道了",
    "電話係九九九九八八八八",
    "No no no, it is number twelve, not number twenty.",
    "喂喂喂,聽唔聽到?",
    "小区停水了,昨天停水,今天还停水,什么时候来水?",
    "The street lamp outside number twelve has been broken for a week and the street is dark.",
]


@pytest.mark.parametrize("text", LOOPS)
def test_words_that_go_round_in_circles_are_a_loop(text: str) -> None:
    assert is_loop(text)


@pytest.mark.parametrize("text", NOT_LOOPS)
def test_people_repeat_themselves_without_being_a_loop(text: str) -> None:
    assert not is_loop(text)


def test_a_chinese_sentence_said_twice_is_doubted_where_whispers_own_limit_lets_it_pass() -> None:
    once = "我想投訴屋邨外牆嘅棚網懷疑唔係阻燃物料已經搭咗成三個月管理處話唔關佢事都冇人跟進"

    assert quality.compression(once) < 1.3
    assert 1.8 < quality.compression(once * 2) < 2.4
    assert is_loop(once * 2)


def test_more_text_than_a_mouth_can_say_is_too_much() -> None:
    assert is_too_much("我想投訴屋邨外牆嘅棚網懷疑唔係阻燃物料", seconds=1.5)
    assert not is_too_much("我想投訴屋邨外牆嘅棚網懷疑唔係阻燃物料", seconds=4.0)
    assert is_too_much("The street lamp outside number twelve has been broken", seconds=1.0)
    assert not is_too_much("The street lamp outside number twelve has been broken", seconds=3.0)


def said(
    text: str,
    mean_log_probability: float = -0.2,
    no_speech_probability: float = 0.01,
    complete: bool = True,
) -> Hypothesis:
    return Hypothesis(
        language="yue",
        language_probability=0.9,
        lines=(Line(0.0, 5.0, text),) if text else (),
        mean_log_probability=mean_log_probability,
        no_speech_probability=no_speech_probability,
        complete=complete,
        heard_until=5.0,
    )


def test_nothing_is_held_against_a_plain_sentence() -> None:
    assert doubts(said("我想投訴街燈壞咗"), 5.0) == ()


def test_every_doubt_has_its_name() -> None:
    sentence = "我想投訴街燈壞咗"

    assert doubts(said("我想投訴。" * 6), 5.0) == ("loop",)
    assert doubts(said(sentence), 0.5) == ()  # a second is always granted
    assert doubts(said(sentence * 2, complete=False), 5.0) == ("cut_off",)
    assert doubts(said(sentence, no_speech_probability=0.9), 5.0) == ("on_no_speech",)
    assert doubts(said(sentence, mean_log_probability=-1.2), 5.0) == ("unsure",)
    assert doubts(said("屋邨外牆嘅棚網懷疑唔係阻燃物料"), 1.0) == ("too_much_text",)


def test_no_text_gives_no_reason_to_doubt() -> None:
    assert doubts(said("", mean_log_probability=-3.0, no_speech_probability=1.0), 5.0) == ()


def test_what_only_says_again_how_the_text_before_it_ended_is_known() -> None:
    before = "東平邨三座漏水。我的電話是八二九四零六五九"

    assert quality.is_said_again("我的電話是八二九四零六五九。", before)
    assert quality.is_said_again("我的电话是八二九四零六五九", before)
    assert not quality.is_said_again("漏水已經三日", before)
    assert not quality.is_said_again("五九", before)  # too short to tell
    assert not quality.is_said_again("我的電話是八二九四零六五九", "")
