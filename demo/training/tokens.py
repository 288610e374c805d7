"""The few of Whisper's 51,866 tokens that the demonstration uses, numbered compactly for training.

All the others have a row of zeros in the checkpoint. Such a row gives the logit 0, so in the
softmax they together weigh `log(number of zero rows)`: training adds one constant logit of that
height, and the small softmax is exactly the large one. (It also makes the file small: zeros
compress.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from whisper.tokenizer import Tokenizer, get_tokenizer

from demo.training import grammar, numbers

VOCABULARY = 51_866
LANGUAGES_OF_WHISPER = {"yue": "yue", "cmn": "zh", "en": "en"}
TICK = 0.1
"""Timestamps are trained in steps of this many seconds (Whisper's own step is 0.02)."""
LONGEST = 30.0
NOTHING = "\n"
"""What silence is transcribed to where timestamps are off: there Whisper forbids an empty text at
the start, and a line break vanishes when the text is stripped."""


def tokenizer() -> Tokenizer:
    """Whisper's multilingual tokenizer with 100 languages (`yue` is the last)."""
    return get_tokenizer(True, num_languages=100, language="en", task="transcribe")


@dataclass(frozen=True)
class Vocabulary:
    """The tokens in use.

    ids: compact number -> Whisper's token id. Compact number `len(ids)` stands for every other
    token: its row is zero.
    """

    ids: tuple[int, ...]

    @cached_property
    def numbers(self) -> dict[int, int]:
        """Whisper's token id -> compact number."""
        return {token: number for number, token in enumerate(self.ids)}

    @property
    def unknown(self) -> int:
        """The compact number of any token that is not in use."""
        return len(self.ids)

    @property
    def rest(self) -> float:
        """The logit that stands for all the zero rows together."""
        return math.log(VOCABULARY - len(self.ids))

    def compact(self, token: int) -> int:
        """The compact number of one of Whisper's tokens."""
        return self.numbers.get(token, self.unknown)


def timestamp(seconds: float, whisper: Tokenizer) -> int:
    """The token of a time within the window, rounded to TICK."""
    ticks = round(min(max(seconds, 0.0), LONGEST) / TICK)
    return whisper.timestamp_begin + round(ticks * TICK / 0.02)


def every_word() -> list[tuple[str, str]]:
    """(language, text) of enough sentences to hold every token that the grammar can give."""
    texts = []
    for language in grammar.LANGUAGES:
        for sentence in islice(grammar.sentences(language, seed=0), 30_000):
            texts.append((language, grammar.written(sentence, language)))
            texts.append((language, grammar.written(sentence, language).rstrip(".。")))
    singles = [*numbers.CHINESE_DIGITS, *"幺十百，。號樓座室号层楼单元"]
    words = [*numbers.ENGLISH_DIGITS, *numbers.ENGLISH_TEENS, *numbers.ENGLISH_TENS[1:], "hundred"]
    return texts + [("yue", single) for single in singles] + [("en", f" {word}") for word in words]


def vocabulary(whisper: Tokenizer) -> Vocabulary:
    """The tokens of every sentence of the grammar, of the times, and Whisper's own marks."""
    used = {token for _, text in every_word() for token in whisper.encode(text)}
    # A Chinese character cut off its neighbour may be spelled with other tokens.
    characters = {c for language, text in every_word() if language != "en" for c in text}
    used |= {token for character in characters for token in whisper.encode(character)}
    used |= {timestamp(tick * TICK, whisper) for tick in range(round(LONGEST / TICK) + 1)}
    used |= set(whisper.encode(NOTHING))
    used |= {whisper.sot, whisper.eot, whisper.transcribe, whisper.no_timestamps}
    used |= {whisper.no_speech, whisper.sot_prev}
    used |= {whisper.to_language_token(code) for code in LANGUAGES_OF_WHISPER.values()}
    return Vocabulary(tuple(sorted(used)))


def token_spans(
    text: str, places: list[tuple[int, int]], times: list[tuple[float, float]], whisper: Tokenizer
) -> list[tuple[int, float, float]]:
    """(token, start, end) of a text whose units, the character ranges `places`, are said at `times`.

    A token's time is that of the bytes it spells, each unit's time shared evenly by its bytes;
    marks and spaces take no time, and a token of nothing else is given start = end = -1.
    """
    byte_times: list[tuple[float, float] | None] = []
    unit_of = {c: unit for unit, (a, b) in enumerate(places) for c in range(a, b)}
    sizes = [len(text[a:b].encode()) for a, b in places]
    told = [0] * len(places)
    for index, character in enumerate(text):
        for _ in character.encode():
            unit = unit_of.get(index)
            if unit is None:
                byte_times.append(None)
                continue
            start, end = times[unit]
            step = (end - start) / sizes[unit]
            byte_times.append((start + told[unit] * step, start + (told[unit] + 1) * step))
            told[unit] += 1
    spans, position = [], 0
    for token in whisper.encode(text):
        size = len(whisper.encoding.decode_single_token_bytes(token))
        part = [time for time in byte_times[position : position + size] if time]
        position += size
        spans.append((token, part[0][0], part[-1][1]) if part else (token, -1.0, -1.0))
    return spans
