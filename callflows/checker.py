"""Finds the mistakes in a call flow before a caller does.

    python -m callflows.checker cities/*

`callflows.reader` refuses a flow with a problem. What the schema in `callflows/flow.py` can say
(unknown fields, waits out of bounds, a menu without `silence`) has been checked before.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from callflows.engine import GREETING_PAUSE
from callflows.flow import (
    ANSWERS,
    QUESTIONS,
    Breaths,
    Callflow,
    CheckStep,
    DialStep,
    Flow,
    HangupStep,
    MenuStep,
    RecordStep,
    Retry,
    SayStep,
    Way,
)
from callflows.pace import seconds
from callflows.problems import FlowError, Problem, did_you_mean
from callflows.prompts import PLACEHOLDER, speakable

LONGEST_GREETING = 12.0
"""Seconds from answer to beep."""
MOST_OPTIONS = 5
STAND_INS = {
    name: "000000000"
    for kind in QUESTIONS.values()
    for told in kind.outcomes.values()
    for name in told
}
"""For what is only learnt in a call."""
DIAL_OUTCOMES = ("answered", "busy", "no-answer", "failed")

Finding = tuple[str | None, str, str]
"""(step, what is wrong, suggestion); the file is added by `check`."""


def check(
    callflow: Callflow, file: str, new_prompts: Mapping[str, Iterable[str]] | None = None
) -> list[Problem]:
    """The problems of a flow. Prompts are looked at once its steps are in order.

    file: the flow's, for the messages. new_prompts: prompt file -> the prompts only it has.
    """
    stages = (_unknown_steps, _structure, _prompts, _slow_greeting)
    findings = next(filter(None, (list(stage(callflow)) for stage in stages)), [])
    problems = [Problem(file, *finding) for finding in findings]
    return problems + list(_unused(callflow, new_prompts or {}))


def _structure(callflow: Callflow) -> Iterator[Finding]:
    flow = callflow.flow
    for rule in (_unreachable, _endless, _lost_waits, _questions, _dials, _no_person, _unheard):
        yield from rule(flow)
    yield from _menus(callflow)


# --- the graph -------------------------------------------------------------------------------


def _unknown_steps(callflow: Callflow) -> Iterator[Finding]:
    flow = callflow.flow
    ends = [(None, "start", flow.start), (None, "lost", flow.lost)]
    ends += [(None, f"keys {key}", to) for key, to in flow.keys.items()]
    inner = [(name, label, to) for name, step in flow.steps.items() for label, to in step.ways()]
    for name, label, to in [*ends, *inner]:
        if to not in flow.steps:
            what = f"{label or 'next'} leads to {to}, and there is no such step"
            yield name, what, did_you_mean(to, flow.steps)


def _reached(flow: Flow, start: Iterable[str]) -> set[str]:
    reached, waiting = set[str](), list(start)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += [to for _, to in flow.ways(name)]
    return reached


def _unreachable(flow: Flow) -> Iterator[Finding]:
    for name in sorted(flow.steps.keys() - _reached(flow, [flow.start, flow.lost])):
        yield name, "no step leads here", "lead to it, or remove it"


def _endless(flow: Flow) -> Iterator[Finding]:
    """No way to hang up, or a circle in which nobody is asked anything."""
    for name in flow.steps:
        if not any(isinstance(flow.steps[to], HangupStep) for to in _reached(flow, [name])):
            yield name, "no way from here ends the call", "lead to a hangup step"
        if name in _without_caller(flow, _silent_ways(flow, name)):
            yield name, "leads back to itself without waiting for the caller", "break the circle"


def _silent_ways(flow: Flow, name: str) -> list[str]:
    """Where a step leads at once: not by a key, a silence, or a try that is counted."""
    step = flow.steps[name]
    if isinstance(step, SayStep):
        return [step.next]
    if isinstance(step, CheckStep):
        return [to.then if isinstance(to, Retry) else to for to in step.outcomes.values()]
    return []


def _without_caller(flow: Flow, start: Iterable[str]) -> set[str]:
    """The steps reached before anybody waits for the caller."""
    reached, waiting = set[str](), list(start)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += _silent_ways(flow, name)
    return reached


def _lost_waits(flow: Flow) -> Iterator[Finding]:
    for name in sorted(_reached(flow, [flow.lost])):
        if not isinstance(flow.steps[name], SayStep | CheckStep | HangupStep):
            what = f"waits for the caller, on the way of lost calls ({flow.lost})"
            yield name, what, "from `lost` on only say, check and hangup"


# --- single steps ------------------------------------------------------------------------------


def _questions(flow: Flow) -> Iterator[Finding]:
    for name, step in flow.steps.items():
        if isinstance(step, CheckStep):
            yield from _question(name, step)


def _question(name: str, step: CheckStep) -> Iterator[Finding]:
    kind = QUESTIONS.get(step.question)
    if kind is None:
        yield name, f"unknown question {step.question}", did_you_mean(step.question, QUESTIONS)
        return
    for outcome in sorted(kind.outcomes.keys() - kind.optional - step.outcomes.keys()):
        yield name, f"outcome {outcome} is not handled", f"say where {outcome} leads"
    for outcome, target in step.outcomes.items():
        if outcome not in kind.outcomes:
            yield name, f"unknown outcome {outcome}", did_you_mean(outcome, kind.outcomes)
        if isinstance(target, Retry) and not target.again:
            yield name, f"outcome {outcome} does not say what to try again", "add again: <step>"


def _dials(flow: Flow) -> Iterator[Finding]:
    for name, step in flow.steps.items():
        if isinstance(step, DialStep):
            for outcome in sorted(set(DIAL_OUTCOMES) - set(step.outcomes)):
                yield name, f"outcome {outcome} is not handled", f"say where {outcome} leads"


def _no_person(flow: Flow) -> Iterator[Finding]:
    if "0" not in flow.keys:
        yield None, "keys has no way to a person from a recording", 'add "0" to keys'


def _menus(callflow: Callflow) -> Iterator[Finding]:
    languages = set("123456789"[: len(callflow.languages)])
    for name, step in callflow.flow.steps.items():
        if not isinstance(step, MenuStep):
            continue
        if "0" not in step.options:
            yield name, "has no way to a person", 'add "0" to its options'
        chosen = languages if step.languages else set[str]()
        if len(chosen) + len(step.options) > MOST_OPTIONS:
            yield name, f"has more than {MOST_OPTIONS} options", "nobody remembers more: drop some"
        for key in sorted(chosen & set[str](step.options)):
            yield name, f"key {key} is a language and an option", "use another key"
        yield from _kept_answers(name, step)


def _kept_answers(name: str, step: MenuStep) -> Iterator[Finding]:
    """A menu that keeps an answer has a key for each, and none for what is no answer."""
    if step.keeps is None:
        if step.means:
            yield name, "says what keys mean, but not what is kept", "add keeps: <answer>"
        return
    if step.keeps not in ANSWERS:
        yield name, f"keeps {step.keeps}, which is no answer", did_you_mean(step.keeps, ANSWERS)
        return
    for meaning in sorted(ANSWERS[step.keeps] - {*step.means.values()}):
        yield name, f"has no key for {meaning}", f"say which key means {meaning}"
    for key, meaning in step.means.items():
        if meaning not in ANSWERS[step.keeps]:
            yield name, f"key {key} means {meaning}", did_you_mean(meaning, ANSWERS[step.keeps])
        if key not in step.options:
            yield name, f"key {key} means {meaning} and leads nowhere", "add it to options"


def _unheard(flow: Flow) -> Iterator[Finding]:
    """A question is answered before anything is said, so nothing may be said on the way to it."""
    for name, step in flow.steps.items():
        says = [step.next] if isinstance(step, SayStep) else []
        says += [retry.again or name for retry in _retries(step) if retry.say]
        for to in says:
            if isinstance(flow.steps[to], CheckStep):
                yield name, f"says something and asks {to} next", "ask first, and say it after"


def _retries(step: object) -> list[Retry]:
    fields = list(vars(step).values()) + list(getattr(step, "outcomes", {}).values())
    return [field for field in fields if isinstance(field, Retry)]


# --- prompts -----------------------------------------------------------------------------------


def _said(step: object) -> Breaths:
    own: Breaths = getattr(step, "say", ())
    return own + tuple(breath for retry in _retries(step) for breath in retry.say)


def _prompts(callflow: Callflow) -> Iterator[Finding]:
    told = _told(callflow.flow)
    for name, step in callflow.flow.steps.items():
        for key in dict.fromkeys(key for breath in _said(step) for key in breath):
            yield from _prompt(callflow, name, key, told[name])
    for key in sorted(_all_prompts(callflow) - _said_somewhere(callflow)):
        yield from _prompt(callflow, None, key, frozenset(STAND_INS))  # said by others than a flow


def _all_prompts(callflow: Callflow) -> set[str]:
    return {key for texts in callflow.prompts.texts.values() for key in texts}


def said_by(flow: Flow) -> set[str]:
    """The prompts that any step of the flow says."""
    return {key for step in flow.steps.values() for breath in _said(step) for key in breath}


def _said_somewhere(callflow: Callflow) -> set[str]:
    return said_by(callflow.flow)


def _prompt(
    callflow: Callflow, name: str | None, key: str, told: frozenset[str]
) -> Iterator[Finding]:
    for language, texts in callflow.prompts.texts.items():
        if key in texts:
            what = f"prompt {key} ({language})"
            yield from _text(name, what, texts[key], {*callflow.prompts.facts, *told})
        else:
            yield name, f"prompt {key} is not there in {language}", did_you_mean(key, texts)


def _text(name: str | None, what: str, text: str, known: set[str]) -> Iterator[Finding]:
    for placeholder in sorted({match[1] for match in PLACEHOLDER.finditer(text)} - known):
        missing = f"{what} says {{{placeholder}}}, which is not known here"
        yield name, missing, did_you_mean(placeholder, known)
    if re.search("[{}]", PLACEHOLDER.sub("", text)):
        yield name, f"{what} has a stray brace", "write {name} or {name:digits}"
    if not text or text != speakable(text):
        yield name, f"{what} is empty or not one plain line", "write plain text"


def _told(flow: Flow) -> Mapping[str, frozenset[str]]:
    """What answers have told at each say step, whichever way led there in the same turn.

    Nothing at the others: they may be said again in a later turn, when the answer is gone.
    """
    says = {name: step for name, step in flow.steps.items() if isinstance(step, SayStep)}
    sources: dict[str, list[Way]] = {name: [] for name in flow.steps}
    for name in flow.steps:
        for label, to in flow.ways(name):
            sources[to].append((label, name))

    def told(name: str) -> frozenset[str]:
        step_sources = [] if name == flow.start else sources[name]
        heard = [
            told(source) if source in says else _values(flow.steps[source], label)
            for label, source in step_sources
        ]
        return frozenset.intersection(*heard) if heard else frozenset()

    return {name: told(name) if name in says else frozenset() for name in flow.steps}


def _values(step: object, outcome: str) -> frozenset[str]:
    if isinstance(step, CheckStep) and step.question in QUESTIONS:
        return QUESTIONS[step.question].outcomes.get(outcome, frozenset())
    return frozenset()


def _unused(callflow: Callflow, new: Mapping[str, Iterable[str]]) -> Iterator[Problem]:
    for file, keys in new.items():
        for key in sorted(set(keys) - _said_somewhere(callflow)):
            suggestion = did_you_mean(key, _all_prompts(callflow) - {key})
            yield Problem(file, None, f"prompt {key} is never said", suggestion)


# --- the greeting ------------------------------------------------------------------------------


def greeting_seconds(callflow: Callflow) -> float:
    """Estimated time from answer to beep, in every language in turn; 0 if no recording starts."""
    return max((_until_beep(callflow, way) for way in _greetings(callflow.flow)), default=0.0)


def _greetings(flow: Flow) -> Iterator[Breaths]:
    """What may be said before the first recording."""
    todo: list[tuple[str, Breaths]] = [(flow.start, ())]
    while todo:
        name, said = todo.pop()
        step = flow.steps[name]
        said += getattr(step, "say", ())
        if isinstance(step, RecordStep):
            yield said
        todo += [(to, said) for to in _silent_ways(flow, name)]


def _until_beep(callflow: Callflow, breaths: Breaths) -> float:
    said = (
        seconds(prompt.text, language)
        for breath in breaths
        for language in callflow.languages
        for key in breath
        for prompt in callflow.prompts.fill(key, language, STAND_INS)
    )
    return sum(said) + GREETING_PAUSE


def _slow_greeting(callflow: Callflow) -> Iterator[Finding]:
    needed = greeting_seconds(callflow)
    if needed > LONGEST_GREETING:
        what = f"about {needed:.1f} s from answer to beep, more than {LONGEST_GREETING:.0f} s"
        yield callflow.flow.start, what, "say less: a second is four or five syllables"


def main(folders: list[str]) -> int:
    """Check the flows of each city folder. Returns the exit status."""
    from callflows.reader import FLOWS, load_city  # the reader refuses by our rules: it imports us

    failed = 0
    for folder, flow in ((Path(folder), flow) for folder in folders for flow in FLOWS):
        try:
            callflow = load_city(folder, flow)
            heard = f"about {greeting_seconds(callflow):.1f} s from answer to beep"
            print(f"{folder}: {flow} is good{f', {heard}' if flow == FLOWS[0] else ''}")
        except FlowError as error:
            print(f"{folder}: {flow} must be in no call\n{error}", file=sys.stderr)
            failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main([folder for folder in sys.argv[1:] if (Path(folder) / "city.yaml").exists()]))
