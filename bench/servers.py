"""What is measured: bare Flask, and our web process on each database, as an operator starts them."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import httpx
import pytest
from sqlalchemy import create_engine, text

from bench import load, processes
from bench.load import Order, Volley
from bench.webhooks import Kind, Target
from demo.house import House
from tests.support.servers import postgres_server

# More webhooks than any server here answers in a second.
MOST_A_SECOND = 6000
TABLES = ("calls", "turns", "recordings", "cases")


@dataclass
class Server:
    """One server under test. Calls are numbered in the order in which they are placed."""

    name: str
    house: House
    database_url: str = ""
    addresses: dict[Kind, str] = field(default_factory=dict)
    placed: dict[Kind, int] = field(default_factory=lambda: {"arrival": 0, "message": 0})
    answered: dict[Kind, int] = field(default_factory=lambda: {"arrival": 0, "message": 0})

    def volley(self, kind: Kind, seconds: float) -> Volley:
        """Load the server for so long; messages belong to calls that have arrived before."""
        first = self.placed[kind]
        last = first + int(seconds * MOST_A_SECOND)
        if kind == "message":
            last = min(last, self.placed["arrival"])
        began = self._cpu_seconds()
        volley = load.volley(
            Order(self.addresses[kind], self.house.token, kind, first, last, seconds)
        )
        volley.cpu_seconds = self._cpu_seconds() - began
        self.placed[kind] += volley.sent
        self.answered[kind] += volley.answered
        return volley

    def _cpu_seconds(self) -> float:
        """What the web server's processes computed so far; the database's own are not in it."""
        (web,) = self.house.processes.values()
        return processes.cpu_seconds(web.pid)

    def learn_addresses(self) -> None:
        """Place a first call, and read in the answer where its message is to be sent."""
        self.addresses["arrival"] = f"{self.house.address}/voice"
        answer = self._post("arrival")
        record = ElementTree.fromstring(answer.content).find(".//Record")
        assert record is not None, answer.text
        self.addresses["message"] = record.attrib["action"]
        self._post("message")

    def _post(self, kind: Kind) -> httpx.Response:
        target = Target(self.addresses[kind], self.house.token)
        head, _, body = target.request(kind, self.placed[kind]).partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        answer = httpx.post(target.url, content=body, headers=headers)
        answer.raise_for_status()
        self.placed[kind] += 1
        self.answered[kind] += 1
        return answer

    def rows(self) -> dict[str, int]:
        """How many rows each table holds."""
        url = self.database_url.replace("postgresql://", "postgresql+psycopg://")
        with create_engine(url).connect() as connection:
            return {
                table: connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
                for table in TABLES
            }

    def expected_rows(self) -> dict[str, int]:
        """How many it must hold, by the answers it gave."""
        calls, messages = self.answered["arrival"], self.answered["message"]
        return {
            "calls": calls,
            "turns": calls + messages,
            "recordings": messages,
            "cases": messages,
        }


@contextmanager
def running(folder: Path) -> Iterator[list[Server]]:
    """All servers, up and ready, bare Flask first. PostgreSQL only where it is installed."""
    with ExitStack() as stack:
        yield [
            _bare(stack, folder / "bare"),
            _ours(stack, folder / "sqlite", "SQLite", f"sqlite:///{folder / 'sqlite' / 'db'}"),
            *_on_postgres(stack, folder / "postgres"),
        ]


def _bare(stack: ExitStack, folder: Path) -> Server:
    # It connects to no database, but on SQLite it would get fewer processes than Flask does best with.
    house = _house(stack, folder, "postgresql://none@127.0.0.1/none")
    house.start("bare", [sys.executable, "-m", "bench.bare"])
    address = f"{house.address}/voice"
    transport = httpx.HTTPTransport(retries=8)  # waits longer and longer, half a minute in all
    with httpx.Client(transport=transport) as client:
        client.post(address)
    return Server("bare Flask", house, addresses={"arrival": address})


def _ours(stack: ExitStack, folder: Path, name: str, database_url: str) -> Server:
    house = _house(stack, folder, database_url)
    house.migrate()
    house.start_web()
    server = Server(name, house, database_url)
    server.learn_addresses()
    return server


def _on_postgres(stack: ExitStack, folder: Path) -> Iterator[Server]:
    try:
        url = stack.enter_context(postgres_server()).url
    except pytest.skip.Exception:
        return
    yield _ours(stack, folder, "PostgreSQL", url)


def _house(stack: ExitStack, folder: Path, database_url: str) -> House:
    house = House(folder, {"DATABASE_URL": database_url})
    stack.callback(house.stop)
    return house
