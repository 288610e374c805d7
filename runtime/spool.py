"""When the database is away, what happened is written here, to be told to it later.

One file per event, encrypted, flushed to the disk before anybody is answered. An event leaves the
spool when somebody has dealt with it; events are therefore dealt with at least once.
"""

import base64
import hashlib
import json
import os
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken


class Unfit(Exception):
    """An event that nobody will ever be able to deal with."""


class Spool:
    """Events waiting in a folder, oldest first."""

    def __init__(self, folder: Path, secret: str) -> None:
        self._folder = folder
        key = hashlib.sha256(b"whistle spool" + secret.encode()).digest()
        self._fernet = Fernet(base64.urlsafe_b64encode(key))

    def add(self, event: dict[str, Any]) -> None:
        """Keep the event; when this returns, a power cut cannot take it. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = f"{time.time_ns():020d}-{secrets.token_hex(4)}"
        draft = self._folder / f".{name}"
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(self._fernet.encrypt(json.dumps(event).encode()))
            file.flush()
            os.fsync(file.fileno())
        os.rename(draft, self._folder / f"{name}.event")
        self._sync()

    def waiting(self) -> list[Path]:
        """The events that wait, oldest first."""
        return sorted(self._folder.glob("*.event"))

    def drain(self, deal_with: Callable[[dict[str, Any]], None]) -> int:
        """Hand every event over, oldest first; how many were dealt with.

        Stops at the first that raises; but one that is Unfit is set aside, for a person to look at.
        """
        return sum(self._dealt_with(file, deal_with) for file in self.waiting())

    def _dealt_with(self, file: Path, deal_with: Callable[[dict[str, Any]], None]) -> bool:
        try:
            event = self._open(file)
            if event is None:
                return False
            deal_with(event)
        except Unfit:
            self._set_aside(file)
            return False
        file.unlink(missing_ok=True)
        return True

    def _open(self, file: Path) -> dict[str, Any] | None:
        """The event, None if another process was faster. Raises Unfit."""
        try:
            event: dict[str, Any] = json.loads(self._fernet.decrypt(file.read_bytes()))
            return event
        except FileNotFoundError:
            return None
        except (InvalidToken, ValueError) as error:
            raise Unfit(file.name) from error

    def _set_aside(self, file: Path) -> None:
        # Not ours to throw away. Another process may have done it this very moment.
        with suppress(FileNotFoundError):
            file.rename(file.with_suffix(".unreadable"))

    def _sync(self) -> None:
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
