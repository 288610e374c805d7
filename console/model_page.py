"""`/admin/model`: how often what was suggested is what people decided, and the model that suggests."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cases import automatic, judged, models
from cases.errors import Refused
from cases.judged import Verdict
from cases.kpis import Rate
from cases.permissions import EDIT_CITY, SEE_ADMIN
from console.door import needs
from console.office import Office
from console.who import who
from console.words import Words
from runtime import clock
from runtime.database import transaction

# The decisions of how many days are counted.
DAYS = 90
SEED_WORDS = "words"
Line = tuple[str, Rate]


def routes(pages: Blueprint, office: Office) -> None:
    """`/admin/model`."""

    @pages.get("/admin/model")
    @needs(SEE_ADMIN)
    def model_page() -> ResponseReturnValue:
        return _page(office)

    @pages.post("/admin/model/use")
    @needs(EDIT_CITY)
    def model_use() -> ResponseReturnValue:
        try:
            _use(office, request.form.get("version", ""))
        except Refused as no:
            return _page(office, Words(g.wording, office).refused(no)), 422
        flash("model.in_use")
        return redirect(url_for("console.model_page"), 303)


def _use(office: Office, version: str) -> None:
    """Put a version into service, or the seed words. Raises Refused."""
    if version != SEED_WORDS and not (version.isascii() and version.isdigit()):
        raise Refused("unknown_model", model=version)
    number = None if version == SEED_WORDS else int(version)
    with transaction(office.engine) as records:
        models.choose(records, number, by=office.person(g.here), now=clock.now())


def _page(office: Office, problem: str = "") -> str:
    with transaction(office.engine) as records:
        since = clock.now() - timedelta(days=DAYS)
        verdicts, kept = judged.since(records, since), automatic.kept(records, since)
        versions = models.versions(records)
        names = who(records, [one.made_by for one in versions])
        chosen = models.chosen(records)
        records.expunge_all()
    return render_template(
        "model.html",
        groups=_groups(verdicts, Words(g.wording, office)),
        unsure=sum(one.suggested is None for one in verdicts),
        versions=versions,
        chosen=chosen,
        names=names,
        problem=problem,
        thresholds=automatic.thresholds(office.policy),
        kept=kept,
        days=DAYS,
        seed_words=SEED_WORDS,
    )


def _groups(verdicts: Sequence[Verdict], words: Words) -> Mapping[str, Sequence[Line]]:
    """The tables, of all and by category and by department: each line a name and how often it was right."""

    def lines(of: Callable[[Verdict], str | None], name: Callable[[str], str]) -> Sequence[Line]:
        return [(name(code), one) for code, one in judged.rates(verdicts, of).items()]

    return {
        "all": lines(lambda _: "model.every", words.say),
        "category": lines(lambda one: one.decided, words.category),
        "department": lines(lambda one: one.department, words.department),
    }
