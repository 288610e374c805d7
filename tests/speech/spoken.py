"""Sentences and single words by a speech synthesiser, down telephone lines of all kinds.

Needs espeak-ng. What is made is the same whenever it is made.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np

from demo.training.speak import Manner, say
from tests.speech import sounds
from tests.speech.sounds import RATE, Samples
from transcription.speech import Span

VOICES: Final = {"yue": "yue", "cmn": "cmn-latn-pinyin", "en": "en"}
VARIANTS: Final = ("", "+f4", "+m8", "+klatt4", "+f2", "+m3", "+Andrea")
SENTENCES: Final = {
    "yue": (
        "喂你好，海晴邨三座外牆棚網好似係易燃嘅",
        "我住喺海晴邨三座十二樓五室",
        "等咗成個鐘都冇車",
        "唔該請快啲派人嚟睇",
        "我哋瞓唔到覺，好驚有人受傷",
    ),
    "cmn": (
        "您好，阳光小区六号楼的水管爆了",
        "整栋楼从昨晚开始没有水，请尽快派人来看看",
        "我要投诉楼下的饭店",
        "已经三天了没有人管",
        "地址是学校路二十号",
    ),
    "en": (
        "Hello, the street lamp outside number forty two is broken",
        "Please send someone to check",
        "The bus never came this morning",
        "I want to report a leaking pipe",
        "Someone could get hurt",
    ),
}
WORDS: Final = {
    "yue": ("係", "唔係", "喂", "唔該", "好", "多謝"),
    "cmn": ("是", "不是", "喂", "对", "好", "谢谢"),
    "en": ("Yes", "No", "Hello", "Okay", "Help", "Right"),
}
SPEAKING: Final = 0.01


@dataclass(frozen=True)
class Spoken:
    """Somebody says something, with about a second of silence around it. `until`: in seconds."""

    name: str
    samples: Samples
    begins: float
    until: float

    def share_in(self, spans: Sequence[Span]) -> float:
        """How much of what is said lies in the spans, 0 to 1."""
        shared = [min(s.end / 1000, self.until) - max(s.start / 1000, self.begins) for s in spans]
        return sum(max(0.0, it) for it in shared) / (self.until - self.begins)


@cache
def sentences() -> tuple[Spoken, ...]:
    return tuple(_said(SENTENCES))


@cache
def words() -> tuple[Spoken, ...]:
    return tuple(_said(WORDS))


def _said(texts: dict[str, tuple[str, ...]]) -> Iterator[Spoken]:
    random = np.random.default_rng(7)
    for language, said in texts.items():
        for text in said:
            for variant in VARIANTS:
                manner = Manner(int(random.integers(150, 210)), int(random.integers(35, 65)))
                voice = say(text, VOICES[language] + variant, manner).samples
                before, behind = random.uniform(0.5, 1.5, 2)
                whole = np.concatenate([sounds.silence(before), voice, sounds.silence(behind)])
                until = before + len(voice) / RATE
                yield Spoken(f"{VOICES[language]}{variant} {text}", whole, before, until)


def telephoned(spoken: Spoken, line: str) -> bytes:
    """The WAV file that arrives at the far end of the line; `line`: one of LINES."""
    random = np.random.default_rng([len(spoken.samples), *line.encode()])
    heard = LINES[line](spoken.samples, random)
    return sounds.wav(sounds.telephone(heard), "ULAW")


def _with(made: sounds.Kind, decibels: float) -> Callable[[Samples, sounds.Random], Samples]:
    """Speech so many dB above another sound."""

    def mixed(speech: Samples, random: sounds.Random) -> Samples:
        other = np.resize(made(random, len(speech) / RATE), len(speech))
        both = speech + sounds.at_level(other, _level(speech) - decibels)
        return both * 0.9 / max(0.9, float(np.abs(both).max()))

    return mixed


def _at(dbfs: float) -> Callable[[Samples, sounds.Random], Samples]:
    return lambda speech, _: speech * 10 ** ((dbfs - _level(speech)) / 20)


def _level(speech: Samples) -> float:
    """In dB of full scale, where somebody speaks."""
    return float(10 * np.log10(np.mean(speech[np.abs(speech) > SPEAKING] ** 2)))


LINES: Final = {
    "clean": _at(-15),
    "white noise at 10 dB": _with(sounds.noise_of(0.0), 10),
    "pink noise at 5 dB": _with(sounds.noise_of(0.5), 5),
    "chords at 5 dB": _with(sounds.chords, 5),
    "arpeggio at 5 dB": _with(sounds.arpeggio, 5),
    "quiet, -35 dBFS": _at(-35),
}
