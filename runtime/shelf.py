"""The city's folder as it is published: the installed files, with the texts of an edition in their place.

Every reader of a city reads a folder, so an edition becomes one: links to the installed files, and the
published texts beside them, on this machine's disk. A folder once made is kept: calls that began with it
end with it, and a start without a database finds the last one. Who reads the texts out of the database
is handed in; nothing here knows a table.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import secrets
import shutil
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from runtime.breaker import first_line
from runtime.database import Trouble, transaction
from runtime.settings import Settings

log = logging.getLogger(__name__)

T = TypeVar("T")
EVERY_SECONDS = 2.0
INSTALLED = "0"
"""The edition that is the folder as it was installed."""
# An edition's number; one with drafts on trial is `7-123` or `7-123-124`.
_EDITION = re.compile(r"(0|[1-9][0-9]{0,8})((?:-[1-9][0-9]{0,11}){0,9})")


class Editions(Protocol):
    """Where editions are kept: the number of the newest, and the texts of one, drafts among them."""

    def newest(self, session: Session) -> int: ...
    def texts(self, session: Session, number: int, *trials: int) -> Mapping[str, str]: ...


class Shelf:
    """The folders of one city's editions."""

    def __init__(self, settings: Settings, engine: Engine, editions: Editions) -> None:
        self.installed = settings.city_folder
        self._place = settings.state_dir / "city" / settings.city_folder.name
        self._engine = engine
        self._editions = editions

    def newest(self) -> str:
        """The edition in force. Raises database.Trouble."""
        with transaction(self._engine) as session:
            return str(self._editions.newest(session))

    def last_here(self) -> str:
        """The newest edition that is on this machine's disk, for a start without a database."""
        numbers = [int(found[1]) for found in map(_of_folder, self._folders()) if found]
        return str(max(numbers, default=0))

    def current(self) -> Path:
        """The folder of the edition in force; without a database, of the last that is here."""
        try:
            return self.folder(self.newest())
        except Trouble:
            return self.folder(self.last_here())

    def folder(self, edition: str) -> Path:
        """The folder of an edition, made if it is not here. Raises LookupError when there is no such
        edition, database.Trouble, OSError."""
        named = _EDITION.fullmatch(edition)
        if named is None:
            raise LookupError(f"{edition!r} names no edition")
        if edition == INSTALLED:
            return self.installed
        # An edition never changes, the installed files may: they are part of the name.
        place = self._place / f"{edition}.{self._mark()}"
        folder = place / self.installed.name
        if not folder.is_dir():
            self._make(place, self._texts(edition, int(named[1]), named[2]))
        return folder

    def _texts(self, edition: str, number: int, trials: str) -> Mapping[str, str]:
        try:
            with transaction(self._engine) as session:
                drafts = [int(one) for one in trials.split("-")[1:]]
                return dict(self._editions.texts(session, number, *drafts))
        except Trouble:
            earlier = sorted(self._place.glob(f"{edition}.*/{self.installed.name}"))
            if not earlier:
                raise
            return _own_texts(earlier[-1])

    def _mark(self) -> str:
        names = sorted(f"{file.relative_to(self.installed)}" for file in _files(self.installed))
        told = "\n".join([str(self.installed.resolve()), *names])
        return hashlib.sha256(told.encode()).hexdigest()[:12]

    def _make(self, place: Path, texts: Mapping[str, str]) -> None:
        draft = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
        folder = draft / self.installed.name
        try:
            for file in _files(self.installed):
                name = file.relative_to(self.installed)
                if name.as_posix() not in texts:
                    _under(folder, name).symlink_to(file.resolve())
            for text_name, text in texts.items():
                _under(folder, Path(text_name)).write_text(text, encoding="utf-8")
            try:
                os.replace(draft, place)
            except OSError:
                # Another process was as quick, and made the same.
                if not place.is_dir():
                    raise
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def _folders(self) -> Iterable[str]:
        return [one.name for one in self._place.glob("*.*")] if self._place.is_dir() else []


def _of_folder(name: str) -> re.Match[str] | None:
    return re.fullmatch(r"([1-9][0-9]*)\.[0-9a-f]+", name)


def _files(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]


def _under(folder: Path, name: Path) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def _own_texts(folder: Path) -> dict[str, str]:
    """The published texts of a folder made before: what in it is no link."""
    own = [file for file in _files(folder) if not file.is_symlink()]
    return {file.relative_to(folder).as_posix(): file.read_text(encoding="utf-8") for file in own}


class Standing(Generic[T]):
    """Something made of the city's folder that stands for the edition in force.

    Trouble never takes away what stands: neither a database that is away nor an edition that this
    program cannot read. `make`: from an edition and its folder; raises ValueError when it cannot.
    """

    def __init__(self, shelf: Shelf, make: Callable[[str, Path], T]) -> None:
        self.shelf = shelf
        self._make = make
        self._lock = threading.Lock()
        self._unfit = ""
        # Without this the program is not installed properly, and may not start.
        self.edition, self.now = INSTALLED, make(INSTALLED, shelf.folder(INSTALLED))
        self._begin()

    def look(self) -> bool:
        """Take up another edition if one is in force. Whether there was one to take up."""
        with self._lock:
            try:
                newest = self.shelf.newest()
            except Trouble as error:
                log.debug("no look at the editions: %s", first_line(error))
                return False
            return newest not in (self.edition, self._unfit) and self._take_up(newest)

    def _begin(self) -> None:
        try:
            newest = self.shelf.newest()
        except Trouble as error:
            newest = self.shelf.last_here()
            log.warning("begins with edition %s, the last known: %s", newest, first_line(error))
        if newest != INSTALLED:
            self._take_up(newest)

    def _take_up(self, edition: str) -> bool:
        try:
            made = self._make(edition, self.shelf.folder(edition))
        except (ValueError, LookupError) as error:
            self._unfit = edition
            log.error("edition %s cannot be used, %s stays: %s", edition, self.edition, error)
            return False
        except Trouble as error:
            log.warning("edition %s cannot be had now: %s", edition, first_line(error))
            return False
        self.edition, self.now = edition, made
        log.info("edition %s of the city is in force", edition)
        return True


def keep_looking(*looks: Callable[[], object]) -> threading.Thread:
    """Look for other editions in the background, for as long as this process lives: no caller waits
    for it."""

    def forever() -> None:
        pause = threading.Event()
        while not pause.wait(EVERY_SECONDS):
            for look in looks:
                try:
                    look()
                except Exception:
                    log.exception("a look at the editions failed")

    thread = threading.Thread(target=forever, name="editions", daemon=True)
    thread.start()
    return thread
