"""Logs: one line an event, as text for people or JSON for machines, never with a caller's number."""

import logging
import re
import sys
from typing import Literal

from pythonjsonlogger.json import JsonFormatter

# Numbers of callers, and anything that would start a second line or steer a terminal.
_NUMBER = re.compile(r"(\+|%2[Bb])\d{8,15}|(?<![\w./-])\d{8,15}(?![\w/-]|\.\d)")
_TRACEBACK = logging.Formatter()
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def clean(text: str) -> str:
    """The text on one line, with telephone numbers masked."""
    return _CONTROL.sub(" ", _NUMBER.sub(lambda m: f"***{m[0][-2:]}", text))


class _Clean(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if record.exc_info:
            text = f"{text} | {_TRACEBACK.formatException(record.exc_info)}"
        record.msg, record.args, record.exc_info, record.exc_text = clean(text), (), None, None
        return True


def start(log_format: Literal["text", "json"]) -> None:
    """Send this process's log to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_Clean())
    fields = "%(asctime)s %(levelname)s %(name)s %(message)s"
    handler.setFormatter(
        JsonFormatter(fields, rename_fields={"asctime": "at", "levelname": "level"})
        if log_format == "json"
        else logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    )
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for noisy in ("httpx", "rq", "rq.worker", "alembic.runtime.plugins"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
