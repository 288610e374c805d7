"""The doctor says of every part how it is or what to do, and one that is ill hides no other."""

import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cases.script import fold
from demo.house import free_port
from runtime import clock, doctor
from runtime.settings import Settings
from tests.conftest import PROJECT
from tests.support.servers import Server


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
    assert list(told) == list(doctor.CHECKS)
    assert all(line.startswith("ok ") for line in told.values())
    assert list((tmp_path / "recordings").iterdir()) == []  # nothing is left behind


def test_each_part_that_is_ill_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    monkeypatch.setattr(doctor, "LEAST_FREE_GIGABYTES", 1e9)
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / f"{10**18:020d}-abcd.event").touch()
    ill = settings(
        tmp_path,
        database_url=f"postgresql://hotline@{nowhere}/hotline",
        redis_url=f"redis://{nowhere}/0",
        recordings_url="file:///proc/recordings",
        insecure_dev_webhooks=False,
        twilio_auth_token="",
        public_base_url="http://hotline.example",
        smtp_url=f"smtp+plain://{nowhere}",
        mail_from="hotline@city.example",
        whisper_model="/nowhere/model.pt",
    )
    assert not doctor.examine(ill, doctor.CHECKS)
    told = lines(capsys)
    words = {
        "settings": "TWILIO_AUTH_TOKEN",
        "address": "https://",
        "database": "DATABASE_URL",
        "clock": "the database cannot be asked",
        "redis": "REDIS_URL",
        "spool": "make watch",
        "storage": "RECORDINGS_URL",
        "disk": "make room",
        "mail": "SMTP_URL",
        "model": "WHISPER_MODEL",
    }
    assert set(told) - set(words) == {"prompts"}
    assert all(told[name].startswith("ILL ") and word in told[name] for name, word in words.items())


def test_events_that_nobody_can_read_are_told_of(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "1-abcd.unreadable").touch()
    (found,) = doctor.look(settings(tmp_path), {"spool": doctor.CHECKS["spool"]})
    assert not found.well and "DATA_KEY" in found.words()


def test_a_clock_that_is_off_is_ill(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = clock.now
    monkeypatch.setattr(clock, "now", lambda: ours() + timedelta(seconds=60))
    here = settings(tmp_path, database_url=database_url)
    (found,) = doctor.look(here, {"clock": doctor.CHECKS["clock"]})
    if database_url.startswith("sqlite"):  # on one machine there is one clock
        assert found.well
    else:
        assert not found.well and "NTP" in found.words()


def test_a_mistake_of_ours_in_one_check_hides_no_other(tmp_path: Path) -> None:
    def broken(_: Settings) -> doctor.Said:
        raise RuntimeError("no such thing")

    checks = {"broken": broken, "disk": doctor.CHECKS["disk"]}
    first, second = doctor.look(settings(tmp_path), checks)
    assert not first.well and first.words() == "no such thing" and second.well


@pytest.mark.parametrize("key", doctor.words())
def test_everything_is_said_in_three_languages(key: str) -> None:
    texts = doctor.words()[key]
    assert set(texts) == {"zh-Hant-HK", "zh-Hans", "en"}
    blanks = {tuple(sorted(re.findall(r"\{\w+\}", text))) for text in texts.values()}
    assert len(blanks) == 1
    assert fold(texts["zh-Hans"]) == texts["zh-Hans"]


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
    assert len(others) == len(doctor.CHECKS) + 2
    assert last.startswith("ok    speech: openai-whisper with hotline.pt")
    assert last.endswith("hours of calls an hour (3 processes)")
