"""`python -m evaluate urgency`: how well calls are understood, on a sheet of the user's own or on ours."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from cases.pack import PackError
from evaluate import urgency_set, urgent
from evaluate.sheets import SheetError
from evaluate.urgency_set import Sentence

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


def keep(json_file: Path | None, told: object) -> None:
    """Write the figures, if a file was named."""
    if json_file:
        json_file.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", "utf-8")


def console() -> Console:
    """As wide as the terminal; in a file or a log as wide as the tables need."""
    out = Console()
    return out if out.is_terminal else Console(width=120)
