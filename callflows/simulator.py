"""Plays a call flow in the terminal: you are the caller.

python -m callflows.simulator --city cities/<city> [--flow followup] [--language yue]
    [--answer office_hours=closed] [--dial answered]
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import yaml

from callflows.engine import Move, Question, advance, begin
from callflows.events import (
    Answer,
    DialEnded,
    DialOutcome,
    Digits,
    Event,
    HungUp,
    Recorded,
    Ringing,
    Silence,
)
from callflows.flow import QUESTIONS, Callflow
from callflows.instructions import (
    Dial,
    Instruction,
    Listen,
    Prompt,
    Record,
    SilenceFollows,
    Speak,
)
from callflows.problems import FlowError, did_you_mean
from callflows.reader import FLOWS, load_city

HELP = """Type what you do:  keys 0-9 * #  |  Enter: nothing  |  h: hang up
        say 8: speak 8 seconds  |  say 8 #: and press a key  |  say 8 h: and hang up"""
_KEYS = re.compile(r"[0-9*]*#?")
_SAY = re.compile(r"say\s+([0-9]+(?:\.[0-9]+)?)\s*([0-9*#h]?)")


@dataclass(frozen=True)
class Said:
    """The caller speaks for some seconds, and may end it with a key, or by hanging up (`h`)."""

    seconds: float
    key: str | None


@dataclass(frozen=True)
class HangsUp:
    """The caller puts the phone down."""


Doing = str | Said | HangsUp
"""What the caller does: keys pressed ("" is silence), speech, or the end."""


def parse(line: str) -> Doing | None:
    """What a typed line means; None if nothing."""
    line = line.strip().lower()
    if line in ("h", "hangup", "hang up"):
        return HangsUp()
    if said := _SAY.fullmatch(line):
        return Said(float(said[1]), said[2] or None)
    return line if _KEYS.fullmatch(line) else None


@dataclass
class Edge:
    """Answers a flow's questions, as chosen beforehand."""

    answers: Mapping[str, str]
    dial: DialOutcome
    values: Mapping[str, Any]
    recordings: int = 0

    def answer(self, question: Question) -> Answer:
        """The chosen answer; a case number is unknown while there is no recording."""
        outcome = self.answers[question.name]
        if question.name == "case_number" and not self.recordings:
            outcome = QUESTIONS[question.name].trouble
        told = QUESTIONS[question.name].outcomes[outcome]
        return Answer(outcome, {name: self.values[name] for name in told})


@dataclass
class Call:
    """One call in the terminal.

    ask: shows a prompt and returns a typed line (EOFError: hung up). tell: shows a line.
    ear: the only language to show, None for all that is said. known: the citizen's language, where
    it is known from the start.
    """

    callflow: Callflow
    edge: Edge
    ask: Callable[[str], str] = input
    tell: Callable[[str], None] = print
    ear: str | None = None
    known: str | None = None
    _speech: Said | None = field(default=None, init=False)

    def play(self) -> None:
        """From the ringing to the end."""
        position = begin(self.callflow, self.known)
        heard: Event = Ringing()
        while not (move := self._move(advance(self.callflow, position, heard))).ended:
            position, heard = move.position, self._carry_out(move.instructions)
        self._carry_out(move.instructions)
        self.tell("-- the call is over --")

    def _move(self, move: Move) -> Move:
        """Answer questions until there is something to hear."""
        for name, kept in move.keep.items():
            self.tell(f"   [{name}: {kept}]")
        while move.question:
            answer = self.edge.answer(move.question)
            self.tell(f"   [{move.question.name}? {answer.outcome}]")
            move = advance(self.callflow, move.position, answer)
        return move

    def _carry_out(self, instructions: tuple[Instruction, ...]) -> Event:
        self._speech = None
        for instruction in instructions:
            if event := self._do(instruction):
                return event
        return HungUp()

    def _do(self, instruction: Instruction) -> Event | None:
        match instruction:
            case Speak(prompts):
                self._hear(prompts)
            case Listen():
                return self._listen(instruction)
            case Record():
                return self._record(instruction)
            case Dial(timeout):
                self.tell(f"   [the agents' desk rings, at most {timeout} s: {self.edge.dial}]")
                return DialEnded(self.edge.dial)
            case SilenceFollows():
                return Silence()
        return None

    def _hear(self, prompts: tuple[Prompt, ...]) -> None:
        for prompt in prompts:
            if self.ear in (None, prompt.language):
                played = f"  ({prompt.audio})" if prompt.audio else ""
                self.tell(f"   {prompt.language:>3}  {prompt.text}{played}")

    def _listen(self, listen: Listen) -> Event | None:
        self._hear(listen.prompts)
        match self._doing("press"):
            case HangsUp():
                return HungUp()
            case Said() as said:
                self._speech = said  # speech stops no prompt: it is kept for the recording
                return None
            case str(keys):
                pressed = keys.split("#")[0][: listen.count]
                return Digits(pressed) if pressed else None

    def _record(self, record: Record) -> Event | None:
        self.tell(f"   [beep; at most {record.max_seconds} s]")
        match self._speech or self._doing("speak"):
            case Said(seconds, key):
                return self._recorded(min(seconds, record.max_seconds), key)
            case HangsUp():
                return HungUp()
            case str(keys):
                ending = [key for key in keys if key in record.finish_keys]
                return Recorded(0, ending[0]) if ending else None

    def _recorded(self, seconds: float, key: str | None) -> Recorded:
        self.edge.recordings += 1
        self.tell(f"   [recorded {seconds:g} s]")
        return Recorded(seconds, None, hung_up=True) if key == "h" else Recorded(seconds, key)

    def _doing(self, what: str) -> Doing:
        while True:
            try:
                doing = parse(self.ask(f"{what}> "))
            except EOFError:
                return HangsUp()
            if doing is not None:
                return doing
            self.tell(f"   {HELP}")


def edge(chosen: list[str], dial: DialOutcome | None) -> Edge:
    """The usual answers, with `question=outcome` chosen otherwise. Raises ValueError."""
    usual = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
    for choice in chosen:
        question, _, outcome = choice.partition("=")
        if question not in QUESTIONS:
            raise ValueError(f"unknown question {question}: {did_you_mean(question, QUESTIONS)}")
        outcomes = QUESTIONS[question].outcomes
        if outcome not in outcomes:
            raise ValueError(f"{question}={outcome}: {did_you_mean(outcome, outcomes)}")
        usual["answers"][question] = outcome
    return Edge(usual["answers"], dial or usual["dial"], usual["values"])


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Play a call flow: you are the caller.")
    parser.add_argument("--city", type=Path, required=True, help="a city's folder")
    parser.add_argument("--flow", choices=FLOWS, default=FLOWS[0], help="which call to play")
    parser.add_argument("--language", help="show only what is said in this language")
    parser.add_argument("--answer", action="append", default=[], metavar="QUESTION=OUTCOME")
    parser.add_argument("--dial", choices=get_args(DialOutcome), help="how ringing the desk ends")
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    """Play one call. Returns the exit status."""
    arguments = _arguments(argv)
    try:
        answering = edge(arguments.answer, arguments.dial)
        callflow = load_city(arguments.city, arguments.flow)
    except (FlowError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"   {HELP}")
    # Whom we ring has spoken to us before.
    known = None if arguments.flow == FLOWS[0] else arguments.language or callflow.languages[0]
    Call(callflow, answering, ear=arguments.language, known=known).play()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
