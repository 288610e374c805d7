"""The spoken sentences that are trained on: made once, kept in a folder, read as one long array."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from random import Random

import numpy as np
from tqdm import tqdm

from demo.training import grammar, voices
from demo.training.speak import Manner, Speech, say

TRAINING_SEED = 1
SENTENCES_PER_LANGUAGE = 12_000


@dataclass(frozen=True)
class Utterance:
    """One spoken sentence: where its samples are in the corpus, and when each unit is spoken.

    start, count: samples at 8 kHz. spans: (units, 2) seconds from the sentence's beginning.
    """

    sentence: str
    voice: str
    start: int
    count: int
    spans: list[tuple[float, float]]

    @property
    def language(self) -> str:
        """yue, cmn or en."""
        return voices.language_of(self.voice)

    @property
    def seconds(self) -> float:
        """How long it takes to say."""
        return self.count / 8000


class Corpus:
    """Spoken sentences, and the samples of all of them (8 kHz, 16 bit) one after the other."""

    def __init__(self, audio: np.ndarray, utterances: list[Utterance]) -> None:
        self.audio, self.utterances = audio, utterances
        self.by_speaker: dict[str, dict[str, list[Utterance]]] = {}
        for utterance in utterances:
            speakers = self.by_speaker.setdefault(utterance.language, {})
            speakers.setdefault(utterance.voice.split("+")[1], []).append(utterance)

    def samples(self, utterance: Utterance) -> np.ndarray:
        """float32 samples in -1..1 at 8 kHz."""
        part = self.audio[utterance.start : utterance.start + utterance.count]
        return part.astype(np.float32) / 32768


def load(folder: Path) -> Corpus:
    """The corpus that `build` left in `folder`: `audio.i16` and `utterances.jsonl`."""
    audio = np.memmap(folder / "audio.i16", dtype=np.int16, mode="r")
    with open(folder / "utterances.jsonl", encoding="utf-8") as file:
        return Corpus(audio, [Utterance(**json.loads(line)) for line in file])


def from_speeches(speeches: Sequence[tuple[str, str, Speech]]) -> Corpus:
    """A corpus of (sentence, voice, speech), in memory."""
    utterances, position = [], 0
    for sentence, voice, speech in speeches:
        spans = [(float(start), float(end)) for start, end in speech.spans]
        utterances.append(Utterance(sentence, voice, position, len(speech.samples), spans))
        position += len(speech.samples)
    audio = np.concatenate([speech.samples for _, _, speech in speeches]) * 32767
    return Corpus(audio.astype(np.int16), utterances)


def manner(random: Random) -> Manner:
    """A random way of speaking."""
    return Manner(random.randint(130, 220), random.randint(25, 75), random.randint(30, 75))


def scripted_sentences() -> set[str]:
    """The sentences of the demonstration's calls, which must not be trained on."""
    calls = grammar.scripted_calls()
    return {sentence for call in calls for sentence in call.get("sentences", [])}


def training_sentences(language: str, count: int = SENTENCES_PER_LANGUAGE) -> list[str]:
    """The sentences that are trained on, some of them more than once."""
    scripted = scripted_sentences()
    stream = grammar.sentences(language, TRAINING_SEED)
    return list(islice((sentence for sentence in stream if sentence not in scripted), count))


def speak_one(task: tuple[str, str, int]) -> tuple[str, str, Speech]:
    """A sentence in a random training voice; another voice where one cannot say it."""
    sentence, language, seed = task
    random = Random(f"voice {seed}")
    for _ in range(5):
        base = random.choice(voices.ACCENTS[language])
        voice = f"{base}+{random.choice(voices.TRAINING_VARIANTS)}"
        try:
            return sentence, voice, say(sentence, voice, manner(random))
        except ValueError:
            continue
    raise ValueError(f"no voice can say {sentence!r}")


def tasks(count: int) -> Iterator[tuple[str, str, int]]:
    """(sentence, language, seed) for the whole corpus, the languages taking turns."""
    lists = [training_sentences(language, count) for language in grammar.LANGUAGES]
    for index, row in enumerate(zip(*lists, strict=True)):
        for language, sentence in zip(grammar.LANGUAGES, row, strict=True):
            yield sentence, language, index * len(lists) + grammar.LANGUAGES.index(language)


def build(folder: Path, count: int = SENTENCES_PER_LANGUAGE, processes: int = 2) -> None:
    """Speaks `count` sentences per language into `folder`; does nothing if that was done before."""
    finished = folder / "utterances.jsonl"
    if finished.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    lines, position = [], 0
    context = multiprocessing.get_context("spawn")
    with open(folder / "audio.i16", "wb") as audio, context.Pool(processes) as pool:
        spoken = pool.imap(speak_one, tasks(count), chunksize=50)
        for sentence, voice, speech in tqdm(spoken, "speaking", total=3 * count, unit=" sentences"):
            audio.write((speech.samples * 32767).astype(np.int16).tobytes())
            spans = [(round(float(a), 3), round(float(b), 3)) for a, b in speech.spans]
            lines.append(Utterance(sentence, voice, position, len(speech.samples), spans))
            position += len(speech.samples)
    text = "".join(json.dumps(asdict(line), ensure_ascii=False) + "\n" for line in lines)
    finished.write_text(text, encoding="utf-8")
