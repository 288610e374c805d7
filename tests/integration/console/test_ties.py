"""Beside a case stand those that may be the same; what is linked or merged there is seen on both pages."""

import re

from tests.integration.console.test_cases_list import numbers
from tests.support.console_app import LAMP, SCAFFOLD, ConsoleHouse, on_page

OTHER = "+85298765432"


def beside(page: str) -> str:
    """The card of related cases."""
    found = re.search(r'<section class="card ties".*?</section>', page, re.DOTALL)
    return found[0] if found else ""


def test_the_same_caller_is_shown_with_the_reason(house: ConsoleHouse) -> None:
    first, second = house.case(*LAMP, language="en"), house.case(*SCAFFOLD)
    stranger = house.case("另一件事", caller=OTHER)
    card = beside(house.signed_in().get(f"/cases/{second}").text)
    assert first in card and "同一來電者" in card and stranger not in card
    assert "street lamp" in card


def test_numbers_of_similar_cases_are_masked(house: ConsoleHouse) -> None:
    house.case("打98765432搵我", masked_text="打[phone]搵我")
    page = house.signed_in().get(f"/cases/{house.case(*LAMP)}").text
    assert "98765432" not in page and "打[phone]搵我" in beside(page)


def test_an_officer_sees_no_similar_case_and_no_link_to_another_department(
    house: ConsoleHouse,
) -> None:
    mine, theirs = house.accepted("hyd"), house.accepted("hd")
    house.signed_in().decide(mine, "link", other=theirs, note="同一棟樓")
    page = house.officer("hyd").get(f"/cases/{mine}").text
    assert beside(page) == ""
    assert theirs not in page.split('id="history"')[0]


def test_cases_are_linked_and_unlinked(house: ConsoleHouse) -> None:
    one, other = house.case(*SCAFFOLD), house.case(*LAMP, caller=OTHER)
    visitor = house.signed_in()
    assert visitor.decide(one, "link", other=other, note="同一棟樓").status_code == 303
    for here, there in ((one, other), (other, one)):
        page = visitor.get(f"/cases/{here}").text
        assert there in beside(page) and "同一棟樓" in beside(page)
        assert f"與個案 {there} 關連：同一棟樓" in page
    assert visitor.decide(other, "unlink", other=one).status_code == 303
    assert one not in beside(visitor.get(f"/cases/{other}").text)


def test_what_is_missing_or_wrong_is_said_and_nothing_typed_is_lost(house: ConsoleHouse) -> None:
    number = house.case(*SCAFFOLD)
    visitor = house.signed_in()
    answer = visitor.decide(number, "merge", other="260000099", note="一樣的事")
    assert answer.status_code == 422 and "沒有編號 260000099 的個案" in answer.text
    assert 'value="260000099"' in answer.text and "一樣的事</textarea>" in answer.text
    answer = visitor.decide(number, "link", other="", note="一樣的事")
    assert answer.status_code == 422 and "請選另一宗，並寫明理由" in answer.text


def test_a_merged_case_is_heard_and_read_with_its_main_case(house: ConsoleHouse) -> None:
    main, one = house.case(*LAMP, language="en"), house.case(*SCAFFOLD)
    visitor = house.signed_in()
    assert visitor.decide(one, "merge", other=main, note="同一件事").status_code == 303
    assert house.stored(one).status == "closed"
    page = visitor.get(f"/cases/{main}").text
    assert "併入的個案" in page and SCAFFOLD[0] in page and "/recordings/2/audio" in page
    page = visitor.get(f"/cases/{one}").text
    assert "這宗已併入" in page and f'/cases/{main}"' in page and "重開即取消合併" not in page
    assert numbers(visitor.get("/cases?status=open").text) == [main]


def test_a_supervisor_takes_them_apart_by_reopening(house: ConsoleHouse) -> None:
    main, one = house.case(*LAMP, language="en"), house.case(*SCAFFOLD)
    boss = house.signed_in("supervisor")
    boss.decide(one, "merge", other=main, note="同一件事")
    assert "重開即取消合併" in boss.get(f"/cases/{one}").text
    boss.decide(one, "reopen", note="另一棟樓")
    assert house.stored(one).merged_into is None
    assert "併入的個案" not in boss.get(f"/cases/{main}").text
    assert f"個案 {one} 不再併入本宗" in boss.get(f"/cases/{main}").text


def test_the_main_cases_department_reads_the_merged_text_masked(house: ConsoleHouse) -> None:
    main = house.accepted("hyd")
    one = house.case("打98765432搵我，盞燈壞咗", masked_text="打[phone]搵我，盞燈壞咗")
    house.signed_in().decide(one, "merge", other=main, note="同一件事")
    officer = house.officer("hyd")
    page = officer.get(f"/cases/{main}").text
    assert "打[phone]搵我，盞燈壞咗" in page and "98765432" not in page
    assert f'href="/cases/{one}"' not in page and "/audio" not in page
    assert officer.get(f"/cases/{one}").status_code == 404


def test_its_citizen_follows_the_main_case(house: ConsoleHouse) -> None:
    main, one = house.accepted("hyd"), house.case(*LAMP, language="en", caller=OTHER)
    house.signed_in().decide(one, "merge", other=main, note="同一件事")
    path = house.office.tracking.path(one)
    page = house.visitor().get(path).text
    assert one in page and "合併辦理" in page and "路政署" in page and main not in page
    house.officer("hyd").decide(main, "resolve", outcome="done", answer="已修好。")
    assert "已修好。" in house.visitor().get(path).text


def test_who_is_overtaken_learns_it(house: ConsoleHouse) -> None:
    main, one = house.case(*LAMP, language="en"), house.case(*SCAFFOLD)
    visitor = house.signed_in()
    state = on_page(visitor.get(f"/cases/{one}").text)
    house.signed_in("supervisor").decide(one, "confirm", category="noise")
    answer = visitor.post(f"/cases/{one}/merge", **state, other=main, note="同一件事")
    assert answer.status_code == 409 and "同一件事" in answer.text
    assert house.stored(one).merged_into is None


def test_who_has_a_case_sees_that_its_caller_called_again(house: ConsoleHouse) -> None:
    main, one, other = house.case(*SCAFFOLD), house.case(*SCAFFOLD), house.case(*LAMP, caller=OTHER)
    visitor = house.signed_in()
    assert "再次來電" not in visitor.get(f"/cases/{main}").text
    # A stranger's case about the same is merged, too, and does not count.
    for number in (one, other):
        assert visitor.decide(number, "merge", other=main, note="同一件事").status_code == 303
    assert "再次來電 ×1" in visitor.get(f"/cases/{main}").text
    assert "再次來電" not in visitor.get(f"/cases/{one}").text
