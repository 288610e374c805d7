"""The real workers with an ear that does what the recording says: `python tests/chaos/ear.py`.

A recording is a line of text: `words`, `steps 40` (so many steps of a long one), `dies SIGSEGV`,
`hangs`. Supervisor, processes, claims, leases and signals are the worker's own; only the model is
not there. Every step of hearing is noted in TRACE, a line each.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import worker
from runtime import supervisor
from tests.integration.work import heard
from transcription import jobs, recogniser
from transcription.recogniser import Request

STEP_SECONDS = float(os.environ.get("STEP_SECONDS", "0.2"))


class Ear:
    """Stands in for a recogniser: `engine.batch` recordings, or one step of a long one, at a time."""

    engine = SimpleNamespace(batch=8, seconds_per_clip=0.01)

    def hear_all(
        self, requests: Sequence[Request], *, between: Callable[[], None], progress: object
    ) -> list[object]:
        orders = [request.data.decode() for request in requests]
        steps = max(int(order.partition("steps ")[2] or 1) for order in orders)
        for step in range(steps):
            if step:
                between()
            _note(f"step {step} of {len(orders)} {orders[0]}")
            time.sleep(STEP_SECONDS)
        for order in orders:
            _obey(order)
        return [heard(order) for order in orders]


def _obey(order: str) -> None:
    if order == "hangs":
        signal.pause()
    if order.startswith("dies "):
        os.kill(os.getpid(), getattr(signal, order.split()[1]))


def _note(what: str) -> None:
    with Path(os.environ["TRACE"]).open("a") as file:
        print(os.getpid(), what, file=file)


if __name__ == "__main__":
    supervisor.LONGEST_PAUSE = 1.0
    jobs.BASE_PATIENCE = 2.0  # type: ignore[misc]
    recogniser.open_recogniser = lambda *_: Ear()  # type: ignore[assignment,return-value]
    worker.__file__ = __file__  # what the supervisor starts
    worker.main(sys.argv[1:])
