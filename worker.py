"""The workers. `python worker.py` keeps one process per kind of work running and watches over them.

`python worker.py watch` is the clock's process, `python worker.py doctor` says what this machine
lacks and how much it hears.
Here, and only here, the RQ worker class is chosen (see docs/adr/0003) and the speech model loaded.
"""

import logging
import os
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError, RedisError, TimeoutError
from redis.retry import Retry
from rq import Queue, SimpleWorker
from rq.exceptions import StopRequested
from rq.serializers import JSONSerializer
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from cases import (
    categories,
    deliveries,
    departments,
    editions,
    recordings,
    referral_policy,
    stations,
)
from cases.categories import Category
from cases.clocks import Terms
from cases.letters import Sender
from cases.recordings import Step
from cases.understanding import Mind
from runtime import clock, database, doctor, logs
from runtime.breaker import Unavailable, first_line
from runtime.city import City
from runtime.database import transaction
from runtime.doctor import Said
from runtime.pulse import Pulse, end_with_parent
from runtime.queues import Doorbell, Work, answers, known_jobs
from runtime.settings import Settings, SettingsError, stop
from runtime.shelf import Shelf, Standing, keep_looking
from runtime.storage import Storage
from runtime.supervisor import Child, supervise

log = logging.getLogger("worker")

# Seconds after which fetching, sending a notice, or understanding a case is taken to hang. How long
# hearing may take depends on the work.
FETCH_PATIENCE = 180.0
NOTIFY_PATIENCE = 120.0
UNDERSTAND_PATIENCE = 60.0
# How often a worker looks into the database by itself: without Redis, and with it.
LOOK_SECONDS = 0.3
LOOK_SECONDS_WITH_BELL = 3
# How often the watch rings again, tells the database the spool, asks the provider. Seconds.
STUCK_EVERY = 10.0
CLOCKS_EVERY = 10.0
SURGES_EVERY = 300.0
SPOOL_EVERY = 5.0
COLLECT_EVERY = 600.0
# How often it rings a citizen back (a provider takes a call a second), and asks after lost calls.
RING_EVERY = 1.0
LOOK_AFTER_EVERY = 10.0
# How often another edition of the city is looked for.
EDITIONS_EVERY = 2.0

T = TypeVar("T")

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


# The rows that want a step of work now, the first first.
Due = Callable[[Session], Sequence[int]]


def due_recordings(step: Step) -> Due:
    """The recording that wants this step next."""

    def due(session: Session) -> list[int]:
        return [d.recording_id for d in recordings.due(session, step, clock.now(), limit=1)]

    return due


@dataclass(frozen=True)
class Station:
    """One step of work as this process does it: what is due of it, and the work on one row."""

    step: str
    engine: Engine
    due: Due
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
                due = self.due(session)
            if not due:
                return
            self.work(due[0])

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


@dataclass(frozen=True)
class Process:
    """What a process that does one step of work has at hand. `holder` marks its leases."""

    settings: Settings
    engine: Engine
    storage: Storage
    pulse: Pulse
    holder: str


def _fetching(process: Process) -> tuple[Due, Work]:
    from ivr import jobs
    from ivr.providers.profile import PROFILES

    settings = process.settings
    doorbell = Doorbell(settings.redis_url)
    profile = PROFILES[settings.provider]
    fetching = jobs.fetching(settings, profile, process.engine, process.storage, doorbell)

    def work(recording_id: int) -> None:
        with process.pulse.busy(FETCH_PATIENCE):
            jobs.fetch(fetching, recording_id)

    return due_recordings("fetch"), work


def _transcribing(process: Process) -> tuple[Due, Work]:
    # Imported here so that no other process pays for torch.
    from transcription import capacity, jobs
    from transcription.engines.interface import ModelUnavailable
    from transcription.recogniser import open_recogniser

    settings = process.settings
    city = City.read(settings.city_folder)
    hands = capacity.processes(settings)
    standby = jobs.Standby(lambda: open_recogniser(settings, city, log.info))
    try:
        seconds = standby.recogniser().engine.seconds_per_clip
        log.info("this machine %s", capacity.hears(seconds, hands))
    except ModelUnavailable:
        log.error("cases stay open, marked to be listened to, until a model is there")
    kinds = _standing(settings, process.engine, _kinds)
    doorbell = Doorbell(settings.redis_url)
    ear = jobs.Ear(
        process.engine,
        process.storage,
        standby,
        lambda: kinds.now,
        # A caller may be waiting on the line to hear what was understood.
        heard=lambda case_id: doorbell.ring("understand", case_id),
        busy=process.pulse.busy,
        stopping=stopping.is_set,
        holder=process.holder,
        hands=hands,
    )

    # Whichever recording the bell was rung for: the most urgent are heard, several together.
    def work(_: int) -> None:
        jobs.transcribe(ear)

    return due_recordings("transcribe"), work


def _kinds(edition: str, folder: Path) -> tuple[Category, ...]:
    """What a new case can be about."""
    kinds = categories.read(folder, departments.read(folder))
    return tuple(kind for kind in kinds if not kind.retired)


def _standing(settings: Settings, engine: Engine, make: Callable[[str, Path], T]) -> Standing[T]:
    """What this process makes of the city's folder, made anew when there is another edition."""
    standing = Standing(Shelf(settings, engine, editions), make)
    keep_looking(standing.look)
    return standing


def _notifying(process: Process) -> tuple[Due, Work]:
    from watch import post

    settings = process.settings
    first = post.open_office(settings, process.engine, _texting(settings), process.holder)
    offices = _standing(settings, process.engine, lambda edition, folder: first.renewed(folder))

    def work(delivery_id: int) -> None:
        with process.pulse.busy(NOTIFY_PATIENCE):
            offices.now.notify(delivery_id)

    return lambda session: offices.now.due(session), work


def _understanding(process: Process) -> tuple[Due, Work]:
    from watch import understanding

    def mind_of(edition: str, folder: Path) -> Mind:
        return understanding.mind_of(City.read(folder))

    minds = _standing(process.settings, process.engine, mind_of)

    def work(case_id: int) -> None:
        with process.pulse.busy(UNDERSTAND_PATIENCE):
            understanding.understand_one(process.engine, minds.now, case_id)

    return understanding.due, work


def _texting(settings: Settings) -> Sender | None:
    """The provider's way to send text messages, where there is one."""
    from ivr import sms
    from ivr.providers.profile import PROFILES

    return sms.Texting.of(settings, PROFILES[settings.provider]).send if settings.sms_from else None


OPEN: dict[str, Callable[[Process], tuple[Due, Work]]] = {
    "fetch": _fetching,
    "transcribe": _transcribing,
    "notify": _notifying,
    "understand": _understanding,
}


def serve(settings: Settings, step: str, pulse_file: Path, holder: str) -> None:
    """Be the process that does one step of work."""
    end_with_parent()
    began = time.monotonic()
    engine = database.engine(settings.database_url)
    _let_go(engine, holder)
    storage = Storage(settings.recordings_url)
    due, work = OPEN[step](Process(settings, engine, storage, Pulse(pulse_file), holder))
    log.info("%s is ready after %.1f s", step, time.monotonic() - began)
    _be_known(engine, holder, step)
    Station(step, engine, due, work, settings.redis_url).serve()


def _let_go(engine: Engine, holder: str) -> None:
    """Free what the process in whose place we were started still holds: it is gone."""
    try:
        with transaction(engine) as session:
            recordings.let_go(session, holder)
            deliveries.let_go(session, holder)
    except database.Trouble as error:
        log.warning("leases of before end by themselves: %s", first_line(error))


def _be_known(engine: Engine, holder: str, step: str) -> None:
    """Say beside the work, until told to stop, that this process is up."""

    def say_so() -> None:
        while not stopping.is_set():
            with suppress(*database.Trouble), transaction(engine) as session:
                stations.beat(session, holder, step, clock.now())
            stopping.wait(stations.BEAT_EVERY.total_seconds())
        with suppress(*database.Trouble), transaction(engine) as session:
            stations.gone(session, holder)

    threading.Thread(target=say_so, name="station", daemon=True).start()


def watch(settings: Settings) -> None:
    """Be the clock's process: each round on its own time, until told to stop."""
    from ivr import outbound, reconcile, replay
    from ivr import phone as telephone
    from watch import automatic, clocks, stuck, understanding

    phones = telephone.phones(settings, database.engine(settings.database_url))
    engine, doorbell = phones.now.engine, phones.now.doorbell

    def rules_of(edition: str, folder: Path) -> automatic.Rules:
        city = City.read(folder)
        return automatic.Rules(Terms.of_city(city), referral_policy.of_city(city))

    rules = Standing(phones.standing.shelf, rules_of)
    yesterdays = understanding.Yesterdays()

    def sweep() -> clocks.Sweep:
        return clocks.of_city(engine, rules.now.terms, rules.now.policy)

    rounds: list[tuple[float, Callable[[], object]]] = [
        (EDITIONS_EVERY, phones.standing.look),
        (EDITIONS_EVERY, rules.look),
        (STUCK_EVERY, lambda: stuck.ring_again(engine, doorbell)),
        (CLOCKS_EVERY, lambda: clocks.go_round(sweep(), clock.now())),
        (CLOCKS_EVERY, lambda: automatic.go_round(engine, rules.now, clock.now())),
        (CLOCKS_EVERY, lambda: understanding.climb(engine, clock.now())),
        (SURGES_EVERY, lambda: yesterdays.look(engine, phones.now.city, clock.now())),
        (SPOOL_EVERY, lambda: replay.drain(phones)),
        (COLLECT_EVERY, lambda: reconcile.collect(phones.now, clock.now())),
        (RING_EVERY, lambda: outbound.place_next(phones.now, clock.now())),
        (LOOK_AFTER_EVERY, lambda: outbound.look_after(phones.now, clock.now())),
    ]
    due = dict.fromkeys(range(len(rounds)), 0.0)
    _be_known(engine, secrets.token_hex(4), stations.WATCH)
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
    """Keep one process fetching, one sending notices, one understanding, and as many hearing as do good here."""
    from transcription import capacity

    # One thread a process: two such processes hear 1.7 times as much as one with two threads.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    count = capacity.processes(settings)
    # What was chosen here, all children go by.
    os.environ["SPEECH_PROCESSES"] = str(count)
    devices = capacity.gpus()
    children = [_child(settings, step, step, {}) for step in ("fetch", "notify", "understand")]
    for n in range(count):
        own = capacity.environment(n, devices)
        children.append(_child(settings, f"transcribe-{n + 1}", "transcribe", own))
    supervise(children)


def _child(settings: Settings, name: str, step: str, environment: Mapping[str, str]) -> Child:
    pulse_file = settings.state_dir / "run" / f"{os.getpid()}-{name}"
    holder = secrets.token_hex(4)
    command = [sys.executable, __file__, step, str(pulse_file), holder]
    return Child(name, command, pulse_file, environment)


def examine(settings: Settings) -> bool:
    """Look at everything this machine needs, and say how much it hears. Whether all is well."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    well = doctor.examine(settings, doctor.CHECKS)
    ours = {"notices": _notices, "early warning": _early_warning, "speech": _speech}
    return doctor.examine(settings, ours) and well


def _early_warning(settings: Settings) -> Said:
    from cases import daily

    every = [daily.EARS_METHOD, daily.SCAN_METHOD]
    if daily.has_farrington():
        return doctor.said(", ".join([*every, daily.FARRINGTON_METHOD]))
    missing = f"{daily.FARRINGTON_METHOD} needs the extra `surveillance`"
    return doctor.said(f"{', '.join(every)}; {missing}")


def _notices(settings: Settings) -> Said:
    from watch import post

    texting = _texting(settings)
    office = post.open_office(settings, database.engine(settings.database_url), texting)
    return doctor.said(office.means())


def _speech(settings: Settings) -> Said:
    from transcription import capacity
    from transcription.recogniser import open_recogniser

    city = City.read(settings.city_folder)
    count = capacity.processes(settings)
    engine = open_recogniser(settings, city, lambda _: None).engine
    hears = capacity.hears(engine.seconds_per_clip, count)
    return doctor.said(f"{engine.name} with {engine.model} {hears}")


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
        case ["doctor"]:
            sys.exit(0 if examine(settings) else 1)
        case ["fetch" | "transcribe" | "notify" | "understand" as step, pulse_file, holder]:
            serve(settings, step, Path(pulse_file), holder)
        case _:
            stop(SettingsError("usage: worker.py [watch | doctor]"))


if __name__ == "__main__":
    main(sys.argv[1:])
