"""Training clips: one to many sentences of one caller, now and then cut off, on a telephone line.

A clip is what one 30 s window of Whisper may hold, with the tokens that it should be turned into
and the time at which each is spoken. Everything is drawn from a seed and the number of the step,
so that a run that was interrupted goes on exactly as it would have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from whisper import log_mel_spectrogram
from whisper.tokenizer import Tokenizer

from demo.training import grammar, telephone, tokens
from demo.training.corpus import Corpus, Utterance
from demo.training.speak import units

MELS = 80
FRAMES_PER_SECOND = 100
IGNORE = -100
LENGTHS = ((1.0, 4.0), (4.0, 7.0), (7.0, 11.0), (11.0, 16.0), (16.0, 27.0))
"""Classes of clips by their length in seconds: a batch is of one class."""
SHARES = (0.22, 0.26, 0.27, 0.17, 0.08)
"""How often each class is drawn at the end of the curriculum."""
CURRICULUM = (0, 520, 1560, 2600, 3900)
"""The step from which each class is drawn at all."""


@dataclass(frozen=True)
class Mix:
    """How often things happen in the training clips, each from 0 to 1."""

    silent: float = 0.04
    cut: float = 0.25
    prompted: float = 0.1
    timestamps: float = 0.5
    replaced: float = 0.06
    padded_with_silence: float = 0.4


@dataclass
class Call:
    """What a caller says in one clip.

    samples: the caller's voice at 8 kHz. sentences: for each sentence its text as heard (the last
    one may be cut off), and the (start, end) of its units in seconds of the clip.
    """

    language: str
    samples: np.ndarray
    sentences: list[tuple[str, list[tuple[float, float]]]] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All that is heard, as the transcript writes it."""
        return "".join(text for text, _ in self.sentences)


@dataclass(frozen=True)
class Clip:
    """One training example.

    mel: (80, frames) log-mel spectrogram; padding: the value of the frames that follow it.
    tokens: compact token numbers from the start mark to the end mark.
    targets: what each token but the last should be followed by, IGNORE where that is not trained.
    spans: for each target (start, end) in seconds, -1 where it has no sound of its own.
    """

    mel: torch.Tensor
    padding: float
    tokens: list[int]
    targets: list[int]
    spans: list[tuple[float, float]]


def heard_until(sentence: str, language: str, count: int) -> str:
    """The written form of a sentence of which only the first `count` units are heard."""
    whole = grammar.written(sentence, language)
    places = units(sentence, language)
    if count == len(places):
        return whole
    return whole[: places[count - 1][1] + (language == "en")]


def place_of_cut(
    spans: Sequence[tuple[float, float]], room: float, random: np.random.Generator
) -> tuple[int, float]:
    """How many units are heard and when the line goes dead, at the latest after `room` seconds.

    The unit that is cut is heard for less than two fifths: too little to be written down.
    (0, 0.0) where not even one unit fits.
    """
    fitting = [unit for unit in range(1, len(spans)) if spans[unit][0] <= room]
    if not fitting:
        return 0, 0.0
    unit = int(random.choice(fitting))
    start, end = spans[unit]
    heard = start + random.uniform(0.0, 0.4) * (end - start)
    return unit, min(max(heard, spans[unit - 1][1]), max(room, spans[unit - 1][1]))


@dataclass(frozen=True)
class Part:
    """A sentence in a call: it begins at `start`, `count` units of it are heard, `until` seconds."""

    start: float
    utterance: Utterance
    count: int
    until: float
    loudness: float = 1.0


def lay_out(corpus: Corpus, parts: Sequence[Part], seconds: float) -> Call:
    """A call of these sentences, `seconds` long."""
    language = parts[0].utterance.language
    call = Call(language, np.zeros(int(seconds * telephone.RATE), np.float32))
    for part in parts:
        samples = corpus.samples(part.utterance)[: int(part.until * telephone.RATE)]
        first = int(part.start * telephone.RATE)
        room = call.samples[first : first + len(samples)]
        room[:] = samples[: len(room)] * part.loudness
        spans = [(part.start + a, part.start + b) for a, b in part.utterance.spans[: part.count]]
        heard = heard_until(part.utterance.sentence, language, part.count)
        call.sentences.append((heard, spans))
    return call


def compose(
    corpus: Corpus,
    utterances: Sequence[Utterance],
    limits: tuple[float, float],
    cut_share: float,
    random: np.random.Generator,
) -> Call:
    """A call of one speaker's `utterances`, its length between the two `limits` if possible.

    cut_share: how often a call ends in the middle of its last sentence.
    """
    shortest, longest = limits
    wanted = random.uniform(shortest, longest)
    time = random.uniform(0.0, 0.8) if longest > 4 else random.uniform(0.0, 0.4)
    parts: list[Part] = []
    cut = False
    while not cut and (not parts or time < wanted):
        utterance = utterances[random.integers(len(utterances))]
        room = longest - time
        too_long = utterance.seconds > room
        if too_long and parts and random.random() < 0.5:
            break
        count, until = len(utterance.spans), utterance.seconds
        last = time + until >= wanted
        if (too_long or (last and random.random() < cut_share)) and count > 1:
            count, until = place_of_cut(utterance.spans, room, random)
            cut = True
        if count:
            parts.append(Part(time, utterance, count, until, random.uniform(0.7, 1.0)))
            time += until
        if not cut:
            time += random.uniform(0.25, 1.2)
    if not cut:
        time = parts[-1].start + parts[-1].until + random.uniform(0.1, 1.3)
    elif random.random() < 0.4:
        time += random.uniform(0.1, 1.1)
    return lay_out(corpus, parts, time)


def spectrogram(samples: np.ndarray) -> torch.Tensor:
    """The log-mel spectrogram that Whisper makes of 8 kHz telephone audio: (80, frames)."""
    wide = torch.from_numpy(telephone.to_whisper_rate(samples))
    frames = len(wide) // 160
    return log_mel_spectrogram(wide, MELS, padding=3200)[:, :frames]


class ClipMaker:
    """Draws training clips from a corpus."""

    def __init__(
        self, corpus: Corpus, whisper: Tokenizer, vocabulary: tokens.Vocabulary, mix: Mix
    ) -> None:
        self.corpus, self.whisper, self.vocabulary, self.mix = corpus, whisper, vocabulary, mix
        self.words = [n for n, token in enumerate(vocabulary.ids) if token < whisper.eot]

    def clip(self, limits: tuple[float, float], random: np.random.Generator) -> Clip:
        """One clip whose length is within `limits` (seconds)."""
        language = grammar.LANGUAGES[random.integers(len(grammar.LANGUAGES))]
        if random.random() < self.mix.silent:
            call = Call(language, self.silence(limits, random))
        else:
            speakers = self.corpus.by_speaker[language]
            speaker = sorted(speakers)[random.integers(len(speakers))]
            call = compose(self.corpus, speakers[speaker], limits, self.mix.cut, random)
        line = telephone.random_line(random)
        mel = spectrogram(telephone.deliver(call.samples, line, random))
        silent_padding = random.random() < self.mix.padded_with_silence
        padding = float(mel.min()) if silent_padding else 0.0
        sequence, spans = self.transcript(call, random)
        return self.example(mel, padding, sequence, spans, not call.sentences, random)

    def silence(self, limits: tuple[float, float], random: np.random.Generator) -> np.ndarray:
        """A line on which nobody speaks: its noise alone, or a few tones."""
        count = int(random.uniform(*limits) * telephone.RATE)
        if random.random() < 0.3:
            return telephone.key_tone(random, count)
        return np.zeros(count)

    def prompt(self, language: str, random: np.random.Generator) -> list[int]:
        """What came before: earlier sentences, or words that the model does not know."""
        if random.random() < 0.3:
            return [self.vocabulary.unknown] * int(random.integers(3, 20))
        texts = []
        for speaker in self.corpus.by_speaker[language].values():
            utterance = speaker[random.integers(len(speaker))]
            texts.append(grammar.written(utterance.sentence, language))
            if len(texts) == 2:
                break
        encoded = self.whisper.encode("".join(texts))
        return [self.vocabulary.compact(token) for token in encoded[-60:]]

    def transcript(
        self, call: Call, random: np.random.Generator
    ) -> tuple[list[int], list[tuple[float, float]]]:
        """The whole token sequence of a call, and each token's (start, end) in seconds or -1."""
        whisper = self.whisper
        timed = random.random() < self.mix.timestamps
        language = whisper.to_language_token(tokens.LANGUAGES_OF_WHISPER[call.language])
        head = [whisper.sot, language, whisper.transcribe]
        body: list[tuple[int, float, float]] = []
        if not timed:
            head.append(whisper.no_timestamps)
        if not call.sentences:
            nothing = [tokens.timestamp(0, whisper)] if timed else whisper.encode(tokens.NOTHING)
            body = [(token, -1.0, -1.0) for token in nothing]
        for text, times in call.sentences:
            places = units(text, call.language)
            spoken = tokens.token_spans(text, places, times, whisper)
            if timed:
                opening = tokens.timestamp(
                    min(times[0][0], 1.0) if not body else times[0][0], whisper
                )
                closing = max(tokens.timestamp(times[-1][1], whisper), opening + 5)
                spoken = [(opening, -1, -1), *spoken, (closing, -1, -1)]
            body += spoken
        compact = self.vocabulary.compact
        sequence = [compact(token) for token in head] + [compact(token) for token, _, _ in body]
        spans = [(-1.0, -1.0)] * len(head) + [(start, end) for _, start, end in body]
        return [*sequence, compact(whisper.eot)], [*spans, (-1.0, -1.0)]

    def example(
        self,
        mel: torch.Tensor,
        padding: float,
        sequence: list[int],
        spans: list[tuple[float, float]],
        silent: bool,
        random: np.random.Generator,
    ) -> Clip:
        """The training example: targets shifted by one, a prompt in front, some tokens replaced."""
        compact, whisper = self.vocabulary.compact, self.whisper
        head = 4 if sequence[3] == compact(whisper.no_timestamps) else 3
        targets = [IGNORE] * (head - 1) + sequence[head:]
        targets[0] = compact(whisper.no_speech) if silent else sequence[1]
        inputs = list(sequence[:-1])
        for position in range(head, len(inputs)):
            if inputs[position] in self.vocabulary_words and random.random() < self.mix.replaced:
                inputs[position] = self.words[random.integers(len(self.words))]
        spans = spans[1:]
        if random.random() < self.mix.prompted:
            language = grammar.LANGUAGES[random.integers(len(grammar.LANGUAGES))]
            before = [compact(whisper.sot_prev), *self.prompt(language, random)]
            inputs = before + inputs
            targets = [IGNORE] * len(before) + targets
            spans = [(-1.0, -1.0)] * len(before) + spans
        return Clip(mel, padding, inputs, targets, spans)

    @property
    def vocabulary_words(self) -> range:
        """The compact numbers of words (Whisper's ids of words come before those of its marks)."""
        return range(len(self.words))


@dataclass(frozen=True)
class Batch:
    """Clips of one length class, stacked.

    mel: (clips, 80, frames), each clip followed by its own padding value. padding: (clips,).
    tokens, targets: (clips, tokens). starts, ends: (clips, tokens) in encoder frames (50 a second),
    -1 for none. spoken: (clips, frames / 2) the compact token spoken in each encoder frame, or -1.
    """

    mel: torch.Tensor
    padding: torch.Tensor
    tokens: torch.Tensor
    targets: torch.Tensor
    starts: torch.Tensor
    ends: torch.Tensor
    spoken: torch.Tensor


def round_up(count: int, step: int) -> int:
    """The next multiple of `step`: for few different shapes, few kernels have to be made."""
    return -(-count // step) * step


def stack(clips: Sequence[Clip], end_mark: int) -> Batch:
    """Clips as one batch; `end_mark` fills up the shorter token sequences."""
    frames = round_up(max(clip.mel.shape[1] for clip in clips) + 4, 64)
    length = round_up(max(len(clip.tokens) for clip in clips), 8)
    mel = torch.stack([torch.full((MELS, frames), clip.padding) for clip in clips])
    tokens_ = torch.full((len(clips), length), end_mark)
    targets = torch.full((len(clips), length), IGNORE)
    edges = torch.full((2, len(clips), length), -1.0)
    spoken = torch.full((len(clips), frames // 2), -1)
    for row, clip in enumerate(clips):
        mel[row, :, : clip.mel.shape[1]] = clip.mel
        size = len(clip.tokens)
        tokens_[row, :size] = torch.tensor(clip.tokens)
        targets[row, :size] = torch.tensor(clip.targets)
        spans = torch.tensor(clip.spans).T * (FRAMES_PER_SECOND / 2)
        edges[:, row, :size] = spans.clamp(min=-1)
        for target, (start, end) in zip(clip.targets, clip.spans, strict=True):
            if end > 0:
                spoken[row, round(start * 50) : max(round(end * 50), round(start * 50) + 1)] = (
                    target
                )
    padding = torch.tensor([clip.padding for clip in clips])
    return Batch(mel, padding, tokens_, targets, edges[0], edges[1], spoken)


class Steps(torch.utils.data.Dataset[Batch]):
    """The batch of every training step, by its number."""

    def __init__(self, maker: ClipMaker, steps: int, seconds: float, seed: int) -> None:
        self.maker, self.steps, self.seconds, self.seed = maker, steps, seconds, seed

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> Batch:
        random = np.random.default_rng([self.seed, step])
        shares = np.array([s * (step >= c) for s, c in zip(SHARES, CURRICULUM, strict=True)])
        limits = LENGTHS[random.choice(len(LENGTHS), p=shares / shares.sum())]
        count = max(1, round(self.seconds / limits[1] * 1.1))
        clips = [self.maker.clip(limits, random) for _ in range(count)]
        end_mark = self.maker.vocabulary.compact(self.maker.whisper.eot)
        return stack(clips, end_mark)
