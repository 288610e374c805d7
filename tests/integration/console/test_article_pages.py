"""The pages of knowledge: read by everybody, written by whom it concerns, found in either script."""

import re
from datetime import date, timedelta

import pytest

from tests.integration.console.conftest import Watch
from tests.support.console_app import LAMP, ConsoleHouse, Visitor

ROLES = ("agent", "officer", "supervisor", "auditor", "admin", "coordinator", "leader")
SAID = {
    "title_yue": "街燈壞咗點算",
    "text_yue": "請問燈柱上的編號。",
    "title_en": "A street lamp is out",
    "text_en": "Ask for the number on the pole.",
    "department": "hyd",
    "categories": "street-lamp",
    "review_on": (date.today() + timedelta(days=200)).isoformat(),
}
EN = {"Accept-Language": "en"}


def written(house: ConsoleHouse, visitor: Visitor | None = None, **other: str) -> int:
    """An article as the form makes it: its id."""
    visitor = visitor or house.signed_in("supervisor", "who writes")
    answer = visitor.post("/articles", **{**SAID, **other})
    assert answer.status_code == 303, answer.text
    return int(answer.location.rpartition("/")[2])


@pytest.mark.parametrize("role", ROLES)
def test_everybody_who_signed_in_reads(one_house: ConsoleHouse, role: str) -> None:
    article = written(one_house)
    reader = one_house.signed_in(role)
    assert "街燈壞咗點算" in reader.get("/articles").text
    page = reader.get(f"/articles/{article}").text
    assert "請問燈柱上的編號。" in page and "Ask for the number on the pole." in page
    may = role in ("officer", "supervisor", "admin")
    assert (reader.get("/articles/new").status_code == 200) is may
    assert ("/articles/new" in reader.get("/articles").text) is may


def test_without_a_sign_in_there_is_only_the_door(one_house: ConsoleHouse) -> None:
    article = written(one_house)
    for path in ("/articles", f"/articles/{article}", "/articles?card=1&q=x"):
        assert one_house.visitor().get(path).location == "/sign-in"


def test_an_officer_writes_for_the_own_department_alone(one_house: ConsoleHouse) -> None:
    article = written(one_house)
    own, other = one_house.officer("hyd"), one_house.officer("bd")
    assert own.get(f"/articles/{article}/edit").status_code == 200
    assert other.get(f"/articles/{article}/edit").status_code == 403
    for path in ("edit", "withdraw"):
        assert f"/articles/{article}/{path}" not in other.get(f"/articles/{article}").text
    said = {**SAID, "version": "1", "text_en": "Ours now"}
    assert other.post(f"/articles/{article}", **{**said, "department": "bd"}).status_code == 403
    assert other.post(f"/articles/{article}/withdraw", version=1, withdrawn=1).status_code == 403
    assert own.post(f"/articles/{article}", **said).status_code == 303
    assert "Ours now" in own.get(f"/articles/{article}").text


def test_what_is_missing_is_said_and_nothing_that_was_typed_is_lost(
    one_house: ConsoleHouse,
) -> None:
    writer = one_house.signed_in("supervisor")
    for wrong in ({"department": ""}, {"review_on": "2020-01-01"}, {"text_en": ""}):
        answer = writer.post("/articles", **{**SAID, **wrong})
        assert answer.status_code == 422 and 'role="alert"' in answer.text
        assert "街燈壞咗點算" in answer.text
    assert "沒有相關文章" in writer.get("/articles").text


def test_two_who_write_at_once_see_both_texts(one_house: ConsoleHouse) -> None:
    article = written(one_house)
    writer = one_house.signed_in("supervisor", "second")
    assert writer.post(f"/articles/{article}", **SAID, version=1).status_code == 303
    answer = writer.post(f"/articles/{article}", **{**SAID, "text_en": "Mine"}, version=1)
    assert answer.status_code == 409
    assert "Mine" in answer.text and "Ask for the number on the pole." in answer.text
    assert 'name="version" value="2"' in answer.text  # who saves again knows what was there


def test_an_older_version_can_be_read_and_gone_on_from(one_house: ConsoleHouse) -> None:
    article = written(one_house)
    writer = one_house.signed_in("supervisor", "second")
    writer.post(f"/articles/{article}", **{**SAID, "text_en": "The second"}, version=1)
    old = writer.get(f"/articles/{article}?version=1").text
    assert "Ask for the number on the pole." in old and f"/articles/{article}/edit?from=1" in old
    assert "Ask for the number" in writer.get(f"/articles/{article}/edit?from=1").text
    assert writer.get(f"/articles/{article}?version=9").status_code == 404
    assert writer.get("/articles/999").status_code == 404


def test_one_that_was_to_be_reviewed_is_marked_to_readers_and_listed_to_its_owner(
    one_house: ConsoleHouse, watch: Watch
) -> None:
    article = written(one_house)
    watch.forward(days=202)
    own, other = one_house.officer("hyd"), one_house.officer("bd")
    assert "內容或已過時" in other.get(f"/articles/{article}").text
    assert "有 1 篇文章已過檢視日期" in own.get("/articles").text
    assert "燈柱" in own.get("/articles?state=due").text
    assert "篇文章已過檢視日期" not in other.get("/articles").text
    assert "燈柱" not in other.get("/articles?state=due").text


def test_one_that_is_withdrawn_is_out_of_the_way_and_can_be_brought_back(
    one_house: ConsoleHouse,
) -> None:
    writer = one_house.signed_in("supervisor")
    article = written(one_house, writer)
    assert writer.post(f"/articles/{article}/withdraw", version=1, withdrawn=1).status_code == 303
    assert "街燈壞咗" not in writer.get("/articles").text
    assert "街燈壞咗" in writer.get("/articles?state=withdrawn").text
    assert writer.post(f"/articles/{article}/withdraw", version=1, withdrawn=0).status_code == 409
    writer.post(f"/articles/{article}/withdraw", version=2, withdrawn=0)
    assert "街燈壞咗" in writer.get("/articles").text


@pytest.mark.parametrize(
    ("query", "there"),
    [
        ("q=街灯", True),
        ("q=lamp", True),
        ("q=水管", False),
        ("category=street-lamp", True),
        ("category=noise", False),
        ("department=hyd", True),
        ("department=bd", False),
        ("q=%00%25", False),
        ("state=nonsense", True),
    ],
)
def test_the_address_says_what_is_looked_for(
    one_house: ConsoleHouse, query: str, there: bool
) -> None:
    written(one_house)
    reader = one_house.signed_in()
    assert ("請問燈柱" in reader.get(f"/articles?{query}").text) is there
    part = reader.get(f"/articles?{query}", headers={"HX-Request": "true"}).text
    assert ("請問燈柱" in part) is there and "<html" not in part


def test_beside_a_case_stand_the_articles_of_its_category(one_house: ConsoleHouse) -> None:
    written(one_house)
    number = one_house.case(*LAMP, language="en")
    page = one_house.signed_in().get(f"/cases/{number}", headers=EN).text
    card = page.partition('id="article-hits"')[2].partition("</section>")[0]
    assert "A street lamp is out" in card and "Ask for the number on the pole." in card
    assert re.search(r'hx-get="/articles\?card=1&amp;category=street-lamp"', page)


def test_the_card_finds_words_of_every_category_and_without_words_the_cases_own(
    one_house: ConsoleHouse,
) -> None:
    writer = one_house.signed_in("supervisor")
    written(one_house, writer)
    written(one_house, writer, title_yue="水管", text_yue="問水務署", categories="water-supply")
    card = "/articles?card=1&category=street-lamp"
    assert "街燈" in writer.get(card).text and "問水務署" not in writer.get(card).text
    assert "問水務署" in writer.get(f"{card}&q=水管").text
    assert "街燈" not in writer.get("/articles?card=1").text
