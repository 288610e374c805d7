"""Prompts' recordings that were uploaded: brought to this machine before a caller is to hear them.

They are named by their digest, so a file once here is right for good. While one is not here its prompt
is spoken: a call never waits for storage.
"""

import hashlib
import logging
import os
import re
import secrets
from collections.abc import Iterable
from pathlib import Path

from callflows.flow import Callflow
from callflows.reader import UPLOADED
from runtime.breaker import first_line
from runtime.settings import Settings
from runtime.storage import Storage

log = logging.getLogger(__name__)

_NAME = re.compile(rf"{UPLOADED}/([0-9a-f]{{64}})\.wav")


def digest_of(audio: str) -> str | None:
    """The digest of an uploaded recording, by its path below the prompts' address; None of another."""
    found = _NAME.fullmatch(audio)
    return found[1] if found else None


def key(digest: str) -> str:
    """Where storage has an uploaded recording."""
    return f"prompts/{digest}.wav"


def folder(settings: Settings) -> Path:
    """Where this machine has them."""
    return settings.state_dir / "city" / UPLOADED


def is_here(settings: Settings, audio: str) -> bool:
    """Whether a prompt's file can be played: uploaded ones can once they are on this machine."""
    digest = digest_of(audio)
    return digest is None or (folder(settings) / f"{digest}.wav").is_file()


def bring(settings: Settings, storage: Storage, callflows: Iterable[Callflow]) -> int:
    """Bring the recordings that these flows play and this machine lacks. How many are still missing."""
    wanted = {audio for one in callflows for audio in one.prompts.audio.values()}
    missing = [digest for audio in wanted if (digest := digest_of(audio))]
    return sum(not _bring(folder(settings) / f"{one}.wav", storage, one) for one in missing)


def _bring(file: Path, storage: Storage, digest: str) -> bool:
    if file.is_file():
        return True
    try:
        content = storage.read(key(digest))
    except Exception as error:
        # Each kind of storage has errors of its own; whatever it is, the prompt is spoken meanwhile.
        log.warning("a prompt's recording cannot be had now: %s", first_line(error))
        return False
    if hashlib.sha256(content).hexdigest() != digest:
        log.error("a prompt's recording in storage is not what was uploaded: %s", key(digest))
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    draft.write_bytes(content)
    os.replace(draft, file)
    return True
