"""What may be done with a case: every act the table allows is on its page, and no other is done."""

import re
from datetime import timedelta

import pytest

from cases import case as case_rules
from cases import lifecycle
from cases.permissions import ROLES, Person
from console import deeds
from runtime.database import transaction
from tests.support.console_app import SCAFFOLD, ConsoleHouse, Visitor, on_page

PEOPLE = [*(role for role in ROLES if role != "officer"), "lead", "support", "stranger", "district"]


def offered(page: str) -> set[str]:
    """The acts of the lifecycle that a page has a form for."""
    return {
        act.replace("-", "_")
        for act in re.findall(r'action="/cases/\d+/([a-z-]+)"', page)
        if act.replace("-", "_") in set(deeds.FORMS) - deeds.BESIDES
    }


def at(house: ConsoleHouse, status: str) -> str:
    """A case in this status, led by hyd and supported by hd where departments have it."""
    if status in ("received", "confirmed"):
        number = house.case(*SCAFFOLD)
        if status == "confirmed":
            house.signed_in(name="confirmer").decide(number, "confirm", category="refuse")
        return number
    if status == "whistled":
        return house.whistle("hyd", "hd")[0]
    number = house.referred("hyd", "hd") if status == "referred" else house.accepted("hyd", "hd")
    if status == "suspended":
        day = (house.now + timedelta(days=9)).date().isoformat()
        house.signed_in("supervisor", "s").decide(number, "suspend", until=day, reason="r")
    if status in ("resolved", "closed"):
        lead = house.officer("hyd")
        lead.decide(number, "resolve", outcome="done", answer="清理咗。")
        if status == "closed":
            house.signed_in(name="caller").decide(number, "solved", contacted="yes")
    return number


def somebody(house: ConsoleHouse, who: str) -> tuple[Visitor, Person]:
    departments = {"lead": "hyd", "support": "hd", "stranger": "wsd", "district": "had"}
    if who not in departments:
        return house.signed_in(who, f"a-{who}"), Person("agent:99", who)
    department = departments[who]
    visitor = house.signed_in("officer", f"one-of-{department}", department)
    return visitor, Person("agent:99", "officer", department, who == "district")


@pytest.mark.parametrize("status", lifecycle.STATUSES)
@pytest.mark.parametrize("who", PEOPLE)
def test_the_page_offers_exactly_what_the_table_allows(
    one_house: ConsoleHouse, who: str, status: str
) -> None:
    number = at(one_house, status)
    visitor, person = somebody(one_house, who)
    assert one_house.stored(number).status == status
    with transaction(one_house.engine) as session:
        found = case_rules.by_number(session, number)
        assert found is not None
        parts = case_rules.parts(session, found, person)
    allowed = {act for act in lifecycle.ACTIONS if lifecycle.may(parts, status, act)}
    answer = visitor.get(f"/cases/{number}")
    if who in ("stranger", "district"):
        assert answer.status_code == 404
        allowed = set()
    else:
        together = "dispatch" in offered(answer.text)
        assert together == ({"confirm"} <= allowed)
        # Who may do both is offered both at once.
        both = deeds.TOGETHER["dispatch"] if together else ()
        assert {*offered(answer.text) - {"dispatch"}, *both} == {*allowed, *both}
    before = one_house.history(number)
    for act in set(deeds.FORMS) - deeds.BESIDES - allowed:
        state = on_page(answer.text) if allowed else {"version": "1", "seen": "0"}
        refused = visitor.post(f"/cases/{number}/{act}", **state)
        assert refused.status_code in {403, 404, 409, 422}, act
    assert one_house.history(number) == before


class TestADepartment:
    def test_accepts_with_one_press_and_answers(self, house: ConsoleHouse) -> None:
        number = house.referred("hyd", "hd")
        lead = house.officer("hyd")
        assert lead.decide(number, "accept").status_code == 303
        assert house.stored(number).status == "accepted"
        lead.decide(number, "interim", text="已派人視察。")
        lead.decide(number, "resolve", outcome="done", answer="已清走垃圾。")
        assert house.stored(number).status == "resolved"
        page = lead.get(f"/cases/{number}").text
        for words in ("已派人視察。", "已清走垃圾。", "officer-hyd (路政署)", "回訪尚餘"):
            assert words in page

    def test_returns_with_a_reason_words_and_a_name(self, house: ConsoleHouse) -> None:
        number = house.referred("hyd")
        lead = house.officer("hyd")
        said = {"reason": "not-ours", "words": "屬食環署", "department": "fehd"}
        back = lead.decide(number, "return", **said)
        assert back.status_code == 303
        assert "officer-hyd" in (page := house.signed_in().get(f"/cases/{number}").text)
        assert "屬食環署" in page and "不屬本部門職權" in page and "食物環境衞生署" in page
        assert house.officer("fehd").decide(number, "accept").status_code == 303

    @pytest.mark.parametrize("missing", ["reason", "words", "department"])
    def test_returns_nothing_without_all_three(self, one_house: ConsoleHouse, missing: str) -> None:
        number = one_house.referred("hyd")
        said = {"reason": "not-ours", "words": "屬食環署", "department": "fehd"}
        refused = one_house.officer("hyd").decide(number, "return", **{**said, missing: ""})
        assert refused.status_code == 422 and "退單要有理由" in refused.text
        if missing != "words":
            assert "屬食環署" in refused.text
        assert one_house.stored(number).status == "referred"

    def test_sees_neither_the_caller_nor_the_sound(self, one_house: ConsoleHouse) -> None:
        number = one_house.referred("hyd")
        page = one_house.officer("hyd").get(f"/cases/{number}").text
        assert SCAFFOLD[0] in page
        assert "<audio" not in page and "來電號碼" not in page and "+852" not in page

    def test_sees_no_case_of_others(self, one_house: ConsoleHouse) -> None:
        number = one_house.referred("hyd")
        for visitor in (one_house.officer("hd"), one_house.officer("fsd")):
            assert visitor.get(f"/cases/{number}").status_code == 404
            assert visitor.get(f"/cases/{number}/notices").status_code == 404
            assert visitor.post(f"/cases/{number}/accept", version=1, seen=0).status_code == 404


def test_the_lead_is_suggested_by_the_routing_rule_in_its_own_words(
    one_house: ConsoleHouse,
) -> None:
    number = one_house.case(*SCAFFOLD)
    visitor = one_house.signed_in()
    visitor.decide(number, "confirm", category="street-lamp")
    page = visitor.get(f"/cases/{number}").text
    assert re.search(r'name="lead" value="hyd" checked>', page) and "按類別" in page
    visitor.decide(number, "refer", lead="hyd", supporting="td")
    page = visitor.get(f"/cases/{number}").text
    assert "派給路政署主辦，協辦：運輸署" in page
    assert one_house.stored(number).owner == "hyd"


def test_a_second_writer_gets_what_changed_and_everything_typed(house: ConsoleHouse) -> None:
    number = house.accepted("hyd", "hd")
    mine, hers = house.signed_in("supervisor", "mine"), house.signed_in("coordinator", "hers")
    old = on_page(mine.get(f"/cases/{number}").text)
    hers.decide(number, "blow", matter="有危險", departments="fsd", danger="1")
    typed = {"lead": "td", "supporting": "wsd", "reason": "路面凹陷，屬運輸署。"}
    answer = mine.post(f"/cases/{number}/refer", **typed, **old)
    assert answer.status_code == 409
    for words in ("hers", "吹哨：有危險", "路面凹陷，屬運輸署。", "以現時狀態不能這樣做"):
        assert words in answer.text
    again = mine.post(f"/cases/{number}/blow", matter="再吹", departments="td", **old)
    assert again.status_code == 409 and "再吹" in again.text and "仍然照辦" in again.text
    assert re.search(r'value="td" checked', again.text)


def test_an_exclusion_needs_a_second_person(house: ConsoleHouse) -> None:
    number = house.accepted("hyd")
    asker = house.signed_in("supervisor", "asker")
    asker.decide(number, "exclusion", reason="重複投訴")
    page = asker.get(f"/cases/{number}").text
    assert "申請剔除，待審批" in page and "/exclusion-decision" not in page
    other = house.signed_in("supervisor", "other")
    done = other.decide(number, "exclusion-decision", decision="approve", words="同意")
    assert done.status_code == 303
    assert "已剔除，不計入三率" in other.get(f"/cases/{number}").text
    listed = house.signed_in("auditor").get("/rates").text
    assert number in listed and "重複投訴" in listed and "other" in listed


def test_more_time_is_given_to_one_clock_and_the_old_one_stays(house: ConsoleHouse) -> None:
    number = house.accepted("hyd")
    boss = house.signed_in("supervisor")
    day = (house.now + timedelta(days=40)).date().isoformat()
    done = boss.decide(number, "extend", clock="resolve", until=day, reason="等工程材料")
    assert done.status_code == 303
    page = boss.get(f"/cases/{number}").text
    assert "等工程材料" in page and "已延期" in page


def test_a_task_is_given_and_reported_as_done(house: ConsoleHouse) -> None:
    number = house.accepted("hyd")
    house.signed_in().decide(number, "task", owner="wsd", text="量水壓")
    officer = house.officer("wsd")
    inbox = officer.get("/department").text
    assert "量水壓" in inbox
    path = re.search(r"/tasks/\d+/done", inbox)
    assert path and officer.post(path[0], words="水壓正常").status_code == 303
    assert "水壓正常" in officer.get(f"/cases/{number}").text
    late = officer.post(path[0], words="我都做咗")
    assert late.status_code == 422 and "我都做咗" in late.text
