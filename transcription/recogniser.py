"""The whole way of recordings: bytes -> channels -> speech -> engine -> doubts -> text of the city."""

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from cases import places
from cases.places import Places
from cases.script import Script
from cases.transcripts import Heard
from runtime.city import City
from runtime.settings import Settings
from transcription import audio, memory, scribe
from transcription.audio import NotAudio
from transcription.calibration import Calibration, CalibrationError, beside
from transcription.channels import Voice, voices
from transcription.engines.interface import Engine, Hypothesis
from transcription.expected import Expected
from transcription.language import NO_EVIDENCE, Evidence, prior_of
from transcription.loudness import levels, loudest
from transcription.parts import spans_in
from transcription.pool import Progress, Said, Task, listen
from transcription.quality import BACKGROUND_DB
from transcription.scribe import Scribe
from transcription.speech import PER_MS, Detector, phrases, spans_of, windows

log = logging.getLogger(__name__)

# The provider counts the beep's echo and rounds up; more than this is sound that never arrived.
MISSING_SECONDS: Final = 3.0


class HearingFailed(Exception):
    """A recording could not be heard: the engine failed on every clip of it, or something is wrong
    with our own code; trying again may help."""


@dataclass(frozen=True)
class Request:
    """A recording to be heard. `evidence`: what is known of its language; `seconds`: how long it is
    according to the provider."""

    data: bytes
    evidence: Evidence = NO_EVIDENCE
    seconds: float | None = None


Outcome = Heard | None | NotAudio | HearingFailed


@dataclass(frozen=True)
class _Opened:
    """A recording that can be played. `incomplete`: there is more of it than arrived."""

    tasks: list[Task]
    incomplete: bool


def _nothing() -> None:
    pass


def _untold(_: float) -> None:
    pass


@dataclass(frozen=True)
class Recogniser:
    """Turns recordings into transcripts. `languages`: the city's, its own first.

    It keeps nothing of what it heard, so it may be used again while it is waiting for `between`.
    """

    engine: Engine
    detector: Detector
    languages: tuple[str, ...]
    script: Script
    calibration: Calibration = field(default_factory=Calibration.none)
    expected: Expected = field(default_factory=Expected.none)
    places: Places = field(default_factory=lambda: Places.of(()))

    def hear(
        self,
        data: bytes,
        *,
        evidence: Evidence = NO_EVIDENCE,
        seconds: float | None = None,
        progress: Progress | None = None,
    ) -> Heard | None:
        """What was said in the recording `data`; None when nobody spoke.

        `evidence`: what is known of its language. `seconds`: how long the recording is according to
        the provider. `progress` is told 0 to 1. Raises NotAudio and HearingFailed.
        """
        (outcome,) = self.hear_all([Request(data, evidence, seconds)], progress=progress)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def hear_all(
        self,
        requests: Sequence[Request],
        *,
        between: Callable[[], None] = _nothing,
        progress: Progress | None = None,
    ) -> list[Outcome]:
        """What was said in each of the recordings, in their order, heard together.

        None: nobody spoke. A recording that cannot be heard has its error for an outcome and
        touches no other. `between` is called between any two steps of a few seconds; it may hear
        something else meanwhile. Only what the engine raises (ModelUnavailable) is raised.
        """
        opened = [self._opened(i, request, between) for i, request in enumerate(requests)]
        tasks = [task for it in opened if isinstance(it, _Opened) for task in it.tasks]
        said: defaultdict[int, list[Said]] = defaultdict(list)
        for one in listen(self.engine, tasks, self.expected.prompt, between, progress or _untold):
            said[one.task.recording].append(one)
        return [
            self._outcome(it, said[index]) if isinstance(it, _Opened) else it
            for index, it in enumerate(opened)
        ]

    def _opened(
        self, index: int, request: Request, between: Callable[[], None]
    ) -> _Opened | NotAudio | HearingFailed:
        try:
            return self._open(index, request)
        except NotAudio as error:
            return error
        except Exception as error:  # whatever it is, it is this recording's alone
            return _failed(error)
        finally:
            between()

    def _open(self, index: int, request: Request) -> _Opened:
        sound = audio.read(request.data)
        prior = prior_of(request.evidence, self.languages)
        tasks = [task for side in voices(sound) for task in self._tasks(index, side, prior)]
        missing = (request.seconds or 0.0) - sound.seconds > MISSING_SECONDS
        return _Opened(tasks, sound.cut or missing)

    def _tasks(self, index: int, side: Voice, prior: Mapping[str, float]) -> list[Task]:
        """The windows of one side of a call. Who speaks far off has windows of their own."""
        samples = side.sound.samples
        likely = self.detector.probabilities(samples)
        spans = spans_of(likely, len(samples) // PER_MS)
        loud = levels(samples, spans)
        most = loudest(spans, loud)
        near = [s for s, it in zip(spans, loud, strict=True) if most - it < BACKGROUND_DB]
        far = [span for span in spans if span not in near]
        said = [phrase for span in spans for phrase in phrases(span, likely)]
        return [
            Task(index, side.channel, side.sound, most, it, prior, tuple(spans_in(it, said)))
            for it in (*windows(near), *windows(far))
        ]

    def _outcome(self, opened: _Opened, said: Sequence[Said]) -> Outcome:
        if scribe.is_silent(said):
            return None
        if not any(isinstance(one.result, Hypothesis) for one in said):
            return HearingFailed(scribe.reasons(said))
        try:
            writer = Scribe(self.script, self.calibration, self.places)
            return writer.written(said, self.engine, incomplete=opened.incomplete)
        except Exception as error:  # as above
            return _failed(error)


def _failed(error: Exception) -> HearingFailed:
    log.exception("a recording could not be heard")
    failed = HearingFailed(f"{type(error).__name__}: {error}")
    failed.__cause__ = error
    return failed


Say = Callable[[str], None]


def open_recogniser(settings: Settings, city: City, say: Say) -> Recogniser:
    """Load the engine named in the settings with its model, and everything it needs beside it.

    `say` is told what is going on, a line at a time. Takes seconds to minutes: once per process.
    Raises ModelUnavailable, and PackError for broken data of the city.
    """
    engine = ENGINES[settings.whisper_engine](settings, city, say)
    return Recogniser(
        engine,
        Detector(),
        city.languages,
        city.script,
        _calibration(settings, engine, say),
        Expected.read(city.folder) if settings.whisper_prompt == "names" else Expected.none(),
        places.read(city.folder),
    )


def _openai_whisper(settings: Settings, city: City, say: Say) -> Engine:
    return _local("openai_whisper", settings, city, say)


def _faster_whisper(settings: Settings, city: City, say: Say) -> Engine:
    # Only here: torch's own blocks would lie between what is kept, and the process would grow.
    memory.keep()
    return _local("faster_whisper", settings, city, say)


def _local(module: str, settings: Settings, city: City, say: Say) -> Engine:
    # Imported here: each engine's library is there only where it was asked for.
    library: Any = import_module(f"transcription.engines.{module}")
    models = settings.state_dir / "models"
    engine: Engine = library.load(
        settings.whisper_model, city.languages, models, say, windows=settings.whisper_windows
    )
    return engine


def _remote(settings: Settings, city: City, say: Say) -> Engine:
    from transcription.engines import remote

    return remote.load(settings, city.languages, say)


ENGINES: Final[Mapping[str, Callable[[Settings, City, Say], Engine]]] = {
    "openai-whisper": _openai_whisper,
    "faster-whisper": _faster_whisper,
    "remote": _remote,
}


def _calibration(settings: Settings, engine: Engine, say: Say) -> Calibration:
    # Converted to eight bits a model believes what it believed before, to about a hundredth.
    measured = engine.model.removesuffix("-int8").removesuffix("-float16")
    try:
        return Calibration.read(beside(Path(settings.whisper_model)), measured)
    except CalibrationError as error:
        say(f"{error}; going on without it")
        return Calibration.none()
