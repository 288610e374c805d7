"""A department's system can tell that a webhook is ours, and whatever it answers does us no harm."""

import base64
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from cases.contacts import Address
from cases.letters import Letter, NotSent, Receipt
from cases.wording import Text
from runtime.settings import webhook_key
from tests.support.receivers import SECRET, Department
from watch import webhooks
from watch.webhooks import Webhooks

AT = datetime(2026, 11, 24, 1, 30, tzinfo=UTC)
KEY = base64.b64decode(SECRET.removeprefix("whsec_"))
OTHER = b"another secret of 32 bytes ......"


@pytest.fixture
def department() -> Iterator[Department]:
    with Department() as department:
        yield department


def letter(url: str, secret: str = "bd") -> Letter:
    payload = {"type": "case.whistle", "data": {"number": "260000011", "what": "棚網起火"}}
    return Letter("msg_1", AT, Address(url, "en", url, secret), Text("s", "b", "s"), payload)


def send(department: Department, *keys: bytes) -> Receipt:
    return Webhooks({"bd": keys or (KEY,)}).send(letter(department.url))


def test_the_signature_is_that_of_the_specifications_own_library() -> None:
    # The vector that its libraries are tested with.
    body = b'{"test": 2432232314}'
    signed = webhooks.signature(KEY, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_department_verifies_what_it_gets(department: Department) -> None:
    assert send(department) == Receipt(204)
    (got,) = department.got
    assert got.content == letter("").payload
    assert (got.headers["webhook-id"], department.forged) == ("msg_1", 0)
    assert abs(int(got.headers["webhook-timestamp"]) - time.time()) < 5
    assert got.headers["content-type"] == "application/json"


def test_while_a_secret_is_changed_both_sign(department: Department) -> None:
    send(department, OTHER, KEY)
    (got,) = department.got
    assert len(got.headers["webhook-signature"].split(" ")) == 2
    assert department.forged == 0


def test_under_another_secret_nothing_is_believed(department: Department) -> None:
    send(department, OTHER)
    assert department.forged == 1


def test_without_its_secret_nothing_is_sent(department: Department) -> None:
    with pytest.raises(NotSent, match="WEBHOOK_SECRETS"):
        Webhooks({}).send(letter(department.url))
    assert department.got == []


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 429, 500, 503])
def test_whatever_is_no_success_is_tried_again(department: Department, status: int) -> None:
    department.answers = [(status, {"Location": department.url})]
    with pytest.raises(NotSent) as no:
        send(department)
    assert (no.value.response_status, no.value.for_good) == (status, False)
    # A redirect is not followed.
    assert len(department.got) == 1


def test_who_is_gone_is_left_alone(department: Department) -> None:
    department.answers = [410]
    with pytest.raises(NotSent) as no:
        send(department)
    assert no.value.for_good


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("120", timedelta(minutes=2)),
        ("999999999999", timedelta(days=1)),
        (format_datetime(AT + timedelta(hours=1), usegmt=True), timedelta(hours=1)),
        (format_datetime(AT - timedelta(hours=1), usegmt=True), timedelta(0)),
        ("soon", timedelta(0)),
        ("-5", timedelta(0)),
        ("²", timedelta(0)),
    ],
)
def test_who_asks_us_to_wait_is_waited_for(
    department: Department, header: str, wait: timedelta
) -> None:
    headers = {"Retry-After": header.encode().decode("latin-1")}
    department.answers = [(503, headers)]
    with pytest.raises(NotSent) as no:
        Webhooks({"bd": (KEY,)}, now=lambda: AT).send(letter(department.url))
    assert no.value.wait == wait


def test_a_line_that_breaks_is_a_failure(department: Department) -> None:
    department.answers = ["break"]
    with pytest.raises(NotSent, match="RemoteProtocolError"):
        send(department)


def test_a_system_that_hangs_is_not_waited_for(
    department: Department, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "PATIENCE", httpx.Timeout(0.3))
    department.answers = ["hang"]
    with pytest.raises(NotSent, match="ReadTimeout"):
        send(department)


def test_an_answer_without_end_is_not_read(department: Department) -> None:
    department.answers = ["drip"]
    began = time.monotonic()
    assert send(department) == Receipt(200)
    assert time.monotonic() - began < 5


def test_nobody_there_is_a_failure_that_names_no_address() -> None:
    with pytest.raises(NotSent, match=r"^the webhook: ConnectError$"):
        Webhooks({"bd": (KEY,)}).send(letter("http://127.0.0.1:1/hooks"))


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_###", SECRET[6:]])
def test_a_secret_has_the_form_of_the_specification(secret: str) -> None:
    assert webhook_key(secret) is None
    assert webhook_key(SECRET) == KEY


def test_text_travels_as_it_is(department: Department) -> None:
    send(department)
    assert "棚網起火" in department.got[0].body.decode()
    assert json.loads(department.got[0].body) == letter("").payload
