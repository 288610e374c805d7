"""Callbacks carry news and want no TwiML. Here they wait when the day has them out of order."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from .delivery import Delivery, Lost
from .signing import Form
from .web import Answer


@dataclass(frozen=True)
class Callback:
    kind: Lost
    url: str
    method: str
    form: Form


class Callbacks:
    """The callbacks of one call. `send` posts one, `complain` hears of answers other than 2xx."""

    def __init__(
        self,
        delivery: Delivery,
        send: Callable[[str, str, Form], Answer],
        complain: Callable[[str, int], None],
    ) -> None:
        self._delivery = delivery
        self._post = send
        self._complain = complain
        self._waiting: list[Callback] = []
        self._late: threading.Thread | None = None

    def add(self, callback: Callback) -> None:
        if self._delivery.callbacks == "before action":
            self._send(callback)
        else:
            self._waiting.append(callback)

    def action_answered(self) -> None:
        """In order, a callback comes just after the action that it follows."""
        if self._delivery.callbacks == "in order":
            self._send_all()

    def call_ended(self) -> None:
        if not self._delivery.late:
            return self._send_all()
        self._late = threading.Thread(target=self._send_late, daemon=True)
        self._late.start()

    def settle(self) -> None:
        """Wait for the late ones."""
        if self._late:
            self._late.join()

    def _send_late(self) -> None:
        time.sleep(self._delivery.late)
        self._send_all()

    def _send_all(self) -> None:
        waiting, self._waiting = self._waiting, []
        if self._delivery.callbacks == "reversed":
            waiting.reverse()
        for callback in waiting:
            self._send(callback)

    def _send(self, callback: Callback) -> None:
        if callback.kind in self._delivery.lost:
            return
        answer = self._post(callback.url, callback.method, callback.form)
        if not 200 <= answer.status < 300:
            self._complain(callback.url, answer.status)
