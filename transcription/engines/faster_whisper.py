"""The fast engine: Whisper by CTranslate2, in int8 on a CPU and in half precision on a GPU.

It is the library under faster-whisper, used directly: faster-whisper would bring its own decoder of
audio, voice detector and windows of one file at a time, where we have ours and decode the clips of
many recordings together. So `ctranslate2` is all that the extra `[fast]` installs.

A checkpoint of openai-whisper is converted once and kept beside the downloaded models. The
library keeps threads of its own, which a fork would lose: load it in the process that uses it.
"""

import fcntl
import hashlib
import json
import logging
import math
import shutil
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from whisper.audio import (  # type: ignore[import-untyped]
    HOP_LENGTH,
    N_SAMPLES,
    log_mel_spectrogram,
    pad_or_trim,
)

from transcription import checkpoint
from transcription.audio import SAMPLE_RATE, Samples
from transcription.engines.interface import ModelUnavailable
from transcription.engines.whisper import (
    FRAMES_PER_SECOND,
    Decoded,
    Timed,
    Whisper,
    Windows,
    frames,
    tokenizer,
    usual_threads,
)
from transcription.models import openai
from transcription.models.openai import NotConvertible, Precision

log = logging.getLogger(__name__)

Features = NDArray[Any]

NAME: Final = "faster-whisper"
BATCH: Final[Mapping[str, int]] = {"cpu": 8, "cuda": 32}
PRECISION: Final[Mapping[str, Precision]] = {"cpu": "int8", "cuda": "float16"}
# A CPU is fastest in int8 whatever the weights are kept in; float32 is for who asked for it.
COMPUTED_IN: Final[Mapping[str, Mapping[str, str]]] = {
    "cpu": {"float32": "float32"},
    "cuda": {"float32": "float32", "int8": "int8_float16"},
}
CONTEXT: Final = 448
BEAM: Final = 5
# Longer than what people say twice in the same words; shorter than most loops.
LONGEST_REPEAT: Final = 10
# Fewer frames than these tell nothing about when a word was said.
LEAST_FRAMES: Final = 10
TYPICAL_TOKENS: Final = 40
TRIED_TOKENS: Final = (4, 12)
# A model that takes longer to encode a tenth of a clip is not tried on a whole one, which takes more
# than ten times as long: 28 times at the dimensions of base and small, less the larger the model.
SLOW: Final = 0.7
SLOWER: Final = 2.0


class FasterWhisper:
    """A loaded model of CTranslate2 as a backend."""

    failures: tuple[type[Exception], ...] = (RuntimeError, ValueError)
    most_tokens: int = CONTEXT // 2

    def __init__(self, model: Any, view: Callable[[NDArray[Any]], Any]) -> None:
        """`model`: a ctranslate2.models.Whisper; `view`: its library's StorageView.from_array."""
        self.num_languages: int = model.num_languages
        self.batch = BATCH[model.device]
        self._model = model
        self._view = view

    @property
    def device(self) -> str:
        """What the model runs on, in words."""
        kind = {"cpu": "the CPU", "cuda": "the GPU"}[self._model.device]
        return f"{kind} in {self._model.compute_type}"

    def encode(self, clips: Sequence[Samples], windows: Windows) -> list[Features]:
        """Features of shape (frames, state) for every clip. On a CPU each clip is encoded by itself:
        eight at a time cost a quarter more."""
        mels = [self._mel(samples, frames(samples, windows)) for samples in clips]
        together = self._model.device == "cuda" and len({mel.shape for mel in mels}) == 1
        groups = [np.stack(mels)] if together else [mel[None] for mel in mels]
        return [features for group in groups for features in self._encoded(group)]

    def _mel(self, samples: Samples, length: int) -> NDArray[np.float32]:
        # As transcribe() prepares a window: 30 s of silence behind, cut off, zeros instead.
        mel = log_mel_spectrogram(samples, self._model.n_mels, padding=N_SAMPLES)
        window: NDArray[np.float32] = pad_or_trim(
            mel[:, : len(samples) // HOP_LENGTH], 2 * length
        ).numpy()
        return window

    def _encoded(self, mels: NDArray[np.float32]) -> Features:
        with self._shrinking():
            return np.array(self._model.encode(self._view(mels), to_cpu=True))

    def part(self, features: Features, first: int, last: int) -> Features:
        return features[first:last]

    def shape(self, features: Features) -> Hashable:
        return features.shape

    def languages(self, features: Sequence[Features]) -> list[Mapping[str, float]]:
        with self._shrinking():
            told = self._model.detect_language(self._stacked(features))
        return [{token.strip("<|>"): probability for token, probability in row} for row in told]

    def decode(
        self, features: Sequence[Features], code: str, prompt: str | None, temperature: float
    ) -> list[Decoded]:
        """Text and time stamps. At a temperature the library would draw lots that nobody can
        repeat, so the second reading is another one here: a beam, and no long loops."""
        second = {"beam_size": BEAM, "no_repeat_ngram_size": LONGEST_REPEAT}
        with self._shrinking():
            said = self._model.generate(
                self._stacked(features),
                [self._start(code, prompt)] * len(features),
                max_length=CONTEXT,
                return_scores=True,
                return_no_speech_prob=True,
                **(second if temperature else {"beam_size": 1}),
            )
        return [_decoded(it) for it in said]

    def _start(self, code: str, prompt: str | None) -> list[int]:
        """The tokens before the text: what was said before, if anything, and the language."""
        words = tokenizer(self.num_languages, code)
        start = list(words.sot_sequence)
        if not prompt:
            return start
        most = CONTEXT // 2 - len(start) - 2
        return [words.sot_prev, *words.encode(f" {prompt.strip()}")[-most:], *start]

    def align(self, features: Features, code: str, decoded: Decoded, seconds: float) -> list[Timed]:
        words = tokenizer(self.num_languages, code)
        tokens = [token for token in decoded.tokens if token < words.eot]
        if not tokens:
            return []
        start = list(words.sot_sequence)
        spoken = max(math.ceil(seconds * FRAMES_PER_SECOND), LEAST_FRAMES)
        (found,) = self._model.align(self._stacked([features]), start, [tokens], 2 * spoken)
        starts = _starts(found.alignments)
        return [
            Timed(token, starts[i], starts[i + 1], probability)
            for i, (token, probability) in enumerate(
                zip(tokens, found.text_token_probs, strict=True)
            )
        ]

    def seconds_per_clip(self, windows: Windows) -> float:
        """Seconds of the clock for a clip of 10 s in a full batch, tried out in a moment."""
        length = frames(np.zeros(10 * SAMPLE_RATE, np.float32), windows)
        first = self._encoded(self._silence(LEAST_FRAMES))[0]
        self._write([first], TRIED_TOKENS[0])  # the first time of anything is slower
        return self._encoding(length) + self._decoding(length)

    def _encoding(self, length: int) -> float:
        """Seconds to encode one clip: a tenth of one is timed and, unless that is slow, a whole."""
        tenth = _seconds(lambda: self._encoded(self._silence(length // 10)))
        if tenth > SLOW:
            return 10 * SLOWER * tenth
        return _seconds(lambda: self._encoded(self._silence(length)))

    def _decoding(self, length: int) -> float:
        """Seconds to write a usual clip's text in a full batch: a few tokens and a few more are
        timed, since the first one costs more than the others."""
        state = self._encoded(self._silence(LEAST_FRAMES)).shape[-1]
        several = [np.zeros((length, state), np.float32)] * self.batch
        few, more = TRIED_TOKENS
        start = _seconds(lambda: self._write(several, few))
        step = max(0.0, _seconds(lambda: self._write(several, more)) - start) / (more - few)
        return (start + step * (TYPICAL_TOKENS - few)) / self.batch

    def _silence(self, length: int) -> NDArray[np.float32]:
        return np.zeros((1, self._model.n_mels, 2 * length), np.float32)

    def _write(self, features: Sequence[Features], tokens: int) -> None:
        words = tokenizer(self.num_languages, "en")
        self._model.generate(
            self._stacked(features),
            [list(words.sot_sequence)] * len(features),
            beam_size=1,
            max_length=2 * tokens,
            suppress_tokens=[-1, words.eot],
        )

    def _stacked(self, features: Sequence[Features]) -> Any:
        return self._view(np.stack(features))

    @contextmanager
    def _shrinking(self) -> Iterator[None]:
        """Ask for smaller batches from now on, when one did not fit into memory."""
        try:
            yield
        except RuntimeError as error:
            if "out of memory" in str(error):
                self.batch = max(1, self.batch // 2)
            raise


def load(
    name: str,
    languages: Sequence[str],
    models: Path,
    say: Callable[[str], None] = log.info,
    *,
    windows: Windows = "full",
    threads: int | None = None,
) -> Whisper:
    """Load a converted model by its folder, or any that openai-whisper would: converted once.

    `models`: where named models are downloaded to, and converted ones kept. `say` is told what is
    going on. Raises ModelUnavailable.
    """
    library = _library()
    threads = threads or usual_threads()
    torch.set_num_threads(threads)  # for the spectrograms
    say(f"speech model {name}: loading")
    device = "cuda" if library.get_cuda_device_count() else "cpu"
    folder, label = _found(name, models, PRECISION[device], say)
    backend = _open(library, folder, device, threads)
    engine = Whisper(
        backend,
        NAME,
        label,
        languages,
        windows=windows,
        seconds_per_clip=_measured(backend, windows),
    )
    say(f"speech model {engine.model}: ready on {backend.device}")
    if "yue" in languages and not engine.knows_yue:
        say(f"speech model {engine.model}: knows no Cantonese and will write it as Mandarin")
    return engine


def _library() -> Any:
    try:
        import ctranslate2
    except ImportError as error:
        raise ModelUnavailable(
            "WHISPER_ENGINE=faster-whisper needs the package ctranslate2",
            "pip install -e '.[fast]'",
        ) from error
    return ctranslate2


def _found(
    name: str, models: Path, precision: Precision, say: Callable[[str], None]
) -> tuple[Path, str]:
    """The folder with the model, converted now if need be, and what goes on record."""
    given = Path(name)
    if (given / "model.bin").is_file():
        return given, f"{given.name}@{_digest(given / 'model.bin')}"
    if given.is_dir():
        raise ModelUnavailable(
            f"{name} is not a converted model",
            f"python -m transcription convert {name} TARGET --to faster-whisper",
        )
    label = f"{checkpoint.label(name)}-{precision}"
    folder = models / "ctranslate2" / label
    if not folder.is_dir():
        _convert(name, models, folder, precision, say)
    return folder, label


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]


def _convert(
    name: str, models: Path, folder: Path, precision: Precision, say: Callable[[str], None]
) -> None:
    """Convert a checkpoint into `folder`; of several processes one does, and the others wait."""
    from transcription.models import ctranslate  # needs the library

    try:
        with _alone(folder.parent):
            if folder.is_dir():
                return
            say(f"speech model {name}: converting it to {precision}, once")
            for leftover in folder.parent.glob(f".{folder.name}-*"):
                shutil.rmtree(leftover, ignore_errors=True)
            found = openai.of(checkpoint.open_model(name, models, say))
            found.check()
            ctranslate.write(found, folder, precision)
    except NotConvertible as error:
        raise ModelUnavailable(
            f"{name} cannot be converted: {error}", "set WHISPER_ENGINE=openai-whisper"
        ) from error
    except MemoryError as error:
        raise ModelUnavailable(
            f"{name} does not fit into memory", "choose a smaller model"
        ) from error
    except OSError as error:
        raise ModelUnavailable(f"{name}: {error}", f"make room and rights in {models}") from error


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _open(library: Any, folder: Path, device: str, threads: int) -> FasterWhisper:
    try:
        model = library.models.Whisper(
            str(folder),
            device=device,
            compute_type=_compute_type(folder, device),
            inter_threads=1,
            intra_threads=threads,
        )
    except (RuntimeError, ValueError, OSError, MemoryError) as error:
        raise _unusable(folder, error) from error
    if not model.is_multilingual:
        raise ModelUnavailable(
            f"{folder} understands English only", "choose one whose name has no .en"
        )
    return FasterWhisper(model, library.StorageView.from_array)


def _compute_type(folder: Path, device: str) -> str:
    """What is computed in, by what our converter says that the weights are kept in; other tools do
    not say."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    usual = "int8" if device == "cpu" else "float16"
    return COMPUTED_IN[device].get(config.get("precision"), usual)


def _unusable(folder: Path, error: Exception) -> ModelUnavailable:
    if isinstance(error, MemoryError) or "memory" in str(error):
        return ModelUnavailable(f"{folder} does not fit into memory", "choose a smaller model")
    reason = " ".join(str(error).split())
    return ModelUnavailable(
        f"{folder} cannot be used ({reason})", "delete it and have it converted again"
    )


def _measured(backend: FasterWhisper, windows: Windows) -> float:
    """On a GPU, what the library needs of CUDA is first looked for when it computes."""
    try:
        return backend.seconds_per_clip(windows)
    except RuntimeError as error:
        raise ModelUnavailable(
            f"CTranslate2 cannot compute here ({error})", "set WHISPER_ENGINE=openai-whisper"
        ) from error


def _decoded(said: Any) -> Decoded:
    """The library's score is the mean over the tokens without the end token; Whisper's is with."""
    tokens = tuple(said.sequences_ids[0])
    mean = said.scores[0] * len(tokens) / (len(tokens) + 1)
    return Decoded(tokens, mean, said.no_speech_prob)


def _starts(alignment: Sequence[tuple[int, int]]) -> list[float]:
    """Seconds at which each token begins, and where the last one ends, from a path of (token,
    frame)."""
    first: dict[int, float] = {}
    for token, frame in alignment:
        first.setdefault(token, frame / FRAMES_PER_SECOND)
    return [first[token] for token in sorted(first)]


def _seconds(work: Callable[[], object]) -> float:
    before = time.perf_counter()
    work()
    return time.perf_counter() - before
