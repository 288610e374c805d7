"""The wall, and the links by which a screen shows it."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from cases import kiosks
from cases.kiosks import Kiosk
from cases.permissions import ROLES, SEE_WALL
from runtime.database import transaction
from tests.integration.console.conftest import Watch
from tests.support.console_app import SCAFFOLD, ConsoleHouse, Visitor, console_house


def link(visitor: Visitor, name: str = "the hall") -> str:
    """The address of a new link, as a supervisor is shown it once."""
    made = visitor.post("/wall/links", name=name)
    assert made.status_code == 201
    found = re.search(r'id="address" readonly value="([^"]+)"', made.text)
    assert found
    return re.sub("^https?://[^/]+", "", found[1])


@pytest.mark.parametrize("role", ROLES)
def test_the_wall_is_for_who_may_see_it(one_house: ConsoleHouse, role: str) -> None:
    answer = one_house.signed_in(role).get("/wall")
    assert answer.status_code == (200 if SEE_WALL in ROLES[role] else 403)


def test_without_a_sign_in_and_without_a_link_there_is_only_the_door(
    one_house: ConsoleHouse,
) -> None:
    assert one_house.visitor().get("/wall").location == "/sign-in"


def test_a_link_shows_the_wall_and_nothing_else(house: ConsoleHouse) -> None:
    number = house.case(*SCAFFOLD)
    address = link(house.signed_in("supervisor"))
    screen = house.visitor()
    page = screen.get(address).text
    assert 'data-figure="unreviewed">1<' in page
    assert number not in page and SCAFFOLD[0][:6] not in page and "9123" not in page
    token = address.partition("kiosk=")[2]
    for path in ("/cases", "/whistles", "/rates", "/wall/links", f"/cases/{number}", "/wall"):
        answer = screen.get(f"{path}?kiosk={token}" if path != "/wall" else path)
        assert answer.status_code == 303 and answer.location == "/sign-in", path


def test_a_link_holds_after_a_restart_and_only_its_digest_is_kept(
    one_house: ConsoleHouse, tmp_path: Path
) -> None:
    address = link(one_house.signed_in("supervisor"))
    with transaction(one_house.engine) as session:
        kept = kiosks.all_links(session)[0]
        assert address.partition("kiosk=")[2] not in (kept.token_digest, kept.name)
    again = console_house(tmp_path, one_house.engine.url.render_as_string(hide_password=False))
    assert again.visitor().get(address).status_code == 200


def test_a_revoked_link_says_so_and_a_wrong_one_shows_nothing(one_house: ConsoleHouse) -> None:
    boss = one_house.signed_in("supervisor")
    address = link(boss)
    assert boss.post("/wall/links/1/revoke").status_code == 303
    for path in (address, "/wall?kiosk=wrong", "/wall?kiosk="):
        answer = one_house.visitor().get(path)
        assert answer.status_code == 404 and "連結已失效" in answer.text
        assert "data-figure" not in answer.text


def test_who_is_signed_in_sees_by_a_link_what_the_screen_shows(one_house: ConsoleHouse) -> None:
    boss = one_house.signed_in("supervisor")
    page = boss.get(link(boss)).text
    assert "kiosk" in page and "/cases" not in page


def test_a_link_needs_a_name_and_says_when_it_was_used(
    one_house: ConsoleHouse, watch: Watch
) -> None:
    boss = one_house.signed_in("supervisor")
    assert boss.post("/wall/links", name="  ").status_code == 422
    address = link(boss)
    assert "未曾使用" in boss.get("/wall/links").text
    one_house.visitor().get(address)
    assert "最近使用" in boss.get("/wall/links").text
    with transaction(one_house.engine) as session:
        seen = session.get_one(Kiosk, 1).seen_at
    assert seen is not None and abs(seen - watch.now()) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("asked", "every"),
    [("", 2), ("&every=10", 10), ("&every=0", 1), ("&every=9999", 2), ("&every=999", 300)],
)
def test_how_often_it_is_renewed_stands_in_the_address(
    one_house: ConsoleHouse, asked: str, every: int
) -> None:
    page = one_house.signed_in("leader").get(f"/wall?x{asked}").text
    assert f'data-live-every="{every}"' in page


def test_the_script_is_answered_the_region_alone(one_house: ConsoleHouse) -> None:
    answer = one_house.signed_in("leader").get("/wall", headers={"X-Live": "wall"})
    assert re.fullmatch(r"\d\d:\d\d:\d\d", answer.headers["X-Live"])
    assert answer.text.lstrip().startswith('<div class="wall">') and "<html" not in answer.text


def test_a_page_left_alone_does_not_keep_its_reader_signed_in(
    one_house: ConsoleHouse, watch: Watch
) -> None:
    visitor = one_house.signed_in("leader")
    for _ in range(4):
        watch.forward(minutes=9)
        answer = visitor.get("/wall", headers={"X-Live": "wall", "X-Unattended": "1"})
    assert answer.status_code == 303 and answer.location == "/sign-in"
