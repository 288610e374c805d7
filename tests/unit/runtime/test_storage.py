"""Recordings are stored whole or not at all, and only below their own folder."""

import stat
import threading
from pathlib import Path

import pytest

from runtime.storage import Storage


@pytest.fixture(params=["file", "memory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    return Storage(f"file://{tmp_path}" if request.param == "file" else f"memory:/{tmp_path}")


def test_what_is_written_can_be_read(storage: Storage) -> None:
    storage.write("2026/11/24/1-abc.audio", b"sound")
    assert storage.read("2026/11/24/1-abc.audio") == b"sound"
    assert storage.size("2026/11/24/1-abc.audio") == 5
    with storage.open("2026/11/24/1-abc.audio") as file:
        file.seek(2)
        assert file.read() == b"und"


def test_what_was_never_written_is_not_there(storage: Storage) -> None:
    assert not storage.exists("nothing")
    for ask in (storage.read, storage.open, storage.size):
        with pytest.raises(FileNotFoundError):
            ask("nothing")


def test_what_is_deleted_is_not_there_any_more(storage: Storage) -> None:
    storage.write("a", b"sound")
    storage.delete("a")
    assert not storage.exists("a")
    with pytest.raises(FileNotFoundError):
        storage.delete("a")


def test_written_again_the_later_content_counts(storage: Storage) -> None:
    storage.write("a", b"first")
    storage.write("a", b"second")
    assert storage.read("a") == b"second"


@pytest.mark.parametrize("key", ["../outside", "a/../../outside", "/etc/passwd", ".."])
def test_a_key_cannot_lead_outside(storage: Storage, key: str) -> None:
    for do in (storage.read, storage.exists, lambda k: storage.write(k, b"")):
        with pytest.raises(ValueError, match="not a key"):
            do(key)


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    storage, whole = Storage(f"file://{tmp_path}"), b"x" * 4_000_000
    storage.write("a", whole)
    writer = threading.Thread(target=lambda: [storage.write("a", whole) for _ in range(10)])
    writer.start()
    while writer.is_alive():
        assert len(storage.read("a")) == len(whole)


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    storage = Storage(f"file://{tmp_path}")
    (tmp_path / "a").mkdir()
    with pytest.raises(OSError):
        storage.write("a", b"a folder is in the way")
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


def test_sound_is_for_the_hotline_alone(tmp_path: Path) -> None:
    Storage(f"file://{tmp_path}").write("a", b"private")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600


def test_a_file_is_on_the_disk_before_anybody_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    synced: list[str] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{handle}"))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    Storage(f"file://{tmp_path}").write("2026/11/a", b"sound")
    content, *folders = synced
    assert Path(content).name.startswith(".a.")
    assert Path(folders[0]) == tmp_path / "2026" / "11"
    assert {tmp_path, tmp_path / "2026"} <= {Path(f) for f in folders}
