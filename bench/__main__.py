"""`make bench`: the figures of one run, as a table and, if wished, as JSON."""

import json
import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from bench import figures, pages, picture, servers, year
from bench.figures import Row
from bench.load import CONNECTIONS
from bench.servers import Server
from bench.webhooks import Kind

WARM_UP_SECONDS = 2.0
PARTS = ("webhooks", "year", "desk", "picture")
WHAT: dict[Kind, str] = {"arrival": "call", "message": "message"}

Pairing = tuple[Server, Kind, Row]


@click.command()
@click.option("--seconds", default=3.0, show_default=True, help="length of one round of one row")
@click.option("--rounds", default=5, show_default=True, help="rounds, each in an order of its own")
@click.option(
    "--cases",
    type=click.IntRange(20_000),
    default=100_000,
    show_default=True,
    help="cases of a year, at most",
)
@click.option("--only", type=click.Choice(PARTS), help="one part of it")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="also write JSON here")
def main(seconds: float, rounds: int, cases: int, only: str | None, json_file: Path | None) -> None:
    """Measure bare Flask and our signed, durable webhooks side by side; then what is asked of a year of
    cases, and how it grows with ten times as many; then the steps of an agent at the desk; then early
    warning and places."""
    out, told = Console(), dict[str, object](machine=figures.machine())
    well = True
    parts = (only,) if only else PARTS
    if "webhooks" in parts:
        well, found = _webhooks(out, seconds, rounds)
        told.update(found)
    if "year" in parts:
        told["year"] = _year(out, (cases // 10, cases))
    if "desk" in parts:
        in_time, told["desk"] = _desk(out, cases)
        well = well and in_time
    if "picture" in parts:
        in_time, told["picture"] = _picture(out)
        well = well and in_time
    if json_file:
        json_file.write_text(json.dumps(told, indent=2) + "\n")
    sys.exit(not well)


def _webhooks(out: Console, seconds: float, rounds: int) -> tuple[bool, dict[str, object]]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        out.print("starting the servers")
        with servers.running(Path(folder)) as contestants:
            pairings = _pairings(contestants)
            _measure(out, pairings, seconds, rounds)
            disk = figures.disk(Path(folder))
            durable = [_durable(out, server) for server in contestants if server.database_url]
    rows = [row for _, _, row in pairings]
    out.print(_table(rows))
    out.print(f"{figures.machine()}; {disk}", soft_wrap=True)
    well = all(durable) and not any(row.errors for row in rows)
    return well, {"disk": disk, "rows": [row.as_dict(rows[0]) for row in rows]}


def _year(out: Console, counts: Sequence[int]) -> list[dict[str, object]]:
    with out.status("a year of cases") as status:
        lines = year.measure(counts, status.update)
    out.print(year.table(lines, counts))
    out.print(figures.machine(), soft_wrap=True)
    return [line.as_dict(counts) for line in lines]


def _desk(out: Console, count: int) -> tuple[bool, dict[str, object]]:
    with out.status("an agent's desk") as status:
        times = pages.measure(count, status.update)
    out.print(pages.table(times, count))
    out.print(figures.machine(), soft_wrap=True)
    return not pages.slow(times), pages.as_dict(times)


def _picture(out: Console) -> tuple[bool, list[dict[str, object]]]:
    with out.status("early warning") as status:
        lines = picture.measure(status.update)
    out.print(picture.table(lines))
    out.print(figures.machine(), soft_wrap=True)
    return not picture.too_slow(lines), [line.as_dict() for line in lines]


def _pairings(contestants: Sequence[Server]) -> list[Pairing]:
    bare, *ours = contestants
    pairings: list[Pairing] = [(bare, "arrival", Row(bare.name))]
    for server in ours:
        pairings += [(server, kind, Row(f"{server.name} {what}")) for kind, what in WHAT.items()]
    return pairings


def _measure(out: Console, pairings: Sequence[Pairing], seconds: float, rounds: int) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=out, transient=True) as progress:
        task = progress.add_task("warming up", total=len(pairings) * (rounds + 1))
        for server, kind, _ in pairings:
            server.volley(kind, WARM_UP_SECONDS)
            progress.advance(task)
        for number in range(1, rounds + 1):
            for server, kind, row in random.sample(pairings, len(pairings)):
                progress.update(task, description=f"round {number}: {row.name}")
                row.volleys.append(server.volley(kind, seconds))
                progress.advance(task)


def _durable(out: Console, server: Server) -> bool:
    """Count what the database holds against what was answered, and say so."""
    rows, expected = server.rows(), server.expected_rows()
    found = ", ".join(f"{count} {table}" for table, count in rows.items())
    verdict = "as answered" if rows == expected else f"but the answers promised {expected}"
    out.print(f"{server.name} holds {found}: {verdict}", soft_wrap=True)
    return rows == expected


def _table(rows: Sequence[Row]) -> Table:
    table = Table(
        box=None,
        padding=(0, 2, 0, 0),
        title=f"{CONNECTIONS} connections; ours are signed and durable",
        caption="call: a call arrives; message: its recording is told, and its case opens",
    )
    table.add_column("answers", no_wrap=True)
    for name in ("per s", "range", "ratio", "p50 ms", "p99 ms", "CPU ms", "errors"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            row.name,
            f"{row.rate:,.0f}",
            f"{min(row.rates):.0f}-{max(row.rates):.0f}",
            f"{row.ratio(rows[0]):.2f}",
            f"{row.percentile(50):.1f}",
            f"{row.percentile(99):.1f}",
            f"{row.cpu:.2f}",
            _told(row.errors),
        )
    return table


def _told(errors: Sequence[str]) -> str:
    return f"{len(errors)}: {errors[0]}" if errors else "0"


if __name__ == "__main__":
    main()
