"""Whatever a caller, a provider or an edge does, the engine finds a way on, and an end."""

import unicodedata
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from hypothesis import given
from hypothesis import strategies as st

from callflows.engine import Move, Position, advance, begin
from callflows.events import Answer, DialEnded, Digits, HungUp, Recorded, Ringing, Silence
from callflows.flow import QUESTIONS, Callflow
from callflows.instructions import HangUp, SilenceFollows
from callflows.reader import load_city
from tests.flows.walk import DUE, OWNER, STATUS, prompts

CALLFLOW = load_city(Path(__file__).parents[2] / "cities" / "hongkong")
MOST_QUESTIONS = 5

keys = st.text("0123456789*#ab一", max_size=12)
names = st.sampled_from(["number", "heard", "status", "owner", "due", "hotline", "other"])
texts = st.text(max_size=9)
values = st.dictionaries(
    names, texts | st.dictionaries(st.sampled_from(["yue", "cmn", "en"]), texts), max_size=6
)
outcomes = st.sampled_from(sorted({o for kind in QUESTIONS.values() for o in kind.outcomes}))
answers = st.builds(
    Answer, outcomes | texts, values, st.none() | st.sampled_from(["yue", "cmn", "en", "ja"])
) | st.builds(
    lambda outcome: Answer(
        outcome,
        {"number": "507304462", "heard": OWNER, "status": STATUS, "owner": OWNER, "due": DUE},
    ),
    outcomes,
)
from_caller = st.one_of(
    st.just(Ringing()),
    st.builds(Digits, st.sampled_from([*"0123456789*", "507304462", "1823"]) | keys),
    st.just(Silence()),
    st.builds(
        Recorded,
        st.none() | st.floats(allow_nan=True),
        st.none() | st.sampled_from([*"0*#5", ""]),
    ),
    st.builds(DialEnded, st.sampled_from(["answered", "busy", "no-answer", "failed"])),
    answers,
)


def positions(callflow: Callflow) -> st.SearchStrategy[Position]:
    """Any position that `Position.from_query` lets in."""
    return st.builds(
        Position,
        step=st.sampled_from(callflow.flow.places),
        turn=st.integers(0, callflow.flow.max_turns + 1),
        language=st.none() | st.sampled_from(callflow.languages),
        silences=st.integers(0, callflow.flow.max_turns),
        wrong=st.integers(0, callflow.flow.max_turns),
    )


def settle(move: Move, data: st.DataObject) -> Move:
    """Answer questions, somehow, until there is something to hear."""
    for _ in range(MOST_QUESTIONS):
        if not move.question:
            break
        assert move.instructions == () and not move.ended
        move = advance(CALLFLOW, move.position, data.draw(answers))
    assert move.question is None
    return move


def check(move: Move) -> None:
    """The caller hears whole sentences, and then there is a way on or the end."""
    for prompt in prompts(move):
        assert prompt.text.strip() and "{" not in prompt.text
        assert ElementTree.fromstring(f"<Say>{escape(prompt.text)}</Say>").text == prompt.text
        # Not isprintable(): that forbids every character younger than this Python.
        assert "Cc" not in map(unicodedata.category, prompt.text)
    if move.ended:
        assert move.instructions[-1] == HangUp()
    else:
        assert move.instructions[-1] == SilenceFollows()
    assert Position.from_query(move.position.to_query(), CALLFLOW) == move.position


@given(st.data())
def test_any_call_ends_by_itself_within_its_turns(data: st.DataObject) -> None:
    position, ended = begin(CALLFLOW), False
    event = Ringing()
    for _ in range(CALLFLOW.flow.max_turns + 1):
        move = settle(advance(CALLFLOW, position, event), data)
        check(move)
        if ended := move.ended:
            break
        position, event = move.position, data.draw(from_caller)
    assert ended


@given(st.data(), positions(CALLFLOW))
def test_any_event_anywhere_gives_a_move(data: st.DataObject, position: Position) -> None:
    check(settle(advance(CALLFLOW, position, data.draw(from_caller)), data))


@given(st.data(), positions(CALLFLOW))
def test_from_anywhere_silence_alone_soon_leads_to_the_end(
    data: st.DataObject, position: Position
) -> None:
    for _ in range(8):
        move = settle(advance(CALLFLOW, position, Silence()), data)
        if move.ended:
            return
        position = move.position
    raise AssertionError("eight silences and still on the line")


@given(positions(CALLFLOW))
def test_a_hang_up_anywhere_is_the_end_and_never_an_error(position: Position) -> None:
    for event in (HungUp(), Recorded(3, hung_up=True), Recorded(None, "0", hung_up=True)):
        assert advance(CALLFLOW, position, event) == Move(position, ended=True)


@given(positions(CALLFLOW), from_caller)
def test_the_same_event_gives_the_same_move(position: Position, event) -> None:
    assert advance(CALLFLOW, position, event) == advance(CALLFLOW, position, event)
