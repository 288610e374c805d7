"""Where somebody speaks, found before Whisper hears anything.

Whisper invents sentences on silence, hold music and dial tones, so it is only ever given speech.
The detector is Silero's, from the package of its authors: torch is there already for Whisper, and
0.06 s of computing covers a minute of sound.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

import numpy as np
import soxr  # type: ignore[import-untyped]
import torch
from silero_vad import load_silero_vad  # type: ignore[import-untyped]
from silero_vad.utils_vad import (  # type: ignore[import-untyped]
    get_speech_timestamps_from_probs,
)

from transcription.audio import SAMPLE_RATE, Samples

# Probabilities at which speech begins and ends, and how much certain speech makes a span: chosen on
# 850 sounds without speech, none of which the tests use, and 231 spoken sentences and words.
BEGINS: Final = 0.5
ENDS: Final = 0.35
CERTAIN_MS: Final = 160
SHORTEST_SPEECH_MS: Final = 100
SHORTEST_PAUSE_MS: Final = 500
SHORTEST_BREATH_MS: Final = 200
PAD_MS: Final = 250
SHORTEST_CUT_MS: Final = 500
WINDOW_MS: Final = 24_000
PER_MS: Final = SAMPLE_RATE // 1000
LOOK: Final = 512
LOOKS_AT_ONCE: Final = 512
MEMORY: Final = 128


@dataclass(frozen=True)
class Span:
    """A stretch of the recording, in milliseconds from its beginning."""

    start: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.start


@dataclass(frozen=True)
class Window:
    """Pieces of one recording, in order, joined to what the engine hears at a time.

    A model's times are not exact, and around a joint an error of a moment would be one of the whole
    silence that was cut. There is air on both sides of a joint, in which nobody speaks: what begins
    in it begins after the joint, and what ends in it ends before.
    """

    pieces: tuple[Span, ...]

    @property
    def length(self) -> int:
        """Milliseconds of all pieces together."""
        return sum(piece.length for piece in self.pieces)

    @property
    def bounds(self) -> list[tuple[int, int]]:
        """The pieces as (from, to) in milliseconds of the recording."""
        return [(piece.start, piece.end) for piece in self.pieces]

    def start_at(self, seconds: float) -> float:
        """Seconds in the recording of something that begins at `seconds` of the window."""
        return self._original(seconds, -PAD_MS)

    def end_at(self, seconds: float) -> float:
        """Seconds in the recording of something that ends at `seconds` of the window."""
        return self._original(seconds, PAD_MS)

    def after(self, seconds: float) -> "Window | None":
        """What is left of the window from `seconds` on; None when nothing is."""
        at = round(self.start_at(seconds) * 1000)
        rest = [Span(max(p.start, at), p.end) for p in self.pieces if p.end > at]
        return Window(tuple(rest)) if rest and seconds * 1000 < self.length else None

    def _original(self, seconds: float, slack: int) -> float:
        ends = list(accumulate(piece.length for piece in self.pieces))
        at = round(seconds * 1000)
        index = min(bisect_right(ends, at - slack), len(ends) - 1)
        piece = self.pieces[index]
        offset = at - (ends[index] - piece.length)
        return (piece.start + min(max(offset, 0), piece.length)) / 1000


class Detector:
    """Silero's voice activity detectors, the one for 16 kHz and the one for 8 kHz, side by side.

    Each misses short words that the other hears, and hardly ever do both take the same sound for
    speech that is none; so the more certain of the two counts, and then for how long.
    """

    def __init__(self) -> None:
        package = load_silero_vad()
        self._wide = _Network(package._model, LOOK)
        self._narrow = _Network(package._model_8k, LOOK // 2)

    def spans(self, samples: Samples) -> tuple[Span, ...]:
        """Where somebody speaks in 16 kHz samples, in order, with a little air on both sides.

        Empty when there is nothing of which it is certain that it is speech: a cough is no message,
        a short "yes" is. No span is longer than a window; longer speech is parted in a pause.
        """
        return spans_of(self.probabilities(samples), len(samples) // PER_MS)

    def probabilities(self, samples: Samples) -> Samples:
        """How likely it is that somebody speaks, 0 to 1, for every 32 ms of 16 kHz samples."""
        if not len(samples):
            return np.zeros(0, np.float32)
        narrow = soxr.resample(samples, SAMPLE_RATE, SAMPLE_RATE // 2, quality="LQ")
        looks = -(-len(samples) // LOOK)
        return np.maximum(self._wide.hear(samples, looks), self._narrow.hear(narrow, looks))


class _Network:
    """One of Silero's networks, given a whole recording at a time.

    Its package hands it one look of 32 ms after the other. What is seen in a look does not depend
    on the looks before it, only what is made of that does: many looks are seen at once, and then
    gone through in order. The figures are the same and come in a tenth of the time.
    """

    def __init__(self, network: torch.jit.ScriptModule, look: int) -> None:
        self._network = network
        self._look = look
        self._before = look // 8  # so much of the look before is seen with each
        self._memory = torch.nn.LSTM(MEMORY, MEMORY)
        cell = network.decoder.rnn.state_dict()
        self._memory.load_state_dict({f"{name}_l0": weights for name, weights in cell.items()})

    @torch.inference_mode()
    def hear(self, samples: Samples, looks: int) -> Samples:
        """The probability of speech in each of so many looks."""
        state, told = None, []
        for first in range(0, looks, LOOKS_AT_ONCE):
            seen = self._network.encoder(self._network.stft(self._looks(samples, first, looks)))
            course, state = self._memory(seen.transpose(1, 2), state)
            told.append(self._network.decoder.decoder(course.transpose(1, 2)).flatten())
        return torch.cat(told).numpy()

    def _looks(self, samples: Samples, first: int, looks: int) -> torch.Tensor:
        """The looks from `first` on that are taken at once: shape (looks, samples of a look)."""
        count = min(LOOKS_AT_ONCE, looks - first)
        block = np.zeros(self._before + count * self._look, np.float32)
        start = first * self._look - self._before
        there = samples[max(start, 0) : start + len(block)]
        offset = max(-start, 0)
        block[offset : offset + len(there)] = there
        return torch.from_numpy(block).unfold(0, self._before + self._look, self._look)


def spans_of(probabilities: Samples, length: int) -> tuple[Span, ...]:
    """The same, from how likely speech is in every 32 ms of so many milliseconds."""
    return _with_air(_bare(probabilities), length)


def phrases(span: Span, probabilities: Samples) -> Iterator[Span]:
    """A span parted where its speaker takes a breath: too short a pause to be cut out, but nobody
    changes the language without one. `probabilities`: of speech, for every 32 ms."""
    first, last = span.start * PER_MS // LOOK, span.end * PER_MS // LOOK
    quiet = probabilities[first:last] < BEGINS
    edges = np.flatnonzero(np.diff(quiet, prepend=False, append=False)) + first
    start = span.start
    for begin, end in edges.reshape(-1, 2).tolist():
        long_enough = (end - begin) * LOOK >= SHORTEST_BREATH_MS * PER_MS
        if long_enough and begin > first and end < last:
            middle = (begin + end) * LOOK // (2 * PER_MS)
            yield Span(start, middle)
            start = middle
    yield Span(start, span.end)


def _bare(probabilities: Samples) -> list[Span]:
    """Speech alone, without the air around it: what is certain for long enough."""
    found = get_speech_timestamps_from_probs(
        probabilities.tolist(),
        sampling_rate=SAMPLE_RATE,
        threshold=BEGINS,
        neg_threshold=ENDS,
        min_speech_duration_ms=SHORTEST_SPEECH_MS,
        min_silence_duration_ms=SHORTEST_PAUSE_MS,
        max_speech_duration_s=(WINDOW_MS - 2 * PAD_MS) / 1000,
        speech_pad_ms=0,
    )
    return [
        Span(it["start"] // PER_MS, it["end"] // PER_MS)
        for it in found
        if _certain_ms(probabilities[it["start"] // LOOK : -(-it["end"] // LOOK)]) >= CERTAIN_MS
    ]


def _certain_ms(probabilities: Samples) -> float:
    """How long speech can be expected to be in a span: its looks, each as far as it is likely."""
    return float(probabilities[probabilities > ENDS].sum()) * LOOK / PER_MS


def windows(spans: Sequence[Span], limit: int = WINDOW_MS) -> tuple[Window, ...]:
    """Pack spans, in order, into windows of at most `limit` milliseconds.

    A short pause inside a window stays as it was; of a long one only the air around speech is left.
    """
    packed: list[list[Span]] = []
    for span in spans:
        last = packed[-1] if packed else []
        joined = _joined(last, span)
        if last and sum(piece.length for piece in joined) <= limit:
            packed[-1] = joined
        else:
            packed.append([span])
    return tuple(Window(tuple(pieces)) for pieces in packed)


def _joined(pieces: list[Span], span: Span) -> list[Span]:
    if pieces and span.start - pieces[-1].end < SHORTEST_CUT_MS:
        return [*pieces[:-1], Span(pieces[-1].start, span.end)]
    return [*pieces, span]


def _with_air(bare: Sequence[Span], length: int) -> tuple[Span, ...]:
    """Widen every span by up to PAD_MS, neighbours sharing the pause between them."""
    edges = [-length, *(span.end for span in bare)]
    starts = [*(span.start for span in bare), 2 * length]
    pads = [
        (min(PAD_MS, (span.start - before) // 2), min(PAD_MS, (after - span.end) // 2))
        for span, before, after in zip(bare, edges, starts[1:], strict=False)
    ]
    return tuple(
        Span(max(0, span.start - left), min(length, span.end + right))
        for span, (left, right) in zip(bare, pads, strict=True)
    )
