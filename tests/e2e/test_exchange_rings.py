"""The simulated provider rings whom it is asked to ring, as Twilio documents it."""

import base64
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from twilio.request_validator import RequestValidator

from demo import events
from demo.caller import Pickup, does_not_answer, hang_up, machine, picks_up, press
from demo.exchange import Exchange
from tests.support.tiny_hotline import Reply, TinyHotline

CITIZEN, OURS = "+85291234567", "+85221231823"
MENU = '<Gather action="/next" numDigits="1"><Say language="en-GB">Press 1.</Say></Gather><Hangup/>'


@dataclass
class Desk:
    """A tiny hotline that asks for calls."""

    hotline: TinyHotline
    exchange: Exchange

    def ring(self, *pickups: Pickup, **more: str) -> tuple[int, dict[str, Any]]:
        self.exchange.when_rung(CITIZEN, *pickups)
        base = self.hotline.address
        form = {"To": CITIZEN, "From": OURS, "Url": f"{base}/first?try=1"}
        answer = self.ask("Calls.json", {**form, "StatusCallback": f"{base}/status", **more})
        self.exchange.settle()
        return answer

    def ask(self, what: str, form: Mapping[str, str] | None = None) -> tuple[int, dict[str, Any]]:
        rest = self.exchange.rest
        data = urllib.parse.urlencode(form).encode() if form else None
        request = urllib.request.Request(f"{rest.address}{rest.account_path}/{what}", data)
        word = base64.b64encode(":".join(rest.login).encode()).decode()
        request.add_header("Authorization", f"Basic {word}")
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as problem:
            return problem.code, json.loads(problem.read())


@pytest.fixture
def desk() -> Iterator[Desk]:
    replies = {"/first": Reply(MENU), "/next": Reply("<Hangup/>"), "/status": Reply(status=204)}
    with TinyHotline(replies) as hotline, Exchange(hotline.address) as exchange:
        yield Desk(hotline, exchange)


def test_who_picks_up_hears_the_address_asked_for_and_presses(desk: Desk) -> None:
    status, told = desk.ring(picks_up(press("1")))
    assert (status, told["status"]) == (201, "queued")
    (call,) = desk.exchange.rung(CITIZEN)
    assert call.sid == told["sid"]
    assert [one.keys for one in call.of(events.Presses)] == ["1"]
    (first,) = desk.hotline.asked("/first")
    assert first.form["AnsweredBy"] == "human"
    assert (first.form["From"], first.form["To"]) == (OURS, CITIZEN)
    assert first.form["Direction"] == "outbound-api"


def test_its_webhooks_are_signed(desk: Desk) -> None:
    desk.ring(picks_up(press("1")))
    validator = RequestValidator(desk.exchange.token)
    assert len(desk.hotline.requests) == 3
    for request in desk.hotline.requests:
        url = desk.hotline.address + request.target
        assert validator.validate(url, request.form, request.headers["X-Twilio-Signature"])


@pytest.mark.parametrize("outcome", ["no-answer", "busy", "failed"])
def test_where_nobody_picks_up_only_the_status_tells(desk: Desk, outcome: Any) -> None:
    desk.ring(does_not_answer(outcome), Timeout="20")
    (request,) = desk.hotline.requests
    assert request.form["CallStatus"] == outcome


def test_a_machine_is_told_with_the_first_fetch(desk: Desk) -> None:
    desk.ring(machine())
    assert desk.hotline.asked("/first")[0].form["AnsweredBy"] == "machine_start"
    assert desk.hotline.asked("/status")[0].form["AnsweredBy"] == "machine_start"


def test_pickups_are_used_up_one_call_after_another(desk: Desk) -> None:
    desk.ring(does_not_answer(), picks_up(hang_up()))
    desk.ring()
    desk.ring()
    statuses = [call.status for call in desk.exchange.rung(CITIZEN)]
    assert statuses == ["no-answer", "completed", "no-answer"]


def test_calls_are_listed_by_number_and_known_by_id(desk: Desk) -> None:
    _, told = desk.ring(picks_up(hang_up()))
    status, one = desk.ask(f"Calls/{told['sid']}.json")
    assert (status, one["status"]) == (200, "completed")
    _, listed = desk.ask(f"Calls.json?{urllib.parse.urlencode({'To': CITIZEN})}")
    assert [one["sid"] for one in listed["calls"]] == [told["sid"]]
    _, listed = desk.ask(f"Calls.json?{urllib.parse.urlencode({'To': OURS})}")
    assert listed["calls"] == []


def test_a_stranger_can_ask_for_nothing(desk: Desk) -> None:
    url = f"{desk.exchange.rest.address}{desk.exchange.rest.account_path}/Calls.json"
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(url, data=b"To=%2B85291234567", timeout=5)
    assert desk.exchange.rest.asked == []


def test_a_request_can_be_refused(desk: Desk) -> None:
    desk.exchange.rest.manners.refusals.append((429, 20429))
    assert desk.ring()[0] == 429
    assert desk.exchange.rung(CITIZEN) == []
