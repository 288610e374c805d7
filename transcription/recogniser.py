"""The whole way of one recording: bytes -> speech -> engine -> doubts -> text of the city."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cases.script import Script
from cases.transcripts import Heard, Segment
from transcription import audio, quality
from transcription.audio import Sound
from transcription.engines import openai_whisper
from transcription.engines.interface import (
    Clip,
    Engine,
    Hypothesis,
    Line,
    Progress,
    Result,
    Unheard,
)
from transcription.speech import Detector, Window, windows
from transcription.text import joined, tidy

# A model may stop before the end of a window; what is left is played to it again, so often.
# Nothing is left in less than the last air and a word.
MOST_ROUNDS: Final = 4
LEAST_REST_MS: Final = 750
# The provider counts the beep's echo and rounds up; more than this is sound that never arrived.
MISSING_SECONDS: Final = 3.0

ENGINES: Final = {"openai-whisper": openai_whisper.load}


class HearingFailed(Exception):
    """The engine failed on every clip of a recording; trying again may help."""


@dataclass(frozen=True)
class Recogniser:
    """Turns recordings into transcripts. `languages`: the city's, its own first."""

    engine: Engine
    detector: Detector
    languages: tuple[str, ...]
    script: Script

    def hear(
        self,
        data: bytes,
        *,
        hint: str | None = None,
        seconds: float | None = None,
        progress: Progress | None = None,
    ) -> Heard | None:
        """What was said in the recording `data`; None when nobody spoke.

        `hint`: the language the flow expects. `seconds`: how long the recording is according to
        the provider. `progress` is told 0 to 1. Raises NotAudio and HearingFailed.
        """
        sound = audio.one_voice(audio.read(data))
        spans = self.detector.spans(sound.samples)
        if not spans:
            return None
        said = self._listen(sound, windows(spans), hint, progress)
        if _silent(said):
            return None
        incomplete = sound.cut or (seconds or 0.0) - sound.seconds > MISSING_SECONDS
        return self._heard(said, incomplete)

    def _listen(
        self,
        sound: Sound,
        parts: Sequence[Window],
        hint: str | None,
        progress: Progress | None,
    ) -> list[tuple[Window, Result]]:
        """Every window with what the engine says of it, in the order of the recording."""
        said: list[tuple[Window, Result]] = []
        waiting = [(part, hint) for part in parts]
        for _ in range(MOST_ROUNDS):
            clips = [Clip(audio.excerpt(sound, part.bounds).samples, h) for part, h in waiting]
            results = self.engine.hear(clips, progress if not said else None)
            heard = list(zip([part for part, _ in waiting], results, strict=True))
            said += heard
            waiting = list(_unfinished(heard))
            if not waiting:
                break
        return sorted(said, key=lambda pair: pair[0].pieces[0].start)

    def _heard(self, said: Sequence[tuple[Window, Result]], incomplete: bool) -> Heard:
        good = [(part, result) for part, result in said if isinstance(result, Hypothesis)]
        if not good:
            raise HearingFailed("; ".join(r.reason for _, r in said if isinstance(r, Unheard)))
        language, probability = _language(good)
        segments = [segment for part, result in good for segment in self._segments(part, result)]
        text = joined(segment.text for segment in segments if _belongs(segment))
        failed = len(good) < len(said)
        return Heard(
            text=text,
            raw_text="\n".join(result.text for _, result in good if result.lines),
            language=language,
            language_probability=probability,
            segments=tuple(segments),
            confidence=_confidence(good),
            engine=self.engine.name,
            model=self.engine.model,
            flags=_flags(segments, listen=incomplete or failed or not text),
        )

    def _segments(self, part: Window, said: Hypothesis) -> list[Segment]:
        doubts = quality.doubts(said, part.length / 1000)
        return [self._segment(part, said, line, doubts) for line in said.lines]

    def _segment(
        self, part: Window, said: Hypothesis, line: Line, doubts: tuple[str, ...]
    ) -> Segment:
        phantom = (quality.PHANTOM,) if quality.is_phantom(line.text) else ()
        return Segment(
            start=part.start_at(line.start),
            end=part.end_at(line.end),
            text=tidy(line.text, said.language, self.script),
            confidence=round(math.exp(min(0.0, said.mean_log_probability)), 3),
            flags=phantom + doubts,
        )


def open_recogniser(
    engine: str,
    model: str,
    languages: Sequence[str],
    script: Script,
    models: Path,
    say: Callable[[str], None],
) -> Recogniser:
    """Load the engine named in the settings with its model, and everything it needs beside it.

    `models`: the folder a named model is downloaded into. `say` is told what is going on, a line
    at a time. Takes seconds to minutes: once per process. Raises ModelUnavailable.
    """
    loaded = ENGINES[engine](model, languages, models, say)
    return Recogniser(loaded, Detector(), tuple(languages), script)


def _unfinished(
    heard: Iterable[tuple[Window, Result]],
) -> Iterable[tuple[Window, str | None]]:
    """What the engine left unheard at the end of its windows, each with its language as a hint."""
    for part, result in heard:
        if isinstance(result, Hypothesis) and result.lines:
            rest = part.after(result.heard_until)
            if rest and rest.length >= LEAST_REST_MS:
                yield rest, result.language


def _silent(said: Sequence[tuple[Window, Result]]) -> bool:
    """Does the model, too, say that nobody spoke?"""
    return all(
        isinstance(result, Hypothesis)
        and not result.lines
        and result.no_speech_probability > quality.NO_SPEECH
        for _, result in said
    )


def _belongs(segment: Segment) -> bool:
    """Is a line part of the text? Not if it is a phantom, or a murmur where nobody spoke."""
    murmur = {quality.ON_NO_SPEECH, quality.UNSURE} <= set(segment.flags)
    return bool(segment.text) and not murmur and quality.PHANTOM not in segment.flags


def _language(good: Sequence[tuple[Window, Hypothesis]]) -> tuple[str, float]:
    """The language of the call: the one most of it is in, with its share of belief, 0 to 1."""
    belief: dict[str, float] = {}
    for part, said in good:
        weight = said.language_probability * part.length
        belief[said.language] = belief.get(said.language, 0.0) + weight
    best = max(belief, key=lambda language: belief[language])
    return best, round(belief[best] / sum(part.length for part, _ in good), 3)


def _confidence(good: Sequence[tuple[Window, Hypothesis]]) -> float:
    total = sum(part.length for part, _ in good)
    weighed = sum(part.length * math.exp(min(0.0, s.mean_log_probability)) for part, s in good)
    return round(weighed / total, 3)


def _flags(segments: Sequence[Segment], *, listen: bool) -> tuple[str, ...]:
    """The flags of the case that follow from the doubts about its lines."""
    doubts = {flag for segment in segments for flag in segment.flags}
    marks = {
        "suspect_text": bool(doubts & quality.SUSPECT),
        "low_confidence": quality.UNSURE in doubts,
        "listen_to_recording": listen,
    }
    return tuple(flag for flag, marked in marks.items() if marked)
