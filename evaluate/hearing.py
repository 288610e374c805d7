"""The whole set through the real recogniser, in as many processes as the machine has cores."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from cases.transcripts import Heard
from evaluate import conditions, kept
from evaluate.corpora import Recording
from evaluate.kept import Said
from evaluate.way import Way, digest, digest_of
from transcription import audio
from transcription.calibration import Calibration
from transcription.engines.interface import ModelUnavailable
from transcription.language import Evidence
from transcription.recogniser import HearingFailed, Recogniser, Request, open_recogniser

BABBLERS: Final = 4
TOGETHER: Final = 8

Progress = Callable[[int, int], None]


class Interrupted(Exception):
    """Nobody listens any more: no model, or a process died. What was heard until then is kept."""


@dataclass(frozen=True)
class Task:
    """One recording under one condition; `others` are recordings for its babble."""

    key: str
    recording: Recording
    condition: str
    others: tuple[Path, ...] = ()


def hear(
    recordings: Sequence[Recording],
    wanted: Sequence[str],
    way: Way,
    file: Path,
    processes: int,
    progress: Progress,
) -> list[Said]:
    """Every recording under every condition, in order; only what `file` does not hold is heard.

    `progress` is told how many are done of how many. Raises Interrupted.
    """
    tasks = _tasks(recordings, wanted, way)
    known = kept.read(file)
    missing = [task for task in tasks if task.key not in known]
    done = len(tasks) - len(missing)
    progress(done, len(tasks))
    for key, said in _heard(missing, way, processes):
        kept.append(file, key, said)
        known[key] = said
        done += 1
        progress(done, len(tasks))
    # A recording may lie in two sets under two names: the name is this set's.
    return [replace(known[task.key], name=task.recording.name) for task in tasks]


def _tasks(recordings: Sequence[Recording], wanted: Sequence[str], way: Way) -> list[Task]:
    same = way.fingerprint()
    return [
        _task(recording, recordings, condition, f"{same} {recording.language if way.known else ''}")
        for condition in wanted
        for recording in recordings
    ]


def _task(recording: Recording, recordings: Sequence[Recording], condition: str, same: str) -> Task:
    others = _babblers(recording, recordings) if conditions.wants_others(condition) else ()
    parts = [same, condition, digest_of(recording.path), *map(digest_of, others)]
    return Task(digest("\n".join(parts)), recording, condition, others)


def _babblers(recording: Recording, recordings: Sequence[Recording]) -> tuple[Path, ...]:
    """Recordings of other people, the same ones for a recording every time."""
    others = [other for other in recordings if other.text and not _same_voice(other, recording)]
    others.sort(key=lambda other: digest(f"{recording.name}\n{other.name}"))
    return tuple(other.path for other in others[:BABBLERS])


def _same_voice(one: Recording, other: Recording) -> bool:
    return one.name == other.name or one.speaker == other.speaker != ""


def _heard(tasks: Sequence[Task], way: Way, processes: int) -> Iterator[tuple[str, Said]]:
    batches = [tasks[first : first + TOGETHER] for first in range(0, len(tasks), TOGETHER)]
    if len(batches) < 2 or processes == 1:
        yield from _here(batches, way)
        return
    os.environ["OMP_NUM_THREADS"] = "1"  # two threads a process halve what two processes hear
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(processes, len(batches)), context, _open, (way,))
    try:
        for done in as_completed([pool.submit(_listen, batch) for batch in batches]):
            yield from done.result()
    except BrokenProcessPool:
        reason = "a process that listened died: run the same again to go on"
        raise Interrupted(reason) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _here(batches: Sequence[Sequence[Task]], way: Way) -> Iterator[tuple[str, Said]]:
    if batches:
        _open(way)
    for batch in batches:
        yield from _listen(batch)


class _Process:
    """What a listening process has opened. Words keep the model's own belief: what that is worth is
    this package's business."""

    recogniser: Recogniser
    way: Way
    missing: str = ""


def _open(way: Way) -> None:
    """Once a process. What is wrong is told with the first recordings: here nobody would hear it."""
    if multiprocessing.parent_process():
        # Ctrl-C ends it: it would go on with the recordings it was given next.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    _Process.way, _Process.missing = way, ""
    try:
        recogniser = open_recogniser(way.settings(), way.place(), lambda _: None)
        _Process.recogniser = replace(recogniser, calibration=Calibration.none())
    except ModelUnavailable as error:
        _Process.missing = str(error)


def _listen(tasks: Sequence[Task]) -> list[tuple[str, Said]]:
    """A few recordings heard together, as a worker does."""
    if _Process.missing:
        raise Interrupted(_Process.missing)
    said: list[tuple[str, Said]] = []
    copies: list[tuple[Task, bytes]] = []
    for task in tasks:
        try:
            copies.append((task, _copy(task)))
        except audio.NotAudio as error:
            said.append((task.key, _nothing(task, f"not audio: {error}")))
    before = time.process_time()
    results = _Process.recogniser.hear_all([_request(task, data) for task, data in copies])
    spent = round((time.process_time() - before) / max(len(copies), 1), 3)
    for (task, data), result in zip(copies, results, strict=True):
        said.append((task.key, replace(_said(task, data, result), spent=spent)))
    return said


def _copy(task: Task) -> bytes:
    others = [path.read_bytes() for path in task.others]
    return conditions.degraded(task.recording.path.read_bytes(), task.condition, others)


def _request(task: Task, data: bytes) -> Request:
    if _Process.way.known and task.recording.language:
        return Request(data, Evidence(flow=task.recording.language))
    return Request(data)


def _said(task: Task, data: bytes, result: Heard | audio.NotAudio | HearingFailed | None) -> Said:
    if isinstance(result, audio.NotAudio):
        return _nothing(task, f"not audio: {result}")
    seconds = round(audio.read(data).seconds, 3)
    if result is None:
        return replace(_nothing(task, "silence"), seconds=seconds)
    if isinstance(result, HearingFailed):
        return replace(_nothing(task, f"failed: {result}"), seconds=seconds)
    words = (
        (word.text, round(word.confidence, 4), segment.language or result.language)
        for segment in result.segments
        for word in segment.words
    )
    return Said(
        name=task.recording.name,
        condition=task.condition,
        outcome="heard",
        text=result.text,
        language=result.language,
        model=result.model,
        flags=result.flags,
        words=tuple(words),
        seconds=seconds,
    )


def _nothing(task: Task, outcome: str) -> Said:
    return Said(task.recording.name, task.condition, outcome)
