"""A broken flow is refused: which step, what is wrong, and what to do about it."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from callflows import checker
from callflows.events import Answer, Recorded, Ringing
from callflows.problems import FlowError
from callflows.reader import DEFAULTS, load
from tests.flows.walk import FINE, Walk

ROOT = Path(__file__).parents[2]
FACTS = {"city": "Mytown", "hotline": "12345", "emergency": "110"}
GOOD = yaml.safe_load((DEFAULTS / "flows/hotline.yaml").read_text(encoding="utf-8"))

GONE = object()
Break = tuple[str, Any, str | None, str]
"""(what is changed in the good flow, to what, the step named, what is said)."""

BROKEN: dict[str, Break] = {
    "another version": ("spec", 2, None, "spec: Input should be 1"),
    "an unknown field": ("steps.message.silnt", "fallback", "message", "did you mean silent?"),
    "an unknown field of a retry": (
        "steps.fallback.wrong.limt",
        1,
        "fallback",
        "did you mean limit?",
    ),
    "an unknown kind": ("steps.message.kind", "recrod", "message", "did you mean record?"),
    "a missing field": ("steps.message.silent", GONE, "message", "add silent"),
    "an endless recording": ("steps.message.max_seconds", 3600, "message", "less than or equal"),
    "impatient silence": ("steps.message.silence_seconds", 2, "message", "greater than or equal"),
    "an endless wait": ("steps.what_next.timeout", 90, "what_next", "less than or equal to 15"),
    "endless patience": ("steps.fallback.wrong.limit", 9, "fallback", "less than or equal to 3"),
    "endless turns": ("max_turns", 1000, None, "less than or equal to 60"),
    "a menu that forgets silence": ("steps.fallback.silence", GONE, "fallback", "add silence"),
    "a menu that forgets wrong keys": ("steps.fallback.wrong", GONE, "fallback", "add wrong"),
    "a menu without a person": (
        "steps.fallback.options",
        {},
        "fallback",
        'add "0" to its options',
    ),
    "recordings without a person": ("keys", {"*": "progress_number"}, None, 'add "0" to keys'),
    "a long menu": (
        "steps.what_next.options",
        dict.fromkeys("012345", "person"),
        "what_next",
        "more than 5 options",
    ),
    "a key with two meanings": (
        "steps.fallback.options",
        {"0": "person", "1": "add"},
        "fallback",
        "key 1 is a language and an option",
    ),
    "an unknown start": ("start", "mesage", None, "did you mean message?"),
    "an unknown next step": ("steps.thanks.next", "what_nxt", "thanks", "did you mean what_next?"),
    "an unknown way of a key": ("keys.0", "persn", None, "did you mean person?"),
    "a step nobody reaches": (
        "steps.island",
        {"kind": "hangup"},
        "island",
        "no step leads here",
    ),
    "a circle without the caller": (
        "steps.person.outcomes.unavailable",
        "person",
        "person",
        "without waiting for the caller",
    ),
    "a circle of say steps": (
        "steps.desk_busy.next",
        "desk_busy",
        "desk_busy",
        "without waiting for the caller",
    ),
    "lost calls that wait": ("lost", "fallback", "fallback", "waits for the caller"),
    "an unknown question": (
        "steps.missed.question",
        "mised_case",
        "missed",
        "did you mean missed_case?",
    ),
    "a question that forgets an outcome": (
        "steps.person.outcomes.holiday",
        GONE,
        "person",
        "outcome holiday is not handled",
    ),
    "a question that forgets trouble": (
        "steps.case_number.outcomes.unknown",
        GONE,
        "case_number",
        "outcome unknown is not handled",
    ),
    "an outcome nobody gives": (
        "steps.person.outcomes.opened",
        "line",
        "person",
        "did you mean open?",
    ),
    "a try that says not what to try": (
        "steps.progress.outcomes.wrong",
        {"limit": 1, "then": "progress_refused"},
        "progress",
        "add again: <step>",
    ),
    "a dial that forgets an outcome": (
        "steps.connect.outcomes.busy",
        GONE,
        "connect",
        "outcome busy is not handled",
    ),
    "something said before a question": (
        "steps.noted.next",
        "case_number",
        "noted",
        "ask first, and say it after",
    ),
    "a prompt that is not there": ("steps.noted.say", ["notd"], "noted", "did you mean noted?"),
    "a value nobody has told": (
        "steps.noted.say",
        ["number"],
        "noted",
        "says {number}, which is not known here",
    ),
    "a value told where it may have to be said again": (
        "steps.message_after_progress.say",
        ["progress_told"],
        "message_after_progress",
        "says {status}, which is not known here",
    ),
    "a slow greeting": (
        "steps.message.say",
        ["nothing_heard"],
        "message",
        "more than 12 s (say less",
    ),
}


def write(folder: Path, flow: object) -> Path:
    """A city folder with that flow."""
    (folder / "flows").mkdir()
    file = folder / "flows/hotline.yaml"
    file.write_text(yaml.safe_dump(flow, allow_unicode=True), encoding="utf-8")
    return file


def broken(path: str, value: object) -> dict[str, Any]:
    """The good flow with one thing changed."""
    flow = deepcopy(GOOD)
    *way, last = path.split(".")
    place = flow
    for name in way:
        place = place[name]
    if value is GONE:
        del place[last]
    else:
        place[last] = value
    return flow


def problems(folder: Path) -> list[Any]:
    with pytest.raises(FlowError) as refused:
        load(folder, languages=["cmn", "en", "yue"], facts=FACTS)
    return list(refused.value.problems)


def test_the_good_flow_is_good(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    load(tmp_path, languages=["cmn", "en", "yue"], facts=FACTS)


@pytest.mark.parametrize("mistake", BROKEN)
def test_refused(tmp_path: Path, mistake: str) -> None:
    path, value, step, said = BROKEN[mistake]
    file = write(tmp_path, broken(path, value))
    found = [
        p for p in problems(tmp_path) if p.step == step and said in f"{p.what} ({p.suggestion})"
    ]
    assert found, problems(tmp_path)
    assert found[0].file == str(file)


def test_a_way_that_never_hangs_up_is_refused(tmp_path: Path) -> None:
    flow = broken("steps.what_next.silence", {"limit": 0, "then": "add"})
    flow["steps"]["what_next"]["wrong"]["then"] = "add"
    flow["steps"]["what_next"]["options"] = {"0": "add", "1": "add", "2": "anew"}
    flow["steps"]["anew"]["recorded"] = "noted"
    flow["keys"] = {"0": "what_next"}
    write(tmp_path, flow)
    assert "no way from here ends the call" in {p.what for p in problems(tmp_path)}


def test_a_flow_of_before_need_not_know_what_is_known_already(tmp_path: Path) -> None:
    flow = deepcopy(GOOD)
    for name in ("known", "same_or_not", "keep_apart"):
        del flow["steps"][name]
    for name in ("heard", "heard_place", "heard_anew"):
        del flow["steps"][name]["outcomes"]["known"]
    write(tmp_path, flow)
    languages = ("cmn", "en", "yue")
    good = load(tmp_path, languages=languages, facts=FACTS)
    assert not good.flow.handles("understood", "known")
    # An answer it does not know is no answer; the call goes on.
    told = Answer("known", {"heard": "the nets", "earlier": "507304111", "owner": "the desk"})
    walk = Walk(good, {**FINE, "understood": told}, "en")
    walk.hear(Ringing())
    assert walk.hear(Recorded(9)) == "thanks number once_more number more_or_anew | keys"


def test_one_step_that_asks_and_does_not_know_is_enough(tmp_path: Path) -> None:
    flow = deepcopy(GOOD)
    del flow["steps"]["heard_anew"]["outcomes"]["known"]
    write(tmp_path, flow)
    good = load(tmp_path, languages=("cmn", "en", "yue"), facts=FACTS)
    assert good.flow.handles("understood", "known")
    assert not good.flow.handles("understood_place", "known")


def test_a_step_named_twice_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path, GOOD)
    file.write_text(file.read_text() + "\nstart: message\n")
    assert "'start' is given twice" in problems(tmp_path)[0].what


def test_something_that_is_not_yaml_is_refused(tmp_path: Path) -> None:
    write(tmp_path, GOOD).write_text("steps: [")
    assert "is not YAML" in problems(tmp_path)[0].what


def prompt_file(folder: Path, content: str) -> Path:
    (folder / "prompts").mkdir()
    file = folder / "prompts/en.yaml"
    file.write_text(content, encoding="utf-8")
    return file


BROKEN_PROMPTS = {
    "a prompt nobody says": (
        "{godbye: Bye.}",
        "prompt godbye is never said (did you mean goodbye?)",
    ),
    "an unknown placeholder where no step says it": (
        '{fallback: "Sorry, {citty}."}',
        "prompt fallback (en) says {citty}",
    ),
    "an unknown placeholder": ('{goodbye: "Bye, {citty}."}', "{citty}, which is not known here"),
    "an unknown form": ('{goodbye: "Bye, {hotline:digit}."}', "has a stray brace"),
    "an empty prompt": ('{goodbye: ""}', "is empty or not one plain line"),
    "a control character": ('{goodbye: "Bye\\e."}', "is empty or not one plain line"),
}


@pytest.mark.parametrize("mistake", BROKEN_PROMPTS)
def test_refused_prompts(tmp_path: Path, mistake: str) -> None:
    prompts, said = BROKEN_PROMPTS[mistake]
    prompt_file(tmp_path, f"spec: 1\nlanguage: en\nprompts: {prompts}\n")
    assert said in "\n".join(map(str, problems(tmp_path)))


def test_a_prompt_missing_in_one_language_is_refused(tmp_path: Path) -> None:
    write(tmp_path, broken("steps.noted.say", ["farewell"]))
    prompt_file(tmp_path, "spec: 1\nlanguage: en\nprompts: {farewell: Bye.}\n")
    said = [p.what for p in problems(tmp_path)]
    assert said == ["prompt farewell is not there in cmn", "prompt farewell is not there in yue"]


def test_a_prompt_file_of_another_language_is_refused(tmp_path: Path) -> None:
    prompt_file(tmp_path, "spec: 1\nlanguage: yue\nprompts: {}\n")
    assert problems(tmp_path)[0].suggestion == "write language: en"


@pytest.mark.parametrize("city", ["hongkong", "beijing"])
def test_the_command_says_that_a_city_is_good(
    city: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert checker.main([str(ROOT / "cities" / city)]) == 0
    assert "good" in capsys.readouterr().out


def test_the_command_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    city = (ROOT / "cities/beijing/city.yaml").read_text(encoding="utf-8")
    (tmp_path / "city.yaml").write_text(city, encoding="utf-8")
    file = write(tmp_path, broken("steps.thanks.next", "what_nxt"))
    assert checker.main([str(tmp_path)]) == 1
    assert f"{file}: step thanks: next leads to what_nxt" in capsys.readouterr().err
