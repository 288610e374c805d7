"""Those whom notices reach, as real servers on loopback: a department's system, and its mail server."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from demo.house import free_port

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass(frozen=True)
class Got:
    """One webhook: its headers, its body, and what the other side made of it once it was verified."""

    headers: dict[str, str]
    body: bytes
    content: Any


@dataclass
class Department:
    """A department's own system. It verifies every webhook with the specification's own package.

    `answers`: what the next webhooks are answered, then 204 for ever: a status, a status with headers,
    or `hang`, `break`, `drip`. `forged`: how many did not bear our signature.
    """

    secret: str = SECRET
    answers: list[Any] = field(default_factory=list)
    got: list[Got] = field(default_factory=list)
    forged: int = 0

    def __enter__(self) -> "Department":
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hooks/hotline"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def ids(self) -> list[str]:
        return [one.headers["webhook-id"] for one in self.got]

    def verify(self, headers: dict[str, str], body: bytes) -> Any:
        try:
            return Webhook(self.secret).verify(body, headers)
        except WebhookVerificationError:
            self.forged += 1
            return None


def _handler(department: Department) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            department.got.append(Got(headers, body, department.verify(headers, body)))
            self._answer(department.answers.pop(0) if department.answers else 204)

        def _answer(self, answer: Any) -> None:
            if answer == "hang":
                time.sleep(30)
            if answer in ("hang", "break"):
                self.close_connection = True
                return
            if answer == "drip":
                self._drip()
                return
            status, headers = answer if isinstance(answer, tuple) else (answer, {})
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def _drip(self) -> None:
            """An answer that never ends."""
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b"x" * 65536)
            except OSError:
                return

        def log_message(self, *_: object) -> None:
            """Quiet."""

    return Handler


@dataclass
class MailServer:
    """A mail server. `refuses`: the answer to the next recipients or messages, such as `550 no such
    user`."""

    refuses: list[str] = field(default_factory=list)
    refuses_data: list[str] = field(default_factory=list)
    got: list[EmailMessage] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)

    async def handle_RCPT(
        self, server: SMTP, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if self.refuses:
            return self.refuses.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        if self.refuses_data:
            return self.refuses_data.pop(0)
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.got.append(message)
        return "250 taken"

    def authenticate(self, _s: Any, _session: Any, _e: Any, _mech: str, given: Any) -> AuthResult:
        assert isinstance(given, LoginPassword)
        login = (given.login.decode(), given.password.decode())
        self.logins.append(login)
        return AuthResult(success=login[1] == "right", handled=False)

    @contextmanager
    def running(self, **how: Any) -> Iterator[int]:
        """The port it listens on."""
        controller = Controller(
            self,
            hostname="127.0.0.1",
            port=free_port(),
            authenticator=self.authenticate,
            auth_require_tls=False,
            **how,
        )
        controller.start()
        try:
            yield controller.port
        finally:
            controller.stop()
