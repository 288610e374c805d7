"""The default flow, path by path: what the caller does -> what the caller hears.

`|` ends what is said: `beep` record, `keys` wait for keys, `ring` dial the desk, `end` hang up,
`over` the caller is gone.
"""

from dataclasses import replace

import pytest

from callflows.events import Answer, DialEnded, Digits, HungUp, Recorded, Ringing, Silence
from callflows.flow import Callflow
from callflows.instructions import Dial, Listen, Record, SilenceFollows
from tests.flows.walk import FINE, FOUND, OWNER, Walk

GREETED = (Ringing(), "greeting | beep")
THANKED = "thanks number once_more number more_or_anew | keys"
NO_CASE = {"case_number": Answer("unknown")}

PATHS = {
    "a message, the case number twice, and goodbye": (
        GREETED,
        (Recorded(14), THANKED),
        (Silence(), "goodbye | end"),
    ),
    "hash ends the message": (GREETED, (Recorded(14, key="#"), THANKED)),
    "a length the provider does not tell is a message": (GREETED, (Recorded(), THANKED)),
    "another key in the greeting only starts the recording": (
        GREETED,
        (Digits("5"), "beep"),
        (Recorded(9), THANKED),
    ),
    "hanging up in the middle of a sentence ends the walk": (
        GREETED,
        (Recorded(3, hung_up=True), "over"),
    ),
    "hanging up in the greeting ends the walk": (GREETED, (HungUp(), "over")),
    "hanging up while the number is read ends the walk": (
        GREETED,
        (Recorded(14), THANKED),
        (HungUp(), "over"),
    ),
    "silence is asked about once, and then they speak": (
        GREETED,
        (Silence(), "nothing_heard | beep"),
        (Recorded(6), THANKED),
    ),
    "a recording of no length is silence": (
        GREETED,
        (Recorded(0), "nothing_heard | beep"),
    ),
    "one key in the fallback chooses a language, and there is one more chance": (
        GREETED,
        (Silence(), "nothing_heard | beep"),
        (Silence(), "choose_language person_key | keys"),
        (Digits("2"), "after_beep | beep"),
        (Recorded(6), THANKED),
    ),
    "a wrong key in the fallback is told so, twice": (
        GREETED,
        (Silence(), "nothing_heard | beep"),
        (Silence(), "choose_language person_key | keys"),
        (Digits("9"), "wrong_key choose_language person_key | keys"),
        (Digits("8"), "wrong_key choose_language person_key | keys"),
        (Digits("7"), "after_beep | beep"),
    ),
    "one key adds to the message": (
        GREETED,
        (Recorded(14), THANKED),
        (Digits("1"), "add_after_beep | beep"),
        (Recorded(5), "noted more_or_anew | keys"),
        (Silence(), "goodbye | end"),
    ),
    "one key records the message again": (
        GREETED,
        (Recorded(14), THANKED),
        (Digits("2"), "anew_after_beep | beep"),
        (Recorded(5), "noted more_or_anew | keys"),
    ),
    "silence instead of an addition goes back to the choice": (
        GREETED,
        (Recorded(14), THANKED),
        (Digits("1"), "add_after_beep | beep"),
        (Silence(), "more_or_anew | keys"),
        (Silence(), "goodbye | end"),
    ),
    "wrong keys after the message are borne three times": (
        GREETED,
        (Recorded(14), THANKED),
        (Digits("9"), "wrong_key more_or_anew | keys"),
        (Digits("*"), "wrong_key more_or_anew | keys"),
        (Digits("9"), "goodbye | end"),
    ),
    "zero in the greeting rings a person, who takes the call": (
        GREETED,
        (Digits("0"), "connecting | ring"),
        (DialEnded("answered"), "end"),
    ),
    "zero ends a recording and rings a person": (
        GREETED,
        (Recorded(7, key="0"), "connecting | ring"),
    ),
    "zero after the message rings a person": (
        GREETED,
        (Recorded(7), THANKED),
        (Digits("0"), "connecting | ring"),
    ),
    "nobody picks up: back to the message": (
        GREETED,
        (Digits("0"), "connecting | ring"),
        (DialEnded("no-answer"), "desk_empty after_beep | beep"),
        (Recorded(9), THANKED),
    ),
    "the desk is busy: back to the message": (
        GREETED,
        (Digits("0"), "connecting | ring"),
        (DialEnded("busy"), "desk_busy after_beep | beep"),
    ),
    "the desk cannot be reached: back to the message": (
        GREETED,
        (Digits("0"), "connecting | ring"),
        (DialEnded("failed"), "desk_empty after_beep | beep"),
    ),
    "nothing is known of how the ringing ended: back to the message": (
        GREETED,
        (Digits("0"), "connecting | ring"),
        (Silence(), "desk_empty after_beep | beep"),
    ),
    "star tells how an earlier case stands, and then a message may follow": (
        GREETED,
        (Digits("*"), "ask_number | keys"),
        (Digits("507304462"), "ask_last_four | keys"),
        (Digits("1823"), "progress_told new_matter_after_beep | beep"),
        (Recorded(9), THANKED),
    ),
    "who heard how the case stands may just be silent": (
        GREETED,
        (Recorded(2, key="*"), "ask_number | keys"),
        (Digits("507304462"), "ask_last_four | keys"),
        (Digits("1823"), "progress_told new_matter_after_beep | beep"),
        (Silence(), "goodbye | end"),
    ),
    "star again goes back to the message": (
        GREETED,
        (Digits("*"), "ask_number | keys"),
        (Digits("5073*"), "after_beep | beep"),
    ),
    "zero alone asks for a person even where a number is asked for": (
        GREETED,
        (Digits("*"), "ask_number | keys"),
        (Digits("0"), "connecting | ring"),
    ),
    "silence is borne once where a number is asked for": (
        GREETED,
        (Digits("*"), "ask_number | keys"),
        (Silence(), "ask_number | keys"),
        (Silence(), "after_beep | beep"),
    ),
    "a number too short is a wrong entry, borne twice": (
        GREETED,
        (Digits("*"), "ask_number | keys"),
        (Digits("5073"), "wrong_entry ask_number | keys"),
        (Digits("507304462"), "ask_last_four | keys"),
        (Digits("18"), "wrong_entry ask_last_four | keys"),
        (Digits("18"), "after_beep | beep"),
    ),
}


@pytest.mark.parametrize("path", PATHS)
def test_with_everything_working(callflow: Callflow, path: str) -> None:
    _check(Walk(callflow), PATHS[path])


HEARD = {"yue": "大埔宏福苑，棚網", "cmn": "大埔宏福苑，棚网", "en": "Wang Fuk Court, nets"}
NUMBER = "507304462"
UNDERSTOOD = Answer("understood", {"number": NUMBER, "heard": HEARD})
KNOWN = Answer("known", {"heard": HEARD, "earlier": "507304111", "owner": OWNER})
KNOWN_TOLD = "known earlier same_or_not"
READ_BACK = "read_back case_number_is number once_more number right_or_again"
IN_DANGER = "danger_call read_back case_number_is number right_or_again"

READ_BACK_PATHS = {
    "what was understood is read back, and silence says that it is right": (
        {"understood": UNDERSTOOD},
        GREETED,
        (Recorded(14), f"{READ_BACK} | keys"),
        (Silence(), "goodbye | end"),
    ),
    "hanging up says that it is right": (
        {"understood": UNDERSTOOD},
        GREETED,
        (Recorded(14), f"{READ_BACK} | keys"),
        (HungUp(), "over"),
    ),
    "one says it again, and that is read back, too": (
        {"understood": UNDERSTOOD, "understood_place": UNDERSTOOD},
        GREETED,
        (Recorded(14), f"{READ_BACK} | keys"),
        (Digits("1"), "anew_after_beep | beep"),
        (Recorded(9), f"{READ_BACK} | keys"),
    ),
    "said again and not understood: it is noted": (
        {"understood": UNDERSTOOD},
        GREETED,
        (Recorded(14), f"{READ_BACK} | keys"),
        (Digits("1"), "anew_after_beep | beep"),
        (Recorded(9), "noted more_or_anew | keys"),
    ),
    "two adds to what was read back": (
        {"understood": UNDERSTOOD},
        GREETED,
        (Recorded(14), f"{READ_BACK} | keys"),
        (Digits("2"), "add_after_beep | beep"),
    ),
    "zero after it was read back rings a person": (
        {"understood": UNDERSTOOD},
        GREETED,
        (Recorded(14), f"{READ_BACK} | keys"),
        (Digits("0"), "connecting | ring"),
    ),
    "nobody waits for long: the call goes on as if nobody had listened": (
        {"understood": Answer("waiting")},
        GREETED,
        (Recorded(14), "listening | keys"),
        (Silence(), "listening | keys"),
        (Silence(), "listening | keys"),
        (Silence(), THANKED),
    ),
    "keys do not make the wait longer": (
        {"understood": Answer("waiting")},
        GREETED,
        (Recorded(14), "listening | keys"),
        (Digits("5"), "listening | keys"),
        (Digits("5"), THANKED),
    ),
    "who waits may ask for a person": (
        {"understood": Answer("waiting")},
        GREETED,
        (Recorded(14), "listening | keys"),
        (Digits("0"), "connecting | ring"),
    ),
    "the place is asked for": (
        {"understood": Answer("ask_place"), "understood_place": UNDERSTOOD},
        GREETED,
        (Recorded(14), "ask_place | beep"),
        (Recorded(3), f"{READ_BACK} | keys"),
    ),
    "the place is asked for once only": (
        {"understood": Answer("ask_place"), "understood_place": Answer("ask_place")},
        GREETED,
        (Recorded(14), "ask_place | beep"),
        (Recorded(3), THANKED),
    ),
    "who does not name the place is asked nothing more": (
        {"understood": Answer("ask_place")},
        GREETED,
        (Recorded(14), "ask_place | beep"),
        (Silence(), THANKED),
    ),
    "the place is waited for no longer than the message": (
        {"understood": Answer("ask_place"), "understood_place": Answer("waiting")},
        GREETED,
        (Recorded(14), "ask_place | beep"),
        (Recorded(3), "listening | keys"),
        (Silence(), "listening | keys"),
        (Silence(), "listening | keys"),
        (Silence(), THANKED),
    ),
    "where a life is in danger the emergency number comes first": (
        {"understood": Answer("danger", UNDERSTOOD.values)},
        GREETED,
        (Recorded(14), f"{IN_DANGER} | keys"),
        (Silence(), "goodbye | end"),
    ),
    "and before the place is asked for": (
        {
            "understood": Answer("ask_place_danger"),
            "understood_place": Answer("danger", UNDERSTOOD.values),
        },
        GREETED,
        (Recorded(14), "danger_call ask_place | beep"),
        (Recorded(3), f"{IN_DANGER} | keys"),
    ),
    "and where nothing else is certain": (
        {"understood": Answer("danger_unclear", {"number": NUMBER})},
        GREETED,
        (Recorded(14), "danger_call thanks number more_or_anew | keys"),
    ),
    "what is known is told with its number, and silence says that it is the same": (
        {"understood": KNOWN},
        GREETED,
        (Recorded(14), f"{KNOWN_TOLD} | keys"),
        (Silence(), "goodbye | end"),
    ),
    "it is another matter: the call's own number": (
        {"understood": KNOWN},
        GREETED,
        (Recorded(14), f"{KNOWN_TOLD} | keys"),
        (Digits("1"), THANKED),
    ),
    "it is another matter, and nobody knows a number": (
        {"understood": KNOWN, "keep_apart": Answer("unknown")},
        GREETED,
        (Recorded(14), f"{KNOWN_TOLD} | keys"),
        (Digits("1"), "number_follows more_or_anew | keys"),
    ),
    "two adds to what is known": (
        {"understood": KNOWN},
        GREETED,
        (Recorded(14), f"{KNOWN_TOLD} | keys"),
        (Digits("2"), "add_after_beep | beep"),
    ),
    "and zero rings a person": (
        {"understood": KNOWN},
        GREETED,
        (Recorded(14), f"{KNOWN_TOLD} | keys"),
        (Digits("0"), "connecting | ring"),
    ),
    "what is known by the time the place was told": (
        {"understood": Answer("ask_place"), "understood_place": KNOWN},
        GREETED,
        (Recorded(14), "ask_place | beep"),
        (Recorded(3), f"{KNOWN_TOLD} | keys"),
    ),
    "what cannot be said in every language is not read back": (
        {"understood": Answer("understood", {"number": NUMBER, "heard": {"yue": "大埔"}})},
        GREETED,
        (Recorded(14), THANKED),
    ),
}


@pytest.mark.parametrize("path", READ_BACK_PATHS)
def test_what_was_said_is_read_back(callflow: Callflow, path: str) -> None:
    answers, *steps = READ_BACK_PATHS[path]
    _check(Walk(callflow, {**FINE, **answers}), steps)


TROUBLED_PATHS = {
    "nothing is ever said: a case for a return call": (
        NO_CASE,
        GREETED,
        (Silence(), "nothing_heard | beep"),
        (Silence(), "choose_language person_key | keys"),
        (Silence(), "choose_language person_key | keys"),
        (Silence(), "goodbye_missed | end"),
    ),
    "a language is chosen, but nothing is said": (
        NO_CASE,
        GREETED,
        (Silence(), "nothing_heard | beep"),
        (Silence(), "choose_language person_key | keys"),
        (Digits("3"), "after_beep | beep"),
        (Silence(), "goodbye_missed | end"),
    ),
    "nothing is said, and no case can be opened": (
        {**NO_CASE, "missed_case": Answer("unknown")},
        GREETED,
        (Silence(), "nothing_heard | beep"),
        (Silence(), "choose_language person_key | keys"),
        (Silence(), "choose_language person_key | keys"),
        (Silence(), "goodbye_call_again | end"),
    ),
    "the number cannot be told now: the message is safe, the number follows": (
        NO_CASE,
        GREETED,
        (Recorded(14), "number_follows more_or_anew | keys"),
        (Silence(), "goodbye | end"),
    ),
    "an answer that forgot the number is no answer": (
        {"case_number": Answer("known")},
        GREETED,
        (Recorded(14), "number_follows more_or_anew | keys"),
    ),
    "a number nobody can say is no number": (
        {"case_number": Answer("known", {"number": " \x00"})},
        GREETED,
        (Recorded(14), "number_follows more_or_anew | keys"),
    ),
    "the desk is closed": (
        {"office_hours": Answer("closed")},
        GREETED,
        (Digits("0"), "desk_closed after_beep | beep"),
        (Recorded(8), THANKED),
    ),
    "it is a holiday": (
        {"office_hours": Answer("holiday")},
        GREETED,
        (Digits("0"), "desk_holiday after_beep | beep"),
    ),
    "all lines are busy": (
        {"line_load": Answer("busy")},
        GREETED,
        (Digits("0"), "desk_busy after_beep | beep"),
    ),
    "there is no desk": (
        {"agents_desk": Answer("absent")},
        GREETED,
        (Digits("0"), "desk_empty after_beep | beep"),
    ),
    "nobody knows the hours or the load: the desk is tried": (
        {"office_hours": Answer("unavailable"), "line_load": Answer("unavailable")},
        GREETED,
        (Digits("0"), "connecting | ring"),
    ),
    "what was said before asking for a person is not a missed call": (
        {},
        GREETED,
        (Recorded(7, key="0"), "connecting | ring"),
        (DialEnded("no-answer"), "desk_empty after_beep | beep"),
        (Silence(), "goodbye | end"),
    ),
    "number and telephone do not match: three tries, then the message": (
        {"progress": Answer("wrong")},
        GREETED,
        (Digits("*"), "ask_number | keys"),
        (Digits("507304462"), "ask_last_four | keys"),
        (Digits("0000"), "no_such_case ask_number | keys"),
        (Digits("507304462"), "ask_last_four | keys"),
        (Digits("0001"), "no_such_case ask_number | keys"),
        (Digits("507304462"), "ask_last_four | keys"),
        (Digits("0002"), "progress_refused after_beep | beep"),
        (Recorded(8), THANKED),
    ),
    "too many tries from this telephone": (
        {"progress": Answer("too_many")},
        GREETED,
        (Digits("*"), "ask_number | keys"),
        (Digits("507304462"), "ask_last_four | keys"),
        (Digits("1823"), "progress_refused after_beep | beep"),
    ),
    "progress cannot be looked up": (
        {"progress": Answer("unavailable")},
        GREETED,
        (Digits("*"), "ask_number | keys"),
        (Digits("507304462"), "ask_last_four | keys"),
        (Digits("1823"), "progress_unavailable after_beep | beep"),
    ),
    "progress in too few languages cannot be told": (
        {"progress": Answer("found", {**FOUND.values, "owner": {"yue": "屋宇署"}})},
        GREETED,
        (Digits("*"), "ask_number | keys"),
        (Digits("507304462"), "ask_last_four | keys"),
        (Digits("1823"), "progress_unavailable after_beep | beep"),
    ),
}


@pytest.mark.parametrize("path", TROUBLED_PATHS)
def test_with_something_out_of_order(callflow: Callflow, path: str) -> None:
    answers, *steps = TROUBLED_PATHS[path]
    _check(Walk(callflow, {**FINE, **answers}), steps)


def _check(walk: Walk, steps) -> None:
    for event, expected in steps:
        assert walk.hear(event) == expected, event


# --- single promises ---------------------------------------------------------------------------


def test_the_greeting_may_be_cut_short_and_always_ends_in_a_recording(callflow: Callflow) -> None:
    walk = Walk(callflow)
    walk.hear(Ringing())
    listen, record, rest = walk.move.instructions
    assert isinstance(listen, Listen) and isinstance(record, Record)
    assert (listen.count, listen.finish_key, listen.timeout) == (1, "#", 1)
    assert set(record.finish_keys) == set("0*#") and record.beep
    assert record.silence_seconds == 5 and record.max_seconds == 180
    assert rest == SilenceFollows()


def test_the_greeting_is_in_every_language_with_the_emergency_number(hongkong: Callflow) -> None:
    walk = Walk(hongkong)
    walk.hear(Ringing())
    (yue_language, yue), (cmn_language, cmn), (en_language, en) = walk.texts()
    assert (yue_language, cmn_language, en_language) == ("yue", "cmn", "en")
    assert "錄音" in yue and "九九九" in yue and "一八二三" in yue
    assert "录音" in cmn and "九九九" in cmn
    assert "ecorded" in en and "9 9 9" in en


def test_the_number_is_heard_twice_in_a_language_not_yet_known(hongkong: Callflow) -> None:
    walk = Walk(hongkong)
    walk.hear(Ringing())
    walk.hear(Recorded(14))
    numbers = [said for said in walk.texts() if "6" in said[1] or "六" in said[1]]
    assert numbers == 2 * [
        ("yue", "五、零、七，三、零、四，四、六、二。"),
        ("cmn", "五、零、七，三、零、四，四、六、二。"),
        ("en", "5, 0, 7. 3, 0, 4. 4, 6, 2."),
    ]


def test_a_language_once_chosen_is_the_only_one_spoken(hongkong: Callflow) -> None:
    walk = Walk(hongkong)
    for event in (Ringing(), Silence(), Silence(), Digits("3"), Recorded(9)):
        walk.hear(event)
    assert {language for language, _ in walk.texts()} == {"en"}
    assert [text for _, text in walk.texts()].count("5, 0, 7. 3, 0, 4. 4, 6, 2.") == 2


def test_the_language_that_was_heard_is_the_only_one_spoken(callflow: Callflow) -> None:
    walk = Walk(callflow, {**FINE, "understood": replace(UNDERSTOOD, language="en")})
    walk.hear(Ringing())
    walk.hear(Recorded(9))
    assert {language for language, _ in walk.texts()} == {"en"}
    assert "Wang Fuk Court, nets" in walk.texts()[0][1]
    walk.hear(Silence())
    assert {language for language, _ in walk.texts()} == {"en"}


def test_the_language_that_was_chosen_stays(hongkong: Callflow) -> None:
    walk = Walk(hongkong, {**FINE, "understood": replace(UNDERSTOOD, language="en")})
    for event in (Ringing(), Silence(), Silence(), Digits("1"), Recorded(9)):
        walk.hear(event)
    assert {language for language, _ in walk.texts()} == {"yue"}


def test_each_city_tells_its_own_emergency_numbers(callflow: Callflow) -> None:
    answer = Answer("danger", UNDERSTOOD.values)
    walk = Walk(callflow, {**FINE, "understood": answer})
    walk.hear(Ringing())
    walk.hear(Recorded(9))
    told = dict(walk.texts()[:3])
    if callflow.prompts.facts["hotline"] == "1823":
        assert all(
            digits in told[language]
            for language, digits in (("yue", "九九九"), ("cmn", "九九九"), ("en", "9 9 9"))
        )
    else:
        for digits in ("1 1 0", "1 1 9", "1 2 0"):
            assert digits in told["en"]
        for digits in ("幺幺零", "幺幺九", "幺二零"):
            assert digits in told["cmn"]


def test_the_keys_for_languages_follow_the_order_of_the_city(callflow: Callflow) -> None:
    for key, language in enumerate(callflow.languages, start=1):
        walk = Walk(callflow)
        for event in (Ringing(), Silence(), Silence(), Digits(str(key))):
            walk.hear(event)
        assert walk.move.position.language == language


def test_the_questions_come_in_this_order(hongkong: Callflow) -> None:
    walk = Walk(hongkong, {**FINE, **NO_CASE})
    walk.hear(Ringing())
    assert walk.asked == []
    walk.hear(Digits("0"))
    assert walk.asked == ["office_hours", "line_load", "agents_desk"]
    walk.hear(DialEnded("answered"))
    assert walk.asked == ["spoke_to_agent"]


def test_recording_again_is_asked_before_the_beep(hongkong: Callflow) -> None:
    walk = Walk(hongkong)
    for event in (Ringing(), Recorded(9), Digits("2")):
        walk.hear(event)
    assert walk.asked == ["record_again"]


def test_a_missed_call_is_only_asked_for_without_a_case(hongkong: Callflow) -> None:
    silent = (Ringing(), Silence(), Silence(), Silence(), Silence())
    without, with_case = Walk(hongkong, {**FINE, **NO_CASE}), Walk(hongkong)
    for event in silent:
        without.hear(event)
        with_case.hear(event)
    assert without.asked == ["case_number", "missed_case"]
    assert with_case.asked == ["case_number"]


def test_the_keyed_digits_are_handed_over(hongkong: Callflow) -> None:
    walk = Walk(hongkong)
    for event in (Ringing(), Digits("*"), Digits("507304462"), Digits("1823")):
        walk.hear(event)
    assert walk.kept == {"number": "507304462", "last_four": "1823"}
    assert "507304462" not in walk.move.position.to_query().values()


def test_progress_tells_status_owner_and_due_date_only(hongkong: Callflow) -> None:
    walk = Walk(hongkong)
    for event in (Ringing(), Digits("*"), Digits("507304462"), Digits("1823")):
        walk.hear(event)
    assert walk.texts()[2] == (
        "en",
        "Your case. Status: being dealt with. In charge: Buildings Department. "
        "Due: the third of December.",
    )


def test_silence_and_wrong_keys_are_counted_apart(hongkong: Callflow) -> None:
    walk = Walk(hongkong)
    for event in (Ringing(), Silence(), Silence(), Digits("9"), Silence(), Digits("9")):
        walk.hear(event)
    position = walk.move.position
    assert (position.step, position.silences, position.wrong) == ("fallback", 1, 2)


def test_the_counters_begin_anew_elsewhere(hongkong: Callflow) -> None:
    walk = Walk(hongkong)
    for event in (Ringing(), Silence(), Silence(), Digits("9"), Silence(), Digits("1")):
        walk.hear(event)
    assert (walk.move.position.silences, walk.move.position.wrong) == (0, 0)


def test_the_desk_rings_for_a_bounded_time(hongkong: Callflow) -> None:
    walk = Walk(hongkong)
    walk.hear(Ringing())
    walk.hear(Digits("0"))
    assert Dial(20) in walk.move.instructions


def test_a_second_ringing_greets_again(hongkong: Callflow) -> None:
    walk = Walk(hongkong)
    walk.hear(Ringing())
    assert walk.hear(Ringing()) == "greeting | beep"


def test_a_call_whose_turns_are_used_up_becomes_a_missed_message(callflow: Callflow) -> None:
    walk = Walk(callflow, {**FINE, **NO_CASE})
    walk.hear(Ringing())
    for _ in range(callflow.flow.max_turns - 1):
        assert walk.hear(Digits("5")) == "beep"
    assert walk.hear(Digits("5")) == "goodbye_missed | end"
    assert walk.asked == ["case_number", "missed_case"]
