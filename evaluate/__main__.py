"""`python -m evaluate`: how well the hotline hears, understands and sees what is coming."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from evaluate import categories as learning
from evaluate import (
    categories_page,
    comparison,
    conditions,
    corpora,
    figures,
    hearing,
    page,
    replay_page,
    scores,
    screen,
    understood,
)
from evaluate import replay as replays
from evaluate.calibrating import calibrate
from evaluate.figures import Report
from evaluate.hearing import Interrupted, Progress
from evaluate.way import Way
from runtime.city import CityError
from runtime.settings import Settings, SettingsError
from transcription.calibration import Calibration, CalibrationError, beside

CHOICES = {
    "engine": ("openai-whisper", "faster-whisper", "remote"),
    "windows": ("full", "cut"),
    "prompt": ("off", "names"),
    "known": ("yes", "no"),
}
CHANGEABLE = {*CHOICES, "model", "city"}
RESULTS = Path("evaluation", "heard.jsonl")
TOLD = (
    corpora.CorpusError,
    conditions.UnknownCondition,
    SettingsError,
    CityError,
    Interrupted,
    ValueError,
)


@click.group(help=__doc__)
def main() -> None:
    """The command line."""


for command in (understood.urgency, understood.places, understood.surges):
    main.add_command(command)


@main.command()
@click.argument("source", type=click.Path(path_type=Path), metavar="FOLDER")
@click.option("--engine", type=click.Choice(CHOICES["engine"]), help="[WHISPER_ENGINE]")
@click.option("--model", help="a name, a checkpoint or a converted folder  [WHISPER_MODEL]")
@click.option("--city", help="its languages and its script  [CITY]")
@click.option("--windows", type=click.Choice(CHOICES["windows"]), help="[WHISPER_WINDOWS]")
@click.option("--prompt", type=click.Choice(CHOICES["prompt"]), help="[WHISPER_PROMPT]")
@click.option("--languages-known", "known", is_flag=True, help="as when a caller pressed a key")
@click.option("--language", default="", help="of recordings whose set does not say")
@click.option("--degrade", default="clean", show_default=True, help="clean,ulaw,noise10+ulaw,...")
@click.option("--against", help="a second way, such as windows=cut,prompt=names: compare the two")
@click.option("--calibrate", "calibrating", is_flag=True, help="write what confidences are worth")
@click.option("--limit", type=click.IntRange(1), help="so many recordings, evenly chosen")
@click.option("--processes", type=click.IntRange(1), help="that listen  [one per core]")
@click.option("--worst", default=20, show_default=True, help="recordings to show at the end")
@click.option("--results", type=click.Path(path_type=Path), help="what was heard is kept here")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="write the figures here")
def speech(source: Path, **options: Any) -> None:
    """Error rates of the recordings in FOLDER, by language and condition, through the real pipeline.

    FOLDER holds x.wav or x.mp3 with x.txt (and x.json), or is a set of Common Voice, AISHELL or
    Kaldi. A run that was stopped goes on where it was. Everything is told in docs/evaluation.md.
    """
    out = _console()
    try:
        _speech(out, source, options)
    except TOLD as error:
        raise click.ClickException(str(error)) from None


@main.command()
@click.argument("first", type=click.Path(path_type=Path))
@click.argument("second", type=click.Path(path_type=Path))
def compare(first: Path, second: Path) -> None:
    """Two reports that `speech --json` wrote, side by side."""
    try:
        _compare(_console(), Report.read(first), Report.read(second))
    except ValueError as error:
        raise click.ClickException(str(error)) from None


@main.command()
@click.option("--calls-a-day", type=click.IntRange(1), help="how many calls  [15]")
@click.option("--noise", default=replays.NOISE, show_default=True, help="characters misheard")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="write the figures here")
def replay(calls_a_day: int | None, noise: float, json_file: Path | None) -> None:
    """A year of a city: when does the hotline raise what no single department could see?

    Some thousands of calls in three languages go through the very rules that run in production, among
    them five stories told to different departments in different words. Takes minutes.
    """
    out = _console()
    with _bar(out, "a year of calls") as progress:
        outcome = replays.replay(calls_a_day=calls_a_day, noise=noise, tell=progress)
    replay_page.show(out, outcome)
    if json_file:
        json_file.write_text(json.dumps(replay_page.as_json(outcome), ensure_ascii=False, indent=1))


@main.command()
@click.argument("source", type=click.Path(path_type=Path), metavar="FILE.csv|FOLDER")
@click.option("--baseline", is_flag=True, help="beside plain linear models, in the same run")
@click.option("--parts", type=click.IntRange(1, 5), default=1, help="of five, held out in turn")
@click.option("--noise", default=0.0, show_default=True, type=click.FloatRange(0, 1))
@click.option("--seed", default=1, show_default=True, help="of the noise")
@click.option("--city", help="whose seed words, and its language  [CITY]")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="write the figures here")
def categories(
    source: Path,
    baseline: bool,
    parts: int,
    noise: float,
    seed: int,
    city: str | None,
    json_file: Path | None,
) -> None:
    """How well a model learns what matters are about, from a CSV with the columns text and category.

    A column date (2026-11-28) adds a test on what came later; language tells that of a row. On rows of the city's
    own categories its seed words are tested, too. --noise replaces that share of the Chinese characters tested on
    by others of the same sound. Everything is told in docs/evaluation.md.
    """
    try:
        outcome = learning.evaluate(
            source,
            baseline=baseline,
            parts=parts,
            town=learning.Town.read(understood.folder(city)),
            noise=learning.Noise(noise, seed),
        )
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    categories_page.show(_console(), outcome)
    if json_file:
        json_file.write_text(json.dumps(learning.as_json(outcome), ensure_ascii=False, indent=1))


@main.command()
@click.argument("report", type=click.Path(path_type=Path))
def table(report: Path) -> None:
    """The rates of a report that `speech --json` wrote, as a table for a document."""
    try:
        click.echo(page.table(Report.read(report)))
    except ValueError as error:
        raise click.ClickException(str(error)) from None


def _speech(out: Console, source: Path, options: dict[str, Any]) -> None:
    recordings = _some(corpora.read(source, options["language"]), options["limit"])
    wanted = [conditions.check(name.strip()) for name in options["degrade"].split(",")]
    way = _way(options)
    other = _other(way, options["against"]) if options["against"] else None
    file = options["results"] or Settings.read().state_dir / RESULTS
    run = _Run(out, source, recordings, wanted, file, options["processes"] or os.cpu_count() or 1)
    report, words = run.report(way)
    if options["json_file"]:
        report.write(options["json_file"])
    screen.show(out, report, options["worst"])
    if options["calibrating"]:
        _calibrate(out, way, report.model, words)
    if other:
        _compare(out, report, run.report(other)[0])


@dataclass(frozen=True)
class _Run:
    """The same recordings under the same conditions, heard in one way or another."""

    out: Console
    source: Path
    recordings: Sequence[corpora.Recording]
    wanted: Sequence[str]
    file: Path
    processes: int

    def report(self, way: Way) -> tuple[Report, list[scores.Judged]]:
        """The figures, and every word that was heard."""
        with _bar(self.out, way.label) as progress:
            said = hearing.hear(
                self.recordings, self.wanted, way, self.file, self.processes, progress
            )
        clips = scores.clips(self.recordings, said)
        words = scores.judged(self.recordings, said)
        model = next((one.model for one in said if one.model), way.model)
        calibration = _calibration(self.out, way, model)
        return figures.report(self.source, way, model, clips, words, calibration), words


def _way(options: dict[str, Any]) -> Way:
    """As a worker hears by its settings, but for what was chosen here."""
    usual = Settings.read()
    return Way(
        engine=options["engine"] or usual.whisper_engine,
        model=options["model"] or usual.whisper_model,
        city=options["city"] or usual.city,
        windows=options["windows"] or usual.whisper_windows,
        prompt=options["prompt"] or usual.whisper_prompt,
        known=options["known"],
    )


def _other(way: Way, against: str) -> Way:
    """`way` with what `against` changes. Raises ValueError."""
    changes: dict[str, Any] = {}
    for change in against.split(","):
        name, found, value = change.strip().partition("=")
        if not found or name not in CHANGEABLE or value not in CHOICES.get(name, (value,)):
            raise ValueError(f"--against {change!r}: write such as windows=cut,prompt=names")
        changes[name] = value == "yes" if name == "known" else value
    return replace(way, **changes)


def _some(recordings: list[corpora.Recording], most: int | None) -> list[corpora.Recording]:
    """At most so many, from beginning to end of the set."""
    if most is None or most >= len(recordings):
        return recordings
    return [recordings[index * len(recordings) // most] for index in range(most)]


def _calibration(out: Console, way: Way, model: str) -> Calibration:
    """The one a worker would use."""
    try:
        return Calibration.read(beside(Path(way.model)), model)
    except CalibrationError as error:
        out.print(escape(str(error)), soft_wrap=True)
        return Calibration.none()


def _calibrate(out: Console, way: Way, model: str, words: list[scores.Judged]) -> None:
    found = calibrate(model, words)
    screen.show_calibration(out, found.before, found.after)
    if not Path(way.model).exists():
        raise ValueError(f"{way.model} is no file that a calibration could be put beside")
    file = beside(Path(way.model))
    found.calibration.write(file)
    out.print(f"Written: {file}", soft_wrap=True)


def _compare(out: Console, first: Report, second: Report) -> None:
    changes = comparison.compare(first, second)
    screen.show_changes(out, first.way.label, second.way.label, changes)


def _console() -> Console:
    """As wide as the terminal; in a file or a log as wide as the tables need."""
    return Console() if sys.stdout.isatty() else Console(width=120)


@contextmanager
def _bar(out: Console, label: str) -> Iterator[Progress]:
    """A progress bar for a person; nothing in a log."""
    if not out.is_terminal or os.getenv("CI"):
        yield lambda done, of: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Bar(*columns, TimeRemainingColumn(), console=out, transient=True) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


if __name__ == "__main__":
    sys.exit(main())
