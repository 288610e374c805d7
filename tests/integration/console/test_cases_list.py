"""The list of cases shows what the address asks for."""

import re
from datetime import timedelta
from typing import ClassVar

import pytest

from cases.transcripts import Slot
from console import door
from tests.integration.console.conftest import Watch
from tests.support.console_app import LAMP, SCAFFOLD, WATER, ConsoleHouse, Visitor


def numbers(page: str) -> list[str]:
    """The cases a list shows, in its order."""
    return re.findall(r'class="number[^>]*>(\d+)<', page)


@pytest.fixture
def three(house: ConsoleHouse) -> dict[str, str]:
    """A Cantonese, a doubtful Mandarin and an untranscribed call, a day apart."""
    made = {}
    made["scaffold"] = house.case(*SCAFFOLD, flags=("hung_up",))
    house.now += timedelta(days=1)
    made["water"] = house.case(*WATER, language="cmn", confidence=0.4)
    house.now += timedelta(days=1)
    made["silent"] = house.case()
    return made


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["silent", "water", "scaffold"]),
        ("order=due", ["scaffold", "water", "silent"]),
        ("order=oldest", ["scaffold", "water", "silent"]),
        ("q=棚網", ["scaffold"]),
        ("q=水管", ["water"]),
        ("q=水管 外牆", []),
        ("q=物業&language=cmn", ["water"]),
        ("q=物業&language=yue", []),
        ("q=。", ["silent", "water", "scaffold"]),
        ("language=cmn", ["water"]),
        ("category=fire-safety", ["scaffold"]),
        ("category=none", ["silent"]),
        ("flag=hung_up", ["scaffold"]),
        ("flag=transcript_pending", ["silent"]),
        ("listen=1", ["water"]),
        ("status=open", ["silent", "water", "scaffold"]),
        ("status=closed", []),
        ("language=cmn&flag=low_confidence&status=received", ["water"]),
        ("flag=hung%25&language='%20or%201=1", ["silent", "water", "scaffold"]),
        ("since=never&page=-3&order=x", ["silent", "water", "scaffold"]),
    ],
)
def test_a_filter_finds_its_cases(
    house: ConsoleHouse, three: dict[str, str], query: str, found: list[str]
) -> None:
    page = house.signed_in().get(f"/cases?{query}").text
    assert numbers(page) == [three[name] for name in found]


def test_a_number_is_found_by_a_part_of_it_however_it_is_typed(
    house: ConsoleHouse, three: dict[str, str]
) -> None:
    visitor = house.signed_in()
    number = three["water"]
    spoken = f" {number[:4]}-{number[4:]} "
    wide = number.translate({48 + n: 0xFF10 + n for n in range(10)})
    for typed in (number, number[3:], spoken, wide):
        assert three["water"] in numbers(visitor.get("/cases", query_string={"number": typed}).text)
    assert numbers(visitor.get("/cases", query_string={"number": number}).text) == [number]


def test_days_are_the_citys_days(house: ConsoleHouse, three: dict[str, str]) -> None:
    day = house.stored(three["water"]).opened_at.astimezone(house.city.time_zone).date()
    page = house.signed_in().get(f"/cases?since={day}&until={day}").text
    assert numbers(page) == [three["water"]]


def test_a_long_list_comes_in_pages(house: ConsoleHouse) -> None:
    made = [house.case() for _ in range(27)][::-1]
    visitor = house.signed_in()
    first, second = visitor.get("/cases").text, visitor.get("/cases?page=2").text
    assert numbers(first) == made[:25] and numbers(second) == made[25:]
    assert "第 1 頁，共 2 頁" in first and 'rel="next" href="/cases?page=2"' in first
    assert numbers(visitor.get("/cases?page=999999999999").text) == made[25:]


def test_the_filter_stays_on_the_next_page(house: ConsoleHouse) -> None:
    for _ in range(26):
        house.case(*LAMP, language="en")
    page = house.signed_in().get("/cases?language=en&order=due").text
    assert 'href="/cases?language=en&amp;order=due&amp;page=2"' in page


def test_a_row_shows_the_masked_state_and_never_the_caller(
    house: ConsoleHouse, three: dict[str, str]
) -> None:
    page = house.signed_in().get("/cases").text
    assert "91234567" not in page and "棚網" in page and "尚餘" in page


def test_what_is_late_is_said_in_words(house: ConsoleHouse) -> None:
    house.now -= timedelta(days=32)
    house.case(*SCAFFOLD)
    page = house.signed_in().get("/cases").text
    assert re.search(r'class="chip late">(派單|答覆)逾期 \d+ 日<', page)


def test_the_chip_names_the_clock_that_presses_most(house: ConsoleHouse) -> None:
    house.now -= timedelta(hours=5)
    house.referred("hyd", category="fire-safety")  # half an hour to accept, six hours ago
    assert re.search(r'class="chip late">簽收逾期 5 小時<', house.signed_in().get("/cases").text)


def test_cases_are_found_by_who_has_them_and_by_which_clock_is_late(house: ConsoleHouse) -> None:
    fresh = house.case(*SCAFFOLD)
    theirs = house.accepted("hyd")
    house.now -= timedelta(days=1)
    late = house.referred("hyd", category="fire-safety")
    visitor = house.signed_in()
    assert numbers(visitor.get("/cases?owner=hyd").text) == [late, theirs]
    assert numbers(visitor.get("/cases?owner=desk").text) == [fresh]
    assert numbers(visitor.get("/cases?late=accept").text) == [late]
    assert late in numbers(visitor.get("/cases?late=any").text)
    assert numbers(visitor.get("/cases?late=review").text) == []


def test_an_officer_finds_the_cases_of_the_department_and_no_others(house: ConsoleHouse) -> None:
    house.case(*SCAFFOLD)
    asked, supports = house.referred("hyd", "hd"), house.referred("fsd", "hyd")
    called, _ = house.whistle("fsd", "hyd")
    house.referred("hd")
    visitor = house.officer("hyd")
    assert numbers(visitor.get("/cases").text) == [called, supports, asked]


def test_an_empty_list_says_what_will_come(one_house: ConsoleHouse) -> None:
    assert "暫時未有個案" in one_house.signed_in().get("/cases").text


def test_a_search_marks_what_it_found_whichever_script_was_typed(
    house: ConsoleHouse, three: dict[str, str]
) -> None:
    page = house.signed_in().get("/cases?q=物業").text
    assert "<mark>物业</mark>" in page and numbers(page) == [three["water"]]


def test_a_search_finds_what_was_written_and_shows_where(
    house: ConsoleHouse, three: dict[str, str]
) -> None:
    visitor = house.signed_in("supervisor")
    visitor.decide(three["scaffold"], "close", note="屋宇署已派員到場")
    page = visitor.get("/cases?q=派員 棚網").text
    assert numbers(page) == [three["scaffold"]] and "<mark>棚網</mark>" in page
    page = visitor.get("/cases?q=派員").text
    assert "處理紀錄：" in page and "<mark>派員</mark>" in page


def test_a_number_that_the_list_masks_is_found_but_not_shown(house: ConsoleHouse) -> None:
    said = "我電話係98765432，天花漏水"
    number = house.case(said, masked_text="我電話係[phone]，天花漏水")
    page = house.signed_in().get("/cases?q=9876").text
    assert numbers(page) == [number] and "符合的是列表不顯示的內容" in page
    assert "98765432" not in page
    page = house.signed_in("auditor").get(f"/cases?q={number}").text
    assert numbers(page) == [number] and "符合的是列表不顯示的內容" not in page


def test_an_officer_finds_own_cases_alone_and_no_masked_number(house: ConsoleHouse) -> None:
    said = {"masked_text": "棚網，打[phone]搵我"}
    mine, other = house.accepted("hyd"), house.accepted("hd")
    numbered = house.case("棚網，打98765432搵我", **said)
    house.signed_in("supervisor").decide(numbered, "confirm", category="refuse")
    house.signed_in("supervisor", "second").decide(numbered, "refer", lead="hyd")
    officer = house.officer("hyd")
    assert {*numbers(officer.get("/cases?q=棚網").text)} == {mine, numbered}
    for query in ("9876", "98765432", "phone"):
        assert numbers(officer.get(f"/cases?q={query}").text) == []
    assert "98765432" not in officer.get("/cases?q=搵我").text
    assert other in numbers(house.signed_in().get("/cases?q=棚網").text)
    assert numbers(house.signed_in("auditor").get("/cases?q=98765432").text) == [numbered]


def test_what_an_officer_finds_of_a_note_has_its_numbers_masked(house: ConsoleHouse) -> None:
    number = house.accepted("hyd")
    house.officer("hyd").decide(number, "interim", text="上門視察，致電 9876 5432")
    reader = house.signed_in("officer", "second", "hyd")
    page = reader.get("/cases?q=上門").text
    assert numbers(page) == [number] and "<mark>上門</mark>" in page and "5432" not in page
    assert numbers(reader.get("/cases?q=5432").text) == []


def test_a_case_is_found_by_the_district_its_department_was_told(house: ConsoleHouse) -> None:
    place = Slot("place", "荃灣", "荃灣", 0.0, 1.0, 0.9)
    number, elsewhere = house.case("荃灣漏水", slots=(place,)), house.case(*SCAFFOLD)
    boss = house.signed_in("supervisor")
    for one in (number, elsewhere):
        boss.decide(one, "confirm", category="refuse")
        boss.decide(one, "refer", lead="hyd")
    assert numbers(boss.get("/cases?district=荃灣區").text) == [number]
    assert {*numbers(boss.get("/cases?district=nowhere").text)} == {number, elsewhere}


class TestTheCounts:
    """How many cases are new and late, asked for again and again."""

    HEADERS: ClassVar = {"X-Live": "counts", door.UNATTENDED: "1"}

    @staticmethod
    def shown(visitor: Visitor, path: str = "/cases") -> dict[str, int]:
        page = visitor.get(path, headers=TestTheCounts.HEADERS).text
        assert "<h1" not in page
        return {name: int(n) for name, n in re.findall(r'data-count="(\w+)">(\d+)<', page)}

    def test_are_of_all_cases_whatever_the_list_shows(self, house: ConsoleHouse) -> None:
        house.case(*SCAFFOLD)
        house.referred("hyd")
        desk = house.signed_in()
        for path in ("/cases", "/cases?status=closed", "/cases?q=none"):
            assert self.shown(desk, path) == {"new": 1, "late": 0}

    def test_count_a_case_once_however_many_of_its_clocks_are_late(
        self, house: ConsoleHouse, watch: Watch
    ) -> None:
        house.accepted("hyd")
        watch.forward(days=60)
        desk = house.signed_in()
        assert self.shown(desk) == {"new": 0, "late": 1}
        assert "1 宗" in desk.get("/cases?late=any").text

    def test_of_an_officer_are_what_the_department_is_asked_to_accept(
        self, house: ConsoleHouse, watch: Watch
    ) -> None:
        house.case(*SCAFFOLD)
        house.referred("hyd")
        house.referred("fehd")
        watch.forward(days=14)
        officer = house.officer("hyd")
        assert self.shown(officer) == {"new": 1, "late": 1}
        assert 'href="/cases?status=referred' in officer.get("/cases").text
