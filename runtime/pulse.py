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
        self._until: float | None = None
        file.parent.mkdir(parents=True, exist_ok=True)
        self._tell(None)

    @contextmanager
    def busy(self, seconds: float) -> Iterator[None]:
        """The work in this block may take so many seconds.

        Blocks may be nested: what is interrupted for more urgent work gets that time on top.
        """
        interrupted, began = self._until, time.time()
        self._tell(began + seconds)
        try:
            yield
        finally:
            self._tell(interrupted and interrupted + time.time() - began)

    def _tell(self, until: float | None) -> None:
        self._until = until
        # Whole or not at all: the supervisor may be reading.
        draft = self._file.with_name(f"{self._file.name}.new")
        draft.write_text("" if until is None else str(until))
        draft.replace(self._file)


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
