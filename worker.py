"""The workers. `python worker.py` keeps one process per kind of work running and watches over them.

`python worker.py watch` is the clock's process.
Here, and only here, the RQ worker class is chosen (see docs/adr/0003) and the speech model loaded.
"""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError, RedisError, TimeoutError
from redis.retry import Retry
from rq import Queue, SimpleWorker
from rq.exceptions import StopRequested
from rq.serializers import JSONSerializer
from sqlalchemy import Engine

from cases import recordings
from cases.recordings import Step
from runtime import clock, database, logs
from runtime.breaker import Unavailable, first_line
from runtime.database import transaction
from runtime.pulse import Pulse, end_with_parent
from runtime.queues import Doorbell, Work, answers, known_jobs
from runtime.settings import Settings, SettingsError, stop
from runtime.storage import Storage
from runtime.supervisor import Child, supervise

log = logging.getLogger("worker")

# Seconds of computing after which a job is taken to hang.
PATIENCE: dict[Step, float] = {"fetch": 180.0, "transcribe": 3600.0}
# How often a worker looks into the database by itself: without Redis, and with it.
LOOK_SECONDS = 0.3
LOOK_SECONDS_WITH_BELL = 3
# How often the watch rings again, tells the database the spool, asks the provider. Seconds.
STUCK_EVERY = 10.0
SPOOL_EVERY = 5.0
COLLECT_EVERY = 600.0

stopping = threading.Event()


class Bell(SimpleWorker):
    """RQ's worker without a fork (a model is loaded once a process), which tells us when to stop.

    RQ would wait for a Redis that is away, longer and longer; this one goes home, and we look.
    """

    @property
    def connection_timeout(self) -> int:
        return LOOK_SECONDS_WITH_BELL + 2

    def heartbeat(self, *arguments: Any, **named: Any) -> None:
        try:
            super().heartbeat(*arguments, **named)
        except (ConnectionError, TimeoutError) as error:
            raise StopRequested from error

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        stopping.set()
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Station:
    """One step of work as this process does it."""

    step: Step
    engine: Engine
    work: Work
    redis_url: str

    def serve(self) -> None:
        """Work until told to stop. The bell only shortens the wait for the next look."""
        while not stopping.is_set():
            try:
                self._work_off()
                self._wait_for_bell()
            except (*database.Trouble, RedisError) as error:
                log.warning("%s: %s; trying again", self.step, first_line(error))
                stopping.wait(1)

    def _work_off(self) -> None:
        while not stopping.is_set():
            with transaction(self.engine) as session:
                due = recordings.due(session, self.step, clock.now(), limit=10)
            if not due:
                return
            for item in due:
                if not stopping.is_set():
                    self.work(item.recording_id)

    def _wait_for_bell(self) -> None:
        if not self.redis_url or not answers(self.redis_url):
            stopping.wait(LOOK_SECONDS)
            return
        connection = Redis.from_url(self.redis_url, retry=Retry(NoBackoff(), 0))
        jobs = known_jobs({self.step: self.work})
        queue = Queue(self.step, connection=connection, job_class=jobs, serializer=JSONSerializer)
        bell = Bell(
            [queue],
            connection=connection,
            job_class=jobs,
            serializer=JSONSerializer,
            worker_ttl=30,
            maintenance_interval=30,
        )
        try:
            bell.work(max_idle_time=LOOK_SECONDS_WITH_BELL, logging_level="WARNING")
        finally:
            _stop_on_signal()


def _fetching(settings: Settings, engine: Engine, storage: Storage) -> Work:
    from ivr import jobs
    from ivr.providers.profile import PROFILES

    doorbell = Doorbell(settings.redis_url)
    return partial(
        jobs.fetch,
        jobs.fetching(settings, PROFILES[settings.provider], engine, storage, doorbell),
    )


def _transcribing(settings: Settings, engine: Engine, storage: Storage) -> Work:
    # Imported here so that no other process pays for torch.
    from cases import categories, departments
    from runtime.city import City
    from transcription import jobs
    from transcription.engines.interface import ModelUnavailable
    from transcription.recogniser import open_recogniser

    city = City.read(settings.city_folder)
    standby = jobs.Standby(
        lambda: open_recogniser(
            settings.whisper_engine,
            settings.whisper_model,
            city.languages,
            city.script,
            settings.state_dir / "models",
            log.info,
        )
    )
    try:
        standby.recogniser()
    except ModelUnavailable:
        log.error("cases stay open, marked to be listened to, until a model is there")
    kinds = categories.read(city.folder, departments.read(city.folder))
    return partial(jobs.transcribe, jobs.Ear(engine, storage, standby, kinds))


OPEN: dict[Step, Callable[[Settings, Engine, Storage], Work]] = {
    "fetch": _fetching,
    "transcribe": _transcribing,
}


def serve(settings: Settings, step: Step, pulse_file: Path) -> None:
    """Be the process that does one step of work."""
    end_with_parent()
    began = time.monotonic()
    engine = database.engine(settings.database_url)
    work = OPEN[step](settings, engine, Storage(settings.recordings_url))
    pulse = Pulse(pulse_file)

    def watched(row_id: int) -> None:
        with pulse.busy(PATIENCE[step]):
            work(row_id)

    log.info("%s is ready after %.1f s", step, time.monotonic() - began)
    Station(step, engine, watched, settings.redis_url).serve()


def watch(settings: Settings) -> None:
    """Be the clock's process: each round on its own time, until told to stop."""
    from ivr import phone as telephone
    from ivr import reconcile, replay
    from watch import stuck

    phone = telephone.install(settings, database.engine(settings.database_url))
    rounds: list[tuple[float, Callable[[], object]]] = [
        (STUCK_EVERY, lambda: stuck.ring_again(phone.engine, phone.doorbell)),
        (SPOOL_EVERY, lambda: replay.drain(phone)),
        (COLLECT_EVERY, lambda: reconcile.collect(phone, clock.now())),
    ]
    due = dict.fromkeys(range(len(rounds)), 0.0)
    log.info("the watch begins")
    while not stopping.is_set():
        for number, (seconds, go_round) in enumerate(rounds):
            if time.monotonic() >= due[number]:
                due[number] = time.monotonic() + seconds
                _go(go_round)
        stopping.wait(1)


def _go(go_round: Callable[[], object]) -> None:
    """One round of the watch; trouble outside is logged and met again at the next round."""
    try:
        go_round()
    except (*database.Trouble, Unavailable) as error:
        log.warning("the watch: %s", first_line(error))
    except Exception:
        # One round that is broken must not end the others.
        log.exception("the watch: a round failed")


def run_all(settings: Settings) -> None:
    """Keep one process per step running, and as many for speech as SPEECH_PROCESSES says."""
    # One thread a process: two such processes hear 1.7 times as much as one with two threads.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    names: list[tuple[str, Step]] = [("fetch", "fetch")]
    names += [(f"transcribe-{n}", "transcribe") for n in range(1, settings.speech_processes + 1)]
    supervise([_child(settings, name, step) for name, step in names])


def _child(settings: Settings, name: str, step: Step) -> Child:
    pulse_file = settings.state_dir / "run" / f"{os.getpid()}-{name}"
    return Child(name, [sys.executable, __file__, step, str(pulse_file)], pulse_file)


def _stop_on_signal() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())


def main(arguments: list[str]) -> None:
    settings = Settings.load()
    logs.start(settings.log_format)
    _stop_on_signal()
    match arguments:
        case []:
            run_all(settings)
        case ["watch"]:
            watch(settings)
        case ["fetch" | "transcribe" as step, pulse_file]:
            serve(settings, step, Path(pulse_file))
        case _:
            stop(SettingsError("usage: worker.py [watch]"))


if __name__ == "__main__":
    main(sys.argv[1:])
