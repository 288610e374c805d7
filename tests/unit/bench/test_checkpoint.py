"""A benchmark's checkpoint: random weights, a scripted answer, no option touched."""

import warnings
from pathlib import Path
from typing import Any

import pytest
import whisper

from bench import checkpoint
from bench.speech_recordings import messages
from transcription import audio
from transcription.engines import openai_whisper
from transcription.engines.interface import Clip, Engine, Hypothesis

LANGUAGES = ("yue", "cmn", "en")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("checkpoint")
    checkpoint.write("nano", folder / "nano.pt")
    return folder / "nano.pt"


def clips() -> list[Clip]:
    return [Clip(audio.read(it.data).samples) for it in messages(2)]


def assert_says_its_text(engine: Engine) -> None:
    for said in engine.hear(clips()):
        assert isinstance(said, Hypothesis)
        assert (said.text, said.language) == (checkpoint.text(), "yue")
        assert (said.temperature, said.complete) == (0.0, True)
        assert said.mean_log_probability > -0.1


def test_plain_transcribe_says_its_text_in_a_single_reading(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warnings.filterwarnings("ignore", message="FP16")
    model = whisper.load_model(str(file), device="cpu")
    readings: list[Any] = []
    decode = model.decode
    monkeypatch.setattr(model, "decode", lambda *it: readings.append(decode(*it)) or readings[-1])
    heard = [model.transcribe(clip.samples) for clip in clips()]
    assert [(it["text"], it["language"]) for it in heard] == [(checkpoint.text(), "yue")] * 2
    assert [it.temperature for it in readings] == [0.0, 0.0]
    assert max(it.no_speech_prob for it in readings) < 0.1


def test_the_reference_engine_says_its_text(file: Path, tmp_path: Path) -> None:
    assert_says_its_text(openai_whisper.load(str(file), LANGUAGES, tmp_path))


@pytest.mark.parametrize("windows", ["full", "cut"])
def test_the_fast_engine_says_its_text_after_conversion(
    file: Path, tmp_path: Path, windows: Any
) -> None:
    pytest.importorskip("ctranslate2")
    from transcription.engines import faster_whisper

    assert_says_its_text(
        faster_whisper.load(str(file), LANGUAGES, tmp_path, lambda _: None, windows=windows)
    )


def test_its_text_has_as_many_tokens_as_asked_for(tmp_path: Path) -> None:
    checkpoint.write("nano", tmp_path / "long.pt", tokens=100)
    said = whisper.load_model(str(tmp_path / "long.pt"), device="cpu").transcribe(
        clips()[0].samples, fp16=False
    )
    assert said["text"] == checkpoint.text(100)
    assert len(said["segments"][0]["tokens"]) == 1 + 100  # the time stamp at the beginning


def test_it_has_the_weights_of_a_real_model_of_its_size() -> None:
    model = whisper.model.Whisper(checkpoint.dimensions("tiny"))
    # OpenAI's tiny, by its model card: 39 million with the encoder's constant positions.
    weights = sum(it.numel() for it in model.parameters())
    assert weights == pytest.approx(37_184_640, rel=1e-3)
