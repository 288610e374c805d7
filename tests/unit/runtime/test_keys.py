"""A secret nobody chose is made once, kept, and shown to nobody."""

import stat
import threading
from pathlib import Path

import pytest

from runtime import keys


def test_a_chosen_secret_is_used_and_not_written_down(tmp_path: Path) -> None:
    assert keys.secret(tmp_path, "data-key", "chosen by the operator") == "chosen by the operator"
    assert list(tmp_path.iterdir()) == []


def test_a_secret_nobody_chose_stays_the_same(tmp_path: Path) -> None:
    first = keys.secret(tmp_path, "data-key", "")
    assert len(first) >= 32
    assert keys.secret(tmp_path, "data-key", "") == first
    assert keys.secret(tmp_path, "secret-key", "") != first


def test_a_kept_secret_is_for_the_hotline_alone(tmp_path: Path) -> None:
    keys.secret(tmp_path, "data-key", "")
    assert stat.S_IMODE((tmp_path / "keys" / "data-key").stat().st_mode) == 0o600


def test_processes_that_start_together_agree_on_one_secret(tmp_path: Path) -> None:
    made: list[str] = []
    threads = [
        threading.Thread(target=lambda: made.append(keys.secret(tmp_path, "data-key", "")))
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 16
    assert len(set(made)) == 1


def test_an_empty_key_file_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "data-key").touch()
    with pytest.raises(OSError, match="delete it"):
        keys.secret(tmp_path, "data-key", "")
