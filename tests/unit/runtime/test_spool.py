"""The spool keeps events in order, encrypted, until somebody has dealt with them."""

import stat
from pathlib import Path
from typing import Any

import pytest

from runtime.spool import Spool, Unfit

KEY = "the data key of this test"
NUMBER = "+85291234567"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def spool(folder: Path) -> Spool:
    return Spool(folder, KEY)


def event(number: int) -> dict[str, Any]:
    return {"kind": "turn", "number": number, "form": {"From": NUMBER}}


def test_an_empty_spool_holds_nothing(spool: Spool) -> None:
    assert spool.waiting() == []
    assert spool.drain(lambda event: pytest.fail("nothing waits")) == 0


def test_events_come_out_in_the_order_they_went_in(spool: Spool) -> None:
    for number in range(20):
        spool.add(event(number))
    told: list[int] = []
    assert spool.drain(lambda one: told.append(one["number"])) == 20
    assert told == list(range(20))
    assert spool.waiting() == []


def test_nothing_on_the_disk_can_be_read_without_the_key(spool: Spool, folder: Path) -> None:
    spool.add(event(1))
    (file,) = folder.iterdir()
    assert b"9123" not in file.read_bytes()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_draining_stops_at_the_first_failure_and_goes_on_from_there(spool: Spool) -> None:
    for number in range(3):
        spool.add(event(number))
    told: list[int] = []

    def until_the_second(one: dict[str, Any]) -> None:
        if one["number"] == 1:
            raise ConnectionError("the database is away again")
        told.append(one["number"])

    with pytest.raises(ConnectionError):
        spool.drain(until_the_second)
    assert len(spool.waiting()) == 2
    assert spool.drain(lambda one: told.append(one["number"])) == 2
    assert told == [0, 1, 2]


def test_what_another_key_wrote_is_set_aside_and_not_lost(spool: Spool, folder: Path) -> None:
    Spool(folder, "the data key before it").add(event(1))
    spool.add(event(2))
    told: list[int] = []
    spool.drain(lambda one: told.append(one["number"]))
    assert told == [2]
    (aside,) = folder.iterdir()
    assert aside.suffix == ".unreadable"


def test_what_nobody_can_deal_with_is_set_aside_and_does_not_block_the_rest(
    spool: Spool, folder: Path
) -> None:
    for number in range(2):
        spool.add(event(number))
    told: list[int] = []

    def all_but_the_first(one: dict[str, Any]) -> None:
        if one["number"] == 0:
            raise Unfit("no call has such a form")
        told.append(one["number"])

    assert spool.drain(all_but_the_first) == 1
    assert told == [1]
    (aside,) = folder.iterdir()
    assert aside.suffix == ".unreadable"


def test_half_a_file_is_set_aside(spool: Spool, folder: Path) -> None:
    spool.add(event(1))
    (file,) = spool.waiting()
    file.write_bytes(file.read_bytes()[:20])
    assert spool.drain(lambda one: None) == 0
    assert [entry.suffix for entry in folder.iterdir()] == [".unreadable"]


def test_two_processes_that_drain_at_once_disturb_nobody(spool: Spool, folder: Path) -> None:
    for number in range(5):
        spool.add(event(number))
    other, told = Spool(folder, KEY), []

    def while_the_other_is_faster(one: dict[str, Any]) -> None:
        told.append(one["number"])
        other.drain(lambda same: told.append(same["number"]))

    spool.drain(while_the_other_is_faster)
    assert set(told) == set(range(5))
    assert spool.waiting() == []


def test_a_spool_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("a file is in the way")
    with pytest.raises(OSError):
        Spool(tmp_path / "spool", KEY).add(event(1))


def test_an_event_is_on_the_disk_before_add_returns(
    spool: Spool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    synced: list[str] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{handle}"))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    spool.add(event(1))
    assert len(synced) >= 2
    assert synced[-1] == str(folder)
