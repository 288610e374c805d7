"""A checkpoint that cannot be used is one clear line: what is wrong, and what to do."""

import io
import pickle
import re
import socket
from pathlib import Path

import pytest
import torch
import whisper

from transcription.checkpoint import label, open_model
from transcription.engines.interface import ModelUnavailable


def open_it(name: str, models: Path) -> whisper.Whisper:
    return open_model(name, models, lambda line: None)


def unavailable(name: str, models: Path) -> str:
    with pytest.raises(ModelUnavailable) as caught:
        open_it(name, models)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    message = unavailable("models/none.pt", tmp_path)

    assert message == (
        "no speech model: there is no file models/none.pt; "
        "set WHISPER_MODEL to a checkpoint or to a name like turbo"
    )


@pytest.mark.parametrize("kind", ["empty", "words", "pickle", "half", "other", "no weights"])
def test_a_file_that_is_no_checkpoint_is_one_clear_line(
    kind: str, tmp_path: Path, model_with_yue: Path
) -> None:
    file = tmp_path / "broken.pt"
    whole = model_with_yue.read_bytes()
    contents = {
        "empty": b"",
        "words": b"<html>not found</html>",
        "pickle": pickle.dumps({"dims": print}),
        "half": whole[: len(whole) // 2],
    }
    file.write_bytes(contents.get(kind, b""))
    if kind == "other":
        torch.save({"state_dict": {}}, file)
    if kind == "no weights":
        checkpoint = torch.load(model_with_yue, weights_only=True)
        torch.save({"dims": checkpoint["dims"], "model_state_dict": {}}, file)

    message = unavailable(str(file), tmp_path)

    assert re.search(r"broken\.pt is not a checkpoint of openai-whisper, or is damaged", message)


def test_a_checkpoint_cannot_run_code(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "sprung",))

    file = tmp_path / "trap.pt"
    torch.save({"dims": Trap(), "model_state_dict": {}}, file)

    unavailable(str(file), tmp_path)

    assert not (tmp_path / "sprung").exists()


def test_no_network_is_one_clear_line_with_the_file_to_fetch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(socket, "getaddrinfo", no_network)

    message = unavailable("turbo", tmp_path / "models")

    assert "turbo could not be downloaded" in message
    assert "Name or service not known" in message
    assert f"put large-v3-turbo.pt into {tmp_path / 'models'}" in message


def test_what_was_downloaded_in_part_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken_line(*_: object, **__: object) -> io.BytesIO:
        answer = io.BytesIO(b"the first bytes")
        answer.info = lambda: {"Content-Length": "1000000"}  # type: ignore[attr-defined]
        return answer

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("urllib.request.urlopen", broken_line)

    assert "tiny arrived damaged" in unavailable("tiny", tmp_path / "models")


def test_a_model_in_whispers_own_cache_is_not_downloaded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    (tmp_path / "whisper").mkdir()
    (tmp_path / "whisper" / "tiny.pt").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(
        whisper, "load_model", lambda name, download_root: asked.append(download_root) or 1 / 0
    )

    for name in ("tiny", "base"):
        with pytest.raises(ZeroDivisionError):
            open_it(name, tmp_path / "models")

    assert asked == [str(tmp_path / "whisper"), str(tmp_path / "models")]


def test_a_model_too_large_for_the_machine_is_one_clear_line(
    tmp_path: Path, model_with_yue: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: 6 GB")

    monkeypatch.setattr(whisper, "load_model", full)

    assert "does not fit into memory" in unavailable(str(model_with_yue), tmp_path)


def test_a_model_of_english_alone_is_refused(tmp_path: Path, model_with_yue: Path) -> None:
    english = tmp_path / "english.en.pt"
    checkpoint = torch.load(model_with_yue, weights_only=True)
    checkpoint["dims"]["n_vocab"] = 51864
    words = checkpoint["model_state_dict"]["decoder.token_embedding.weight"]
    checkpoint["model_state_dict"]["decoder.token_embedding.weight"] = words[:51864]
    torch.save(checkpoint, english)

    assert "understands English only" in unavailable(str(english), tmp_path)


def test_what_is_on_record_tells_one_checkpoint_from_another(
    model_with_yue: Path, model_without_yue: Path
) -> None:
    assert re.fullmatch(r"with-yue\.pt@[0-9a-f]{12}", label(str(model_with_yue)))
    assert label(str(model_with_yue)) != label(str(model_without_yue))
    assert label("turbo") == "turbo"


def test_a_converted_model_times_words_by_the_heads_its_makers_named(
    tmp_path: Path, model_with_yue: Path
) -> None:
    file = tmp_path / "converted.pt"
    contents = torch.load(model_with_yue, weights_only=True)
    torch.save(contents | {"alignment_heads": [[0, 0]]}, file)

    model = open_it(str(file), tmp_path)

    assert model.alignment_heads.indices().T.tolist() == [[0, 0]]
