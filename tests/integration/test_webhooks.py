"""Every address below /voice: who is believed, what is refused, and what is written then."""

from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from sqlalchemy import text
from twilio.request_validator import RequestValidator

from app import create_app
from cases.record import Record
from runtime.settings import Settings, SettingsError
from tests.integration.telephone import BASE, CALLER, NEXT_TOKEN, TOKEN, Exchange

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
FORM = "application/x-www-form-urlencoded"
CALL = {
    "CallSid": "CA1",
    "From": CALLER,
    "To": "1823",
    "CallStatus": "in-progress",
    "RecordingSid": "RE1",
    "RecordingUrl": "https://api.twilio.com/2010-04-01/Accounts/AC1/Recordings/RE1",
    "RecordingStatus": "completed",
}
TURN = "/voice/turn?step=message&turn=1&silences=0&wrong=0"
OUR_CALLS = [f"/voice/followup{path}" for path in ("", "/turn", "/status", "/fallback")]
ADDRESSES = [
    *("/voice", TURN, "/voice/recording?turn=1", "/voice/status", "/voice/fallback"),
    *OUR_CALLS,
]
TEXTS = "/voice/sms"  # what became of a text: no call, and another form
UNSIGNED: dict[str, dict[str, str]] = {
    "no signature": {},
    "an empty signature": {"X-Twilio-Signature": ""},
    "a wrong signature": {"X-Twilio-Signature": "GvWf1cFY/Q7PnoempGyD5oXAezc="},
}


def rows(exchange: Exchange) -> int:
    """How much the database holds."""
    with exchange.phone.engine.connect() as connection:
        tables = [t.name for t in Record.metadata.sorted_tables if t.name != "data_key"]
        counts = [connection.execute(text(f"SELECT count(*) FROM {t}")) for t in tables]
        return sum(int(count.scalar_one()) for count in counts)


def signed(path: str, form: object, token: str = TOKEN) -> dict[str, str]:
    signature = RequestValidator(token).compute_signature(BASE + path, form)
    return {"X-Twilio-Signature": signature}


def test_the_addresses_specified_here_are_all_there_are(exchange: Exchange) -> None:
    rules = {str(rule) for rule in exchange.app.url_map.iter_rules()}
    voice = {rule for rule in rules if rule.startswith("/voice")}
    assert voice == {address.partition("?")[0] for address in [*ADDRESSES, TEXTS]}
    assert {"/healthz", "/readyz"} <= rules


@pytest.mark.parametrize("why", UNSIGNED)
def test_who_is_not_the_provider_is_refused_and_nothing_is_written(
    exchange: Exchange, why: str
) -> None:
    client = exchange.app.test_client()
    for address in [*ADDRESSES, TEXTS, "/voice/", "/voice/none", "/voicemail", "/%76oice"]:
        for method in ("POST", "GET", "PUT", "DELETE", "PATCH"):
            response = client.open(
                address, method=method, data=CALL, base_url=BASE, headers=UNSIGNED[why]
            )
            assert (response.status_code, response.data) == (403, b"")
    assert rows(exchange) == 0
    assert exchange.phone.spool.waiting() == []


@pytest.mark.parametrize("token", [TOKEN, NEXT_TOKEN])
def test_the_provider_is_believed_with_either_token(exchange: Exchange, token: str) -> None:
    for address in ADDRESSES:
        assert exchange.post(address, CALL, token).status_code in {200, 204}


def test_what_is_signed_for_one_address_is_refused_at_another(exchange: Exchange) -> None:
    response = exchange.app.test_client().post(
        "/voice/status", data=CALL, base_url=BASE, headers=signed("/voice", CALL)
    )
    assert response.status_code == 403


@pytest.mark.parametrize("address", ADDRESSES)
def test_addresses_are_posted_to(exchange: Exchange, address: str) -> None:
    response = exchange.app.test_client().get(address, base_url=BASE, headers=signed(address, {}))
    assert response.status_code == 405


def send(exchange: Exchange, address: str, body: bytes, content_type: str, form: object) -> int:
    return exchange.app.test_client().post(
        address, data=body, content_type=content_type, base_url=BASE, headers=signed(address, form)
    ).status_code  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize(
    "content_type", ["application/json", "text/plain", "multipart/form-data; boundary=x"]
)
def test_only_plain_forms_are_taken(exchange: Exchange, address: str, content_type: str) -> None:
    assert send(exchange, address, b"{}", content_type, {}) == 415
    assert rows(exchange) == 0


@pytest.mark.parametrize("address", ADDRESSES)
def test_what_is_too_large_is_refused(exchange: Exchange, address: str) -> None:
    form = {**CALL, "More": "x" * 70_000}
    assert send(exchange, address, urlencode(form).encode(), FORM, form) == 413
    assert rows(exchange) == 0


@pytest.mark.parametrize("address", ["/voice", TURN, "/voice/recording", "/voice/status"])
@pytest.mark.parametrize(
    "form",
    [
        {**CALL, "CallSid": "CA 1"},
        {**CALL, "Digits": "one"},
        {**CALL, **{f"More{n}": "" for n in range(100)}},
        {**CALL, "RecordingUrl": "http://["},
    ],
)
def test_what_no_provider_would_say_is_refused_and_not_written(
    exchange: Exchange, address: str, form: dict[str, str]
) -> None:
    assert exchange.post(address, form).status_code == 400
    assert rows(exchange) == 0


def test_a_form_with_broken_characters_is_read_as_far_as_it_goes(exchange: Exchange) -> None:
    body = urlencode(CALL).encode() + b"&CallerName=%ff%fe%00"
    form = {**CALL, "CallerName": "%FF%FE\x00"}
    assert send(exchange, "/voice", body, FORM, form) == 200


def test_without_a_token_there_is_no_web_process(settings: Callable[..., Settings]) -> None:
    with pytest.raises(SettingsError, match="TWILIO_AUTH_TOKEN"):
        create_app(settings(twilio_auth_token="", twilio_auth_token_secondary=""))


@pytest.fixture
def open_house(settings: Callable[..., Settings]) -> Exchange:
    """A hotline on a developer's machine that takes unsigned webhooks."""
    local = settings(
        twilio_auth_token="",
        twilio_auth_token_secondary="",
        insecure_dev_webhooks=True,
        public_base_url="http://127.0.0.1:8000",
    )
    return Exchange(create_app(local))


@pytest.mark.parametrize(("peer", "status"), [("127.0.0.1", 200), ("::1", 200), ("192.0.2.7", 403)])
def test_the_development_switch_believes_this_machine_only(
    open_house: Exchange, peer: str, status: int
) -> None:
    response = open_house.app.test_client().post(
        "/voice", data=CALL, environ_base={"REMOTE_ADDR": peer}
    )
    assert response.status_code == status


def test_the_development_switch_opens_nowhere_but_on_loopback(
    settings: Callable[..., Settings],
) -> None:
    with pytest.raises(SettingsError, match="loopback"):
        create_app(settings(insecure_dev_webhooks=True))


def test_with_a_token_even_development_wants_signatures(settings: Callable[..., Settings]) -> None:
    local = settings(insecure_dev_webhooks=True, public_base_url="http://127.0.0.1:8000")
    assert create_app(local).test_client().post("/voice", data=CALL).status_code == 403


def test_a_withheld_caller_is_served_like_everybody(exchange: Exchange) -> None:
    for caller in ("anonymous", "", "+266696687", "sip:anonymous@anonymous.invalid"):
        line = exchange.line(caller)
        line.answer()
        line.speak()
        assert line.told.caller == "withheld"
        assert line.told.cases == 1


def test_the_callers_number_stands_nowhere_in_the_database(exchange: Exchange) -> None:
    line = exchange.line("+85291234567")
    line.answer()
    line.speak()
    exchange.send(line.status())
    with exchange.phone.engine.connect() as connection:
        for table in Record.metadata.sorted_tables:
            for row in connection.execute(table.select()):
                assert "91234567" not in str(row)
