"""How a clip is read with any Whisper model, whichever library runs it.

The library is a `Backend`: it encodes, decodes and aligns. What is asked of it is decided here, once
for all of them: the language, what happens when that or the text is in doubt, and what the tokens
mean. A clip is encoded once; language, second readings and times all come from the same features.
"""

import math
import os
import threading
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import Any, Final, Literal, Protocol

import numpy as np
from whisper.tokenizer import Tokenizer, get_tokenizer  # type: ignore[import-untyped]

from transcription import quality
from transcription.audio import SAMPLE_RATE, Samples
from transcription.engines.interface import (
    Clip,
    Hypothesis,
    Line,
    Mixed,
    Parts,
    Result,
    Unheard,
    Word,
)
from transcription.language import Choice, choose, whisper_code

Windows = Literal["full", "cut"]
Features = Any

LANGUAGES_WITH_YUE: Final = 100
CLIP_SECONDS: Final = 30
SECONDS_PER_TIMESTAMP: Final = 0.02
FRAMES_PER_SECOND: Final = 50
FRAMES: Final = CLIP_SECONDS * FRAMES_PER_SECOND
# A cut window is the speech and a margin, in steps, so that clips of a length can go together.
MARGIN_FRAMES: Final = 128
STEP_FRAMES: Final = 250
LONGEST_STEP: Final = 10.0
SECOND_TRY_TEMPERATURE: Final = 0.4
MOST_PASSED_OVER: Final = 5.0
STAMP_SLACK: Final = 0.3
# A language that is at least so likely is tried, too, and the likelier reading taken.
IN_DOUBT: Final = 0.2
# Parts of a clip are in different languages when the model is so sure of each, and not on a cough.
SURE: Final = 0.9
SHORTEST_PART: Final = 1.0


@dataclass(frozen=True)
class Decoded:
    """Tokens a model wrote, without the end token. `probabilities`: of each token, 0 to 1, where the
    library tells them while decoding. Log probability: the mean over tokens and end token."""

    tokens: tuple[int, ...]
    mean_log_probability: float
    no_speech_probability: float
    probabilities: tuple[float, ...] = ()


@dataclass(frozen=True)
class Timed:
    """A text token in time: seconds of the clip, and its probability, 0 to 1."""

    token: int
    start: float
    end: float
    probability: float


class Backend(Protocol):
    """A Whisper model in the hands of a library. Only ever used by one thread at a time.

    `batch`: how many clips it likes at a time; it may shrink while the model works. `most_tokens`:
    of one clip. `failures`: the errors that mean that a call failed, and that smaller calls may not.
    """

    num_languages: int
    most_tokens: int
    batch: int
    failures: tuple[type[Exception], ...]

    def encode(self, clips: Sequence[Samples], windows: Windows) -> list[Features]:
        """What the encoder makes of clips of 16 kHz samples of up to 30 s: 50 frames a second."""
        ...

    def part(self, features: Features, first: int, last: int) -> Features:
        """The frames `first`..`last` of a clip's features."""
        ...

    def shape(self, features: Features) -> Hashable:
        """Features of one shape can be decoded together."""
        ...

    def languages(self, features: Sequence[Features]) -> list[Mapping[str, float]]:
        """The probability of every code of Whisper's, for each clip; the features are of one shape."""
        ...

    def decode(
        self, features: Sequence[Features], code: str, prompt: str | None, temperature: float
    ) -> list[Decoded]:
        """Text and time stamps of clips of one shape in one language. The same every time."""
        ...

    def align(self, features: Features, code: str, decoded: Decoded, seconds: float) -> list[Timed]:
        """The text tokens of a clip of so many seconds in time, in order."""
        ...


@dataclass(frozen=True)
class _Item:
    """A clip that was encoded, and the languages it may be in."""

    clip: Clip
    features: Features
    choice: Choice

    @property
    def seconds(self) -> float:
        return len(self.clip.samples) / SAMPLE_RATE


@dataclass(frozen=True)
class _Reading:
    """One attempt at a clip's text."""

    language: str
    decoded: Decoded
    said: Hypothesis


class Whisper:
    """An engine: a backend that hears the city's `languages` and no others.

    A lock guards it: openai-whisper keeps its cache of keys and values in hooks on the model, and two
    threads would get wrong words without an error.
    """

    def __init__(
        self,
        backend: Backend,
        name: str,
        model: str,
        languages: Sequence[str],
        *,
        windows: Windows = "full",
        seconds_per_clip: float | None = None,
    ) -> None:
        self.name = name
        self.model = model
        self.seconds_per_clip = seconds_per_clip
        self._backend = backend
        self._languages = tuple(languages)
        self._windows: Windows = windows
        self._lock = threading.Lock()

    @property
    def batch(self) -> int:
        """As many clips as the backend likes, but no more than it hears while a caller on the line
        can wait: between two batches the urgent go first."""
        if self.seconds_per_clip is None:
            return self._backend.batch
        return max(1, min(self._backend.batch, int(LONGEST_STEP / self.seconds_per_clip)))

    @property
    def knows_yue(self) -> bool:
        return self._backend.num_languages >= LANGUAGES_WITH_YUE

    def hear(self, clips: Sequence[Clip]) -> list[Result]:
        """One result per clip, in order; clips of one language and prompt are decoded together."""
        results: list[Result] = []
        with self._lock:
            while len(results) < len(clips):
                results += self._batch(clips[len(results) : len(results) + self.batch])
        return results

    def _batch(self, clips: Sequence[Clip]) -> list[Result]:
        results: dict[int, Result] = {}
        items: dict[int, _Item] = {}
        for index, found in self._listen(clips):
            if isinstance(found, _Item):
                items[index] = found
            else:
                results[index] = found
        results |= self._read(items)
        return [results[index] for index in range(len(clips))]

    def _listen(self, clips: Sequence[Clip]) -> Iterator[tuple[int, _Item | Mixed | Unheard]]:
        """Every clip encoded, with its language; or why it cannot be decoded as it is."""
        good = [index for index, clip in enumerate(clips) if not _too_long(clip)]
        yield from ((i, Unheard(TOO_LONG)) for i in range(len(clips)) if i not in good)
        encoded = self._in_parts(good, lambda some: self._encode([clips[i] for i in some]))
        whole = {index: it for index, it in encoded.items() if not isinstance(it, Unheard)}
        yield from ((i, it) for i, it in encoded.items() if isinstance(it, Unheard))
        for shape in self._alike(whole):
            told = self._in_parts(
                shape, lambda some: self._backend.languages([whole[i] for i in some])
            )
            for index in shape:
                yield index, self._judged(clips[index], whole[index], told[index])

    def _encode(self, clips: Sequence[Clip]) -> list[Features]:
        return self._backend.encode([clip.samples for clip in clips], self._windows)

    def _judged(
        self, clip: Clip, features: Features, told: Mapping[str, float] | Unheard
    ) -> _Item | Mixed | Unheard:
        if isinstance(told, Unheard):
            return told
        return self._mixed(clip, features) or _Item(clip, features, self._choose(told, clip))

    def _choose(self, told: Mapping[str, float], clip: Clip) -> Choice:
        return choose(told, self._languages, clip.prior, knows_yue=self.knows_yue)

    def _mixed(self, clip: Clip, features: Features) -> Mixed | None:
        """The languages of the clip's parts, if they are clearly not all the same."""
        if len(clip.parts) < 2 or len(self._languages) < 2:
            return None
        choices = [self._language_of(clip, features, *part) for part in clip.parts]
        long_enough = [end - start >= SHORTEST_PART for start, end in clip.parts]
        sure = {
            choice.language
            for choice, enough in zip(choices, long_enough, strict=True)
            if enough and choice.probability >= SURE
        }
        return Mixed(tuple(choice.all for choice in choices)) if len(sure) > 1 else None

    def _language_of(self, clip: Clip, features: Features, start: float, end: float) -> Choice:
        first, last = int(start * FRAMES_PER_SECOND), math.ceil(end * FRAMES_PER_SECOND)
        part = self._backend.part(features, first, max(last, first + 1))
        return self._choose(self._backend.languages([part])[0], clip)

    def _read(self, items: Mapping[int, _Item]) -> dict[int, Result]:
        """Decode every item in every language it may be in, and keep the best reading of each."""
        groups: defaultdict[Hashable, list[int]] = defaultdict(list)
        for index, item in items.items():
            for language in [item.choice.language, *item.choice.others(IN_DOUBT)]:
                shape = self._backend.shape(item.features)
                groups[language, item.clip.prompt, shape].append(index)
        readings: defaultdict[int, list[_Reading]] = defaultdict(list)
        failed: dict[int, Result] = {}
        for (language, _, _), group in groups.items():  # type: ignore[misc]
            for index, reading in self._decode_group(items, group, language).items():
                if isinstance(reading, Unheard):
                    failed[index] = reading
                else:
                    readings[index].append(reading)
        return failed | {
            index: self._finished(items[index], max(found, key=lambda it: _merit(items[index], it)))
            for index, found in readings.items()
        }

    def _decode_group(
        self, items: Mapping[int, _Item], group: Sequence[int], language: str
    ) -> dict[int, _Reading | Unheard]:
        return self._in_parts(
            group, lambda some: self._decode([items[i] for i in some], language, 0.0)
        )

    def _decode(self, items: Sequence[_Item], language: str, temperature: float) -> list[_Reading]:
        decoded = self._backend.decode(
            [item.features for item in items],
            whisper_code(language, knows_yue=self.knows_yue),
            items[0].clip.prompt,
            temperature,
        )
        return [
            _Reading(language, it, self._hypothesis(item, language, it, temperature))
            for item, it in zip(items, decoded, strict=True)
        ]

    def _hypothesis(
        self, item: _Item, language: str, decoded: Decoded, temperature: float
    ) -> Hypothesis:
        tokenizer = self._tokenizer(language)
        lines, heard_until = _lines(decoded.tokens, tokenizer, item.seconds, item.clip.parts)
        return Hypothesis(
            language=language,
            language_probability=item.choice.all[language],
            lines=tuple(lines),
            mean_log_probability=decoded.mean_log_probability,
            no_speech_probability=decoded.no_speech_probability,
            complete=len(decoded.tokens) < self._backend.most_tokens,
            heard_until=heard_until,
            temperature=temperature,
        )

    def _finished(self, item: _Item, first: _Reading) -> Hypothesis:
        """The reading, or when it is doubtful the better of two, with its words in time.

        A second try samples, so it is made alone: what becomes of a clip must not depend on what
        else was in its batch.
        """
        best = first
        if quality.doubts(first.said, item.seconds):
            (second,) = self._decode([item], first.language, SECOND_TRY_TEMPERATURE)
            best = max(first, second, key=lambda it: _merit(item, it))
        return self._with_words(item, best)

    def _with_words(self, item: _Item, reading: _Reading) -> Hypothesis:
        if not reading.said.lines:
            return reading.said
        code = whisper_code(reading.language, knows_yue=self.knows_yue)
        timed = self._backend.align(item.features, code, reading.decoded, item.seconds)
        words = _words(_spread(timed), self._tokenizer(reading.language))
        return replace(reading.said, lines=tuple(_shared_out(reading.said.lines, words)))

    def _tokenizer(self, language: str) -> Tokenizer:
        return tokenizer(
            self._backend.num_languages, whisper_code(language, knows_yue=self.knows_yue)
        )

    def _alike(self, encoded: Mapping[int, Features]) -> Iterable[list[int]]:
        groups: defaultdict[Hashable, list[int]] = defaultdict(list)
        for index, features in encoded.items():
            groups[self._backend.shape(features)].append(index)
        return groups.values()

    def _in_parts(self, indices: Sequence[int], work: Any) -> dict[int, Any]:
        """`work` on all indices together or, if that fails, on halves, down to the one at fault."""
        if not indices:
            return {}
        try:
            return dict(zip(indices, work(indices), strict=True))
        except self._backend.failures as error:
            if len(indices) == 1:
                return {indices[0]: Unheard(f"{type(error).__name__}: {error}")}
        half = len(indices) // 2
        return self._in_parts(indices[:half], work) | self._in_parts(indices[half:], work)


TOO_LONG: Final = f"a clip is longer than {CLIP_SECONDS} s"


def usual_threads() -> int:
    """Threads of a process that hears: one, unless OMP_NUM_THREADS says otherwise. Two processes of
    one thread hear 1.7 times what one of two threads does."""
    return int(os.environ.get("OMP_NUM_THREADS", "1").split(",")[0])


@cache
def tokenizer(num_languages: int, code: str) -> Tokenizer:
    """Whisper's tokenizer for one of its language codes."""
    return get_tokenizer(True, num_languages=num_languages, language=code, task="transcribe")


def frames(samples: Samples, windows: Windows) -> int:
    """How many frames the encoder is given of a clip: all 1,500, or the speech and a margin."""
    if windows == "full":
        return FRAMES
    wanted = len(samples) / SAMPLE_RATE * FRAMES_PER_SECOND + MARGIN_FRAMES
    return min(FRAMES, math.ceil(wanted / STEP_FRAMES) * STEP_FRAMES)


def _too_long(clip: Clip) -> bool:
    return len(clip.samples) > CLIP_SECONDS * SAMPLE_RATE


def _merit(item: _Item, reading: _Reading) -> tuple[int, float]:
    """Fewer doubts are better; between equals, what is likelier, language and text together."""
    tokens = len(reading.decoded.tokens) + 1
    language = math.log(max(item.choice.all[reading.language], 1e-9))
    joint = (language + tokens * reading.decoded.mean_log_probability) / (tokens + 1)
    return -len(quality.doubts(reading.said, item.seconds)), joint


def _lines(
    tokens: Sequence[int], tokenizer: Tokenizer, seconds: float, parts: Parts = ()
) -> tuple[list[Line], float]:
    """Tokens -> lines between time stamps, and up to where they account for the clip."""
    lines: list[Line] = []
    words: list[int] = []
    at = 0.0
    for token in tokens:
        if token < tokenizer.timestamp_begin:
            words.append(token)
            continue
        stamp = min((token - tokenizer.timestamp_begin) * SECONDS_PER_TIMESTAMP, seconds)
        lines += _line(at, stamp, words, tokenizer)
        words, at = [], stamp
    lines += _line(at, seconds, words, tokenizer)
    last = [token >= tokenizer.timestamp_begin for token in tokens[-2:]]
    more_follows = last == [True, True] and len(tokens) > 2
    stopped = last[-1:] == [True] and at > 0 and _passed_over(at, seconds, parts)
    return lines, at if more_follows or stopped else seconds


def _passed_over(at: float, seconds: float, parts: Parts) -> bool:
    """Is there speech after `at`, the model's last time stamp?

    Two stamps at the end are Whisper's way to say that more follows; one, that this was all. It is
    believed unless much is left, or somebody is known to speak there: asked again about less, it
    invents.
    """
    spoken = any(start > at - STAMP_SLACK and end - start >= SHORTEST_PART for start, end in parts)
    return seconds - at > MOST_PASSED_OVER or spoken


def _line(start: float, end: float, words: list[int], tokenizer: Tokenizer) -> list[Line]:
    text = tokenizer.decode([word for word in words if word < tokenizer.eot]).strip()
    return [Line(round(start, 3), round(end, 3), text)] if text else []


def _spread(timed: Sequence[Timed]) -> list[Timed]:
    """Tokens that were found at one moment, each given its share of the time to the next."""
    starts = [it.start for it in timed] + [timed[-1].end]
    first = [i for i, at in enumerate(starts) if i == 0 or at > starts[i - 1]]
    even = np.interp(range(len(starts)), first, [starts[i] for i in first]).tolist()
    return [
        replace(it, start=start, end=end)
        for it, (start, end) in zip(timed, pairwise(even), strict=True)
    ]


def _words(timed: Sequence[Timed], tokenizer: Tokenizer) -> list[Word]:
    """Tokens in time -> words in time; marks belong to the word before them."""
    texts, groups = tokenizer.split_to_word_tokens([it.token for it in timed])
    words: list[Word] = []
    at = 0
    for text, group in zip(texts, groups, strict=True):
        mine, at = timed[at : at + len(group)], at + len(group)
        if words and not any(character.isalnum() for character in text):
            words[-1] = replace(words[-1], text=words[-1].text + text)
        elif mine:
            least = min(it.probability for it in mine)
            words.append(Word(mine[0].start, mine[-1].end, text, least))
    return words


def _shared_out(lines: Sequence[Line], words: Sequence[Word]) -> Iterator[Line]:
    """Each line with its words. The words of all lines are all words, in order; their times are kept
    within the line's, which the model wrote itself, and never go back."""
    rest = list(words)
    for line in lines:
        mine: list[Word] = []
        while rest and len("".join(it.text for it in mine).strip()) < len(line.text):
            mine.append(rest.pop(0))
        yield replace(line, words=tuple(_within(line, mine)))


def _within(line: Line, words: Sequence[Word]) -> Iterator[Word]:
    edges = [min(max(word.start, line.start), line.end) for word in words] + [line.end]
    for word, (start, following) in zip(words, pairwise(edges), strict=True):
        end = min(max(word.end, start), max(following, start))
        yield replace(word, start=round(start, 3), end=round(end, 3))
