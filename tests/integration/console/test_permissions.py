"""What the table of permissions says is what the pages do."""

import pytest
from sqlalchemy import update

from cases.agents import Agent
from cases.permissions import ROLES
from console import door
from runtime.database import transaction
from tests.support.console_app import SCAFFOLD, ConsoleHouse, Visitor

DEEDS = {
    "see_cases": lambda v, number: v.get(f"/cases/{number}"),
    "hear_recordings": lambda v, number: v.get("/recordings/1/audio"),
    "reveal_number": lambda v, number: v.post(f"/cases/{number}/reveal"),
    "confirm": lambda v, number: v.decide(number, "confirm", category="refuse"),
    "close": lambda v, number: v.decide(number, "close", note="done"),
    "reopen": lambda v, number: v.decide(number, "reopen", note="not done"),
}


@pytest.mark.parametrize("permission", DEEDS)
@pytest.mark.parametrize("role", ROLES)
def test_an_agent_can_do_what_the_role_may_and_nothing_else(
    one_house: ConsoleHouse, role: str, permission: str
) -> None:
    number = one_house.case(*SCAFFOLD)
    if permission == "reopen":
        one_house.signed_in("supervisor", "boss").decide(number, "close", note="done")
    visitor = one_house.signed_in(role)
    before = one_house.history(number)
    answer = DEEDS[permission](visitor, number)
    if permission in ROLES[role]:
        assert answer.status_code in {200, 303}
    else:
        # An officer is not even told that there is such a case.
        assert answer.status_code == (
            404 if role == "officer" and permission == "see_cases" else 403
        )
        assert one_house.history(number) == before


def test_a_page_shows_no_button_for_what_its_reader_may_not_do(one_house: ConsoleHouse) -> None:
    number = one_house.case(*SCAFFOLD)
    page = one_house.signed_in("auditor").get(f"/cases/{number}").text
    for action in ("confirm", "close", "reveal"):
        assert f"/cases/{number}/{action}" not in page


def test_every_page_names_the_permission_it_needs(one_house: ConsoleHouse) -> None:
    known = {door.ANYBODY, door.NEWCOMER, door.KEYED}.union(*ROLES.values())
    with one_house.app.app_context():
        pages = [e for e in one_house.app.view_functions if e != "console.static"]
        assert pages and all(set(door.needed(e)) <= known and door.needed(e) for e in pages)


def test_pages_for_anybody_are_these_alone(one_house: ConsoleHouse) -> None:
    with one_house.app.app_context():
        open_to_all = {
            endpoint
            for endpoint in one_house.app.view_functions
            if endpoint != "console.static" and door.ANYBODY in door.needed(endpoint)
        }
    assert open_to_all == {
        "console.front",
        "console.sign_in",
        "console.try_to_sign_in",
        "console.code",
        "console.try_code",
        "console.sign_in_by_link",
        "console.phone_page",
        "console.new_phone_call",
        "console.phone_call",
        "console.phone_sample",
        "console.language",
        "console.report_in",
        "console.reported_in",
        "console.track",
        "console.track_form",
        "console.track_find",
        "console.track_forget",
        "console.wall_page",
    }


@pytest.mark.parametrize("path", ["/cases", "/cases/260000013", "/recordings/1/audio"])
def test_without_a_sign_in_there_is_only_the_door(one_house: ConsoleHouse, path: str) -> None:
    one_house.case(*SCAFFOLD)
    answer = one_house.visitor().get(path)
    assert answer.status_code == 303 and answer.location == "/sign-in"
    assert b"RIFF" not in answer.data


def test_a_role_that_nobody_knows_may_do_nothing(one_house: ConsoleHouse) -> None:

    visitor: Visitor = one_house.signed_in()
    with transaction(one_house.engine) as session:
        session.execute(update(Agent).values(role="emperor"))
    assert visitor.get("/cases").status_code == 403
