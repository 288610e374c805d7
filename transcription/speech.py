"""Where somebody speaks, found before Whisper hears anything.

Whisper invents sentences on silence, hold music and dial tones, so it is only ever given speech.
The detector is Silero's, from the package of its authors: torch is there already for Whisper, and
0.35 s of computing covers a minute of sound.
"""

import threading
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

import torch
from silero_vad import (  # type: ignore[import-untyped]
    get_speech_timestamps,
    load_silero_vad,
)

from transcription.audio import SAMPLE_RATE, Samples

THRESHOLD: Final = 0.5
SHORTEST_SPEECH_MS: Final = 200
SHORTEST_PAUSE_MS: Final = 500
PAD_MS: Final = 250
SHORTEST_CUT_MS: Final = 500
LEAST_SPEECH_MS: Final = 300
WINDOW_MS: Final = 24_000
PER_MS: Final = SAMPLE_RATE // 1000


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
    """Silero's voice activity detector. It keeps a state while it listens: one at a time."""

    def __init__(self) -> None:
        self._model = load_silero_vad()
        self._lock = threading.Lock()

    def spans(self, samples: Samples) -> tuple[Span, ...]:
        """Where somebody speaks in 16 kHz samples, in order, with a little air on both sides.

        Empty when there are less than 0.3 s of speech in all: that is a cough, not a message.
        No span is longer than a window; longer speech is parted at its longest pause.
        """
        bare = self._bare(samples)
        if sum(span.length for span in bare) < LEAST_SPEECH_MS:
            return ()
        return _with_air(bare, len(samples) // PER_MS)

    def _bare(self, samples: Samples) -> list[Span]:
        """Speech alone, without the air around it."""
        with self._lock:
            found = get_speech_timestamps(
                torch.from_numpy(samples.copy()),
                self._model,
                threshold=THRESHOLD,
                sampling_rate=SAMPLE_RATE,
                min_speech_duration_ms=SHORTEST_SPEECH_MS,
                min_silence_duration_ms=SHORTEST_PAUSE_MS,
                max_speech_duration_s=(WINDOW_MS - 2 * PAD_MS) / 1000,
                speech_pad_ms=0,
            )
        return [Span(it["start"] // PER_MS, it["end"] // PER_MS) for it in found]


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
