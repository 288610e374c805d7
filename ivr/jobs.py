"""The telephone's job: fetch a recording's sound while the provider still has it."""

import logging
import random
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Engine

from cases import recordings, transcripts
from cases.recordings import Claim
from ivr import media, softphone
from ivr.providers.profile import Profile
from runtime import clock
from runtime.database import transaction
from runtime.queues import Doorbell
from runtime.settings import Settings
from runtime.storage import Storage

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=media.MAX_SECONDS + 30)
# The provider keeps recordings for long; we ask for two days before a person has to look.
GIVE_UP_AFTER = timedelta(hours=48)
FIRST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(hours=1)
NEARLY_READY = timedelta(seconds=15)


@dataclass(frozen=True)
class Fetching:
    """What fetching works with."""

    engine: Engine
    storage: Storage
    doorbell: Doorbell
    source: media.Source
    # Where a recording lies that was announced by its id alone.
    recordings_url: str


def fetching(
    settings: Settings, profile: Profile, engine: Engine, storage: Storage, doorbell: Doorbell
) -> Fetching:
    """The fetching the settings describe."""
    account = (settings.twilio_account_sid, settings.twilio_auth_token)
    hosts = settings.media_hosts or profile.media_hosts
    return Fetching(
        engine=engine,
        storage=storage,
        doorbell=doorbell,
        source=media.Source(
            hosts,
            account if profile.media_auth and all(account) else None,
            softphone.recordings_url(settings) if settings.phone_enabled else "",
        ),
        recordings_url=(
            f"{settings.provider_api_url or profile.api_url}"
            f"/2010-04-01/Accounts/{settings.twilio_account_sid}/Recordings"
        ),
    )


def fetch(work: Fetching, recording_id: int) -> None:
    """Fetch one recording if nobody else does and it is not here yet; running it twice is harmless."""
    with transaction(work.engine) as session:
        claim = recordings.claim(session, recording_id, "fetch", clock.now(), LEASE)
    if claim is None:
        return
    try:
        sound = media.fetch(work.source, claim.url or f"{work.recordings_url}/{claim.provider_id}")
        key = f"{claim.announced_at:%Y/%m/%d}/{claim.recording_id}-{claim.token[:8]}.audio"
        work.storage.write(key, sound)
    except (media.NotYet, media.Refused, OSError) as error:
        _not_now(work, claim, error)
        return
    with transaction(work.engine) as session:
        kept = recordings.fetched(session, claim, key, clock.now())
    log.info("recording %d fetched, %d bytes", claim.recording_id, len(sound))
    if claim.url and work.source.is_own(claim.url):
        softphone.forget(work.storage, claim.url)
    if kept:
        work.doorbell.ring("transcribe", claim.recording_id)


def _not_now(work: Fetching, claim: Claim, error: Exception) -> None:
    now = clock.now()
    log.warning("recording %d not fetched: %s", claim.recording_id, error)
    with transaction(work.engine) as session:
        if now - claim.announced_at > GIVE_UP_AFTER:
            transcripts.give_up(session, claim, "missing", str(error), now)
            return
        if isinstance(error, media.Refused):
            transcripts.sound_is_missing(session, claim)
        recordings.give_back(session, claim, str(error), now + _wait(claim, error))


def _wait(claim: Claim, error: Exception) -> timedelta:
    """A second at first, doubling up to an hour; a provider that is nearly ready is asked sooner."""
    nearly = getattr(error, "soon", False) and claim.attempts < 20
    longest = NEARLY_READY if nearly else LONGEST_WAIT
    wait: timedelta = min(FIRST_WAIT * 2 ** min(claim.attempts - 1, 20), longest)
    return wait * random.uniform(0.8, 1.2)
