"""The reference engine: openai-whisper, the library itself, one model a process.

On a CPU each clip is encoded by itself (eight at a time cost more, not less) and decoded with others;
on a graphics card everything goes in batches, in half precision.
"""

import logging
import math
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
import whisper  # type: ignore[import-untyped]
from numpy.typing import NDArray
from torch import Tensor
from whisper.audio import (  # type: ignore[import-untyped]
    HOP_LENGTH,
    N_SAMPLES,
    log_mel_spectrogram,
    pad_or_trim,
)
from whisper.decoding import (  # type: ignore[import-untyped]
    DecodingOptions,
    DecodingTask,
    GreedyDecoder,
    PyTorchInference,
)
from whisper.model import disable_sdpa  # type: ignore[import-untyped]
from whisper.timing import median_filter  # type: ignore[import-untyped]

from transcription import checkpoint
from transcription.audio import SAMPLE_RATE, Samples
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

log = logging.getLogger(__name__)

NAME: Final = "openai-whisper"
BATCH_ON_CPU: Final = 8
MOST_ON_GPU: Final = 64
# The share of a graphics card's free memory that a batch may take; the rest is for what is unforeseen.
SHARE_OF_MEMORY: Final = 0.6
MEDIAN_FRAMES: Final = 7
TYPICAL_TOKENS: Final = 40


class OpenAIWhisper:
    """A loaded model of openai-whisper as a backend."""

    failures: tuple[type[Exception], ...] = (RuntimeError, ValueError)

    def __init__(self, model: whisper.Whisper) -> None:
        self.num_languages: int = model.num_languages
        self.most_tokens: int = model.dims.n_text_ctx // 2
        self._model = model
        self._on_gpu = model.device.type == "cuda"
        _multiply_faster()
        self._type = torch.float16 if self._on_gpu else torch.float32
        if self._on_gpu:
            _halve(model)
        _starts(
            torch.zeros(2, 2)
        )  # compiles the alignment, which takes seconds, now and not in a call
        self.batch = self._batch_for_memory() if self._on_gpu else BATCH_ON_CPU

    @torch.no_grad()
    def encode(self, clips: Sequence[Samples], windows: Windows) -> list[Tensor]:
        """Features of shape (frames, state) for every clip."""
        mels = [self._mel(samples, frames(samples, windows)) for samples in clips]
        if not self._on_gpu or len({mel.shape for mel in mels}) > 1:
            return [self._encoded(mel[None])[0] for mel in mels]
        return list(self._encoded(torch.stack(mels)))

    def _mel(self, samples: Samples, length: int) -> Tensor:
        # As transcribe() prepares a window: 30 s of silence behind, cut off, zeros instead.
        mel = log_mel_spectrogram(samples, self._model.dims.n_mels, padding=N_SAMPLES)
        window: Tensor = pad_or_trim(mel[:, : len(samples) // HOP_LENGTH], 2 * length)
        return window.to(self._model.device, self._type)

    def _encoded(self, mels: Tensor) -> Tensor:
        """The library's encoder, which for itself insists on 30 s."""
        encoder = self._model.encoder
        x = F.gelu(encoder.conv2(F.gelu(encoder.conv1(mels)))).permute(0, 2, 1)
        x = (x + encoder.positional_embedding[: x.shape[1]]).to(x.dtype)
        for block in encoder.blocks:
            x = block(x)
        features: Tensor = encoder.ln_post(x)
        return features

    def part(self, features: Tensor, first: int, last: int) -> Tensor:
        return features[first:last]

    def shape(self, features: Tensor) -> Hashable:
        return features.shape

    @torch.no_grad()
    def languages(self, features: Sequence[Tensor]) -> list[Mapping[str, float]]:
        words = tokenizer(self.num_languages, "en")
        start = torch.full((len(features), 1), words.sot, device=self._model.device)
        state = self._read(start, torch.stack(list(features)))[:, 0]
        # The library would weigh all 50,000 tokens of the vocabulary for these hundred.
        wanted = list(words.all_language_tokens)
        weights = self._model.decoder.token_embedding.weight[wanted].to(state.dtype)
        shares = (state @ weights.T).float().softmax(dim=-1).tolist()
        return [dict(zip(words.all_language_codes, row, strict=True)) for row in shares]

    @torch.no_grad()
    def decode(
        self, features: Sequence[Tensor], code: str, prompt: str | None, temperature: float
    ) -> list[Decoded]:
        options = DecodingOptions(
            language=code, prompt=prompt, temperature=temperature, fp16=self._on_gpu
        )
        torch.manual_seed(0)  # the same clip shall always give the same text
        stacked = torch.stack(list(features))
        task = DecodingTask(self._model, options)
        task.decoder = noted = _Noting(temperature, task.tokenizer.eot)
        with _audio_context(self._model, stacked.shape[1]):
            said = task.run(stacked)
        return [
            Decoded(
                tuple(it.tokens), it.avg_logprob, it.no_speech_prob, noted.of(row, len(it.tokens))
            )
            for row, it in enumerate(said)
        ]

    @torch.no_grad()
    def align(self, features: Tensor, code: str, decoded: Decoded, seconds: float) -> list[Timed]:
        words = tokenizer(self.num_languages, code)
        kept = [
            (token, probability)
            for token, probability in zip(decoded.tokens, decoded.probabilities, strict=True)
            if token < words.eot
        ]
        before = [*words.sot_sequence, words.no_timestamps]
        tokens = [*before, *(token for token, _ in kept), words.eot]
        sounding = max(1, math.ceil(seconds * FRAMES_PER_SECOND))  # not the silence behind the clip
        asked = torch.tensor(tokens, device=self._model.device)
        starts = _starts(self._attention(asked, features, sounding)[len(before) - 1 : -1])
        return [
            Timed(token, starts[i], starts[i + 1], probability)
            for i, (token, probability) in enumerate(kept)
        ]

    def _read(self, tokens: Tensor, features: Tensor) -> Tensor:
        """What the decoder makes of known tokens, all at once: (clips, tokens, state)."""
        decoder = self._model.decoder
        x = decoder.token_embedding(tokens) + decoder.positional_embedding[: tokens.shape[1]]
        x = x.to(features.dtype)
        for block in decoder.blocks:
            x = block(x, features, mask=decoder.mask)
        state: Tensor = decoder.ln(x)
        return state

    def _attention(self, tokens: Tensor, features: Tensor, sounding: int) -> Tensor:
        """How much each token looks at each of the first frames, shape (tokens, sounding), from the
        heads that follow the speech. The words are known, so the model reads them all at once."""
        seen: list[Tensor] = []
        hooks = [
            block.cross_attn.register_forward_hook(lambda _, __, out: seen.append(out[-1][0]))
            for block in self._model.decoder.blocks
        ]
        try:
            with disable_sdpa():
                self._read(tokens[None], features[None])
        finally:
            for hook in hooks:
                hook.remove()
        heads = self._model.alignment_heads.indices().T.tolist()
        scores = torch.stack([seen[layer][head] for layer, head in heads]).float()
        weights = scores[:, :, :sounding].softmax(dim=-1)
        std, mean = torch.std_mean(weights, dim=-2, keepdim=True, unbiased=False)
        smooth: Tensor = median_filter((weights - mean) / std, MEDIAN_FRAMES)
        return smooth.mean(dim=0)

    @property
    def device(self) -> str:
        """What the model runs on, in words."""
        if self._on_gpu:
            return f"{torch.cuda.get_device_name(self._model.device)}, {self.batch} clips at a time"
        return f"the CPU, threads: {torch.get_num_threads()}"

    @torch.no_grad()
    def seconds_per_clip(self, windows: Windows) -> float:
        """Seconds of the clock for a clip of 10 s in a full batch, estimated in a moment.

        One layer of the encoder and one step of the decoder are timed and multiplied, since a whole
        pass of a large model would take half a minute.
        """
        dims, model = self._model.dims, self._model
        length = frames(np.zeros(10 * SAMPLE_RATE, np.float32), windows)
        several = self.batch if self._on_gpu else 1
        sound = self._zeros(several, length, dims.n_audio_state)
        block = model.encoder.blocks[0]
        encoding = _seconds(lambda: block(sound)) * int(dims.n_audio_layer) / several
        inference = PyTorchInference(model, 1)
        features = self._zeros(self.batch, length, dims.n_audio_state)
        tokens = torch.zeros(self.batch, 2, dtype=torch.long, device=model.device)
        try:
            inference.logits(tokens[:, :1], features)
            step = _seconds(lambda: inference.logits(tokens, features)) / self.batch
        finally:
            inference.cleanup_caching()
        return encoding + step * TYPICAL_TOKENS

    def _zeros(self, *shape: int) -> Tensor:
        return torch.zeros(*shape, device=self._model.device, dtype=self._type)

    def _batch_for_memory(self) -> int:
        """How many clips fit into the free memory of the graphics card, found with one of them."""
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        features = self.encode([np.zeros(N_SAMPLES, np.float32)], "full")
        self.decode(features, "en", None, 0.0)
        one = max(1, torch.cuda.max_memory_allocated() - before)
        free, _ = torch.cuda.mem_get_info()
        return int(max(1, min(MOST_ON_GPU, SHARE_OF_MEMORY * free / one)))


class _Noting(GreedyDecoder):  # type: ignore[misc]
    """The library's greedy decoder, noting the probability of every token it chooses."""

    def __init__(self, temperature: float, eot: int) -> None:
        super().__init__(temperature, eot)
        self._chosen: list[list[float]] = []

    def update(self, tokens: Tensor, logits: Tensor, sum_logprobs: Tensor) -> tuple[Tensor, bool]:
        before = sum_logprobs.clone()
        following, completed = super().update(tokens, logits, sum_logprobs)
        self._chosen.append((sum_logprobs - before).exp().tolist())
        return following, completed

    def of(self, row: int, count: int) -> tuple[float, ...]:
        """The probabilities of the first `count` tokens of a row."""
        return tuple(step[row] for step in self._chosen[:count])


@contextmanager
def _audio_context(model: whisper.Whisper, length: int) -> Iterator[None]:
    """The library takes features of any other length than the model's for a spectrogram."""
    usual = model.dims.n_audio_ctx
    model.dims.n_audio_ctx = length
    try:
        yield
    finally:
        model.dims.n_audio_ctx = usual


def _starts(attention: Tensor) -> list[float]:
    """Seconds at which each token begins, and where the last one ends: dynamic time warping.

    The path through `attention` (tokens, frames) that sees the most, token by token, is the library's;
    its own code for it would be compiled for seconds in every process.
    """
    cost = -attention.double().cpu().numpy()
    total = np.full((len(cost) + 1, cost.shape[1] + 1), np.inf)
    total[0, 0] = 0.0
    for row, price in enumerate(cost):
        entered = np.minimum(total[row, :-1], total[row, 1:])
        run = np.cumsum(price)
        total[row + 1, 1:] = run + np.minimum.accumulate(entered - run + price)
    return [frame / FRAMES_PER_SECOND for frame in _first_frames(total)]


def _first_frames(total: NDArray[np.float64]) -> list[int]:
    """The frame at which each token is entered, by the way back from the last corner."""
    row, column = (size - 1 for size in total.shape)
    first = [0] * row
    while row > 0:
        first[row - 1] = column - 1
        diagonal, up, left = (
            total[row - 1, column - 1],
            total[row - 1, column],
            total[row, column - 1],
        )
        stays = left <= min(diagonal, up)
        if not stays:
            row -= 1
        if stays or diagonal < up:
            column -= 1
    return first


def _halve(model: whisper.Whisper) -> None:
    """Half precision for the heavy parts. The library would convert them at every use instead; its
    layer norms stay as they are, since it computes them in full."""
    for module in model.modules():
        if isinstance(module, torch.nn.Linear | torch.nn.Conv1d | torch.nn.Embedding):
            module.half()


def load(
    name: str,
    languages: Sequence[str],
    models: Path,
    say: Callable[[str], None] = log.info,
    *,
    windows: Windows = "full",
    threads: int | None = None,
) -> Whisper:
    """Load a model by Whisper's name for it, or a checkpoint by its path. Once per process.

    A named model that is not there is downloaded into `models`. `say` is told what is going on.
    `threads`: what OMP_NUM_THREADS says, else one. Raises ModelUnavailable.
    """
    torch.set_num_threads(threads or usual_threads())
    say(f"speech model {name}: loading")
    backend = OpenAIWhisper(checkpoint.open_model(name, models, say))
    engine = Whisper(
        backend,
        NAME,
        checkpoint.label(name),
        languages,
        windows=windows,
        seconds_per_clip=backend.seconds_per_clip(windows),
    )
    say(f"speech model {engine.model}: ready on {backend.device}")
    if "yue" in languages and not engine.knows_yue:
        say(f"speech model {engine.model}: knows no Cantonese and will write it as Mandarin")
    return engine


def _multiply_faster() -> None:
    """Have oneDNN multiply matrices, where that changes nothing.

    torch leaves it to MKL, which takes twice as long on AMD's processors, unless oneDNN is allowed
    bfloat16; which oneDNN only uses on processors made for it. There the product would be another
    one, and all stays as it was.
    """
    left, right = torch.rand(64, 512), torch.rand(512, 512)
    exact = left @ right
    torch.backends.mkldnn.matmul.fp32_precision = "bf16"  # type: ignore[attr-defined]
    if not torch.allclose(left @ right, exact, rtol=1e-5):
        torch.backends.mkldnn.matmul.fp32_precision = "none"  # type: ignore[attr-defined]


def _seconds(work: Callable[[], object]) -> float:
    work()  # the first time is not like the others
    before = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - before
