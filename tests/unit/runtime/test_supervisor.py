"""Children that die are started again, children that hang are killed, and none is left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runtime.pulse import PARENT, Pulse, overdue
from runtime.supervisor import Child
from tests.conftest import PROJECT

SUPERVISOR = """
import sys
from pathlib import Path
from runtime import supervisor
from runtime.supervisor import Child, supervise
supervisor.LAST_CALL = 2.0
folder, *names = sys.argv[1:]
supervise([
    Child(name, [sys.executable, "-c", (Path(folder) / f"{name}.py").read_text(), folder],
          Path(folder) / f"{name}.pulse")
    for name in names
])
"""
CHILD = """
import os, sys, time
from pathlib import Path
from runtime.pulse import Pulse, end_with_parent
end_with_parent()
folder = Path(sys.argv[-1])
lives = folder / "lives"
with lives.open("a") as file:
    print(os.getpid(), file=file)
nth = len(lives.read_text().split())
"""
HANGS_ONCE = """
with Pulse(folder / "worker.pulse").busy(0.5):
    time.sleep(60 if nth == 1 else 0)
time.sleep(60)
"""
DEAF_TO_SIGTERM = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"


class Supervised:
    """A supervisor with one child, as processes of their own."""

    def __init__(self, folder: Path, child: str) -> None:
        (folder / "worker.py").write_text(CHILD + child)
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-c", SUPERVISOR, str(folder), "worker"],
            cwd=PROJECT,
            stderr=subprocess.DEVNULL,
        )

    @property
    def children(self) -> list[int]:
        """The process ids of all children so far."""
        lives = self.folder / "lives"
        return [int(pid) for pid in lives.read_text().split()] if lives.exists() else []

    def wait_for(self, wish: Callable[[], bool], seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while not wish():
            assert time.monotonic() < deadline, "it did not happen"
            time.sleep(0.05)

    def wait_for_children(self, count: int) -> int:
        self.wait_for(lambda: len(self.children) >= count)
        return self.children[count - 1]

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=20)


def runs(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[Callable[[str], Supervised]]:
    made: list[Supervised] = []

    def start(child: str) -> Supervised:
        made.append(Supervised(tmp_path, child))
        return made[-1]

    yield start
    for one in made:
        for pid in [one.process.pid, *one.children]:
            if runs(pid):
                os.kill(pid, signal.SIGKILL)
        one.process.wait()


def test_a_child_that_dies_is_started_again(supervised: Callable[[str], Supervised]) -> None:
    house = supervised("time.sleep(60)")
    os.kill(house.wait_for_children(1), signal.SIGKILL)
    assert runs(house.wait_for_children(2))
    assert house.end() == 0


def test_a_child_that_hangs_is_killed_and_started_again(
    supervised: Callable[[str], Supervised],
) -> None:
    house = supervised(HANGS_ONCE)
    first = house.wait_for_children(1)
    assert runs(house.wait_for_children(2))
    assert not runs(first)
    assert house.end() == 0


@pytest.mark.parametrize("child", ["time.sleep(60)", DEAF_TO_SIGTERM])
def test_the_supervisor_stops_within_bounds_and_leaves_no_orphan(
    supervised: Callable[[str], Supervised], child: str
) -> None:
    house = supervised(child)
    pid = house.wait_for_children(1)
    time.sleep(0.3)
    began = time.monotonic()
    assert house.end() == 0
    assert time.monotonic() - began < 5
    assert not runs(pid)


def test_children_end_when_their_supervisor_is_killed(
    supervised: Callable[[str], Supervised],
) -> None:
    house = supervised("time.sleep(60)")
    pid = house.wait_for_children(1)
    house.end(signal.SIGKILL)
    house.wait_for(lambda: not runs(pid))


def test_a_child_ends_even_if_its_supervisor_was_gone_before_it_could_look(
    supervised: Callable[[str], Supervised],
) -> None:
    house = supervised("time.sleep(60)")
    code = (house.folder / "worker.py").read_text()
    gone = {**os.environ, PARENT: str(house.wait_for_children(1))}
    late = subprocess.Popen([sys.executable, "-c", code, str(house.folder)], cwd=PROJECT, env=gone)
    assert late.wait(timeout=20) == 1


def test_a_setting_that_is_wrong_ends_the_supervisor_too(
    supervised: Callable[[str], Supervised],
) -> None:
    house = supervised(f"sys.exit({os.EX_CONFIG})")
    assert house.process.wait(timeout=20) == os.EX_CONFIG
    assert len(house.children) == 1


def test_a_pulse_is_overdue_only_while_work_lasts_too_long(tmp_path: Path) -> None:
    file = tmp_path / "run" / "pulse"
    assert not overdue(file)
    pulse = Pulse(file)
    assert not overdue(file)
    with pulse.busy(60):
        assert not overdue(file)
    with pulse.busy(-1):
        assert overdue(file)
    assert not overdue(file)


def test_a_pulse_rests_after_work_that_failed(tmp_path: Path) -> None:
    pulse = Pulse(tmp_path / "pulse")
    with pytest.raises(ZeroDivisionError), pulse.busy(-1):
        _ = 1 / 0
    assert not overdue(tmp_path / "pulse")


def test_work_that_was_interrupted_gets_that_time_on_top(tmp_path: Path) -> None:
    file = tmp_path / "pulse"
    pulse = Pulse(file)
    with pulse.busy(0.2):
        with pulse.busy(60):
            time.sleep(0.4)  # longer than the first may take
            assert not overdue(file)
        assert not overdue(file)
        time.sleep(0.4)
        assert overdue(file)


def test_each_child_is_told_what_is_for_it_alone(tmp_path: Path) -> None:
    child = Child(
        "one",
        [
            sys.executable,
            "-c",
            f"import os; open({str(tmp_path / 'told')!r}, 'w').write(os.environ['GPU'])",
        ],
        tmp_path / "pulse",
        {"GPU": "7"},
    )
    child.tend()
    assert child.process is not None
    child.process.wait(timeout=20)
    assert (tmp_path / "told").read_text() == "7"
