"""The provider's REST interface: calls that the hotline asks for, its messages, and the lists.

Source: Twilio, "Calls resource": POST answers 201 with the call queued, and the address in `Url` is
fetched when somebody picks up; with MachineDetection the fetch says who in `AnsweredBy`.
"""

import base64
import hmac
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from .media import API_VERSION, MediaServer

Query = Mapping[str, list[str]]


@dataclass(frozen=True)
class Message:
    """One text message that the hotline sent."""

    sid: str
    to: str
    sender: str
    body: str
    callback: str = ""


@dataclass
class Manners:
    """How the interface behaves. `refusals`: status and error number answered to the next requests
    for a call; 0 takes the call but breaks the line before it answers. `text_refusals`: the same for
    messages."""

    refusals: list[tuple[int, int]] = field(default_factory=list)
    text_refusals: list[tuple[int, int]] = field(default_factory=list)


class RestServer:
    """The REST interface on a free loopback port; start and stop with `with`.

    `ring` places a call as asked and returns its JSON; `calls` lists those asked for, newest first;
    `text` takes a message.
    """

    def __init__(
        self,
        login: tuple[str, str],
        media: MediaServer,
        ring: Callable[[Mapping[str, str]], dict[str, Any]],
        calls: Callable[[], list[dict[str, Any]]],
        text: Callable[[Mapping[str, str]], dict[str, Any]],
        host: str = "127.0.0.1",
    ) -> None:
        self.login, self.media = login, media
        self.ring, self.calls, self.text = ring, calls, text
        self.manners = Manners()
        self.asked: list[dict[str, str]] = []
        self._server = ThreadingHTTPServer((host, 0), _handler(self))
        self._server.daemon_threads = True
        self.address = f"http://{host}:{self._server.server_address[1]}"

    def __enter__(self) -> "RestServer":
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def account_path(self) -> str:
        return f"/{API_VERSION}/Accounts/{self.login[0]}"

    def admits(self, authorization: str | None) -> bool:
        want = base64.b64encode(":".join(self.login).encode()).decode()
        return hmac.compare_digest(authorization or "", f"Basic {want}")

    def post(self, path: str, form: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """What a request to create something comes to; status 0 is a line that breaks."""
        if path == f"{self.account_path}/Messages.json":
            return _created(self.text, form, self.manners.text_refusals)
        if path != f"{self.account_path}/Calls.json":
            return 404, _error(20404)
        self.asked.append(dict(form))
        return _created(self.ring, form, self.manners.refusals)

    def get(self, path: str, query: Query) -> tuple[int, dict[str, Any]]:
        """A list, or one call."""
        if path == f"{self.account_path}/Recordings.json":
            return 200, self.media.page(query, path)
        if path == f"{self.account_path}/Calls.json":
            return 200, {"calls": [one for one in self.calls() if _wanted(one, query)]}
        for one in self.calls():
            if path == f"{self.account_path}/Calls/{one['sid']}.json":
                return 200, one
        return 404, _error(20404)


def _created(
    create: Callable[[Mapping[str, str]], dict[str, Any]],
    form: Mapping[str, str],
    refusals: list[tuple[int, int]],
) -> tuple[int, dict[str, Any]]:
    status, code = refusals.pop(0) if refusals else (201, 0)
    if status not in (0, 201):
        return status, _error(code)
    created = create(form)
    return (201, created) if status else (0, {})


def _wanted(call: Mapping[str, Any], query: Query) -> bool:
    return all(
        call[name.lower()] == query[name][0] for name in ("To", "From", "Status") if name in query
    )


def _error(code: int) -> dict[str, Any]:
    return {"code": code, "message": "refused", "status": 400}


def _handler(server: RestServer) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        rest = server

    return Handler


class _Handler(BaseHTTPRequestHandler):
    rest: RestServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        if self._is_admitted():
            self._answer(*self.rest.get(address.path, parse_qs(address.query)))

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        form = dict(parse_qsl(self.rfile.read(length).decode(), keep_blank_values=True))
        if self._is_admitted():
            self._answer(*self.rest.post(urlsplit(self.path).path, form))

    def _is_admitted(self) -> bool:
        admitted = self.rest.admits(self.headers.get("Authorization"))
        if not admitted:
            self._answer(401, _error(20003))
        return admitted

    def _answer(self, status: int, content: Mapping[str, Any]) -> None:
        if status == 0:
            self.close_connection = True
            return
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """The exchange keeps its own record."""
