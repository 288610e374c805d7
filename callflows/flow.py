"""A call flow as typed data: the closed list of step kinds, and of questions a flow may ask.

A flow is a YAML file with `spec: 1` and named steps; `callflows/flows/hotline.yaml` is the default
one and shows every kind, `callflows/flows/followup.yaml` the one we ring citizens back with.
Whatever a step says before it waits is said inside the wait, so that a key may cut it short.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from callflows.prompts import PromptBook

StepName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Key = Annotated[str, Field(pattern=r"^[0-9*]$")]
WayOutKey = Annotated[str, Field(pattern=r"^[0*]$")]
"""The two keys that mean the same wherever they work: `0` a person, `*` back or an earlier case."""

Breath = tuple[str, ...]
"""Prompt keys said in one go in one language. Language unknown: the whole breath in each."""


def _breaths(value: object) -> object:
    """`[a, [b, c]]` is short for `[[a], [b, c]]`."""
    if not isinstance(value, list | tuple):
        return value
    return [[breath] if isinstance(breath, str) else breath for breath in value]


Breaths = Annotated[tuple[Breath, ...], BeforeValidator(_breaths)]
Way = tuple[str, str]
"""(what leads there, the step it leads to)."""


@dataclass(frozen=True)
class QuestionKind:
    """A question only the edge can answer.

    outcomes: every possible answer, each with the values it tells.
    trouble: the outcome that stands for "could not find out", and for any answer not listed.
    optional: outcomes that a flow need not lead anywhere; then they are never the answer.
    """

    outcomes: Mapping[str, frozenset[str]]
    trouble: str
    optional: frozenset[str] = frozenset()


def _question(trouble: str, *plain: str, **telling: str) -> QuestionKind:
    outcomes = {name: frozenset[str]() for name in (*plain, trouble)}
    outcomes |= {name: frozenset(values.split()) for name, values in telling.items()}
    return QuestionKind(outcomes, trouble)


HEARD: Mapping[str, str] = {
    "understood": "number heard",
    "danger": "number heard",
    "danger_unclear": "number",
    "known": "heard earlier owner",
}
"""How what was said may be understood. `danger`: somebody's life may be at stake; `danger_unclear`: and
nothing else of it is certain. `known`: the caller told of it before; `earlier` is that case's number."""


def _listening(*plain: str) -> QuestionKind:
    asked = _question("unclear", "waiting", *plain, **HEARD)
    return replace(asked, optional=frozenset({"known"}))


QUESTIONS: Mapping[str, QuestionKind] = {
    # Is the agents' desk staffed now?
    "office_hours": _question("unavailable", "open", "closed", "holiday"),
    # Are there more calls than the desk can take?
    "line_load": _question("unavailable", "free", "busy"),
    # Is there a desk to dial at all?
    "agents_desk": _question("unavailable", "present", "absent"),
    # The case of this call, if it has one.
    "case_number": _question("unknown", known="number"),
    # What the caller has said, as far as it is understood by now: `heard` is the place and the matter.
    # `understood_place` asks for no place any more.
    "understood": _listening("ask_place", "ask_place_danger"),
    "understood_place": _listening(),
    # What the caller was told is known is another matter: this call's case stays a case of its own.
    "keep_apart": _question("unknown", known="number"),
    # Open a case for a return call to somebody who said nothing.
    "missed_case": _question("unknown", "known"),
    # Note that a person took the call.
    "spoke_to_agent": _question("unknown", "known"),
    # The next recording replaces the last one (which is kept).
    "record_again": _question("unknown", "known"),
    # How an earlier case stands, asked with the kept digits `number` and `last_four`.
    "progress": _question("unavailable", "wrong", "too_many", found="status owner due"),
    # Which case do we ring about? `machine`: no person answered. `over`: it need not be asked now.
    "followup_case": _question("unavailable", "machine", "over", known="number"),
    # What was just said instead of a key, as far as it is understood by now.
    "heard_contacted": _question("unclear", "yes", "no", "waiting"),
    "heard_solved": _question("unclear", "yes", "no", "waiting"),
    "heard_satisfied": _question("unclear", "very", "fairly", "no", "waiting"),
    # Note that this number is somebody else's, or that nobody wants to be rung here: never again.
    "wrong_number": _question("unknown", "known"),
    "no_more_calls": _question("unknown", "known"),
}

ANSWERS: Mapping[str, frozenset[str]] = {
    "contacted": frozenset({"yes", "no"}),
    "solved": frozenset({"yes", "no"}),
    "satisfied": frozenset({"very", "fairly", "no"}),
}
"""What a citizen whom we ring is asked, and what a key may mean: kept by a menu's `keeps`."""


class Data(BaseModel):
    """Read from YAML, never changed afterwards; a key nobody knows is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Retry(Data):
    """Patience with silence or with a wrong key, each counted apart.

    Up to `limit` times: `say`, then `again` (the same step unless named). After that: `then`.
    """

    limit: int = Field(ge=0, le=3)
    then: StepName
    say: Breaths = ()
    again: StepName | None = None

    def ways(self, label: str) -> Iterator[Way]:
        """Where this may lead, each labelled with what leads there."""
        if self.again:
            yield f"{label}, again", self.again
        yield (f"{label}, more than {self.limit}" if self.limit else label), self.then


class SayStep(Data):
    """Say something and go on. Only here a prompt may tell what an answer has just told."""

    kind: Literal["say"]
    say: Breaths = Field(min_length=1)
    next: StepName

    def ways(self) -> Iterator[Way]:
        """Every way out of this step."""
        yield "", self.next


class MenuStep(Data):
    """Say what the keys mean and wait for one key.

    languages: keys 1, 2, 3... choose among the city's languages, in its order, and lead here.
    keeps: the citizen's answer of that name is kept; means: which answer each key is.
    timeout: seconds.
    """

    kind: Literal["menu"]
    say: Breaths = Field(min_length=1)
    options: dict[Key, StepName]
    languages: StepName | None = None
    keeps: str | None = None
    means: dict[Key, str] = {}
    silence: Retry
    wrong: Retry
    timeout: int = Field(default=6, ge=2, le=15)

    def ways(self) -> Iterator[Way]:
        """Every way out of this step."""
        if self.languages:
            yield "a language", self.languages
        yield from self.options.items()
        yield from self.silence.ways("silence")
        yield from self.wrong.ways("wrong key")


class DigitsStep(Data):
    """Ask for a number and keep it under `name`.

    length: how many digits, or the fewest where `longest` allows more.
    keys: an entry that is just this key leads elsewhere; `*` also after other keys, as "cancel".
    timeout: seconds to wait for the next key.
    """

    kind: Literal["digits"]
    say: Breaths = Field(min_length=1)
    name: Literal["number", "last_four"]
    length: int = Field(ge=1, le=20)
    longest: int | None = Field(default=None, ge=2, le=20)
    next: StepName
    keys: dict[WayOutKey, StepName] = {}
    silence: Retry
    wrong: Retry
    timeout: int = Field(default=8, ge=3, le=15)

    def ways(self) -> Iterator[Way]:
        """Every way out of this step."""
        yield f"{self.length}{f' to {self.longest}' if self.longest else ''} digits", self.next
        yield from self.keys.items()
        yield from self.silence.ways("silence")
        yield from self.wrong.ways("wrong entry")


class RecordStep(Data):
    """Say something, beep, and record the caller. The flow's `keys` work here.

    keeps: what is recorded is the citizen's remark, and not an answer or a message.
    shortest: a recording below so many seconds, ended by no key, counts as silence.
    A hang-up needs no way out: what was said is kept and the walk is over.
    """

    kind: Literal["record"]
    say: Breaths = Field(min_length=1)
    recorded: StepName
    silent: StepName
    max_seconds: int = Field(default=180, ge=10, le=180)
    silence_seconds: int = Field(default=5, ge=5, le=10)
    shortest: float = Field(default=1, ge=0, le=3)
    keeps: Literal["remark"] | None = None

    def ways(self) -> Iterator[Way]:
        """Every way out of this step, without the flow's `keys`."""
        yield "message", self.recorded
        yield "nothing said", self.silent


class DialStep(Data):
    """Say something and ring the agents' desk for `timeout` seconds."""

    kind: Literal["dial"]
    say: Breaths = Field(min_length=1)
    outcomes: dict[Literal["answered", "busy", "no-answer", "failed"], StepName]
    timeout: int = Field(default=20, ge=10, le=60)

    def ways(self) -> Iterator[Way]:
        """Every way out of this step."""
        yield from self.outcomes.items()


class CheckStep(Data):
    """Ask the edge a question of the closed list."""

    kind: Literal["check"]
    question: str
    outcomes: dict[str, StepName | Retry]

    def ways(self) -> Iterator[Way]:
        """Every way out of this step."""
        for outcome, target in self.outcomes.items():
            if isinstance(target, Retry):
                yield from target.ways(outcome)
            else:
                yield outcome, target


class HangupStep(Data):
    """Say goodbye and end the call."""

    kind: Literal["hangup"]
    say: Breaths = ()

    def ways(self) -> Iterator[Way]:
        """No way out."""
        return iter(())


Step = Annotated[
    SayStep | MenuStep | DigitsStep | RecordStep | DialStep | CheckStep | HangupStep,
    Field(discriminator="kind"),
]


STEP_KINDS: Mapping[str, type[Data]] = {
    "say": SayStep,
    "menu": MenuStep,
    "digits": DigitsStep,
    "record": RecordStep,
    "dial": DialStep,
    "check": CheckStep,
    "hangup": HangupStep,
}


class Flow(Data):
    """A whole flow.

    start: the first step. keys: what `0` and `*` do in every recording.
    max_turns: after so many turns the call goes to `lost`, which waits for nobody and hangs up.
    """

    spec: Literal[1]
    start: StepName
    lost: StepName
    max_turns: int = Field(ge=5, le=60)
    keys: dict[WayOutKey, StepName]
    steps: dict[StepName, Step] = Field(min_length=1)

    @property
    def places(self) -> tuple[str, ...]:
        """The steps a caller can be at: nobody stays at a `say` step."""
        return tuple(name for name, step in self.steps.items() if not isinstance(step, SayStep))

    def handles(self, question: str, outcome: str) -> bool:
        """Whether every step that asks this question says where that outcome leads."""
        asking = [one for one in self.steps.values() if isinstance(one, CheckStep)]
        return all(outcome in one.outcomes for one in asking if one.question == question)

    def ways(self, name: str) -> Iterator[Way]:
        """Every way out of the step of that name, the flow's keys included."""
        step = self.steps[name]
        yield from step.ways()
        if isinstance(step, RecordStep):
            yield from self.keys.items()


@dataclass(frozen=True)
class Callflow:
    """What the engine walks: a checked flow and the prompts it says."""

    flow: Flow
    prompts: PromptBook

    @property
    def languages(self) -> tuple[str, ...]:
        """The city's languages, the default one first."""
        return self.prompts.languages
