"""The reference engine: openai-whisper, the library itself, one model a process.

Its models are not thread-safe (the cache of keys and values hangs on the model as hooks: two
threads get wrong words without an error), so a lock guards every model. Each clip is encoded once;
the language is detected, and a doubtful clip decoded a second time, from the same features.
"""

import fcntl
import hashlib
import http.client
import logging
import os
import pickle
import socket
import threading
import time
import urllib.error
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import torch
import whisper  # type: ignore[import-untyped]
from torch import Tensor
from whisper.audio import (  # type: ignore[import-untyped]
    HOP_LENGTH,
    N_FRAMES,
    N_SAMPLES,
    log_mel_spectrogram,
    pad_or_trim,
)
from whisper.decoding import (  # type: ignore[import-untyped]
    DecodingOptions,
    DecodingResult,
    PyTorchInference,
)
from whisper.tokenizer import Tokenizer, get_tokenizer  # type: ignore[import-untyped]

from transcription import quality
from transcription.audio import SAMPLE_RATE
from transcription.engines.interface import (
    Clip,
    Hypothesis,
    Line,
    ModelUnavailable,
    Progress,
    Result,
    Unheard,
)
from transcription.language import Choice, choose, whisper_code

log = logging.getLogger(__name__)

LANGUAGES_WITH_YUE: Final = 100
SECONDS_PER_TIMESTAMP: Final = 0.02
SECOND_TRY_TEMPERATURE: Final = 0.4
BATCH: Final = 8
MOST_PASSED_OVER: Final = 5.0
TYPICAL_TOKENS: Final = 60
NETWORK_PATIENCE: Final = 30.0
NETWORK_TROUBLE: Final = (
    urllib.error.URLError,
    http.client.HTTPException,
    TimeoutError,
    ConnectionError,
)
NOT_A_CHECKPOINT: Final = (
    MemoryError,
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    RuntimeError,
    KeyError,
    TypeError,
    AttributeError,
    EOFError,
    ValueError,
)


class OpenAIWhisper:
    """A loaded Whisper model that hears the city's languages and no others."""

    name = "openai-whisper"

    def __init__(self, model: whisper.Whisper, label: str, languages: Sequence[str]) -> None:
        self.model = label
        self._whisper = model
        self._languages = tuple(languages)
        self._lock = threading.Lock()
        self._half = model.device.type == "cuda"

    @property
    def knows_yue(self) -> bool:
        return bool(self._whisper.num_languages >= LANGUAGES_WITH_YUE)

    def hear(self, clips: Sequence[Clip], progress: Progress | None = None) -> list[Result]:
        """One result per clip, in order; clips of one language and prompt are decoded together."""
        results: list[Result] = []
        steps = _Steps(2 * len(clips), progress)
        with self._lock, torch.no_grad():
            for first in range(0, len(clips), BATCH):
                results += self._batch(clips[first : first + BATCH], steps)
        return results

    def _batch(self, clips: Sequence[Clip], steps: "_Steps") -> list[Result]:
        results: dict[int, Result] = {}
        heard: dict[int, tuple[Tensor, Choice]] = {}
        for index, clip in enumerate(clips):
            try:
                heard[index] = self._listen(clip)
            except (RuntimeError, ValueError) as error:
                results[index] = Unheard(f"{type(error).__name__}: {error}")
            steps.took(1)
        alike = defaultdict(list)
        for index, (_, choice) in heard.items():
            alike[choice.language, clips[index].prompt].append(index)
        for group in alike.values():
            results |= self._decode_group(clips, heard, group)
            steps.took(len(group))
        return [results[index] for index in range(len(clips))]

    def _listen(self, clip: Clip) -> tuple[Tensor, Choice]:
        """Encode a clip, and tell its language from the features."""
        features = self._features(clip)
        _, probabilities = self._whisper.detect_language(features)
        choice = choose(probabilities, self._languages, clip.hint, knows_yue=self.knows_yue)
        return features, choice

    def _features(self, clip: Clip) -> Tensor:
        if len(clip.samples) > N_SAMPLES:
            raise ValueError(f"a clip of {len(clip.samples) / SAMPLE_RATE:.1f} s: 30 s is the most")
        # As transcribe() prepares a window: 30 s of silence behind, cut off, zeros instead.
        mel = log_mel_spectrogram(clip.samples, self._whisper.dims.n_mels, padding=N_SAMPLES)
        window = pad_or_trim(mel[:, : len(clip.samples) // HOP_LENGTH], N_FRAMES)
        window = window.to(self._whisper.device, torch.float16 if self._half else torch.float32)
        features: Tensor = self._whisper.encoder(window[None])[0]
        return features

    def _decode_group(
        self, clips: Sequence[Clip], heard: dict[int, tuple[Tensor, Choice]], group: list[int]
    ) -> dict[int, Result]:
        """Decode clips of one language and prompt together; if that fails, one by one."""
        try:
            said = self._decode([(clips[i], *heard[i]) for i in group])
        except RuntimeError as error:
            if len(group) == 1:
                return {group[0]: Unheard(f"{type(error).__name__}: {error}")}
            alone = [self._decode_group(clips, heard, [index]) for index in group]
            return {index: result for part in alone for index, result in part.items()}
        return dict(zip(group, said, strict=True))

    def _decode(self, batch: Sequence[tuple[Clip, Tensor, Choice]]) -> list[Result]:
        first = self._run(batch, 0.0)
        return [self._settle(item, said) for item, said in zip(batch, first, strict=True)]

    def _settle(self, item: tuple[Clip, Tensor, Choice], first: Hypothesis) -> Hypothesis:
        """The first reading or, when that is doubtful, the better of two. A second try samples, so
        it is made alone: what became of a clip must not depend on what else was in its batch."""
        if not _doubts(item[0], first):
            return first
        (second,) = self._run([item], SECOND_TRY_TEMPERATURE)
        return _better(item[0], first, second)

    def _run(
        self, batch: Sequence[tuple[Clip, Tensor, Choice]], temperature: float
    ) -> list[Hypothesis]:
        clip, _, choice = batch[0]
        code = whisper_code(choice.language, knows_yue=self.knows_yue)
        options = DecodingOptions(
            language=code, prompt=clip.prompt, temperature=temperature, fp16=self._half
        )
        torch.manual_seed(0)  # the same clip shall always give the same text
        decoded = self._whisper.decode(torch.stack([features for _, features, _ in batch]), options)
        tokenizer = get_tokenizer(True, num_languages=self._whisper.num_languages, language=code)
        most = self._whisper.dims.n_text_ctx // 2
        return [
            _hypothesis(result, clip, choice, tokenizer, most)
            for result, (clip, _, choice) in zip(decoded, batch, strict=True)
        ]


class _Steps:
    """Tells progress: every clip is two steps, one to encode and one to decode."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._total = total
        self._progress = progress
        self._taken = 0

    def took(self, steps: int) -> None:
        self._taken += steps
        if self._progress:
            self._progress(self._taken / self._total)


def _doubts(clip: Clip, said: Hypothesis) -> tuple[str, ...]:
    return quality.doubts(said, len(clip.samples) / SAMPLE_RATE)


def _better(clip: Clip, first: Hypothesis, second: Hypothesis) -> Hypothesis:
    """The one with fewer doubts; between equals the one the model believes in more."""

    def merit(said: Hypothesis) -> tuple[int, float]:
        return -len(_doubts(clip, said)), said.mean_log_probability

    return max(first, second, key=merit)


def _hypothesis(
    result: DecodingResult, clip: Clip, choice: Choice, tokenizer: Tokenizer, most_tokens: int
) -> Hypothesis:
    seconds = len(clip.samples) / SAMPLE_RATE
    lines, heard_until = _lines(result.tokens, tokenizer, seconds)
    return Hypothesis(
        language=choice.language,
        language_probability=choice.probability,
        lines=lines,
        mean_log_probability=result.avg_logprob,
        no_speech_probability=result.no_speech_prob,
        complete=len(result.tokens) < most_tokens,
        heard_until=heard_until,
        temperature=result.temperature,
    )


def _lines(
    tokens: Sequence[int], tokenizer: Tokenizer, seconds: float
) -> tuple[tuple[Line, ...], float]:
    """Tokens -> lines between time stamps, and up to where they account for the clip."""
    lines: list[Line] = []
    words: list[int] = []
    at = 0.0
    for token in tokens:
        if token < tokenizer.timestamp_begin:
            words.append(token)
            continue
        stamp = min((token - tokenizer.timestamp_begin) * SECONDS_PER_TIMESTAMP, seconds)
        lines += _line(at, stamp, words, tokenizer)
        words, at = [], stamp
    lines += _line(at, seconds, words, tokenizer)
    return tuple(lines), _heard_until(tokens, tokenizer, at, seconds)


def _heard_until(tokens: Sequence[int], tokenizer: Tokenizer, at: float, seconds: float) -> float:
    """Up to where the clip is accounted for, `at` being the last time stamp.

    Two stamps at the end are Whisper's way to say that more follows; one, that this was all. It is
    believed unless much is left: on less than that it invents when asked again.
    """
    stamps = [token >= tokenizer.timestamp_begin for token in tokens[-2:]]
    more_follows = stamps == [True, True] and len(tokens) > 2
    passed_over = stamps[-1:] == [True] and at > 0 and seconds - at > MOST_PASSED_OVER
    return at if more_follows or passed_over else seconds


def _line(start: float, end: float, words: list[int], tokenizer: Tokenizer) -> list[Line]:
    text = tokenizer.decode([word for word in words if word < tokenizer.eot]).strip()
    return [Line(start, end, text)] if text else []


def load(
    name: str,
    languages: Sequence[str],
    models: Path,
    say: Callable[[str], None] = log.info,
    threads: int = 1,
) -> OpenAIWhisper:
    """Load a model by Whisper's name for it, or a checkpoint by its path. Once per process.

    A named model that is not there is downloaded into `models`, with Whisper's progress bar.
    `say` is told what is going on, and what this machine can expect. One thread by default: two
    processes of one thread hear 1.7 times what one process of two threads does.
    Raises ModelUnavailable.
    """
    torch.set_num_threads(threads)
    say(f"speech model {name}: loading")
    model = _open(name, models, say)
    if not model.is_multilingual:
        raise ModelUnavailable(
            f"{name} understands English only", "choose one whose name has no .en"
        )
    engine = OpenAIWhisper(model, _label(name), languages)
    say(f"speech model {engine.model}: ready; {describe_speed(model)}")
    if "yue" in languages and not engine.knows_yue:
        say(f"speech model {engine.model}: knows no Cantonese and will write it as Mandarin")
    return engine


def _open(name: str, models: Path, say: Callable[[str], None]) -> whisper.Whisper:
    known = name in whisper.available_models()
    if not known and not Path(name).is_file():
        raise ModelUnavailable(
            f"there is no file {name}", "set WHISPER_MODEL to a checkpoint or to a name like turbo"
        )
    folder = _folder(name, models)
    if known and not (folder / _file_name(name)).is_file():
        say(f"speech model {name}: not here yet, downloading it into {folder}")
    try:
        with _alone(folder) if known else _nothing():
            return whisper.load_model(name, download_root=str(folder))
    except NETWORK_TROUBLE as error:
        raise _no_download(name, models, error) from error
    except NOT_A_CHECKPOINT as error:
        raise _unreadable(name, known, error) from error
    except OSError as error:
        raise ModelUnavailable(f"{name}: {error}", f"make room and rights in {models}") from error


def _no_download(name: str, models: Path, error: Exception) -> ModelUnavailable:
    reason = getattr(error, "reason", None) or error
    return ModelUnavailable(
        f"{name} could not be downloaded ({reason})",
        f"put {_file_name(name)} into {models}, or set WHISPER_MODEL to a checkpoint file",
    )


def _unreadable(name: str, known: bool, error: Exception) -> ModelUnavailable:
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate" in str(error):
        return ModelUnavailable(f"{name} does not fit into memory", "choose a smaller model")
    if known:
        return ModelUnavailable(f"{name} arrived damaged ({error})", "start again to download it")
    return ModelUnavailable(
        f"{name} is not a checkpoint of openai-whisper, or is damaged",
        "set WHISPER_MODEL to a .pt file with 'dims' and 'model_state_dict'",
    )


def _folder(name: str, models: Path) -> Path:
    """Where the named model lies: Whisper's own cache if it is there already, else `models`."""
    caches = os.getenv("XDG_CACHE_HOME", os.path.expanduser("~/.cache"))
    cache = Path(caches, "whisper")
    return cache if (cache / _file_name(name)).is_file() else models


def _file_name(name: str) -> str:
    urls: dict[str, str] = whisper._MODELS
    return urls[name].rsplit("/", 1)[-1] if name in urls else Path(name).name


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time downloads into `folder`, and a silent network ends the attempt."""
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):  # the model came with the machine: nothing to download
        yield
        return
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(NETWORK_PATIENCE)
    try:
        with (folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    finally:
        socket.setdefaulttimeout(before)


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def _label(name: str) -> str:
    """What goes on record: the model's name, or the file's with the beginning of its SHA-256."""
    if not Path(name).is_file():
        return name
    with Path(name).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return f"{Path(name).name}@{digest[:12]}"


def describe_speed(model: whisper.Whisper) -> str:
    """What the machine can expect of this model, in words."""
    if model.device.type == "cuda":
        return f"on {torch.cuda.get_device_name(model.device)}"
    needed = seconds_per_window(model)
    speed = f"about {needed:.1f} s of computing per 30 s of call on this machine without a GPU"
    if needed > 30:
        return f"{speed}: slower than people speak, so choose a smaller model or a machine with one"
    return speed


def seconds_per_window(model: whisper.Whisper) -> float:
    """Seconds to encode 30 s of sound and to write a usual sentence, estimated in a moment.

    One layer of the encoder and one step of the decoder are timed and multiplied, since a whole
    pass of a large model would take half a minute.
    """
    dims = model.dims
    features = torch.zeros(1, dims.n_audio_ctx, dims.n_audio_state, device=model.device)
    with torch.no_grad():
        block = model.encoder.blocks[0]
        block(features)
        encoding = _seconds(lambda: block(features)) * int(dims.n_audio_layer)
        inference = PyTorchInference(model, 1)
        tokens = torch.zeros(1, 1, dtype=torch.long, device=model.device)
        try:
            inference.logits(tokens, features)
            longer = torch.zeros(1, 2, dtype=torch.long, device=model.device)
            step = _seconds(lambda: inference.logits(longer, features))
        finally:
            inference.cleanup_caching()
    return encoding + step * TYPICAL_TOKENS


def _seconds(work: Callable[[], object]) -> float:
    before = time.perf_counter()
    work()
    return time.perf_counter() - before


__all__ = ["OpenAIWhisper", "describe_speed", "load", "seconds_per_window"]
