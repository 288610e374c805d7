"""Recordings nobody told us of are collected from the provider's own list."""

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

import pytest

from app import create_app
from ivr import reconcile
from ivr.phone import Phone
from runtime import clock
from runtime.breaker import Unavailable
from runtime.settings import Settings
from tests.integration.telephone import TOKEN, Exchange

ACCOUNT = "/2010-04-01/Accounts/AC1"
CALL = {"from": "+85251234567", "to": "+8521823"}


def listed(number: int, status: str = "completed") -> dict[str, str]:
    return {"sid": f"RE{number}", "call_sid": f"CA{number}", "duration": "7", "status": status}


PAGES = {
    "": {
        "recordings": [listed(1), listed(2)],
        "next_page_uri": f"{ACCOUNT}/Recordings.json?Page=1",
    },
    "Page=1": {
        "recordings": [listed(3), listed(4, "processing")],
        "next_page_uri": None,
    },
}


class Provider(BaseHTTPRequestHandler):
    """The two answers of the provider's REST interface that collecting asks for."""

    asked: list[tuple[str, str | None]]
    wrong = False

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers["Authorization"]))
        parts = urlsplit(self.path)
        if parts.path.startswith(f"{ACCOUNT}/Calls/"):
            answer: object = CALL
        else:
            answer = PAGES["Page=1" if "Page=1" in parts.query else ""]
        body = b"<html>" if self.wrong else json.dumps(answer).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def provider() -> Iterator[tuple[type[Provider], str]]:
    handler = type("AProvider", (Provider,), {"asked": [], "wrong": False})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield handler, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def hotline(
    settings: Callable[..., Settings], provider: tuple[type[Provider], str]
) -> tuple[Exchange, Phone]:
    exchange = Exchange(create_app(settings(provider_api_url=provider[1])))
    return exchange, exchange.phone


def test_what_nobody_told_us_of_becomes_cases_with_their_callers(
    hotline: tuple[Exchange, Phone],
) -> None:
    exchange, phone = hotline
    assert reconcile.collect(phone, clock.now()) == 3
    for number in (1, 2, 3):
        (case,) = exchange.export(f"CA{number}")
        assert case["caller_masked"] == "+852 5*****67"
        assert [one["provider_id"] for one in case["recordings"]] == [f"RE{number}"]
        assert case["flags"] == ["transcript_pending"]


def test_collecting_again_finds_nothing_new(hotline: tuple[Exchange, Phone]) -> None:
    _, phone = hotline
    reconcile.collect(phone, clock.now())
    assert reconcile.collect(phone, clock.now()) == 0


def test_the_account_opens_the_list(
    hotline: tuple[Exchange, Phone], provider: tuple[type[Provider], str]
) -> None:
    reconcile.collect(hotline[1], clock.now())
    assert all((sent or "").startswith("Basic ") for _, sent in provider[0].asked)
    assert TOKEN not in str(provider[0].asked)


def test_an_answer_that_is_none_changes_nothing(
    hotline: tuple[Exchange, Phone], provider: tuple[type[Provider], str]
) -> None:
    provider[0].wrong = True
    with pytest.raises(Unavailable, match="list of recordings"):
        reconcile.collect(hotline[1], clock.now())


def test_a_hotline_on_loopback_has_no_provider_to_ask(settings: Callable[..., Settings]) -> None:
    phone = Exchange(create_app(settings(public_base_url="http://127.0.0.1:8000"))).phone
    assert not reconcile.may_ask(phone)
    assert reconcile.collect(phone, clock.now()) == 0
