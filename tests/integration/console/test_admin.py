"""The pages of those who run the hotline: an index of what one may open, and who may do what."""

import re

import pytest

from cases import permissions
from cases.permissions import ROLES, STANDINGS
from console import admin_page
from console.languages import messages
from tests.support.console_app import ConsoleHouse


@pytest.mark.parametrize("role", ROLES)
def test_the_index_stands_in_the_menu_of_who_may_open_it(
    one_house: ConsoleHouse, role: str
) -> None:
    visitor = one_house.signed_in(role)
    page = visitor.get("/", follow_redirects=True).text
    assert ('href="/admin"' in page) == permissions.may(role, "see_admin")
    assert (visitor.get("/admin").status_code == 200) == permissions.may(role, "see_admin")


@pytest.mark.parametrize("role", ["supervisor", "auditor", "admin"])
def test_the_index_leads_to_pages_that_open_and_names_no_other(
    one_house: ConsoleHouse, role: str
) -> None:
    visitor = one_house.signed_in(role)
    index = visitor.get("/admin").text.partition("<main")[2]
    found = re.findall(r'class="card"><a href="([^"]+)"', index)
    assert "/admin/roles" in found
    assert [visitor.get(path).status_code for path in found] == [200] * len(found)


def test_every_page_of_the_index_exists_and_has_a_name() -> None:
    assert [page for page in admin_page.ADMIN_PAGES if f"admin.{page}" not in messages()] == []


def test_every_permission_has_words() -> None:
    named = {
        key.partition(".")[2] for key in messages() if key.startswith(("permission.", "deed."))
    }
    assert set().union(*ROLES.values()) - named == set()


@pytest.mark.parametrize("standing", STANDINGS)
def test_the_table_says_of_everybody_what_the_rules_say(
    one_house: ConsoleHouse, standing: str
) -> None:
    visitor = one_house.signed_in("admin")
    page = visitor.get("/admin/roles", headers={"Accept-Language": "en"}).text
    column = STANDINGS.index(standing)
    rows = re.findall(r'<th scope="row">(.*?)</th>(.*?)</tr>', page, re.DOTALL)
    told = [name for name, cells in rows if cells.split("<td>")[1:][column].find(">yes<") > 0]
    assert len(told) == len(permissions.of_standing(standing))


def test_a_district_office_is_an_officer_and_is_called_by_its_own_name(
    one_house: ConsoleHouse,
) -> None:
    assert permissions.of_standing("district") == ROLES["officer"]
    english = {"Accept-Language": "en"}
    pages = {
        code: one_house.officer(code).get("/department", headers=english).text
        for code in ("had", "hyd")
    }
    assert "district office</small>" in pages["had"]
    assert "department officer</small>" in pages["hyd"]
