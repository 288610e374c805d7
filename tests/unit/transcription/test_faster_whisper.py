"""CTranslate2 on the demonstration's model: found or converted, loaded, and what is its own way."""

import json
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from whisper.model import ModelDimensions
from whisper.model import Whisper as Model

from transcription.__main__ import main
from transcription.audio import SAMPLE_RATE, Samples, one_voice, read
from transcription.checkpoint import open_model
from transcription.engines import faster_whisper
from transcription.engines.faster_whisper import FasterWhisper, load
from transcription.engines.interface import Clip, Hypothesis, Mixed, ModelUnavailable
from transcription.engines.openai_whisper import OpenAIWhisper
from transcription.engines.whisper import Whisper

pytest.importorskip("ctranslate2")

HONG_KONG = ("yue", "cmn", "en")
DEMO = Path(__file__).parents[3] / "demo"
DEMONSTRATION = DEMO / "model" / "hotline.pt"


def heard(name: str) -> Samples:
    return one_voice(read((DEMO / "calls" / f"{name}.wav").read_bytes())).samples


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def engine(models: Path) -> Whisper:
    return load(str(DEMONSTRATION), HONG_KONG, models)


@pytest.fixture(scope="module")
def backend(engine: Whisper) -> FasterWhisper:
    assert isinstance(engine._backend, FasterWhisper)
    return engine._backend


@pytest.fixture(scope="module")
def sentence() -> Samples:
    return heard("yue-scaffold")[: round(4.7 * SAMPLE_RATE)]


def converted(target: Path, precision: str) -> Path:
    """The demonstration's model, converted by the command."""
    arguments = [str(DEMONSTRATION), str(target), "--to", "faster-whisper"]
    result = CliRunner().invoke(main, ["convert", *arguments, "--precision", precision])
    assert result.exit_code == 0, result.output
    return target


def babbler(path: Path, *, vocabulary: int = 51866, context: int = 448) -> Path:
    """A checkpoint with random weights, which writes without end."""
    dims = ModelDimensions(80, 1500, 32, 1, 1, vocabulary, context, 32, 1, 1)
    torch.manual_seed(0)
    model = Model(dims)
    torch.nn.init.normal_(model.decoder.positional_embedding, std=0.02)
    torch.save({"dims": dims.__dict__, "model_state_dict": model.state_dict()}, path)
    return path


def unavailable(name: object, models: Path) -> str:
    with pytest.raises(ModelUnavailable) as caught:
        load(str(name), HONG_KONG, models)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# ---- found, converted, loaded -------------------------------------------------------------------


def test_a_checkpoint_is_converted_once(tmp_path: Path) -> None:
    first: list[str] = []
    second: list[str] = []

    engine = load(str(DEMONSTRATION), HONG_KONG, tmp_path, first.append)
    load(str(DEMONSTRATION), HONG_KONG, tmp_path, second.append)

    assert re.fullmatch(r"hotline\.pt@\w{12}-int8", engine.model)
    assert (tmp_path / "ctranslate2" / engine.model / "model.bin").is_file()
    assert sum("converting" in line for line in first) == 1
    assert not any("converting" in line for line in second)
    assert second[-1] == f"speech model {engine.model}: ready on the CPU in int8_float32"


def test_of_workers_that_start_together_one_converts(tmp_path: Path) -> None:
    said: list[str] = []

    with ThreadPoolExecutor(3) as starting:
        engines = list(
            starting.map(
                lambda _: load(str(DEMONSTRATION), HONG_KONG, tmp_path, said.append), range(3)
            )
        )

    assert sum("converting" in line for line in said) == 1
    assert len({engine.model for engine in engines}) == 1


def test_what_a_killed_conversion_left_is_cleared_away(tmp_path: Path) -> None:
    engine = load(str(DEMONSTRATION), HONG_KONG, tmp_path)
    folder = tmp_path / "ctranslate2"
    (folder / engine.model).rename(folder / f".{engine.model}-killed")

    load(str(DEMONSTRATION), HONG_KONG, tmp_path)

    assert sorted(path.name for path in folder.iterdir()) == [".lock", engine.model]


def test_a_converted_folder_is_taken_as_it_is(tmp_path: Path, sentence: Samples) -> None:
    folder = converted(tmp_path / "small", "float16")

    engine = load(str(folder), HONG_KONG, tmp_path / "models")

    assert re.fullmatch(r"small@\w{12}", engine.model)
    assert not (tmp_path / "models").exists()
    (said,) = engine.hear([Clip(sentence)])
    assert isinstance(said, Hypothesis) and said.text.startswith("喂你好")


@pytest.mark.parametrize(
    ("kept", "used"),
    [("int8", "int8_float32"), ("float16", "int8_float32"), ("float32", "float32")],
)
def test_a_cpu_computes_in_int8_unless_float32_was_asked_for(
    kept: str, used: str, tmp_path: Path
) -> None:
    said: list[str] = []

    load(str(converted(tmp_path / "model", kept)), HONG_KONG, tmp_path, said.append)

    assert said[-1].endswith(f"ready on the CPU in {used}")


def test_a_folder_another_tool_converted_needs_nothing_of_ours(tmp_path: Path) -> None:
    folder = converted(tmp_path / "model", "int8")
    config = json.loads((folder / "config.json").read_text())
    del config["precision"]
    (folder / "config.json").write_text(json.dumps(config))

    assert load(str(folder), HONG_KONG, tmp_path).knows_yue


def test_without_the_package_it_is_said_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "ctranslate2", None)

    assert unavailable(DEMONSTRATION, tmp_path).endswith("; pip install -e '.[fast]'")


def test_a_folder_of_transformers_is_to_be_converted_first(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")

    assert f"python -m transcription convert {tmp_path}" in unavailable(tmp_path, tmp_path)


def test_a_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    assert "there is no file models/none.pt" in unavailable("models/none.pt", tmp_path)


@pytest.mark.parametrize("damaged", ["model.bin", "config.json", "vocabulary.json"])
def test_a_damaged_folder_is_one_clear_line(damaged: str, tmp_path: Path) -> None:
    folder = converted(tmp_path / "model", "int8")
    whole = (folder / damaged).read_bytes()
    (folder / damaged).write_bytes(whole[: len(whole) // 2])

    assert re.search(r"model cannot be used \(.+\); delete it", unavailable(folder, tmp_path))


def test_a_folder_without_a_config_is_one_clear_line(tmp_path: Path) -> None:
    folder = converted(tmp_path / "model", "int8")
    (folder / "config.json").unlink()

    assert "cannot be used" in unavailable(folder, tmp_path)


def test_a_gpu_computes_in_half_precision(tmp_path: Path) -> None:
    """Only what is asked of the library can be seen without one."""
    for kept, used in {"int8": "int8_float16", "float16": "float16", "float32": "float32"}.items():
        folder = converted(tmp_path / kept, kept)
        assert faster_whisper._compute_type(folder, "cuda") == used


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file")

    assert "make room and rights in" in unavailable(DEMONSTRATION, tmp_path / "models")


def test_a_model_of_english_alone_is_refused(tmp_path: Path) -> None:
    english = babbler(tmp_path / "tiny.en.pt", vocabulary=51864)
    target = tmp_path / "english"
    CliRunner().invoke(main, ["convert", str(english), str(target), "--to", "faster-whisper"])

    for name in (english, target):
        assert "understands English only" in unavailable(name, tmp_path)


def test_a_checkpoint_of_another_context_is_refused(tmp_path: Path) -> None:
    odd = babbler(tmp_path / "odd.pt", context=48)

    assert "odd.pt cannot be converted: its dimensions" in unavailable(odd, tmp_path)


def test_a_model_of_99_languages_is_never_asked_for_cantonese(
    tmp_path: Path, sentence: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    start = FasterWhisper._start
    monkeypatch.setattr(
        FasterWhisper,
        "_start",
        lambda self, code, prompt: asked.append(code) or start(self, code, prompt),
    )
    said: list[str] = []
    old = load(str(babbler(tmp_path / "v2.pt", vocabulary=51865)), HONG_KONG, tmp_path, said.append)

    old.hear([Clip(sentence, {"yue": 1.0})])

    assert not old.knows_yue
    assert asked and "yue" not in asked
    assert "knows no Cantonese" in said[-1]


# ---- its own way --------------------------------------------------------------------------------


def test_the_languages_are_all_of_whispers(backend: FasterWhisper, sentence: Samples) -> None:
    (features,) = backend.encode([sentence], "full")

    (shares,) = backend.languages([features])

    assert len(shares) == 100
    assert sum(shares.values()) == pytest.approx(1.0, abs=1e-3)
    assert max(shares, key=lambda code: shares[code]) == "yue"


def test_times_and_probabilities_are_those_of_openai_whisper(
    tmp_path: Path, sentence: Samples
) -> None:
    """Compared in float32, so that nothing but the library differs."""
    fast = load(str(converted(tmp_path / "model", "float32")), HONG_KONG, tmp_path)._backend
    reference = OpenAIWhisper(open_model(str(DEMONSTRATION), tmp_path, lambda line: None))
    seconds = len(sentence) / SAMPLE_RATE

    ours, theirs = (
        it.align(features, "yue", it.decode([features], "yue", None, 0.0)[0], seconds)
        for it in (fast, reference)
        for features in it.encode([sentence], "full")
    )

    assert [it.token for it in ours] == [it.token for it in theirs]
    for one, other in zip(ours, theirs, strict=True):
        assert (one.start, one.end) == pytest.approx((other.start, other.end), abs=0.05)
        assert one.probability == pytest.approx(other.probability, abs=0.02)


def test_the_belief_in_a_text_is_that_of_openai_whisper(tmp_path: Path, sentence: Samples) -> None:
    fast = load(str(converted(tmp_path / "model", "float32")), HONG_KONG, tmp_path)
    reference = OpenAIWhisper(open_model(str(DEMONSTRATION), tmp_path, lambda line: None))

    ours, theirs = (
        it.decode(it.encode([sentence], "full"), "yue", None, 0.0)[0]
        for it in (fast._backend, reference)
    )

    assert ours.tokens == theirs.tokens
    assert ours.mean_log_probability == pytest.approx(theirs.mean_log_probability, rel=1e-3)
    assert ours.no_speech_probability == pytest.approx(theirs.no_speech_probability, abs=1e-6)


def test_the_second_reading_is_another_one_and_always_the_same(
    backend: FasterWhisper, sentence: Samples
) -> None:
    """The library's own sampling goes on drawing lots where the last clip left off."""
    noise = np.random.default_rng(1).normal(0, 0.08, len(sentence)).astype(np.float32)
    noisy = backend.encode([sentence + noise], "full")

    first = backend.decode(noisy, "yue", None, 0.4)
    backend.decode(backend.encode([sentence], "full"), "yue", None, 0.4)

    assert backend.decode(noisy, "yue", None, 0.4) == first
    assert first[0].tokens != backend.decode(noisy, "yue", None, 0.0)[0].tokens


def test_a_second_reading_does_not_go_round_in_a_loop(tmp_path: Path, sentence: Samples) -> None:
    engine = load(str(babbler(tmp_path / "babbler.pt")), HONG_KONG, tmp_path)
    features = engine._backend.encode([sentence], "full")

    first, second = (
        engine._backend.decode(features, "yue", None, temperature)[0].tokens
        for temperature in (0.0, 0.4)
    )

    assert not any(second[i : i + 10] == second[i + 10 : i + 20] for i in range(len(second) - 19))
    assert first != second


def test_text_that_never_ends_is_known_to_be_cut_off(tmp_path: Path, sentence: Samples) -> None:
    engine = load(str(babbler(tmp_path / "babbler.pt")), HONG_KONG, tmp_path)
    long_prompt = "海晴邨" * 200

    for prompt in (None, long_prompt):
        (babble,) = engine.hear([Clip(sentence, {"yue": 1.0}, prompt)])
        assert isinstance(babble, Hypothesis)
        assert not babble.complete


def test_a_clip_in_two_languages_is_given_back_to_be_heard_in_parts(engine: Whisper) -> None:
    cantonese, mandarin = (heard(name)[: 4 * SAMPLE_RATE] for name in ("yue-scaffold", "cmn-water"))
    both = np.concatenate([cantonese, mandarin])

    (result,) = engine.hear([Clip(both, parts=((0.0, 4.0), (4.0, 8.0)))])

    assert isinstance(result, Mixed)
    assert [max(part, key=lambda it: part[it]) for part in result.parts] == ["yue", "cmn"]


@pytest.mark.parametrize("windows", ["full", "cut"])
def test_a_moment_of_sound_and_no_sound_at_all_are_decoded(windows: Any, models: Path) -> None:
    engine = load(str(DEMONSTRATION), HONG_KONG, models, windows=windows)
    moment, nothing = (np.zeros(length, np.float32) for length in (80, 0))

    results = engine.hear([Clip(moment), Clip(nothing)])

    assert all(isinstance(result, Hypothesis) for result in results)


def test_a_cut_window_is_a_shorter_one(backend: FasterWhisper, sentence: Samples) -> None:
    (whole,), (cut,) = (backend.encode([sentence], windows) for windows in ("full", "cut"))  # type: ignore[arg-type]

    assert whole.shape == (1500, 128)
    assert len(cut) < len(whole) / 2


def test_a_batch_that_does_not_fit_into_the_gpu_makes_the_next_ones_smaller(
    tmp_path: Path, sentence: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = load(str(DEMONSTRATION), HONG_KONG, tmp_path)
    clips = [Clip(sentence, {"yue": 1.0}) for _ in range(3)]
    whole = [result.text for result in engine.hear(clips)]  # type: ignore[union-attr]
    stacked = FasterWhisper._stacked

    def small_memory(self: FasterWhisper, some: list[object]) -> object:
        if len(some) > 1:
            raise RuntimeError("CUDA failed with error out of memory")
        return stacked(self, some)  # type: ignore[arg-type]

    monkeypatch.setattr(FasterWhisper, "_stacked", small_memory)
    before = engine.batch

    assert [result.text for result in engine.hear(clips)] == whole  # type: ignore[union-attr]
    assert engine.batch < before


@pytest.mark.parametrize("slow", [0.0, 1e9])
def test_a_usual_clip_has_its_price_measured_at_the_start(
    slow: float, backend: FasterWhisper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of a model too slow to be tried on a whole clip."""
    monkeypatch.setattr(faster_whisper, "SLOW", slow)

    assert 0 < backend.seconds_per_clip("cut") < 10


def test_a_machine_whose_gpu_lacks_a_library_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacking(*_: object) -> None:
        raise RuntimeError("Library libcublas.so.12 is not found or cannot be loaded")

    monkeypatch.setattr(FasterWhisper, "encode", lacking)
    monkeypatch.setattr(FasterWhisper, "_encoded", lacking)

    message = unavailable(DEMONSTRATION, tmp_path)
    assert "libcublas.so.12" in message and "WHISPER_ENGINE=openai-whisper" in message
