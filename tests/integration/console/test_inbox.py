"""A department's inbox: one tap accepts, three return, what is late is named."""

import re

from console import door
from tests.integration.console.conftest import Watch
from tests.support.console_app import ConsoleHouse, Visitor


def state(page: str, number: str) -> dict[str, str]:
    """What the form of one case in the inbox sends along."""
    item = page.partition(f'id="to-accept-{number}"')[2]
    found = re.search(r'name="version" value="(\d+)">\s*<input.*? name="seen" value="(\d+)"', item)
    assert found
    return {"version": found[1], "seen": found[2], "then": "inbox"}


def tap(visitor: Visitor, number: str, action: str, **given: str) -> str:
    page = visitor.get("/department").text
    answer = visitor.post(f"/cases/{number}/{action}", **state(page, number), **given)
    assert answer.status_code == 303
    return str(answer.location)


def test_accepting_leads_back_to_what_waits(house: ConsoleHouse) -> None:
    first, second = house.referred("hyd"), house.referred("hyd")
    officer = house.officer("hyd")
    assert tap(officer, first, "accept") == "/department#to-accept"
    page = officer.get("/department").text
    assert f'id="to-accept-{second}"' in page and f'id="in-work-{first}"' in page
    assert "已簽收" in page


def test_a_return_needs_a_reason_and_a_name_and_no_more(house: ConsoleHouse) -> None:
    number = house.referred("hyd")
    officer = house.officer("hyd")
    page = officer.get(f"/department?back={number}&reason=not-ours").text
    assert 'name="reason" value="not-ours"' in page and "退單：不屬本部門職權" in page
    assert tap(officer, number, "return", reason="not-ours", department="hd", words="")
    assert number not in officer.get("/department").text
    assert f'id="to-accept-{number}"' in house.officer("hd").get("/department").text
    said = house.signed_in("supervisor").get(f"/cases/{number}").text
    assert "不屬本部門職權" in said


def test_a_return_without_a_reason_or_a_name_is_refused(house: ConsoleHouse) -> None:
    number = house.referred("hyd")
    officer = house.officer("hyd")
    page = officer.get("/department").text
    for missing in ({"department": "hd"}, {"reason": "not-ours"}, {}):
        answer = officer.post(f"/cases/{number}/return", **state(page, number), **missing)
        assert answer.status_code == 422, missing
    assert house.stored(number).status == "referred"


def test_on_a_cases_own_page_words_are_asked_for_all_the_same(one_house: ConsoleHouse) -> None:
    number = one_house.referred("hyd")
    officer = one_house.officer("hyd")
    answer = officer.decide(number, "return", reason="not-ours", department="hd", words="")
    assert answer.status_code == 422


def test_what_is_late_is_named_and_the_latest_stands_first(
    one_house: ConsoleHouse, watch: Watch
) -> None:
    old = one_house.referred("hyd")
    new = one_house.referred("hyd")
    officer = one_house.officer("hyd")
    assert "已逾期：" not in officer.get("/department").text
    watch.forward(days=14)
    visitor = one_house.visitor()
    visitor.sign_in("officer-hyd")
    page = visitor.get("/department").text
    assert re.search(r'late-line">已逾期： <span class="chip late">簽收 2<', page)
    assert page.index(f"to-accept-{old}") < page.index(f"to-accept-{new}")


def test_departments_that_may_be_right_are_offered_first(one_house: ConsoleHouse) -> None:
    number = one_house.referred("hyd")
    page = one_house.officer("hyd").get(f"/department?back={number}&reason=shared").text
    offered = page.partition('class="others"')[0]
    own = one_house.office.categories["refuse"].department
    assert f'name="department" value="{own}"' in offered
    assert 'name="department" value="hyd"' not in page


def test_a_wrong_address_shows_the_inbox(one_house: ConsoleHouse) -> None:
    number = one_house.referred("hyd")
    officer = one_house.officer("hyd")
    for query in (f"back={number}&reason=whim", "back=1&reason=not-ours", "back=&reason="):
        page = officer.get(f"/department?{query}").text
        assert f'id="to-accept-{number}"' in page and 'class="back"' not in page


def test_the_script_is_answered_the_inbox_alone(one_house: ConsoleHouse) -> None:
    one_house.referred("hyd")
    headers = {"X-Live": "inbox", door.UNATTENDED: "1"}
    answer = one_house.officer("hyd").get("/department", headers=headers)
    assert "<h1" not in answer.text and 'id="to-accept"' in answer.text
