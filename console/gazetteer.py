"""`python -m console gazetteer import`: a city's own places, from a CSV, into every process that runs."""

from __future__ import annotations

from pathlib import Path

import click
from sqlalchemy.orm import Session

from cases import editions, gazetteer_sheet, places
from cases.accesses import OPERATOR
from cases.errors import Refused
from cases.gazetteer_sheet import SheetRefused
from cases.pack import PackError
from cases.places import Place
from console import proof
from runtime import clock, database
from runtime.database import transaction
from runtime.settings import Settings
from runtime.shelf import Shelf


@click.group()
def gazetteer() -> None:
    """The city's places, which callers name."""


@gazetteer.command("import")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE.csv")
@click.option("--replace", is_flag=True, help="forget the places there are, but for the districts")
@click.option("--check", is_flag=True, help="say what is wrong and import nothing")
def import_(file: Path, replace: bool, check: bool) -> None:
    """Import places: name, aliases (with | between them), kind, district, lat, lon. Only name is needed.

    All or nothing: while any line is wrong, each is told with its column and nothing is imported. It is an
    edition of the city like any other: running processes take it up by themselves within half a minute, and
    the console's page of the city goes back to the one before.
    """
    settings = Settings.load()
    engine = database.engine(settings.database_url)
    try:
        imported, every = _read(settings, Shelf(settings, engine, editions), file, replace)
        if check:
            click.echo(f"{len(imported):,} places are well; {len(every):,} there would be")
            return
        with transaction(engine) as session:
            edition = _put(session, settings, every, f"{len(imported):,} places of {file.name}")
    except (OSError, UnicodeDecodeError, PackError, SheetRefused) as error:
        raise click.ClickException(str(error)) from None
    except Refused as no:
        raise click.ClickException(f"nothing is imported: {no.code.replace('_', ' ')}") from None
    click.echo(f"{len(imported):,} places imported, {len(every):,} in all: edition {edition}")


def _read(
    settings: Settings, shelf: Shelf, file: Path, replace: bool
) -> tuple[tuple[Place, ...], tuple[Place, ...]]:
    """The imported places, and all that there are then."""
    known = places.read(shelf.folder(shelf.newest())).places
    imported = gazetteer_sheet.read(file.read_text(encoding="utf-8-sig"), known)
    kept = [place for place in known if place.kind == "district"] if replace else known
    return imported, gazetteer_sheet.merged(kept, imported)


def _put(session: Session, settings: Settings, every: tuple[Place, ...], note: str) -> int:
    """In force, once the programs were seen to take it."""
    now = clock.now()
    text = gazetteer_sheet.written(every)
    plan = editions.bring(session, editions.PLACES, text, by=OPERATOR, now=now)
    if faults := proof.read(settings.city_folder, plan.texts).faults:
        told = "; ".join(f"{one.file}: {one.what}" for one in faults)
        raise PackError(Path(editions.PLACES), f"cannot be used: {told}")
    return editions.put_in_force(session, plan, note, by=OPERATOR, now=now).number
