"""`python -m evaluate urgency`, `places` and `surges`: how well calls are understood and added up, on sheets of
the user's own."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from cases import alerts
from cases import places as gazetteer_files
from cases.pack import PackError
from evaluate import alarms, places_heard, tallies, urgency_set, urgent
from evaluate.sheets import SheetError
from evaluate.urgency_set import Sentence
from runtime.city import City, CityError
from runtime.settings import CITIES, Settings

JSON = click.option(
    "--json", "json_file", type=click.Path(path_type=Path), help="write the figures here"
)
PARTS = ("tuning", "held out")


@click.command()
@click.argument("file", type=click.Path(path_type=Path), metavar="[FILE.csv]", required=False)
@click.option("--wrong", default=10, show_default=True, help="sentences judged wrongly to show")
@click.option("--write", type=click.Path(path_type=Path), help="also write our set as a CSV")
@JSON
def urgency(file: Path | None, wrong: int, write: Path | None, json_file: Path | None) -> None:
    """Is danger to life recognised? Recall and precision by danger and language.

    FILE.csv has the columns text and danger (empty: none), and may have language (yue, cmn, en).
    Without one: some eight hundred sentences of our own, those the rules were mended with apart from
    those held out.
    """
    out = console()
    try:
        sets = _sets(file)
    except (SheetError, PackError) as error:
        raise click.ClickException(str(error)) from None
    told: dict[str, Any] = {}
    for name, chosen in sets.items():
        judged = urgent.judge(chosen)
        out.print(f"\n[bold]{name}[/]: {len(chosen)} sentences")
        urgent.show(out, judged, wrong)
        told[name] = urgent.as_json(judged)
    if write:
        _write(write, [one for chosen in sets.values() for one in chosen])
    keep(json_file, told)


def _sets(file: Path | None) -> dict[str, Sequence[Sentence]]:
    if file:
        return {file.name: tuple(urgency_set.read(file))}
    everything = urgency_set.sentences()
    return {part: [one for one in everything if one.part == part] for part in PARTS}


def _write(file: Path, chosen: Sequence[Sentence]) -> None:
    with file.open("w", encoding="utf-8", newline="") as lines:
        sheet = csv.writer(lines)
        sheet.writerow(("text", "language", "danger", "form", "part"))
        sheet.writerows((one.text, one.language, one.danger, one.form, one.part) for one in chosen)


@click.command()
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE.csv")
@click.option("--noise", default=0.0, show_default=True, type=click.FloatRange(0, 1))
@click.option("--seed", default=1, show_default=True, help="of the noise")
@click.option("--city", help="whose gazetteer, and its language  [CITY]")
@JSON
def places(file: Path, noise: float, seed: int, city: str | None, json_file: Path | None) -> None:
    """Are places found in what is said? By letters alone and by sound, first and among the first three.

    FILE.csv has the columns text and place (empty: none; several names with | between them), and may have
    lat, lon and language. --noise replaces that share of the Chinese characters by others of the same sound.
    """
    out = console()
    try:
        kept = folder(city)
        asked = list(places_heard.read(file, City.read(kept).languages[0]))
        known = gazetteer_files.read(kept)
    except (SheetError, CityError, PackError) as error:
        raise click.ClickException(str(error)) from None
    if noise:
        asked = places_heard.misheard(asked, noise, seed)
    found = places_heard.scores(list(places_heard.judge(asked, known)))
    places_heard.show(out, found)
    keep(json_file, {"noise": noise, "seed": seed, "scores": places_heard.as_json(found)})


@click.command()
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE.csv")
@click.option("--city", help="whose holidays  [CITY]")
@click.option(
    "--least", type=click.IntRange(1), help="fewer calls on a day are no alarm  [alerts.yaml]"
)
@click.option(
    "--weeks", default=52, show_default=True, help="the last ones, for Farrington Flexible"
)
@JSON
def surges(
    file: Path, city: str | None, least: int | None, weeks: int, json_file: Path | None
) -> None:
    """What EARS C1-C3 and Farrington Flexible would have raised: alarms, outbreaks found, delay, false ones.

    FILE.csv has the columns date, category and district. With count a row is a day of a cell; without, a row is
    one call, and they are added up. outbreak: 1 on the days of a known one. Millions of rows are no harm.
    """
    out = console()
    try:
        calendar = City.read(folder(city))
        with out.status("reading") as status:
            tally = tallies.read(file, lambda rows: status.update(f"{rows:,} rows"))
    except (SheetError, CityError) as error:
        raise click.ClickException(str(error)) from None
    found = list(alarms.ears(tally, calendar.is_working_day, least or alerts.policy().surge_least))
    with out.status(alarms.FARRINGTON):
        weekly = alarms.farrington(tally, weeks)
    alarms.show(out, tally, [*found, *([weekly] if weekly else ())])
    if weekly is None:
        out.print(
            f"{alarms.FARRINGTON}: needs three years of weeks and the extra `surveillance`: left out"
        )
    keep(json_file, alarms.as_json(tally, [*found, *([weekly] if weekly else ())]))


def folder(city: str | None) -> Path:
    """Where a city is kept: a code, a path, or None for the one of the settings."""
    chosen = city or Settings.read().city
    return Path(chosen) if "/" in chosen else CITIES / chosen


def keep(json_file: Path | None, told: object) -> None:
    """Write the figures, if a file was named."""
    if json_file:
        json_file.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", "utf-8")


def console() -> Console:
    """As wide as the terminal; in a file or a log as wide as the tables need."""
    out = Console()
    return out if out.is_terminal else Console(width=120)
