"""Invented text is recognised, and what citizens really say is left alone."""

import pytest
import yaml

from transcription import quality
from transcription.engines.interface import Hypothesis, Line
from transcription.quality import (
    PHANTOMS,
    counts,
    doubts,
    is_echo,
    is_loop,
    is_phantom,
    is_too_much,
    is_wrong_script,
    line_doubts,
)

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
    "優優獨播劇場",
    "优悠独播剧场——YoYo Television Series Exclusive",
    "喜歡我的影片請一鍵三連",
    "感謝大家的支持我們下期再見",
    "多謝收睇，我哋下次再見",
    "最後までご視聴ありがとうございました",
    "チャンネル登録と高評価よろしくお願いします",
    "また次の動画でお会いしましょう",
    "구독과 좋아요 알림설정까지 부탁드립니다",
    "MBC 뉴스 김성현입니다.",
    "Abone olmayı unutmayın",
    "Sous-titres réalisés par la communauté d'Amara.org",
    "Продолжение следует...",
    "[Applause]",
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
    "我想投訴樓上啲音樂好嘈",
    "The music from the shop is too loud",
    "請關注我嘅投訴",
    "請大家關注呢件事",
    "版權署嘅電話打唔通",
    "我條片俾人未經授權轉載咗",
    "謝謝大家的支持",
    "多謝大家",
    "Please subscribe me to the newsletter of the department",
    "There is a copyright issue with the notice board",
    "See you at the office next time I come",
    "我話下次再見到佢就報警",
    "佢哋喺街度免費派字幕組嘅光碟",
    "新聞話今晚停水",
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


@pytest.mark.parametrize("language", ["yue", "cmn", "en"])
@pytest.mark.parametrize(
    "text", ["ありがとう", "감사합니다", "ขอบคุณครับ", "спасибо", "我想投訴スーパー"]
)
def test_letters_the_language_is_not_written_with_are_doubted(text: str, language: str) -> None:
    assert is_wrong_script(text, language)


def test_chinese_is_doubted_in_an_english_call_and_english_is_not_in_a_chinese_one() -> None:
    assert is_wrong_script("街燈壞咗", "en")
    assert not is_wrong_script("The estate is called 和風苑", "en")
    assert not is_wrong_script("條 lift 壞咗 three days", "yue")
    assert not is_wrong_script("Central station", "yue")
    assert not is_wrong_script("Café naïve", "en")


def test_a_shops_name_and_rare_characters_are_not_a_wrong_script() -> None:
    assert not is_wrong_script("我喺優の良品買嘢", "yue")
    assert not is_wrong_script("部𨋢壞咗，八〇三室，佢哋時時係咁々", "yue")


PROMPT = "你好，呢度係香港1823，市民想投訴旺角、深水埗嘅事。"


def test_what_only_repeats_the_prompt_was_not_said() -> None:
    assert is_echo(PROMPT, PROMPT)
    assert is_echo("你好 呢度係香港1823 市民想投訴旺角", PROMPT)


def test_a_name_out_of_the_prompt_and_a_sentence_with_it_were_said() -> None:
    assert not is_echo("旺角", PROMPT)
    assert not is_echo("我想投訴旺角嘅街燈", PROMPT)
    assert not is_echo("旺角", None)
    assert not is_echo("", PROMPT)


def line(text: str, seconds: float = 5.0) -> Line:
    return Line(0.0, seconds, text)


def test_every_doubt_about_a_line_has_its_name() -> None:
    sentence = "我想投訴屋邨外牆嘅棚網懷疑唔係阻燃物料"

    assert line_doubts(line(sentence), "yue") == ()
    assert line_doubts(line("謝謝觀看"), "yue") == ("phantom",)
    assert line_doubts(line(PROMPT), "yue", prompt=PROMPT) == ("prompt_echo",)
    assert line_doubts(line(sentence), "yue", below_loudest=20.0) == ("background",)
    assert line_doubts(line(sentence), "yue", below_loudest=12.0) == ()
    assert line_doubts(line("спасибо"), "yue") == ("wrong_script",)
    assert line_doubts(line("我想投訴" * 7), "yue") == ("loop",)
    assert line_doubts(line(sentence, seconds=1.2), "yue") == ("too_much_text",)


@pytest.mark.parametrize(
    ("flags", "belongs"),
    [
        ((), True),
        (("loop",), True),
        (("wrong_script", "too_much_text"), True),
        (("unsure",), True),
        (("phantom",), False),
        (("prompt_echo",), False),
        (("background", "unsure"), False),
        (("on_no_speech", "unsure"), False),
    ],
)
def test_only_what_nobody_said_to_us_is_left_out_of_the_text(
    flags: tuple[str, ...], belongs: bool
) -> None:
    assert counts(flags) is belongs
