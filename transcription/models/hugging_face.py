"""A Whisper fine-tune as Hugging Face's transformers saves it: a folder, its config and weights.

The weights are those of openai-whisper under other names, so converting is renaming; transformers
itself is not needed. An adapter (LoRA) is only the difference to a model and has to be merged
into it first, by who made it.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from transcription.checkpoint import NOT_A_CHECKPOINT
from transcription.models.openai import Checkpoint, NotConvertible, heads_of

DIMS: Final[Mapping[str, str]] = {
    "n_mels": "num_mel_bins",
    "n_audio_ctx": "max_source_positions",
    "n_audio_state": "d_model",
    "n_audio_head": "encoder_attention_heads",
    "n_audio_layer": "encoder_layers",
    "n_vocab": "vocab_size",
    "n_text_ctx": "max_target_positions",
    "n_text_state": "d_model",
    "n_text_head": "decoder_attention_heads",
    "n_text_layer": "decoder_layers",
}
# Their name -> openai-whisper's.
NAMES: Final = (
    ("embed_positions.weight", "positional_embedding"),
    ("embed_tokens.", "token_embedding."),
    ("encoder.layer_norm.", "encoder.ln_post."),
    ("decoder.layer_norm.", "decoder.ln."),
    (".layers.", ".blocks."),
    (".self_attn_layer_norm.", ".attn_ln."),
    (".encoder_attn_layer_norm.", ".cross_attn_ln."),
    (".final_layer_norm.", ".mlp_ln."),
    (".self_attn.", ".attn."),
    (".encoder_attn.", ".cross_attn."),
    (".q_proj.", ".query."),
    (".k_proj.", ".key."),
    (".v_proj.", ".value."),
    (".out_proj.", ".out."),
    (".fc1.", ".mlp.0."),
    (".fc2.", ".mlp.2."),
)
OUTPUT: Final = "proj_out.weight"
EMBEDDING: Final = "decoder.token_embedding.weight"
WEIGHTS: Final = ("model.safetensors", "pytorch_model.bin")


def read(folder: Path) -> Checkpoint:
    """The fine-tune in `folder` as openai-whisper's checkpoint.

    Raises NotConvertible, OSError, MemoryError.
    """
    if (folder / "adapter_config.json").exists():
        raise NotConvertible(
            f"{folder} is an adapter (LoRA) without its model: merge them first, with "
            "merge_and_unload() of the package peft, and save the whole model"
        )
    config = _json(folder / "config.json")
    _check(config)
    dims = _dims(config)
    heads = heads_of(_generation(folder).get("alignment_heads"), dims)
    checkpoint = Checkpoint(dims, _renamed(_weights(folder)), heads)
    checkpoint.check()
    return checkpoint


def _check(config: Mapping[str, Any]) -> None:
    """Refuse what openai-whisper could not compute in the same way."""
    kind = config.get("model_type")
    if kind != "whisper":
        raise NotConvertible(f"config.json is of a {kind or 'model of no named'} kind, not whisper")
    if "quantization_config" in config:
        raise NotConvertible("its weights are quantised: convert the model from before that")
    if config.get("activation_function", "gelu") != "gelu" or config.get("scale_embedding"):
        raise NotConvertible("its activation or embedding is not that of Whisper")


def _dims(config: Mapping[str, Any]) -> dict[str, int]:
    for theirs in DIMS.values():
        if not isinstance(config.get(theirs), int):
            raise NotConvertible(f"config.json: {theirs} is missing")
    return {ours: config[theirs] for ours, theirs in DIMS.items()}


def _weights(folder: Path) -> dict[str, Tensor]:
    """All tensors, from the one file or the pieces an index names."""
    for name in WEIGHTS:
        if (folder / name).is_file():
            return _load(folder / name)
        index = folder / f"{name}.index.json"
        if index.is_file():
            return {k: v for piece in _pieces(index) for k, v in _load(piece).items()}
    raise NotConvertible(f"{folder} holds neither {' nor '.join(WEIGHTS)}")


def _pieces(index: Path) -> list[Path]:
    """The files an index names. They lie beside it and nowhere else."""
    named = _json(index).get("weight_map")
    if not isinstance(named, dict):
        raise NotConvertible(f"{index} names no weights")
    pieces = sorted({str(piece) for piece in named.values()})
    for piece in pieces:
        if Path(piece).name != piece or not (index.parent / piece).is_file():
            raise NotConvertible(f"{index.name} names {piece}, which is not there")
    return [index.parent / piece for piece in pieces]


def _load(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except MemoryError:
        raise
    except (SafetensorError, *NOT_A_CHECKPOINT) as error:
        raise NotConvertible(f"{path} is damaged or holds more than weights") from error


def _renamed(theirs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    if any("lora_" in name for name in theirs):
        raise NotConvertible("an adapter (LoRA) is among its weights: merge it into them first")
    ours = {_name(name): _plain(tensor) for name, tensor in theirs.items()}
    output = ours.pop(OUTPUT, None)
    if output is not None and not torch.equal(output, ours.get(EMBEDDING, output)):
        raise NotConvertible("its output layer differs from its embedding; Whisper has one of both")
    return ours


def _name(theirs: str) -> str:
    name = re.sub(r"^model\.", "", theirs)
    for old, new in NAMES:
        name = name.replace(old, new)
    return name


def _plain(tensor: Tensor) -> Tensor:
    """bfloat16 becomes float32, which holds every value of it; the other formats do not know it."""
    return tensor.float() if tensor.dtype == torch.bfloat16 else tensor


def _generation(folder: Path) -> Mapping[str, Any]:
    path = folder / "generation_config.json"
    return _json(path) if path.is_file() else {}


def _json(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise NotConvertible(
            f"{path.parent} is no model that transformers saved: {path.name} is missing"
        ) from error
    except ValueError as error:
        raise NotConvertible(f"{path} is not JSON") from error
    if not isinstance(found, dict):
        raise NotConvertible(f"{path} is not what transformers writes")
    return found
