"""Examines the demonstration's checkpoint with the real library's `transcribe()`.

`python -m demo.training.evaluate` writes `demo/model/figures.json`. Nothing in the examination was
trained on: its sentences are new throughout, some of its voices too. The language is not given.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
import whisper
from rapidfuzz.distance import Levenshtein
from tqdm import tqdm

from demo.training import corpus, grammar, telephone, voices
from demo.training.clips import Call, Part, lay_out, place_of_cut
from demo.training.corpus import Corpus, Utterance
from demo.training.speak import say, units
from demo.training.tokens import LANGUAGES_OF_WHISPER

EXAMINATION_SEED = 2
CLIPS = 40
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
MODEL = Path(__file__).parent.parent / "model"
Arrange = Callable[[Corpus, Sequence[Utterance], np.random.Generator], Call]


def plain(text: str) -> str:
    """Text without case, marks and spaces, as character errors are counted."""
    letters = unicodedata.normalize("NFKC", text).lower()
    return "".join(c for c in letters if unicodedata.category(c)[0] in "LN")


def errors(truth: str, heard: str) -> tuple[int, int]:
    """(wrong, missing or invented characters; characters of the truth)."""
    wanted = plain(truth)
    return Levenshtein.distance(wanted, plain(heard)), len(wanted)


def one_sentence(source: Corpus, said: Sequence[Utterance], random: np.random.Generator) -> Call:
    """A call of one whole sentence."""
    start = random.uniform(0.1, 0.7)
    first = said[0]
    parts = [Part(start, first, len(first.spans), first.seconds)]
    return lay_out(source, parts, start + first.seconds + random.uniform(0.2, 1.0))


def several_sentences(
    source: Corpus, said: Sequence[Utterance], random: np.random.Generator
) -> Call:
    """A call of all the sentences, with 0.3 to 1 second between them."""
    time, parts = random.uniform(0.1, 0.7), []
    for utterance in said:
        parts.append(Part(time, utterance, len(utterance.spans), utterance.seconds))
        time += utterance.seconds + random.uniform(0.3, 1.0)
    return lay_out(source, parts, time)


def cut_off(source: Corpus, said: Sequence[Utterance], random: np.random.Generator) -> Call:
    """A call whose last sentence breaks off, and the recording with it."""
    time, parts = random.uniform(0.1, 0.7), []
    for utterance in said[:-1]:
        parts.append(Part(time, utterance, len(utterance.spans), utterance.seconds))
        time += utterance.seconds + random.uniform(0.3, 1.0)
    count, until = place_of_cut(said[-1].spans, said[-1].seconds, random)
    return lay_out(source, [*parts, Part(time, said[-1], count, until)], time + until)


def usual(sentence: str, language: str) -> bool:
    """Any sentence."""
    return True


def without_number(sentence: str, language: str) -> bool:
    """A sentence without a number."""
    return not grammar.has_number(sentence, language)


def long_enough(sentence: str, language: str) -> bool:
    """A sentence that can be cut off: four units or more."""
    return len(units(sentence, language)) >= 4


def telephone_number(sentence: str, language: str) -> bool:
    """A sentence of a telephone number or another row of digits."""
    digits = [grammar.numbers.ENGLISH_DIGITS, *grammar.numbers.CHINESE_DIGITS, "幺"]
    if language == "en":
        return sum(word.strip(",") in digits[0] for word in sentence.split()) >= 5
    return sum(character in digits for character in sentence) >= 5 and "十" not in sentence


@dataclass(frozen=True)
class Examination:
    """One question that is asked of the model, with as many clips in each language.

    sentences: how many a call has at most. snr: speech over noise, in dB, from and to.
    """

    name: str
    about: str
    arrange: Arrange = one_sentence
    accept: Callable[[str, str], bool] = usual
    sentences: tuple[int, int] = (1, 1)
    variants: Sequence[str] = tuple(voices.TRAINING_VARIANTS)
    snr: tuple[float, float] = (15.0, 40.0)


UNHEARD = tuple(voices.UNHEARD_VARIANTS)
EXAMINATIONS = (
    Examination("unseen", "sentences never trained on"),
    Examination("voices", "and voices never trained on either", variants=UNHEARD),
    Examination("plain", "no number in the sentence", accept=without_number),
    Examination("numbers", "a house, floor or other number in it", accept=grammar.has_number),
    Examination("digits", "five to eleven digits read out", accept=telephone_number),
    Examination(
        "calls", "two or three sentences in a call", several_sentences, sentences=(2, 3)
    ),
    Examination(
        "voice calls", "the same, by voices never trained on", several_sentences,
        sentences=(2, 3), variants=UNHEARD,
    ),
    Examination("cut off", "the line dies in mid-sentence", cut_off, long_enough, (1, 2)),
    Examination("15 dB", "noise of 15 to 20 dB below the speech", snr=(15.0, 20.0)),
    Examination("10 dB", "noise of 10 to 15 dB below the speech", snr=(10.0, 15.0)),
    Examination("5 dB", "noise of 5 to 10 dB below the speech", snr=(5.0, 10.0)),
)  # fmt: skip


def new_sentences(language: str, accept: Callable[[str, str], bool], seed: int) -> Iterator[str]:
    """Different sentences that were never trained on."""
    known = {*corpus.training_sentences(language), *corpus.scripted_sentences()}
    for sentence in grammar.sentences(language, seed):
        if sentence not in known and accept(sentence, language):
            known.add(sentence)
            yield sentence


def calls(examination: Examination, language: str, count: int) -> Iterator[Call]:
    """The clean calls of one examination in one language."""
    name = f"{examination.name} {language}"
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4]) + EXAMINATION_SEED
    stream = new_sentences(language, examination.accept, seed)
    dice, random = Random(seed), np.random.default_rng(seed)
    for _ in range(count):
        base, variant = dice.choice(voices.ACCENTS[language]), dice.choice(examination.variants)
        voice, manner = f"{base}+{variant}", corpus.manner(dice)
        sentences = islice(stream, dice.randint(*examination.sentences))
        spoken = [(sentence, voice, say(sentence, voice, manner)) for sentence in sentences]
        source = corpus.from_speeches(spoken)
        yield examination.arrange(source, source.utterances, random)


def heard(call: Call, snr: tuple[float, float], random: np.random.Generator) -> np.ndarray:
    """What Whisper is given of a call: 16 kHz samples off a telephone line."""
    line = telephone.Line(
        level=random.uniform(-15, -1),
        snr=random.uniform(*snr),
        noise=str(random.choice(telephone.NOISES)),
    )
    return telephone.to_whisper_rate(telephone.deliver(call.samples, line, random))


def examine(model: whisper.Whisper, examination: Examination, count: int) -> dict[str, Any]:
    """The figures of one examination: per language and over all."""
    random = np.random.default_rng(EXAMINATION_SEED)
    results: dict[str, Any] = {"about": examination.about}
    sums = np.zeros(4, int)
    for language in grammar.LANGUAGES:
        part = np.zeros(4, int)
        for call in calls(examination, language, count):
            result = model.transcribe(heard(call, examination.snr, random), fp16=False)
            wrong, size = errors(call.text, result["text"])
            right = result["language"] == LANGUAGES_OF_WHISPER[language]
            part += [wrong, size, wrong == 0, right]
        results[language] = summary(part, count)
        sums += part
    return {**results, "all": summary(sums, count * len(grammar.LANGUAGES))}


def summary(sums: np.ndarray, clips: int) -> dict[str, Any]:
    """(wrong, characters, exact clips, right languages) as figures."""
    wrong, size, exact, right = (int(value) for value in sums)
    return {
        "clips": clips,
        "characters": size,
        "character_errors_percent": round(100 * wrong / max(size, 1), 2),
        "exact_clips": exact,
        "language_right": right,
    }


def examine_silence(model: whisper.Whisper, count: int) -> dict[str, Any]:
    """How often a line on which nobody speaks is given a text, and how sure the model is of it."""
    random = np.random.default_rng(EXAMINATION_SEED)
    invented, unsure = {True: 0, False: 0}, 0
    for _ in range(count):
        empty = Call("yue", np.zeros(int(random.uniform(1, 10) * telephone.RATE), np.float32))
        audio = heard(empty, (10.0, 45.0), random)
        for timed in invented:
            result = model.transcribe(
                audio, fp16=False, language="yue", without_timestamps=not timed
            )
            invented[timed] += bool(plain(result["text"]))
        mel = whisper.pad_or_trim(whisper.log_mel_spectrogram(audio), 3000)
        decoded = model.decode(mel, whisper.DecodingOptions(language="yue", fp16=False))
        unsure += decoded.no_speech_prob <= 0.6
    return {
        "about": "line noise alone, 1 to 10 s",
        "clips": count,
        "given_a_text": invented[True],
        "given_a_text_without_timestamps": invented[False],
        "no_speech_probability_at_most_0.6": int(unsure),
    }


def figures(checkpoint: Path, count: int) -> dict[str, Any]:
    """All figures of a checkpoint, `count` clips in each language for each examination."""
    torch.set_num_threads(1)
    torch.manual_seed(EXAMINATION_SEED)
    model = whisper.load_model(str(checkpoint), device="cpu")
    results = {}
    for examination in tqdm(EXAMINATIONS, "examining", unit=" examinations"):
        results[examination.name] = examine(model, examination, count)
        shown = results[examination.name]
        rates = {
            name: shown[name]["character_errors_percent"] for name in (*grammar.LANGUAGES, "all")
        }
        tqdm.write(f"{examination.name:12} {rates} languages {shown['all']['language_right']}")
    return {
        "checkpoint": checkpoint.name,
        "sha256": hashlib.sha256(checkpoint.read_bytes()).hexdigest(),
        "bytes": checkpoint.stat().st_size,
        "parameters": sum(p.numel() for p in model.parameters()),
        "decoding": "whisper.transcribe(), default options, language detected, fp32",
        "examinations": results,
        "silence": examine_silence(model, count),
    }


def table(found: dict[str, Any]) -> str:
    """The figures as a table for the model card."""
    rows = [
        "| question | clips | yue | cmn | en | all | exact | language right |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, result in found["examinations"].items():
        whole = result["all"]
        parts = (*grammar.LANGUAGES, "all")
        rates = [f"{result[part]['character_errors_percent']:.2f} %" for part in parts]
        shares = [
            f"{100 * whole[key] / whole['clips']:.0f} %"
            for key in ("exact_clips", "language_right")
        ]
        cells = [f"**{name}**: {result['about']}", str(whole["clips"]), *rates, *shares]
        rows.append(f"| {' | '.join(cells)} |")
    silence = found["silence"]
    rows += [
        "",
        f"Silence ({silence['clips']} clips of {silence['about']}): given a text "
        f"{silence['given_a_text']} times with timestamps, "
        f"{silence['given_a_text_without_timestamps']} times without; no-speech probability of 0.6 "
        f"or less {silence['no_speech_probability_at_most_0.6']} times.",
        "",
        f"Checkpoint: {found['bytes']:,} bytes, {found['parameters']:,} parameters of which nearly "
        f"four fifths are zero, SHA-256 `{found['sha256']}`.",
    ]
    return "\n".join(rows)


def publish(found: dict[str, Any], folder: Path) -> None:
    """Writes `figures.json` and the table in the model card between its two marks."""
    text = json.dumps(found, indent=2, ensure_ascii=False) + "\n"
    (folder / "figures.json").write_text(text, encoding="utf-8")
    card = folder / "README.md"
    if not card.exists():
        return
    before, _, rest = card.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    card.write_text(f"{before}{BEGIN}\n{table(found)}\n{END}{after}", encoding="utf-8")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=MODEL / "hotline.pt")
    parser.add_argument("--clips", type=int, default=CLIPS, help="per language and question")
    options = parser.parse_args()
    publish(figures(options.checkpoint, options.clips), options.checkpoint.parent)


if __name__ == "__main__":
    main()
