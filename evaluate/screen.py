"""A report in the terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from evaluate.comparison import Change
from evaluate.corpora import LANGUAGES
from evaluate.errors import Span, spans
from evaluate.figures import ALL, Reliability, Report
from evaluate.normalisation import BETWEEN_CJK, normal, words
from evaluate.scores import HEARD_NOTHING, Clip

STYLES = {"equal": "", "replace": "bold yellow", "delete": "bold red", "insert": "bold cyan"}


def show(out: Console, report: Report, worst: int) -> None:
    """Everything that fits on a screen; the `worst` recordings at the end."""
    out.print(f"\n[bold]{escape(report.way.label)}[/] ({escape(report.model)})")
    out.print(_rates(report))
    out.print(
        f"95 % by {report.rows[0].interval.by if report.rows else 'file'}; normalisation "
        f"{report.normalisation} (docs/evaluation.md); strict: as written; "
        f"{report.processor_seconds_per_second} s of processor a second of sound.",
        soft_wrap=True,
    )
    _show_silence(out, report)
    _show_flags(out, report)
    _show_doubts(out, report)
    _show_confusion(out, report)
    _show_reliability(out, report.belief, "Words: what the model's belief is worth")
    _show_reliability(out, report.calibrated, "Words: the same, calibrated")
    _show_worst(out, report.clips, worst)
    for name, why in report.not_heard.items():
        out.print(f"[red]{escape(name)}: {escape(why)}[/]", soft_wrap=True)


def show_calibration(
    out: Console, before: Sequence[Reliability], after: Sequence[Reliability]
) -> None:
    """Every word with the model's own belief, and with what the other speakers say it is worth."""
    _show_reliability(out, before, "The model's own belief")
    _show_reliability(out, after, "Calibrated by the other speakers")


def show_changes(out: Console, first: str, second: str, changes: Sequence[Change]) -> None:
    """Two runs side by side."""
    out.print(f"\nA: {escape(first)}\nB: {escape(second)}", soft_wrap=True)
    table = _table("condition", "language", "clips", "A %", "B %", "B - A", "95 %", "p")
    for change in changes:
        apart = change.difference
        table.add_row(
            change.condition, change.language, str(change.clips),
            f"{change.measure} {change.first:.2f}", f"{change.second:.2f}",
            f"{apart.points:+.2f}", f"{apart.low:+.2f} to {apart.high:+.2f}", f"{apart.p:.3f}",
        )  # fmt: skip
    out.print(table)
    out.print("Percent; less is better. p: how often chance alone does as much (paired bootstrap).")


def _table(*columns: str, title: str | None = None) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), title=title, title_justify="left")
    for number, name in enumerate(columns):
        table.add_column(name, justify="right" if number else "left", no_wrap=True)
    return table


def _rates(report: Report) -> Table:
    table = _table(
        *("condition", "language", "clips", "rate %", "95 %", "strict %", "S/D/I of", "exact"),
        "language right",
    )
    for row in report.rows:
        sure, found = row.interval, row.edits
        table.add_row(
            row.condition, row.language, str(row.clips), f"{row.measure} {row.rate:.2f}",
            f"{sure.low:.2f} - {sure.high:.2f}", f"{row.strict_rate:.2f}",
            f"{found.substituted}/{found.deleted}/{found.inserted} of {found.wanted}",
            f"{row.exact / row.clips:.0%}", f"{row.language_right / row.clips:.0%}",
            end_section=row.language == ALL,
        )  # fmt: skip
    return table


def _show_silence(out: Console, report: Report) -> None:
    for quiet in report.silence:
        out.print(
            f"Nobody speaks ({quiet.condition}): {quiet.clips} recordings, {quiet.minutes:.1f} "
            f"minutes: {quiet.with_text} given a text, {quiet.per_minute:.1f} characters invented "
            "a minute",
            soft_wrap=True,
        )


def _show_flags(out: Console, report: Report) -> None:
    for flags in report.flags:
        out.print(
            f"Flagged ({flags.condition}): {flags.flagged} of {flags.clips}; MER of these "
            f"{flags.inside:.2f} %, of the others {flags.outside:.2f} %",
            soft_wrap=True,
        )


def _show_doubts(out: Console, report: Report) -> None:
    """Where to draw the line between what is read and what is listened to."""
    table = _table("mean belief below", "recordings", "MER %", "of the others", title="Doubt")
    for one in report.doubts:
        share = f"{one.doubted} of {one.clips}"
        table.add_row(f"{one.below}", share, f"{one.inside:.2f}", f"{one.outside:.2f}")
    out.print(table)


def _show_confusion(out: Console, report: Report) -> None:
    heard = (*LANGUAGES, HEARD_NOTHING)
    table = _table("said \\ heard", *heard, title="Languages")
    for language, counts in report.confusion.items():
        table.add_row(language, *(str(counts.get(name, 0)) for name in heard))
    out.print(table)


def _show_reliability(out: Console, found: Sequence[Reliability], title: str) -> None:
    """A row a tenth: how many of the words believed so much were said, and how many they were."""
    if not found:
        return
    table = _table("confidence", *(f"{one.language} right (of)" for one in found), title=title)
    for tenth, row in enumerate(zip(*(one.bins for one in found), strict=True)):
        cells = (f"{b.right:.0%} ({b.words})" if b.words else "" for b in row)
        table.add_row(f"{tenth / 10:.1f} - {(tenth + 1) / 10:.1f}", *cells)
    table.add_row("ECE", *(f"{one.ece:.3f}" for one in found))
    out.print(table)


def _show_worst(out: Console, clips: Sequence[Clip], most: int) -> None:
    wrong = [clip for clip in clips if clip.edits["words"].errors]
    wrong.sort(key=lambda clip: (-clip.edits["words"].errors, clip.name))
    if wrong[:most]:
        out.print("\nThe worst: [yellow]{said|heard}[/] [red]{-missing-}[/] [cyan]{+invented+}[/]")
    for clip in wrong[:most]:
        edited = clip.edits["words"]
        out.print(
            f"[bold]{escape(clip.name)}[/] {clip.condition} {clip.language or 'silence'}: "
            f"{edited.errors} errors in {edited.wanted}\n  {_marked(clip)}",
            soft_wrap=True,
        )


def _marked(clip: Clip) -> str:
    said, heard = (words(normal(text, clip.language)) for text in (clip.wanted, clip.heard))
    return " ".join(_span(span) for span in spans(said, heard))


def _span(span: Span) -> str:
    said, heard = (escape(BETWEEN_CJK.sub("", " ".join(part))) for part in span[1:])
    shown = {
        "equal": said,
        "replace": f"{{{said}|{heard}}}",
        "delete": f"{{-{said}-}}",
        "insert": f"{{+{heard}+}}",
    }[span.kind]
    style = STYLES[span.kind]
    return f"[{style}]{shown}[/]" if style else shown
