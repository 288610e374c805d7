"""The whistle at the console: reporting in by link and by press, the thread, scores, the end."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from cases.notices import Notice
from runtime.database import transaction
from tests.support.console_app import ConsoleHouse


def token(house: ConsoleHouse, department: str) -> str:
    """The token in the link of the department's last notice."""
    with transaction(house.engine) as session:
        found = select(Notice).where(
            Notice.kind == "whistle", Notice.to == f"department:{department}"
        )
        notice = session.scalars(found.order_by(Notice.id.desc())).first()
        assert notice is not None
        return str(notice.facts["link"]).rpartition("/")[2]


class TestReportingInByTheLink:
    def test_needs_one_press_and_no_sign_in(self, house: ConsoleHouse) -> None:
        number, whistle = house.whistle("hyd", "fsd", danger=True)
        visitor, path = house.visitor(), f"/report-in/{token(house, 'fsd')}"
        before = house.history(number)
        page = visitor.get(path)
        assert page.status_code == 200 and house.history(number) == before
        for words in ("消防處", number, "棚網起火", "報到限期", "有危險"):
            assert words in page.text
        assert page.text.count(f'action="{path}"') == 1
        assert "已於" in visitor.post(path).text
        assert house.history(number)[-1][1] == "arrive"
        assert "報到，遲到" in house.signed_in().get(f"/whistles/{whistle}").text

    def test_twice_changes_nothing_and_says_so(self, house: ConsoleHouse) -> None:
        number, _ = house.whistle("hyd", "fsd")
        visitor, path = house.visitor(), f"/report-in/{token(house, 'fsd')}"
        visitor.post(path)
        before = house.history(number)
        again = visitor.get(path).text
        assert "毋須再按" in again and f'action="{path}"' not in again
        assert visitor.post(path).status_code == 200
        assert house.history(number) == before

    @pytest.mark.parametrize("wrong", ["x", "y" * 32, "z" * 300, "%27"])
    def test_with_a_wrong_link_gets_a_page_that_says_so(
        self, one_house: ConsoleHouse, wrong: str
    ) -> None:
        one_house.whistle("hyd")
        for answer in (
            one_house.visitor().get(f"/report-in/{wrong}"),
            one_house.visitor().post(f"/report-in/{wrong}"),
        ):
            assert answer.status_code == 404 and "這條連結不正確" in answer.text

    def test_wrong_links_are_counted_and_right_ones_always_work(self, house: ConsoleHouse) -> None:
        house.whistle("hyd")
        visitor = house.visitor()
        codes = [visitor.get(f"/report-in/{'w' * n}").status_code for n in range(1, 8)]
        assert codes == [404] * 5 + [429] * 2
        assert visitor.get(f"/report-in/{token(house, 'hyd')}").status_code == 200

    def test_tells_no_telephone_number_that_stands_in_the_matter(
        self, one_house: ConsoleHouse
    ) -> None:
        number = one_house.case("喂")
        blown = {"matter": "請致電 91234567 陳先生", "departments": "hyd"}
        one_house.signed_in().decide(number, "blow", **blown)
        page = one_house.visitor().get(f"/report-in/{token(one_house, 'hyd')}").text
        assert "陳先生" in page and "91234567" not in page


class TestAWhistle:
    def test_is_reported_in_to_scored_and_ended(self, house: ConsoleHouse) -> None:
        number, whistle = house.whistle("hyd", "fsd")
        desk = house.signed_in(name="desk")
        lead, other = house.officer("hyd"), house.officer("fsd")
        for officer, code in ((lead, "hyd"), (other, "fsd")):
            assert f'action="/whistles/{whistle}/arrive"' in officer.get("/department").text
            officer.post(f"/whistles/{whistle}/arrive", department=code)
        other.post(f"/whistles/{whistle}/say", text="我哋帶咗梯車。")
        assert "我哋帶咗梯車。" in lead.get(f"/whistles/{whistle}").text
        early = desk.post(f"/whistles/{whistle}/end")
        assert early.status_code == 422 and "個案未答覆" in early.text
        lead.decide(number, "resolve", outcome="done", answer="已拆除棚網。")
        unscored = desk.post(f"/whistles/{whistle}/end")
        assert unscored.status_code == 422 and "尚有報到未評分：路政署、消防處" in unscored.text
        for code in ("hyd", "fsd"):
            scored = {"department": code, "points": "5", "words": "好快"}
            desk.post(f"/whistles/{whistle}/score", **scored)
        assert desk.post(f"/whistles/{whistle}/end").status_code == 303
        page = desk.get(f"/whistles/{whistle}").text
        assert "已結束" in page and "評分 5" in page and "<textarea" not in page

    def test_keeps_what_was_typed_when_it_is_refused(self, one_house: ConsoleHouse) -> None:
        _, whistle = one_house.whistle("hyd", "fsd")
        desk = one_house.signed_in(name="desk")
        one_house.officer("fsd").post(f"/whistles/{whistle}/arrive", department="fsd")
        form = {"department": "fsd", "points": "", "words": "遲咗但係好落力"}
        refused = desk.post(f"/whistles/{whistle}/score", **form)
        assert refused.status_code == 422 and "遲咗但係好落力" in refused.text

    def test_is_scored_by_nobody_called_to_it(self, one_house: ConsoleHouse) -> None:
        _, whistle = one_house.whistle("hyd", "fsd")
        officer = one_house.officer("fsd")
        officer.post(f"/whistles/{whistle}/arrive", department="fsd")
        assert f'action="/whistles/{whistle}/score"' not in officer.get(f"/whistles/{whistle}").text
        form = {"department": "fsd", "points": "5", "words": "好"}
        assert officer.post(f"/whistles/{whistle}/score", **form).status_code in {403, 422}

    @pytest.mark.parametrize("act", ["arrive", "say", "task", "lead", "task_force", "end"])
    def test_is_closed_to_those_not_called(self, one_house: ConsoleHouse, act: str) -> None:
        number, whistle = one_house.whistle("hyd")
        stranger, before = one_house.officer("wsd"), one_house.history(number)
        assert stranger.get(f"/whistles/{whistle}").status_code == 404
        path = f"/whistles/{whistle}/{act.replace('_', '-')}"
        assert stranger.post(path, department="hyd", text="x").status_code == 404
        assert str(number) not in stranger.get("/whistles").text
        assert one_house.history(number) == before

    def test_lasts_as_a_task_force_with_a_day_to_look_at_it_again(
        self, house: ConsoleHouse
    ) -> None:
        _, whistle = house.whistle("hyd", "fsd")
        boss = house.signed_in("coordinator")
        day = (house.now + timedelta(days=30)).date().isoformat()
        form = {"members": "hd", "review_on": day}
        assert boss.post(f"/whistles/{whistle}/task-force", **form).status_code == 303
        page = boss.get(f"/whistles/{whistle}").text
        assert day in page and "專班" in page and "香港房屋委員會及房屋署" in page


def test_the_inbox_holds_everything_that_waits_for_a_department(house: ConsoleHouse) -> None:
    asked, supports = house.referred("hyd"), house.referred("fsd", "hyd")
    working, (called, _) = house.accepted("hyd"), house.whistle("fsd", "hyd")
    officer = house.officer("hyd")
    page = officer.get("/department").text
    for number in (asked, supports, working, called):
        assert number in page
    for words in ("簽收尚餘", "報到尚餘", "簽收協辦", "在辦"):
        assert words in page
    state = re.search(
        rf'/cases/{asked}/accept">.*?name="version" value="(\d+)".*?name="seen" value="(\d+)"',
        page,
        re.S,
    )
    assert state
    done = officer.post(f"/cases/{asked}/accept", version=state[1], seen=state[2])
    assert done.status_code == 303 and house.stored(asked).owner == "hyd"


def test_what_was_done_is_said_on_whichever_page_comes_next(one_house: ConsoleHouse) -> None:
    _, whistle = one_house.whistle("hyd")
    officer = one_house.officer("hyd")
    officer.post(f"/whistles/{whistle}/arrive", department="hyd")
    page = officer.get("/department")
    assert page.status_code == 200 and 'role="status">已報到。' in page.text


def test_an_officers_work_begins_in_the_inbox(one_house: ConsoleHouse) -> None:
    officer = one_house.officer("hyd")
    assert officer.get("/").location == "/department"
    page = officer.get("/department").text
    assert "沒有待辦事項" in page and 'href="/follow-ups"' not in page
    assert one_house.signed_in().get("/department").status_code == 403
