"""`python -m console model`: teach a model what this city's matters are about, put it into service, go back."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from cases import accesses, categories, departments, editions, judged, kpis, labelled, models
from cases.accesses import OPERATOR
from cases.accuracy import Accuracy
from cases.categories import Category
from cases.errors import Refused
from cases.judged import Judged
from cases.kpis import Rate
from cases.labelled import Known, LabelledError, Row
from cases.models import Version
from cases.pack import PackError
from runtime import clock, database
from runtime.city import City, CityError
from runtime.database import transaction
from runtime.settings import Settings
from runtime.shelf import Shelf

if TYPE_CHECKING:
    from cases.taught import Taught

WORDS = {
    "unknown_model": "there is no version {model}, or this program cannot read it; see `model versions`",
    "no_model_before": "nothing but the seed words was ever in service",
}
SEED_WORDS = "words"
FROM_CASES = "cases"
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@click.group("model")
def model() -> None:
    """The model that guesses what a matter is about, taught by this city's own cases."""


@model.command("train")
@click.argument("file", required=False, type=click.Path(path_type=Path), metavar="[FILE.csv]")
@click.option("--from-cases", is_flag=True, help="Teach what people at the desk decided.")
@click.option("--skip-unknown", is_flag=True, help="Leave out rows of categories the city lacks.")
@click.option("--even-if-worse", is_flag=True, help="Put it into service although it is worse.")
@click.option("--dry-run", is_flag=True, help="Test only: keep nothing.")
def train(
    file: Path | None, from_cases: bool, skip_unknown: bool, even_if_worse: bool, dry_run: bool
) -> None:
    """Teach a model from FILE.csv, the cases here, or both, and put it into service unless it is worse.

    FILE.csv has the columns text and category (a code or a name of this city), and if you have them
    department and date. It is tested on texts that it was not taught, beside what is in service.
    """
    if file is None and not from_cases:
        raise click.UsageError("name a FILE.csv, or say --from-cases")
    # Imported here so that no other command pays for scikit-learn.
    from cases.taught import teach

    engine = database.engine(Settings.load().database_url)
    with _told():
        kinds = _kinds(engine)
        rows = _of_cases(engine, kinds) if from_cases else []
        rows += _of_file(file, kinds, skip_unknown) if file else []
        with transaction(engine) as session:
            there = models.in_service(session)
        taught = teach(rows, kinds, there)
        _show(taught)
        if dry_run:
            return
        if taught.is_worse and not even_if_worse:
            _refuse(taught)
        with transaction(engine) as session:
            number = _keep(session, taught, file.name if file else FROM_CASES)
    worse = " ALTHOUGH IT IS WORSE than what was there" if taught.is_worse else ""
    click.echo(f"Version {number} is in service{worse}: it guesses from now on.")


@model.command("versions")
def list_versions() -> None:
    """Print every version and which one is in service."""
    table = Table()
    for heading in (
        "",
        "version",
        "made",
        "from",
        "rows",
        "accuracy",
        "ECE",
        "n",
        "what was there",
    ):
        table.add_column(heading)
    with _told(), transaction(database.engine(Settings.load().database_url)) as session:
        chosen = models.chosen(session)
        for one in models.versions(session):
            table.add_row("in service" if one.id == chosen else "", *_line(one))
    table.add_row("in service" if chosen is None else "", SEED_WORDS)
    _out().print(table)


def _line(version: Version) -> Iterator[str]:
    new, old = version.figures["stratified"], version.figures["in_service"]
    yield from (str(version.id), f"{version.made_at:%Y-%m-%d %H:%M}", version.source)
    yield from (f"{version.rows:,}", f"{new['accuracy']:.3f}", f"{new['ece']:.3f}")
    yield from (str(new["n"]), f"{old['accuracy']:.3f}")


@model.command("use")
@click.argument("version")
def use(version: str) -> None:
    """Put VERSION into service; `words` is the seed words."""
    if version != SEED_WORDS and not (version.isascii() and version.isdigit()):
        raise click.ClickException(f"{version!r} is no version; see `model versions`")
    _choose(None if version == SEED_WORDS else int(version))


@model.command("back")
def back() -> None:
    """Put into service what was there before."""
    with _told(), transaction(database.engine(Settings.load().database_url)) as session:
        earlier = models.before(session)
    _choose(earlier)


COLUMNS = ("number", "date", "text", "suggested", "confidence", "category", "department")


@model.command("export")
def export_judged() -> None:
    """Print what was suggested and what people decided, as a CSV that `train` reads. Texts are masked."""
    with _told():
        out = csv.writer(sys.stdout)
        out.writerow(COLUMNS)
        for one in _judged(database.engine(Settings.load().database_url), note=True):
            thought = (one.suggested or "", "" if one.confidence is None else one.confidence)
            row = (one.number, one.day.isoformat(), one.text, *thought, one.decided, one.department)
            out.writerow([_plain(cell) for cell in row])


def _plain(cell: object) -> object:
    """A spreadsheet takes no text for a formula."""
    text = str(cell or "") if not isinstance(cell, float) else cell
    return f"'{text}" if isinstance(text, str) and text.startswith(FORMULA) else text


@model.command("accuracy")
def accuracy() -> None:
    """Print how often what was suggested is what people decided, by category and by department.

    With n and Wilson's interval; where the machine was not sure it suggested nothing.
    """
    with _told():
        decided = list(_judged(database.engine(Settings.load().database_url)))
    unsure = sum(one.suggested is None for one in decided)
    click.echo(f"{len(decided)} cases that people decided; of {unsure} the machine was not sure.")
    for name, of in _GROUPS.items():
        table = Table(title=f"Right, by {name}")
        for heading in (name, "n", "right", "between"):
            table.add_column(heading)
        for group, one in judged.rates(decided, of).items():
            table.add_row(group, str(one.n), *(_percents(one)))
        _out().print(table)


_GROUPS: Mapping[str, Callable[[Judged], str | None]] = {
    "category": lambda one: one.decided,
    "department": lambda one: one.department,
    "all": lambda one: "all",
}


def _percents(found: Rate) -> tuple[str, str]:
    share, low, high = (kpis.percent(one, 1) for one in (found.share, found.low, found.high))
    return f"{share} %", f"{low} - {high} %"


def _choose(number: int | None) -> None:
    with _told(), transaction(database.engine(Settings.load().database_url)) as session:
        models.choose(session, number, by=OPERATOR, now=clock.now())
    said = "The seed words are" if number is None else f"Version {number} is"
    click.echo(f"{said} in service from now on.")


def _kinds(engine: Engine) -> list[Category]:
    """What a case can be about in the city as it is in force."""
    shelf = Shelf(Settings.load(), engine, editions)
    folder = shelf.folder(shelf.newest())
    return [one for one in categories.read(folder, departments.read(folder)) if not one.retired]


def _of_file(file: Path, kinds: list[Category], skip_unknown: bool) -> list[Row]:
    """What the file tells, in the city's own codes."""
    known = labelled.known(labelled.read(file), kinds)
    if known.unknown:
        _tell_unknown(file, known, skip_unknown)
    return list(known.rows)


def _of_cases(engine: Engine, kinds: list[Category]) -> list[Row]:
    """What people decided; cases of a category that is retired by now teach nothing."""
    rows = [one.row for one in _judged(engine) if one.text]
    return list(labelled.known(rows, kinds).rows)


def _judged(engine: Engine, note: bool = False) -> Iterator[Judged]:
    """Every case that a person decided. note: the log of accesses tells of it, before the first is given."""
    zone = City.read(Settings.load().city_folder).time_zone
    last, noted = 0, None
    while True:
        with transaction(engine) as session:
            following = judged.batch(session, zone, after=last)
            if note:
                ids = [one.case_id for one in following.judged]
                noted = _note(session, ids, noted)
        yield from following.judged
        if following.last is None:
            return
        last = following.last


def _note(session: Session, ids: list[int], noted: int | None) -> int | None:
    if noted is not None:
        accesses.also(session, noted, ids)
        return noted
    now, detail = clock.now(), {"page": "model", "format": "csv"}
    return accesses.note(session, accesses.EXPORTED, ids, OPERATOR, now, **detail)


def _tell_unknown(file: Path, known: Known, skip: bool) -> None:
    lines = [
        f"{file}, line {one.first}, column category: the city has no {name!r} ({one.rows} rows)"
        for name, one in known.unknown.items()
    ]
    if not skip:
        raise click.ClickException("\n".join([*lines, "--skip-unknown leaves such rows out"]))
    click.echo("\n".join([*lines, "These rows are left out."]), err=True)


def _keep(session: Session, taught: Taught, source: str) -> int:
    now, figures = clock.now(), taught.figures()
    kept = models.keep(
        session,
        taught.model,
        source=source,
        rows=taught.rows,
        figures=figures,
        by=OPERATOR,
        now=now,
    )
    models.choose(session, kept.id, by=OPERATOR, now=now)
    return kept.id


def _refuse(taught: Taught) -> None:
    raise click.ClickException(
        f"worse than what is in service: right {taught.new.accuracy:.1%} of the time, and what is there "
        f"{taught.old.accuracy:.1%}, of the same {taught.new.n} texts. Nothing was changed; --even-if-worse "
        "puts it into service all the same"
    )


def _show(taught: Taught) -> None:
    table = Table(title=f"{taught.rows:,} rows; tested on texts that it was not taught")
    for heading in ("", "n", "accuracy", "macro-F1", "top-3", "ECE", "log-loss"):
        table.add_column(heading)
    table.add_row("new", *_cells(taught.new))
    table.add_row("in service", *_cells(taught.old))
    if taught.later:
        table.add_row("new, taught the past, tested on what came later", *_cells(taught.later))
    _out().print(table)
    if taught.departments:
        share, n = taught.departments
        click.echo(f"The department is the row's own {share:.1%} of the time (n={n}).")


def _cells(found: Accuracy) -> list[str]:
    shares = (found.accuracy, found.macro_f1, found.top3, found.ece, found.log_loss)
    return [f"{found.n:,}", *(f"{one:.3f}" for one in shares)]


def _out() -> Console:
    return Console() if sys.stdout.isatty() else Console(width=120)


@contextmanager
def _told() -> Iterator[None]:
    """What a person can mend is told in a line or a few."""
    try:
        yield
    except (LabelledError, PackError, CityError) as error:
        raise click.ClickException(str(error)) from None
    except Refused as no:
        raise click.ClickException(WORDS[no.code].format(**no.details)) from None
    except SQLAlchemyError as error:
        first = str(error).splitlines()[0]
        raise click.ClickException(f"{first} (was `make migrate` run?)") from None
