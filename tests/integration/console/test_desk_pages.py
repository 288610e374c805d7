"""The desk's other pages: follow-ups by hand, the leaders' seat, disputes and routing, rates, notices."""

import csv
import io
import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from cases import admin_history, agents, case, duty, followups, referrals
from cases.followups import Followup
from cases.permissions import SYSTEM, Person
from runtime import clock
from runtime.database import transaction
from tests.support.console_app import CALLER, ConsoleHouse, Visitor


def resolved(house: ConsoleHouse, lead: Visitor | None = None) -> str:
    """A case that hyd has answered: its number."""
    number = house.accepted("hyd")
    visitor = lead or house.officer("hyd")
    visitor.decide(number, "resolve", outcome="done", answer="已修好。")
    return number


def followup(house: ConsoleHouse) -> int:
    with transaction(house.engine) as session:
        return session.scalars(select(Followup.id).order_by(Followup.id.desc())).first() or 0


class TestFollowUps:
    def test_are_asked_with_a_script_and_answered_on_the_page(self, house: ConsoleHouse) -> None:
        number = resolved(house)
        desk, one = house.signed_in(name="mei"), followup(house)
        assert number in desk.get("/follow-ups").text
        page = desk.get(f"/follow-ups/{one}").text
        script = followups.script("yue", number=number, city=house.city.name["yue"])
        assert all(line.text in page for line in script) and CALLER not in page
        said = {"contacted": "yes", "solved": "yes", "satisfied": "very", "remark": "好快手"}
        assert desk.post(f"/follow-ups/{one}/answer", **said).status_code == 303
        assert house.stored(number).status == "closed"

    def test_show_the_number_to_who_takes_it_in_hand_and_it_is_on_record(
        self, house: ConsoleHouse
    ) -> None:
        number = resolved(house)
        one = followup(house)
        mei, bo = house.signed_in(name="mei"), house.signed_in(name="bo")
        assert CALLER in mei.post(f"/follow-ups/{one}/reveal").text
        assert house.history(number)[-1][1] == "revealed_number"
        taken = bo.post(f"/follow-ups/{one}/answer", solved="no", remark="仲係爛")
        assert taken.status_code == 409
        assert "另一位同事" in taken.text and "仲係爛" in taken.text

    def test_need_to_know_whether_it_is_solved(self, one_house: ConsoleHouse) -> None:
        number = resolved(one_house)
        desk, one = one_house.signed_in(), followup(one_house)
        refused = desk.post(f"/follow-ups/{one}/answer", contacted="yes", remark="唔記得")
        assert refused.status_code == 422 and "唔記得" in refused.text
        assert one_house.stored(number).status == "resolved"

    def test_of_what_is_not_solved_come_back_to_the_department(self, house: ConsoleHouse) -> None:
        lead = house.officer("hyd")
        number = resolved(house, lead)
        house.signed_in().post(f"/follow-ups/{followup(house)}/answer", solved="no")
        assert house.stored(number).status == "accepted"
        assert "回訪後退回重辦" in lead.get("/department").text

    @pytest.mark.parametrize("role", ["officer", "auditor", "leader", "coordinator"])
    def test_are_for_the_desk_alone(self, one_house: ConsoleHouse, role: str) -> None:
        assert one_house.signed_in(role).get("/follow-ups").status_code == 403


def test_a_leader_on_duty_takes_a_case_and_gives_an_instruction(house: ConsoleHouse) -> None:
    number, now = house.accepted("hyd"), clock.now()
    leader = house.signed_in("leader", "lam")
    early = leader.decide(number, "take")
    assert early.status_code == 422 and "你現在沒有坐席" in early.text
    with transaction(house.engine) as session:
        lam = agents.by_name(session, "lam")
        assert lam is not None
        duty.add(session, lam, now, now + timedelta(hours=3), by=SYSTEM, now=now)
    assert leader.decide(number, "take").status_code == 303
    leader.decide(number, "instruction", owner="hyd", text="一星期內修好")
    page = leader.get("/duty").text
    assert "現時：lam" in page and number in page
    assert "一星期內修好" in house.officer("hyd").get("/department").text


def test_who_looks_at_the_seat_sees_the_cases_of_whoever_sits_there(house: ConsoleHouse) -> None:
    number, now = house.accepted("hyd"), clock.now()
    for name in ("ho", "lam"):
        house.agent(name, "leader")
    with transaction(house.engine) as session:
        ho, lam = agents.by_name(session, "ho"), agents.by_name(session, "lam")
        assert ho is not None and lam is not None
        found = case.by_number(session, number)
        assert found is not None
        duty.add(session, lam, now, now + timedelta(hours=3), by=SYSTEM, now=now)
        duty.take(session, found, by=Person(f"agent:{lam.id}", "leader"), now=now)
        lam_id, ho_id = lam.id, ho.id
    boss = house.signed_in("supervisor")
    page = boss.get("/duty").text
    assert f'value="{lam_id}" selected' in page and f'href="/cases/{number}"' in page
    other = boss.get(f"/duty?leader={ho_id}").text
    assert "未有接手個案" in other and number not in other


class TestTheRoster:
    """A supervisor writes it; what has begun stays."""

    @staticmethod
    def seats(page: str) -> list[str]:
        return re.findall(r'class="times">([^<]+)<', page)

    def test_is_written_and_mended_on_the_page(self, house: ConsoleHouse) -> None:
        house.agent("lam", "leader")
        boss = house.signed_in("supervisor")
        lam = re.findall(r'<option value="(\d+)">lam<', boss.get("/duty").text)[0]
        day = (clock.now() + timedelta(days=3)).date().isoformat()
        turn = {"leader": lam, "seat_from": f"{day}T09:00", "seat_until": f"{day}T12:00"}
        assert boss.post("/duty/seats", **turn).status_code == 303
        assert self.seats(boss.get("/duty").text) == [f"{day} 09:00 – 12:00"]
        for wrong, why in (
            (
                {"seat_from": f"{day}T11:00", "seat_until": f"{day}T13:00"},
                f"lam 已在這段時間坐席，至 {day} 12:00",
            ),
            ({"seat_until": f"{day}T08:00"}, "結束早於開始"),
            ({"leader": ""}, "alert"),
            ({"seat_from": "soon"}, "alert"),
        ):
            refused = boss.post("/duty/seats", **{**turn, **wrong})
            assert refused.status_code == 422 and why in refused.text, wrong
        assert boss.post("/duty/seats/1/remove").status_code == 303
        assert self.seats(boss.get("/duty").text) == []
        with transaction(house.engine) as session:
            lines = admin_history.of(session, f"agent:{lam}")
            told = [(one.action, one.detail["period"]) for one in lines]
        period = f"{day} 09:00 – 12:00"
        assert told[:2] == [("seat_removed", period), ("seat_added", period)]

    def test_keeps_what_has_begun(self, one_house: ConsoleHouse) -> None:
        one_house.agent("lam", "leader")
        now = clock.now()
        with transaction(one_house.engine) as session:
            lam = agents.by_name(session, "lam")
            assert lam is not None
            duty.add(session, lam, now, now + timedelta(hours=1), by=SYSTEM, now=now)
        boss = one_house.signed_in("supervisor")
        refused = boss.post("/duty/seats/1/remove")
        assert refused.status_code == 422 and "已經開始" in refused.text
        assert len(self.seats(boss.get("/duty").text)) == 1

    @pytest.mark.parametrize("role", ["agent", "leader", "coordinator", "auditor"])
    def test_is_written_by_nobody_else(self, one_house: ConsoleHouse, role: str) -> None:
        one_house.agent("lam", "leader")
        visitor = one_house.signed_in(role)
        assert "/duty/seats" not in visitor.get("/duty").text
        assert visitor.post("/duty/seats", leader="1").status_code == 403


def test_a_recurring_dispute_stands_on_the_register_until_it_is_ruled_on(
    house: ConsoleHouse,
) -> None:
    for _ in range(2):
        number = house.referred("hyd")
        with transaction(house.engine) as session:
            found = case.by_number(session, number)
            assert found is not None
            referrals.give_back(
                *(session, found, "not-ours", "屬房署", "hd"),
                by=Person("agent:1", "officer", "hyd"),
                terms=house.terms,
                policy=house.office.policy,
                now=house.now,
            )
    boss = house.signed_in("supervisor")
    page = boss.get("/disputes").text
    assert "退單 2 次，涉及 2 宗個案" in page and "路政署" in page
    ruling = {"category": "refuse", "department": "hd", "reason": "屋邨範圍歸房署", "place": ""}
    refused = boss.post("/rulings", **{**ruling, "place": "亞特蘭蒂斯"}, starts="2026-01-01")
    assert refused.status_code == 422 and "屋邨範圍歸房署" in refused.text
    assert boss.post("/rulings", **ruling, starts="2026-01-01").location == "/routing"
    assert "屋邨範圍歸房署" in boss.get("/routing").text
    assert "沒有重複的爭議" in boss.get("/disputes").text


@pytest.mark.parametrize(
    ("role", "may"), [("agent", False), ("auditor", False), ("coordinator", True), ("admin", True)]
)
def test_a_ruling_is_made_by_who_may(one_house: ConsoleHouse, role: str, may: bool) -> None:
    visitor = one_house.signed_in(role)
    assert ('action="/rulings"' in visitor.get("/disputes").text) == may
    sent = {"category": "refuse", "department": "hd", "reason": "r", "starts": "2026-01-01"}
    assert visitor.post("/rulings", **sent).status_code == (303 if may else 403)


def test_the_rules_of_a_day_are_shown_and_those_of_other_days_apart(
    one_house: ConsoleHouse,
) -> None:
    visitor = one_house.signed_in()
    assert "按類別" in visitor.get("/routing").text
    assert "當日無效的規則" in visitor.get("/routing?day=1999-01-01").text


class TestTheRates:
    def test_say_n_and_no_data_and_rank_nobody_on_little(self, house: ConsoleHouse) -> None:
        resolved(house)
        house.signed_in(name="mei").post(
            f"/follow-ups/{followup(house)}/answer", solved="yes", contacted="yes"
        )
        day = clock.now().date() + timedelta(days=1)
        period = f"first={day - timedelta(days=3)}&last={day}"
        page = house.signed_in("auditor").get(f"/rates?{period}").text
        for words in ("路政署", "n=1", "不排名", "100.0%", "合計", "沒有剔除任何個案"):
            assert words in page
        other = house.signed_in("leader").get(f"/rates?policy=1823&{period}").text
        assert "沒有數據" in other

    def test_of_nothing_are_nothing(self, one_house: ConsoleHouse) -> None:
        page = one_house.signed_in().get("/rates?policy=x&by=y&first=never").text
        assert "這段期間沒有回訪結果" in page and "100.0" not in page

    def test_can_be_taken_along_as_a_file(self, house: ConsoleHouse) -> None:
        resolved(house)
        house.signed_in(name="mei").post(f"/follow-ups/{followup(house)}/answer", solved="no")
        answer = house.signed_in("auditor").get("/rates.csv?by=category")
        assert answer.mimetype == "text/csv" and answer.data.startswith(b"\xef\xbb\xbf")
        rows = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))
        assert [row["code"] for row in rows] == ["refuse", "all"]
        assert rows[0]["solved"] == "0.0" and rows[0]["rank"] == ""

    def test_name_excluded_cases_of_others_to_no_officer(self, house: ConsoleHouse) -> None:
        number = house.accepted("hyd")
        house.signed_in("supervisor", "a").decide(number, "exclusion", reason="重複")
        decided = {"decision": "approve", "words": "同意"}
        house.signed_in("supervisor", "b").decide(number, "exclusion-decision", **decided)
        assert number in house.officer("hyd").get("/rates").text
        assert number not in house.officer("fsd").get("/rates").text


def test_what_was_sent_of_a_case_is_listed_in_words(house: ConsoleHouse) -> None:
    number = house.referred("hyd")
    page = house.signed_in().get(f"/cases/{number}/notices").text
    assert "路政署" in page and f"派單：個案 {number}" in page and "只記錄在案" in page
