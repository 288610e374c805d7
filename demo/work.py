"""Watching the hotline at work through its export, from hang-up to transcript."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from .call import Call
from .house import Case, House

OVER = frozenset({"transcribed", "no_speech", "needs_listening", "absent", "failed", "missing"})
_STEPS = {"announced": 0, "fetched": 1}  # of two: the sound is fetched, then transcribed
_PAUSE = 0.5


@dataclass(frozen=True)
class Progress:
    """How far the work on one call's recordings is, in steps; `words` says the same."""

    call: Call
    cases: tuple[Case, ...]
    done: int
    total: int

    @property
    def is_over(self) -> bool:
        return self.done == self.total

    @property
    def words(self) -> str:
        statuses = [recording["status"] for case in self.cases for recording in case["recordings"]]
        return ", ".join(statuses) or "waiting for the case"


def watch(house: House, calls: Sequence[Call], limit: float) -> Iterator[list[Progress]]:
    """The progress of all calls, again and again until all is over or `limit` seconds are up."""
    deadline = time.monotonic() + limit
    while True:
        cases = house.cases()
        now = [progress_of(call, cases) for call in calls]
        yield now
        if all(one.is_over for one in now) or time.monotonic() > deadline:
            return
        house.check()
        time.sleep(_PAUSE)


def progress_of(call: Call, cases: Sequence[Case]) -> Progress:
    """How far this call is, as the export has it."""
    own = tuple(case for case in cases if case["call_id"] == call.sid)
    statuses = [recording["status"] for case in own for recording in case["recordings"]]
    total = max(1, sum(one.status == "completed" for one in call.recordings))
    done = sum(2 if status in OVER else _STEPS.get(status, 0) for status in statuses)
    return Progress(call, own, min(done, 2 * total), 2 * total)


class Stopwatch:
    """Seconds from each call's hang-up to its transcript: as the export tells, or as we saw it.

    Negative where the hotline had it while the caller was on the line.
    """

    def __init__(self) -> None:
        self._seen: dict[str, datetime] = {}

    def look(self, now: Sequence[Progress]) -> None:
        for one in now:
            if one.is_over:
                self._seen.setdefault(one.call.sid, datetime.now(UTC))

    def seconds(self, one: Progress) -> float | None:
        """None while there is no transcript."""
        told = one.cases[0].get("transcribed_at") if one.cases else None
        then = datetime.fromisoformat(told) if told else self._seen.get(one.call.sid)
        if then is None or one.call.ended_at is None:
            return None
        return (then - one.call.ended_at).total_seconds()
