"""Walks a call flow: what the caller did, and where, gives what the caller hears next. Pure.

    position = begin(callflow)
    move = advance(callflow, position, Ringing())
    while move.question:                      # only the edge knows the answer
        move = advance(callflow, move.position, Answer(...))
    ...carry out move.instructions, and come back with move.position and what was heard

Total: every event at every step gives a move. Who hangs up has ended the walk. A recording where
nobody asked for one, a second ringing, an answer to no question and the like say the step once
more; each such turn counts, and a call whose turns are used up is led to the flow's `lost` step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from callflows.events import (
    Answer,
    DialEnded,
    Digits,
    Event,
    HungUp,
    Recorded,
    Ringing,
    Silence,
    Values,
)
from callflows.flow import (
    QUESTIONS,
    Breaths,
    Callflow,
    CheckStep,
    DialStep,
    DigitsStep,
    HangupStep,
    MenuStep,
    QuestionKind,
    RecordStep,
    Retry,
    SayStep,
)
from callflows.instructions import (
    Dial,
    HangUp,
    Instruction,
    Listen,
    Prompt,
    Record,
    SilenceFollows,
    Speak,
)
from callflows.position import Position, PositionError
from callflows.prompts import speakable

__all__ = ["Move", "Position", "PositionError", "Question", "advance", "begin"]

GREETING_PAUSE = 1
"""Seconds left for a key between the end of a prompt and the beep: the least a provider allows."""


@dataclass(frozen=True)
class Question:
    """Something only the edge knows. keep: digits keyed in this very turn (see `Move.keep`)."""

    name: str
    keep: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Move:
    """What follows from an event.

    instructions: for the telephone; empty while a question is open.
    question: to be answered at once, with `advance(callflow, move.position, Answer(...))`.
    keep: digits the caller keyed, or answers they mean, by name, to be remembered with the turn.
    ended: the walk is over.
    """

    position: Position
    instructions: tuple[Instruction, ...] = ()
    question: Question | None = None
    keep: Mapping[str, str] = field(default_factory=dict)
    ended: bool = False


@dataclass(frozen=True)
class _Way:
    """The way chosen: the position it leads to, and what is taken along.

    say: said before the step there. values: what an answer told. same_try: counters go on.
    beep_now: the prompts of the step there are left out.
    """

    position: Position
    say: Breaths = ()
    values: Values = field(default_factory=dict)
    keep: Mapping[str, str] = field(default_factory=dict)
    same_try: bool = False
    beep_now: bool = False


def begin(callflow: Callflow, language: str | None = None) -> Position:
    """The position of a call that is ringing. language: the citizen's, where it is known already."""
    known = language if language in callflow.languages else None
    return Position(callflow.flow.start, language=known)


def advance(callflow: Callflow, position: Position, event: Event) -> Move:
    """What the caller hears next. The position must be one of this flow (`from_query` checks)."""
    if isinstance(event, HungUp) or (isinstance(event, Recorded) and event.hung_up):
        return Move(position, ended=True)
    if not _answers(callflow, position, event):
        if position.turn >= callflow.flow.max_turns:
            return _arrive(callflow, _to(_count_turn(callflow, position), callflow.flow.lost))
        position = _count_turn(callflow, position)
    return _arrive(callflow, _choose(callflow, position, event))


def _answers(callflow: Callflow, position: Position, event: Event) -> bool:
    """An answer to an open question is no turn of the caller."""
    asked = isinstance(callflow.flow.steps[position.step], CheckStep)
    return asked and isinstance(event, Answer)


def _count_turn(callflow: Callflow, position: Position) -> Position:
    return replace(position, turn=min(position.turn, callflow.flow.max_turns) + 1)


# --- which way the event leads ---------------------------------------------------------------


def _choose(callflow: Callflow, position: Position, event: Event) -> _Way:
    if isinstance(event, Ringing):
        return _to(position, callflow.flow.start)
    match callflow.flow.steps[position.step]:
        case RecordStep() as step:
            return _from_record(callflow, position, step, event)
        case MenuStep() as step:
            return _from_menu(callflow, position, step, event)
        case DigitsStep() as step:
            return _from_digits(position, step, event)
        case DialStep() as step:
            return _from_dial(position, step, event)
        case CheckStep() as step if isinstance(event, Answer):
            return _from_check(callflow, position, step, event)
        case _:
            return _stay(position)


def _from_record(callflow: Callflow, position: Position, step: RecordStep, event: Event) -> _Way:
    keys = callflow.flow.keys
    match event:
        case Digits(pressed) if pressed[:1] in keys:
            return _to(position, keys[pressed[:1]])
        case Digits():  # any other key only says: let me talk
            return replace(_stay(position), beep_now=True)
        case Recorded(key=str(key)) if key in keys:
            return _to(position, keys[key])
        case Recorded() if not _too_short(event, step):
            return _to(position, step.recorded)
        case Recorded() | Silence():
            return _to(position, step.silent)
        case _:
            return _stay(position)


def _too_short(event: Recorded, step: RecordStep) -> bool:
    """Nobody can have said anything, unless a key says that it was meant."""
    return event.key is None and event.seconds is not None and event.seconds < step.shortest


def _from_menu(callflow: Callflow, position: Position, step: MenuStep, event: Event) -> _Way:
    match event:
        case Digits(pressed) if pressed:
            return _menu_key(callflow, position, step, pressed[0])
        case Digits() | Silence():
            return _silent(position, step.silence)
        case _:
            return _stay(position)


def _menu_key(callflow: Callflow, position: Position, step: MenuStep, pressed: str) -> _Way:
    languages = dict(zip("123456789", callflow.languages, strict=False))
    if step.languages and pressed in languages:
        return _to(replace(position, language=languages[pressed]), step.languages)
    if pressed in step.options:
        means = {step.keeps: step.means[pressed]} if step.keeps and pressed in step.means else {}
        return replace(_to(position, step.options[pressed]), keep=means)
    return _wrong(position, step.wrong)


def _from_digits(position: Position, step: DigitsStep, event: Event) -> _Way:
    match event:
        case Digits(pressed) if pressed:
            return _entry(position, step, pressed)
        case Digits() | Silence():
            return _silent(position, step.silence)
        case _:
            return _stay(position)


def _entry(position: Position, step: DigitsStep, pressed: str) -> _Way:
    whole = "*" if pressed.endswith("*") else pressed  # `*` cancels what was keyed before it
    if whole in step.keys:
        return _to(position, step.keys[whole])
    fits = step.length <= len(pressed) <= (step.longest or step.length)
    if fits and pressed.isascii() and pressed.isdigit():
        return replace(_to(position, step.next), keep={step.name: pressed})
    return _wrong(position, step.wrong)


def _from_dial(position: Position, step: DialStep, event: Event) -> _Way:
    """Whatever does not tell how it ended has failed: nobody is made to wait twice."""
    if isinstance(event, DialEnded) and event.outcome in step.outcomes:
        return _to(position, step.outcomes[event.outcome])
    return _to(position, step.outcomes["failed"])


def _from_check(callflow: Callflow, position: Position, step: CheckStep, answer: Answer) -> _Way:
    kind = QUESTIONS[step.question]
    told = answer.outcome in step.outcomes and _tells_all(answer, kind, callflow.languages)
    target = step.outcomes[answer.outcome if told else kind.trouble]
    if isinstance(target, Retry):
        return _wrong(position, target)
    if position.language is None and told and answer.language in callflow.languages:
        position = replace(position, language=answer.language)
    return replace(_to(position, target), values=answer.values)


def _tells_all(answer: Answer, kind: QuestionKind, languages: tuple[str, ...]) -> bool:
    """The outcome is a known one and tells all that the prompts after it will say."""
    if answer.outcome not in kind.outcomes:
        return False
    values = [answer.values.get(name, "") for name in kind.outcomes[answer.outcome]]
    return all(_in_every_language(value, languages) for value in values)


def _in_every_language(value: str | Mapping[str, str], languages: tuple[str, ...]) -> bool:
    texts = [value] if isinstance(value, str) else [value.get(code, "") for code in languages]
    return all(speakable(text) for text in texts)


# --- ways ------------------------------------------------------------------------------------


def _to(position: Position, step: str) -> _Way:
    return _Way(replace(position, step=step))


def _stay(position: Position) -> _Way:
    return _Way(position, same_try=True)


def _silent(position: Position, retry: Retry) -> _Way:
    return _again(replace(position, silences=position.silences + 1), retry, position.silences)


def _wrong(position: Position, retry: Retry) -> _Way:
    return _again(replace(position, wrong=position.wrong + 1), retry, position.wrong)


def _again(counted: Position, retry: Retry, before: int) -> _Way:
    """Once more, unless it has been so often enough before."""
    if before >= retry.limit:
        return _to(counted, retry.then)
    back = replace(counted, step=retry.again or counted.step)
    return _Way(back, say=retry.say, same_try=True)


# --- what the caller hears there ---------------------------------------------------------------


def _arrive(callflow: Callflow, way: _Way) -> Move:
    """Speak every `say` step on the way, up to the step that waits, asks or ends."""
    position, prompts = way.position, _spoken(callflow, way, way.say)
    while isinstance(step := callflow.flow.steps[position.step], SayStep):
        prompts += _spoken(callflow, way, step.say)
        position = replace(position, step=step.next)
    if not way.same_try and not isinstance(step, DigitsStep | CheckStep):
        position = replace(position, silences=0, wrong=0)  # keying a number is one try, to its end
    if isinstance(step, CheckStep):
        return Move(position, question=Question(step.question, way.keep), keep=way.keep)
    prompts += _spoken(callflow, way, step.say)
    instructions = _instructions(callflow, step, () if way.beep_now else prompts)
    return Move(position, instructions, keep=way.keep, ended=isinstance(step, HangupStep))


def _spoken(callflow: Callflow, way: _Way, breaths: Breaths) -> tuple[Prompt, ...]:
    """Each breath in the caller's language or, while that is unknown, in every language."""
    language = way.position.language
    languages = (language,) if language else callflow.languages
    return tuple(
        prompt
        for breath in breaths
        for language in languages
        for key in breath
        for prompt in callflow.prompts.fill(key, language, way.values)
    )


def _instructions(
    callflow: Callflow,
    step: RecordStep | MenuStep | DigitsStep | DialStep | HangupStep,
    prompts: tuple[Prompt, ...],
) -> tuple[Instruction, ...]:
    match step:
        case RecordStep():
            return _listen_then_record(callflow, step, prompts)
        case MenuStep():
            keys = "".join(_menu_keys(callflow, step))
            return Listen(prompts, keys, 1, "#", step.timeout), SilenceFollows()
        case DigitsStep():
            most = step.longest or step.length
            return Listen(prompts, "0123456789*", most, "#", step.timeout), SilenceFollows()
        case DialStep():
            return Speak(prompts), Dial(step.timeout), SilenceFollows()
        case HangupStep():
            return (Speak(prompts), HangUp()) if prompts else (HangUp(),)


def _listen_then_record(
    callflow: Callflow, step: RecordStep, prompts: tuple[Prompt, ...]
) -> tuple[Instruction, ...]:
    keys = "".join(callflow.flow.keys)
    record = Record(step.max_seconds, step.silence_seconds, finish_keys=f"{keys}#")
    if not prompts:
        return record, SilenceFollows()
    return Listen(prompts, keys, 1, "#", GREETING_PAUSE), record, SilenceFollows()


def _menu_keys(callflow: Callflow, step: MenuStep) -> list[str]:
    languages = "123456789"[: len(callflow.languages)] if step.languages else ""
    return sorted({*languages, *step.options})
