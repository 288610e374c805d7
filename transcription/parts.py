"""The parts of a window, between which somebody pauses, and the languages they are in.

Whisper is told one language a clip. Where a caller goes on in another one, the clip is cut in a
pause and each run of parts heard in its own; but only where the model is sure, for it takes many a
short 唔該 for Mandarin.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from transcription.engines.interface import Parts
from transcription.speech import Span, Window

FIRM: Final = 0.9
SHORTEST_FIRM_MS: Final = 1500

Belief = Mapping[str, float]


@dataclass(frozen=True)
class Run:
    """Neighbouring parts of a window in one language."""

    window: Window
    language: str


def spans_in(window: Window, spans: Sequence[Span]) -> list[Span]:
    """Those of a recording's spans of speech that the window is made of."""
    return [
        span
        for span in spans
        if any(piece.start <= span.start and span.end <= piece.end for piece in window.pieces)
    ]


def parts_of(window: Window, spans: Sequence[Span]) -> Parts:
    """Where the spans of a window are in it: from..to in its seconds."""
    return tuple(_parts(window, spans))


def _parts(window: Window, spans: Sequence[Span]) -> Iterator[tuple[float, float]]:
    before = 0
    for piece in window.pieces:
        shift = before - piece.start
        for span in spans:
            if piece.start <= span.start and span.end <= piece.end:
                yield (span.start + shift) / 1000, (span.end + shift) / 1000
        before += piece.length


def runs(window: Window, spans: Sequence[Span], beliefs: Sequence[Belief]) -> list[Run]:
    """The window cut where its language changes. `beliefs`: the probabilities of each of `spans`.

    What is short or unsure stays with a neighbour.
    """
    languages = _languages(spans, beliefs)
    cut: list[Run] = []
    for language, group in groupby(zip(languages, spans, strict=True), key=lambda it: it[0]):
        mine = [span for _, span in group]
        cut.append(Run(between(window, mine[0].start, mine[-1].end), language))
    return cut


def between(window: Window, start: int, end: int) -> Window:
    """What of the window lies from..to, in milliseconds of the recording."""
    cut = [Span(max(piece.start, start), min(piece.end, end)) for piece in window.pieces]
    return Window(tuple(piece for piece in cut if piece.length > 0))


def _languages(spans: Sequence[Span], beliefs: Sequence[Belief]) -> list[str]:
    firm = [_firm(span, belief) for span, belief in zip(spans, beliefs, strict=True)]
    if not any(firm):
        return [_most(spans, beliefs)] * len(spans)
    return [
        language or _of_neighbours(firm, index, beliefs[index])
        for index, language in enumerate(firm)
    ]


def _firm(span: Span, belief: Belief) -> str | None:
    likeliest = max(belief, key=lambda language: belief[language])
    sure = belief[likeliest] >= FIRM and span.length >= SHORTEST_FIRM_MS
    return likeliest if sure else None


def _of_neighbours(firm: Sequence[str | None], index: int, belief: Belief) -> str:
    """The language of the firm part before or behind, whichever this one sounds more like."""
    before = next((language for language in reversed(firm[:index]) if language), None)
    behind = next((language for language in firm[index + 1 :] if language), None)
    return max((it for it in (before, behind) if it), key=lambda it: belief.get(it, 0.0))


def _most(spans: Sequence[Span], beliefs: Sequence[Belief]) -> str:
    """The language that all parts together are most likely in."""
    total = {
        language: sum(b[language] * s.length for s, b in zip(spans, beliefs, strict=True))
        for language in beliefs[0]
    }
    return max(total, key=lambda language: total[language])
