"""A hotline of a few canned answers, to see what the simulated provider makes of them."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

XML = "text/xml; charset=utf-8"


@dataclass(frozen=True)
class Reply:
    """One canned answer; `body` may be text of TwiML without the Response around it."""

    body: str | bytes = ""
    status: int = 200
    content_type: str = XML

    @property
    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return f'<?xml version="1.0" encoding="UTF-8"?><Response>{self.body}</Response>'.encode()


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    form: dict[str, str]
    pairs: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]


@dataclass
class TinyHotline:
    """Answers by path; use with `with`. What was asked is in `requests`, in order."""

    replies: dict[str, Reply]
    requests: list[Request] = field(default_factory=list)

    def __enter__(self) -> "TinyHotline":
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def asked(self, path: str) -> list[Request]:
        return [one for one in self.requests if one.target.partition("?")[0] == path]


def _handler(hotline: TinyHotline) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            pairs = tuple(parse_qsl(body, keep_blank_values=True))
            hotline.requests.append(
                Request(self.command, self.path, dict(pairs), pairs, self.headers)
            )
            reply = hotline.replies.get(self.path.partition("?")[0], Reply())
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.content_type)
            self.send_header("Content-Length", str(len(reply.content)))
            self.end_headers()
            self.wfile.write(reply.content)

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            """Quiet."""

    return Handler
