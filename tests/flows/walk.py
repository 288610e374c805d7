"""Walks a call flow event by event, and says in a few words what the caller heard."""

from __future__ import annotations

from collections.abc import Mapping

from callflows.engine import Move, advance, begin
from callflows.events import Answer, Event
from callflows.flow import Callflow
from callflows.instructions import Dial, HangUp, Listen, Record, Speak

STATUS = {"yue": "處理緊", "cmn": "正在处理", "en": "being dealt with"}
OWNER = {"yue": "屋宇署", "cmn": "屋宇署", "en": "Buildings Department"}
DUE = {"yue": "十二月三號", "cmn": "十二月三号", "en": "the third of December"}

FOUND = Answer("found", {"status": STATUS, "owner": OWNER, "due": DUE})
NUMBER = Answer("known", {"number": "507304462"})
FINE: Mapping[str, Answer] = {
    "office_hours": Answer("open"),
    "line_load": Answer("free"),
    "agents_desk": Answer("present"),
    "case_number": NUMBER,
    "understood": Answer("unclear"),
    "understood_place": Answer("unclear"),
    "keep_apart": NUMBER,
    "missed_case": Answer("known"),
    "spoke_to_agent": Answer("known"),
    "record_again": Answer("known"),
    "progress": FOUND,
    "followup_case": NUMBER,
    "heard_contacted": Answer("unclear"),
    "heard_solved": Answer("unclear"),
    "heard_satisfied": Answer("unclear"),
    "wrong_number": Answer("known"),
    "no_more_calls": Answer("known"),
}
"""Everything works, and there is a case."""


class Walk:
    """A call under way. `asked` are the questions of the last turn, `kept` all digits kept."""

    def __init__(
        self,
        callflow: Callflow,
        answers: Mapping[str, Answer] = FINE,
        language: str | None = None,
    ) -> None:
        self.callflow, self.answers = callflow, answers
        self.move = Move(begin(callflow, language))
        self.asked: list[str] = []
        self.kept: dict[str, str] = {}

    def hear(self, event: Event) -> str:
        """What the caller hears after this event, as `heard` puts it."""
        self.asked = []
        self._advance(event)
        while self.move.question:
            assert self.move.instructions == (), "nothing is said while a question is open"
            self.asked.append(self.move.question.name)
            self._advance(self.answers[self.move.question.name])
        return heard(self.move)

    def texts(self) -> list[tuple[str, str]]:
        """(language, text) of everything said in the last turn."""
        return [(prompt.language, prompt.text) for prompt in prompts(self.move)]

    def _advance(self, event: Event) -> None:
        self.move = advance(self.callflow, self.move.position, event)
        self.kept |= self.move.keep


def prompts(move: Move) -> list:
    """Every prompt of a move."""
    spoken = [i for i in move.instructions if isinstance(i, Speak | Listen)]
    return [prompt for instruction in spoken for prompt in instruction.prompts]


def heard(move: Move) -> str:
    """The prompt keys in one language, then what the telephone does: keys, beep, ring, end.

    "thanks number | keys": says two prompts and waits for a key.
    """
    said = prompts(move)
    keys = [prompt.key for prompt in said if prompt.language == said[0].language]
    return " | ".join(filter(None, [" ".join(keys), _then(move)]))


def _then(move: Move) -> str:
    kinds = [type(instruction) for instruction in move.instructions]
    for kind, word in ((Record, "beep"), (Dial, "ring"), (HangUp, "end"), (Listen, "keys")):
        if kind in kinds:
            return word
    return "over" if move.ended else "nothing"
