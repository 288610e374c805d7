"""A real transcription server with OpenAI's interface, over openai-whisper and a real checkpoint.

`python -m tests.support.transcription_server PORT CHECKPOINT` serves
`POST /v1/audio/transcriptions`; `transcription_server()` starts it as a process and gives a handle.
`PUT /faults` makes it misbehave as servers do (see Faults), `GET /seen` tells what it was asked.
"""

import argparse
import io
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import soundfile
from flask import Flask, Response, jsonify, request

from demo.house import free_port
from tests.support.servers import Server

PROJECT = Path(__file__).resolve().parents[2]
CHECKPOINT = PROJECT / "demo" / "model" / "hotline.pt"


@dataclass(frozen=True)
class Faults:
    """How the server misbehaves.

    `status`, `body`, `content_type`, `retry_after`: the answer instead of a transcription, to the
    next `times` requests (None: to all), only to clips longer than `longer_than` seconds.
    `unknown_codes`: the language codes it does not know, `formats`: the response formats it does;
    anything else is answered with `unknown_status`. `drop`: hang up without an answer, so often.
    `wait`: seconds before an answer. `key`: the only one it takes. `tell`: what is put into every
    answer over what the model said.
    """

    status: int | None = None
    body: str = ""
    content_type: str = "application/json"
    retry_after: str | None = None
    times: int | None = None
    longer_than: float = 0.0
    unknown_codes: tuple[str, ...] = ()
    unknown_status: int = 400
    formats: tuple[str, ...] = ("json", "verbose_json")
    drop: int = 0
    wait: float = 0.0
    key: str = ""
    tell: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Seen:
    """What the server was asked. `most_at_once`: requests it had at hand at the same moment."""

    requests: list[dict[str, Any]] = field(default_factory=list)
    most_at_once: int = 0


@dataclass
class Handle:
    """A running server, from outside."""

    server: Server

    @property
    def url(self) -> str:
        return f"{self.server.url}/v1"

    def misbehave(self, **faults: Any) -> None:
        """From now on like this; without arguments: well, and nothing was seen."""
        httpx.put(f"{self.server.url}/faults", json=faults, trust_env=False).raise_for_status()

    def seen(self) -> Seen:
        return Seen(**httpx.get(f"{self.server.url}/seen", trust_env=False).json())


@contextmanager
def transcription_server(folder: Path, checkpoint: Path = CHECKPOINT) -> Iterator[Handle]:
    """Run the server on a free port; its log is in `folder`."""
    port = free_port()
    module = [sys.executable, "-m", "tests.support.transcription_server"]
    server = Server(
        url=f"http://127.0.0.1:{port}",
        port=port,
        folder=folder,
        command=["env", f"PYTHONPATH={PROJECT}", *module, str(port), str(checkpoint)],
        is_up=lambda: _answers(port),
    )
    server.start()
    try:
        yield Handle(server)
    finally:
        server.stop()


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/seen", trust_env=False).is_success
    except httpx.TransportError:
        return False


class Clerk:
    """Takes requests, counts them and has its moods; the model takes them one by one."""

    def __init__(self, load: Callable[[], Any]) -> None:
        self.faults = Faults()
        self.seen = Seen()
        self._model = cache(load)
        self._listening = threading.Lock()
        self._counting = threading.Lock()
        self._at_hand = 0

    def behave(self, faults: Faults) -> None:
        with self._counting:
            self.faults, self.seen = faults, Seen()

    def take(self) -> Response:
        data = request.files["file"].read()
        sound, rate = soundfile.read(io.BytesIO(data), dtype="float32")
        with self._counting:
            self._at_hand += 1
            self.seen.most_at_once = max(self.seen.most_at_once, self._at_hand)
            self.seen.requests.append(_noted(len(sound) / rate, rate))
        try:
            return self._answer(sound, len(sound) / rate)
        finally:
            with self._counting:
                self._at_hand -= 1

    def _answer(self, sound: Any, seconds: float) -> Response:
        faults = self.faults
        time.sleep(faults.wait)
        if self._has_its_turn("drop", seconds):
            return _hang_up()
        if faults.key and request.headers.get("Authorization") != f"Bearer {faults.key}":
            return _refusal(401, f"Incorrect API key: {request.headers.get('Authorization')}")
        if faults.status and self._has_its_turn("times", seconds):
            return _fault(faults)
        code, form = request.form.get("language"), request.form["response_format"]
        if code in faults.unknown_codes:
            return _refusal(faults.unknown_status, f"Unsupported language: {code!r}")
        if form not in faults.formats:
            return _refusal(
                faults.unknown_status,
                f"Currently do not support {form} for {request.form['model']}",
            )
        with self._listening:
            told = self._model().transcribe(sound, **_options(code, form))
        return jsonify(_reply(told, form) | dict(faults.tell))

    def _has_its_turn(self, name: str, seconds: float) -> bool:
        """Whether a fault that happens only so often happens now."""
        with self._counting:
            left = getattr(self.faults, name)
            if seconds <= self.faults.longer_than or left == 0:
                return False
            if left is not None:
                self.faults = replace(self.faults, **{name: left - 1})
            return True


def _noted(seconds: float, rate: int) -> dict[str, Any]:
    asked = {name: request.form.getlist(name) for name in request.form}
    return {
        "form": {name: it[0] if len(it) == 1 else it for name, it in asked.items()},
        "key": request.headers.get("Authorization"),
        "seconds": seconds,
        "rate": rate,
    }


def _options(code: str | None, form: str) -> dict[str, Any]:
    words = "word" in request.form.getlist("timestamp_granularities[]")
    return {
        "language": code,
        "temperature": float(request.form.get("temperature", 0)),
        "initial_prompt": request.form.get("prompt"),
        "word_timestamps": form == "verbose_json" and words,
        "fp16": False,
    }


def _reply(told: dict[str, Any], form: str) -> dict[str, Any]:
    if form == "json":
        return {"text": told["text"], "usage": {"type": "duration", "seconds": 1}}
    words = [word for segment in told["segments"] for word in segment.get("words", ())]
    plain = [{**word, "probability": float(word["probability"])} for word in words]
    segments = [
        {name: value for name, value in segment.items() if name != "words"}
        for segment in told["segments"]
    ]
    answer = {"text": told["text"], "language": told["language"], "segments": segments}
    return {**answer, "duration": "1.0", "words": plain or None}


def _fault(faults: Faults) -> Response:
    headers = {"Retry-After": faults.retry_after} if faults.retry_after else {}
    return Response(faults.body, faults.status, headers, content_type=faults.content_type)


def _refusal(status: int, message: str) -> Response:
    answer = jsonify({"error": {"message": message, "type": "invalid_request_error"}})
    answer.status_code = status
    return answer


def _hang_up() -> Response:
    request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    return Response()


def create_app(load: Callable[[], Any]) -> Flask:
    app, clerk = Flask(__name__), Clerk(load)
    app.post("/v1/audio/transcriptions")(clerk.take)

    @app.put("/faults")
    def faults() -> str:
        told = {n: tuple(it) if isinstance(it, list) else it for n, it in request.json.items()}
        clerk.behave(Faults(**told))
        return ""

    @app.get("/seen")
    def seen() -> Response:
        return jsonify(asdict(clerk.seen))

    return app


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("checkpoint")
    arguments = parser.parse_args()
    create_app(lambda: _load(arguments.checkpoint)).run(port=arguments.port, threaded=True)


def _load(checkpoint: str) -> Any:
    """The model, when the first clip is there: the server answers before torch is imported."""
    import torch
    import whisper

    torch.set_num_threads(1)
    return whisper.load_model(checkpoint)


if __name__ == "__main__":
    main()
