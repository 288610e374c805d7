"""What the methods would have raised over past counts: alarms, outbreaks found, delay, false alarms a week."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import date
from functools import partial
from importlib.util import find_spec
from statistics import median
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from cases import surges
from cases.ears import Method
from cases.surges import Series
from evaluate.tallies import Tally

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

EARS: Final[tuple[Method, ...]] = ("C1", "C2", "C3")
FARRINGTON: Final = "Farrington Flexible"
WEEK: Final = 7
# The method wants five years of past, and is worth nothing with fewer than three.
MOST_YEARS, FEWEST_YEARS = 5, 3
HALF: Final = 3


@dataclass(frozen=True)
class Score:
    """One method. `judged`: days (weeks, of a weekly method) of all cells that it could judge; `alarms`: those
    of them it raised; `outbreaks`: known ones that lie in what it judged, None when the sheet names none; `found`:
    with an alarm while they lasted; `delay_days`: the median from their first day to the first alarm; `false`:
    alarms outside any; `false_a_week`: of all cells together; `false_share`: of what was judged outside any."""

    method: str
    judged: int
    alarms: int
    alarms_a_week: float
    outbreaks: int | None
    found: int | None
    delay_days: float | None
    false: int | None
    false_a_week: float | None
    false_share: float | None


def ears(tally: Tally, is_working: Callable[[date], bool], least: int) -> Iterator[Score]:
    """EARS C1, C2 and C3, day by day. least: fewer calls on a day are no alarm."""
    for method in EARS:
        expected, alarmed = surges.alarmed(tally.series, is_working, least=least, method=method)
        yield _score(f"EARS {method}", alarmed, ~np.isnan(expected), tally.outbreaks, days=1)


def farrington(tally: Tally, weeks: int, processes: int | None = None) -> Score | None:
    """Farrington Flexible over the last `weeks` weeks that have three years of past at least; None where no
    week has, or where the extra `surveillance` is not installed."""
    counts, outbreaks, first = _weekly(tally)
    start = max(counts.shape[1] - weeks, FEWEST_YEARS * 53 + HALF)
    if find_spec("statsmodels") is None or start >= counts.shape[1]:
        return None
    judge = partial(_judge, first=first, start=start)
    with ProcessPoolExecutor(processes or os.cpu_count()) as pool:
        rows = list(pool.map(judge, counts, chunksize=4))
    alarmed = np.zeros(counts.shape, dtype=bool)
    judged = np.zeros(counts.shape, dtype=bool)
    alarmed[:, start:] = [[one is True for one in row] for row in rows]
    judged[:, start:] = [[one is not None for one in row] for row in rows]
    return _score(FARRINGTON, alarmed, judged, outbreaks, days=WEEK)


def _judge(counts: NDArray[np.int_], first: date, start: int) -> list[bool | None]:
    """For each week from `start` on whether it is an alarm; None if the model cannot be fitted."""
    from cases import farrington as method

    told: list[bool | None] = []
    for at in range(start, len(counts)):
        years = min(MOST_YEARS, (at - HALF) // 53)
        week = method.judge(counts, first, at, years=years)
        told.append(None if week is None else week.alarm)
    return told


def _weekly(tally: Tally) -> tuple[NDArray[np.int_], Flags | None, date]:
    """Whole weeks from Monday on."""
    offset = -tally.series.first.weekday() % WEEK
    width = (tally.series.counts.shape[1] - offset) // WEEK
    of_weeks = slice(offset, offset + width * WEEK)

    def folded(daily: NDArray[Any]) -> NDArray[Any]:
        return daily[:, of_weeks].reshape(len(daily), width, WEEK)

    counts = folded(tally.series.counts).sum(axis=2).astype(int)
    marked: Flags | None = None
    if tally.outbreaks is not None:
        marked = np.any(folded(tally.outbreaks), axis=2)
    return counts, marked, tally.series.day(offset)


def _score(method: str, alarmed: Flags, judged: Flags, outbreaks: Flags | None, days: int) -> Score:
    alarmed = alarmed & judged
    weeks = max(judged.any(axis=0).sum() * days / WEEK, 1e-9)
    count = int(alarmed.sum())
    known = None if outbreaks is None else list(_outbreaks(outbreaks & judged))
    if known is None or outbreaks is None:
        nothing = (None,) * 6
        return Score(method, int(judged.sum()), count, round(count / weeks, 2), *nothing)
    delays = [
        float(np.argmax(alarmed[row, since:until])) * days
        for row, since, until in known
        if alarmed[row, since:until].any()
    ]
    false, quiet = int((alarmed & ~outbreaks).sum()), int((judged & ~outbreaks).sum())
    return Score(
        method,
        int(judged.sum()),
        count,
        round(count / weeks, 2),
        len(known),
        len(delays),
        median(delays) if delays else None,
        false,
        round(false / weeks, 2),
        round(false / quiet, 5) if quiet else None,
    )


def _outbreaks(marked: Flags) -> Iterator[tuple[int, int, int]]:
    """Runs of marked days: the cell, the first, the one after the last."""
    padded = np.pad(marked, ((0, 0), (1, 1))).astype(int)
    changes = np.diff(padded, axis=1)
    since, until = np.argwhere(changes == 1), np.argwhere(changes == -1)
    for (row, first), (_, after) in zip(since.tolist(), until.tolist(), strict=True):
        yield row, first, after


def show(out: Console, tally: Tally, found: Sequence[Score]) -> None:
    """What was read, and the table."""
    series: Series = tally.series
    out.print(
        f"{tally.rows:,} rows: {len(series.cells):,} cells (category and district), "
        f"{series.counts.shape[1]} days from {series.first}, {int(series.counts.sum()):,} calls"
    )
    table = Table(title="Alarms", box=None, padding=(0, 2, 0, 0))
    table.add_column("method")
    headings = ("judged", "alarms", "a week", "outbreaks", "found", "delay, days", "false")
    for heading in (*headings, "false a week", "share of quiet"):
        table.add_column(heading, justify="right")
    for one in found:
        table.add_row(*map(_told, asdict(one).values()))
    out.print(table)


def _told(value: Any) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else f"{value:,}"


def as_json(tally: Tally, found: Sequence[Score]) -> dict[str, Any]:
    """The figures as plain JSON."""
    return {
        "rows": tally.rows,
        "cells": len(tally.series.cells),
        "days": tally.series.counts.shape[1],
        "calls": int(tally.series.counts.sum()),
        "methods": [asdict(one) for one in found],
    }
