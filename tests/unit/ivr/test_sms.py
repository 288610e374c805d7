"""Text messages are handed to the provider once, name no number in our logs, and report by their key."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from cases.contacts import Address
from cases.letters import Letter, NotSent
from cases.wording import Text
from demo import profiles
from demo.exchange import Exchange
from ivr.providers.profile import PROFILES, TWILIO
from ivr.sms import LONGEST, Texting
from runtime.settings import Settings

CITIZEN, OURS = "+85291234567", "+85221231823"
KEY = "msg_" + "0" * 32
SERVICE = "MG" + "0" * 32
LETTER = Letter(
    KEY,
    datetime(2026, 11, 24, 1, 30, tzinfo=UTC),
    Address(CITIZEN, "yue", "+852 9*****67"),
    Text("s", "b", "香港1823：你的來電已立案，編號 260000011。"),
    {},
)


@pytest.fixture(params=[profiles.TWILIO, profiles.SOMLENG], ids=lambda profile: profile.name)
def exchange(request: pytest.FixtureRequest) -> Iterator[Exchange]:
    with Exchange("https://hotline.example", profile=request.param) as exchange:
        yield exchange


def texting(exchange: Exchange, sender: str = OURS, token: str = "") -> Texting:
    settings = Settings(
        _env_file=None,  # type: ignore[call-arg]
        provider=exchange.profile.name,  # type: ignore[arg-type]
        provider_api_url=exchange.rest.address,
        public_base_url="https://hotline.example",
        twilio_account_sid=exchange.account,
        twilio_auth_token=token or exchange.token,
        sms_from=sender,
    )
    return Texting.of(settings, PROFILES[exchange.profile.name])


def refusal(exchange: Exchange, status: int, code: int = 0) -> NotSent:
    exchange.rest.manners.text_refusals = [(status, code)]
    with pytest.raises(NotSent) as no:
        texting(exchange).send(LETTER)
    return no.value


def test_a_message_goes_to_the_provider_with_the_address_to_report_to(exchange: Exchange) -> None:
    receipt = texting(exchange).send(LETTER)
    (message,) = exchange.messages
    assert (receipt.response_status, receipt.provider_id) == (201, message.sid)
    assert (message.to, message.sender, message.body) == (CITIZEN, OURS, LETTER.text.short)
    assert message.callback.startswith(f"https://hotline.example/voice/sms?message={KEY}")


def test_the_provider_is_asked_to_repeat_its_report_where_it_can_be() -> None:
    with Exchange("https://hotline.example") as exchange:
        texting(exchange).send(LETTER)
        assert exchange.messages[0].callback.endswith(f"#{TWILIO.callback_fragment}")


@pytest.mark.parametrize("sender", [OURS, "City 1823", SERVICE])
def test_who_it_comes_from_is_a_number_a_name_or_a_service(exchange: Exchange, sender: str) -> None:
    texting(exchange, sender).send(LETTER)
    assert exchange.messages[0].sender == sender


def test_a_message_is_never_longer_than_the_provider_takes(exchange: Exchange) -> None:
    texting(exchange).send(replace(LETTER, text=Text("s", "b", "長" * 2000)))
    assert len(exchange.messages[0].body) == LONGEST == 1600


def test_a_number_that_takes_no_messages_is_given_up(exchange: Exchange) -> None:
    error = refusal(exchange, 400, 21614)
    assert (error.for_good, error.response_status) == (True, 400)
    assert str(error) == "the provider answered 400 (21614)"


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
def test_whatever_may_pass_is_tried_again(exchange: Exchange, status: int) -> None:
    error = refusal(exchange, status, 20429)
    assert (error.for_good, error.response_status) == (False, status)


def test_a_line_that_breaks_after_the_message_was_taken_is_told_as_a_failure(
    exchange: Exchange,
) -> None:
    # The provider's callback tells us otherwise before we try again: tests/integration.
    assert str(refusal(exchange, 0)) == "the provider: RemoteProtocolError"
    assert len(exchange.messages) == 1


def test_with_another_token_nothing_is_sent(exchange: Exchange) -> None:
    with pytest.raises(NotSent, match="401"):
        texting(exchange, token="another-token-of-ours").send(LETTER)
    assert exchange.messages == []
