"""A worker's word to its supervisor: what it is doing, and until when that may take.

A speech model that hangs inside its own C code cannot be interrupted from within the process, so
the supervisor outside reads this and kills.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARENT = "WHISTLE_SUPERVISOR"


class Pulse:
    """One process's file: empty while idle, else the wall-clock second by which work must be over."""

    def __init__(self, file: Path) -> None:
        self._file = file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("")

    @contextmanager
    def busy(self, seconds: float) -> Iterator[None]:
        """The work in this block may take so many seconds."""
        self._file.write_text(str(time.time() + seconds))
        try:
            yield
        finally:
            self._file.write_text("")


def overdue(file: Path) -> bool:
    """Whether the process that writes this file should have been done by now."""
    try:
        deadline = file.read_text()
    except FileNotFoundError:
        return False
    return bool(deadline) and time.time() > float(deadline)


def end_with_parent() -> None:
    """End this process when the one that started it is gone, even in the middle of a long C call.

    A supervisor leaves its process id in the environment: it may be gone before we can look.
    """
    parent = int(os.environ.get(PARENT, os.getppid()))

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()
