"""Knowledge articles: who writes them, what is kept, how they are found, and when they are to be reviewed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from cases import articles
from cases.articles import Article, Draft
from cases.notices import Notice
from cases.permissions import Person
from tests.unit.cases.conftest import BOSS, MEI, NOW, Records
from tests.unit.cases.scene import refused

TODAY = date(2026, 11, 24)
HYD, BD = Person("agent:5", "officer", "hyd"), Person("agent:6", "officer", "bd")
LAMP = Draft(
    department="hyd",
    titles={"yue": "街燈壞咗點算", "en": "A street lamp is out"},
    texts={"yue": "請問燈柱上的編號。", "en": "Ask for the number on the pole."},
    categories=("street-lamp",),
    review_on=TODAY + timedelta(days=90),
)


@dataclass
class Desk:
    session: Session

    def write(self, draft: Draft = LAMP, by: Person = HYD, **more: object) -> Article:
        return articles.write(self.session, draft, by=by, today=TODAY, now=NOW, **more)  # type: ignore[arg-type]

    def found(self, words: str = "", **more: object) -> Sequence[str]:
        rows = articles.search(self.session, words, **more)  # type: ignore[arg-type]
        return [articles.in_language(one.titles) for one in rows]


@pytest.fixture
def desk(records: Records) -> Desk:
    return Desk(records.session)


def test_a_department_writes_and_every_change_is_a_version_of_its_own(desk: Desk) -> None:
    article = desk.write()
    desk.write(replace(LAMP, texts={"yue": "先問位置。", "en": "Ask where."}), article=article)
    first, second = reversed(articles.versions(desk.session, article.id))
    assert (article.version, first.number, second.number) == (2, 1, 2)
    assert first.texts["en"] == "Ask for the number on the pole."
    assert (second.texts["en"], second.written_by, second.written_at) == (
        "Ask where.",
        "agent:5",
        NOW,
    )


@pytest.mark.parametrize(
    "change", ["UPDATE article_versions SET written_by = 'x'", "DELETE FROM article_versions"]
)
def test_the_database_itself_keeps_what_was_written(desk: Desk, change: str) -> None:
    desk.write()
    with pytest.raises(DBAPIError), desk.session.begin_nested():
        desk.session.execute(text(change))


def test_only_its_own_department_and_who_supervises_write(desk: Desk) -> None:
    for by in (BD, MEI, Person("agent:7", "auditor")):
        with refused("forbidden"):
            desk.write(by=by)
    article = desk.write(by=BOSS)
    with refused("forbidden"):  # nor does one take it over by naming oneself
        desk.write(replace(LAMP, department="bd"), by=BD, article=article)
    desk.write(by=HYD, article=article)
    assert article.version == 2


def test_an_article_needs_a_title_with_a_text_and_a_day_of_review_to_come(desk: Desk) -> None:
    with refused("incomplete"):
        desk.write(replace(LAMP, titles={}, texts={}))
    with refused("incomplete"):
        desk.write(replace(LAMP, review_on=None))
    with refused("half_an_article"):
        desk.write(replace(LAMP, texts={"yue": "只有一種"}))
    with refused("review_not_ahead"):
        desk.write(replace(LAMP, review_on=TODAY))
    assert desk.found() == []


def test_who_writes_on_an_older_version_is_told(desk: Desk) -> None:
    article = desk.write()
    desk.write(article=article, version=1)
    with refused("changed"):
        desk.write(article=article, version=1)
    with refused("changed"):
        articles.withdraw(desk.session, article, True, version=1, by=HYD, now=NOW)


def test_one_that_is_withdrawn_is_found_no_more_and_can_come_back(desk: Desk) -> None:
    article = desk.write()
    articles.withdraw(desk.session, article, True, version=1, by=HYD, now=NOW)
    assert desk.found() == [] and desk.found(withdrawn=True) == ["街燈壞咗點算"]
    articles.withdraw(desk.session, article, False, version=2, by=BOSS, now=NOW)
    assert desk.found() == ["街燈壞咗點算"]
    told = [(one.number, one.withdrawn) for one in articles.versions(desk.session, article.id)]
    assert told == [(3, False), (2, True), (1, False)]


@pytest.mark.parametrize(
    ("words", "there"),
    [
        ("街燈", True),
        ("路灯", False),
        ("街灯", True),  # in the other script
        ("編號", True),
        ("燈柱 編號", True),
        ("燈柱 水管", False),
        ("STREET lamp", True),
        ("ｌａｍｐ", True),  # full width
        ("燈", True),
        ("100%", False),
        ("_", False),
        ("", True),
    ],
)
def test_every_word_must_be_there_in_whatever_script(desk: Desk, words: str, there: bool) -> None:
    desk.write()
    assert bool(desk.found(words)) is there


def test_what_has_the_words_in_its_title_comes_first(desk: Desk) -> None:
    water = {"en": "Water", "yue": "水"}
    desk.write(replace(LAMP, titles={"en": "A street lamp"}, texts={"en": "x"}))
    desk.write(replace(LAMP, titles=water, texts={"en": "near the street lamp", "yue": "y"}))
    assert desk.found("street lamp") == ["A street lamp", "水"]
    assert desk.found() == ["水", "A street lamp"]


def test_articles_of_a_category_and_of_a_department(desk: Desk) -> None:
    article = desk.write()
    desk.write(
        replace(LAMP, department="bd", titles={"en": "B"}, texts={"en": "b"}, categories=()), BD
    )
    assert desk.found(category="street-lamp") == ["街燈壞咗點算"]
    assert desk.found(department="bd") == ["B"]
    desk.write(replace(LAMP, categories=("refuse", "refuse")), article=article)
    assert desk.found(category="street-lamp") == []
    assert desk.found(category="refuse") == ["街燈壞咗點算"]


def test_a_day_of_review_that_is_past_is_told_once_and_a_new_version_begins_anew(
    desk: Desk,
) -> None:
    article = desk.write()
    late = article.review_on + timedelta(days=1)
    assert articles.remind(desk.session, article.review_on, NOW) == 0
    assert [articles.remind(desk.session, late, NOW) for _ in range(2)] == [1, 0]
    (notice,) = desk.session.scalars(select(Notice)).all()
    assert (notice.kind, notice.to) == ("article_review", "department:hyd")
    assert notice.facts["link"] == f"/articles/{article.id}"
    assert desk.found(review_before=late) == ["街燈壞咗點算"]
    desk.write(replace(LAMP, review_on=late + timedelta(days=30)), article=article)
    assert desk.found(review_before=late) == []
    assert articles.remind(desk.session, late + timedelta(days=31), NOW.astimezone(UTC)) == 1


def test_nobody_is_told_of_one_that_is_withdrawn_and_the_desks_go_to_supervisors(
    desk: Desk,
) -> None:
    gone = desk.write()
    articles.withdraw(desk.session, gone, True, version=1, by=HYD, now=NOW)
    desk.write(replace(LAMP, department="desk"), BOSS)
    assert articles.remind(desk.session, TODAY + timedelta(days=200), NOW) == 1
    assert [one.to for one in desk.session.scalars(select(Notice))] == ["role:supervisor"]
