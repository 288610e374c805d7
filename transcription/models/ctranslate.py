"""A Whisper checkpoint in the layout of CTranslate2: a folder that its C++ can map into memory.

CTranslate2's own converter goes through transformers; this one fills the same specification from
openai-whisper's tensors. The same checkpoint gives the same bytes.
"""

from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any, Final

from ctranslate2.converters.utils import fuse_linear
from ctranslate2.specs.common_spec import LinearSpec
from ctranslate2.specs.whisper_spec import WhisperSpec
from torch import Tensor
from whisper.tokenizer import Tokenizer, get_tokenizer  # type: ignore[import-untyped]

from transcription.models.openai import Checkpoint, Heads, Precision, in_one_piece

Tensors = Mapping[str, Tensor]

# Our word in config.json for what the weights are stored as; CTranslate2 passes over it.
PRECISION: Final = "precision"


def write(checkpoint: Checkpoint, target: Path, precision: Precision) -> None:
    """Convert a checkpoint into a folder of CTranslate2. Raises OSError."""
    dims = checkpoint.dims
    spec = WhisperSpec(
        dims["n_audio_layer"], dims["n_audio_head"], dims["n_text_layer"], dims["n_text_head"]
    )
    _fill_encoder(spec.encoder, _under(checkpoint.tensors, "encoder"))
    _fill_decoder(spec.decoder, _under(checkpoint.tensors, "decoder"))
    tokenizer = get_tokenizer(checkpoint.multilingual, num_languages=checkpoint.languages)
    spec.register_vocabulary(_vocabulary(tokenizer))
    _configure(spec.config, tokenizer, checkpoint.alignment_heads or _upper_half(dims), precision)
    spec.validate()
    spec.optimize(quantization=precision)
    with in_one_piece(target) as place:
        place.mkdir()
        spec.save(str(place))


def _fill_encoder(spec: Any, tensors: Tensors) -> None:
    _fill(spec.conv1, tensors, "conv1")
    _fill(spec.conv2, tensors, "conv2")
    spec.position_encodings.encodings = tensors["positional_embedding"]
    _fill_norm(spec.layer_norm, tensors, "ln_post")
    for index, layer in enumerate(spec.layer):
        _fill_block(layer, _under(tensors, f"blocks.{index}"))


def _fill_decoder(spec: Any, tensors: Tensors) -> None:
    spec.embeddings.weight = tensors["token_embedding.weight"]
    spec.projection.weight = tensors["token_embedding.weight"]
    spec.position_encodings.encodings = tensors["positional_embedding"]
    _fill_norm(spec.layer_norm, tensors, "ln")
    for index, layer in enumerate(spec.layer):
        block = _under(tensors, f"blocks.{index}")
        _fill_block(layer, block)
        query, *rest, out = layer.attention.linear
        _fill_norm(layer.attention.layer_norm, block, "cross_attn_ln")
        _fuse(query, block, "cross_attn.query")
        _fuse(rest[0], block, "cross_attn.key", "cross_attn.value")
        _fill(out, block, "cross_attn.out")


def _fill_block(layer: Any, tensors: Tensors) -> None:
    """What a layer of the encoder and one of the decoder have in common."""
    _fill_norm(layer.self_attention.layer_norm, tensors, "attn_ln")
    _fuse(layer.self_attention.linear[0], tensors, "attn.query", "attn.key", "attn.value")
    _fill(layer.self_attention.linear[1], tensors, "attn.out")
    _fill_norm(layer.ffn.layer_norm, tensors, "mlp_ln")
    _fill(layer.ffn.linear_0, tensors, "mlp.0")
    _fill(layer.ffn.linear_1, tensors, "mlp.2")


def _fuse(spec: Any, tensors: Tensors, *names: str) -> None:
    parts = [LinearSpec() for _ in names]
    for part, name in zip(parts, names, strict=True):
        _fill(part, tensors, name)
    fuse_linear(spec, parts)


def _fill(spec: Any, tensors: Tensors, name: str) -> None:
    spec.weight = tensors[f"{name}.weight"]
    if f"{name}.bias" in tensors:  # keys have none
        spec.bias = tensors[f"{name}.bias"]


def _fill_norm(spec: Any, tensors: Tensors, name: str) -> None:
    spec.gamma = tensors[f"{name}.weight"]
    spec.beta = tensors[f"{name}.bias"]


def _under(tensors: Tensors, prefix: str) -> dict[str, Tensor]:
    start = f"{prefix}."
    return {
        name.removeprefix(start): tensor
        for name, tensor in tensors.items()
        if name.startswith(start)
    }


def _vocabulary(tokenizer: Tokenizer) -> list[str]:
    """A name for every token. Only numbers are exchanged with the library, so that any distinct
    names would do, but for the special tokens and 50256: unless that is the empty string, as among
    Whisper's tokens, the library takes the model for one of English alone."""
    tokens = tokenizer.encoding
    return [tokens.decode_single_token_bytes(id).decode("latin-1") for id in range(tokens.n_vocab)]


def _configure(config: Any, tokenizer: Tokenizer, heads: Heads, precision: Precision) -> None:
    """What openai-whisper knows about its tokens, and the library has to be told."""
    task = (tokenizer.transcribe, tokenizer.translate, tokenizer.no_speech)
    start = (tokenizer.sot, tokenizer.sot_prev, tokenizer.sot_lm)
    config.suppress_ids = sorted({*tokenizer.non_speech_tokens, *task, *start})
    config.suppress_ids_begin = [*tokenizer.encoding.encode(" "), tokenizer.eot]
    config.lang_ids = sorted(tokenizer.all_language_tokens)
    config.alignment_heads = [list(pair) for pair in heads]
    config.add_attribute(PRECISION, precision)


def _upper_half(dims: Mapping[str, int]) -> Heads:
    """openai-whisper's choice where it is not known which heads align: the upper half of layers."""
    layers = dims["n_text_layer"]
    return tuple(product(range(layers // 2, layers), range(dims["n_text_head"])))
