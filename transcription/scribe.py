"""What the engine said of a recording -> what goes on record."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from cases.personal import redact
from cases.places import Places
from cases.script import Script
from cases.slots import slots
from cases.spoken import joined
from cases.transcripts import Heard, Segment, Word
from transcription import quality
from transcription.audio import SAMPLE_RATE
from transcription.calibration import Calibration
from transcription.engines.interface import UNTOLD, Engine, Hypothesis, Line, Unheard
from transcription.loudness import level
from transcription.pool import Said, Task
from transcription.text import dealt, tidy


@dataclass(frozen=True)
class Passage:
    """The segments that came of one window."""

    task: Task
    said: Hypothesis
    segments: tuple[Segment, ...]


@dataclass(frozen=True)
class Scribe:
    """Writes down what was heard: in the city's `script`, with what a word's probability is worth
    by the model's `calibration`, and which of the city's `places` were named."""

    script: Script
    calibration: Calibration
    places: Places

    def written(self, said: Sequence[Said], engine: Engine, *, incomplete: bool) -> Heard:
        """The record of one recording of which at least one window was heard.

        `incomplete`: there was more of the recording than could be read.
        """
        passages = list(_told_once([self._passage(it.task, it.result) for it in _heard(said)]))
        segments = sorted(_segments(passages), key=lambda it: (it.start, it.channel))
        counting = _caller_first(passages)
        kept = _kept(segments, counting[0].task.channel)
        masked, masks = redact(segments, frozenset(kept).__contains__)
        text = joined(it.text for it in kept)
        language, probability = _language(counting)
        failed = len(passages) < len(said)
        return Heard(
            text=text,
            raw_text="\n".join(it.said.text for it in passages if it.segments),
            language=language,
            language_probability=probability,
            segments=tuple(segments),
            confidence=_confidence(kept or segments),
            engine=engine.name,
            model=engine.model,
            flags=_flags(list(_segments(counting)), listen=incomplete or failed or not text),
            slots=slots(kept, self.places),
            masks=masks,
            masked_text=masked,
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
        sure = self._confidence_of(said, words)
        told = any(word.probability != UNTOLD for word in line.words)
        if told and sure < quality.LEAST_CONFIDENCE:
            own = (*own, quality.UNSURE)
        return Segment(
            start=start,
            end=max(start, end),
            text=text,
            confidence=sure,
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


def _kept(segments: Iterable[Segment], channel: int) -> list[Segment]:
    return [it for it in segments if it.channel == channel and _belongs(it)]


def _caller_first(passages: Sequence[Passage]) -> list[Passage]:
    """Those of the caller or, when the caller says nothing, those of the side that speaks."""
    sides = [[it for it in passages if it.task.channel == side] for side in range(2)]
    for side in sides:
        if any(map(_belongs, _segments(side))):
            return side
    return next(side for side in sides if side)


def _told_once(passages: Sequence[Passage]) -> Iterator[Passage]:
    """The passages, marked where one that was left over only says again how the last one ended."""
    before: dict[int, str] = {}
    for passage in passages:
        side = passage.task.channel
        again = passage.task.round > 1 and quality.is_said_again(
            passage.said.text, before.get(side, "")
        )
        before[side] = passage.said.text
        marked = [replace(it, flags=(quality.SAID_AGAIN, *it.flags)) for it in passage.segments]
        yield replace(passage, segments=tuple(marked)) if again else passage


def _language(passages: Sequence[Passage]) -> tuple[str, float]:
    """The language most of what was said is in, with its share of belief, 0 to 1."""
    spoken = [it for it in passages if any(map(_belongs, it.segments))] or passages
    belief: dict[str, float] = {}
    for it in spoken:
        weight = it.said.language_probability * it.task.window.length
        belief[it.said.language] = belief.get(it.said.language, 0.0) + weight
    best = max(belief, key=lambda language: belief[language])
    return best, round(belief[best] / sum(it.task.window.length for it in spoken), 3)


def _confidence(segments: Sequence[Segment]) -> float:
    """The mean over all their characters; 0 when there are none."""
    weighed = sum(len(it.text) * it.confidence for it in segments)
    return round(weighed / max(sum(len(it.text) for it in segments), 1), 3)


def _flags(segments: Sequence[Segment], *, listen: bool) -> tuple[str, ...]:
    """The flags of the case that follow from the doubts about its lines."""
    doubts = {flag for segment in segments for flag in segment.flags}
    marks = {
        "suspect_text": bool(doubts & quality.SUSPECT),
        "low_confidence": quality.UNSURE in doubts,
        "listen_to_recording": listen,
    }
    return tuple(flag for flag, marked in marks.items() if marked)
