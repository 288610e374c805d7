"""A log line is one line, and never holds a caller's number."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Literal

import pytest

from runtime import logs

NUMBERS = ["+85291234567", "85291234567", "91234567", "+8613800138000"]
AROUND = [
    "{} called",
    "From={}",
    "From: {}",
    "from:{}",
    "tel:{}",
    "sip:{}@exchange.example",
    "'{}'",
    "[parameters: ('{}',)]",
    "From=%2B{}",
    "{}",
]


@pytest.fixture(params=["text", "json"])
def written(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[io.StringIO]:
    """What this process logs while the test runs, in both formats."""
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    root = logging.getLogger()
    before = root.handlers[:], root.level
    form: Literal["text", "json"] = request.param
    logs.start(form)
    yield stream
    root.handlers[:], level = before
    root.setLevel(level)


def test_a_line_is_one_line_whatever_is_in_it(written: io.StringIO) -> None:
    logging.getLogger("t").warning("From=%s", "1\r\n2026 INFO login ok\x1b[2J\x85x")
    assert written.getvalue().count("\n") == 1
    assert "\x1b" not in written.getvalue() and "\r" not in written.getvalue()


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("around", AROUND)
def test_no_number_of_a_caller_is_ever_written(
    written: io.StringIO, number: str, around: str
) -> None:
    logging.getLogger("t").warning("%s", around.format(number))
    assert number not in written.getvalue()


def test_an_exception_is_one_line_without_numbers_too(written: io.StringIO) -> None:
    try:
        raise ValueError("no such caller: +85291234567\nsecond line")
    except ValueError:
        logging.getLogger("t").exception("an error on the telephone")
    text = written.getvalue()
    assert text.count("\n") == 1
    assert "ValueError" in text and "test_logs" in text
    assert "91234567" not in text


def test_what_machines_need_stays_readable(written: io.StringIO) -> None:
    logging.getLogger("t").warning("recording 12 fetched from 127.0.0.1:8000, 123456 bytes")
    assert "recording 12 fetched from 127.0.0.1:8000, 123456 bytes" in written.getvalue()


def test_json_lines_are_json(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    before = logging.getLogger().handlers[:]
    logs.start("json")
    logging.getLogger("web").info("a call from %s", "+85291234567")
    logging.getLogger().handlers[:] = before
    line = json.loads(stream.getvalue())
    assert (line["level"], line["name"]) == ("INFO", "web")
    assert line["at"] and line["message"] == "a call from ***67"
