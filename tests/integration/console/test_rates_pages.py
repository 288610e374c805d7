"""The pages of the rates: a page, its file and the table by month say the same, and no more than they know."""

import csv
import io
import re
import zipfile
from datetime import timedelta
from xml.etree import ElementTree

import pytest
from sqlalchemy import select

from cases import kpis, outcomes
from cases.followups import Followup
from runtime import clock
from runtime.database import transaction
from tests.support.console_app import ConsoleHouse, Visitor

VERY = {"contacted": "yes", "solved": "yes", "satisfied": "very"}
UNSOLVED = {"contacted": "yes", "solved": "no", "satisfied": "no"}
# By 10/50/40 of four answers two are whole, one is fairly satisfied (96) and one was only contacted (10).
STORY = (VERY, VERY, {**VERY, "satisfied": "fairly"}, UNSOLVED)
SCORE, TAKEN = "76.5", "23.50"  # (100 + 100 + 96 + 10) / 4


def told(house: ConsoleHouse, department: str, *answers: dict[str, str]) -> list[str]:
    """Cases of a department that it resolved, and what citizens said of it: their numbers."""
    officer = house.signed_in("officer", f"resolver-{department}", department)
    desk = house.signed_in("agent", f"asker-{department}")
    numbers = []
    for said in answers:
        number = house.accepted(department)
        assert (
            officer.decide(number, "resolve", outcome="done", answer="已辦好。").status_code == 303
        )
        with transaction(house.engine) as session:
            latest = select(Followup.id).order_by(Followup.id.desc()).limit(1)
            followup = session.scalars(latest).one()
        assert desk.post(f"/follow-ups/{followup}/answer", **said).status_code == 303
        numbers.append(number)
    return numbers


@pytest.fixture
def asked(house: ConsoleHouse) -> tuple[ConsoleHouse, list[str]]:
    return house, told(house, "hyd", *STORY)


def table(page: str, name: str) -> list[list[str]]:
    """The rows of a table of the page, as text."""
    found = re.search(rf'<table[^>]* id="{name}">.*?</table>', page, re.S)
    assert found, f"no table {name}"
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", found[0], re.S)
    cells = (re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S) for row in rows)
    return [[" ".join(re.sub(r"<[^>]+>", "", cell).split()) for cell in row] for row in cells]


def in_file(answer: bytes) -> list[dict[str, str]]:
    assert answer.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(answer.decode("utf-8-sig"))))


def in_book(data: bytes) -> list[dict[str, str]]:
    """The first sheet's rows, numbers as they are kept."""
    space = {"x": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        sheet = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
    rows = []
    for row in sheet.iterfind(".//x:row", space):
        cells = {}
        for cell in row.findall("x:c", space):
            cells[re.sub(r"\d", "", cell.get("r", ""))] = "".join(cell.itertext())
        rows.append(cells)
    head = rows[0]
    return [{text: row.get(place, "") for place, text in head.items()} for row in rows[1:]]


def test_the_page_says_the_score_with_its_own_interval(
    asked: tuple[ConsoleHouse, list[str]],
) -> None:
    house, _ = asked
    with transaction(house.engine) as session:
        policy = kpis.policy("10-50-40")
        now = clock.now()
        report = outcomes.report(
            session, policy, "department", now - timedelta(days=40), now + timedelta(days=1)
        )
    (hyd,) = report.units
    low, high = (kpis.figure(one, 1) for one in (hyd.low, hyd.high))
    head, row, together = table(house.signed_in("auditor").get("/rates").text, "units")
    assert head[2] == "總分" and row[2] == f"{SCORE} {low}–{high} n=4"
    assert row[4] == "75.0% 30.1–95.4% n=4"  # solved, 3 of 4, by Wilson
    assert together[1] == "" and row[1] == "不排名"


@pytest.mark.parametrize("by", ["department", "category", "district", "city"])
def test_the_file_is_what_the_page_says(asked: tuple[ConsoleHouse, list[str]], by: str) -> None:
    visitor = asked[0].signed_in("auditor")
    shown = table(visitor.get(f"/rates?by={by}").text, "units")[1:]
    rows = in_file(visitor.get(f"/rates.csv?by={by}").data)
    book = in_book(visitor.get(f"/rates.xlsx?by={by}").data)
    assert [row["code"] for row in book] == [row["code"] for row in rows]
    for cells, row, line in zip(shown, rows, book, strict=True):
        assert cells[2].startswith(f"{row['score']} {row['score_low']}–{row['score_high']}")
        solved = f"{row['solved']}% {row['solved_low']}–{row['solved_high']}% n={row['solved_n']}"
        assert cells[4] == solved
        assert float(line["score"]) == float(row["score"])
        assert (row["name"], line["asked"]) == (cells[0], cells[-2])


def test_months_are_beside_one_another_and_one_without_answers_is_a_gap(
    asked: tuple[ConsoleHouse, list[str]],
) -> None:
    visitor = asked[0].signed_in("auditor")
    page = visitor.get("/rates?policy=30-35-35").text
    months = table(page, "by-month")[1:]
    today = clock.now().astimezone(asked[0].office.city.time_zone)
    assert len(months) == 12 and months[-1][0] == f"{today:%Y-%m}"
    assert (
        months[-1][1] == table(page, "units")[-1][2]
    )  # the month that is shown is that of the table
    assert all(row[1] == "沒有數據 n=0" and row[-1] == "0" for row in months[:-1])
    rows = in_file(visitor.get("/rates.csv?policy=30-35-35&table=trend").data)
    assert [row["month"] for row in rows] == [row[0] for row in months]
    assert rows[0]["score"] == rows[0]["solved"] == ""  # never 0
    assert months[-1][1].startswith(rows[-1]["score"])


def test_a_period_may_be_a_month_a_quarter_or_a_year_and_the_one_before_is_a_step_away(
    asked: tuple[ConsoleHouse, list[str]],
) -> None:
    visitor = asked[0].signed_in("auditor")
    address = "/rates?policy=30-35-35&span={}&first=2025-11-25"
    for span, says in (
        ("month", "2025-11-01 至 2025-11-30"),
        ("quarter", "2025-10-01 至 2025-12-31"),
        ("year", "2025-01-01 至 2025-12-31"),
    ):
        page = visitor.get(address.format(span)).text
        assert says in page and "這段期間沒有回訪結果" in page
    before = re.search(r'href="([^"]+)">上一期', page)
    assert before
    assert "2024-01-01 至 2024-12-31" in visitor.get(before[1].replace("&amp;", "&")).text
    assert "下一期" not in visitor.get("/rates?span=year").text  # it has not begun


def test_figures_may_be_of_one_district(asked: tuple[ConsoleHouse, list[str]]) -> None:
    visitor = asked[0].signed_in("auditor")
    districts = [row[0] for row in table(visitor.get("/rates?by=district").text, "units")[1:-1]]
    page = visitor.get("/rates").text
    names = re.findall(r'<option value="([^"]+)">', page[page.index('id="district"') :])
    elsewhere = next(name for name in names if name not in districts)
    assert "這段期間沒有回訪結果" in visitor.get(f"/rates?district={elsewhere}").text
    for name in districts:
        if name in names:
            assert len(table(visitor.get(f"/rates?district={name}").text, "units")) > 1
    assert visitor.get("/rates?district=Atlantis").status_code == 200


class TestOfADepartment:
    def test_say_what_pulled_it_down_the_costliest_first(
        self, asked: tuple[ConsoleHouse, list[str]]
    ) -> None:
        house, numbers = asked
        page = house.signed_in("auditor").get("/rates/hyd").text
        _head, *costs = table(page, "costs")
        # 90 and 4 points of one answer, by four answers.
        assert [row[:2] for row in costs] == [[numbers[3], "22.50"], [numbers[2], "1.00"]]
        assert costs[0][2:5] == ["是", "否", "不滿意"]
        assert f"2 個回訪未得滿分，共扣 {TAKEN} 分" in page
        assert f'href="/cases/{numbers[3]}"' in page and numbers[0] not in page
        assert table(page, "units")[1][2].startswith(SCORE)

    def test_points_and_score_are_100_together(self, asked: tuple[ConsoleHouse, list[str]]) -> None:
        now = clock.now()
        period = now - timedelta(days=40), now + timedelta(days=1)
        with transaction(asked[0].engine) as session:
            for policy in (kpis.policy("10-50-40"), kpis.policy("30-35-35")):
                (hyd,) = outcomes.report(session, policy, "department", *period).units
                taken = outcomes.costs(session, policy, "hyd", period)
                assert hyd.score is not None
                assert sum(one.points for one in taken) + hyd.score == 100

    def test_name_cases_to_whose_they_are_and_figures_to_all(
        self, asked: tuple[ConsoleHouse, list[str]]
    ) -> None:
        house, numbers = asked
        mine, other = (house.officer(one).get("/rates/hyd").text for one in ("hyd", "fsd"))
        assert numbers[3] in mine
        assert numbers[3] not in other and "只有承辦部門和熱線人員可看是哪些個案" in other
        assert SCORE in mine and SCORE in other

    def test_its_file_is_its_months(self, asked: tuple[ConsoleHouse, list[str]]) -> None:
        visitor = asked[0].signed_in("auditor")
        months = table(visitor.get("/rates/hyd").text, "by-month")[1:]
        rows = in_file(visitor.get("/rates/hyd.csv").data)
        book = in_book(visitor.get("/rates/hyd.xlsx").data)
        assert [row["month"] for row in rows] == [row[0] for row in months]
        assert rows[-1]["score"] == SCORE and float(book[-1]["score"]) == float(SCORE)
        assert book[0]["score"] == "" and rows[-1]["asked"] == months[-1][-1] == "4"

    def test_of_nothing_are_nothing(self, one_house: ConsoleHouse) -> None:
        visitor = one_house.signed_in("auditor")
        page = visitor.get("/rates/td").text
        assert "這段期間沒有回訪結果" in page and "沒有扣分的回訪" in page
        assert visitor.get("/rates/nobody").status_code == 404

    def test_a_policy_without_a_score_weighs_its_rates(
        self, asked: tuple[ConsoleHouse, list[str]]
    ) -> None:
        page = asked[0].signed_in("leader").get("/rates/hyd?policy=1823").text
        # "Fairly" is 0.75 there: 25 and 100 points of one answer, by four answers.
        assert "共令滿意率減少 31.25 個百分點" in page
        assert "總分" not in page


def test_nobody_else_sees_them(one_house: ConsoleHouse) -> None:
    for path in ("/rates/hyd", "/rates/hyd.csv", "/rates.xlsx"):
        stranger: Visitor = one_house.visitor()
        assert stranger.get(path).status_code in (302, 303)
