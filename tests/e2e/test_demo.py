"""The demonstration as its visitors start it."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.house import PROJECT
from tests.support import processes

CLEAN = {key: value for key, value in os.environ.items() if key not in {"NO_COLOR", "COLUMNS"}}


def command(state: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "demo", "--state", str(state), *arguments]


def run(state: Path, *arguments: str, columns: int = 80) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(state, *arguments),
        cwd=PROJECT,
        env={**CLEAN, "COLUMNS": str(columns)},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """What the demonstration printed, once through."""
    return run(tmp_path_factory.mktemp("demo"), "--once")


Shown = subprocess.CompletedProcess[str]


def test_it_ends_well(shown: Shown) -> None:
    assert shown.returncode == 0, shown.stdout + shown.stderr


def test_it_shows_what_callers_hear_press_and_say(shown: Shown) -> None:
    for words in ("Cantonese", "Putonghua", "English", "(beep)", "presses", "hangs up"):
        assert words in shown.stdout


def test_it_shows_a_case_for_each_of_the_four_calls(shown: Shown) -> None:
    assert len(re.findall(r"^case +\d{9}", shown.stdout, re.M)) == 4
    assert len(re.findall(r"^error rate +\d+\.\d%", shown.stdout, re.M)) == 4
    ready = r"^ready +while the caller was on the line|^ready after +\d+\.\d s"
    assert len(re.findall(ready, shown.stdout, re.M)) == 4


def test_its_callers_hear_back_what_they_said_and_where(shown: Shown) -> None:
    heard = "".join(shown.stdout.split())
    assert "你講嘅係" in heard and "海晴邨" in heard.partition("你講嘅係")[2][:12]


def test_it_says_plainly_what_the_bundled_model_is(shown: Shown) -> None:
    assert "understands only" in " ".join(shown.stdout.split())


def test_nothing_is_coloured_when_nobody_looks(shown: Shown) -> None:
    assert "\x1b" not in shown.stdout


def test_too_little_time_is_told_and_the_exit_code_says_so(tmp_path: Path) -> None:
    done = run(tmp_path, "--once", "--limit", "0", columns=40)
    assert done.returncode == 1
    assert "did not come off" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 40


def _hear_ctrl_c() -> None:
    """A shell that runs the tests in the background has its children ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def staying(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str, Path]]:
    """A demonstration that stays up, the address of its console, and its state folder."""
    process = subprocess.Popen(
        command(tmp_path), cwd=PROJECT, env={**CLEAN, "COLUMNS": "200"}, stdout=subprocess.PIPE,
        text=True, preexec_fn=_hear_ctrl_c,
    )  # fmt: skip
    try:
        assert process.stdout
        found = next(filter(None, (re.search(r"console: (\S+)", one) for one in process.stdout)))
        yield process, found[1], tmp_path
    finally:
        process.terminate()  # not kill: it has children to end
        process.wait(30)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stays_up_with_its_console_until_told_to_end_and_leaves_nobody_behind(
    staying: tuple[subprocess.Popen[str], str, Path], number: signal.Signals
) -> None:
    process, console, state = staying
    with urllib.request.urlopen(console, timeout=5) as page:
        assert page.status == 200
    process.send_signal(number)
    assert process.wait(30) == 0
    # A busy machine takes a moment to bury who was killed.
    deadline = time.monotonic() + 10
    while processes.with_setting("STATE_DIR", str(state)):
        assert time.monotonic() < deadline, processes.with_setting("STATE_DIR", str(state))
        time.sleep(0.2)


def test_two_at_a_time_do_not_get_in_each_others_way(
    staying: tuple[subprocess.Popen[str], str, Path],
) -> None:
    second = run(staying[2], "--once")
    assert second.returncode == 1 and "running already" in second.stdout
