"""Sound is fetched from known hosts only, nobody is told our keys, and nothing lasts for ever."""

import base64
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ivr import media
from ivr.media import NotYet, Refused, Source

ACCOUNT = ("AC1", "secret")
Reply = Callable[[BaseHTTPRequestHandler], None]


def answer(status: int, body: bytes = b"", **headers: str) -> Reply:
    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return reply


@dataclass
class Host:
    """A real host that answers each address with the next of its replies; the last one stays."""

    replies: dict[str, list[Reply]] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)

    def __enter__(self) -> "Host":
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                host.asked.append((self.path, self.headers.get("Authorization")))
                replies = host.replies.get(self.path, [answer(404)])
                (replies.pop(0) if len(replies) > 1 else replies[0])(self)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.name = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def url(self, path: str = "/RE1") -> str:
        return f"http://{self.name}{path}"


@pytest.fixture
def provider() -> Iterator[Host]:
    with Host() as host:
        yield host


@pytest.fixture
def other() -> Iterator[Host]:
    with Host({"/sound": [answer(200, b"elsewhere")]}) as host:
        yield host


def fetch(*hosts: Host, url: str | None = None) -> bytes:
    return media.fetch(Source([host.name for host in hosts], ACCOUNT), url or hosts[0].url())


def test_sound_is_fetched_with_the_accounts_credentials(provider: Host) -> None:
    provider.replies["/RE1"] = [answer(200, b"sound")]
    assert fetch(provider) == b"sound"
    known = base64.b64encode(b"AC1:secret").decode()
    assert provider.asked == [("/RE1", f"Basic {known}")]


def test_without_credentials_none_are_sent(provider: Host) -> None:
    provider.replies["/RE1"] = [answer(200, b"sound")]
    assert media.fetch(Source([provider.name], None), provider.url()) == b"sound"
    assert provider.asked == [("/RE1", None)]


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/RE1",
        "https://api.twilio.com.evil.example/RE1",
        "https://evil.example/api.twilio.com",
        "https://api.twilio.com@evil.example/RE1",
        "https://user:pass@api.twilio.com/RE1",
        "https://api.twilio.com\\@evil.example/RE1",
        "http://api.twilio.com/RE1",
        "ftp://api.twilio.com/RE1",
        "file:///etc/passwd",
        "https://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:22/",
        "https:///RE1",
        "https://api.twilio.com:99999/RE1",
        "https://[api.twilio.com/RE1",
        "https://api.twilio.com/\x01",
        "nonsense",
        "",
    ],
)
def test_other_places_are_refused_without_asking(url: str) -> None:
    with pytest.raises(Refused):
        media.fetch(Source(["api.twilio.com"], ACCOUNT), url)


def test_plain_http_is_for_loopback_only() -> None:
    with pytest.raises(Refused, match="https"):
        media.check(Source(["192.0.2.1", "api.twilio.com"], None), "http://192.0.2.1/RE1")
    media.check(Source(["127.0.0.1:9000"], None), "http://127.0.0.1:9000/RE1")
    media.check(Source(["[::1]:9000"], None), "http://[::1]:9000/RE1")
    media.check(Source(["api.twilio.com"], None), "https://API.twilio.com/RE1")


def test_another_port_is_another_host() -> None:
    with pytest.raises(Refused):
        media.check(Source(["127.0.0.1:9000"], None), "http://127.0.0.1:9001/RE1")


def test_a_redirect_is_followed_without_credentials(provider: Host, other: Host) -> None:
    provider.replies["/RE1"] = [answer(302, Location=other.url("/sound"))]
    assert fetch(provider, other) == b"elsewhere"
    assert other.asked == [("/sound", None)]


def test_even_to_the_same_host_credentials_do_not_cross_a_redirect(provider: Host) -> None:
    provider.replies["/RE1"] = [answer(307, Location="/sound")]
    provider.replies["/sound"] = [answer(200, b"sound")]
    assert fetch(provider) == b"sound"
    assert provider.asked[1] == ("/sound", None)


def test_a_redirect_to_an_unknown_host_is_refused_and_never_asked(
    provider: Host, other: Host
) -> None:
    provider.replies["/RE1"] = [answer(302, Location=other.url("/sound"))]
    with pytest.raises(Refused, match="MEDIA_HOSTS"):
        fetch(provider)
    assert other.asked == []


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "http://[x", "//user@127.0.0.1/", "ftp://127.0.0.1/"]
)
def test_a_redirect_to_no_address_is_refused(provider: Host, target: str) -> None:
    provider.replies["/RE1"] = [answer(302, Location=target)]
    with pytest.raises(Refused):
        fetch(provider)


def test_redirects_that_go_in_a_circle_end(provider: Host) -> None:
    provider.replies["/RE1"] = [answer(302, Location="/RE1")]
    with pytest.raises(Refused, match="redirects"):
        fetch(provider)
    assert len(provider.asked) == media.MAX_REDIRECTS + 1


def test_what_is_not_there_yet_may_be_there_soon(provider: Host) -> None:
    provider.replies["/RE1"] = [answer(404), answer(200, b"sound")]
    with pytest.raises(NotYet) as not_yet:
        fetch(provider)
    assert not_yet.value.soon
    assert fetch(provider) == b"sound"


def test_an_empty_file_is_not_there_yet(provider: Host) -> None:
    provider.replies["/RE1"] = [answer(200)]
    with pytest.raises(NotYet) as not_yet:
        fetch(provider)
    assert not_yet.value.soon


@pytest.mark.parametrize("status", [401, 403, 410, 429, 500, 503, 204])
def test_another_answer_is_tried_again_later(provider: Host, status: int) -> None:
    provider.replies["/RE1"] = [answer(status)]
    with pytest.raises(NotYet) as not_yet:
        fetch(provider)
    assert not not_yet.value.soon


def test_a_provider_that_is_away_is_tried_again_later(provider: Host) -> None:
    url = provider.url()
    source = Source([provider.name], ACCOUNT)
    provider.__exit__()
    with pytest.raises(NotYet, match="ConnectError"):
        media.fetch(source, url)


def test_too_much_is_refused(provider: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "MAX_BYTES", 1_000_000)
    provider.replies["/RE1"] = [answer(200, b"x" * 1_000_001)]
    with pytest.raises(Refused, match="MB"):
        fetch(provider)


def test_a_small_file_that_unpacks_to_too_much_is_refused(
    provider: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    import gzip

    monkeypatch.setattr(media, "MAX_BYTES", 1_000_000)
    bomb = gzip.compress(b"\x00" * 20_000_000)
    provider.replies["/RE1"] = [answer(200, bomb, **{"Content-Encoding": "gzip"})]
    with pytest.raises(Refused, match="MB"):
        fetch(provider)


def test_a_trickle_ends_at_the_deadline(provider: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def trickle(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(100):
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(0.05)

    monkeypatch.setattr(media, "MAX_SECONDS", 0.5)
    provider.replies["/RE1"] = [trickle]
    began = time.monotonic()
    with pytest.raises(NotYet, match="not here after"):
        fetch(provider)
    assert time.monotonic() - began < 2


def test_a_provider_that_hangs_is_left_alone(
    provider: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media, "READ_SECONDS", 0.2)
    provider.replies["/RE1"] = [lambda handler: time.sleep(2)]
    began = time.monotonic()
    with pytest.raises(NotYet, match="ReadTimeout"):
        fetch(provider)
    assert time.monotonic() - began < 1


def test_half_a_file_is_not_a_file(provider: Host) -> None:
    def half(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.write(b"half")

    provider.replies["/RE1"] = [half]
    with pytest.raises(NotYet):
        fetch(provider)
