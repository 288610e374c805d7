"""Where recordings lie: a local folder or S3-compatible storage, through fsspec."""

import os
import secrets
from pathlib import Path
from typing import Any, BinaryIO, cast

import fsspec


class Storage:
    """Files under one URL (`file:///...`, `s3://bucket/prefix`), addressed by relative keys."""

    def __init__(self, url: str) -> None:
        self._files, self._root = fsspec.core.url_to_fs(url)
        self._local = url.startswith("file://")

    def write(self, key: str, content: bytes) -> None:
        """Store the content whole or not at all; when this returns, a power cut cannot take it."""
        if self._local:
            _write_durably(Path(self._path(key)), content)
        else:
            self._files.pipe_file(self._path(key), content)

    def read(self, key: str) -> bytes:
        """The content. Raises FileNotFoundError."""
        return cast(bytes, self._files.cat_file(self._path(key)))

    def open(self, key: str) -> BinaryIO:
        """The content as a seekable stream. Raises FileNotFoundError."""
        return cast(BinaryIO, self._files.open(self._path(key), "rb"))

    def size(self, key: str) -> int:
        """Length in bytes. Raises FileNotFoundError."""
        info: dict[str, Any] = self._files.info(self._path(key))
        return int(info["size"])

    def exists(self, key: str) -> bool:
        return bool(self._files.exists(self._path(key)))

    def delete(self, key: str) -> None:
        """Have the content no more. Raises FileNotFoundError."""
        self._files.rm_file(self._path(key))

    def _path(self, key: str) -> str:
        if key.startswith("/") or ".." in key.split("/"):
            raise ValueError(f"not a key: {key!r}")
        return f"{self._root}/{key}"


def _write_durably(path: Path, content: bytes) -> None:
    new_folders = [folder for folder in path.parents if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open(draft, "xb", opener=_private) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    for folder in (path.parent, *(new.parent for new in new_folders)):
        _sync(folder)


def _sync(folder: Path) -> None:
    """A name is safe when the folder it stands in is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
