"""What `evaluate categories` found, on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from evaluate.categories import Outcome, Result


def show(out: Console, outcome: Outcome) -> None:
    """Print the outcome: each way and split, then each category and each tenth of confidence of ours."""
    out.print(
        f"{escape(outcome.source)}: {outcome.rows:,} rows, {outcome.categories} categories",
        soft_wrap=True,
    )
    if outcome.noise:
        out.print(
            f"{outcome.noise:.0%} of the characters tested on are misheard (seed {outcome.seed})"
        )
    out.print(_ways(outcome))
    if outcome.best is not None and outcome.points is not None:
        better = "better" if outcome.points >= 0 else "worse"
        out.print(
            f"Ours is {abs(outcome.points):.1f} points {better} than the best baseline, {outcome.best}."
        )
    out.print(_classes(outcome.results[0]))
    out.print(_tenths(outcome.results[0]))


def _ways(outcome: Outcome) -> Table:
    table = Table(title="How often right")
    for heading in ("way", "split", "n", "accuracy", "macro-F1", "top-3", "ECE", "by chance"):
        table.add_column(heading)
    table.add_column("log-loss")
    table.add_column("learned in")
    table.add_column("a guess")
    for one in outcome.results:
        found = one.accuracy
        table.add_row(
            one.way,
            one.split,
            f"{found.n:,}",
            f"{found.accuracy:.3f}",
            f"{found.macro_f1:.3f}",
            f"{found.top3:.3f}",
            f"{found.ece:.3f}",
            f"{one.chance:.3f}",
            f"{found.log_loss:.3f}",
            f"{one.seconds:.1f} s",
            f"{one.milliseconds:.2f} ms",
        )
    return table


def _classes(result: Result) -> Table:
    table = Table(title=f"By category ({result.way}, {result.split})")
    for heading in ("category", "n", "right", "precision", "recall", "F1", "top-3"):
        table.add_column(heading)
    for code, one in result.accuracy.classes.items():
        top3 = f"{one.top3 / one.n:.2f}" if one.n else ""
        scores = (f"{one.precision:.2f}", f"{one.recall:.2f}", f"{one.f1:.2f}")
        table.add_row(escape(code), str(one.n), str(one.right), *scores, top3)
    return table


def _tenths(result: Result) -> Table:
    table = Table(title="What a confidence is worth")
    for heading in ("guesses", "mean confidence", "right"):
        table.add_column(heading)
    for one in result.accuracy.tenths:
        table.add_row(str(one.n), f"{one.confidence:.2f}", f"{one.right:.2f}")
    return table
