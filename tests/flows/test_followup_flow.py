"""The call after a case is resolved, path by path: what the citizen does -> what they hear.

`|` ends what is said: `beep` record, `keys` wait for keys, `ring` dial the desk, `end` hang up,
`over` the citizen is gone.
"""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from callflows.engine import advance, begin
from callflows.events import Answer, DialEnded, Digits, HungUp, Recorded, Ringing, Silence
from callflows.flow import ANSWERS, QUESTIONS, Callflow, MenuStep
from callflows.problems import FlowError
from callflows.reader import DEFAULTS, load, load_city
from tests.flows.walk import FINE, Walk

ROOT = Path(__file__).parents[2]
HONGKONG = load_city(ROOT / "cities/hongkong", "followup")
FACTS = {"city": "Mytown", "hotline": "12345", "emergency": "110"}

HELLO = "followup_hello number followup_ways_out ask_contacted | keys"
GREETED = (Ringing(), HELLO)
SOLVED = "ask_solved | keys"
SATISFIED = "ask_satisfied | keys"
REMARK = "ask_remark | beep"
WAIT = "one_moment | keys"
AGAIN = "goodbye_followup_again | end"

PATHS: dict[str, tuple[Any, ...]] = {
    "three keys, and a remark": (
        GREETED,
        (Digits("1"), SOLVED),
        (Digits("2"), SATISFIED),
        (Digits("3"), REMARK),
        (Recorded(9), "goodbye_followup | end"),
    ),
    "nothing to add": (
        GREETED,
        (Digits("1"), SOLVED),
        (Digits("1"), SATISFIED),
        (Digits("1"), REMARK),
        (Silence(), "goodbye_followup | end"),
    ),
    "an answer that is spoken and understood": (
        {"heard_contacted": Answer("yes")},
        GREETED,
        (Silence(), "say_after_beep | beep"),
        (Recorded(2), WAIT),
        (Silence(), SOLVED),
    ),
    "a key while we listen is as good": (
        GREETED,
        (Silence(), "say_after_beep | beep"),
        (Recorded(2), WAIT),
        (Digits("2"), SOLVED),
    ),
    "what is not understood by now is waited for once more, and then the key is asked for": (
        {"heard_contacted": Answer("waiting")},
        GREETED,
        (Silence(), "say_after_beep | beep"),
        (Recorded(2), WAIT),
        (Silence(), WAIT),
        (Silence(), "not_understood ask_contacted | keys"),
        (Digits("1"), SOLVED),
    ),
    "what is never understood, without a key: another time": (
        GREETED,
        (Silence(), "say_after_beep | beep"),
        (Recorded(2), WAIT),
        (Silence(), "not_understood ask_contacted | keys"),
        (Silence(), AGAIN),
    ),
    "nothing said and no key: another time": (
        GREETED,
        (Silence(), "say_after_beep | beep"),
        (Silence(), "not_understood ask_contacted | keys"),
        (Silence(), AGAIN),
    ),
    "no word on satisfaction: what was answered before stands": (
        GREETED,
        (Digits("1"), SOLVED),
        (Digits("1"), SATISFIED),
        (Silence(), "say_after_beep | beep"),
        (Silence(), "not_understood ask_satisfied | keys"),
        (Silence(), REMARK),
    ),
    "somebody else": (GREETED, (Digits("9"), "goodbye_wrong_number | end")),
    "no more such calls": (
        GREETED,
        (Digits("1"), SOLVED),
        (Digits("*"), "goodbye_no_more_calls | end"),
    ),
    "star ends the remark, too": (
        GREETED,
        (Digits("1"), SOLVED),
        (Digits("1"), SATISFIED),
        (Digits("1"), REMARK),
        (Recorded(3, key="*"), "goodbye_no_more_calls | end"),
    ),
    "a person": (
        GREETED,
        (Digits("0"), "connecting | ring"),
        (DialEnded("answered"), "end"),
    ),
    "no person to be had": (
        GREETED,
        (Digits("0"), "connecting | ring"),
        (DialEnded("no-answer"), "desk_empty ask_remark | beep"),
    ),
    "a machine hears no details": (
        {"followup_case": Answer("machine")},
        (Ringing(), "machine_answers | end"),
    ),
    "it need not be asked any more": ({"followup_case": Answer("over")}, (Ringing(), "end")),
    "the case cannot be looked up": (
        {"followup_case": Answer("unavailable")},
        (Ringing(), AGAIN),
    ),
    "hanging up after the second question": (
        GREETED,
        (Digits("1"), SOLVED),
        (Digits("1"), SATISFIED),
        (HungUp(), "over"),
    ),
}


@pytest.fixture(scope="module", params=["hongkong", "beijing"])
def callflow(request: pytest.FixtureRequest) -> Callflow:
    return load_city(ROOT / "cities" / request.param, "followup")


@pytest.mark.parametrize("path", PATHS)
def test_what_the_citizen_hears(callflow: Callflow, path: str) -> None:
    given_, *steps = PATHS[path] if isinstance(PATHS[path][0], dict) else ({}, *PATHS[path])
    walk = Walk(callflow, {**FINE, **given_}, callflow.languages[-1])
    assert [walk.hear(event) for event, _ in steps] == [heard for _, heard in steps]


def test_each_key_is_kept_as_what_it_means() -> None:
    walk = Walk(HONGKONG, language="en")
    for event in (Ringing(), Digits("1"), Digits("2"), Digits("3")):
        walk.hear(event)
    assert walk.kept == {"contacted": "yes", "solved": "no", "satisfied": "no"}


def test_keys_for_other_ways_out_keep_nothing() -> None:
    for key in ("9", "*", "0", "7"):
        walk = Walk(HONGKONG, language="en")
        walk.hear(Ringing())
        walk.hear(Digits(key))
        assert walk.kept == {}


@pytest.mark.parametrize("language", ["yue", "cmn", "en"])
def test_only_the_citizens_language_is_spoken(language: str) -> None:
    walk = Walk(HONGKONG, language=language)
    walk.hear(Ringing())
    assert {spoken for spoken, _ in walk.texts()} == {language}


def test_where_the_language_is_unknown_or_not_the_citys_all_are_spoken() -> None:
    for language in (None, "tlh"):
        walk = Walk(HONGKONG, language=language)
        walk.hear(Ringing())
        assert {spoken for spoken, _ in walk.texts()} == {"yue", "cmn", "en"}


@given(
    st.lists(st.sampled_from([*(Digits(k) for k in "01239*"), Silence(), Recorded(2)])), st.data()
)
def test_whatever_they_do_the_call_ends(doing: list[Any], data: st.DataObject) -> None:
    move = advance(HONGKONG, begin(HONGKONG, "en"), Ringing())
    doing = [*doing, *[Silence()] * 40]
    while not move.ended:
        if move.question:
            outcome = data.draw(st.sampled_from(sorted(QUESTIONS[move.question.name].outcomes)))
            told = {"number": "507304462"} if outcome == "known" else {}
            move = advance(HONGKONG, move.position, Answer(outcome, told))
        else:
            move = advance(HONGKONG, move.position, doing.pop(0))


# --- the checker -----------------------------------------------------------------------------------

GOOD = yaml.safe_load((DEFAULTS / "flows/followup.yaml").read_text(encoding="utf-8"))
BROKEN = {
    "an answer nobody knows": ("keeps", "satisfyed", "did you mean satisfied?"),
    "a meaning nobody knows": ("means", {"1": "vary", "2": "fairly", "3": "no"}, "mean very?"),
    "an answer without a key": ("means", {"1": "very", "2": "fairly"}, "has no key for no"),
    "a key that leads nowhere": (
        "means",
        {"1": "very", "2": "fairly", "4": "no"},
        "key 4 means no and leads nowhere",
    ),
    "meanings of nothing": ("keeps", None, "not what is kept"),
}


@pytest.mark.parametrize("mistake", BROKEN)
def test_a_menu_that_would_keep_nonsense_is_refused(tmp_path: Path, mistake: str) -> None:
    name, value, said = BROKEN[mistake]
    flow = deepcopy(GOOD)
    flow["steps"]["satisfied"][name] = value
    (tmp_path / "flows").mkdir()
    file = tmp_path / "flows/followup.yaml"
    file.write_text(yaml.safe_dump(flow, allow_unicode=True), encoding="utf-8")
    with pytest.raises(FlowError, match=said.replace("?", r"\?")) as refused:
        load(tmp_path, languages=["cmn", "en", "yue"], facts=FACTS, flow="followup")
    assert {problem.step for problem in refused.value.problems} == {"satisfied"}


def test_every_answer_is_asked_for_somewhere(callflow: Callflow) -> None:
    menus = [step for step in callflow.flow.steps.values() if isinstance(step, MenuStep)]
    assert {step.keeps for step in menus} == set(ANSWERS)
