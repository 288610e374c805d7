"""What docs/notices.md tells a department is what we do."""

import base64
import json
import re
import time
from datetime import timedelta
from typing import Any

from flask import Flask

from cases.notices import FACTS, KINDS, TO_CALLERS
from cases.wording import words
from tests.conftest import PROJECT
from tests.support.receivers import SECRET
from watch import webhooks

PAGE = (PROJECT / "docs" / "notices.md").read_text(encoding="utf-8")
WAYS = {"email": "e-mail", "webhook": "webhook", "sms": "text message"}
BODY = b'{"type":"case.whistle","data":{"number":"260000011","link":"https://hotline.example/x"}}'


def in_words(wait: timedelta) -> str:
    seconds = int(wait.total_seconds())
    for unit, size in (("h", 3600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def test_the_schedule_is_the_one_that_runs() -> None:
    for channel, waits in words().waits.items():
        shown = ", ".join(map(in_words, waits))
        assert f"| {WAYS[channel]} | {shown} | {len(waits) + 1} |" in PAGE


def example() -> Flask:
    """The system of a department, as the page has it."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    scope: dict[str, Any] = {"__name__": "department"}
    exec(code.replace("whsec_...", SECRET), scope)
    app: Flask = scope["app"]
    return app


def post(app: Flask, key: bytes) -> int:
    now = int(time.time())
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(now),
        "webhook-signature": webhooks.signature(key, "msg_1", now, BODY),
    }
    return app.test_client().post("/hooks/hotline", data=BODY, headers=headers).status_code


def test_the_example_believes_us_once_and_nobody_else(capsys: Any) -> None:
    app, key = example(), base64.b64decode(SECRET.removeprefix("whsec_"))
    assert [post(app, key), post(app, key)] == [204, 204]
    assert capsys.readouterr().out == "case.whistle 260000011 https://hotline.example/x\n"
    assert post(app, b"somebody else") == 401


def test_the_example_payload_and_the_lists_are_complete() -> None:
    (payload,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    told = json.loads(payload)
    assert told["type"].removeprefix("case.") in KINDS
    assert set(told["data"]) <= {*FACTS, "to", "subject", "text"}
    named = set(re.findall(r"\w+", PAGE.partition("`type` is")[2].partition("Answer 2xx")[0]))
    assert set(FACTS) <= named
    assert set(KINDS) - TO_CALLERS - {"undelivered"} <= named
