"""The desk: the next case, who has what in hand, and dispatching in one press."""

import re
from datetime import timedelta

import pytest

from cases import case as case_rules
from cases import clocks, leases
from cases.preferences import SPEEDS
from runtime import clock
from runtime.database import transaction
from tests.integration.console.conftest import Watch
from tests.support.console_app import LAMP, SCAFFOLD, ConsoleHouse, Visitor, on_page


def dispatch(visitor: Visitor, number: str, **form: str) -> object:
    return visitor.decide(number, "dispatch", **form)


class TestTheFrontPage:
    def test_of_the_desk_shows_the_next_case_what_is_due_and_what_is_in_hand(
        self, house: ConsoleHouse
    ) -> None:
        second, first = house.case(*LAMP, language="en"), house.case(*SCAFFOLD)
        visitor = house.signed_in()
        visitor.decide(first, "confirm", category="fire-safety")
        page = visitor.get("/desk").text
        assert "2 宗等候處理" in page and "你手上沒有個案" in page and "沒有要致電的回訪" in page
        assert first in page  # it is due within minutes
        visitor.post("/desk/next")
        page = visitor.get("/desk").text
        assert f"/cases/{first}/put-back" in page and f"/cases/{second}/put-back" not in page

    @pytest.mark.parametrize(
        ("role", "begins"),
        [
            ("agent", "/desk"),
            ("supervisor", "/desk"),
            ("officer", "/department"),
            ("auditor", "/cases"),
            ("leader", "/cases"),
        ],
    )
    def test_is_where_each_ones_work_begins(
        self, one_house: ConsoleHouse, role: str, begins: str
    ) -> None:
        visitor = one_house.signed_in(role)
        assert visitor.get("/").location == begins
        assert visitor.get("/desk").status_code == (200 if begins == "/desk" else 403)
        assert ('data-key="n"' in visitor.get(begins).text) == (begins == "/desk")

    def test_lists_call_backs_and_b_leads_to_the_first(self, one_house: ConsoleHouse) -> None:
        number = one_house.accepted("hyd")
        one_house.officer("hyd").decide(number, "resolve", outcome="done", answer="已修好。")
        visitor = one_house.signed_in()
        link = r'<a [^>]*href="(/follow-ups/\d+)" data-key="b"'
        on_desk, on_case = visitor.get("/desk").text, visitor.get(f"/cases/{number}").text
        assert re.findall(link, on_desk) == re.findall(link, on_case) != []


class TestTheNextCase:
    def test_plays_and_is_in_hand(self, house: ConsoleHouse) -> None:
        house.case(*LAMP, language="en")
        urgent = house.case(*SCAFFOLD)
        visitor = house.signed_in()
        answer = visitor.post("/desk/next")
        # The clocks of both say the same; what sounds like danger comes first.
        assert (answer.status_code, answer.location) == (303, f"/cases/{urgent}?play=1")
        assert "由你處理" in visitor.get(answer.location or "").text

    def test_is_told_of_when_there_is_none(self, one_house: ConsoleHouse) -> None:
        visitor = one_house.signed_in()
        assert visitor.post("/desk/next").location == "/desk"
        assert "暫時沒有個案等候" in visitor.get("/desk").text

    def test_is_refused_to_who_has_five_in_hand(self, one_house: ConsoleHouse) -> None:
        for _ in range(leases.MOST + 1):
            one_house.case(*LAMP, language="en")
        visitor = one_house.signed_in()
        for _ in range(leases.MOST):
            visitor.post("/desk/next")
        assert visitor.post("/desk/next").location == "/desk"
        page = visitor.get("/desk").text
        assert "你手上已有 5 宗個案" in page and page.count("/put-back") == leases.MOST

    @pytest.mark.parametrize("role", ["officer", "auditor", "leader", "coordinator"])
    def test_is_for_the_desk_alone(self, one_house: ConsoleHouse, role: str) -> None:
        number = one_house.case(*LAMP, language="en")
        visitor = one_house.signed_in(role)
        for path in ("/desk/next", *(f"/cases/{number}/{one}" for one in HAND)):
            assert visitor.post(path).status_code == 403, path


HAND = ("take-in-hand", "put-back", "presence")


class TestWhoIsAtIt:
    def test_is_seen_by_the_next_reader_who_may_act_all_the_same(self, house: ConsoleHouse) -> None:
        number = house.case(*LAMP, language="en")
        mei, bo = house.signed_in(name="陳大文"), house.signed_in(name="bo")
        mei.post("/desk/next")
        page = bo.get(f"/cases/{number}").text
        assert "陳大文 正在處理" in page and "/take-in-hand" not in page
        assert bo.decide(number, "close", note="已解答").status_code == 303
        assert house.stored(number).status == "closed"

    def test_is_told_again_and_again_with_who_looks(self, house: ConsoleHouse) -> None:
        number = house.case(*LAMP, language="en")
        mei, bo = house.signed_in(name="mei"), house.signed_in(name="bo")
        assert "未有人處理" in bo.get(f"/cases/{number}").text
        mei.post("/desk/next")
        told = bo.post(f"/cases/{number}/presence").text
        assert "mei 正在處理" in told
        assert "同時在看：bo" in mei.get(f"/cases/{number}").text
        assert bo.post(f"/cases/{number}/presence", away="1").status_code == 204
        assert "同時在看" not in mei.post(f"/cases/{number}/presence").text

    def test_keeps_a_case_by_being_active_and_not_by_a_page_left_open(
        self, house: ConsoleHouse, watch: Watch
    ) -> None:
        number = house.case(*LAMP, language="en")
        mei, bo = house.signed_in(name="mei"), house.signed_in(name="bo")
        mei.post("/desk/next")
        watch.forward(minutes=4)
        mei.post(f"/cases/{number}/presence", active="1")
        watch.forward(minutes=4)
        mei.post(f"/cases/{number}/presence")
        assert "mei 正在處理" in bo.get(f"/cases/{number}").text
        watch.forward(minutes=2)
        assert "mei 已離開，可以接手" in bo.get(f"/cases/{number}").text
        bo.post(f"/cases/{number}/take-in-hand")
        page = bo.get(f"/cases/{number}").text
        assert "由你處理" in page and "由 mei 手上接過處理" in page
        assert "bo 正在處理" in mei.post(f"/cases/{number}/presence").text

    def test_is_overruled_by_a_supervisor_alone_and_knowingly(self, house: ConsoleHouse) -> None:
        number = house.case(*LAMP, language="en")
        house.signed_in(name="mei").post("/desk/next")
        bo, boss = house.signed_in(name="bo"), house.signed_in("supervisor", "boss")
        bo.post(f"/cases/{number}/take-in-hand", knowingly="1")
        boss.post(f"/cases/{number}/take-in-hand")
        assert "mei 正在處理" in boss.get(f"/cases/{number}").text
        boss.post(f"/cases/{number}/take-in-hand", knowingly="1")
        assert "由你處理" in boss.get(f"/cases/{number}").text
        assert house.history(number)[-1][1] == "taken_over"

    def test_lets_go_by_putting_back_and_by_signing_out(self, house: ConsoleHouse) -> None:
        number = house.case(*LAMP, language="en")
        mei, bo = house.signed_in(name="mei"), house.signed_in(name="bo")
        for leave in (f"/cases/{number}/put-back", "/sign-out"):
            mei.post("/desk/next")
            assert "mei 正在處理" in bo.get(f"/cases/{number}").text
            mei.post(leave)
            assert "未有人處理" in bo.get(f"/cases/{number}").text

    def test_does_not_keep_a_sign_in_alive_by_itself(
        self, one_house: ConsoleHouse, watch: Watch
    ) -> None:
        number = one_house.case(*LAMP, language="en")
        visitor = one_house.signed_in()
        visitor.get(f"/cases/{number}")
        for _ in range(4):
            watch.forward(minutes=8)
            told = visitor.client.post(
                f"/cases/{number}/presence",
                data={"csrf_token": visitor.proof},
                headers={"X-Unattended": "1"},
            )
        assert told.location == "/sign-in"


class TestWhatIsSuggested:
    def test_has_its_reason_and_its_key(self, one_house: ConsoleHouse) -> None:
        page = one_house.signed_in().get(f"/cases/{one_house.case(*SCAFFOLD)}").text
        for words in ("聽到棚網", "按類別派單", "如果其實是「垃圾、街道清潔」", "67%"):
            assert words in page
        digits = re.findall(r"<kbd>(\d)</kbd>\s*<span><span class=\"name\">", page)
        assert digits == ["1", "2", "3", "1", "2", "3"]

    def test_of_departments_follows_the_category(self, one_house: ConsoleHouse) -> None:
        number = one_house.case(*SCAFFOLD)
        visitor = one_house.signed_in()
        part = visitor.get(f"/cases/{number}/departments?category=street-lamp").text
        assert re.findall(r'value="(\w+)"( checked)?>\s*<kbd>', part)[0] == ("hyd", " checked")
        assert "如果其實是「消防安全、棚網」" in part
        other = visitor.get(f"/cases/{number}/departments?category=no-such").text
        assert other.count("<kbd>") == 3

    def test_is_nothing_where_nothing_was_heard(self, one_house: ConsoleHouse) -> None:
        page = one_house.signed_in().get(f"/cases/{one_house.case()}").text
        assert (
            "派單，取下一宗" in page
            and 'name="category" value="" aria-label="其他類別" checked' in page
        )


class TestDispatching:
    def test_confirms_and_refers_at_once_and_takes_the_next(self, house: ConsoleHouse) -> None:
        house.case(*LAMP, language="en")
        house.case(*LAMP, language="en")
        visitor = house.signed_in()
        first = (visitor.post("/desk/next").location or "")[7:16]
        then = visitor.decide(
            first,
            "dispatch",
            category="street-lamp",
            lead="hyd",
            supporting="td",
            then="next",
        )
        assert re.fullmatch(r"/cases/\d+\?play=1", then.location or "")
        assert first not in (then.location or "")
        assert "已派單。這是下一宗。" in visitor.get(then.location or "").text
        assert [action for _, action in house.history(first)][-2:] == ["confirm", "refer"]
        stored = house.stored(first)
        assert (stored.status, stored.owner, stored.category) == ("referred", "hyd", "street-lamp")
        with transaction(house.engine) as session:
            kinds = {one.kind: one.outcome for one in clocks.of_case(session, stored.id)}
            assert leases.holder(session, stored.id, clock.now()) is None
        assert kinds["dispatch"] == "met" and kinds["accept"] is None

    def test_says_so_when_nothing_else_waits(self, one_house: ConsoleHouse) -> None:
        number = one_house.case(*LAMP, language="en")
        visitor = one_house.signed_in()
        done = visitor.decide(number, "dispatch", category="street-lamp", lead="hyd", then="next")
        assert done.location == "/desk"
        assert "暫時沒有其他個案等候" in visitor.get("/desk").text

    def test_stays_on_the_case_unless_the_next_is_asked_for(self, one_house: ConsoleHouse) -> None:
        number = one_house.case(*LAMP, language="en")
        visitor = one_house.signed_in()
        done = visitor.decide(number, "dispatch", category="street-lamp", lead="hyd")
        assert done.location == f"/cases/{number}"

    def test_keeps_a_category_that_was_confirmed_before(self, one_house: ConsoleHouse) -> None:
        number = one_house.case(*LAMP, language="en")
        visitor = one_house.signed_in()
        visitor.decide(number, "confirm", category="street-lamp")
        visitor.decide(number, "dispatch", category="street-lamp", lead="hyd")
        assert [action for _, action in one_house.history(number)].count("confirm") == 1

    @pytest.mark.parametrize(
        "left_out", [{"category": "", "lead": "hyd"}, {"category": "refuse", "lead": ""}]
    )
    def test_does_neither_where_one_is_missing_and_keeps_what_was_chosen(
        self, house: ConsoleHouse, left_out: dict[str, str]
    ) -> None:
        number = house.case(*SCAFFOLD)
        before = house.history(number)
        refused = house.signed_in().decide(number, "dispatch", **left_out, supporting="td")
        assert refused.status_code == 422 and "請先選類別和主辦部門" in refused.text
        assert house.history(number) == before
        assert re.search(r'name="supporting" type="checkbox" value="td" checked', refused.text)
        if left_out["category"]:
            assert 'name="category" value="refuse" checked' in refused.text

    def test_of_a_department_out_of_sight_comes_from_the_list(
        self, one_house: ConsoleHouse
    ) -> None:
        number = one_house.case(*SCAFFOLD)
        other = {"lead-other": "landsd", "category-other": "trees"}
        one_house.signed_in().decide(number, "dispatch", category="", lead="", **other)
        stored = one_house.stored(number)
        assert (stored.owner, stored.category) == ("landsd", "trees")

    def test_on_a_case_that_changed_gives_back_all_that_was_chosen(
        self, house: ConsoleHouse
    ) -> None:
        number = house.case(*SCAFFOLD)
        mei, bo = house.signed_in(name="mei"), house.signed_in(name="bo")
        state = on_page(mei.get(f"/cases/{number}").text)
        bo.decide(number, "confirm", category="refuse")
        chosen = {"category": "street-lamp", "lead": "hyd", "supporting": "td"}
        late = mei.post(f"/cases/{number}/dispatch", **state, **chosen, then="next")
        assert late.status_code == 409 and house.stored(number).status == "confirmed"
        for picture in ('"street-lamp" selected', '"hyd" selected', 'value="td" checked'):
            assert picture in late.text
        again = mei.post(f"/cases/{number}/dispatch", **on_page(late.text), **chosen)
        assert again.status_code == 303 and house.stored(number).owner == "hyd"

    def test_leaves_the_rest_undone_when_the_second_half_is_refused(
        self, house: ConsoleHouse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        number = house.case(*SCAFFOLD)
        before = house.history(number)
        with transaction(house.engine) as session:
            found = case_rules.by_number(session, number)
            assert found is not None
            version = found.version
        visitor = house.signed_in("coordinator")  # refers, but does not confirm
        visitor.get(f"/cases/{number}")
        sent = {"version": version, "seen": 0, "category": "refuse", "lead": "hyd"}
        assert visitor.post(f"/cases/{number}/dispatch", **sent).status_code == 403
        assert house.history(number) == before and house.stored(number).status == "received"


class TestOnesOwnSettings:
    @pytest.mark.parametrize("role", ["agent", "officer", "auditor"])
    def test_are_everybodys(self, one_house: ConsoleHouse, role: str) -> None:
        visitor = one_house.signed_in(role)
        page = visitor.get("/settings").text
        assert "使用單鍵快捷鍵" in page and 'data-keys="on"' in page
        assert ("播放速度" in page) == (role != "officer")

    def test_stay_with_the_person(self, house: ConsoleHouse) -> None:
        visitor = house.signed_in(name="mei")
        sent = {"language": "en", "pause_while_typing": "1", "speed": "1.4"}
        assert visitor.post("/settings", **sent).location == "/settings"
        elsewhere = house.visitor()
        elsewhere.sign_in("mei")
        page = elsewhere.get("/settings").text
        assert "Your settings" not in page and "My settings" in page
        assert 'data-keys="off" data-auto-play="off" data-speed="1.4"' in page
        assert 'data-pause-while-typing="on"' in page

    @pytest.mark.parametrize("speed", ["99", "", "fast"])
    def test_are_never_nonsense(self, one_house: ConsoleHouse, speed: str) -> None:
        visitor = one_house.signed_in()
        visitor.post("/settings", speed=speed, language="xx")
        page = visitor.get("/settings").text
        assert 'data-speed="1.0"' in page and 'lang="zh-Hant-HK"' in page
        assert SPEEDS[0] == 0.5 and SPEEDS[-1] == 2.5


def test_what_is_due_today_ends_at_the_citys_midnight(
    one_house: ConsoleHouse, watch: Watch
) -> None:
    one_house.case(*LAMP, language="en")
    visitor = one_house.signed_in()
    number = one_house.case(*SCAFFOLD)
    visitor.decide(number, "confirm", category="fire-safety")  # due in minutes
    assert number in visitor.get("/desk").text
    watch.ahead = -timedelta(days=30)
    assert number not in visitor.get("/desk").text or visitor.get("/desk").status_code == 303
