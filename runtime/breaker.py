"""A caller waits on the line: work that may hang gets so much time, and after a failure a pause."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooSlow
from typing import TypeVar

T = TypeVar("T")


class Unavailable(Exception):
    """The work failed, took too long, or was not tried because it failed a moment ago."""


def first_line(error: BaseException) -> str:
    """What went wrong, in one line; the kind of error where it has no words."""
    return (str(error).splitlines() or [type(error).__name__])[0]


class Breaker:
    """Runs work within `patience` seconds; after a failure refuses at once for `pause` seconds.

    Work that took too long may still finish behind our back, so it must be safe to do twice.
    """

    def __init__(
        self, trouble: tuple[type[BaseException], ...], patience: float = 3.0, pause: float = 3.0
    ) -> None:
        self._trouble = trouble
        self._patience = patience
        self._pause = pause
        self._closed_until = 0.0
        self._threads: ThreadPoolExecutor | None = None

    def run(self, work: Callable[[], T]) -> T:
        """The work's result. Raises Unavailable for trouble; other exceptions pass through."""
        if time.monotonic() < self._closed_until:
            raise Unavailable("failed a moment ago")
        try:
            return self._pool().submit(work).result(timeout=self._patience)
        except TooSlow as error:
            self._abandon()
            raise Unavailable(f"took longer than {self._patience} s") from error
        except self._trouble as error:
            self._closed_until = time.monotonic() + self._pause
            raise Unavailable(first_line(error)) from error

    def _pool(self) -> ThreadPoolExecutor:
        # Made at first use: threads do not survive the web server's fork.
        if self._threads is None:
            self._threads = ThreadPoolExecutor(max_workers=16, thread_name_prefix="within")
        return self._threads

    def _abandon(self) -> None:
        self._closed_until = time.monotonic() + self._pause
        if self._threads is not None:
            self._threads.shutdown(wait=False)
            self._threads = None
