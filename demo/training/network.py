"""Whisper's network as it is trained here: the same weights, a cheaper way through the 30 s window.

The modules are openai-whisper's own. Three things differ while training:

* Whisper hears every clip in a window of 30 s. What follows the clip is constant but for its
  position, so 32 of those frames, drawn at random, stand for all of them: as keys they get a bias
  of log(how many each stands for).
* Only the tokens in use have a row (see `tokens.py`); one constant logit stands for the others.
* Products are computed in bfloat16, sums in float32, about five times faster where the processor
  has AVX-512 BF16.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from whisper.model import AudioEncoder, ModelDimensions, MultiHeadAttention, TextDecoder

from demo.training.clips import IGNORE, Batch
from demo.training.tokens import VOCABULARY, Vocabulary

PADDING_SAMPLES = 32
WINDOW = 1500
"""Encoder frames (of 20 ms) in Whisper's window."""
GUIDED_HEADS = 2


@dataclass(frozen=True)
class Size:
    """How large the network is."""

    state: int = 128
    heads: int = 4
    encoder_layers: int = 3
    decoder_layers: int = 3
    text_context: int = 448

    def dimensions(self, vocabulary: int = VOCABULARY) -> ModelDimensions:
        """The same in openai-whisper's words."""
        return ModelDimensions(
            n_mels=80,
            n_audio_ctx=WINDOW,
            n_audio_state=self.state,
            n_audio_head=self.heads,
            n_audio_layer=self.encoder_layers,
            n_vocab=vocabulary,
            n_text_ctx=self.text_context,
            n_text_state=self.state,
            n_text_head=self.heads,
            n_text_layer=self.decoder_layers,
        )


@dataclass(frozen=True)
class Losses:
    """What is minimised, each a mean: over trained tokens, encoder frames, tokens with a sound."""

    text: Tensor
    frames: Tensor
    guide: Tensor


def look_beside(attention: MultiHeadAttention, offsets: list[int], strength: float) -> None:
    """Makes each head look `offsets` frames away: the position's sinusoids, rotated.

    The product of sin/cos pairs at t and at s + offset is greatest where t = s + offset.
    """
    state = attention.query.weight.shape[0]
    half, head = state // 2, state // attention.n_head
    pairs = head // 2
    chosen = torch.linspace(0, half * 0.45, pairs).long()
    rate = torch.exp(-math.log(10000) / (half - 1) * chosen.float())
    for index, offset in enumerate(offsets):
        query, key = torch.zeros(2, head, state)
        for pair, (column, speed) in enumerate(zip(chosen.tolist(), rate.tolist(), strict=True)):
            sine, cosine = math.sin(speed * offset), math.cos(speed * offset)
            query[2 * pair, column] = query[2 * pair + 1, column + half] = 1
            # key = position moved back by the offset
            key[2 * pair, column], key[2 * pair, column + half] = cosine, -sine
            key[2 * pair + 1, column], key[2 * pair + 1, column + half] = sine, cosine
        rows = slice(index * head, (index + 1) * head)
        with torch.no_grad():
            attention.query.weight[rows] = attention.query.weight[rows] * 0.5 + strength * query
            attention.key.weight[rows] = attention.key.weight[rows] * 0.5 + strength * key


def split(x: Tensor, heads: int) -> Tensor:
    """(batch, length, state) as (batch, heads, length, state / heads)."""
    return x.view(*x.shape[:2], heads, -1).transpose(1, 2)


def attend(
    attention: MultiHeadAttention, x: Tensor, source: Tensor, bias: Tensor
) -> tuple[Tensor, Tensor]:
    """Whisper's attention with a bias on the scores.

    Returns the result (batch, x, state) and the weights (batch, heads, x, source).
    """
    scale = (x.shape[-1] // attention.n_head) ** -0.5
    query = split(attention.query(x) * scale, attention.n_head)
    key = split(attention.key(source), attention.n_head)
    value = split(attention.value(source), attention.n_head)
    weights = torch.softmax(query @ key.transpose(-1, -2) + bias, dim=-1)
    mixed = (weights @ value).transpose(1, 2).flatten(2)
    return attention.out(mixed), weights


class Recogniser(nn.Module):
    """Whisper's encoder and decoder over the compact vocabulary, and what training needs beside."""

    def __init__(self, size: Size, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.size, self.rest = size, vocabulary.rest
        self.words = len(vocabulary.ids)
        dims = size.dimensions(self.words)
        self.encoder = AudioEncoder(
            dims.n_mels, dims.n_audio_ctx, size.state, size.heads, size.encoder_layers
        )
        self.decoder = TextDecoder(
            self.words, dims.n_text_ctx, size.state, size.heads, size.decoder_layers
        )
        self.frame_head = nn.Linear(size.state, self.words + 1)
        nn.init.normal_(self.decoder.positional_embedding, std=0.02)
        nn.init.normal_(self.decoder.token_embedding.weight, std=0.05)
        with torch.no_grad():
            self.encoder.conv1.weight *= 1.5
            self.encoder.conv2.weight *= 2.5
        for layer, block in enumerate(self.encoder.blocks):
            step = 3 * (layer + 1)
            look_beside(block.attn, [-2 * step, -step, step, 2 * step], strength=1.4)
        self.compute = torch.bfloat16

    def encode(self, mel: Tensor, padding: Tensor) -> tuple[Tensor, Tensor]:
        """The encoder's output for mel (clips, 80, frames) followed by constant `padding` (clips,).

        Returns (clips, frames / 2 + 32, state) and the bias (frames / 2 + 32,) of these as keys.
        """
        encoder, frames = self.encoder, mel.shape[2] // 2
        tail = padding[:, None, None].expand(-1, mel.shape[1], 12)
        both = [torch.cat([mel, tail], dim=2), tail]
        heard, constant = (self.convolve(part) for part in both)
        edges = torch.linspace(frames, WINDOW, PADDING_SAMPLES + 1)
        places = edges[:-1] + torch.rand(PADDING_SAMPLES) * (edges[1:] - edges[:-1])
        places = places.long().clamp(max=WINDOW - 1)
        position = encoder.positional_embedding
        x = torch.cat(
            [
                heard[:, :frames] + position[:frames],
                constant[:, 3:4] + position[places],
            ],
            dim=1,
        )
        bias = torch.zeros(x.shape[1])
        bias[frames:] = math.log((WINDOW - frames) / PADDING_SAMPLES)
        low = bias.to(self.compute)
        for block in encoder.blocks:
            near = block.attn_ln(x).to(self.compute)
            x = x + attend(block.attn, near, near, low)[0].float()
            x = x + block.mlp(block.mlp_ln(x).to(self.compute)).float()
        return encoder.ln_post(x), bias

    def convolve(self, mel: Tensor) -> Tensor:
        """The encoder's two convolutions: (clips, frames / 2, state)."""
        x = functional.gelu(self.encoder.conv1(mel.to(self.compute)))
        return functional.gelu(self.encoder.conv2(x)).transpose(1, 2).float()

    def decode(self, tokens: Tensor, sound: Tensor, bias: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Logits (clips, tokens, words + 1), the last for all unused tokens; attention to the sound."""
        decoder, low = self.decoder, self.compute
        known = (tokens < self.words).unsqueeze(-1)
        embedded = functional.embedding(
            tokens.clamp(max=self.words - 1), decoder.token_embedding.weight
        )
        x = embedded * known + decoder.positional_embedding[: tokens.shape[1]]
        causal = decoder.mask[: tokens.shape[1], : tokens.shape[1]].to(low)
        source, weights = sound.to(low), []
        for block in decoder.blocks:
            near = block.attn_ln(x).to(low)
            x = x + attend(block.attn, near, near, causal)[0].float()
            near = block.cross_attn_ln(x).to(low)
            result, attention = attend(block.cross_attn, near, source, bias.to(low))
            weights.append(attention)
            x = x + result.float()
            x = x + block.mlp(block.mlp_ln(x).to(low)).float()
        logits = functional.linear(decoder.ln(x).to(low), decoder.token_embedding.weight.to(low))
        rest = torch.full((*logits.shape[:2], 1), self.rest)
        return torch.cat([logits.float(), rest], dim=-1), weights

    def losses(self, batch: Batch) -> Losses:
        """The three losses of one batch."""
        sound, bias = self.encode(batch.mel, batch.padding)
        logits, weights = self.decode(batch.tokens, sound, bias)
        text = functional.cross_entropy(
            logits.flatten(0, 1), batch.targets.flatten(), ignore_index=IGNORE
        )
        spoken = batch.spoken.masked_fill(batch.spoken < 0, self.words).flatten()
        heard = sound[:, : batch.spoken.shape[1]].to(self.compute)
        head = self.frame_head
        named = functional.linear(heard, head.weight.to(heard), head.bias.to(heard)).flatten(0, 1)
        frames = functional.cross_entropy(named.float(), spoken)
        return Losses(text, frames, guide_loss(weights, batch))


def guide_loss(weights: list[Tensor], batch: Batch) -> Tensor:
    """Minus log of the attention of the guided heads to the sound of the token they predict."""
    heard = batch.ends > 0
    if not heard.any():
        return torch.zeros(())
    frame = torch.arange(weights[0].shape[-1]).float()
    starts, ends = batch.starts[heard][:, None], batch.ends[heard][:, None]
    inside = (frame >= starts - 1) & (frame <= ends + 1) & (frame < batch.spoken.shape[1])
    total = torch.zeros(())
    for layer in weights:
        chosen = layer[:, :GUIDED_HEADS].transpose(1, 2)[heard].float()
        mass = (chosen * inside[:, None]).sum(-1)
        total = total - torch.log(mass + 1e-4).mean()
    return total / len(weights)
