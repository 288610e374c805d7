"""Speech from espeak-ng's library, with the time at which every character or word is spoken.

The library is called in this process through ctypes: hundreds of sentences a second, where a
process for each would take minutes. It keeps one global state, so use it from one thread.

Source of the structures and constants: espeak-ng 1.51, `speak_lib.h`.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import re
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
from pypinyin import Style, lazy_pinyin

from demo.training import voices

TELEPHONE_RATE = 8000
"""Samples per second of everything that `say` returns."""

SYNCHRONOUS, CHARS_UTF8, POSITION_CHARACTER = 2, 1, 1
RATE, PITCH, RANGE = 1, 3, 4
EVENT_LIST_TERMINATED, EVENT_WORD = 0, 1
PAUSES = "，,"
QUIET = 0.02
"""A sample below this share of the loudest one counts as silence."""


class EventId(ctypes.Union):
    """espeak_EVENT.id"""

    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class Event(ctypes.Structure):
    """espeak_EVENT"""

    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", EventId),
    ]


Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(Event)
)


@dataclass(frozen=True)
class Manner:
    """How a voice speaks: words per minute, pitch and its range (both 0 to 100)."""

    rate: int = 175
    pitch: int = 50
    range: int = 50


@dataclass(frozen=True)
class Speech:
    """One sentence as spoken.

    samples: float32 in -1..1 at 8 kHz.
    spans: (units, 2) start and end in seconds of each unit of `units(sentence)`.
    """

    samples: np.ndarray
    spans: np.ndarray


class Synthesiser:
    """espeak-ng, loaded and asked for samples instead of sound."""

    def __init__(self) -> None:
        self.library = ctypes.CDLL(ctypes.util.find_library("espeak-ng") or "libespeak-ng.so.1")
        self.sample_rate = self.library.espeak_Initialize(SYNCHRONOUS, 200, None, 0)
        if self.sample_rate <= 0:
            raise OSError("espeak-ng could not be initialised")
        self.chunks: list[np.ndarray] = []
        self.words: list[tuple[int, float]] = []
        self.callback = Callback(self.hear)
        self.library.espeak_SetSynthCallback(self.callback)

    def hear(self, samples: ctypes._Pointer, count: int, events: ctypes._Pointer) -> int:
        """Called by espeak-ng with the next samples and events; 0 asks it to go on."""
        index = 0
        while events[index].type != EVENT_LIST_TERMINATED:
            event = events[index]
            if event.type == EVENT_WORD and event.length > 0:
                self.words.append((event.text_position - 1, event.sample / self.sample_rate))
            index += 1
        if samples and count:
            self.chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    def synthesise(
        self, text: str, voice: str, manner: Manner
    ) -> tuple[np.ndarray, list[tuple[int, float]]]:
        """Samples at `sample_rate`, and (character index, seconds) of each word of `text`."""
        self.chunks, self.words = [], []
        if self.library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ValueError(f"espeak-ng has no voice {voice!r}")
        for parameter, value in ((RATE, manner.rate), (PITCH, manner.pitch), (RANGE, manner.range)):
            self.library.espeak_SetParameter(parameter, value, 0)
        data = text.encode() + b"\0"
        self.library.espeak_Synth(data, len(data), 0, POSITION_CHARACTER, 0, CHARS_UTF8, None, None)
        if not self.chunks:
            raise ValueError(f"{voice} says nothing for {text!r}")
        return np.concatenate(self.chunks).astype(np.float32) / 32768, self.words


@cache
def synthesiser() -> Synthesiser:
    """This process's one synthesiser."""
    return Synthesiser()


def units(sentence: str, language: str) -> list[tuple[int, int]]:
    """Where the spoken units are in a sentence: English words, or single Chinese characters."""
    pattern = r"[^\s,.]+" if language == "en" else r"[^\s，。]"
    return [match.span() for match in re.finditer(pattern, sentence)]


def spelling(sentence: str, language: str) -> tuple[str, list[int]]:
    """What espeak-ng is given to read, and where each unit starts in it.

    Mandarin is given in pinyin: espeak-ng 1.51 reads many Chinese characters by English names.
    """
    places = units(sentence, language)
    if language != "cmn":
        return sentence, [start for start, _ in places]
    syllables = lazy_pinyin(
        sentence, style=Style.TONE3, neutral_tone_with_five=True, errors=lambda mark: list(mark)
    )
    text, starts = "", []
    for syllable in syllables:
        if syllable in PAUSES:
            text = text.rstrip() + ", "
        else:
            starts.append(len(text))
            text += syllable + " "
    if len(starts) != len(places):
        raise ValueError(f"{sentence!r} has {len(places)} units, {len(starts)} syllables")
    return text.rstrip(), starts


def clauses(sentence: str, places: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges of units that are spoken without a pause between them."""
    breaks = [
        index + 1
        for index, (_, end) in enumerate(places)
        if sentence[end : end + 1] and sentence[end] in PAUSES
    ]
    edges = [0, *[edge for edge in breaks if edge < len(places)], len(places)]
    return list(pairwise(edges))


def last_sound(samples: np.ndarray, rate: int, start: float, end: float) -> float:
    """When the voice falls silent between `start` and `end`, all in seconds."""
    part = np.abs(samples[int(start * rate) : int(end * rate)])
    loud = np.flatnonzero(part > QUIET * np.abs(samples).max())
    return start + (loud[-1] + 1) / rate if len(loud) else end


def align(
    samples: np.ndarray, rate: int, starts: dict[int, float], groups: list[tuple[int, int]]
) -> np.ndarray:
    """Start and end of every unit, in seconds.

    starts: the units whose start espeak-ng told. It merges some (the two of a number such as 二十):
    these share the time evenly. groups: see `clauses`.
    """
    total = len(samples) / rate
    openings = [starts.get(first, 0.0) for first, _ in groups] + [total]
    spans = []
    for index, (first, last) in enumerate(groups):
        end = last_sound(samples, rate, openings[index], openings[index + 1])
        known = [unit for unit in range(first, last) if unit in starts]
        times = [starts[unit] for unit in known]
        edges = np.interp(range(first, last + 1), [*known, last], [*times, end])
        spans.append(np.stack([edges[:-1], edges[1:]], axis=1))
    return np.concatenate(spans)


def to_telephone_rate(samples: np.ndarray, rate: int) -> np.ndarray:
    """Samples at 8 kHz, by cutting the spectrum (exact for a whole sentence)."""
    count = round(len(samples) * TELEPHONE_RATE / rate)
    spectrum = np.fft.rfft(samples)[: count // 2 + 1]
    return (np.fft.irfft(spectrum, count) * (count / len(samples))).astype(np.float32)


def say(sentence: str, voice: str, manner: Manner | None = None) -> Speech:
    """A sentence spoken by a voice such as `yue+f2`, its loudest sample at 0.9.

    Raises ValueError where the voice is unknown, silent, or does not report every clause.
    """
    language = voices.language_of(voice)
    text, positions = spelling(sentence, language)
    source = synthesiser()
    samples, words = source.synthesise(text, voice, manner or Manner())
    unit_at = {position: unit for unit, position in enumerate(positions)}
    starts = {unit_at[position]: seconds for position, seconds in words if position in unit_at}
    groups = clauses(sentence, units(sentence, language))
    if any(first not in starts for first, _ in groups):
        raise ValueError(f"{voice} did not report every clause of {sentence!r}")
    spans = align(samples, source.sample_rate, starts, groups)
    heard = samples[: int(spans[-1, 1] * source.sample_rate) + source.sample_rate // 50]
    telephone = to_telephone_rate(heard, source.sample_rate)
    loudest = float(np.abs(telephone).max())
    if loudest < 1e-3:
        raise ValueError(f"{voice} is silent for {sentence!r}")
    return Speech(telephone * (0.9 / loudest), spans.astype(np.float32))
