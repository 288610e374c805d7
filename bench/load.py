"""Send webhooks as fast as they are answered, on so many connections, and time every answer.

A process of its own (`python -m bench.load`), so that it takes no turns with what it measures. It
reads one JSON object, an `Order`, from standard input and writes one, a `Volley`, to standard output.
"""

import json
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import cast

from bench.webhooks import Kind, Target

CONNECTIONS = 16
LONGEST_WAIT = 15.0  # seconds after which a provider hangs up on us


@dataclass(frozen=True)
class Order:
    """What to send where: webhooks of `kind` for the calls numbered first..last-1."""

    url: str
    token: str
    kind: Kind
    first: int
    last: int
    seconds: float


@dataclass
class Volley:
    """What came of it: how many were sent, how long it took until the last answer, what the server
    computed meanwhile, the wait for each good answer, and the others."""

    sent: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    milliseconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def answered(self) -> int:
        return len(self.milliseconds)


class Line:
    """One connection to the server, opened again whenever the server closes it."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self.socket: socket.socket | None = None
        self.began = 0.0
        self._answer = b""

    def send(self, request: bytes) -> socket.socket:
        self.began, self._answer = time.perf_counter(), b""
        if self.socket is None:
            self.socket = socket.create_connection(self._address, LONGEST_WAIT)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(request)
        return self.socket

    def receive(self) -> bytes | None:
        """The whole answer once it is there. Raises ConnectionError when it never will be."""
        assert self.socket is not None
        piece = self.socket.recv(65536)
        if not piece:
            raise ConnectionError("closed in the middle of an answer")
        self._answer += piece
        head, found, body = self._answer.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return None
        if b"connection: close" in head.lower():
            self.close()
        return self._answer

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
            self.socket = None


def _length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"content-length:")
    return int(rest.partition(b"\r\n")[0] or 0)


def fire(address: tuple[str, int], requests: list[bytes], seconds: float) -> Volley:
    """Send the requests, one after another on each line, until they or the seconds are used up."""
    volley, waiting = Volley(), iter(requests)
    began = time.perf_counter()
    with selectors.DefaultSelector() as answers:
        for _ in range(CONNECTIONS):
            _next(Line(address), waiting, volley, answers)
        while answers.get_map():
            ready = answers.select(LONGEST_WAIT)
            if not ready:
                volley.errors += ["no answer"] * len(answers.get_map())
                break
            for key, _ in ready:
                line = cast(Line, key.data)
                if _is_over(line, volley, answers):
                    more = time.perf_counter() - began < seconds
                    _next(line, waiting if more else iter(()), volley, answers)
    volley.seconds = time.perf_counter() - began
    return volley


def _next(
    line: Line, waiting: Iterator[bytes], volley: Volley, answers: selectors.BaseSelector
) -> None:
    request = next(waiting, None)
    if request is None:
        line.close()
        return
    volley.sent += 1
    answers.register(line.send(request), selectors.EVENT_READ, line)


def _is_over(line: Line, volley: Volley, answers: selectors.BaseSelector) -> bool:
    """Whether this request had its answer, a good one or not."""
    at = line.socket
    assert at is not None
    try:
        answer = line.receive()
    except OSError as error:
        volley.errors.append(str(error))
        line.close()
    else:
        if answer is None:
            return False
        if answer.startswith(b"HTTP/1.1 200 "):
            volley.milliseconds.append((time.perf_counter() - line.began) * 1000)
        else:
            volley.errors.append(answer.partition(b"\r\n")[0].decode(errors="replace"))
    answers.unregister(at)
    return True


def volley(order: Order) -> Volley:
    """Carry out the order in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"],
        input=json.dumps(asdict(order)),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Volley(**json.loads(done.stdout))


def main() -> None:
    order = Order(**json.load(sys.stdin))
    target = Target(order.url, order.token)
    requests = [target.request(order.kind, number) for number in range(order.first, order.last)]
    json.dump(asdict(fire(target.address, requests, order.seconds)), sys.stdout)


if __name__ == "__main__":
    main()
