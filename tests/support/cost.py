"""What work costs, where a test guards against work that explodes with its input."""

import time
from collections.abc import Callable


def processor_seconds(work: Callable[[], object], tries: int = 3) -> float:
    """The least processor time that `work` took in `tries`.

    Of this thread alone and the least of several, so that neither a busy machine nor what other
    threads do at the time is counted.
    """
    return min(_once(work) for _ in range(tries))


def _once(work: Callable[[], object]) -> float:
    began = time.thread_time()
    work()
    return time.thread_time() - began
