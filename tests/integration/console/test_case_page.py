"""One case: everything that is known of it, and what an agent does with it."""

import html
import re

import pytest

from cases.recordings import URGENT, USUAL, Recording
from cases.transcripts import Slot
from runtime.database import transaction
from tests.support.console_app import CALLER, LAMP, SCAFFOLD, ConsoleHouse, on_page

XSS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</p></main><svg/onload=alert(1)>",
    "javascript:alert(1)",
    "{{ 7*7 }}{% raw %}",
    "{0.__class__}{wording}",
    "\u202egnihtemos",
    "&lt;script&gt;",
]


def test_a_case_shows_what_was_said_what_it_may_be_about_and_why(house: ConsoleHouse) -> None:
    number = house.case(*SCAFFOLD, flags=("hung_up",))
    page = house.signed_in().get(f"/cases/{number}").text
    for sentence in SCAFFOLD:
        assert sentence in page
    for words in (
        "消防安全、棚網",
        "聽到棚網",
        "67%",
        "來電者說話期間掛線",
        "消防處",
        "廣東話 98%",
    ):
        assert words in page
    assert 'lang="yue-Hant"' in page and 'data-start="2.0"' in page


def test_places_numbers_and_names_are_shown_as_said_and_in_their_usual_form(
    one_house: ConsoleHouse,
) -> None:
    street = Slot("place", "彌敦道八十八號", "彌敦道88號", 1.5, 3.0, 0.81)
    name = Slot("name", "<陳大文>", "<陳大文>", 4.0, 5.0, 0.5)
    number = one_house.case(*SCAFFOLD, slots=(street, name))
    page = one_house.signed_in().get(f"/cases/{number}").text
    assert "彌敦道88號" in page and "彌敦道八十八號" in page and "50%" in page
    assert "地點" in page and "姓名" in page and 'data-start="1.5"' in page
    assert "&lt;陳大文&gt;" in page and "<陳大文>" not in page


def test_the_whole_text_is_on_the_case_and_the_masked_text_in_the_list(
    house: ConsoleHouse,
) -> None:
    number = house.case("我電話係六一二三四五六七", masked_text="我電話係[phone]")
    visitor = house.signed_in()
    assert "六一二三四五六七" in visitor.get(f"/cases/{number}").text
    listed = visitor.get("/cases").text
    assert "我電話係[phone]" in listed and "六一二三四五六七" not in listed


def test_the_callers_number_is_masked(house: ConsoleHouse) -> None:
    number = house.case(*SCAFFOLD)
    page = house.signed_in().get(f"/cases/{number}").text
    assert "+852 9*****67" in page and CALLER not in page and CALLER[4:] not in page


def test_the_whole_number_is_shown_once_and_the_history_knows_who_saw_it(
    house: ConsoleHouse,
) -> None:
    number = house.case(*SCAFFOLD)
    visitor = house.signed_in(name="mei")
    shown = visitor.post(f"/cases/{number}/reveal")
    assert CALLER in shown.text and shown.headers["Cache-Control"] == "no-store"
    assert CALLER not in visitor.get(f"/cases/{number}").text
    assert house.history(number)[-1] == ("agent:1", "revealed_number")
    assert "看過完整來電號碼" in shown.text and "mei" in shown.text


def test_a_withheld_number_cannot_be_revealed(house: ConsoleHouse) -> None:
    number = house.case(*SCAFFOLD, caller="anonymous")
    visitor = house.signed_in()
    assert "/reveal" not in visitor.get(f"/cases/{number}").text
    visitor.post(f"/cases/{number}/reveal")
    assert "revealed_number" not in [action for _, action in house.history(number)]


@pytest.mark.parametrize("text", XSS)
def test_what_was_said_is_shown_and_never_obeyed(one_house: ConsoleHouse, text: str) -> None:
    number = one_house.case(text, language="en")
    visitor = one_house.signed_in()
    for path in (f"/cases/{number}", "/cases"):
        page = visitor.get(path).text
        assert text in _shown(page)
        body = page[page.index("<main") :]
        assert not re.search(r"<(script|img|svg)\b|\son\w+\s*=\s*['\"a]", _tags(body)), body


@pytest.mark.parametrize("text", XSS)
def test_a_note_is_shown_and_never_obeyed(one_house: ConsoleHouse, text: str) -> None:
    number = one_house.case(*LAMP, language="en")
    visitor = one_house.signed_in()
    visitor.decide(number, "close", note=text)
    page = visitor.get(f"/cases/{number}").text
    assert text in _shown(page)
    assert not re.search(r"<(script|img|svg)\b", _tags(page[page.index("<main") :]))


def _shown(page: str) -> str:
    """The text a reader sees."""
    return html.unescape(re.sub(r"<[^>]*>", "", page))


def _tags(page: str) -> str:
    """The page without its text: tags and their attributes' names and values."""
    return " ".join(re.findall(r"<[^>]*>", page))


class TestTheCategory:
    def test_that_is_urgent_has_the_rest_of_the_call_heard_first(
        self, one_house: ConsoleHouse
    ) -> None:
        number = one_house.case(*SCAFFOLD)
        visitor = one_house.signed_in()
        for category, priority in (("noise", USUAL), ("fire-safety", URGENT)):
            visitor.decide(number, "confirm", category=category)
            with transaction(one_house.engine) as session:
                assert session.get_one(Recording, 1).priority == priority

    def test_is_confirmed_as_guessed(self, house: ConsoleHouse) -> None:
        number = house.case(*SCAFFOLD)
        visitor = house.signed_in(name="mei")
        done = visitor.decide(number, "confirm", category="fire-safety")
        assert done.status_code == 303 and done.location == f"/cases/{number}"
        case = house.stored(number)
        assert (case.status, case.category, case.owner) == ("confirmed", "fire-safety", "desk")
        assert case.department == "fsd"
        page = visitor.get(f"/cases/{number}").text
        assert "類別已確認。" in page and "確認類別「消防安全、棚網」" in page and "mei" in page

    def test_is_corrected(self, house: ConsoleHouse) -> None:
        number = house.case(*SCAFFOLD)
        visitor = house.signed_in()
        visitor.decide(number, "confirm", category="refuse")
        assert house.stored(number).category == "refuse"
        page = visitor.get(f"/cases/{number}").text
        assert "類別改為「垃圾、街道清潔」（原為「消防安全、棚網」）" in page
        assert "因為聽到" not in page  # the reasons were the guess's

    def test_of_the_whole_list_counts_where_none_in_sight_is_chosen(
        self, house: ConsoleHouse
    ) -> None:
        number = house.case(*SCAFFOLD)
        visitor = house.signed_in()
        visitor.decide(number, "confirm", category="", **{"category-other": "street-lamp"})
        assert house.stored(number).category == "street-lamp"

    @pytest.mark.parametrize("category", ["", "no-such-thing", "desk"])
    def test_has_to_be_one_of_the_citys(self, one_house: ConsoleHouse, category: str) -> None:
        number = one_house.case(*SCAFFOLD)
        refused = one_house.signed_in().decide(number, "confirm", category=category)
        assert refused.status_code == 422 and "請先選擇類別" in refused.text
        assert one_house.stored(number).status == "received"


class TestAStalePage:
    def test_loses_nothing_and_shows_what_happened(self, house: ConsoleHouse) -> None:
        number = house.case(*SCAFFOLD)
        mine, hers = house.signed_in(name="mine"), house.signed_in(name="hers")
        old = on_page(mine.get(f"/cases/{number}").text)
        hers.decide(number, "confirm", category="refuse")
        answer = mine.post(f"/cases/{number}/close", note="我已經打過電話。", **old)
        assert answer.status_code == 409
        for words in ("個案剛剛有變動", "hers", "垃圾、街道清潔", "我已經打過電話。"):
            assert words in answer.text
        assert house.stored(number).status == "confirmed"
        again = mine.post(f"/cases/{number}/close", note="我已經打過電話。", **on_page(answer.text))
        assert again.status_code == 303 and house.stored(number).status == "closed"

    def test_keeps_the_chosen_category(self, house: ConsoleHouse) -> None:
        number = house.case(*SCAFFOLD)
        mine, hers = house.signed_in(name="mine"), house.signed_in(name="hers")
        old = on_page(mine.get(f"/cases/{number}").text)
        hers.decide(number, "confirm", category="refuse")
        answer = mine.post(f"/cases/{number}/confirm", category="street-lamp", **old)
        assert answer.status_code == 409 and 'value="street-lamp" selected' in answer.text

    def test_says_so_when_it_is_no_longer_possible(self, house: ConsoleHouse) -> None:
        number = house.case(*SCAFFOLD)
        mine, hers = house.signed_in(name="mine"), house.signed_in(name="hers")
        old = on_page(mine.get(f"/cases/{number}").text)
        hers.decide(number, "close", note="done")
        answer = mine.post(f"/cases/{number}/close", note="a note of mine", **old)
        assert answer.status_code == 409 and "a note of mine" in answer.text
        assert "以現時狀態不能這樣做" in answer.text

    def test_that_is_sent_twice_does_it_once(self, house: ConsoleHouse) -> None:
        number = house.case(*SCAFFOLD)
        visitor = house.signed_in()
        page = on_page(visitor.get(f"/cases/{number}").text)
        answers = [
            visitor.post(f"/cases/{number}/close", note="done", **page).status_code
            for _ in range(2)
        ]
        assert answers == [303, 409]
        assert [action for _, action in house.history(number)].count("close") == 1


def test_a_case_is_closed_and_reopened_with_a_note(house: ConsoleHouse) -> None:
    number = house.case(*SCAFFOLD)
    boss = house.signed_in("supervisor")
    boss.decide(number, "close", note="已通知消防處。")
    assert house.stored(number).status == "closed"
    assert "已通知消防處。" in boss.get(f"/cases/{number}").text
    boss.decide(number, "reopen", note="來電者再次投訴。")
    assert house.stored(number).status == "received"


@pytest.mark.parametrize("note", ["", "   \n\t"])
def test_a_case_is_not_closed_without_a_word(one_house: ConsoleHouse, note: str) -> None:
    number = one_house.case(*SCAFFOLD)
    refused = one_house.signed_in().decide(number, "close", note=note)
    assert refused.status_code == 422 and "請先寫下如何處理" in refused.text
    assert one_house.stored(number).status == "received"


@pytest.mark.parametrize("number", ["260000099", "x", "2" * 200, "%00", "26000001%27"])
def test_there_is_no_page_for_a_case_that_is_not_there(house: ConsoleHouse, number: str) -> None:
    house.case(*SCAFFOLD)
    assert house.signed_in().get(f"/cases/{number}").status_code == 404


def test_characters_that_no_database_keeps_do_no_harm(house: ConsoleHouse) -> None:
    number = house.case(*SCAFFOLD)
    visitor = house.signed_in()
    assert visitor.decide(number, "close", note="a\0b").status_code == 303
    assert house.visitor().sign_in("m\0ei", "p\0").status_code == 422


def test_a_form_without_a_version_is_no_form(one_house: ConsoleHouse) -> None:
    number = one_house.case(*SCAFFOLD)
    visitor = one_house.signed_in()
    assert visitor.post(f"/cases/{number}/close", note="x").status_code == 400
    assert (
        visitor.post(f"/cases/{number}/close", note="x", version="v", seen="0").status_code == 400
    )
