"""The whole hotline tells a caller by text message, with every process and the provider as they are."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.caller import speak_and_hang_up
from demo.rest import Message
from tests.support.hotline import CALLER, Hotline
from tests.support.hotline import hotline as whole_hotline

OURS = "+85221231823"
PATIENCE = 60.0


@pytest.fixture(scope="module")
def texting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hotline]:
    """A hotline that texts its callers."""
    settings = {"SMS_FROM": OURS, "CALLER_SMS": "on"}
    with whole_hotline(tmp_path_factory.mktemp("state"), settings) as hotline:
        yield hotline


def messages(hotline: Hotline, to: str, count: int = 1) -> list[Message]:
    """The messages to this number, as soon as there are so many."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found = [one for one in hotline.exchange.messages if one.to == to]
        if len(found) >= count:
            return found
        assert time.monotonic() < deadline, f"{len(found)} messages to {to}"
        hotline.house.check()
        time.sleep(0.2)


def test_a_caller_gets_the_case_number_and_the_provider_reports_on_it(
    texting: Hotline, message: Path
) -> None:
    call = texting.ring(speak_and_hang_up(message))
    number = texting.case_of(call)["number"]
    (sent,) = messages(texting, CALLER)
    assert sent.sender == OURS
    assert re.search(rf"{number}\D.*/track/{number}/[\w-]{{12}}$", sent.body)
    for status in ("sent", "delivered"):
        assert texting.exchange.tell_of(sent, status) == 204
    # A callback of the call that comes late brings no second one.
    texting.exchange.settle()
    time.sleep(2)
    assert len(messages(texting, CALLER)) == 1


def test_a_caller_at_a_desk_telephone_gets_none(texting: Hotline, message: Path) -> None:
    texting.ring(speak_and_hang_up(message), caller="+85228001234")
    texting.ring(speak_and_hang_up(message), caller="+85261234567")
    messages(texting, "+85261234567")
    assert [one for one in texting.exchange.messages if one.to == "+85228001234"] == []
