"""Keeps child processes running: restarts what dies, kills what hangs, stops all on SIGTERM."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runtime import pulse

log = logging.getLogger(__name__)

LOOK_EVERY = 0.5
# A child that dies at once again and again is started ever more slowly, up to this many seconds.
LONGEST_PAUSE = 30.0
HEALTHY_AFTER = 60.0
LAST_CALL = 25.0


@dataclass
class Child:
    """One process to keep running. `pulse_file` is where it says what it is doing; `environment`
    is what it is told beside what everybody is told."""

    name: str
    command: Sequence[str]
    pulse_file: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    deaths: int = 0
    start_at: float = 0.0

    def tend(self) -> None:
        """Start it, restart it, or kill it, as needed."""
        if self.process is None:
            if time.monotonic() >= self.start_at:
                self._start()
        elif self.process.poll() is not None:
            self._died(self.process.returncode)
        elif pulse.overdue(self.pulse_file):
            log.error("%s hangs and is killed", self.name)
            self.process.kill()

    def _start(self) -> None:
        self.pulse_file.unlink(missing_ok=True)
        # In a session of its own, so that Ctrl-C reaches it through us and in our order.
        environment = {**os.environ, **self.environment, pulse.PARENT: str(os.getpid())}
        self.process = subprocess.Popen(self.command, env=environment, start_new_session=True)
        self.started = time.monotonic()

    def _died(self, code: int) -> None:
        lived = time.monotonic() - self.started
        self.deaths = 0 if lived > HEALTHY_AFTER else self.deaths + 1
        pause = min(LONGEST_PAUSE, 0.5 * 2 ** min(self.deaths, 10)) if self.deaths else 0.0
        log.error("%s ended with code %s; starting it again in %.1f s", self.name, code, pause)
        self.process, self.start_at = None, time.monotonic() + pause


def supervise(children: Sequence[Child]) -> None:
    """Run the children until SIGTERM or SIGINT; then let them finish, and kill who does not.

    A child that cannot start because of a setting (exit code 78) ends everything with that code.
    """
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    while not stopping.wait(LOOK_EVERY):
        for child in children:
            if child.process is not None and child.process.poll() == os.EX_CONFIG:
                _stop(children)
                sys.exit(os.EX_CONFIG)
            child.tend()
    _stop(children)


def _stop(children: Sequence[Child]) -> None:
    running = [c.process for c in children if c.process is not None and c.process.poll() is None]
    for process in running:
        process.terminate()
    deadline = time.monotonic() + LAST_CALL
    for process in running:
        try:
            process.wait(timeout=max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
