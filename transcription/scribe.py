"""What the engine said of a recording -> what goes on record."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cases.script import Script
from cases.transcripts import Heard, Segment, Word
from transcription import quality
from transcription.audio import SAMPLE_RATE
from transcription.calibration import Calibration
from transcription.channels import CALLER
from transcription.engines.interface import Engine, Hypothesis, Line, Unheard
from transcription.loudness import level
from transcription.pool import Said, Task
from transcription.text import dealt, joined, tidy

LEAST_CONFIDENCE_WEIGHT: Final = 1


@dataclass(frozen=True)
class Passage:
    """The segments that came of one window."""

    task: Task
    said: Hypothesis
    segments: tuple[Segment, ...]


@dataclass(frozen=True)
class Scribe:
    """Writes down what was heard: in the city's `script`, with what a word's probability is worth
    by the model's `calibration`."""

    script: Script
    calibration: Calibration

    def written(self, said: Sequence[Said], engine: Engine, *, incomplete: bool) -> Heard:
        """The record of one recording of which at least one window was heard.

        `incomplete`: there was more of the recording than could be read.
        """
        passages = [self._passage(one.task, one.result) for one in _heard(said)]
        counting = _caller_first(passages)
        segments = sorted(_segments(passages), key=lambda it: (it.start, it.channel))
        text = joined(it.text for it in _segments(counting) if _belongs(it))
        language, probability = _language(counting)
        failed = len(passages) < len(said)
        return Heard(
            text=text,
            raw_text="\n".join(it.said.text for it in passages if it.segments),
            language=language,
            language_probability=probability,
            segments=tuple(segments),
            confidence=_confidence(counting),
            engine=engine.name,
            model=engine.model,
            flags=_flags(list(_segments(counting)), listen=incomplete or failed or not text),
        )

    def _passage(self, task: Task, said: Hypothesis) -> Passage:
        doubts = quality.doubts(said, task.window.length / 1000)
        if quality.is_echo(said.text, task.prompt):
            doubts = (quality.PROMPT_ECHO, *doubts)
        samples = task.samples
        below = [
            task.loudest - level(samples[_at(line.start) : _at(line.end)]) for line in said.lines
        ]
        segments = [
            self._segment(task, said, line, quiet, doubts)
            for line, quiet in zip(said.lines, below, strict=True)
        ]
        return Passage(task, said, tuple(segments))

    def _segment(
        self, task: Task, said: Hypothesis, line: Line, quiet: float, doubts: Iterable[str]
    ) -> Segment:
        own = quality.line_doubts(line, said.language, prompt=task.prompt, below_loudest=quiet)
        text = tidy(line.text, said.language, self.script)
        start, end = task.window.start_at(line.start), task.window.end_at(line.end)
        words = tuple(self._words(task, line, text, said.language, start, max(start, end)))
        return Segment(
            start=start,
            end=max(start, end),
            text=text,
            confidence=self._confidence_of(said, words),
            flags=tuple(dict.fromkeys((*own, *doubts))),
            language=said.language,
            channel=task.channel,
            words=words,
        )

    def _words(
        self, task: Task, line: Line, text: str, language: str, start: float, end: float
    ) -> Iterator[Word]:
        """The words of a line at their times in the recording, which never go back."""
        at = start
        for word, written in zip(
            line.words, dealt(text, [it.text for it in line.words]), strict=True
        ):
            begin = min(max(task.window.start_at(word.start), at), end)
            at = min(max(task.window.end_at(word.end), begin), end)
            if written:
                sure = self.calibration.confidence(language, word.probability)
                yield Word(begin, at, written, round(sure, 3))

    def _confidence_of(self, said: Hypothesis, words: Sequence[Word]) -> float:
        if words:
            return round(sum(word.confidence for word in words) / len(words), 3)
        mean = math.exp(min(0.0, said.mean_log_probability))
        return round(self.calibration.confidence(said.language, mean), 3)


def is_silent(said: Iterable[Said]) -> bool:
    """Does the model, too, say that nobody spoke?"""
    return all(
        isinstance(one.result, Hypothesis)
        and not one.result.lines
        and one.result.no_speech_probability > quality.NO_SPEECH
        for one in said
    )


@dataclass(frozen=True)
class _Good:
    task: Task
    result: Hypothesis


def _heard(said: Iterable[Said]) -> list[_Good]:
    """What was heard, in the order of the recording, the caller first."""
    good = [_Good(one.task, one.result) for one in said if isinstance(one.result, Hypothesis)]
    return sorted(good, key=lambda it: (it.task.window.pieces[0].start, it.task.channel))


def reasons(said: Iterable[Said]) -> str:
    """Why windows were not heard, for the log."""
    return "; ".join(one.result.reason for one in said if isinstance(one.result, Unheard))


def _at(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE)


def _segments(passages: Iterable[Passage]) -> Iterator[Segment]:
    return (segment for passage in passages for segment in passage.segments)


def _belongs(segment: Segment) -> bool:
    return bool(segment.text) and quality.counts(segment.flags)


def _caller_first(passages: Sequence[Passage]) -> list[Passage]:
    """Those of the caller or, when the caller says nothing, those of the side that speaks."""
    for channel in sorted({it.task.channel for it in passages}):
        side = [it for it in passages if it.task.channel == channel]
        if any(map(_belongs, _segments(side))):
            return side
    return [it for it in passages if it.task.channel == CALLER] or list(passages)


def _language(passages: Sequence[Passage]) -> tuple[str, float]:
    """The language most of what was said is in, with its share of belief, 0 to 1."""
    spoken = [it for it in passages if any(map(_belongs, it.segments))] or passages
    belief: dict[str, float] = {}
    for it in spoken:
        weight = it.said.language_probability * it.task.window.length
        belief[it.said.language] = belief.get(it.said.language, 0.0) + weight
    best = max(belief, key=lambda language: belief[language])
    return best, round(belief[best] / sum(it.task.window.length for it in spoken), 3)


def _confidence(passages: Sequence[Passage]) -> float:
    """The mean over all characters that belong to the text; of all lines when none do."""
    segments = list(_segments(passages))
    kept = [segment for segment in segments if _belongs(segment)] or segments
    weights = [max(len(segment.text), LEAST_CONFIDENCE_WEIGHT) for segment in kept]
    if not kept:
        return 0.0
    weighed = sum(w * it.confidence for w, it in zip(weights, kept, strict=True))
    return round(weighed / sum(weights), 3)


def _flags(segments: Sequence[Segment], *, listen: bool) -> tuple[str, ...]:
    """The flags of the case that follow from the doubts about its lines."""
    doubts = {flag for segment in segments for flag in segment.flags}
    marks = {
        "suspect_text": bool(doubts & quality.SUSPECT),
        "low_confidence": quality.UNSURE in doubts,
        "listen_to_recording": listen,
    }
    return tuple(flag for flag, marked in marks.items() if marked)
