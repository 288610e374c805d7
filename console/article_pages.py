"""`/articles`: what to tell callers, found as one types, and the forms with which departments write it."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint, abort, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from cases import articles
from cases.articles import Article, Draft, Version
from cases.case import DESK
from cases.errors import Refused
from cases.pack import LANGUAGES
from cases.permissions import OFFICER, READ_ARTICLES, WRITE_ARTICLES
from console import forms
from console.door import needs
from console.forms import Field, Form, Given
from console.office import Office
from console.who import who
from console.words import Words
from runtime import clock
from runtime.database import transaction

# So many are shown beside a case, and so many on the page.
FEW, MOST = 5, 50
DUE, WITHDRAWN = "due", "withdrawn"


@dataclass(frozen=True)
class Wanted:
    """What the address asks for. `state`: empty, `due` for those to be reviewed, or `withdrawn`."""

    words: str
    category: str
    department: str
    state: str

    @property
    def anything(self) -> bool:
        return bool(self.words or self.category or self.department or self.state)


def routes(pages: Blueprint, office: Office) -> None:
    """`/articles`, a page for each, and the forms below it."""

    @pages.get("/articles")
    @needs(READ_ARTICLES)
    def article_list() -> ResponseReturnValue:
        """The page; or only what was found, for a field that is being typed into."""
        return _beside(office) if request.args.get("card") else _list(office)

    @pages.get("/articles/<int:article_id>")
    @needs(READ_ARTICLES)
    def article_page(article_id: int) -> ResponseReturnValue:
        return _show(office, article_id)

    _writing(pages, office)


def _writing(pages: Blueprint, office: Office) -> None:
    @pages.get("/articles/new")
    @needs(WRITE_ARTICLES)
    def article_new() -> ResponseReturnValue:
        return _edit(office, None, _given(None))

    @pages.post("/articles")
    @needs(WRITE_ARTICLES)
    def article_add() -> ResponseReturnValue:
        return _save(office, None)

    @pages.get("/articles/<int:article_id>/edit")
    @needs(WRITE_ARTICLES)
    def article_edit(article_id: int) -> ResponseReturnValue:
        with transaction(office.engine) as records:
            article = _find(records, article_id)
            version = _version(records, article, request.args.get("from", ""))
            _only_who_may_write(office, article)
            records.expunge_all()
        return _edit(office, article, _given(version))

    @pages.post("/articles/<int:article_id>")
    @needs(WRITE_ARTICLES)
    def article_save(article_id: int) -> ResponseReturnValue:
        return _save(office, article_id)

    @pages.post("/articles/<int:article_id>/withdraw")
    @needs(WRITE_ARTICLES)
    def article_withdraw(article_id: int) -> ResponseReturnValue:
        return _withdraw(office, article_id)


def today(office: Office) -> date:
    """The day in the city."""
    return clock.now().astimezone(office.city.time_zone).date()


def _list(office: Office) -> str:
    wanted = _wanted()
    with transaction(office.engine) as records:
        found = articles.of_articles(records, _search(records, office, wanted))
        own = g.here.department if g.here.role == OFFICER else ""
        due = articles.search(records, department=own, review_before=today(office), limit=MOST)
        records.expunge_all()
    part = "article_hits.html" if request.headers.get("HX-Request") else "articles.html"
    return render_template(
        part,
        wanted=wanted,
        found=found,
        due=len(due),
        today=today(office),
        departments=_departments(office),
        beside=False,
    )


def _search(records: Session, office: Office, wanted: Wanted) -> list[Article]:
    own = g.here.department if wanted.state == DUE and g.here.role == OFFICER else ""
    return articles.search(
        records,
        wanted.words,
        category=wanted.category,
        department=wanted.department or own,
        review_before=today(office) if wanted.state == DUE else None,
        withdrawn=wanted.state == WITHDRAWN,
        limit=MOST,
    )


def _wanted() -> Wanted:
    asked = request.args
    state = asked.get("state", "")
    return Wanted(
        words=forms.plain(asked.get("q", ""))[: articles.LONGEST_SEARCH],
        category=asked.get("category", "")[:64],
        department=asked.get("department", "")[:32],
        state=state if state in (DUE, WITHDRAWN) else "",
    )


def _beside(office: Office) -> str:
    """What was found for the card of a case: with words for them, without for the category alone."""
    wanted = _wanted()
    with transaction(office.engine) as records:
        found = beside_case(records, wanted.words, wanted.category)
        records.expunge_all()
    return render_template("article_hits.html", found=found, today=today(office), beside=True)


def beside_case(records: Session, words: str, category: str | None) -> list[Version]:
    """What may help with a case: what has the words, or else what is about its category."""
    if not words.strip() and not category:
        return []
    about = "" if words.strip() else category or ""
    return articles.of_articles(records, articles.search(records, words, category=about, limit=FEW))


def _show(office: Office, article_id: int) -> str:
    with transaction(office.engine) as records:
        article = _find(records, article_id)
        version = _version(records, article, request.args.get("version", ""))
        all_versions = articles.versions(records, article_id)
        names = who(records, [one.written_by for one in all_versions])
        records.expunge_all()
    return render_template(
        "article.html",
        article=article,
        version=version,
        versions=all_versions,
        names=names,
        today=today(office),
        mine=articles.may_write(office.person(g.here), article.department),
    )


def _find(records: Session, article_id: int) -> Article:
    return records.get(Article, article_id) or abort(404)


def _version(records: Session, article: Article, number: str) -> Version:
    wanted = int(number) if number.isascii() and number.isdigit() else article.version
    try:
        return articles.of_number(records, article.id, min(wanted, 2**31 - 1))
    except NoResultFound:
        abort(404)


def _only_who_may_write(office: Office, article: Article) -> None:
    if not articles.may_write(office.person(g.here), article.department):
        abort(403)


# --- writing ---------------------------------------------------------------------------------------


def _departments(office: Office) -> list[tuple[str, str]]:
    words = Words(g.wording, office)
    return [(DESK, words.department(DESK)), *words.departments()]


def _form(office: Office) -> Form:
    """One title and one text in each language; none of them must be there, but one pair."""
    words = Words(g.wording, office)
    owners = _departments(office)
    if g.here.role == OFFICER:
        owners = [one for one in owners if one[0] == g.here.department]
    own_first = sorted(LANGUAGES, key=lambda one: words.written(one) != g.wording.language)
    told = [
        field
        for one in own_first
        for field in (
            Field(f"title_{one}", "line", needed=False),
            Field(f"text_{one}", needed=False),
        )
    ]
    return Form(
        "article",
        (
            *told,
            forms.choice("department", owners, value=owners[0][0] if len(owners) == 1 else ""),
            forms.choices("categories", words.categories(), needed=False),
            Field("review_on", "date"),
        ),
    )


def _given(version: Version | None) -> Given:
    if version is None:
        return {}
    told = {f"title_{one}": version.titles.get(one, "") for one in LANGUAGES}
    told |= {f"text_{one}": version.texts.get(one, "") for one in LANGUAGES}
    return {
        **told,
        "department": version.department,
        "categories": version.categories,
        "review_on": version.review_on.isoformat(),
    }


def _draft(given: Given) -> Draft:
    titles = {one: given[f"title_{one}"] for one in LANGUAGES if given[f"title_{one}"]}
    texts = {one: given[f"text_{one}"] for one in LANGUAGES if given[f"text_{one}"]}
    return Draft(
        given["department"], titles, texts, given["categories"], forms.day(given["review_on"])
    )


def _edit(
    office: Office, article: Article | None, given: Given, problem: str = "", **more: Any
) -> str:
    return render_template(
        "article_edit.html",
        article=article,
        form=forms.filled(_form(office), given),
        problem=problem,
        **{"overtaken": None, **more},
    )


def _save(office: Office, article_id: int | None) -> ResponseReturnValue:
    given = forms.read(_form(office), request.form)
    by, now = office.person(g.here), clock.now()
    try:
        with transaction(office.engine) as records:
            article = None if article_id is None else _find(records, article_id)
            seen = None if article is None else _seen()
            draft = _draft(given)
            made = articles.write(
                records, draft, by=by, today=today(office), now=now, article=article, version=seen
            )
            number = made.id
    except Refused as no:
        return _refused(office, article_id, given, no)
    flash("article.saved")
    return redirect(url_for("console.article_page", article_id=number), 303)


def _seen() -> int:
    try:
        return int(request.form.get("version", ""))
    except ValueError:
        abort(400)


def _refused(
    office: Office, article_id: int | None, given: Given, no: Refused
) -> ResponseReturnValue:
    """The form again, with all that was written; and what another wrote meanwhile beside it."""
    if no.code == "forbidden":
        abort(403)
    article = overtaken = None
    if article_id is not None:
        with transaction(office.engine) as records:
            article = _find(records, article_id)
            if no.code == "changed":
                overtaken = _version(records, article, "")
            records.expunge_all()
    problem = Words(g.wording, office).refused(no)
    status = 409 if overtaken else 422
    return _edit(office, article, given, problem, overtaken=overtaken), status


def _withdraw(office: Office, article_id: int) -> ResponseReturnValue:
    withdrawn = request.form.get("withdrawn") == "1"
    try:
        with transaction(office.engine) as records:
            article = _find(records, article_id)
            by, now = office.person(g.here), clock.now()
            articles.withdraw(records, article, withdrawn, version=_seen(), by=by, now=now)
    except Refused as no:
        if no.code == "forbidden":
            abort(403)
        problem = Words(g.wording, office).refused(no)
        return render_template("refused.html", problem=problem, typed=""), 409
    flash("article.withdrawn" if withdrawn else "article.restored")
    return redirect(url_for("console.article_page", article_id=article_id), 303)
