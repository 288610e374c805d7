"""The windows of many recordings, heard together.

A model that is given eight windows at a time is several times as fast as one that is given one; so
those of all waiting recordings go into one pool. Nothing but the engine's time is shared: every
window goes in and comes out with its own task, which knows whose it is.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from transcription import audio
from transcription.audio import Samples, Sound
from transcription.engines.interface import Clip, Engine, Hypothesis, Mixed, Result, Unheard
from transcription.language import sharp
from transcription.parts import parts_of, runs
from transcription.speech import Span, Window

# A model may stop before the end of a window; what is left is played to it again, so often.
# Nothing is left in less than the last air and a word.
MOST_ROUNDS: Final = 4
LEAST_REST_MS: Final = 750

Progress = Callable[[float], None]


@dataclass(frozen=True)
class Task:
    """A window to be heard. `recording`: whose it is. `channel`: of that recording; `sound`: all of
    the channel; `loudest`: the level of its loudest speech in dB. `spans`: the stretches of speech in
    the window, where its languages may still differ. `unprompted`: to be heard without words to
    expect. `round`: how often its beginning was heard."""

    recording: int
    channel: int
    sound: Sound
    loudest: float
    window: Window
    prior: Mapping[str, float]
    spans: tuple[Span, ...] = ()
    prompt: str | None = None
    unprompted: bool = False
    round: int = 1

    @property
    def samples(self) -> Samples:
        """The sound of the window, as loud as it is in the recording."""
        pieces = [Sound(self.sound.segment[start:end]) for start, end in self.window.bounds]
        return np.concatenate([piece.samples for piece in pieces])

    @property
    def likeliest(self) -> str:
        return max(self.prior, key=lambda language: self.prior[language])

    def clip(self) -> Clip:
        heard = audio.excerpt(self.sound, self.window.bounds)
        return Clip(heard.samples, self.prior, self.prompt, parts_of(self.window, self.spans))


@dataclass(frozen=True)
class Said:
    """What came of a task."""

    task: Task
    result: Hypothesis | Unheard


def listen(
    engine: Engine,
    tasks: Iterable[Task],
    prompt_for: Callable[[Mapping[str, float]], str | None],
    between: Callable[[], None],
    progress: Progress,
) -> Iterator[Said]:
    """Hear all tasks and what follows from them, `engine.batch` at a time, `between` in between.

    Languages and lengths that are alike go together. `prompt_for`: the words to expect with a
    prior. `progress` is told 0 to 1. What the engine raises ends it all.
    """
    waiting = _in_order(_prompted(task, prompt_for) for task in tasks)
    total = _length(waiting)
    while waiting:
        step, waiting = waiting[: engine.batch], waiting[engine.batch :]
        results = engine.hear([task.clip() for task in step])
        for task, result in zip(step, results, strict=True):
            if not isinstance(result, Mixed):
                yield Said(task, result)
            follow = _following(task, result)
            waiting += [_prompted(it, prompt_for) for it in follow]
        waiting = _in_order(waiting)
        progress(1.0 - _length(waiting) / total)
        if waiting:
            between()


def _prompted(task: Task, prompt_for: Callable[[Mapping[str, float]], str | None]) -> Task:
    return replace(task, prompt=None if task.unprompted else prompt_for(task.prior))


def _in_order(tasks: Iterable[Task]) -> list[Task]:
    return sorted(tasks, key=lambda task: (task.likeliest, -task.window.length))


def _length(tasks: Sequence[Task]) -> int:
    return sum(task.window.length for task in tasks)


def _following(task: Task, result: Result) -> list[Task]:
    """What remains to be heard of a task: its runs of one language each, or what was passed over."""
    if isinstance(result, Mixed):
        found = runs(task.window, task.spans, result.parts)
        return [_again(task, run.window, run.language) for run in found]
    if isinstance(result, Hypothesis) and not result.lines and task.prompt:
        return [replace(task, unprompted=True)]  # some models fall silent over words to expect
    if isinstance(result, Hypothesis) and result.lines and task.round < MOST_ROUNDS:
        rest = task.window.after(result.heard_until)
        if rest and rest.length >= LEAST_REST_MS:
            left = tuple(span for span in task.spans if span.end > rest.pieces[0].start)
            again = _again(task, rest, result.language)
            return [replace(again, spans=left, round=task.round + 1)]
    return []


def _again(task: Task, window: Window, language: str) -> Task:
    # Without spans: a run of one language is not taken apart again.
    prior = sharp(language, tuple(task.prior))
    return replace(task, window=window, prior=prior, spans=())
