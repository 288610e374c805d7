"""The job `transcribe`: recordings in storage become the transcripts of their cases.

What waits is heard several recordings at a time, the urgent ones first. The row is the ticket: what
cannot be claimed is no work, so ringing twice does nothing. No transaction is open while the model
listens; a heartbeat extends the leases meanwhile, and whoever lost one cannot write. A recording
that kills its worker was counted when it was claimed, and is from then on heard alone.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import Engine as Database
from sqlalchemy.exc import IntegrityError

from cases import case, peaks, recordings, transcripts
from cases.categories import Category
from cases.recordings import ON_THE_LINE, URGENT, USUAL, Claim
from cases.transcripts import Heard
from runtime import clock
from runtime.database import Trouble, transaction
from runtime.storage import Storage
from transcription import outline
from transcription.audio import NotAudio
from transcription.engines.interface import ModelUnavailable
from transcription.language import Evidence
from transcription.recogniser import Recogniser, Request
from transcription.redaction import silenced

log = logging.getLogger(__name__)

LEASE: Final = timedelta(seconds=60)
HEARTBEAT_SECONDS: Final = 20.0
MOST_ATTEMPTS: Final = 5
# Once among others, who may have been to blame, and twice alone.
MOST_DEATHS: Final = 3
FIRST_WAIT: Final = timedelta(seconds=10)
LONGEST_WAIT: Final = timedelta(hours=1)
MODEL_WAIT: Final = timedelta(seconds=60)
# What was heard is worth waiting for a database that is away.
WRITE_WAIT: Final = 60.0
# Of the longest clip that an engine is given.
CLIP_SECONDS: Final = 24.0
# As many recordings go together while there is no model to ask how many it likes.
USUAL_BATCH: Final = 8
# How long hearing may take at most: see `_patience`.
BASE_PATIENCE: Final = 30.0
TIMES_AS_MEASURED: Final = 6
UNMEASURED_CLIP_SECONDS: Final = 20.0
# A telephone recording has at least so many bytes a second, whatever its length was said to be.
LEAST_BYTES_A_SECOND: Final = 4000

Outcome = Heard | Exception | None


class Interrupted(Exception):
    """This process was told to end and left the rest to others."""


class Standby:
    """The recogniser of this process: loaded once and kept; asked for again while there is none."""

    def __init__(self, load: Callable[[], Recogniser]) -> None:
        self._load = load
        self._recogniser: Recogniser | None = None
        self._missing: ModelUnavailable | None = None
        self._next_try = 0.0
        self._lock = threading.Lock()

    @property
    def batch(self) -> int:
        """How many clips are best heard together."""
        return self._recogniser.engine.batch if self._recogniser else USUAL_BATCH

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
    """What the job works with, put together once by the worker.

    `heard` is told of every case that has a new text; it may be lost, as a bell may.
    `busy` tells the supervisor how many seconds the work in its block may take; `stopping` whether
    this process was told to end; `holder` marks the leases of this process (see
    `recordings.let_go`); `hands` is how many processes of this machine share what waits.
    """

    database: Database
    storage: Storage
    standby: Standby
    categories: Callable[[], Sequence[Category]]
    heartbeat: float = HEARTBEAT_SECONDS
    heard: Callable[[int], None] = lambda _: None
    busy: Callable[[float], AbstractContextManager[None]] = lambda _: nullcontext()
    stopping: Callable[[], bool] = lambda: False
    holder: str = ""
    hands: int = 1


def transcribe(ear: Ear, above: int = USUAL - 1) -> bool:
    """Hear what waits, several recordings together, and let their cases know.

    The urgent go first; `above`: only what is more urgent than that. False when nothing waits.
    """
    claims = [] if ear.stopping() else _claim(ear, above)
    if not claims:
        return False
    with _held(ear, claims):
        hopeful = [claim for claim in claims if not _is_hopeless(ear, claim)]
        for claim, outcome in zip(hopeful, _listen(ear, hopeful), strict=True):
            _settle(ear, claim, outcome)
    return True


def _claim(ear: Ear, above: int) -> list[Claim]:
    now, batch = clock.now(), ear.standby.batch
    with transaction(ear.database) as session:
        # The others have hands, too: each takes its share of what waits and of what is in hand.
        all_hands = batch * ear.hands
        count = recordings.in_hand(session, "transcribe", now, all_hands, above)
        return recordings.claim_many(
            session,
            "transcribe",
            now,
            LEASE,
            limit=max(1, math.ceil(count / ear.hands)),
            most_seconds=batch * CLIP_SECONDS,
            above=above,
            holder=ear.holder,
        )


def _is_hopeless(ear: Ear, claim: Claim) -> bool:
    """Whether the recording was tried often enough; then it is left to a person."""
    if claim.deaths >= MOST_DEATHS:
        _give_up(ear, claim, f"listening to it ended the speech process {claim.deaths} times")
    elif claim.attempts > MOST_ATTEMPTS:
        _give_up(ear, claim, f"{MOST_ATTEMPTS} attempts ended without a word")
    else:
        return False
    return True


def _listen(ear: Ear, claims: Sequence[Claim]) -> list[Outcome]:
    """What came of each recording: words, None where nobody speaks, or what went wrong."""
    sounds = [_sound(ear, claim) for claim in claims]
    whole = [(c, s) for c, s in zip(claims, sounds, strict=True) if isinstance(s, bytes)]
    try:
        heard = iter(_hear(ear, whole) if whole else [])
    except Exception as error:
        return [error] * len(claims)
    return [next(heard) if isinstance(sound, bytes) else sound for sound in sounds]


def _sound(ear: Ear, claim: Claim) -> bytes | Exception:
    assert claim.storage_key is not None, "a fetched recording is in storage"
    try:
        return ear.storage.read(claim.storage_key)
    except Exception as error:
        return error


def _hear(ear: Ear, whole: Sequence[tuple[Claim, bytes]]) -> Sequence[Outcome]:
    recogniser = ear.standby.recogniser()
    names = ", ".join(str(claim.recording_id) for claim, _ in whole)

    def progress(share: float) -> None:
        log.info("hearing recording %s: %d %%", names, round(100 * share))

    began = time.monotonic()
    with ear.busy(_patience(recogniser, whole)):
        heard = recogniser.hear_all(
            [_request(claim, data) for claim, data in whole],
            between=lambda: _let_others_pass(ear, whole[0][0].priority),
            progress=progress,
        )
    log.info("heard recording %s in %.1f s", names, time.monotonic() - began)
    return heard


def _request(claim: Claim, data: bytes) -> Request:
    evidence = Evidence(claim.language, claim.earlier, claim.calling_code)
    return Request(data, evidence, claim.seconds)


def _patience(recogniser: Recogniser, whole: Sequence[tuple[Claim, bytes]]) -> float:
    """The seconds after which hearing these is taken to hang: several times what it should take."""
    lengths = [max(c.seconds or 0.0, len(data) / LEAST_BYTES_A_SECOND) for c, data in whole]
    clips = sum(math.ceil(length / CLIP_SECONDS) for length in lengths)
    measured = recogniser.engine.seconds_per_clip or UNMEASURED_CLIP_SECONDS
    decoding = sum(lengths) / 10
    return BASE_PATIENCE + decoding + clips * measured * TIMES_AS_MEASURED


def _let_others_pass(ear: Ear, priority: int) -> None:
    """Between two steps: what is more urgent is heard at once. Raises Interrupted at the end."""
    try:
        while priority < ON_THE_LINE and transcribe(ear, above=priority):
            pass
    except Trouble as error:
        log.warning("nobody looked for urgent recordings: %s", error)
    if ear.stopping():
        raise Interrupted("the worker was told to end")


def _settle(ear: Ear, claim: Claim, outcome: Outcome) -> None:
    """Write down what came of a recording, whatever becomes of the others."""
    try:
        _write(ear, claim, outcome)
    except Exception as error:
        _failed(ear, claim, error)


def _write(ear: Ear, claim: Claim, outcome: Outcome) -> None:
    match outcome:
        case ModelUnavailable():
            _wait_for_model(ear, claim, outcome)
        case Interrupted():
            with transaction(ear.database) as session:
                recordings.give_back(session, claim, str(outcome), clock.now(), counts=False)
        case NotAudio():
            _give_up(ear, claim, f"not a recording: {outcome}")
        case Exception():
            _failed(ear, claim, outcome)
        case None:
            _draw(ear, claim)
            _patiently(ear, claim, lambda: _keep_silence(ear, claim))
        case Heard():
            _draw(ear, claim)
            masked_key = _silence(ear, claim, outcome)
            _patiently(ear, claim, lambda: _keep(ear, claim, outcome, masked_key))


def _patiently(ear: Ear, claim: Claim, keep: Callable[[], bool]) -> None:
    """Keep what was heard, even if the database has to be waited for."""
    until = time.monotonic() + WRITE_WAIT
    while True:
        try:
            if not keep():
                taken_over = "recording %d: somebody else took over, result dropped"
                log.warning(taken_over, claim.recording_id)
            return
        except Trouble as error:
            final = isinstance(error, IntegrityError) or ear.stopping()
            if final or time.monotonic() > until:
                raise
            log.warning("waiting to write down what was heard: %s", error)
            time.sleep(1)


def _keep_silence(ear: Ear, claim: Claim) -> bool:
    with transaction(ear.database) as session:
        return transcripts.no_speech(session, claim, clock.now())


def _keep(ear: Ear, claim: Claim, heard: Heard, masked_key: str | None) -> bool:
    with transaction(ear.database) as session:
        if masked_key:
            recordings.masked(session, claim, masked_key)
        kept = transcripts.finish(session, claim, heard, ear.categories(), clock.now())
        matter = case.of_call(session, claim.call_id)
        if kept and _is_urgent(ear, matter):
            recordings.hasten(session, claim.call_id, URGENT)
        case_id = matter.id if kept and matter else None
    if case_id is not None:
        ear.heard(case_id)
    return kept


def _is_urgent(ear: Ear, matter: case.Case | None) -> bool:
    """Whether what the call is about, as far as is known, is of an urgent kind."""
    urgent = {category.code for category in ear.categories() if category.urgent}
    return matter is not None and matter.category in urgent


def _draw(ear: Ear, claim: Claim) -> None:
    """Write the outline of the sound beside it. A page that finds none does without."""
    assert claim.storage_key is not None, "what was heard lies in storage"
    try:
        drawn = outline.of(ear.storage.read(claim.storage_key))
        ear.storage.write(peaks.key_of(claim.storage_key), drawn.as_json())
    except Exception:
        log.exception("recording %d: no outline was drawn", claim.recording_id)


def _silence(ear: Ear, claim: Claim, heard: Heard) -> str | None:
    """Where the copy lies in which nobody's numbers can be heard; None when there is none.

    It is made of the original and the masks, and so can be made at any time: no transcript is lost
    for want of it.
    """
    if not heard.masks or claim.storage_key is None:
        return None
    key = f"{claim.storage_key.removesuffix('.audio')}-masked.wav"
    try:
        ear.storage.write(key, silenced(ear.storage.read(claim.storage_key), heard.masks))
    except Exception:
        log.exception("recording %d: no masked copy was made", claim.recording_id)
        return None
    return key


def _wait_for_model(ear: Ear, claim: Claim, error: ModelUnavailable) -> None:
    now = clock.now()
    with transaction(ear.database) as session:
        transcripts.wait_for_model(session, claim, str(error), now + MODEL_WAIT, now)


def _failed(ear: Ear, claim: Claim, error: Exception) -> None:
    """Try again later, or leave it to a person after the last attempt."""
    attempt = f"recording {claim.recording_id}: attempt {claim.attempts}"
    log.error("%s failed", attempt, exc_info=error)
    reason = f"{type(error).__name__}: {error}"
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
def _held(ear: Ear, claims: Sequence[Claim]) -> Iterator[None]:
    """Keep the leases alive from a thread of its own while the block runs."""
    done = threading.Event()
    thread = threading.Thread(target=_extend_until, args=(ear, claims, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _extend_until(ear: Ear, claims: Sequence[Claim], done: threading.Event) -> None:
    while not done.wait(ear.heartbeat):
        try:
            claims = [claim for claim in claims if _extend(ear, claim)]
        except Trouble as error:
            log.warning("leases not extended: %s", error)


def _extend(ear: Ear, claim: Claim) -> bool:
    # A transaction each: of several rows held at once, in an order of our own, somebody may want
    # one while he holds another.
    with transaction(ear.database) as session:
        return recordings.extend(session, claim, clock.now(), LEASE)
