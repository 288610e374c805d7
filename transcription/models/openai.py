"""A Whisper checkpoint as openai-whisper keeps it: dimensions and tensors in one `.pt` file.

The other formats become one of these, or come from one. Only tensors and plain values are ever
read from a file (`weights_only`): a checkpoint from anywhere cannot bring code along.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

import torch
import whisper  # type: ignore[import-untyped]
from torch import Tensor
from whisper.model import AudioEncoder, TextDecoder  # type: ignore[import-untyped]
from whisper.tokenizer import LANGUAGES  # type: ignore[import-untyped]

from transcription.checkpoint import NOT_A_CHECKPOINT

Precision = Literal["int8", "float16", "float32"]
Heads = tuple[tuple[int, int], ...]

ENCODER: Final = ("n_mels", "n_audio_ctx", "n_audio_state", "n_audio_head", "n_audio_layer")
DECODER: Final = ("n_vocab", "n_text_ctx", "n_text_state", "n_text_head", "n_text_layer")
# English alone; all languages but Cantonese; all.
VOCABULARIES: Final = (51_864, 51_865, 51_766 + len(LANGUAGES))
MEL_BANDS: Final = (80, 128)
FRAMES: Final = 1500
TEXT_CONTEXT: Final = 448
MOST_LAYERS: Final = 64


class NotConvertible(Exception):
    """This is no Whisper checkpoint we can convert. The message is one line and says why."""


@dataclass(frozen=True)
class Checkpoint:
    """`dims`: openai-whisper's ten numbers. `tensors`: the weights by openai-whisper's names.
    `alignment_heads`: the (layer, head) of the decoder that look at the sound of the word they
    write, from 0; empty where nobody found out which."""

    dims: Mapping[str, int]
    tensors: Mapping[str, Tensor]
    alignment_heads: Heads = ()

    @property
    def multilingual(self) -> bool:
        return self.dims["n_vocab"] > VOCABULARIES[0]

    @property
    def languages(self) -> int:
        """How many languages it knows: 100 with Cantonese, 99 without."""
        return self.dims["n_vocab"] - 51_765 - self.multilingual

    def check(self) -> None:
        """Raise NotConvertible unless every tensor is there, has its shape, and none is left over."""
        _check_dims(self.dims)
        shapes = _shapes(self.dims)
        missing, unknown = shapes.keys() - self.tensors.keys(), self.tensors.keys() - shapes.keys()
        if missing:
            raise NotConvertible(f"{_some(missing)} missing from the weights")
        if unknown:
            raise NotConvertible(f"weights that no Whisper has: {_some(unknown)}")
        for name, shape in shapes.items():
            if self.tensors[name].shape != shape:
                found, wanted = tuple(self.tensors[name].shape), tuple(shape)
                raise NotConvertible(f"{name} has the shape {found} instead of {wanted}")


def of(model: whisper.Whisper) -> Checkpoint:
    """The checkpoint of a loaded model."""
    tensors = {name: tensor.cpu() for name, tensor in model.state_dict().items()}
    heads = model.alignment_heads.indices().T.tolist()
    return Checkpoint(asdict(model.dims), tensors, _pairs(heads))


def read(path: Path) -> Checkpoint:
    """A checkpoint from openai-whisper's `.pt`. Raises NotConvertible, OSError, MemoryError."""
    try:
        kept = torch.load(path, map_location="cpu", weights_only=True)
        dims, tensors = dict(kept["dims"]), dict(kept["model_state_dict"])
        heads = _pairs(kept.get("alignment_heads", ()))
    except MemoryError:
        raise
    except NOT_A_CHECKPOINT as error:
        raise NotConvertible(
            f"{path} is not a checkpoint of openai-whisper, or is damaged"
        ) from error
    checkpoint = Checkpoint(dims, tensors, heads)
    checkpoint.check()
    return checkpoint


def write(checkpoint: Checkpoint, target: Path, precision: Precision | None = None) -> None:
    """Write openai-whisper's `.pt`. `precision` None leaves the weights as they are.

    The alignment heads go in beside what `whisper.load_model` reads, which takes no notice of them.
    """
    if precision == "int8":
        raise NotConvertible("openai-whisper has no int8: choose float16 or float32")
    kept: dict[str, Any] = {
        "dims": dict(checkpoint.dims),
        "model_state_dict": {
            name: _as(tensor, precision) for name, tensor in checkpoint.tensors.items()
        },
    }
    if checkpoint.alignment_heads:
        kept["alignment_heads"] = [list(pair) for pair in checkpoint.alignment_heads]
    with in_one_piece(target) as place:
        torch.save(kept, place)


@contextmanager
def in_one_piece(target: Path) -> Iterator[Path]:
    """A place to write a file or a folder that appears at `target` when it is whole, or never."""
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        yield folder / target.name
        os.replace(folder / target.name, target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def heads_of(found: Any, dims: Mapping[str, int]) -> Heads:
    """Alignment heads as a file names them, or none where they do not fit the decoder."""
    try:
        heads = _pairs(found)
    except (TypeError, ValueError):
        return ()
    layers, width = dims["n_text_layer"], dims["n_text_head"]
    fit = all(0 <= layer < layers and 0 <= head < width for layer, head in heads)
    return heads if fit else ()


def _pairs(found: Any) -> Heads:
    return tuple((int(layer), int(head)) for layer, head in found or ())


def _as(tensor: Tensor, precision: Precision | None) -> Tensor:
    if precision is None:
        return tensor
    return tensor.to(torch.float16 if precision == "float16" else torch.float32)


def _check_dims(dims: Mapping[str, int]) -> None:
    absent = [name for name in (*ENCODER, *DECODER) if not isinstance(dims.get(name), int)]
    if absent:
        raise NotConvertible(f"the dimension {absent[0]} is missing")
    if dims["n_vocab"] not in VOCABULARIES:
        raise NotConvertible(
            f"a vocabulary of {dims['n_vocab']} tokens is none of Whisper's: were some added?"
        )
    context = (dims["n_audio_ctx"], dims["n_text_ctx"]) == (FRAMES, TEXT_CONTEXT)
    halves = _is_half(dims, "audio") and _is_half(dims, "text")
    if dims["n_mels"] not in MEL_BANDS or not context or not halves:
        raise NotConvertible("its dimensions are none of Whisper's")


def _is_half(dims: Mapping[str, int], part: str) -> bool:
    """Whether an encoder (`audio`) or a decoder (`text`) of these dimensions can be."""
    layers, heads, state = (dims[f"n_{part}_{name}"] for name in ("layer", "head", "state"))
    return 0 < layers <= MOST_LAYERS and 0 < 2 * heads < state and state % (2 * heads) == 0


def _shapes(dims: Mapping[str, int]) -> dict[str, torch.Size]:
    """The tensors a Whisper of these dimensions has, asked of openai-whisper without making them."""
    with torch.device("meta"):
        encoder = AudioEncoder(*(dims[name] for name in ENCODER))
        decoder = TextDecoder(*(dims[name] for name in DECODER))
    parts = {"encoder": encoder, "decoder": decoder}
    return {
        f"{part}.{name}": tensor.shape
        for part, module in parts.items()
        for name, tensor in module.state_dict().items()
    }


def _some(names: set[str]) -> str:
    first, *rest = sorted(names)
    return f"{first} and {len(rest)} more" if rest else first
