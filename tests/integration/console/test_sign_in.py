"""Nobody gets past the door without a password of their own, and nobody stays for ever."""

import re
import time
from collections.abc import Callable

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from cases import agents, signins
from cases.agents import Agent
from cases.signins import SignIn
from runtime import clock
from runtime.database import transaction
from tests.integration.console.conftest import Watch
from tests.support.console_app import PASSWORD, ConsoleHouse, Visitor

WRONG = "certainly not this one"


def is_in(visitor: Visitor) -> bool:
    return visitor.get("/cases").status_code == 200


def test_the_front_page_leads_to_the_sign_in_and_then_to_the_cases(house: ConsoleHouse) -> None:
    house.agent("mei")
    visitor = house.visitor()
    assert 'href="/sign-in"' in visitor.get("/").text
    assert visitor.sign_in("mei").location == "/"
    assert visitor.get("/").location == "/desk"


def test_capitals_and_wide_letters_in_a_name_make_no_difference(house: ConsoleHouse) -> None:
    house.agent("Chan Tai Man")
    assert house.visitor().sign_in("ＣＨＡＮ  tai man ").status_code == 303


def test_the_page_that_was_wanted_comes_after_the_sign_in(house: ConsoleHouse) -> None:
    house.agent("mei")
    visitor = house.visitor()
    assert visitor.get("/cases?status=closed").location == "/sign-in"
    assert visitor.sign_in("mei").location == "/cases?status=closed"


@pytest.mark.parametrize("name", ["mei", "nobody"])
def test_a_wrong_password_and_an_unknown_name_are_told_alike(
    house: ConsoleHouse, name: str
) -> None:
    house.agent("mei")
    answer = house.visitor().sign_in(name, WRONG)
    assert answer.status_code == 422
    assert "名稱或密碼不正確" in answer.text


def test_an_unknown_name_costs_as_much_work_as_a_wrong_password() -> None:
    hasher = PasswordHasher()
    assert not hasher.check_needs_rehash(agents._NOBODY)  # the work that real passwords cost
    cost = [_seconds(lambda: agents.matches(None, WRONG)) for _ in range(3)]
    known = hasher.hash(PASSWORD)
    usual = [_seconds(lambda: agents.matches(known, WRONG)) for _ in range(3)]
    assert 0.2 < min(cost) / min(usual) < 5


def _seconds(work: Callable[[], bool]) -> float:
    began = time.perf_counter()
    assert not work()
    return time.perf_counter() - began


def test_passwords_are_kept_as_argon2id(house: ConsoleHouse) -> None:
    house.agent("mei")
    with transaction(house.engine) as session:
        assert session.scalars(select(Agent.password_hash)).one().startswith("$argon2id$")


def test_of_the_token_only_a_digest_is_kept(house: ConsoleHouse) -> None:
    visitor = house.signed_in()
    with visitor.client.session_transaction() as cookie, transaction(house.engine) as session:
        digest = session.scalars(select(SignIn.token_digest)).one()
        assert len(cookie["token"]) >= 43  # 256 bits in base 64
        assert cookie["token"] != digest and re.fullmatch("[0-9a-f]{64}", digest)


def test_every_sign_in_has_a_token_of_its_own(house: ConsoleHouse) -> None:
    house.agent("mei")
    first, second = house.visitor(), house.visitor()
    first.sign_in("mei")
    second.sign_in("mei")
    assert is_in(first) and is_in(second)
    first.post("/sign-out")
    assert not is_in(first) and is_in(second)


def test_a_copied_cookie_is_worth_nothing_after_the_sign_out(house: ConsoleHouse) -> None:
    visitor = house.signed_in()
    cookie = visitor.client.get_cookie("whistle")
    assert cookie
    visitor.post("/sign-out")
    thief = house.visitor()
    thief.client.set_cookie("whistle", cookie.value)
    assert not is_in(thief)


def test_after_five_wrong_tries_a_name_has_to_wait(house: ConsoleHouse, watch: Watch) -> None:
    house.agent("mei")
    tries = [house.visitor().sign_in("mei", WRONG).status_code for _ in range(6)]
    assert tries == [422] * 5 + [429]
    waiting = house.visitor().sign_in("mei")
    assert waiting.status_code == 429 and "15 分鐘後" in waiting.text
    watch.forward(minutes=16)
    assert house.visitor().sign_in("mei").status_code == 303


def test_an_address_has_to_wait_whatever_names_it_tries(house: ConsoleHouse) -> None:
    house.agent("mei")
    names = ["a", "b", "c", "d", "e", "mei"]
    assert [house.visitor().sign_in(n, WRONG).status_code for n in names] == [422] * 5 + [429]


def test_a_right_password_lets_the_wrong_ones_be_forgotten(house: ConsoleHouse) -> None:
    house.agent("mei")
    with transaction(house.engine) as session:
        name, address = signins.of_name("mei"), signins.of_address("192.0.2.1")
        for _ in range(4):
            signins.count_try(session, (name, address), clock.now())
        signins.count_try(session, (name,), clock.now())
        signins.was_right(session, name, address, clock.now())
        for _ in range(5):
            signins.count_try(session, (name,), clock.now())


def test_a_right_password_does_not_wash_an_address_clean(house: ConsoleHouse) -> None:
    house.agent("mei")
    for name in ("a", "b", "c", "d"):
        house.visitor().sign_in(name, WRONG)
    assert house.visitor().sign_in("mei").status_code == 303
    assert house.visitor().sign_in("e", WRONG).status_code == 422
    assert house.visitor().sign_in("f", WRONG).status_code == 429


def test_a_sign_in_ends_after_half_an_hour_without_use(house: ConsoleHouse, watch: Watch) -> None:
    visitor = house.signed_in()
    for _ in range(3):
        watch.forward(minutes=29)
        assert is_in(visitor)
    watch.forward(minutes=31)
    assert not is_in(visitor)
    assert "閒置 30 分鐘" in visitor.get("/sign-in").text


def test_a_sign_in_ends_after_twelve_hours_however_busy(house: ConsoleHouse, watch: Watch) -> None:
    visitor = house.signed_in()
    for _ in range(28):
        watch.forward(minutes=25)
        assert is_in(visitor)
    watch.forward(minutes=25)
    assert not is_in(visitor)


def test_switching_an_agent_off_ends_the_sign_in_at_once(house: ConsoleHouse) -> None:
    visitor = house.signed_in(name="mei")
    with transaction(house.engine) as session:
        agent = agents.by_name(session, "mei")
        assert agent
        signins.switch_off(session, agent, clock.now())
    assert not is_in(visitor)
    assert house.visitor().sign_in("mei").status_code == 422


class TestAOneTimePassword:
    def test_leads_to_choosing_another_and_nowhere_else(self, house: ConsoleHouse) -> None:
        password = house.agent("mei", password=None)
        visitor = house.visitor()
        visitor.get("/cases?status=closed")
        assert visitor.sign_in("mei", password).location == "/new-password"
        assert visitor.get("/cases").location == "/new-password"
        chosen = visitor.post("/new-password", password=PASSWORD, again=PASSWORD)
        assert chosen.location == "/cases?status=closed"
        assert is_in(visitor)
        assert house.visitor().sign_in("mei", password).status_code == 422
        assert house.visitor().sign_in("mei").status_code == 303

    def test_is_good_for_three_days(self, house: ConsoleHouse, watch: Watch) -> None:
        password = house.agent("mei", password=None)
        watch.forward(hours=73)
        refused = house.visitor().sign_in("mei", password)
        assert refused.status_code == 422 and "已過期" in refused.text

    @pytest.mark.parametrize(
        ("password", "again", "why"),
        [
            ("elevenchars", "elevenchars", "最少要 12"),
            ("x" * 257, "x" * 257, "最多 256"),
            ("abababababab", "abababababab", "太簡單"),
            ("my name is mei!", "my name is mei!", "名稱"),
            (PASSWORD, PASSWORD + "!", "不同"),
        ],
    )
    def test_is_not_replaced_by_a_bad_one(
        self, house: ConsoleHouse, password: str, again: str, why: str
    ) -> None:
        one_time = house.agent("mei", password=None)
        visitor = house.visitor()
        visitor.sign_in("mei", one_time)
        refused = visitor.post("/new-password", password=password, again=again)
        assert refused.status_code == 422 and why in refused.text
        assert visitor.get("/cases").location == "/new-password"

    def test_choosing_a_password_ends_every_other_sign_in(self, house: ConsoleHouse) -> None:
        one_time = house.agent("mei", password=None)
        first, second = house.visitor(), house.visitor()
        first.sign_in("mei", one_time)
        second.sign_in("mei", one_time)
        first.post("/new-password", password=PASSWORD, again=PASSWORD)
        assert is_in(first)
        assert second.get("/cases").location == "/sign-in"
