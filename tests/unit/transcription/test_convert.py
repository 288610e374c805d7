"""Checkpoints from one format into another: the same weights, or one clear line why not."""

import json
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import whisper
from click.testing import CliRunner
from safetensors.torch import save_file
from torch import Tensor

from transcription.__main__ import main
from transcription.audio import one_voice, read
from transcription.models import hugging_face, openai
from transcription.models.hugging_face import DIMS, NAMES
from transcription.models.openai import Checkpoint, NotConvertible

DEMO = Path(__file__).parents[3] / "demo"
DEMONSTRATION = DEMO / "model" / "hotline.pt"
Weights = dict[str, Tensor]


@pytest.fixture(scope="session")
def small(model_with_yue: Path) -> Checkpoint:
    """Random weights in Whisper's usual context."""
    kept = torch.load(model_with_yue, weights_only=True)
    dims, weights = kept["dims"] | {"n_text_ctx": 448}, kept["model_state_dict"]
    weights["decoder.positional_embedding"] = torch.randn(448, dims["n_text_state"]).half() / 50
    return Checkpoint(dims, weights, ((0, 0),))


def their_name(ours: str) -> str:
    """openai-whisper's name of a tensor -> transformers'."""
    for theirs, mine in reversed(NAMES):
        ours = ours.replace(mine, theirs)
    return f"model.{ours}"


def as_hugging_face(checkpoint: Checkpoint, folder: Path, layout: str = "safetensors") -> Path:
    """The folder that transformers would have saved."""
    folder.mkdir()
    weights = {their_name(name): tensor for name, tensor in checkpoint.tensors.items()}
    weights["proj_out.weight"] = weights["model.decoder.embed_tokens.weight"].clone()
    config = {theirs: checkpoint.dims[ours] for ours, theirs in DIMS.items()}
    write_json(folder / "config.json", {"model_type": "whisper", **config})
    heads = [list(pair) for pair in checkpoint.alignment_heads]
    write_json(folder / "generation_config.json", {"alignment_heads": heads})
    LAYOUTS[layout](weights, folder)
    return folder


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content), "utf-8")


def in_pieces(weights: Weights, folder: Path) -> None:
    files = {name: f"model-0000{1 + i % 2}-of-00002.safetensors" for i, name in enumerate(weights)}
    for file in set(files.values()):
        save_file({n: t for n, t in weights.items() if files[n] == file}, folder / file)
    write_json(folder / "model.safetensors.index.json", {"weight_map": files})


def bare(weights: Weights, folder: Path) -> None:
    """As WhisperModel saves itself: without the outer model's prefix, and without its output."""
    names = {name.removeprefix("model."): tensor for name, tensor in weights.items()}
    del names["proj_out.weight"]
    save_file(names, folder / "model.safetensors")


LAYOUTS: dict[str, Callable[[Weights, Path], object]] = {
    "safetensors": lambda weights, folder: save_file(weights, folder / "model.safetensors"),
    "pickle": lambda weights, folder: torch.save(weights, folder / "pytorch_model.bin"),
    "pieces": in_pieces,
    "bare": bare,
}


def convert(*arguments: object) -> str:
    """What the command says when all is well."""
    result = CliRunner().invoke(main, ["convert", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.output


def refusal(*arguments: object) -> str:
    """What the command says when it cannot: one line."""
    result = CliRunner().invoke(main, ["convert", *map(str, arguments)])
    assert result.exit_code == 1
    last = result.output.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    return last.removeprefix("Error: ")


def same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_fine_tune_becomes_the_checkpoint_it_was_written_from(
    layout: str, small: Checkpoint, tmp_path: Path
) -> None:
    folder = as_hugging_face(small, tmp_path / "fine-tune", layout)

    convert(folder, tmp_path / "out.pt")

    found = openai.read(tmp_path / "out.pt")
    assert found.dims == small.dims
    assert same(found.tensors, small.tensors)


def test_the_demonstrations_model_hears_the_same_after_the_way_there_and_back(
    tmp_path: Path,
) -> None:
    """Written as transformers would, converted, and loaded by openai-whisper itself."""
    folder = as_hugging_face(openai.read(DEMONSTRATION), tmp_path / "fine-tune")
    convert(folder, tmp_path / "back.pt")
    sound = one_voice(read((DEMO / "calls" / "en-street-lamp.wav").read_bytes())).samples

    before, after = (
        whisper.load_model(str(path)).transcribe(sound, language="en", fp16=False)
        for path in (DEMONSTRATION, tmp_path / "back.pt")
    )

    assert after == before
    assert "street lamp" in after["text"]


def test_the_heads_that_follow_the_speech_come_along(small: Checkpoint, tmp_path: Path) -> None:
    folder = as_hugging_face(small, tmp_path / "fine-tune")

    convert(folder, tmp_path / "out.pt")
    convert(tmp_path / "out.pt", tmp_path / "fast", "--to", "faster-whisper")

    assert openai.read(tmp_path / "out.pt").alignment_heads == ((0, 0),)
    config = json.loads((tmp_path / "fast" / "config.json").read_text())
    assert config["alignment_heads"] == [[0, 0]]


@pytest.mark.parametrize("heads", [[[31, 4]], [3], "none", None])
def test_heads_of_another_model_are_left_behind(
    heads: object, small: Checkpoint, tmp_path: Path
) -> None:
    folder = as_hugging_face(small, tmp_path / "fine-tune")
    write_json(folder / "generation_config.json", {"alignment_heads": heads})

    assert hugging_face.read(folder).alignment_heads == ()


def test_bfloat16_becomes_what_holds_all_of_it(small: Checkpoint, tmp_path: Path) -> None:
    brain = {name: tensor.bfloat16() for name, tensor in small.tensors.items()}
    folder = as_hugging_face(Checkpoint(small.dims, brain), tmp_path / "fine-tune")

    found = hugging_face.read(folder)

    assert same(found.tensors, {name: tensor.float() for name, tensor in brain.items()})


@pytest.mark.parametrize(("precision", "dtype"), [("float16", "float16"), ("float32", "float32")])
def test_the_precision_can_be_chosen(
    precision: str, dtype: str, small: Checkpoint, tmp_path: Path
) -> None:
    openai.write(small, tmp_path / "in.pt")

    convert(tmp_path / "in.pt", tmp_path / "out.pt", "--precision", precision)

    found = openai.read(tmp_path / "out.pt").tensors.values()
    assert {tensor.dtype for tensor in found} == {getattr(torch, dtype)}


@pytest.mark.parametrize("to", ["openai", "faster-whisper"])
def test_the_same_source_gives_the_same_bytes(to: str, small: Checkpoint, tmp_path: Path) -> None:
    folder = as_hugging_face(small, tmp_path / "fine-tune")
    targets = [tmp_path / "first" / "out", tmp_path / "second" / "out"]

    for target in targets:
        convert(folder, target, "--to", to)

    first, second = (contents(target) for target in targets)
    assert first == second and first


def contents(target: Path) -> dict[str, bytes]:
    files = sorted(target.iterdir()) if target.is_dir() else [target]
    return {file.name: file.read_bytes() for file in files}


def test_the_fast_librarys_encoder_gives_what_openai_whispers_gives(tmp_path: Path) -> None:
    ctranslate2 = pytest.importorskip("ctranslate2")
    convert(DEMONSTRATION, tmp_path / "fast", "--to", "faster-whisper", "--precision", "float32")
    mel = torch.randn(1, 80, 3000, generator=torch.Generator().manual_seed(1))

    fast = ctranslate2.models.Whisper(str(tmp_path / "fast"), compute_type="float32")
    found = np.array(fast.encode(ctranslate2.StorageView.from_array(mel.numpy())))

    with torch.no_grad():
        expected = whisper.load_model(str(DEMONSTRATION)).encoder(mel).numpy()
    assert found == pytest.approx(expected, abs=1e-4)
    assert (fast.is_multilingual, fast.num_languages) == (True, 100)


def test_int8_is_less_than_a_third_of_float32(tmp_path: Path) -> None:
    sizes = {}
    for precision in ("int8", "float32"):
        target = tmp_path / precision
        convert(DEMONSTRATION, target, "--to", "faster-whisper", "--precision", precision)
        sizes[precision] = (target / "model.bin").stat().st_size

    assert sizes["int8"] < sizes["float32"] / 3


def test_the_command_says_what_to_set(small: Checkpoint, tmp_path: Path) -> None:
    openai.write(small, tmp_path / "in.pt")

    said = convert(tmp_path / "in.pt", tmp_path / "fast", "--to", "faster-whisper").splitlines()

    assert said[:2] == [f"reading {tmp_path / 'in.pt'}", f"writing {tmp_path / 'fast'}"]
    assert "WHISPER_ENGINE=faster-whisper" in said[2]
    assert said[3] == f"WHISPER_MODEL={tmp_path / 'fast'}"


def without(name: str) -> Callable[[Path, Weights], None]:
    return lambda folder, weights: save_file(
        {n: tensor for n, tensor in weights.items() if name not in n}, folder / "model.safetensors"
    )


def with_another(name: str, tensor: Tensor) -> Callable[[Path, Weights], None]:
    return lambda folder, weights: save_file(
        {**weights, name: tensor}, folder / "model.safetensors"
    )


def with_config(**changes: object) -> Callable[[Path, Weights], None]:
    def change(folder: Path, _: Weights) -> None:
        config = json.loads((folder / "config.json").read_text())
        write_json(folder / "config.json", config | changes)

    return change


def with_file(name: str, content: bytes | None) -> Callable[[Path, Weights], None]:
    """Another file in the folder, or (None) one less."""

    def change(folder: Path, _: Weights) -> None:
        if content is None:
            (folder / name).unlink()
        else:
            (folder / name).write_bytes(content)

    return change


def from_elsewhere(folder: Path, _: Weights) -> None:
    (folder / "model.safetensors").rename(folder.parent / "other.safetensors")
    index = {"weight_map": {"model.encoder.conv1.weight": "../other.safetensors"}}
    write_json(folder / "model.safetensors.index.json", index)


def of_nothing(folder: Path, _: Weights) -> None:
    (folder / "model.safetensors").unlink()
    write_json(folder / "model.safetensors.index.json", {})


def bringing_code(folder: Path, _: Weights) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"weights": print}, protocol=2))


BAD = {
    "an adapter alone": (with_file("adapter_config.json", b"{}"), "merge_and_unload"),
    "an adapter inside": (
        with_another("model.encoder.layers.0.self_attn.q_proj.lora_A.weight", torch.zeros(2)),
        "an adapter (LoRA) is among its weights",
    ),
    "a tensor less": (without("encoder.layers.0.fc1.bias"), "encoder.blocks.0.mlp.0.bias missing"),
    "a tensor more": (with_another("model.adapter", torch.zeros(2)), "no Whisper has: adapter"),
    "another shape": (
        with_another("model.encoder.conv1.bias", torch.zeros(3)),
        "encoder.conv1.bias has the shape (3,) instead of (32,)",
    ),
    "another output": (with_another("proj_out.weight", torch.ones(2)), "output layer differs"),
    "another model": (with_config(model_type="wav2vec2"), "wav2vec2"),
    "added tokens": (with_config(vocab_size=51870), "51870 tokens is none of Whisper's"),
    "another context": (with_config(max_source_positions=750), "none of Whisper's"),
    "no heads": (with_config(encoder_attention_heads=0), "none of Whisper's"),
    "an odd state": (with_config(d_model=-3), "none of Whisper's"),
    "a dimension less": (with_config(encoder_layers=None), "encoder_layers is missing"),
    "quantised": (with_config(quantization_config={"bits": 8}), "quantised"),
    "no config": (with_file("config.json", None), "config.json is missing"),
    "a broken config": (with_file("config.json", b"<html>"), "config.json is not JSON"),
    "no weights": (with_file("model.safetensors", None), "neither model.safetensors nor"),
    "broken weights": (with_file("model.safetensors", b"nonsense"), "model.safetensors is damaged"),
    "an index of nothing": (of_nothing, "names no weights"),
    "weights from elsewhere": (from_elsewhere, "names ../other.safetensors"),
    "code": (bringing_code, "holds more than weights"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_cannot_be_converted_is_one_clear_line_and_leaves_nothing_behind(
    kind: str, small: Checkpoint, tmp_path: Path
) -> None:
    spoil, expected = BAD[kind]
    folder = as_hugging_face(small, tmp_path / "fine-tune", "safetensors")
    spoil(folder, {their_name(name): tensor for name, tensor in small.tensors.items()})
    before = set(tmp_path.iterdir())

    assert expected in refusal(folder, tmp_path / "out.pt")
    assert set(tmp_path.iterdir()) == before


def test_what_is_there_already_is_never_written_over(small: Checkpoint, tmp_path: Path) -> None:
    openai.write(small, tmp_path / "in.pt")
    (tmp_path / "mine").write_text("mine")

    assert "is there already" in refusal(tmp_path / "in.pt", tmp_path / "mine")
    assert (tmp_path / "mine").read_text() == "mine"


def test_what_was_converted_before_is_not_converted_again(
    small: Checkpoint, tmp_path: Path
) -> None:
    openai.write(small, tmp_path / "in.pt")
    convert(tmp_path / "in.pt", tmp_path / "fast", "--to", "faster-whisper")

    assert "set WHISPER_MODEL to it" in refusal(tmp_path / "fast", tmp_path / "again")


def test_openai_whisper_has_no_int8(small: Checkpoint, tmp_path: Path) -> None:
    openai.write(small, tmp_path / "in.pt")

    assert "float16" in refusal(tmp_path / "in.pt", tmp_path / "out.pt", "--precision", "int8")


@pytest.mark.parametrize("content", [b"", b"<html>", pickle.dumps({"dims": print}, protocol=2)])
def test_a_file_that_is_no_checkpoint_is_one_clear_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "in.pt").write_bytes(content)

    assert "is not a checkpoint" in refusal(tmp_path / "in.pt", tmp_path / "out.pt")


def test_a_conversion_that_is_broken_off_leaves_no_half_a_model(tmp_path: Path) -> None:
    target = tmp_path / "models" / "fast"

    with pytest.raises(KeyboardInterrupt), openai.in_one_piece(target) as place:
        place.mkdir()
        (place / "model.bin").write_bytes(b"half")
        raise KeyboardInterrupt

    assert not list(target.parent.iterdir())


def test_a_disk_that_is_full_is_one_clear_line(
    small: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    openai.write(small, tmp_path / "in.pt")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)

    assert "No space left" in refusal(tmp_path / "in.pt", tmp_path / "out.pt")
    assert not (tmp_path / "out.pt").exists()


def test_a_model_is_the_checkpoint_it_was_loaded_from(tmp_path: Path) -> None:
    loaded = openai.of(whisper.load_model(str(DEMONSTRATION)))

    stored = openai.read(DEMONSTRATION)
    assert loaded.dims == stored.dims
    assert same(loaded.tensors, {name: tensor.float() for name, tensor in stored.tensors.items()})


def test_english_alone_is_told_from_all_languages(small: Checkpoint) -> None:
    sizes = {51864: (False, 99), 51865: (True, 99), 51866: (True, 100)}
    for vocabulary, expected in sizes.items():
        found = Checkpoint({**small.dims, "n_vocab": vocabulary}, {})
        assert (found.multilingual, found.languages) == expected


def test_a_checkpoint_without_weights_is_refused(small: Checkpoint) -> None:
    with pytest.raises(NotConvertible, match="missing from the weights"):
        Checkpoint(small.dims, {}).check()
