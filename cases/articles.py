"""Knowledge articles: what to tell a caller, written by the department that answers for it.

What is written is never changed: every change is a version of its own, with who wrote it and when. A day
of review is part of it, and once it is past readers are told so until somebody has looked at it again.
"""

import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, ForeignKey, Index, String, and_, exists, false, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from cases import notices, script
from cases.case import DESK
from cases.errors import Refused
from cases.pack import LANGUAGES
from cases.permissions import OFFICER, WRITE_ARTICLES, Person, require
from cases.record import Id, Record

LONGEST_TITLE = 200
LONGEST_TEXT = 4000  # characters in one language
# Words of one search that count, and characters of them.
MOST_WORDS, LONGEST_SEARCH = 8, 100


class Article(Record):
    """One article, as its latest version has it. `department`: who answers for it, or the desk;
    `titles_folded`, `folded`: what is searched; `withdrawn`: shown to nobody who only looks for help;
    `told_at`: when the department was told that the day of review is past."""

    __tablename__ = "articles"
    __table_args__ = (Index("ix_articles_department", "department", "review_on"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    department: Mapped[str] = mapped_column(String(32))
    version: Mapped[int]
    titles: Mapped[dict[str, Any]]
    review_on: Mapped[date] = mapped_column(Date)
    withdrawn: Mapped[bool] = mapped_column(default=False, server_default=false())
    titles_folded: Mapped[str]
    folded: Mapped[str]
    changed_at: Mapped[datetime]
    told_at: Mapped[datetime | None]


class Version(Record):
    """One version as it was written, whole. `titles`, `texts`: by language."""

    __tablename__ = "article_versions"

    article_id: Mapped[int] = mapped_column(Id, ForeignKey("articles.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    department: Mapped[str] = mapped_column(String(32))
    titles: Mapped[dict[str, Any]]
    texts: Mapped[dict[str, Any]]
    categories: Mapped[list[Any]]
    review_on: Mapped[date] = mapped_column(Date)
    withdrawn: Mapped[bool] = mapped_column(default=False, server_default=false())
    written_by: Mapped[str] = mapped_column(String(64))
    written_at: Mapped[datetime]


class About(Record):
    """A category that an article, as it is now, helps with."""

    __tablename__ = "article_categories"
    __table_args__ = (Index("ix_article_categories_category", "category"),)

    article_id: Mapped[int] = mapped_column(Id, ForeignKey("articles.id"), primary_key=True)
    category: Mapped[str] = mapped_column(String(64), primary_key=True)


@dataclass(frozen=True)
class Draft:
    """What somebody writes. `titles`, `texts`: by language, those that are empty left out."""

    department: str
    titles: Mapping[str, str]
    texts: Mapping[str, str]
    categories: Sequence[str]
    review_on: date | None

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that have both a title and a text."""
        return tuple(one for one in LANGUAGES if self.titles.get(one) and self.texts.get(one))


def write(
    session: Session,
    draft: Draft,
    *,
    by: Person,
    today: date,
    now: datetime,
    article: Article | None = None,
    version: int | None = None,
) -> Article:
    """A new article, or the next version of one. `version`: the one that `by` had before them.

    Raises Refused: `forbidden` unless it is the own department's (or who writes supervises);
    `incomplete`; `half_an_article` where a title or a text lacks the other; `review_not_ahead` unless
    the day of review is still to come; `changed` when somebody else wrote meanwhile.
    """
    _check(draft, by, today)
    if article is None:
        article = Article(version=0)
    else:
        _hold(session, article, version)
        _may_write(by, article.department)
    _next(session, article, draft, by, now, withdrawn=False)
    return article


def withdraw(
    session: Session, article: Article, withdrawn: bool, *, version: int, by: Person, now: datetime
) -> None:
    """Take the article out of use, or into use again; it is kept with all its versions.

    Raises Refused: `forbidden`, `changed`.
    """
    _hold(session, article, version)
    _may_write(by, article.department)
    if article.withdrawn != withdrawn:
        last = of_number(session, article.id, article.version)
        draft = Draft(last.department, last.titles, last.texts, last.categories, last.review_on)
        _next(session, article, draft, by, now, withdrawn=withdrawn)


def may_write(by: Person, department: str) -> bool:
    """Whether this person writes articles of this department."""
    try:
        _may_write(by, department)
    except Refused:
        return False
    return True


def _may_write(by: Person, department: str) -> None:
    require(by.role, WRITE_ARTICLES)
    if by.role == OFFICER and by.department != department:
        raise Refused("forbidden", permission=WRITE_ARTICLES)


def _check(draft: Draft, by: Person, today: date) -> None:
    require(by.role, WRITE_ARTICLES)
    missing = [name for name in ("department", "review_on") if not getattr(draft, name)]
    if missing or not (draft.titles or draft.texts):
        raise Refused("incomplete", action="article", missing=missing or ["titles"])
    _may_write(by, draft.department)
    if set(draft.titles) != set(draft.texts):
        raise Refused("half_an_article")
    if draft.review_on is not None and draft.review_on <= today:
        raise Refused("review_not_ahead")


def _hold(session: Session, article: Article, version: int | None) -> None:
    session.refresh(article, with_for_update={"key_share": True})
    if version is not None and version != article.version:
        raise Refused("changed", version=article.version)


def _next(
    session: Session, article: Article, draft: Draft, by: Person, now: datetime, *, withdrawn: bool
) -> None:
    assert draft.review_on is not None
    titles = {one: draft.titles[one][:LONGEST_TITLE] for one in draft.languages}
    texts = {one: draft.texts[one][:LONGEST_TEXT] for one in draft.languages}
    article.version += 1
    article.department, article.titles = draft.department, titles
    article.review_on, article.withdrawn = draft.review_on, withdrawn
    article.changed_at, article.told_at = now, None
    article.titles_folded = folded(" ".join(titles.values()))
    article.folded = folded(" ".join([*titles.values(), *texts.values()]))
    session.add(article)
    session.flush()
    session.add(
        Version(
            article_id=article.id,
            number=article.version,
            department=draft.department,
            titles=titles,
            texts=texts,
            categories=list(draft.categories),
            review_on=draft.review_on,
            withdrawn=withdrawn,
            written_by=by.actor,
            written_at=now,
        )
    )
    _file_under(session, article.id, draft.categories)


def _file_under(session: Session, article_id: int, categories: Collection[str]) -> None:
    there = session.scalars(select(About).where(About.article_id == article_id)).all()
    for one in there:
        if one.category not in categories:
            session.delete(one)
    for code in dict.fromkeys(categories):
        if code not in {one.category for one in there}:
            session.add(About(article_id=article_id, category=code))
    session.flush()


# --- reading ---------------------------------------------------------------------------------------


def versions(session: Session, article_id: int) -> list[Version]:
    """Every version, the latest first."""
    mine = select(Version).where(Version.article_id == article_id)
    return list(session.scalars(mine.order_by(Version.number.desc())))


def of_number(session: Session, article_id: int, number: int) -> Version:
    """One version. Raises NoResultFound when there is none."""
    mine = select(Version).where(Version.article_id == article_id, Version.number == number)
    return session.scalars(mine).one()


def of_articles(session: Session, found: Sequence[Article]) -> list[Version]:
    """The latest version of each of these, in their order."""
    numbers = {one.id: one.version for one in found}
    rows = session.scalars(select(Version).where(Version.article_id.in_(numbers))).all()
    latest = {one.article_id: one for one in rows if one.number == numbers[one.article_id]}
    return [latest[one.id] for one in found]


def search(
    session: Session,
    words: str = "",
    *,
    category: str = "",
    department: str = "",
    review_before: date | None = None,
    withdrawn: bool = False,
    limit: int = 50,
) -> list[Article]:
    """Articles that hold every word, in whatever script; those with the words in their titles first,
    then those changed last. `review_before`: only those whose day of review is before that day."""
    terms = folded(words[:LONGEST_SEARCH]).split()[:MOST_WORDS]
    found = select(Article).where(Article.withdrawn.is_(withdrawn))
    found = found.where(*(_holds(Article.folded, one) for one in terms))
    if category:
        found = found.where(_is_about(category))
    if department:
        found = found.where(Article.department == department)
    if review_before is not None:
        found = found.where(Article.review_on < review_before)
    order: list[Any] = [Article.changed_at.desc(), Article.id.desc()]
    if terms:
        order.insert(0, and_(*(_holds(Article.titles_folded, one) for one in terms)).desc())
    return list(session.scalars(found.order_by(*order).limit(limit)))


def _is_about(category: str) -> Any:
    about = (About.article_id == Article.id, About.category == category)
    return exists().where(*about)


def _holds(column: Any, term: str) -> Any:
    return column.contains(term, autoescape=True)


def folded(text: str) -> str:
    """The text as it is searched: one script, one width, one case."""
    return script.fold(unicodedata.normalize("NFKC", text)).casefold()


def in_language(texts: Mapping[str, str], language: str = "") -> str:
    """The text in this language, or in the first that there is."""
    return next(texts[one] for one in (language, *LANGUAGES) if one in texts)


# --- reviews ---------------------------------------------------------------------------------------


def remind(session: Session, today: date, now: datetime) -> int:
    """Tell departments of their articles whose day of review is past; each once. How many there were.

    The desk's own go to its supervisors.
    """
    past = (
        select(Article)
        .where(Article.review_on < today, Article.told_at.is_(None), Article.withdrawn.is_(False))
        .order_by(Article.id)
        .limit(100)
        .with_for_update(skip_locked=True, key_share=True)
    )
    found = session.scalars(past).all()
    for article in found:
        article.told_at = now
        notices.post(
            session,
            "article_review",
            to=_owner(article.department),
            case_id=None,
            facts={
                "what": f"{in_language(article.titles)} ({article.review_on})",
                "department": article.department,
                "link": f"/articles/{article.id}",
            },
            dedupe=f"article_review:{article.id}:{article.version}",
            now=now,
        )
    return len(found)


def _owner(department: str) -> str:
    return "role:supervisor" if department == DESK else f"department:{department}"
