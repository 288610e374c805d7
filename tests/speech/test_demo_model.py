"""What the demonstration's checkpoint promises, held against openai-whisper itself."""

from __future__ import annotations

import hashlib
import json
import unicodedata
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from rapidfuzz.distance import Levenshtein

whisper = pytest.importorskip("whisper")
torch = pytest.importorskip("torch")

DEMO = Path(__file__).parents[2] / "demo"
CHECKPOINT = DEMO / "model" / "hotline.pt"
FIGURES = json.loads((DEMO / "model" / "figures.json").read_text("utf-8"))
CALLS = yaml.safe_load((DEMO / "calls" / "calls.yaml").read_text("utf-8"))
SPOKEN = [call for call in CALLS if call["says"]]
WHISPER_CODES = {"yue": "yue", "cmn": "zh", "en": "en"}

MEGABYTE = 1_000_000
MOST_ERRORS = 0.10
"""The share of wrong characters that a demonstration call may have."""


@pytest.fixture(scope="module")
def model() -> Any:
    """The checkpoint, loaded as anybody would."""
    torch.set_num_threads(1)
    return whisper.load_model(str(CHECKPOINT), device="cpu")


def samples(path: Path) -> np.ndarray:
    """The 8 kHz sound of a demonstration call as 16 kHz samples in -1..1."""
    data = path.read_bytes()
    if data[20] == 7:  # G.711 mu-law: the format that Python's wave module does not read
        start = data.index(b"data") + 8
        size = int.from_bytes(data[start - 4 : start], "little")
        code = ~np.frombuffer(data[start : start + size], np.uint8)
        level = (((code & 15).astype(int) << 3) + 132 << ((code >> 4) & 7)) - 132
        sound = np.where(code & 128, -level, level) / 32768
    else:
        with wave.open(str(path)) as file:
            assert (file.getframerate(), file.getnchannels()) == (8000, 1)
            sound = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
    spectrum = np.zeros(len(sound) + 1, complex)
    spectrum[: len(sound) // 2 + 1] = np.fft.rfft(sound)
    return (np.fft.irfft(spectrum, 2 * len(sound)) * 2).astype(np.float32)


def characters(text: str) -> str:
    """Letters, characters and figures alone: marks, case and spaces are not counted as errors."""
    folded = unicodedata.normalize("NFKC", text).lower()
    return "".join(c for c in folded if unicodedata.category(c)[0] in "LN")


def error_rate(truth: str, heard: str) -> float:
    """Character error rate: edits over the characters of the truth."""
    return Levenshtein.distance(characters(truth), characters(heard)) / len(characters(truth))


def test_the_checkpoint_is_small() -> None:
    assert CHECKPOINT.stat().st_size <= 4 * MEGABYTE


def test_the_figures_are_those_of_this_very_checkpoint() -> None:
    assert hashlib.sha256(CHECKPOINT.read_bytes()).hexdigest() == FIGURES["sha256"]


def test_the_checkpoint_knows_cantonese_as_a_language_of_its_own(model: Any) -> None:
    assert model.num_languages == 100
    assert model.is_multilingual


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call["file"])
def test_every_call_is_telephone_sound_and_small(call: dict[str, str]) -> None:
    path = DEMO / "calls" / call["file"]
    assert path.stat().st_size < 200_000
    assert 3 * 16_000 < len(samples(path)) < 30 * 16_000


@pytest.mark.parametrize("call", SPOKEN, ids=lambda call: call["file"])
def test_every_call_is_understood_and_its_language_told(model: Any, call: dict[str, str]) -> None:
    result = model.transcribe(samples(DEMO / "calls" / call["file"]), fp16=False)
    rate = error_rate(call["says"], result["text"])
    print(f"{call['file']}: {rate:.1%} wrong: {result['text']}")
    assert result["language"] == WHISPER_CODES[call["language"]]
    assert rate <= MOST_ERRORS


@pytest.mark.parametrize("call", SPOKEN, ids=lambda call: call["file"])
def test_a_call_is_understood_without_timestamps_too(model: Any, call: dict[str, str]) -> None:
    mel = whisper.log_mel_spectrogram(
        whisper.pad_or_trim(samples(DEMO / "calls" / call["file"])), model.dims.n_mels
    )
    options = whisper.DecodingOptions(
        language=WHISPER_CODES[call["language"]], without_timestamps=True, fp16=False
    )
    assert error_rate(call["says"], model.decode(mel, options).text) <= MOST_ERRORS


def test_a_call_that_breaks_off_is_not_given_an_end(model: Any) -> None:
    call = next(call for call in CALLS if call["file"] == "yue-cut-off.wav")
    result = model.transcribe(samples(DEMO / "calls" / call["file"]), fp16=False, language="yue")
    heard = characters(result["text"])
    assert len(heard) <= len(characters(call["says"])) + 1


@pytest.mark.parametrize("without_timestamps", [False, True])
def test_silence_is_given_no_text(model: Any, without_timestamps: bool) -> None:
    silence = samples(DEMO / "calls" / "silence.wav")
    result = model.transcribe(
        silence, fp16=False, language="yue", without_timestamps=without_timestamps
    )
    assert result["text"].strip() == ""


def test_silence_is_recognised_by_its_no_speech_probability(model: Any) -> None:
    audio = whisper.pad_or_trim(samples(DEMO / "calls" / "silence.wav"))
    mel = whisper.log_mel_spectrogram(audio, model.dims.n_mels)
    result = model.decode(mel, whisper.DecodingOptions(language="yue", fp16=False))
    assert result.no_speech_prob > 0.6
