"""The main job with real sound: somebody phones and speaks, and a case is open with what they said."""

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import pytest

from demo import events
from demo.accuracy import character_error_rate
from demo.call import Call
from demo.caller import hang_up, press, speak, speak_and_hang_up, stay_silent
from demo.scenario import Scenario
from tests.support.hotline import CALLER, DESK, Hotline, has_transcript, statuses

# What the demonstration's model is held to on the demonstration's own sentences.
WORST_ERROR_RATE = 0.05


@pytest.mark.parametrize(
    ("name", "language", "category"),
    [
        ("yue-scaffold", "yue", "fire-safety"),
        ("cmn-water", "cmn", "water-supply"),
        ("en-street-lamp", "en", "street-lamp"),
    ],
)
def test_a_message_becomes_a_case_with_its_transcript_and_category(
    hotline: Hotline, scripted: Mapping[str, Scenario], name: str, language: str, category: str
) -> None:
    scenario = scripted[name]
    call = hotline.ring(*scenario.acts, caller=scenario.caller, delivery=scenario.delivery)
    case = hotline.wait_for(call, has_transcript)
    rate = character_error_rate(scenario.says, case["transcript"])
    print(f"{name}: {rate:.1%} of the characters wrong: {case['transcript']}")
    assert not call.trouble
    assert rate <= WORST_ERROR_RATE
    assert (case["language"], case["category"]) == (language, category)
    assert 0 < case["category_confidence"] <= 1
    assert statuses(case) == ["transcribed"]


def test_the_caller_hears_the_beep_within_twelve_seconds(hotline: Hotline) -> None:
    call = hotline.ring(hang_up(at_beep=True))
    assert call.of(events.HearsBeep)[0].at < 12


def test_the_greeting_speaks_all_three_languages(hotline: Hotline) -> None:
    call = hotline.ring(hang_up(at_beep=True))
    beep = call.of(events.HearsBeep)[0].at
    greeting = {one.language for one in call.of(events.Hears) if one.at < beep}
    assert greeting == {"yue", "cmn", "en"}


def test_the_caller_hears_the_case_number_digit_by_digit_twice(
    hotline: Hotline, message: Path
) -> None:
    call = hotline.ring(speak(message, then="#"))
    number = hotline.case_of(call)["number"]
    spoken = re.compile(r"[\s,.，、。]*".join(number))
    for language in ("yue", "cmn", "en"):
        heard = " ".join(one.text for one in call.of(events.Hears) if one.language == language)
        assert len(spoken.findall(_with_digits(heard))) == 2, heard


CHINESE_DIGITS = str.maketrans("零〇一幺二三四五六七八九", "001123456789")
ENGLISH_DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def _with_digits(text: str) -> str:
    """Spoken digits as figures, whichever way the prompt writes them."""
    for value, word in enumerate(ENGLISH_DIGITS):
        text = re.sub(rf"\b{word}\b", str(value), text)
    return text.translate(CHINESE_DIGITS)


def test_a_case_shows_the_callers_number_masked(hotline: Hotline, message: Path) -> None:
    call = hotline.ring(speak(message, then="#"))
    masked = hotline.case_of(call)["caller_masked"]
    assert "*" in masked and CALLER[1:] not in masked.replace(" ", "")


def test_the_case_is_open_before_the_phone_is_down(hotline: Hotline, message: Path) -> None:
    call = hotline.ring(speak(message, then="#"), hang_up())
    case = hotline.case_of(call)
    assert case["number"] and call.ended_at
    assert datetime.fromisoformat(case["opened_at"]) <= call.ended_at


def test_who_hangs_up_in_mid_sentence_has_a_case_with_what_was_said(
    hotline: Hotline, scripted: Mapping[str, Scenario]
) -> None:
    scenario = scripted["yue-cut-off"]
    call = hotline.ring(speak_and_hang_up(scenario.recording, says=scenario.says))
    case = hotline.wait_for(call, has_transcript)
    rate = character_error_rate(scenario.says, case["transcript"])
    print(f"cut off: {rate:.1%} of the characters wrong: {case['transcript']}")
    assert "hung_up" in case["flags"]
    assert rate <= 2 * WORST_ERROR_RATE


def test_who_says_nothing_gets_a_case_for_a_return_call(hotline: Hotline) -> None:
    call = hotline.ring(*(stay_silent() for _ in range(6)))
    case = hotline.case_of(call)
    assert "missed_message" in case["flags"] and not case["transcript"]
    assert [one.who for one in call.of(events.HangsUp)] == ["hotline"]


def test_silence_that_the_provider_records_all_the_same_becomes_no_transcript(
    hotline: Hotline,
) -> None:
    """With a key at its end a recording of nothing counts as one for the provider."""
    call = hotline.ring(press("#", after=3.0, at_beep=True), hang_up())
    case = hotline.finished(call)
    assert statuses(case) == ["no_speech"] and not case["transcript"]


def test_a_call_ends_by_itself_whatever_the_caller_does_not_do(hotline: Hotline) -> None:
    call = hotline.ring()
    assert [one.who for one in call.of(events.HangsUp)] == ["hotline"]
    assert call.seconds < 300


def test_the_message_can_be_added_to(hotline: Hotline, scripted: Mapping[str, Scenario]) -> None:
    first, more = scripted["en-street-lamp"], scripted["cmn-water"]
    acts = speak(first.recording, then="#"), press("1"), speak(more.recording, then="#")
    case = hotline.finished(hotline.ring(*acts, hang_up()))
    assert statuses(case) == ["transcribed", "transcribed"]


# 0: a person


def test_0_dials_the_desk_and_comes_back_to_the_message_when_nobody_answers(
    hotline: Hotline, scripted: Mapping[str, Scenario]
) -> None:
    scenario = scripted["en-street-lamp"]
    call = hotline.ring(press("0"), speak(scenario.recording, then="#"), desk="no-answer")
    assert [one.target for one in call.of(events.DialsDesk)] == [DESK]
    case = hotline.wait_for(call, has_transcript)
    assert character_error_rate(scenario.says, case["transcript"]) <= WORST_ERROR_RATE
    assert "wants_person" in case["flags"]


@pytest.mark.parametrize("desk", ["busy", "failed"])
def test_0_comes_back_to_the_message_when_the_desk_cannot_be_reached(
    hotline: Hotline, message: Path, desk: str
) -> None:
    call = hotline.ring(press("0"), speak_and_hang_up(message, 2.0), desk=desk)
    (dialled,), (beep,) = call.of(events.DialsDesk), call.of(events.HearsBeep)
    assert dialled.at < beep.at
    assert call.of(events.HangsUp)[0].who == "caller"


def test_0_ends_a_message_too(hotline: Hotline, message: Path) -> None:
    call = hotline.ring(speak(message, then="0"), desk="answered")
    assert call.of(events.DialsDesk)
    case = hotline.wait_for(call, has_transcript)
    assert {"wants_person", "spoke_to_agent"} <= {*case["flags"]}


def test_who_spoke_to_a_person_has_a_case_that_says_so(hotline: Hotline) -> None:
    call = hotline.ring(press("0"), desk="answered")
    assert "spoke_to_agent" in hotline.case_of(call)["flags"]


# *: how an earlier case stands


@pytest.fixture(scope="module")
def earlier(hotline: Hotline, message: Path) -> tuple[str, str]:
    """The number of an earlier case, and its transcript."""
    call = hotline.ring(speak(message, then="#"), hang_up())
    case = hotline.wait_for(call, has_transcript)
    return case["number"], case["transcript"]


def after_star(call: Call) -> str:
    """What was heard after the caller pressed the star."""
    star = next(index for index, one in enumerate(call.log) if isinstance(one, events.Presses))
    return "\n".join(one.text for one in call.log[star:] if isinstance(one, events.Hears))


def test_progress_tells_status_owner_and_due_date_and_nothing_more(
    hotline: Hotline, earlier: tuple[str, str]
) -> None:
    number, transcript = earlier
    acts = press("*"), press(number), press(CALLER[-4:]), hang_up()
    heard = after_star(hotline.ring(*acts, caller="+85267676767"))
    assert "1823 Call Centre" in heard and "1823電話中心" in heard
    assert re.search(r"\d+ (January|February|December|November|October)", heard), heard
    assert transcript[:20] not in heard and CALLER[1:] not in heard
    assert "street" not in heard.lower()


def test_progress_is_refused_to_who_does_not_know_the_number_it_came_from(
    hotline: Hotline, earlier: tuple[str, str]
) -> None:
    tries = [act for _ in range(3) for act in (press(earlier[0]), press("0000"))]
    heard = after_star(hotline.ring(press("*"), *tries, hang_up()))
    assert "could not verify" in heard
    assert "1823 Call Centre" not in heard


def test_after_progress_a_message_can_be_left(
    hotline: Hotline, earlier: tuple[str, str], message: Path
) -> None:
    acts = press("*"), press(earlier[0]), press(CALLER[-4:])
    call = hotline.ring(*acts, speak(message, then="#"), hang_up())
    assert hotline.wait_for(call, has_transcript)["number"] != earlier[0]
