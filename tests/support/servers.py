"""Real Redis and PostgreSQL servers, started by the tests on free ports in temporary folders.

`redis_server()` and `postgres_server()` are context managers that give a `Server`: its `url`, and
`stop()`/`start()` to take it away and bring it back with its data. Where a server is not installed
the test is skipped with a clear word, but in CI (`CI=true`) it fails.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import pytest

from demo.house import free_port

PATIENCE = 30.0  # seconds a server may take to start


def missing(what: str) -> NoReturn:
    """Skip for want of a server; in CI everything must be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is not installed, and CI must have it")
    pytest.skip(f"{what} is not installed here")


@dataclass
class Server:
    """A server process that can be stopped and started again on the same port and data."""

    url: str
    port: int
    folder: Path
    command: Sequence[str]
    user: str | None = None
    power_cut: signal.Signals = signal.SIGKILL
    is_up: Callable[[], bool] = lambda: True
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start and wait until it answers."""
        log = (self.folder / "server.log").open("ab")
        self._process = subprocess.Popen(
            self.command, stdout=log, stderr=log, user=self.user, cwd=self.folder
        )
        deadline = time.monotonic() + PATIENCE
        while not self.is_up():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.folder / "server.log").read_text())
            time.sleep(0.05)

    def stop(self) -> None:
        """Take it down at once, as a power cut would."""
        if self._process:
            self._process.send_signal(self.power_cut)
            self._process.wait()
            self._process = None


@contextmanager
def redis_server(*, append_only: bool = False) -> Iterator[Server]:
    """A Redis on a free port; `url` is redis://127.0.0.1:PORT/0."""
    program = shutil.which("redis-server") or missing("redis-server")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        append = "yes" if append_only else "no"
        options = ["--bind", "127.0.0.1", "--save", "", "--appendonly", append, "--dir", folder]
        server = Server(
            url=f"redis://127.0.0.1:{port}/0",
            port=port,
            folder=Path(folder),
            command=[program, "--port", str(port), *options],
            is_up=lambda: _answers(port, b"PING\r\n", b"+PONG"),
        )
        yield from _running(server)


@contextmanager
def postgres_server() -> Iterator[Server]:
    """A fresh PostgreSQL cluster on a free port; `url` names an empty database called whistle."""
    programs = _postgres_programs()
    port, user = free_port(), _unprivileged()
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        if user:
            shutil.chown(folder, user)
        data = f"{folder}/data"
        initdb = [f"{programs}/initdb", "-D", data, "-U", "whistle", "-A", "trust", "-E", "UTF8"]
        _run([*initdb, "--no-sync"], user, folder)
        server = Server(
            url=f"postgresql://whistle@127.0.0.1:{port}/whistle",
            port=port,
            folder=Path(folder),
            command=[
                f"{programs}/postgres",
                *("-D", data, "-p", str(port), "-h", "127.0.0.1"),
                *("-c", "unix_socket_directories="),
                # A process may be killed here, the machine is not: it keeps what was written.
                *("-c", "fsync=off", "-c", "full_page_writes=off"),
            ],
            user=user,
            power_cut=signal.SIGQUIT,  # PostgreSQL's own word for it; -9 would leave its children
            is_up=lambda: _database_answers(f"{programs}/pg_isready", port),
        )
        yield from _running(server, after_start=lambda: _make_database(programs, port))


def _running(server: Server, after_start: Callable[[], None] = lambda: None) -> Iterator[Server]:
    server.start()
    try:
        after_start()
        yield server
    finally:
        server.stop()


def _answers(port: int, question: bytes, answer: bytes) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as connection:
            connection.sendall(question)
            return connection.recv(100).startswith(answer)
    except OSError:
        return False


def _database_answers(pg_isready: str, port: int) -> bool:
    command = [pg_isready, "-q", "-h", "127.0.0.1", "-p", str(port)]
    return subprocess.run(command, check=False).returncode == 0


def _make_database(programs: Path, port: int) -> None:
    address = ["-h", "127.0.0.1", "-p", str(port), "-U", "whistle"]
    _run([f"{programs}/createdb", *address, "whistle"], None, "/")


def _run(command: Sequence[str], user: str | None, folder: str) -> None:
    done = subprocess.run(command, user=user, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stdout}{done.stderr}")


def _postgres_programs() -> Path:
    """The folder with initdb and its like; Debian keeps it off the PATH."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=_version)
    if versions:
        return versions[-1].parent
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else missing("PostgreSQL")


def _version(initdb: Path) -> float:
    return float(initdb.parent.parent.name)


def _unprivileged() -> str | None:
    """Whom the cluster belongs to: PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
