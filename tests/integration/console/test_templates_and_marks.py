"""Reply templates in the forms of a case, and marks of abuse beside it."""

import re

import pytest

from cases.abuse import LASTS_UNCONFIRMED
from cases.permissions import ROLES
from tests.integration.console.conftest import Watch
from tests.support.console_app import LAMP, SCAFFOLD, ConsoleHouse, Visitor, on_page

OURS = {
    "action": "close",
    "only_category": "",
    "name_yue": "已修好",
    "name_cmn": "已修好了",
    "name_en": "Mended",
    "ready_yue": "個案 {number} 已修好。",
    "ready_en": "{number} is mended.",
}
MARK = {"mark": "hoax", "mark_reason": "false_report", "words": "There was no fire."}


def options(page: str) -> dict[str, str]:
    """The ready texts of a page, by code, as they would be put into the form."""
    found = re.findall(r'<option value="([\w-]+\.\w+)" data-text="([^"]*)"', page)
    return {code: text.replace("&#39;", "'") for code, text in found}


class TestTemplates:
    def test_stand_in_the_form_filled_in_and_in_the_callers_language_first(
        self, one_house: ConsoleHouse
    ) -> None:
        number = one_house.accepted("hyd")
        page = one_house.officer("hyd").get(f"/cases/{number}").text
        texts = options(page)
        due = one_house.stored(number).due_at.astimezone(one_house.city.time_zone)
        assert texts["interim-in-hand.yue"] == (
            f"你的個案 {number} 正由路政署跟進，我們會於 "
            f"{due.year}年{due.month}月{due.day}日 或之前答覆你。"
        )
        assert f"case {number}" in texts["interim-in-hand.en"]
        assert next(iter(texts)).endswith(".yue") and not re.search(
            r"\{\w+\}", "".join(texts.values())
        )

    def test_are_put_in_without_scripts_and_nothing_is_done(self, one_house: ConsoleHouse) -> None:
        number = one_house.accepted("hyd")
        officer = one_house.officer("hyd")
        before = one_house.history(number)
        state = on_page(officer.get(f"/cases/{number}").text)
        answer = officer.post(
            f"/cases/{number}/interim",
            **state,
            text="先寫一句",
            template="interim-others.yue",
            insert="text",
        )
        assert answer.status_code == 200
        (kept,) = re.findall(
            r'id="interim-text" name="text" rows="3"[^>]*>([^<]*)</textarea>', answer.text
        )
        assert kept.startswith("先寫一句\n個案") and "涉及多個部門" in kept
        assert one_house.history(number) == before
        nothing = officer.post(
            f"/cases/{number}/interim", **state, text="先寫一句", template="no.such", insert="text"
        )
        assert ">先寫一句</textarea>" in nothing.text

    def test_are_not_lost_where_the_act_is_no_longer_possible(
        self, one_house: ConsoleHouse
    ) -> None:
        number = one_house.case(*SCAFFOLD)
        agent = one_house.signed_in()
        state = on_page(agent.get(f"/cases/{number}").text)
        agent.decide(number, "close", note="done")
        answer = agent.post(
            f"/cases/{number}/close",
            **state,
            note="mine",
            template="close-answered.yue",
            insert="note",
        )
        assert answer.status_code == 409 and "mine\n" in answer.text

    def test_a_supervisors_own_stands_in_place_of_the_shipped_one(
        self, one_house: ConsoleHouse
    ) -> None:
        boss = one_house.signed_in("supervisor", "boss")
        assert boss.post("/templates", **OURS).status_code == 303
        shipped = {**OURS, "version": "0", "withdrawn": "1"}
        assert boss.post("/templates/close-answered", **shipped).status_code == 303
        number = one_house.case(*SCAFFOLD)
        texts = options(one_house.signed_in().get(f"/cases/{number}").text)
        assert texts["close-1.yue"] == f"個案 {number} 已修好。"
        assert not [code for code in texts if code.startswith("close-answered")]
        assert "close-1.cmn" not in texts

    def test_one_for_a_category_is_offered_in_no_other(self, one_house: ConsoleHouse) -> None:
        boss = one_house.signed_in("supervisor", "boss")
        boss.post("/templates", **{**OURS, "only_category": "street-lamp"})
        agent = one_house.signed_in()
        lamp, other = one_house.case(*LAMP, language="en"), one_house.case(*SCAFFOLD)
        assert "close-1.en" in options(agent.get(f"/cases/{lamp}").text)
        assert "close-1.en" not in options(agent.get(f"/cases/{other}").text)

    def test_what_is_wrong_is_said_and_nothing_typed_is_lost(self, one_house: ConsoleHouse) -> None:
        boss = one_house.signed_in("supervisor")
        answer = boss.post("/templates", **{**OURS, "ready_en": "Call {phone}."})
        assert answer.status_code == 422 and "{phone}" in answer.text and "已修好" in answer.text
        assert boss.post("/templates", **{**OURS, "name_en": ""}).status_code == 422
        boss.post("/templates", **OURS)
        assert boss.post("/templates/close-1", **OURS, version=1).status_code == 303
        stale = boss.post("/templates/close-1", **{**OURS, "ready_en": "Mine"}, version=1)
        assert stale.status_code == 409 and "Mine" in stale.text
        assert boss.get("/templates/none").status_code == 404

    @pytest.mark.parametrize("role", ROLES)
    def test_only_those_who_may_edit_them(self, one_house: ConsoleHouse, role: str) -> None:
        visitor, may = one_house.signed_in(role), "edit_templates" in ROLES[role]
        for path in ("/templates", "/templates/new", "/templates/close-answered"):
            assert visitor.get(path).status_code == (200 if may else 403)
        assert visitor.post("/templates", **OURS).status_code == (303 if may else 403)


class TestMarks:
    def mark(self, house: ConsoleHouse, agent: Visitor) -> str:
        number = house.case(*SCAFFOLD)
        assert agent.decide(number, "mark-caller", **MARK).status_code == 303
        return number

    def test_are_shown_on_the_callers_later_cases_and_to_no_department(
        self, one_house: ConsoleHouse
    ) -> None:
        agent = one_house.signed_in()
        first = self.mark(one_house, agent)
        later, other = one_house.case(*LAMP), one_house.case(*LAMP, caller="+85298765432")
        page = agent.get(f"/cases/{later}").text
        assert "虛報事件" in page and "There was no fire." in page and f"/cases/{first}" in page
        assert "There was no fire." not in agent.get(f"/cases/{other}").text
        referred = one_house.referred("hyd")
        assert "There was no fire." in agent.get(f"/cases/{referred}").text
        assert "There was no fire." not in one_house.officer("hyd").get(f"/cases/{referred}").text

    def test_need_a_reason_and_words(self, one_house: ConsoleHouse) -> None:
        agent, number = one_house.signed_in(), one_house.case(*SCAFFOLD)
        for name in MARK:
            answer = agent.decide(number, "mark-caller", **{**MARK, name: ""})
            assert answer.status_code == 422 and "請選種類和理由" in answer.text
        assert "mark-caller" not in agent.get(f"/cases/{one_house.case(caller='anonymous')}").text

    def test_a_supervisor_confirms_or_lifts_and_both_are_in_the_history(
        self, one_house: ConsoleHouse
    ) -> None:
        agent, boss = one_house.signed_in(), one_house.signed_in("supervisor", "boss")
        number = self.mark(one_house, agent)
        assert "mark-decision" not in agent.get(f"/cases/{number}").text
        said = {"which_mark": "1", "mark_decision": "confirm", "words": "I listened."}
        assert agent.decide(number, "mark-decision", **said).status_code in (403, 422)
        assert boss.decide(number, "mark-decision", **said).status_code == 303
        assert (
            boss.decide(number, "mark-decision", **{**said, "mark_decision": "lift"}).status_code
            == 303
        )
        page = agent.get(f"/cases/{number}").text
        assert "確認標記「虛報」：I listened." in page and "撤銷標記「虛報」" in page
        assert [act for _, act in one_house.history(number)][-3:] == [
            "caller_marked",
            "caller_mark_confirmed",
            "caller_mark_lifted",
        ]
        assert 'id="marks-title"' not in page

    def test_can_be_decided_from_another_case_of_the_caller(self, one_house: ConsoleHouse) -> None:
        self.mark(one_house, one_house.signed_in())
        later = one_house.case(*LAMP)
        boss = one_house.signed_in("supervisor", "boss")
        said = {"which_mark": "1", "mark_decision": "lift", "words": "It was true."}
        assert boss.decide(later, "mark-decision", **said).status_code == 303
        stranger = one_house.case(*LAMP, caller="+85298765432")
        assert boss.decide(stranger, "mark-decision", **said).status_code == 422

    def test_end_by_themselves(self, one_house: ConsoleHouse, watch: Watch) -> None:
        number = self.mark(one_house, one_house.signed_in())
        watch.forward(days=LASTS_UNCONFIRMED.days + 1)
        agent = one_house.signed_in(name="later")
        page = agent.get(f"/cases/{number}").text
        assert 'id="marks-title"' not in page and "標記來電人" in page

    @pytest.mark.parametrize("role", ROLES)
    def test_are_counted_for_auditors_and_supervisors(
        self, one_house: ConsoleHouse, role: str
    ) -> None:
        self.mark(one_house, one_house.signed_in(name="mei"))
        answer = one_house.signed_in(role, "reader").get("/abuse")
        assert (answer.status_code == 200) is ("see_marks" in ROLES[role])
        if answer.status_code == 200:
            assert re.search(
                r"<th scope=\"row\">mei</th>\s*<td>1</td><td>1</td><td>0</td>", answer.text
            )

    def test_an_empty_page_says_so(self, one_house: ConsoleHouse) -> None:
        assert "沒有人作過標記" in one_house.signed_in("auditor").get("/abuse").text
