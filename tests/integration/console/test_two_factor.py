"""Signing in with a code from a telephone, setting it up, and ending one's other sign-ins."""

import re
from dataclasses import dataclass
from pathlib import Path

import pyotp
import pytest
from sqlalchemy import select

from cases import signins
from cases.admin_history import AdminEntry
from runtime import clock
from runtime.database import transaction
from runtime.settings import SettingsError
from tests.integration.console.conftest import Watch
from tests.support.console_app import PASSWORD, SCAFFOLD, ConsoleHouse, Visitor, console_house

ENGLISH = {"Accept-Language": "en"}


@dataclass
class Phone:
    """A telephone with an authenticator: it shows the code of the moment."""

    secret: str

    def code(self, ahead: int = 0) -> str:
        totp = pyotp.TOTP(self.secret)
        return totp.at(int(clock.now().timestamp()) + 30 * ahead)


def enrol(visitor: Visitor) -> tuple[Phone, list[str]]:
    """Set it up as the page says; the telephone, and the recovery codes that were shown."""
    page = visitor.get("/settings/two-factor").text
    found = re.search(r"<code>([A-Z2-7 ]+)</code>", page)
    assert found is not None
    phone = Phone(found[1].replace(" ", ""))
    answer = visitor.post("/settings/two-factor", code=phone.code())
    assert answer.status_code == 200
    return phone, re.findall(r"<code>([a-z2-9]{5}-[a-z2-9]{5})</code>", answer.text)


def half_way(house: ConsoleHouse, name: str = "one-agent") -> Visitor:
    """A browser that has given the right password."""
    visitor = house.visitor()
    answer = visitor.sign_in(name)
    assert (answer.status_code, answer.location) == (303, "/sign-in/code")
    return visitor


def is_in(visitor: Visitor) -> bool:
    return visitor.get("/cases").status_code == 200


def test_the_password_alone_opens_nothing_any_more(house: ConsoleHouse, watch: Watch) -> None:
    phone, codes = enrol(house.signed_in())
    assert len(codes) == 10
    visitor = half_way(house)
    assert not is_in(visitor)
    watch.forward(seconds=30)
    assert visitor.post("/sign-in/code", code=phone.code()).status_code == 303
    assert is_in(visitor)


def test_a_code_that_was_overheard_is_worth_nothing(house: ConsoleHouse, watch: Watch) -> None:
    phone, _ = enrol(house.signed_in())
    watch.forward(seconds=30)
    code = phone.code()
    half_way(house).post("/sign-in/code", code=code)
    thief = half_way(house)
    assert thief.post("/sign-in/code", code=code).status_code == 422
    assert not is_in(thief)


def test_a_recovery_code_opens_once(one_house: ConsoleHouse) -> None:
    _, codes = enrol(one_house.signed_in())
    first, second = half_way(one_house), half_way(one_house)
    assert first.post("/sign-in/code", code=codes[0]).status_code == 303
    assert second.post("/sign-in/code", code=codes[0]).status_code == 422
    assert is_in(first) and not is_in(second)


def test_without_the_password_no_code_is_asked_for(one_house: ConsoleHouse) -> None:
    phone, _ = enrol(one_house.signed_in())
    visitor = one_house.visitor()
    assert visitor.get("/sign-in/code").location == "/sign-in"
    assert visitor.post("/sign-in/code", code=phone.code(1)).location == "/sign-in"
    assert not is_in(visitor)


def test_after_five_minutes_the_password_is_asked_for_again(
    one_house: ConsoleHouse, watch: Watch
) -> None:
    phone, _ = enrol(one_house.signed_in())
    visitor = half_way(one_house)
    watch.forward(minutes=6)
    assert visitor.post("/sign-in/code", code=phone.code()).location == "/sign-in"


def test_who_has_the_password_cannot_guess_codes_whatever_they_do_between(
    one_house: ConsoleHouse, watch: Watch
) -> None:
    """A right password forgives wrong passwords, and not wrong codes."""
    phone, _ = enrol(one_house.signed_in())
    for turn in range(signins.TRIES):
        visitor = half_way(one_house)
        visitor.client.environ_base["REMOTE_ADDR"] = f"10.1.0.{turn}"
        assert visitor.post("/sign-in/code", code="000000").status_code == 422
    watch.forward(minutes=1)
    late = half_way(one_house)
    late.client.environ_base["REMOTE_ADDR"] = "10.1.0.99"
    assert late.post("/sign-in/code", code=phone.code()).status_code == 429
    watch.forward(minutes=16)
    assert half_way(one_house).post("/sign-in/code", code=phone.code()).status_code == 303


def test_in_a_day_twenty_codes_may_be_wrong(one_house: ConsoleHouse, watch: Watch) -> None:
    enrol(one_house.signed_in())
    wrong = 0
    for turn in range(30):
        visitor = half_way(one_house)
        visitor.client.environ_base["REMOTE_ADDR"] = f"10.2.0.{turn}"
        wrong += visitor.post("/sign-in/code", code="000000").status_code == 422
        watch.forward(minutes=16)
    assert wrong == 20


def test_setting_it_up_ends_every_other_sign_in(one_house: ConsoleHouse) -> None:
    here = one_house.signed_in()
    elsewhere = one_house.visitor()
    elsewhere.sign_in("one-agent")
    assert is_in(elsewhere)
    enrol(here)
    assert is_in(here) and not is_in(elsewhere)


def test_the_picture_holds_the_secret_and_is_gone_afterwards(one_house: ConsoleHouse) -> None:
    visitor = one_house.signed_in()
    picture = visitor.get("/settings/two-factor/picture.svg")
    assert picture.mimetype == "image/svg+xml" and b"<path" in picture.data
    assert picture.headers["Cache-Control"] == "no-store"
    enrol(visitor)
    assert visitor.get("/settings/two-factor/picture.svg").status_code == 404
    assert "<img" not in visitor.get("/settings/two-factor").text.partition("<main")[2]


def test_switching_it_off_needs_a_code(one_house: ConsoleHouse, watch: Watch) -> None:
    visitor = one_house.signed_in()
    phone, _ = enrol(visitor)
    assert visitor.post("/settings/two-factor/off", code="000000").status_code == 422
    watch.forward(seconds=30)
    assert visitor.post("/settings/two-factor/off", code=phone.code()).status_code == 303
    assert one_house.visitor().sign_in("one-agent").location != "/sign-in/code"


def test_new_recovery_codes_need_a_code_and_end_the_old_ones(
    one_house: ConsoleHouse, watch: Watch
) -> None:
    visitor = one_house.signed_in()
    phone, old = enrol(visitor)
    assert visitor.post("/settings/two-factor/codes", code="000000").status_code == 422
    watch.forward(seconds=30)
    answer = visitor.post("/settings/two-factor/codes", code=phone.code())
    new = re.findall(r"<code>([a-z2-9]{5}-[a-z2-9]{5})</code>", answer.text)
    assert len(new) == 10 and not {*new} & {*old}
    assert half_way(one_house).post("/sign-in/code", code=old[0]).status_code == 422


def test_what_was_done_is_told_in_the_admin_history(one_house: ConsoleHouse) -> None:
    enrol(one_house.signed_in())
    with transaction(one_house.engine) as session:
        assert session.scalars(select(AdminEntry.action)).all() == ["two_factor_on"]


# --- roles that need it -------------------------------------------------------------------------


@pytest.fixture
def strict(tmp_path: Path) -> ConsoleHouse:
    """A console whose city wants it of admins and supervisors."""
    return console_house(tmp_path, totp_roles="admin, supervisor")


@pytest.mark.parametrize("role", ["admin", "supervisor"])
def test_a_role_that_needs_it_can_do_nothing_before(strict: ConsoleHouse, role: str) -> None:
    number = strict.case(*SCAFFOLD)
    visitor = strict.signed_in(role)
    for path in ("/cases", f"/cases/{number}", "/recordings/1/audio", "/admin", "/settings"):
        answer = visitor.get(path)
        assert (answer.status_code, answer.location) == (303, "/settings/two-factor"), path
    assert visitor.post(f"/cases/{number}/reveal").location == "/settings/two-factor"
    page = visitor.get("/settings/two-factor", headers=ENGLISH).text
    assert "Your role needs a second factor" in page and "<nav" not in page
    phone, _ = enrol(visitor)
    assert is_in(visitor)
    assert "cannot be switched off" in visitor.get("/settings/two-factor", headers=ENGLISH).text
    assert visitor.post("/settings/two-factor/off", code=phone.code(1)).status_code == 422


def test_other_roles_are_not_hindered(strict: ConsoleHouse) -> None:
    assert is_in(strict.signed_in("agent"))


def test_who_is_given_such_a_role_sets_it_up_at_the_next_page(strict: ConsoleHouse) -> None:
    visitor = strict.signed_in("agent")
    boss = strict.signed_in("admin")
    enrol(boss)
    boss.post("/admin/people/1/role", role="supervisor", department="")
    assert visitor.get("/cases").location == "/settings/two-factor"


def test_first_a_password_of_ones_own_then_the_second_factor(strict: ConsoleHouse) -> None:
    password = strict.agent("new", "admin", password=None)
    visitor = strict.visitor()
    assert visitor.sign_in("new", password).location == "/new-password"
    assert visitor.get("/settings/two-factor").location == "/new-password"
    assert visitor.post("/settings/two-factor", code="000000").location == "/new-password"
    assert visitor.get("/settings/two-factor/picture.svg").status_code == 404
    visitor.post("/new-password", password=PASSWORD, again=PASSWORD)
    assert visitor.get("/cases").location == "/settings/two-factor"


def test_a_role_that_there_is_not_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="TOTP_ROLES: there is no role 'emperor'"):
        console_house(tmp_path, totp_roles="emperor")


@pytest.mark.parametrize(
    ("chosen", "needed"),
    [
        ({"public_base_url": "https://hotline.example"}, {"admin"}),
        ({"public_base_url": "http://127.0.0.1:8000"}, set()),
        ({"public_base_url": "https://hotline.example", "totp_roles": ""}, set()),
        ({"public_base_url": "http://127.0.0.1:8000", "totp_roles": "leader"}, {"leader"}),
    ],
)
def test_unless_it_is_said_admins_need_it_wherever_others_can_reach_the_console(
    tmp_path: Path, chosen: dict[str, str], needed: set[str]
) -> None:
    assert console_house(tmp_path, **chosen).office.two_factor_roles == needed


# --- sign-ins -----------------------------------------------------------------------------------


def test_ones_own_sign_ins_are_listed_and_the_others_ended(house: ConsoleHouse) -> None:
    here = house.signed_in()
    there = [house.visitor() for _ in range(2)]
    for visitor in there:
        visitor.sign_in("one-agent")
    somebody = house.signed_in("agent", "somebody")
    page = here.get("/settings/sessions", headers=ENGLISH).text
    assert page.count("last used") == 3 and page.count("this one") == 1
    here.post("/settings/sessions/end-others")
    assert is_in(here) and is_in(somebody)
    assert not any(map(is_in, there))
    assert "here only" in here.get("/settings/sessions", headers=ENGLISH).text


def test_the_settings_lead_to_both(one_house: ConsoleHouse) -> None:
    page = one_house.signed_in().get("/settings").text
    assert 'href="/settings/two-factor"' in page and 'href="/settings/sessions"' in page
