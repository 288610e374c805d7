"""Checkpoints in openai-whisper's format: found, downloaded, opened, named."""

import fcntl
import hashlib
import http.client
import os
import pickle
import socket
import urllib.error
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import torch
import whisper  # type: ignore[import-untyped]

from transcription.engines.interface import ModelUnavailable

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


def open_model(name: str, models: Path, say: Callable[[str], None]) -> whisper.Whisper:
    """Whisper's model of this name, or the checkpoint at this path, in memory.

    A named model that is not there is downloaded into `models`, with Whisper's progress bar. `say`
    is told so. Raises ModelUnavailable, also for a model of English alone.
    """
    model = _load(name, models, say)
    if not model.is_multilingual:
        raise ModelUnavailable(
            f"{name} understands English only", "choose one whose name has no .en"
        )
    if Path(name).is_file():
        _follow_the_right_heads(model, Path(name))
    return model


def _follow_the_right_heads(model: whisper.Whisper, file: Path) -> None:
    """Let words be timed by the attention heads that our converter found named in a checkpoint; the
    library knows those of its own models only, and otherwise takes half of all."""
    told = torch.load(file, map_location="meta", weights_only=True).get("alignment_heads")
    if told:
        heads = torch.zeros(model.dims.n_text_layer, model.dims.n_text_head, dtype=torch.bool)
        heads[tuple(zip(*told, strict=True))] = True
        model.register_buffer("alignment_heads", heads.to_sparse(), persistent=False)


def _load(name: str, models: Path, say: Callable[[str], None]) -> whisper.Whisper:
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


def label(name: str) -> str:
    """What goes on record: the model's name, or the file's with the beginning of its SHA-256."""
    if not Path(name).is_file():
        return name
    with Path(name).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return f"{Path(name).name}@{digest[:12]}"
