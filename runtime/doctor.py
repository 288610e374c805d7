"""Is everything here that a hotline needs? Of each part: how it is, or what to do.

What is said is data (`doctor.yaml`), in three languages: the terminal says it in English, the console in
its reader's.
"""

import secrets
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import yaml
from redis import Redis
from sqlalchemy import text

from runtime import clock, database
from runtime.breaker import first_line
from runtime.city import City
from runtime.health import newest_revision
from runtime.queues import impatient
from runtime.settings import WHISPER_MODELS, Settings, is_loopback
from runtime.storage import Storage

FILE = Path(__file__).with_suffix(".yaml")
ENGLISH = "en"

OLDEST_REDIS = (6, 2)
LEAST_FREE_GIGABYTES = 2.0
# Of the sound of telephone calls as providers send it: 8 kHz, 16 bit.
GIGABYTES_AN_HOUR = 0.0576
# Clocks of two machines may differ by so many seconds; deadlines and leases are longer by far.
MOST_SKEW = 5.0
# Events kept on disk are told to the database every five seconds.
SPOOL_PATIENCE = 60.0
PATIENCE = 1.0
MAIL_PORTS = {"smtp": 587, "smtps": 465, "smtp+plain": 25}


class Ill(Exception):
    """What is wrong: `code` is one of the words of this part, `facts` fill it in."""

    def __init__(self, code: str, **facts: object) -> None:
        super().__init__(code)
        self.code, self.facts = code, facts


@dataclass(frozen=True)
class Said:
    """How a part is that is well. What has no words of its own says `text` as it is."""

    code: str = "text"
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """What was found of one part."""

    name: str
    well: bool
    code: str
    facts: Mapping[str, object]

    def words(self, language: str = ENGLISH) -> str:
        """In one of the languages of the interface."""
        key = self.code if self.code in ("text", "error") else f"{self.name}.{self.code}"
        return words()[key][language].format(**self.facts)


Check = Callable[[Settings], Said]


@cache
def words() -> Mapping[str, Mapping[str, str]]:
    """Everything that can be said of any part, in every language."""
    found: Mapping[str, Mapping[str, str]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return found


def look(settings: Settings, checks: Mapping[str, Check]) -> Iterator[Finding]:
    """Do the checks, and tell of each when it is done. None hides another."""
    for name, check in checks.items():
        try:
            said = check(settings)
            yield Finding(name, True, said.code, said.facts)
        except Ill as ill:
            yield Finding(name, False, ill.code, ill.facts)
        except Exception as error:
            # Whatever it is, the other parts are looked at, too.
            yield Finding(name, False, "error", {"error": first_line(error)})


def examine(settings: Settings, checks: Mapping[str, Check]) -> bool:
    """Do the checks and print what comes of each. Whether all is well."""
    well = True
    for found in look(settings, checks):
        print(f"{'ok   ' if found.well else 'ILL  '} {found.name}: {found.words()}", flush=True)
        well = well and found.well
    return well


def said(text: str) -> Said:
    """How a part is, in words that are the same in every language."""
    return Said("text", {"text": text})


def _settings(settings: Settings) -> Said:
    settings.require_signatures()
    city = City.read(settings.city_folder)
    facts = {"city": city.folder.name, "provider": settings.provider}
    return Said("ok", {**facts, "address": settings.public_base_url})


def _address(settings: Settings) -> Said:
    parts = urlsplit(settings.public_base_url)
    facts = {"address": settings.public_base_url}
    if is_loopback(parts.hostname or ""):
        return Said("local", facts)
    if parts.scheme != "https":
        raise Ill("plain", **facts)
    return Said("ok", facts)


def _database(settings: Settings) -> Said:
    engine = database.engine(settings.database_url)
    try:
        found = database.revision(engine)
    except database.Trouble as error:
        raise Ill("away", error=first_line(error)) from error
    finally:
        engine.dispose()
    if found != newest_revision():
        raise Ill("behind", found=found, newest=newest_revision())
    return Said("ok", {"kind": engine.dialect.name, "revision": found})


def _clock(settings: Settings) -> Said:
    engine = database.engine(settings.database_url)
    now = "SELECT clock_timestamp()" if engine.dialect.name == "postgresql" else None
    try:
        if now is None:  # the embedded database asks this machine's clock
            return Said("same")
        with engine.connect() as connection:
            theirs: datetime = connection.execute(text(now)).scalar_one()
    except database.Trouble as error:
        raise Ill("unknown", error=first_line(error)) from error
    finally:
        engine.dispose()
    skew = abs((clock.now() - theirs.astimezone(UTC)).total_seconds())
    if skew > MOST_SKEW:
        raise Ill("differs", seconds=f"{skew:.0f}")
    return Said("ok", {"seconds": f"{skew:.1f}"})


def _redis(settings: Settings) -> Said:
    if not settings.redis_url:
        return Said("none")
    with impatient(settings.redis_url) as redis:
        version = _version(redis)
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_REDIS:
        raise Ill("old", version=version)
    return Said("ok", {"version": version})


def _version(redis: Redis) -> str:
    try:
        return str(redis.info("server")["redis_version"])
    except Exception as error:
        raise Ill("away", error=first_line(error)) from error


def _spool(settings: Settings) -> Said:
    """What the telephone kept on this machine's disk while the database was away."""
    folder = settings.state_dir / "spool"
    kept, unreadable = sorted(folder.glob("*.event")), list(folder.glob("*.unreadable"))
    if unreadable:
        raise Ill("unreadable", number=len(unreadable), folder=folder)
    if kept and clock.now().timestamp() - int(kept[0].name[:20]) / 1e9 > SPOOL_PATIENCE:
        raise Ill("stuck", number=len(kept))
    return Said("ok", {"number": len(kept)})


def _storage(settings: Settings) -> Said:
    storage, key = Storage(settings.recordings_url), f"doctor-{secrets.token_hex(8)}"
    content = secrets.token_bytes(64)
    try:
        storage.write(key, content)
        whole = storage.read(key) == content
        storage.delete(key)
    except Exception as error:
        raise Ill("away", error=first_line(error)) from error
    if not whole:
        raise Ill("differs", place=settings.recordings_url)
    return Said("ok", {"place": settings.recordings_url})


def _disk(settings: Settings) -> Said:
    free = shutil.disk_usage(settings.state_dir).free / 1e9
    if free < LEAST_FREE_GIGABYTES:
        raise Ill("full", free=f"{free:.1f}", folder=settings.state_dir)
    return Said("ok", {"free": f"{free:.0f}", "hours": f"{free / GIGABYTES_AN_HOUR:,.0f}"})


def _mail(settings: Settings) -> Said:
    if not settings.smtp_url:
        return Said("none")
    parts = urlsplit(settings.smtp_url)
    host, port = parts.hostname or "", parts.port or MAIL_PORTS[parts.scheme]
    facts = {"host": host, "port": port}
    try:
        with closing(socket.create_connection((host, port), PATIENCE)):
            return Said("ok", {**facts, "sender": settings.mail_from})
    except OSError as error:
        raise Ill("away", **facts, error=first_line(error)) from error


def _model(settings: Settings) -> Said:
    """The file of the speech model, where it is a file: who hears says more when it has loaded it."""
    model = settings.whisper_model
    if settings.whisper_engine == "remote":
        return Said("remote", {"address": settings.whisper_url})
    if model in WHISPER_MODELS:
        return Said("named", {"model": model})
    if not Path(model).exists():
        raise Ill("missing", model=model)
    return Said("ok", {"model": Path(model).name})


def _prompts(settings: Settings) -> Said:
    """Whether prompts can be spoken for the telephone in the browser."""
    if not settings.phone_enabled:
        return Said("off")
    return Said("ok" if shutil.which("espeak-ng") else "silent")


CHECKS: Mapping[str, Check] = {
    "settings": _settings,
    "address": _address,
    "database": _database,
    "clock": _clock,
    "redis": _redis,
    "spool": _spool,
    "storage": _storage,
    "disk": _disk,
    "mail": _mail,
    "model": _model,
    "prompts": _prompts,
}
