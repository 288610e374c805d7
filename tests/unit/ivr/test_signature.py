"""Only what the provider signed is believed, over the address exactly as it arrived."""

import hashlib
import logging

import pytest
from flask import Request
from twilio.request_validator import RequestValidator
from werkzeug.datastructures import MultiDict
from werkzeug.test import EnvironBuilder

from ivr.signature import HmacSha1

TOKEN, NEXT = "12345", "67890"
BASE = "https://hotline.example"
FORM = {"CallSid": "CA1", "From": "+85291234567", "Digits": "1"}


def request(
    target: str, form: object = None, signature: str | None = None, **more: object
) -> Request:
    """A request as a web server hands it over: the target untouched in RAW_URI."""
    headers = {} if signature is None else {"X-Twilio-Signature": signature}
    data = FORM if form is None else form
    options: dict[str, object] = {"method": "POST", "data": data, "headers": headers, **more}
    environ = EnvironBuilder(
        path="/", query_string=target.partition("?")[2], **options
    ).get_environ()  # type: ignore[arg-type]
    environ["RAW_URI"] = environ["REQUEST_URI"] = target
    return Request(environ)


def sign(url: str, form: object = FORM, token: str = TOKEN) -> str:
    return str(RequestValidator(token).compute_signature(url, form))


def holds(target: str, signature: str | None, form: object = None, **more: object) -> bool:
    return HmacSha1(BASE, [TOKEN, NEXT]).holds(request(target, form, signature, **more))


def test_the_documented_vector() -> None:
    form = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675310",
        "Digits": "1234",
        "From": "+14158675310",
        "To": "+18005551212",
    }
    check = HmacSha1("https://mycompany.com", ["12345"])
    signed = request("/myapp.php?foo=1&bar=2", form, "GvWf1cFY/Q7PnoempGyD5oXAezc=")
    assert check.holds(signed)


@pytest.mark.parametrize(
    "target",
    [
        "/voice",
        "/voice?",
        "/voice/turn?step=a%2Fb",
        "/voice/turn?step=%E4%BD%A0%E5%A5%BD",
        "/voice/turn?x=%7C%27%20+",
        "/voice/turn?x=1&x=2&y=",
        "/voice%2Fturn",
        "/voice//turn",
    ],
)
def test_the_address_is_signed_byte_for_byte(target: str) -> None:
    assert holds(target, sign(BASE + target))
    assert not holds(target, sign(BASE + target + "&more=1"))


@pytest.mark.parametrize(
    "signed", ["https://hotline.example:443/voice", "https://hotline.example/voice"]
)
def test_the_usual_port_may_be_signed_or_not(signed: str) -> None:
    assert holds("/voice", sign(signed))


def test_another_port_belongs_to_the_address() -> None:
    check = HmacSha1("https://hotline.example:8443", [TOKEN])
    assert check.holds(request("/voice", None, sign("https://hotline.example:8443/voice")))
    assert not check.holds(request("/voice", None, sign("https://hotline.example:9443/voice")))


def test_the_host_a_request_claims_is_not_believed() -> None:
    signature = sign("https://evil.example/voice")
    assert not holds(
        "/voice",
        signature,
        base_url="https://evil.example",
        environ_base={"HTTP_X_FORWARDED_HOST": "evil.example"},
    )


def test_both_tokens_hold_during_rotation_and_no_other() -> None:
    assert holds("/voice", sign(f"{BASE}/voice", token=TOKEN))
    assert holds("/voice", sign(f"{BASE}/voice", token=NEXT))
    assert not holds("/voice", sign(f"{BASE}/voice", token="another"))
    assert not holds("/voice", sign(f"{BASE}/voice", token=""))


@pytest.mark.parametrize("signature", [None, "", "=", "喂", "GvWf1cFY/Q7PnoempGyD5oXAezc="])
def test_without_a_right_signature_nothing_holds(signature: str | None) -> None:
    latin = signature.encode().decode("latin-1") if signature else signature
    assert not holds("/voice", latin)


def test_without_a_token_nothing_holds() -> None:
    assert not HmacSha1(BASE, []).holds(request("/voice", None, sign(f"{BASE}/voice", token="")))


@pytest.mark.parametrize(
    "other",
    [{**FORM, "Digits": "2"}, {**FORM, "More": "1"}, {"CallSid": "CA1"}, {}],
)
def test_a_form_that_was_changed_does_not_hold(other: dict[str, str]) -> None:
    assert not holds("/voice", sign(f"{BASE}/voice"), other)


def test_duplicate_fields_are_part_of_what_is_signed() -> None:
    twice = MultiDict([*FORM.items(), ("Digits", "2")])
    assert holds("/voice", sign(f"{BASE}/voice", twice), twice)
    assert not holds("/voice", sign(f"{BASE}/voice", FORM), twice)


def test_chinese_in_a_form_is_signed_too() -> None:
    form = {**FORM, "CallerName": "陳大文"}
    assert holds("/voice", sign(f"{BASE}/voice", form), form)


def test_a_get_request_is_signed_by_its_address_alone() -> None:
    target = "/voice?CallSid=CA1"
    assert holds(target, sign(BASE + target, {}), form={}, method="GET")


def test_a_json_body_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    body = b'{"CallSid": "CA1"}'
    target = f"/voice?bodySHA256={hashlib.sha256(b'other').hexdigest()}"
    with caplog.at_level(logging.CRITICAL):
        for where in ("/voice", target):
            assert not holds(where, sign(BASE + where), body, content_type="application/json")


def test_a_fragment_counts_only_where_we_put_it() -> None:
    check = HmacSha1(BASE, [TOKEN], "rc=3&rp=all")
    for ending, believed in (("", True), ("#rc=3&rp=all", True), ("#rc=5", False)):
        signature = sign(f"{BASE}/voice/recording{ending}")
        assert check.holds(request("/voice/recording", None, signature)) is believed
