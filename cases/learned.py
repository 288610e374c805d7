"""What a city's own cases teach of what a matter is about: for each category, weights of the pieces of a text.

A piece (gram) is one to four characters that stand together, signs among them, or an English word or two.
How much of each a text has (TF-IDF, of length 1), times the weights, plus a category's own, is the logarithm
of how likely the category is; together they are 1 (a softmax). That is all there is to it: a guess needs no
library of learning, can be explained by the pieces that spoke for it, and takes about a millisecond.

A model is kept as plain arrays of numbers and a list of pieces. Reading one runs nothing: NumPy is told
to refuse pickled objects, and what does not fit together is refused. Figures count as 0, so that no model
remembers a telephone number.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple
from zipfile import BadZipFile

import numpy as np

from cases.operators import without

LONGEST: Final = 4
"""Characters of a piece."""
FORMAT: Final = 1
REASONS: Final = 3
_RUNS: Final = re.compile(r"(?P<word>[a-z][a-z']*)|(?P<wide>[^\sa-z]+)")
_PARTS: Final = re.compile(r"[ ']")
_DIGITS: Final = re.compile(r"[0-9\uff10-\uff19]")

Numbers = np.ndarray[Any, np.dtype[Any]]


class BadModel(ValueError):
    """What was kept is no model that this version can read."""


class Gram(NamedTuple):
    """A piece of a text, and where it stands there."""

    text: str
    start: int
    end: int


def grams(text: str) -> Iterator[Gram]:
    """The pieces of what somebody said, what operators add left out."""
    plain = _DIGITS.sub("0", without(text))
    word: Gram | None = None
    for run in _RUNS.finditer(plain):
        if run.lastgroup == "wide":
            yield from _pieces(run[0], run.start())
            continue
        before, word = word, Gram(run[0], *run.span())
        yield word
        if before and not plain[before.end : word.start].strip():
            yield Gram(f"{before.text} {word.text}", before.start, word.end)


def _pieces(run: str, offset: int) -> Iterator[Gram]:
    for at in range(len(run)):
        for end in range(at + 1, min(at + LONGEST, len(run)) + 1):
            yield Gram(run[at:end], offset + at, offset + end)


def terms(text: str) -> list[str]:
    """The pieces of a text as words alone."""
    return [gram.text for gram in grams(text)]


@dataclass(frozen=True, eq=False)
class Model:
    """`idf`: of each piece; `weights`: pieces x categories; `bias`: of each category."""

    codes: tuple[str, ...]
    pieces: tuple[str, ...]
    idf: Numbers
    weights: Numbers
    bias: Numbers

    @cached_property
    def _place(self) -> Mapping[str, int]:
        return {piece: at for at, piece in enumerate(self.pieces)}

    def shares(self, text: str) -> dict[str, float]:
        """How likely each category is, from 0 to 1, together 1. Nothing of a text without a known piece."""
        places, amounts = self._amounts(terms(text))
        if not len(places):
            return {}
        scores = amounts @ self.weights[places] + self.bias
        grown = np.exp(scores - scores.max())
        return dict(zip(self.codes, map(float, grown / grown.sum()), strict=True))

    def _amounts(self, found: Sequence[str]) -> tuple[Numbers, Numbers]:
        """Which known pieces there are, and how much of each: TF-IDF with the logarithm of the count."""
        counts = Counter(self._place[one] for one in found if one in self._place)
        places = np.fromiter(counts, dtype=np.int64, count=len(counts))
        counted = np.fromiter(counts.values(), dtype=np.float64, count=len(counts))
        amounts = (1 + np.log(counted)) * self.idf[places] if len(counts) else counted
        length = float(np.sqrt((amounts**2).sum()))
        return places, amounts / length if length else amounts

    def reasons(self, text: str, code: str, most: int = REASONS) -> tuple[str, ...]:
        """The pieces that spoke most for a category rather than the others, as the caller said them."""
        if code not in self.codes:
            return ()
        spots = [gram for gram in grams(text) if gram.text in self._place and _tells(gram.text)]
        spots.sort(key=lambda gram: (-self._speaks(gram.text, code), gram.start - gram.end))
        chosen: list[Gram] = []
        for spot in spots:
            if self._speaks(spot.text, code) <= 0 or len(chosen) == most:
                break
            if all(spot.end <= one.start or one.end <= spot.start for one in chosen):
                chosen.append(spot)
        words = [text[one.start : one.end] for one in chosen]
        return tuple(dict.fromkeys(words))

    def _speaks(self, piece: str, code: str) -> float:
        at = self._place[piece]
        row = self.weights[at].astype(np.float64)
        return float((row[self.codes.index(code)] - row.mean()) * self.idf[at])

    def to_bytes(self) -> bytes:
        """As it is kept."""
        out = io.BytesIO()
        np.savez_compressed(
            out,
            format=np.array(FORMAT),
            codes=_written(self.codes),
            pieces=_written(self.pieces),
            idf=self.idf.astype(np.float32),
            weights=self.weights.astype(np.float16),
            bias=self.bias.astype(np.float32),
        )
        return out.getvalue()

    @classmethod
    def of_bytes(cls, kept: bytes) -> Model:
        """A model that was kept. Raises BadModel."""
        try:
            with np.load(io.BytesIO(kept), allow_pickle=False) as arrays:
                if int(arrays["format"]) != FORMAT:
                    raise BadModel(f"format {int(arrays['format'])} is not {FORMAT}")
                codes, pieces = _read(arrays["codes"]), _read(arrays["pieces"])
                idf, weights, bias = (
                    arrays[name].astype(np.float32) for name in ("idf", "weights", "bias")
                )
        except (OSError, EOFError, KeyError, ValueError, BadZipFile) as error:
            raise BadModel(str(error)) from None
        shape = len(pieces), len(codes)
        if (weights.shape, idf.shape, bias.shape) != (shape, shape[:1], shape[1:]):
            raise BadModel("its parts do not fit together")
        return cls(codes, pieces, idf, weights, bias)


def _tells(piece: str) -> bool:
    """Whether a piece means anything to a reader: one character seldom does, nor what spans a sign."""
    return (
        len(piece) > 1 and "0" not in piece and all(part.isalpha() for part in _PARTS.split(piece))
    )


def _written(words: Sequence[str]) -> Numbers:
    return np.frombuffer("\n".join(words).encode(), dtype=np.uint8)


def _read(written: Numbers) -> tuple[str, ...]:
    text = written.tobytes().decode()
    return tuple(text.split("\n")) if text else ()
