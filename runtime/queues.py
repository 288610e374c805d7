"""The doorbell: tells a worker that a row waits. It may be lost; the row may not.

Rings through RQ when Redis is there. A job carries a name from a closed catalogue and one id, as
JSON: whoever can write to Redis still cannot make a worker run anything else.
"""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue
from rq.exceptions import DuplicateJobError
from rq.job import Job
from rq.serializers import JSONSerializer

from runtime.breaker import Breaker, Unavailable

log = logging.getLogger(__name__)

Work = Callable[[int], None]
# Above anything our own watchdog allows a job, so that RQ never interferes.
JOB_TIMEOUT = 6 * 3600


class Doorbell:
    """Rings at the queue of a step of work. Without Redis it is mute and workers look by themselves."""

    def __init__(self, redis_url: str) -> None:
        self._redis = impatient(redis_url) if redis_url else None
        self._breaker = Breaker((RedisError, OSError), patience=0.5, pause=5.0)

    @property
    def mute(self) -> bool:
        """Whether there is no Redis to ring through."""
        return self._redis is None

    def ring(self, step: str, row_id: int, attempts: int = 0) -> None:
        """Ask for `step` on the row; at most one bell per row and attempt hangs. Never raises."""
        if self._redis is None:
            return
        queue = Queue(step, connection=self._redis, serializer=JSONSerializer)
        try:
            self._breaker.run(lambda: _enqueue(queue, step, row_id, attempts))
        except Unavailable as error:
            log.warning("the doorbell is out of order, workers will look by themselves: %s", error)

    def depth(self, step: str) -> int | None:
        """How many bells hang at this step; None when that cannot be told."""
        if self._redis is None:
            return None
        queue = Queue(step, connection=self._redis, serializer=JSONSerializer)
        try:
            return self._breaker.run(lambda: len(queue))
        except Unavailable:
            return None


def impatient(redis_url: str) -> "Redis":
    """A client for the web process: a caller waits, so it gives up after 0.2 s and never retries."""
    return Redis.from_url(
        redis_url,
        retry=Retry(NoBackoff(), 0),
        socket_connect_timeout=0.2,
        socket_timeout=0.2,
    )


def answers(redis_url: str) -> bool:
    """Whether Redis is there at this moment."""
    try:
        with impatient(redis_url) as redis:
            return bool(redis.ping())
    except RedisError:
        return False


def known_jobs(catalogue: Mapping[str, Work]) -> type[Job]:
    """A Job class that runs what the catalogue names, and refuses every other name."""

    class KnownJob(Job):
        # RQ would import and call whatever name stands in Redis as a job's callback.
        success_callback = failure_callback = stopped_callback = None

        @property
        def func(self) -> Any:
            work = catalogue.get(self.func_name or "")
            if work is None:
                raise PermissionError(f"no job is called {self.func_name!r}")
            return work

    return KnownJob


def _enqueue(queue: Queue, step: str, row_id: int, attempts: int) -> None:
    with suppress(DuplicateJobError):
        queue.enqueue(
            step,
            row_id,
            job_id=f"{step}-{row_id}-{attempts}",
            unique=True,
            job_timeout=JOB_TIMEOUT,
            result_ttl=0,
            failure_ttl=1,
        )
