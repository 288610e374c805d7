"""What is done with the list: it is kept under a name, taken away as a sheet, and worked off together."""

import csv
import io
import re
import zipfile
from urllib.parse import parse_qs
from xml.etree import ElementTree

import pytest
from sqlalchemy import select

from cases import accesses
from cases.accesses import Access
from runtime.database import transaction
from tests.integration.console.test_cases_list import numbers
from tests.support.console_app import LAMP, SCAFFOLD, WATER, ConsoleHouse, Visitor

CELLS = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def as_rows(answer_data: bytes) -> list[list[str]]:
    assert answer_data.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(answer_data.decode("utf-8-sig"), newline="")))


def of_xlsx(data: bytes) -> list[list[str]]:
    """Every cell of the sheet as text. A formula is none."""
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        sheet = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
    assert not list(sheet.iter(f"{CELLS}f"))
    return [
        ["".join(cell.itertext()) for cell in row.iter(f"{CELLS}c")]
        for row in sheet.iter(f"{CELLS}row")
    ]


class TestASheet:
    """CSV and Excel."""

    @pytest.mark.parametrize("query", ["", "language=cmn", "q=棚網&order=due", "q=冇此事"])
    def test_has_the_cases_of_the_list_in_its_order(self, house: ConsoleHouse, query: str) -> None:
        for _ in range(14):
            house.case(*SCAFFOLD)
            house.case(*WATER, language="cmn")
        visitor = house.signed_in("supervisor")
        page = visitor.get(f"/cases?{query}").text
        total = int(re.findall(r'class="count">共 (\d+) 宗', page)[0])
        rows = as_rows(visitor.get(f"/cases/export.csv?{query}").data)
        assert len(rows) == 1 + total
        assert [row[0] for row in rows[1:26]] == numbers(page)
        book = of_xlsx(visitor.get(f"/cases/export.xlsx?{query}").data)
        assert [row[0] for row in book] == [row[0] for row in rows]

    @pytest.mark.parametrize("said", ["=cmd|'/C calc'!A0", "+1", "-1", "@SUM(A1)", "＝1", "\t=1"])
    def test_holds_no_formula(self, one_house: ConsoleHouse, said: str) -> None:
        one_house.case(said, language="en")
        visitor = one_house.signed_in("supervisor")
        assert as_rows(visitor.get("/cases/export.csv").data)[1][-1] == f"'{said}"
        assert of_xlsx(visitor.get("/cases/export.xlsx").data)[1][-1].lstrip() == f"'{said}"

    def test_masks_numbers_unless_who_may_asks_for_them(self, one_house: ConsoleHouse) -> None:
        one_house.case("打98765432搵我", masked_text="打[phone]搵我")
        boss, auditor = one_house.signed_in("supervisor"), one_house.signed_in("auditor")
        for path in ("/cases/export.csv", "/cases/export.xlsx"):
            for visitor in (boss, auditor):
                data = visitor.get(path).data
                rows = as_rows(data) if path.endswith("csv") else of_xlsx(data)
                assert rows[1][-1] == "打[phone]搵我"
            assert auditor.get(f"{path}?text=whole").status_code == 403
        assert as_rows(boss.get("/cases/export.csv?text=whole").data)[1][-1] == "打98765432搵我"

    def test_of_an_officer_has_own_cases_alone(self, one_house: ConsoleHouse) -> None:
        mine, _ = one_house.accepted("hyd"), one_house.accepted("hd")
        rows = as_rows(one_house.officer("hyd").get("/cases/export.csv").data)
        assert [row[0] for row in rows[1:]] == [mine]

    def test_is_written_down_with_its_filter_and_count(self, one_house: ConsoleHouse) -> None:
        for _ in range(2):
            one_house.case(*WATER, language="cmn")
        one_house.case(*LAMP, language="en")
        one_house.signed_in("supervisor").get("/cases/export.csv?language=cmn&q=水管")
        with transaction(one_house.engine) as session:
            (line,) = session.scalars(select(Access).where(Access.kind == "exported"))
            assert (line.role, line.detail["count"], line.detail["text"]) == (
                *("supervisor", 2, "masked"),
            )
            assert parse_qs(line.detail["filter"]) == {"language": ["cmn"], "q": ["水管"]}
            for case_id in (1, 2):
                assert [one.id for one in accesses.of_case(session, case_id)] == [line.id]
            assert accesses.of_case(session, 3) == []

    def test_is_not_for_an_agent(self, one_house: ConsoleHouse) -> None:
        one_house.case(*LAMP)
        agent = one_house.signed_in()
        assert agent.get("/cases/export.csv").status_code == 403
        assert "/cases/export" not in agent.get("/cases").text

    def test_says_its_columns_in_the_readers_language(self, one_house: ConsoleHouse) -> None:
        one_house.case(*LAMP, language="en")
        answer = one_house.signed_in("supervisor").get(
            "/cases/export.csv", headers={"Accept-Language": "en"}
        )
        first, line = as_rows(answer.data)
        assert first[:3] == ["Case number", "Opened", "Status"] and line[2] == "Received"
        assert "attachment" in answer.headers["Content-Disposition"]
        assert answer.headers["Cache-Control"] == "no-store"


class TestAView:
    """A name for what the list shows."""

    def save(self, visitor: Visitor, name: str, query: str, **more: str) -> int:
        return visitor.post("/views", name=name, query=query, **more).status_code

    def test_is_one_press_away_and_shows_the_same(self, house: ConsoleHouse) -> None:
        number, _ = house.case(*WATER, language="cmn"), house.case(*LAMP, language="en")
        visitor = house.signed_in()
        assert self.save(visitor, "普通話", "language=cmn&page=3&x=1") == 303
        page = visitor.get("/cases").text
        assert '<a href="/cases?language=cmn">普通話</a>' in page
        assert numbers(visitor.get("/cases?language=cmn").text) == [number]
        assert 'aria-current="page">普通話' in visitor.get("/cases?language=cmn").text

    def test_of_the_same_name_takes_the_place_of_the_first(self, one_house: ConsoleHouse) -> None:
        visitor = one_house.signed_in()
        self.save(visitor, "one", "language=cmn")
        self.save(visitor, " one ", "q=水管")
        page = visitor.get("/cases").text
        assert page.count(">one</a>") == 1 and "/cases?q=%E6%B0%B4%E7%AE%A1" in page

    def test_is_its_owners_alone_unless_a_supervisor_shares_it(self, house: ConsoleHouse) -> None:
        boss, agent, officer = house.signed_in("supervisor"), house.signed_in(), house.officer("hd")
        self.save(boss, "hers", "language=cmn")
        self.save(boss, "everybodys", "language=en", shared="1")
        page = agent.get("/cases").text
        assert "everybodys" in page and ">hers<" not in page
        assert "everybodys" not in officer.get("/cases").text
        assert self.save(agent, "mine", "", shared="1") == 422
        assert "mine" not in boss.get("/cases").text

    def test_is_removed_by_its_owner_and_by_no_other(self, one_house: ConsoleHouse) -> None:
        boss, agent = one_house.signed_in("supervisor"), one_house.signed_in()
        self.save(boss, "shared-one", "", shared="1")
        agent.post("/views/1/remove")
        assert "shared-one" in agent.get("/cases").text
        one_house.signed_in("admin").post("/views/1/remove")
        assert "shared-one" not in boss.get("/cases").text

    @pytest.mark.parametrize("name", ["", " ", "x" * 61])
    def test_needs_a_name_that_can_be_shown(self, one_house: ConsoleHouse, name: str) -> None:
        assert self.save(one_house.signed_in(), name, "") == 422

    def test_leads_nowhere_but_to_the_list(self, one_house: ConsoleHouse) -> None:
        visitor = one_house.signed_in()
        self.save(visitor, "odd", "order=due&next=https://elsewhere.example/&q=%22%3E%3Cscript%3E")
        page = visitor.get("/cases").text
        assert "elsewhere.example" not in page and "<script>" not in page


def ticked(page: str) -> list[str]:
    return re.findall(r'name="case" value="([\d.]+)"', page)


def together(visitor: Visitor, cases: list[str], action: str, **more: str) -> str:
    visitor.get("/cases")
    fields = {"csrf_token": visitor.proof, "case": cases, "action": action, **more}
    answer = visitor.client.post("/cases/bulk", data=fields)
    return answer.text if answer.status_code == 200 else str(answer.status_code)


class TestSeveralAtOnce:
    """Ticked cases."""

    def test_are_confirmed_as_each_was_guessed(self, house: ConsoleHouse) -> None:
        first, second, silent = (
            house.case(*SCAFFOLD),
            house.case(*WATER, language="cmn"),
            house.case(),
        )
        visitor = house.signed_in()
        page = together(visitor, ticked(visitor.get("/cases").text), "confirm")
        assert "已完成 2 宗" in page and "未能完成 1 宗" in page
        done, not_done = page.split("未能完成")
        assert first in done and second in done and silent in not_done
        for number in (first, second):
            stored = house.stored(number)
            assert stored.category_confirmed and stored.category != "refuse"
            assert house.history(number)[-1][1] == "confirm"
        assert not house.stored(silent).category_confirmed

    def test_are_referred_to_the_department_chosen_or_by_the_rules(
        self, house: ConsoleHouse
    ) -> None:
        made = [house.case(*SCAFFOLD) for _ in range(2)]
        visitor = house.signed_in()
        together(visitor, ticked(visitor.get("/cases").text), "confirm", category="refuse")
        page = together(visitor, ticked(visitor.get("/cases").text)[:1], "refer", lead="hyd")
        assert "已完成 1 宗" in page and house.stored(made[1]).owner == "hyd"
        together(visitor, ticked(visitor.get("/cases").text)[1:], "refer")
        kind = house.office.categories["refuse"]
        assert house.stored(made[0]).owner == kind.department

    def test_that_changed_meanwhile_are_left_alone_and_said(self, house: ConsoleHouse) -> None:
        made = [house.case(*SCAFFOLD) for _ in range(2)]
        visitor, other = house.signed_in(), house.signed_in("supervisor")
        boxes = ticked(visitor.get("/cases").text)
        other.decide(made[0], "confirm", category="noise")
        page = together(visitor, boxes, "confirm", category="refuse")
        assert "期間有人改動了" in page.split("未能完成 1 宗")[1]
        assert house.stored(made[0]).category == "noise"
        assert house.stored(made[1]).category == "refuse"

    def test_are_closed_only_with_a_word(self, house: ConsoleHouse) -> None:
        number = house.case(*SCAFFOLD)
        visitor = house.signed_in()
        boxes = ticked(visitor.get("/cases").text)
        assert "未能完成 1 宗" in together(visitor, boxes, "close", note=" ")
        assert "已完成 1 宗" in together(visitor, boxes, "close", note="重複來電")
        assert house.stored(number).status == "closed"

    def test_are_not_there_for_who_may_do_nothing_with_them(self, house: ConsoleHouse) -> None:
        house.case(*SCAFFOLD)
        auditor = house.signed_in("auditor")
        assert ticked(auditor.get("/cases").text) == []
        assert together(auditor, ["260000013.1"], "confirm", category="refuse") == "403"

    def test_that_are_none_or_not_there_do_no_harm(self, house: ConsoleHouse) -> None:
        visitor = house.signed_in()
        assert "沒有勾選任何個案" in together(visitor, [], "confirm")
        assert "沒有勾選任何個案" in together(visitor, ["x", "1.y", ".", "'"], "confirm")
        assert "找不到這宗個案" in together(visitor, ["260000013.1"], "confirm")
        assert together(visitor, ["260000013.1"], "reopen") == "400"
