"""The hotline's own processes, started as an operator starts them: by command, with settings.

Nothing of the hotline is imported; the commands below and the settings are its outside.
"""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
MODEL = PROJECT / "demo" / "model" / "hotline.pt"
ADDRESS = "127.0.0.1"
CITY = "hongkong"

MIGRATE = [sys.executable, "-m", "alembic", "upgrade", "head"]
WEB = [sys.executable, "app.py"]
WORKER = [sys.executable, "worker.py"]
WATCH = [sys.executable, "worker.py", "watch"]
SIGN_IN_LINK = [sys.executable, "-m", "console", "sign-in-link", "--role", "admin"]
SAMPLES = PROJECT / "demo" / "calls"
# The telephone in the browser, with callers who speak where there is no microphone.
WITH_PHONE = {"PHONE_ENABLED": "1", "PHONE_SAMPLES": str(SAMPLES)}
EXPORT = [sys.executable, "-m", "console", "export"]

# Every setting is named, so that nobody's own environment or .env finds its way in.
NOTHING_SET = dict.fromkeys(
    (
        *("DATABASE_URL", "REDIS_URL", "RECORDINGS_URL", "TWILIO_AUTH_TOKEN_SECONDARY"),
        *("AGENT_DIAL", "OUTBOUND_NUMBER", "SECRET_KEY", "DATA_KEY"),
        *("SMTP_URL", "MAIL_FROM", "SMS_FROM", "WEBHOOK_SECRETS"),
        "PHONE_SAMPLES",
    ),
    "",
)

Case = dict[str, Any]


class HouseError(Exception):
    """A process of the hotline did not do as it should; the message names its log."""


def free_port() -> int:
    """A TCP port of this machine that nobody listens on at the moment.

    Below the range that systems lend to outgoing connections (Linux from 32768, others from
    49152): one of those could take it before the server does.
    """
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("", port))
            return port


@dataclass
class House:
    """Web and worker of one hotline with their state in `state`; stop with `stop()`.

    `settings` come on top of the usual ones: port, public address, state folder, demo model.
    """

    state: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    token: str = field(default_factory=lambda: secrets.token_hex(16))
    patience: float = 60.0
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"http://{ADDRESS}:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            **NOTHING_SET,
            "PHONE_ENABLED": "0",
            "CITY": CITY,
            "PROVIDER": "twilio",
            "CALLER_SMS": "city",
            "PORT": str(self.port),
            "PUBLIC_BASE_URL": self.address,
            "STATE_DIR": str(self.state),
            "TWILIO_AUTH_TOKEN": self.token,
            "WHISPER_MODEL": str(MODEL),
            "SPEECH_PROCESSES": "1",
            "LOG_FORMAT": "text",
            "PYTHONUNBUFFERED": "1",
            **self.settings,
        }

    def log(self, name: str) -> Path:
        """Where the process `name` writes what it has to say."""
        return self.state / "logs" / f"{name}.log"

    def forget_logs(self) -> None:
        """Begin with empty logs."""
        for log in self.log("any").parent.glob("*.log"):
            log.unlink()

    # Starting

    def migrate(self) -> None:
        """Bring the database up to date. Raises HouseError."""
        self.run("migrate", MIGRATE)

    def run(self, name: str, command: list[str]) -> str:
        """Run a command of the project to its end; what it printed. Raises HouseError."""
        done = subprocess.run(
            command, cwd=PROJECT, env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            self._open_log(name).write((done.stdout + done.stderr).encode())
            raise HouseError(f"{name} failed ({_last_line(done.stderr)}); see {self.log(name)}")
        return done.stdout

    def start_web(self) -> None:
        """Start the web process and wait until it is ready. Raises HouseError."""
        self.start("web", WEB)
        deadline = time.monotonic() + self.patience
        while not self.is_ready():
            self.check()
            if time.monotonic() > deadline:
                raise HouseError(f"the web process is not ready; see {self.log('web')}")
            time.sleep(0.1)

    def start_worker(self) -> None:
        self.start("worker", WORKER)

    def start_watch(self) -> None:
        self.start("watch", WATCH)

    def start(self, name: str, command: list[str]) -> None:
        """Start a process in a group of its own, so that all it starts can be ended with it."""
        log = self._open_log(name)
        self.processes[name] = subprocess.Popen(
            command,
            cwd=PROJECT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        log.close()

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def check(self) -> None:
        """Raises HouseError if a process has ended by itself."""
        for name, process in self.processes.items():
            if process.poll() is not None:
                word = _last_line(self.log(name).read_text(errors="replace"))
                raise HouseError(f"{name} ended ({word}); see {self.log(name)}")

    # Ending

    def kill(self, name: str) -> None:
        """End a process at once and without a word to it, and all that it started."""
        process = self.processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self, patience: float = 10.0) -> None:
        """Ask every process to end; after `patience` seconds, and of all they started, insist."""
        for process in self.processes.values():
            process.terminate()
        deadline = time.monotonic() + patience
        for process in self.processes.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, deadline - time.monotonic()))
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.processes.clear()

    # What it knows

    def cases(self) -> list[Case]:
        """All cases, as the export command prints them. Raises HouseError."""
        return [json.loads(line) for line in self.run("export", EXPORT).splitlines()]

    def sign_in_link(self, name: str) -> str:
        """A link that signs this agent in to the console, once and soon. Raises HouseError."""
        return self.run("sign-in-link", [*SIGN_IN_LINK, name]).strip()

    def _open_log(self, name: str) -> Any:
        self.log(name).parent.mkdir(parents=True, exist_ok=True)
        return self.log(name).open("ab")


def _last_line(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "no message")
