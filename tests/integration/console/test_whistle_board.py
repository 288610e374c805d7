"""The board of whistles: whose clock is late and since when, one lead, who came; a district its own."""

import re

from cases import case, whistles
from cases.permissions import Person
from console import door
from runtime.database import transaction
from tests.integration.console.conftest import Watch
from tests.support.console_app import ConsoleHouse


def board(page: str, whistle: int) -> str:
    """What the board says of one whistle, without tags."""
    item = page.partition(f'id="whistle-{whistle}"')[2].partition('id="whistle-')[0]
    return " ".join(re.sub(r"<[^>]+>", " ", item).split())


def blown_by_district(house: ConsoleHouse, number: str, *departments: str) -> int:
    """A whistle that an officer of the home affairs department blew as a district office."""
    by = Person("agent:9", "officer", "had", district=True)
    with transaction(house.engine) as session:
        found = case.by_number(session, number)
        assert found is not None
        how = {"danger": False, "blown_as": whistles.DISTRICT, "by": by, "terms": house.terms}
        return whistles.blow(session, found, "天橋底雜物", departments, now=house.now, **how).id


def test_it_tells_who_reported_in_and_who_did_not(house: ConsoleHouse) -> None:
    _, whistle = house.whistle("hyd", "fsd", "bd")
    desk = house.signed_in("supervisor")
    told = board(desk.get("/whistles").text, whistle)
    assert re.search("未報到 3 .*已報到 0 沒有", told) and "主辦：路政署 主辦未報到" in told
    house.officer("fsd").post(f"/whistles/{whistle}/arrive", department="fsd")
    told = board(desk.get("/whistles").text, whistle)
    waiting, came = told.split("已報到 1")
    assert "未報到 2" in waiting and "路政署 主辦" in waiting and "屋宇署" in waiting
    assert re.search(r"消防處 \d{4}-\d\d-\d\d \d\d:\d\d 報到", came) and "路政署" not in came


def test_one_department_leads_and_no_more(house: ConsoleHouse) -> None:
    _, whistle = house.whistle("hyd", "fsd")
    house.officer("hyd").post(f"/whistles/{whistle}/arrive", department="hyd")
    told = board(house.signed_in("supervisor").get("/whistles").text, whistle)
    assert "主辦：路政署" in told and "主辦未報到" not in told
    assert len(re.findall(" 主辦 ", told)) == 1


def test_the_clock_that_is_late_is_named_with_whose_it_is_and_since_when(
    house: ConsoleHouse, watch: Watch
) -> None:
    _, whistle = house.whistle("hyd", "fsd")
    house.officer("hyd").post(f"/whistles/{whistle}/arrive", department="hyd")
    watch.forward(days=14)
    page = house.signed_in("supervisor").get("/whistles").text
    told = board(page, whistle)
    moment = r"\d{4}-\d\d-\d\d \d\d:\d\d 起逾期"
    assert re.search(rf"階段回覆逾期 \d+ 日 路政署 {moment}", told)
    assert re.search(rf"消防處 報到逾期 \d+ 日 {moment}", told)
    summed = re.sub(r"<[^>]+>", " ", page.partition('class="board-sum"')[2].partition("</p>")[0])
    assert "報到 1" in summed and "階段回覆 1" in summed
    assert page.count("is-late") == 1


def test_while_nobody_leads_a_clock_is_of_all_who_were_called(house: ConsoleHouse) -> None:
    _, whistle = house.whistle("hyd", "fsd")
    told = board(house.signed_in("supervisor").get("/whistles").text, whistle)
    assert re.search("階段回覆尚餘 [^ ]+ [^ ]+ 路政署、消防處", told)


def test_danger_stands_first(house: ConsoleHouse) -> None:
    calm, danger = house.whistle("hyd")[1], house.whistle("fsd", danger=True)[1]
    page = house.signed_in("supervisor").get("/whistles").text
    assert page.index(f'id="whistle-{danger}"') < page.index(f'id="whistle-{calm}"')


def test_a_district_office_sees_the_whistles_it_blew_and_no_others(house: ConsoleHouse) -> None:
    number = house.case("天橋底好多雜物。")
    blown, other = blown_by_district(house, number, "hyd", "fehd"), house.whistle("fsd")[1]
    district = house.officer("had")
    page = district.get("/whistles").text
    assert "本處吹哨" in board(page, blown) and f'id="whistle-{other}"' not in page
    assert district.get(f"/whistles/{blown}").status_code == 200
    assert district.get(f"/cases/{number}").status_code == 200
    assert district.get(f"/whistles/{other}").status_code == 404
    called = house.officer("hyd").get("/whistles").text
    assert f'id="whistle-{blown}"' in called and "本處吹哨" not in called


def test_those_that_have_ended_stand_apart(house: ConsoleHouse) -> None:
    number, whistle = house.whistle("hyd")
    desk, officer = house.signed_in(name="desk"), house.officer("hyd")
    officer.post(f"/whistles/{whistle}/arrive", department="hyd")
    officer.decide(number, "resolve", outcome="done", answer="已清理。")
    desk.post(f"/whistles/{whistle}/score", department="hyd", points="5", words="好快")
    house.signed_in("coordinator").post(f"/whistles/{whistle}/end")
    page = desk.get("/whistles").text
    assert "進行中 0 宗" in page and "1 個部門，1 個已報到" in board(page, whistle)


def test_the_script_is_answered_the_board_alone(one_house: ConsoleHouse) -> None:
    _, whistle = one_house.whistle("hyd")
    headers = {"X-Live": "board", door.UNATTENDED: "1"}
    answer = one_house.signed_in("supervisor").get("/whistles", headers=headers)
    assert "<h1" not in answer.text and f'id="whistle-{whistle}"' in answer.text
