"""Is everything here that a hotline needs? One line for each part: how it is, or what to do."""

import secrets
import shutil
from collections.abc import Callable, Mapping

from redis import Redis

from runtime import database
from runtime.breaker import first_line
from runtime.city import City
from runtime.health import newest_revision
from runtime.queues import impatient
from runtime.settings import Settings
from runtime.storage import Storage

Check = Callable[[Settings], str]

OLDEST_REDIS = (6, 2)
LEAST_FREE_GIGABYTES = 2.0
# Of the sound of telephone calls as providers send it: 8 kHz, 16 bit.
GIGABYTES_AN_HOUR = 0.0576


class Ill(Exception):
    """What is wrong and what to do, in one line."""


def examine(settings: Settings, checks: Mapping[str, Check]) -> bool:
    """Do the checks and print what comes of each. Whether all is well."""
    found = [_examined(name, check, settings) for name, check in checks.items()]
    return all(found)


def _examined(name: str, check: Check, settings: Settings) -> bool:
    try:
        print(f"ok    {name}: {check(settings)}", flush=True)
    except Exception as error:
        # Whatever it is, the other parts are looked at, too.
        print(f"ILL   {name}: {first_line(error)}", flush=True)
        return False
    return True


def _settings(settings: Settings) -> str:
    settings.require_signatures()
    city = City.read(settings.city_folder)
    return f"{city.folder.name}, {settings.provider} at {settings.public_base_url}"


def _database(settings: Settings) -> str:
    engine = database.engine(settings.database_url)
    try:
        found = database.revision(engine)
    except database.Trouble as error:
        raise Ill(f"does not answer: {first_line(error)}; check DATABASE_URL") from error
    finally:
        engine.dispose()
    if found != newest_revision():
        raise Ill(f"is at schema {found}, not {newest_revision()}: run `make migrate`")
    return f"{engine.dialect.name}, schema {found}"


def _redis(settings: Settings) -> str:
    if not settings.redis_url:
        return "none, workers look into the database by themselves"
    with impatient(settings.redis_url) as redis:
        version = _version(redis)
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_REDIS:
        raise Ill(f"is version {version}: 6.2 is the oldest that loses no bell")
    return f"version {version}"


def _version(redis: Redis) -> str:
    try:
        return str(redis.info("server")["redis_version"])
    except Exception as error:
        raise Ill(f"does not answer: {first_line(error)}; check REDIS_URL") from error


def _storage(settings: Settings) -> str:
    storage, key = Storage(settings.recordings_url), f"doctor-{secrets.token_hex(8)}"
    content = secrets.token_bytes(64)
    try:
        storage.write(key, content)
        whole = storage.read(key) == content
        storage.delete(key)
    except Exception as error:
        advice = "check RECORDINGS_URL and the rights there"
        raise Ill(f"cannot be written, read and emptied: {first_line(error)}; {advice}") from error
    if not whole:
        raise Ill(f"gives back something else than was written: check {settings.recordings_url}")
    return settings.recordings_url


def _disk(settings: Settings) -> str:
    free = shutil.disk_usage(settings.state_dir).free / 1e9
    if free < LEAST_FREE_GIGABYTES:
        raise Ill(f"{free:.1f} GB are free at {settings.state_dir}: make room")
    return f"{free:.0f} GB free, room for {free / GIGABYTES_AN_HOUR:,.0f} hours of calls"


CHECKS: Mapping[str, Check] = {
    "settings": _settings,
    "database": _database,
    "redis": _redis,
    "storage": _storage,
    "disk": _disk,
}
