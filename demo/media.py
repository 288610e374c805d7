"""The provider's media server: recordings behind Basic auth, and the list of them.

Source: Twilio, "Recordings resource": a recording may answer 404 for a while after it was
announced, may be answered with a redirect to a content network, and is listed in pages.
"""

import base64
import hmac
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from .sound import Encoding

API_VERSION = "2010-04-01"
_CHUNK = 64 * 1024


@dataclass(frozen=True)
class Manners:
    """How the media of one recording behaves.

    `not_ready`: that many requests are answered 404 first. `redirect`: base address
    (`http://host:port`) that every request is sent to. `slow`: seconds before the first byte.
    `bytes_more`: silence sent after the sound, to be huge.
    `gone`: 404 for ever. `address`: base address announced instead of the real one. `encoding`: of
    the sound files.
    """

    not_ready: int = 0
    redirect: str = ""
    slow: float = 0.0
    bytes_more: int = 0
    gone: bool = False
    address: str = ""
    encoding: Encoding = "pcm16"


GOOD_MANNERS = Manners()


@dataclass
class Recording:
    sid: str
    account: str
    call: str
    sound: bytes
    seconds: int
    status: str = "completed"
    made: datetime = field(default_factory=lambda: datetime.now(UTC))
    manners: Manners = GOOD_MANNERS

    @property
    def path(self) -> str:
        return f"/{API_VERSION}/Accounts/{self.account}/Recordings/{self.sid}"

    def as_json(self) -> dict[str, Any]:
        """The fields of Twilio's Recordings resource (durations are strings there)."""
        moment = format_datetime(self.made)
        return {
            "account_sid": self.account,
            "api_version": API_VERSION,
            "call_sid": self.call,
            "channels": 1,
            "conference_sid": None,
            "date_created": moment,
            "date_updated": moment,
            "start_time": moment,
            "duration": str(self.seconds),
            "encryption_details": None,
            "error_code": None,
            "price": "-1",
            "price_unit": "USD",
            "sid": self.sid,
            "source": "RecordVerb",
            "status": self.status,
            "track": "both",
            "uri": f"{self.path}.json",
        }


@dataclass(frozen=True)
class Fetch:
    """One request that reached a media server."""

    path: str
    authorization: str | None
    status: int


class MediaServer:
    """Serves recordings on a free loopback port; start and stop with `with`.

    `login` is (account, token) that Basic auth must carry; None asks for none. A content network
    (`origin` given) serves the recordings of another server, and sends nobody on.
    """

    def __init__(
        self,
        login: tuple[str, str] | None,
        host: str = "127.0.0.1",
        origin: "MediaServer | None" = None,
    ) -> None:
        self.login = login
        self.is_origin = origin is None
        self.recordings: dict[str, Recording] = origin.recordings if origin else {}
        self.fetches: list[Fetch] = []
        self._asked: dict[str, int] = {}
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer((host, 0), _handler(self))
        self._server.daemon_threads = True
        self.host = f"{host}:{self._server.server_address[1]}"
        self.address = f"http://{self.host}"

    def __enter__(self) -> "MediaServer":
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def keep(self, recording: Recording) -> None:
        self.recordings[recording.sid] = recording

    def address_of(self, recording: Recording) -> str:
        """The address to announce."""
        return (recording.manners.address or self.address) + recording.path

    def admits(self, authorization: str | None) -> bool:
        if self.login is None:
            return True
        want = base64.b64encode(":".join(self.login).encode()).decode()
        return hmac.compare_digest(authorization or "", f"Basic {want}")

    def times_asked(self, sid: str) -> int:
        """Count one more request for this recording; returns how many came before."""
        with self._lock:
            before = self._asked.get(sid, 0)
            self._asked[sid] = before + 1
            return before

    def page(self, query: Mapping[str, list[str]], path: str) -> dict[str, Any]:
        """One page of the list, newest first, as Twilio pages it."""
        size, number = int(query.get("PageSize", ["50"])[0]), int(query.get("Page", ["0"])[0])
        wanted = [one.as_json() for one in self._newest_first() if _asked_for(one, query)]
        here = wanted[number * size : (number + 1) * size]
        more = len(wanted) > (number + 1) * size
        turn = {**query, "PageSize": [str(size)], "Page": [str(number + 1)]}
        return {
            "recordings": here,
            "page": number,
            "page_size": size,
            "start": number * size,
            "end": number * size + max(len(here) - 1, 0),
            "next_page_uri": f"{path}?{urlencode(turn, doseq=True)}" if more else None,
        }

    def _newest_first(self) -> list[Recording]:
        kept = (one for one in self.recordings.values() if one.status != "absent")
        return sorted(kept, key=lambda one: one.made, reverse=True)


def _asked_for(recording: Recording, query: Mapping[str, list[str]]) -> bool:
    """The list's filters: CallSid, and DateCreated with `>` or `<` in the name of the parameter."""
    day = recording.made.date()
    tests: dict[str, Callable[[str], bool]] = {
        "CallSid": lambda value: recording.call == value,
        "DateCreated": lambda value: day == date.fromisoformat(value[:10]),
        "DateCreated>": lambda value: day >= date.fromisoformat(value[:10]),
        "DateCreated<": lambda value: day <= date.fromisoformat(value[:10]),
    }
    return all(test(query[name][0]) for name, test in tests.items() if name in query)


def _handler(server: MediaServer) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        media = server

    return Handler


class _Handler(BaseHTTPRequestHandler):
    media: MediaServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        if not self.media.admits(self.headers.get("Authorization")):
            self._answer(401, {"WWW-Authenticate": 'Basic realm="Twilio API"'})
        elif address.path.endswith("/Recordings.json"):
            page = self.media.page(parse_qs(address.query), address.path)
            self._answer(200, {"Content-Type": "application/json"}, json.dumps(page).encode())
        else:
            self._recording(address.path)

    def _recording(self, path: str) -> None:
        name, _, suffix = path.rpartition("/")[2].partition(".")
        recording = self.media.recordings.get(name)
        if recording is None or suffix not in ("", "wav") or not self._is_ready(recording):
            self._answer(404)
        elif recording.manners.redirect and self.media.is_origin:
            self._answer(302, {"Location": recording.manners.redirect + path})
        else:
            self._sound(recording)

    def _is_ready(self, recording: Recording) -> bool:
        before = self.media.times_asked(recording.sid)
        if not self.media.is_origin:
            return True
        there = recording.status == "completed" and not recording.manners.gone
        return there and before >= recording.manners.not_ready

    def _sound(self, recording: Recording) -> None:
        time.sleep(recording.manners.slow)
        more = recording.manners.bytes_more
        size = str(len(recording.sound) + more)
        self._head(200, {"Content-Type": "audio/x-wav", "Content-Length": size})
        try:
            self.wfile.write(recording.sound)
            for start in range(0, more, _CHUNK):
                self.wfile.write(bytes(min(_CHUNK, more - start)))
        except OSError:
            self.close_connection = True  # the other side had enough

    def _answer(
        self, status: int, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> None:
        self._head(status, {**(headers or {}), "Content-Length": str(len(body))})
        self.wfile.write(body)

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        self.media.fetches.append(Fetch(self.path, self.headers.get("Authorization"), status))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """The exchange keeps its own record."""
