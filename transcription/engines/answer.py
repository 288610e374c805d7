"""What a transcription server answered: OpenAI's `json` and `verbose_json`, and what becomes of them.

Servers differ in how much they tell. Whisper behind speaches or faster-whisper tells words with
probabilities; OpenAI words without; vLLM lines with probabilities; Qwen3-ASR text alone, which may
begin with `language Cantonese<asr_text>`. A probability that is not told is taken as UNTOLD: it
crosses no threshold, and a calibration turns it into the share of words this server gets right.
"""

import math
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

from pydantic import BaseModel, ValidationError

from transcription.engines.interface import UNTOLD, Line, Word
from transcription.engines.server import Trouble

# Names of languages as servers return them, up to the first `-`, `_` or bracket -> ours.
NAMES: Final = {
    "yue": "yue",
    "cantonese": "yue",
    "粤语": "yue",
    "粵語": "yue",
    "cmn": "cmn",
    "zh": "cmn",
    "zho": "cmn",
    "chinese": "cmn",
    "mandarin": "cmn",
    "en": "en",
    "eng": "en",
    "english": "en",
}
CANTONESE_REGIONS: Final = frozenset({"zh-hk", "zh-yue", "zh-hant-hk", "zh-mo"})
TAGGED: Final = re.compile(r"(?:language\s+([^<\n]*?))?\s*<asr_text>")


class _Word(BaseModel):
    word: str
    start: float
    end: float
    probability: float | None = None


class _Segment(BaseModel):
    text: str
    start: float
    end: float
    avg_logprob: float | None = None
    no_speech_prob: float | None = None
    temperature: float | None = None
    words: list[_Word] | None = None


class _Token(BaseModel):
    logprob: float


class _Reply(BaseModel):
    text: str
    language: str | None = None
    segments: list[_Segment] | None = None
    words: list[_Word] | None = None
    logprobs: list[_Token] | None = None


class Answer:
    """One answer about a clip of `seconds`. Raises Trouble when it is none."""

    def __init__(self, body: bytes, seconds: float) -> None:
        try:
            self._told = _Reply.model_validate_json(body)
        except ValidationError as error:
            # Its own words are left out: they would quote the answer.
            raise Trouble("the answer is not the JSON of a transcription") from error
        self._seconds = seconds

    @property
    def language(self) -> str | None:
        """`yue`, `cmn` or `en`, if the server says that it is one of them."""
        tags = TAGGED.findall(self._told.text)
        names = [self._told.language or "", *(name for tag in tags for name in tag.split(","))]
        return next(filter(None, map(language_of, names)), None)

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines with their words, in order, within the clip."""
        segments = [it for it in self._told.segments or () if clean(it.text)]
        if not segments:
            segments = [_Segment(text=self._told.text, start=0.0, end=self._seconds)]
        words = self._words(segments)
        lines = [self._line(it, words) for it in segments]
        return tuple(sorted((it for it in lines if it.text), key=lambda it: it.start))

    @property
    def mean_log_probability(self) -> float:
        """Per token; of the lines by their length, else of the tokens, else of the words."""
        weighed = [
            (it.avg_logprob, len(it.text))
            for it in self._told.segments or ()
            if it.avg_logprob and math.isfinite(it.avg_logprob)  # some servers fill in a 0
        ]
        weighed = weighed or [(it.logprob, 1) for it in self._told.logprobs or ()]
        weighed = weighed or [(math.log(p), 1) for p in _probabilities(self._told.words or ())]
        total = sum(weight for _, weight in weighed)
        return (
            sum(value * weight for value, weight in weighed) / total if total else math.log(UNTOLD)
        )

    @property
    def no_speech_probability(self) -> float:
        told = [it.no_speech_prob for it in self._told.segments or ()]
        return min((p for p in told if p is not None and math.isfinite(p)), default=UNTOLD)

    @property
    def temperature(self) -> float:
        return max((it.temperature or 0.0 for it in self._told.segments or ()), default=0.0)

    def _words(self, segments: Sequence[_Segment]) -> list[_Word]:
        told = self._told.words or [word for it in segments for word in it.words or ()]
        return [word for word in told if word.word.strip()]

    def _line(self, segment: _Segment, words: list[_Word]) -> Line:
        """The line, taking its words from the front of `words`."""
        text = clean(segment.text)
        start = self._within(segment.start)
        end = max(start, self._within(segment.end))
        sure = math.exp(min(0.0, segment.avg_logprob)) if segment.avg_logprob else UNTOLD
        return Line(start, end, text, tuple(self._own(text, words, sure)))

    def _own(self, text: str, words: list[_Word], sure: float) -> list[Word]:
        """The words that make up `text`, marks with the word before them; none if they do not."""
        found: list[tuple[int, _Word]] = []
        at = 0
        while words and re.search(r"\w", text[at:]):
            spelled = words[0].word.strip()
            match = re.compile(rf"\W*?{re.escape(spelled)}").match(text, at)
            if match is None:
                return []
            at = match.end()
            found.append((at - len(spelled), words.pop(0)))
        if not found or re.search(r"\w", text[at:]):
            return []
        cuts = [0, *(_blank_before(text, begin) for begin, _ in found[1:]), len(text)]
        return [
            self._word(text[first:last], word, sure)
            for (first, last), (_, word) in zip(pairwise(cuts), found, strict=True)
        ]

    def _word(self, text: str, word: _Word, sure: float) -> Word:
        start = self._within(word.start)
        end = max(start, self._within(word.end))
        told = word.probability
        return Word(start, end, text, min(1.0, told) if told and math.isfinite(told) else sure)

    def _within(self, moment: float) -> float:
        return round(min(max(moment, 0.0), self._seconds), 3) if math.isfinite(moment) else 0.0


def clean(text: str) -> str:
    """The text without what a model says about it."""
    return TAGGED.sub("", text).strip()


def language_of(name: str) -> str | None:
    """Ours for a server's name: `Cantonese`, `chinese`, `zh-HK`, `en_US`; None for others."""
    plain = name.strip().lower().replace("_", "-")
    if plain in CANTONESE_REGIONS or "cantonese" in plain:
        return "yue"
    return NAMES.get(re.split(r"[-(\s]", plain, maxsplit=1)[0])


def _probabilities(words: Iterable[_Word]) -> list[float]:
    return [it.probability for it in words if it.probability and 0.0 < it.probability <= 1.0]


def _blank_before(text: str, at: int) -> int:
    """Where a word at `at` begins, the blank before it being its own."""
    return at - 1 if text[at - 1 : at] == " " else at
