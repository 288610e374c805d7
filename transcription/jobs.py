"""The job `transcribe`: one recording in storage becomes the transcript of its case.

The row is the ticket: who cannot claim it goes home, so ringing twice does nothing. No transaction
is open while the model listens; a heartbeat extends the lease meanwhile, and whoever lost it
cannot write. A recording that kills its worker was counted when it was claimed.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from sqlalchemy import Engine as Database

from cases import recordings, transcripts
from cases.categories import Category
from cases.recordings import Claim
from cases.transcripts import Heard
from runtime import clock
from runtime.database import Trouble, transaction
from runtime.storage import Storage
from transcription.audio import NotAudio
from transcription.engines.interface import ModelUnavailable
from transcription.recogniser import Recogniser

log = logging.getLogger(__name__)

LEASE: Final = timedelta(seconds=60)
HEARTBEAT_SECONDS: Final = 20.0
MOST_ATTEMPTS: Final = 5
FIRST_WAIT: Final = timedelta(seconds=10)
LONGEST_WAIT: Final = timedelta(hours=1)
MODEL_WAIT: Final = timedelta(seconds=60)


class Standby:
    """The recogniser of this process: loaded once and kept; asked for again while there is none."""

    def __init__(self, load: Callable[[], Recogniser]) -> None:
        self._load = load
        self._recogniser: Recogniser | None = None
        self._missing: ModelUnavailable | None = None
        self._next_try = 0.0
        self._lock = threading.Lock()

    def recogniser(self) -> Recogniser:
        """The recogniser. Raises ModelUnavailable, and tries to load at most once a minute."""
        with self._lock:
            if self._recogniser is None:
                self._try_to_load()
            assert self._recogniser is not None
            return self._recogniser

    def _try_to_load(self) -> None:
        if self._missing and time.monotonic() < self._next_try:
            raise self._missing
        try:
            self._recogniser = self._load()
        except ModelUnavailable as error:
            self._missing = error
            self._next_try = time.monotonic() + MODEL_WAIT.total_seconds()
            log.error("%s", error)
            raise


@dataclass(frozen=True)
class Ear:
    """What the job works with, put together once by the worker."""

    database: Database
    storage: Storage
    standby: Standby
    categories: Sequence[Category]
    heartbeat: float = field(default=HEARTBEAT_SECONDS)


def transcribe(ear: Ear, recording_id: int) -> None:
    """Listen to a recording and let its case know. Does nothing when the work is not to be had."""
    claim = _claim(ear, recording_id)
    if claim is None:
        return
    try:
        recogniser = ear.standby.recogniser()
        with _held(ear, claim):
            heard = _listen(ear, recogniser, claim)
        _keep(ear, claim, heard)
    except ModelUnavailable as error:
        _wait_for_model(ear, claim, error)
    except NotAudio as error:
        _give_up(ear, claim, f"not a recording: {error}")
    except Exception as error:
        log.exception("recording %d: attempt %d failed", recording_id, claim.attempts)
        _again(ear, claim, f"{type(error).__name__}: {error}")


def _claim(ear: Ear, recording_id: int) -> Claim | None:
    now = clock.now()
    with transaction(ear.database) as session:
        claim = recordings.claim(session, recording_id, "transcribe", now, LEASE)
    if claim is None or claim.attempts <= MOST_ATTEMPTS:
        return claim
    _give_up(ear, claim, f"{MOST_ATTEMPTS} attempts ended without a word")
    return None


def _listen(ear: Ear, recogniser: Recogniser, claim: Claim) -> Heard | None:
    assert claim.storage_key is not None, "a fetched recording is in storage"

    def progress(share: float) -> None:
        log.info("hearing recording %d: %d %%", claim.recording_id, round(100 * share))

    began = time.monotonic()
    data = ear.storage.read(claim.storage_key)
    heard = recogniser.hear(data, hint=claim.language, seconds=claim.seconds, progress=progress)
    log.info("heard recording %d in %.1f s", claim.recording_id, time.monotonic() - began)
    return heard


def _keep(ear: Ear, claim: Claim, heard: Heard | None) -> None:
    now = clock.now()
    with transaction(ear.database) as session:
        if heard is None:
            kept = transcripts.no_speech(session, claim, now)
        else:
            kept = transcripts.finish(session, claim, heard, ear.categories, now)
    if not kept:
        log.warning("recording %d: somebody else took over, result dropped", claim.recording_id)


def _wait_for_model(ear: Ear, claim: Claim, error: ModelUnavailable) -> None:
    now = clock.now()
    with transaction(ear.database) as session:
        transcripts.wait_for_model(session, claim, str(error), now + MODEL_WAIT, now)


def _again(ear: Ear, claim: Claim, reason: str) -> None:
    """Try again later, or leave it to a person after the last attempt."""
    if claim.attempts >= MOST_ATTEMPTS:
        _give_up(ear, claim, reason)
        return
    wait = min(FIRST_WAIT * 2 ** (claim.attempts - 1), LONGEST_WAIT)
    with transaction(ear.database) as session:
        recordings.give_back(session, claim, reason, clock.now() + wait)


def _give_up(ear: Ear, claim: Claim, reason: str) -> None:
    log.error("recording %d needs a listener: %s", claim.recording_id, reason)
    with transaction(ear.database) as session:
        transcripts.give_up(session, claim, "needs_listening", reason, clock.now())


@contextmanager
def _held(ear: Ear, claim: Claim) -> Iterator[None]:
    """Keep the lease alive from a thread of its own while the block runs."""
    done = threading.Event()
    thread = threading.Thread(target=_extend_until, args=(ear, claim, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _extend_until(ear: Ear, claim: Claim, done: threading.Event) -> None:
    while not done.wait(ear.heartbeat):
        try:
            with transaction(ear.database) as session:
                if not recordings.extend(session, claim, clock.now(), LEASE):
                    return
        except Trouble as error:
            log.warning("recording %d: lease not extended: %s", claim.recording_id, error)
