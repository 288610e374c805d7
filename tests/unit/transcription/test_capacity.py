"""How many speech processes a machine carries, and what they hear."""

from pathlib import Path
from typing import Any

import pytest

from runtime.settings import Settings
from transcription import capacity


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Eight cores, 16 GB free, no GPU."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(capacity, "_cores", lambda: 8)
    monkeypatch.setattr(capacity, "_free_megabytes", lambda: 16_000.0)
    monkeypatch.setattr(capacity, "gpus", list)
    return monkeypatch


def settings(**chosen: Any) -> Settings:
    return Settings(_env_file=None, **{"whisper_model": "tiny", **chosen})


@pytest.mark.parametrize(
    ("model", "engine", "expected"),
    [
        ("tiny", "openai-whisper", 8),
        ("small", "openai-whisper", 4),
        ("turbo", "openai-whisper", 1),
        ("large-v3-turbo", "openai-whisper", 1),
        ("large-v3", "openai-whisper", 1),  # does not fit, and is tried all the same
        ("turbo", "faster-whisper", 3),
    ],
)
def test_as_many_as_there_are_cores_and_as_fit_into_memory(
    machine: pytest.MonkeyPatch, model: str, engine: str, expected: int
) -> None:
    assert capacity.processes(settings(whisper_model=model, whisper_engine=engine)) == expected


def test_a_checkpoint_counts_by_its_size(machine: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file, folder = tmp_path / "own.pt", tmp_path / "converted"
    folder.mkdir()
    for path in (file, folder / "model.bin"):
        with path.open("wb") as sparse:
            sparse.truncate(480_000_000)
    assert capacity.processes(settings(whisper_model=str(file))) == 4
    converted = settings(whisper_model=str(folder), whisper_engine="faster-whisper")
    assert capacity.processes(converted) == 6


def test_a_number_that_somebody_chose_wins(machine: pytest.MonkeyPatch) -> None:
    assert capacity.processes(settings(speech_processes=3, whisper_model="large")) == 3


def test_one_process_for_each_gpu_and_each_with_its_own(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(capacity, "gpus", lambda: ["0", "2"])
    assert capacity.processes(settings(whisper_model="turbo")) == 2
    told = [capacity.environment(number, capacity.gpus()) for number in range(3)]
    assert [one["CUDA_VISIBLE_DEVICES"] for one in told] == ["0", "2", "0"]
    assert capacity.environment(0, ["0"]) == {}


@pytest.mark.parametrize(
    ("allowed", "expected"), [("0,3", ["0", "3"]), ("", []), ("-1", []), ("GPU-5a1", ["GPU-5a1"])]
)
def test_only_gpus_we_may_see_are_used(
    monkeypatch: pytest.MonkeyPatch, allowed: str, expected: list[str]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", allowed)
    assert capacity.gpus() == expected


def test_gpus_are_those_that_the_driver_lists(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert capacity.gpus() == []
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'GPU 0: H100 (UUID: a)'\necho 'GPU 1: H100 (UUID: b)'\n")
    program.chmod(0o700)
    assert capacity.gpus() == ["0", "1"]


def test_a_container_that_is_allowed_less_gets_less(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {"cpu.max": "100000 100000", "memory.max": "2000000000\n"}
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(capacity, "_limit", lambda name: limits[name])
    assert capacity._cores() == 1
    assert capacity._free_megabytes() <= 2000
    limits.update({"cpu.max": "max 100000", "memory.max": "max\n"})
    assert capacity._cores() >= 1
    assert capacity._free_megabytes() > 0


def test_one_process_is_enough_to_ask_a_server(machine: pytest.MonkeyPatch) -> None:
    remote = settings(whisper_engine="remote", whisper_url="http://127.0.0.1:1/v1")
    assert capacity.processes(remote) == 1
    assert capacity.hears(None, 1) == (
        "how much it hears lies with the server at WHISPER_URL (1 process)"
    )


def test_one_line_says_how_much_is_heard_in_an_hour() -> None:
    assert capacity.hears(2.0, 2) == "hears about 10 hours of calls an hour (2 processes)"
    assert capacity.hears(36.0, 1) == "hears about 0.3 hours of calls an hour (1 process)"
