"""The doctor says of every part how it is or what to do, and one that is ill hides no other."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from runtime import doctor
from runtime.settings import Settings
from tests.conftest import PROJECT
from tests.support.servers import Server, free_port


def settings(folder: Path, **chosen: Any) -> Settings:
    usual = {"state_dir": folder, "insecure_dev_webhooks": True, "redis_url": ""}
    return Settings(_env_file=None, **{**usual, **chosen})


def lines(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """What was said, by the part it was said of."""
    told = (line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    return {rest.split(":")[0]: f"{how} {rest}" for how, rest in told}


def test_a_machine_that_has_everything_is_well(
    database_url: str, redis: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = settings(tmp_path, database_url=database_url, redis_url=redis.url)
    assert doctor.examine(whole, doctor.CHECKS)
    told = lines(capsys)
    assert list(told) == ["settings", "database", "redis", "storage", "disk"]
    assert all(line.startswith("ok ") for line in told.values())
    assert list((tmp_path / "recordings").iterdir()) == []  # nothing is left behind


def test_each_part_that_is_ill_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    monkeypatch.setattr(doctor, "LEAST_FREE_GIGABYTES", 1e9)
    ill = settings(
        tmp_path,
        database_url=f"postgresql://hotline@{nowhere}/hotline",
        redis_url=f"redis://{nowhere}/0",
        recordings_url="file:///proc/recordings",
        insecure_dev_webhooks=False,
        twilio_auth_token="",
    )
    assert not doctor.examine(ill, doctor.CHECKS)
    told = lines(capsys)
    assert all(line.startswith("ILL ") for line in told.values())
    words = ("TWILIO_AUTH_TOKEN", "DATABASE_URL", "REDIS_URL", "RECORDINGS_URL", "make room")
    assert all(word in line for word, line in zip(words, told.values(), strict=True))


def test_a_database_that_was_never_migrated_is_ill(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not doctor.examine(settings(tmp_path), {"database": doctor.CHECKS["database"]})
    assert "make migrate" in lines(capsys)["database"]


def test_an_old_redis_is_ill(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "_version", lambda _: "6.0.16")
    old = settings(tmp_path, redis_url="redis://127.0.0.1:1/0")
    assert not doctor.examine(old, {"redis": doctor.CHECKS["redis"]})
    assert "6.2" in lines(capsys)["redis"]


def test_the_command_ends_with_what_the_machine_hears(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "worker.py", "doctor"],
        cwd=PROJECT,
        env={
            "PATH": "",
            "STATE_DIR": str(tmp_path),
            "WHISPER_MODEL": "demo/model/hotline.pt",
            "TWILIO_AUTH_TOKEN": "0123456789abcdef",
            "SPEECH_PROCESSES": "3",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1  # nobody migrated
    *others, last = done.stdout.splitlines()
    assert len(others) == 7
    assert last.startswith("ok    speech: openai-whisper with hotline.pt")
    assert last.endswith("hours of calls an hour (3 processes)")
