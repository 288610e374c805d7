"""A report's rates as a table of Markdown, for a document."""

from collections.abc import Sequence

from evaluate.figures import ALL, MEASURES, Report, Row


def table(report: Report) -> str:
    """A line a condition, a column a language and measure; behind each rate its 95 % interval."""
    rows = {(row.condition, row.language, row.measure): row for row in report.rows}
    kinds = [kind for kind in MEASURES if any(kind == key[1:] for key in rows)]
    heads = ["condition", *(f"{language} {measure}" for language, measure in kinds)]
    lines = [_line([*heads, "exact", "language right"]), "|---" * (len(heads) + 2) + "|"]
    for condition in dict.fromkeys(row.condition for row in report.rows):
        cells = [_cell(rows.get((condition, *kind))) for kind in kinds]
        whole = rows[condition, ALL, "MER"]
        shares = [f"{part / whole.clips:.0%}" for part in (whole.exact, whole.language_right)]
        lines.append(_line([f"`{condition}`", *cells, *shares]))
    return "\n".join(lines)


def _cell(row: Row | None) -> str:
    return f"{row.rate:.1f} ({row.interval.low:.1f}-{row.interval.high:.1f})" if row else ""


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
