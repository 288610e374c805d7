"""Secrets an operator did not choose are made once and kept beside the embedded database."""

import os
import secrets
from pathlib import Path


def secret(state_dir: Path, name: str, chosen: str) -> str:
    """The chosen secret, or the one kept in `state_dir/keys/<name>`, made on first use (mode 600)."""
    if chosen:
        return chosen
    file = state_dir / "keys" / name
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read(file)
    with os.fdopen(handle, "w") as new:
        new.write(secrets.token_urlsafe(32))
        new.flush()
        os.fsync(new.fileno())
    return _read(file)


def _read(file: Path) -> str:
    for _ in range(50):
        if text := file.read_text().strip():
            return text
        # Another process has made the file this very moment and is about to write it.
        os.sched_yield()
    raise OSError(f"{file} is empty: delete it and start again")
