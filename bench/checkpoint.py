"""A checkpoint of openai-whisper's format that costs what a real one costs, and says what it is told.

    python -m bench.checkpoint base base.pt

Speed depends on a model's dimensions and on how much it writes, not on what it has learnt. So the
weights are random, but the decoder's output is scripted: at its end the logits are LN(x) @ E^T, and
its positional embedding of position p is a large multiple of the token embedding of the token that
shall follow there, larger than all its layers add. Whatever it hears, the model is sure that this is
Cantonese, writes the same text, and stops. No option of any library has to be touched for that:
every contestant decodes as it does in use, and all of them write equally much.

There is no time stamp at the end: it would be right for recordings of one length only.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from typing import Final

import click
import torch
from torch import Tensor
from whisper.model import (  # type: ignore[import-untyped]
    ModelDimensions,
    ResidualAttentionBlock,
    Whisper,
)
from whisper.tokenizer import Tokenizer, get_tokenizer  # type: ignore[import-untyped]

VOCABULARY: Final = 51866  # of large-v3 and turbo, whatever the size: it knows Cantonese
LANGUAGES: Final = 100
# Whisper's own sizes: mels, state, heads, layers of the encoder and of the decoder.
SIZES: Final = {
    "nano": (80, 64, 2, 1, 2),  # nobody's: for tests
    "tiny": (80, 384, 6, 4, 4),
    "base": (80, 512, 8, 6, 6),
    "small": (80, 768, 12, 12, 12),
    "medium": (80, 1024, 16, 24, 24),
    "large": (128, 1280, 20, 32, 32),
    "turbo": (128, 1280, 20, 32, 4),
}
TOKENS: Final = 40
SEED: Final = 1
EMBEDDING_STD: Final = 0.02
LOUDNESS: Final = 30.0  # of the script, next to what the layers add, which is about 1
CERTAINTY: Final = 40.0  # the logit of the token that shall follow; the others' are within +-10


def dimensions(size: str) -> ModelDimensions:
    """The dimensions of a size in openai-whisper's words. Raises KeyError."""
    mels, state, heads, encoder, decoder = SIZES[size]
    return ModelDimensions(
        n_mels=mels,
        n_audio_ctx=1500,
        n_audio_state=state,
        n_audio_head=heads,
        n_audio_layer=encoder,
        n_vocab=VOCABULARY,
        n_text_ctx=448,
        n_text_state=state,
        n_text_head=heads,
        n_text_layer=decoder,
    )


def write(size: str, file: Path, tokens: int = TOKENS) -> None:
    """Write a checkpoint of that size, which answers with so many tokens of text, to `file`."""
    torch.manual_seed(SEED)
    dims = dimensions(size)
    state = dict(_random(dims)) | _scripted(dims, tokens)
    torch.save({"dims": asdict(dims), "model_state_dict": state}, file)


def text(tokens: int = TOKENS) -> str:
    """What a checkpoint says that was written with so many tokens of text."""
    said: str = _tokenizer().decode(_text_tokens(tokens))
    return said


def _random(dims: ModelDimensions) -> Iterator[tuple[str, Tensor]]:
    """Random weights, layer by layer: the whole of a large model would take 6 GB in between."""
    for name, weight in (
        Whisper(replace(dims, n_audio_layer=0, n_text_layer=0)).state_dict().items()
    ):
        yield name, weight.half()
    for layer in range(dims.n_audio_layer):
        block = ResidualAttentionBlock(dims.n_audio_state, dims.n_audio_head)
        yield from _named(f"encoder.blocks.{layer}", block)
    for layer in range(dims.n_text_layer):
        block = ResidualAttentionBlock(dims.n_text_state, dims.n_text_head, cross_attention=True)
        yield from _named(f"decoder.blocks.{layer}", block)


def _named(prefix: str, block: ResidualAttentionBlock) -> Iterator[tuple[str, Tensor]]:
    for name, weight in block.state_dict().items():
        yield f"{prefix}.{name}", weight.half()


def _scripted(dims: ModelDimensions, tokens: int) -> dict[str, Tensor]:
    """The decoder's embeddings and last norm, by which position p is answered by script[p]."""
    width = dims.n_text_state
    embedding = torch.randn(dims.n_vocab, width) * EMBEDDING_STD
    script = torch.tensor(_script(tokens, dims.n_text_ctx))
    # A normed x in the direction of an embedding has with it a product of |x| |e| = width * std.
    gain = CERTAINTY / (width * EMBEDDING_STD)
    weights = {
        "decoder.token_embedding.weight": embedding,
        "decoder.positional_embedding": embedding[script] * (LOUDNESS / EMBEDDING_STD),
        "decoder.ln.weight": torch.full((width,), gain),
        "decoder.ln.bias": torch.zeros(width),
    }
    return {name: weight.half() for name, weight in weights.items()}


def _script(tokens: int, length: int) -> list[int]:
    """Which token follows at each position."""
    tokenizer = _tokenizer()
    start, language, transcribe = tokenizer.sot_sequence
    opening = [language, transcribe, tokenizer.timestamp_begin]
    assert start == tokenizer.sot
    script = [*opening, *_text_tokens(tokens)]
    return script + [tokenizer.eot] * (length - len(script))


def _text_tokens(count: int) -> list[int]:
    """Tokens of Chinese, none of them twice: as many characters of one token as of two, because
    Cantonese needs 1.35 tokens a character, and a speaker says about five characters a second."""
    tokenizer = _tokenizer()
    short, long = _characters(tokenizer, 1), _characters(tokenizer, 2)
    thirds = count // 3
    chosen = [*islice(short, count - 2 * thirds), *islice(long, thirds)]
    return [token for character in chosen for token in character]


def _characters(tokenizer: Tokenizer, length: int) -> Iterator[list[int]]:
    """Chinese characters of so many tokens, no numerals."""
    for code in range(0x4E00, 0x9FA6):
        tokens: list[int] = tokenizer.encode(chr(code))
        if len(tokens) == length and unicodedata.numeric(chr(code), None) is None:
            yield tokens


def _tokenizer() -> Tokenizer:
    return get_tokenizer(True, num_languages=LANGUAGES, language="yue", task="transcribe")


@click.command()
@click.argument("size", type=click.Choice(list(SIZES)))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--tokens", default=TOKENS, show_default=True, help="of text in every answer")
def main(size: str, file: Path, tokens: int) -> None:
    """Write a checkpoint of SIZE to FILE: random weights, a scripted answer."""
    write(size, file, tokens)
    click.echo(f"{file}: {size}, {file.stat().st_size / 1e6:.0f} MB, always says {text(tokens)}")


if __name__ == "__main__":
    main()
