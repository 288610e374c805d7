"""Renders the demonstration's scripted calls: `python -m demo.training.calls`.

The script is `sentences/calls.yaml`; the sound files and their list go to `demo/calls/`. They are
what a telephone company would deliver: 8 kHz, one channel, 16-bit PCM or 8-bit mu-law in a WAV
file.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from demo.training import corpus, grammar, telephone
from demo.training.clips import Call, Part, lay_out
from demo.training.speak import Manner, say, units

CALLS = Path(__file__).parent.parent / "calls"
LINE_SEED = 3
PCM, MU_LAW = 1, 7
HEADING = "# Made by `python -m demo.training.calls` from demo/training/sentences/calls.yaml.\n"


def mu_law_bytes(samples: np.ndarray) -> bytes:
    """G.711 mu-law codes of samples in -1..1, as a WAV file holds them."""
    level = np.minimum(np.abs(np.round(samples * 32767)).astype(int), 32635) + 132
    exponent = np.floor(np.log2(level)).astype(int) - 7
    mantissa = (level >> (exponent + 3)) & 15
    sign = np.where(samples < 0, 128, 0)
    return (~(sign | (exponent << 4) | mantissa) & 255).astype(np.uint8).tobytes()


def wav(samples: np.ndarray, encoding: str) -> bytes:
    """A WAV file of 8 kHz samples in -1..1; encoding: `pcm16` or `mulaw`."""
    if encoding == "mulaw":
        kind, width, data = MU_LAW, 1, mu_law_bytes(samples)
    else:
        kind, width = PCM, 2
        data = np.round(samples * 32767).astype("<i2").tobytes()
    rate = telephone.RATE
    form = struct.pack("<HHIIHH", kind, 1, rate, rate * width, width, 8 * width)
    if kind != PCM:
        form += struct.pack("<H", 0)
    chunks = [(b"fmt ", form)]
    if kind != PCM:
        chunks.append((b"fact", struct.pack("<I", len(samples))))
    chunks.append((b"data", data))
    body = b"WAVE" + b"".join(
        name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
        for name, content in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


def heard_units(script: dict[str, Any], sentence: str) -> int:
    """How many units of the last sentence are heard before the line goes dead."""
    heard = script.get("cut_after", sentence)
    if not sentence.startswith(heard):
        raise ValueError(f"{script['file']}: {heard!r} is not how {sentence!r} begins")
    return len(units(heard, script["language"]))


def spoken(script: dict[str, Any]) -> Call:
    """The caller's voice in one scripted call."""
    manner = Manner(rate=script.get("rate", 165))
    voice = script["voice"]
    said = corpus.from_speeches([(s, voice, say(s, voice, manner)) for s in script["sentences"]])
    time, parts = 0.4, []
    for utterance in said.utterances:
        parts.append(Part(time, utterance, len(utterance.spans), utterance.seconds))
        time += utterance.seconds + 0.6
    last = parts[-1]
    count = heard_units(script, last.utterance.sentence)
    if count == len(last.utterance.spans):
        return lay_out(said, parts, time)
    start, end = last.utterance.spans[count]
    until = start + 0.2 * (end - start)
    parts[-1] = Part(last.start, last.utterance, count, until)
    return lay_out(said, parts, last.start + until)


def render(script: dict[str, Any], seed: int) -> tuple[bytes, str]:
    """The sound file of one scripted call, and the text that can be heard in it."""
    line = telephone.Line(level=-5, snr=28)
    if "silence_seconds" in script:
        call = Call("yue", np.zeros(script["silence_seconds"] * telephone.RATE, np.float32))
    else:
        call = spoken(script)
    sound = telephone.deliver(call.samples, line, np.random.default_rng(seed))
    return wav(sound, script["encoding"]), call.text.strip()


def listed(script: dict[str, Any], text: str) -> dict[str, Any]:
    """A call's entry in `calls.yaml`."""
    first = {name: script[name] for name in ("file", "language")}
    return {**first, "says": text, **{name: script[name] for name in ("category_hint", "caller")}}


def main() -> None:
    """Writes every scripted call and their list."""
    CALLS.mkdir(parents=True, exist_ok=True)
    entries = []
    for number, script in enumerate(grammar.scripted_calls()):
        sound, text = render(script, LINE_SEED + number)
        (CALLS / script["file"]).write_bytes(sound)
        entries.append(listed(script, text))
        print(f"{script['file']}: {len(sound):,} bytes: {text or '(nothing)'}")
    content = yaml.safe_dump(entries, allow_unicode=True, sort_keys=False, width=100)
    (CALLS / "calls.yaml").write_text(HEADING + content, encoding="utf-8")


if __name__ == "__main__":
    main()
