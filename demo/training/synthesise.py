"""Speaks a set to evaluate with: `python -m demo.training.synthesise FOLDER --clips 40`.

Calls of sentences and voices that the demonstration's model was never trained on. Each is a WAV
file (8 kHz), a text beside it with what is said, and a JSON file with language and speaker, as
`python -m evaluate speech FOLDER` reads them. Needs espeak-ng.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from demo.training import grammar, telephone
from demo.training.calls import wav
from demo.training.clips import Call
from demo.training.evaluate import UNHEARD, Examination, calls, several_sentences
from demo.training.voices import TRAINING_VARIANTS

VARIANTS = {"unheard": UNHEARD, "trained": tuple(TRAINING_VARIANTS)}


def span(text: str) -> tuple[int, int]:
    """`2-5` as (2, 5), and `3` as (3, 3)."""
    first, _, last = text.partition("-")
    return int(first), int(last or first)


def spoken(options: argparse.Namespace) -> Iterator[tuple[str, Call, str]]:
    """(name, call, speaker) of every call with speech in it."""
    for language in grammar.LANGUAGES:
        for place, variant in enumerate(VARIANTS[options.voices]):
            name = f"{options.name} {options.sentences} {variant}"
            question = Examination(name, "", several_sentences, sentences=options.sentences,
                                   variants=(variant,))  # fmt: skip
            share = len(range(place, options.clips, len(VARIANTS[options.voices])))
            for number, call in enumerate(calls(question, language, share)):
                yield f"{language}-{variant}-{number:02}", call, f"{language}+{variant}"


def silent(count: int, random: np.random.Generator) -> Iterator[tuple[str, Call, str]]:
    """Calls in which nobody speaks, 2 to 8 s long."""
    for number in range(count):
        samples = np.zeros(int(random.uniform(2, 8) * telephone.RATE), np.float32)
        yield f"silence-{number:02}", Call("", samples), ""


def write(folder: Path, name: str, call: Call, speaker: str, sound: bytes) -> None:
    """The three files of one call."""
    about = {"language": call.language, "speaker": speaker, "domain": "synthetic telephone"}
    known = {key: value for key, value in about.items() if value}
    (folder / f"{name}.wav").write_bytes(sound)
    (folder / f"{name}.txt").write_text(call.text.strip() + "\n", encoding="utf-8")
    text = json.dumps(known, ensure_ascii=False) + "\n"
    (folder / f"{name}.json").write_text(text, encoding="utf-8")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--clips", type=int, default=40, help="per language, the voices taking turns"
    )
    parser.add_argument("--silent", type=int, default=0, help="calls in which nobody speaks")
    parser.add_argument("--sentences", type=span, default=(1, 1), help="in a call: 1, or 2-5")
    parser.add_argument("--voices", choices=sorted(VARIANTS), default="unheard")
    parser.add_argument(
        "--snr", type=float, default=60.0, help="dB of speech over the line's noise"
    )
    parser.add_argument("--encoding", choices=["pcm16", "mulaw"], default="pcm16")
    parser.add_argument("--name", default="evaluation", help="another name draws other sentences")
    options = parser.parse_args()

    options.folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(len(options.name))
    for name, call, speaker in [*spoken(options), *silent(options.silent, random)]:
        line = telephone.Line(level=random.uniform(-12, -2), snr=options.snr)
        heard = telephone.deliver(call.samples, line, random)
        write(options.folder, name, call, speaker, wav(heard, options.encoding))


if __name__ == "__main__":
    main()
