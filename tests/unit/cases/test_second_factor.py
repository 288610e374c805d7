"""A code from a telephone is asked for once it was confirmed, is taken once, and so is a recovery code."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from cases import second_factor
from cases.agents import Agent
from cases.errors import Refused
from cases.second_factor import SecondFactorKey
from runtime.database import transaction
from tests.unit.cases.conftest import NOW, Records

KEY = SecondFactorKey("a key of the tests alone")
STEP = timedelta(seconds=second_factor.PERIOD)


def person(session: Session, name: str = "mei") -> int:
    agent = Agent(name=name, role="admin", active=True, added_at=NOW, password_hash="")
    session.add(agent)
    session.flush()
    return agent.id


def code(secret: str, steps: int = 0) -> str:
    return pyotp.TOTP(secret).at(NOW + steps * STEP)


@pytest.fixture
def enrolled(records: Records) -> tuple[Records, int, str]:
    """Somebody whose telephone has the secret; the first code was that of the step before now."""
    agent_id = person(records.session)
    secret = second_factor.begin(records.session, KEY, agent_id, NOW)
    second_factor.confirm(records.session, KEY, agent_id, code(secret, -2), NOW - STEP)
    return records, agent_id, secret


def check(session: Session, agent_id: int, typed: str, steps: int = 0) -> bool:
    return second_factor.check(session, KEY, agent_id, typed, NOW + steps * STEP)


def test_until_it_is_confirmed_no_code_is_asked_for_and_none_opens_anything(
    records: Records,
) -> None:
    agent_id = person(records.session)
    secret = second_factor.begin(records.session, KEY, agent_id, NOW)
    assert second_factor.begin(records.session, KEY, agent_id, NOW) == secret
    assert not second_factor.is_on(records.session, agent_id)
    assert not check(records.session, agent_id, code(secret))
    with pytest.raises(Refused, match="wrong_code"):
        second_factor.confirm(records.session, KEY, agent_id, "000000", NOW)
    assert len(second_factor.confirm(records.session, KEY, agent_id, code(secret), NOW)) == 10
    assert second_factor.is_on(records.session, agent_id)


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_clocks_may_differ_by_half_a_minute(enrolled: tuple[Records, int, str], steps: int) -> None:
    records, agent_id, secret = enrolled
    assert check(records.session, agent_id, code(secret, steps))


@pytest.mark.parametrize("steps", [-3, -2, 2, 3])
def test_and_not_by_more(enrolled: tuple[Records, int, str], steps: int) -> None:
    records, agent_id, secret = enrolled
    assert not check(records.session, agent_id, code(secret, steps))


def test_a_code_is_taken_once_and_none_before_it_afterwards(
    enrolled: tuple[Records, int, str],
) -> None:
    records, agent_id, secret = enrolled
    assert check(records.session, agent_id, code(secret))
    assert not check(records.session, agent_id, code(secret))
    assert not check(records.session, agent_id, code(secret, -1))
    assert check(records.session, agent_id, code(secret, 1), steps=1)


def test_the_code_that_switched_it_on_opens_nothing(records: Records) -> None:
    agent_id = person(records.session)
    secret = second_factor.begin(records.session, KEY, agent_id, NOW)
    second_factor.confirm(records.session, KEY, agent_id, code(secret), NOW)
    assert not check(records.session, agent_id, code(secret))


def test_of_two_at_the_same_moment_one_gets_in(engine: Engine) -> None:
    with transaction(engine) as session:
        agent_id = person(session)
        secret = second_factor.begin(session, KEY, agent_id, NOW)
        second_factor.confirm(session, KEY, agent_id, code(secret, -1), NOW)

    def try_it(_turn: int) -> bool:
        with transaction(engine) as session:
            return check(session, agent_id, code(secret))

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(try_it, range(4))) == [False, False, False, True]


@pytest.mark.parametrize("how", [str, str.upper, lambda one: f" {one[:5]} {one[6:]} "])
def test_a_recovery_code_is_good_once_however_it_is_typed(
    enrolled: tuple[Records, int, str], how: Callable[[str], str]
) -> None:
    records, agent_id, _ = enrolled
    codes = second_factor.new_recovery_codes(records.session, KEY, agent_id)
    assert len(set(codes)) == 10
    assert check(records.session, agent_id, how(codes[3]))
    assert not check(records.session, agent_id, codes[3])
    assert second_factor.recovery_codes_left(records.session, agent_id) == 9


def test_new_recovery_codes_end_the_old_ones(enrolled: tuple[Records, int, str]) -> None:
    records, agent_id, _ = enrolled
    old = second_factor.new_recovery_codes(records.session, KEY, agent_id)
    new = second_factor.new_recovery_codes(records.session, KEY, agent_id)
    assert not check(records.session, agent_id, old[0])
    assert check(records.session, agent_id, new[0])


def test_one_persons_codes_open_nothing_to_another(records: Records) -> None:
    made = {}
    for name in ("mei", "fu"):
        agent_id = person(records.session, name)
        secret = second_factor.begin(records.session, KEY, agent_id, NOW)
        codes = second_factor.confirm(records.session, KEY, agent_id, code(secret, -1), NOW)
        made[name] = agent_id, secret, codes
    (mei, _, _), (_, secret, codes) = made["mei"], made["fu"]
    assert not check(records.session, mei, code(secret))
    assert not check(records.session, mei, codes[0])


def test_neither_the_secret_nor_a_recovery_code_lies_in_the_database(records: Records) -> None:
    agent_id = person(records.session)
    secret = second_factor.begin(records.session, KEY, agent_id, NOW)
    codes = second_factor.confirm(records.session, KEY, agent_id, code(secret), NOW)
    kept = str(records.session.execute(text("SELECT * FROM second_factors")).all())
    kept += str(records.session.execute(text("SELECT * FROM recovery_codes")).all())
    assert secret not in kept
    assert not any(one in kept or one.replace("-", "") in kept for one in codes)
    with pytest.raises(ValueError, match="another DATA_KEY"):
        SecondFactorKey("the key of another hotline").unseal(
            records.session.scalars(select(second_factor.SecondFactor.secret_sealed)).one()
        )


def test_after_a_reset_it_begins_anew_with_another_secret(
    enrolled: tuple[Records, int, str],
) -> None:
    records, agent_id, secret = enrolled
    with pytest.raises(Refused, match="two_factor_on"):
        second_factor.begin(records.session, KEY, agent_id, NOW)
    second_factor.remove(records.session, agent_id)
    assert not second_factor.is_on(records.session, agent_id)
    assert second_factor.recovery_codes_left(records.session, agent_id) == 0
    assert second_factor.begin(records.session, KEY, agent_id, NOW) != secret


@pytest.mark.parametrize(
    "typed", ["", "12345", "1234567", "abcdef", "１２３４５６", "é" * 30, "0" * 64]
)
def test_nonsense_is_no_code(enrolled: tuple[Records, int, str], typed: str) -> None:
    records, agent_id, _ = enrolled
    assert not check(records.session, agent_id, typed)
