"""Sounds to listen to, and models with random weights that take the whole real way in a moment."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from whisper.model import ModelDimensions, Whisper

from transcription.audio import SAMPLE_RATE, Samples
from transcription.engines.interface import Clip, Hypothesis, Line, Result
from transcription.speech import Detector

SOUNDS = Path(__file__).parent / "sounds"


@pytest.fixture(scope="session")
def speech() -> Callable[[str], bytes]:
    """A sentence in `yue`, `cmn` or `en` by a speech synthesiser, as the telephone delivers it:
    mu-law WAV, 8 kHz, a second of silence before and after."""
    return lambda language: (SOUNDS / f"{language}.wav").read_bytes()


@pytest.fixture(scope="session")
def detector() -> Detector:
    torch.set_num_threads(1)
    return Detector()


def wav(
    samples: np.ndarray, rate: int = 8000, subtype: str = "PCM_16", container: str = "WAV"
) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, subtype=subtype, format=container)
    return file.getvalue()


def tone(hertz: float, seconds: float, rate: int = SAMPLE_RATE, level: float = 0.3) -> Samples:
    at = np.arange(round(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * hertz * at)).astype(np.float32)


def random_model(path: Path, vocabulary: int) -> Path:
    """A checkpoint in openai-whisper's format. 51866 words: knows Cantonese; 51865: does not."""
    dims = {
        "n_mels": 80,
        "n_audio_ctx": 1500,
        "n_audio_state": 32,
        "n_audio_head": 1,
        "n_audio_layer": 1,
        "n_vocab": vocabulary,
        "n_text_ctx": 48,
        "n_text_state": 32,
        "n_text_head": 1,
        "n_text_layer": 1,
    }
    torch.manual_seed(0)
    model = Whisper(ModelDimensions(**dims))
    torch.nn.init.normal_(model.decoder.positional_embedding, std=0.02)  # torch.empty in the source
    weights = {name: tensor.half() for name, tensor in model.state_dict().items()}
    torch.save({"dims": dims, "model_state_dict": weights}, path)
    return path


@pytest.fixture(scope="session")
def model_with_yue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_model(tmp_path_factory.mktemp("models") / "with-yue.pt", 51866)


@pytest.fixture(scope="session")
def model_without_yue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_model(tmp_path_factory.mktemp("models") / "without-yue.pt", 51865)


Script = Callable[[int, Clip], Result]


class Parrot:
    """An engine that says what it was told to say, and remembers what it was given to hear."""

    name = "parrot"
    model = "parrot-1"
    batch = 8
    seconds_per_clip = 0.1

    def __init__(self, script: Script) -> None:
        self.script = script
        self.given: list[Clip] = []

    def hear(self, clips: Sequence[Clip]) -> list[Result]:
        first = len(self.given)
        self.given += clips
        return [self.script(first + index, clip) for index, clip in enumerate(clips)]


def said(clip: Clip, *lines: tuple[float, float, str], **figures: Any) -> Hypothesis:
    """A hypothesis about the clip, certain and complete unless `figures` say otherwise."""
    spoken = tuple(Line(*line) for line in lines)
    usual: dict[str, Any] = {
        "language": "yue",
        "language_probability": 0.9,
        "mean_log_probability": -0.2,
        "no_speech_probability": 0.01,
        "complete": True,
        "heard_until": len(clip.samples) / SAMPLE_RATE,
    }
    return Hypothesis(lines=spoken, **(usual | figures))
