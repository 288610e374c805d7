"""What a replay of a year showed, on the terminal: a table, and a line of the year for each story."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from evaluate.replay import Outcome, Raised

WIDTH = 61  # characters of a year's line
TOLD, ALARM, ALONE = "·", "▲", "△"


def show(out: Console, outcome: Outcome) -> None:
    """Print the outcome."""
    out.print(_table(outcome))
    out.print(f"\n   {_months()}")
    for story in outcome.stories:
        out.print(f"   {_line(story)}  {story.story}")
    out.print(
        f"   {TOLD} a message   {ALARM} our alarm   {ALONE} when one department alone would have seen as much\n"
    )
    false = ", ".join(f"{method}: {count}" for method, count in sorted(outcome.false.items()))
    out.print(
        f"{outcome.calls:,} calls in {outcome.days} days; {outcome.raised} alarms, "
        f"{sum(outcome.false.values())} of them false ({false or 'none'}): {outcome.false_a_week:.2f} a week"
    )
    if outcome.misread:
        out.print(f"{outcome.misread} messages of the stories joined nothing: misheard.")


def _table(outcome: Outcome) -> Table:
    table = Table(title="When each story was raised")
    for heading in ("story", "place", "messages", "raised", "by message", "one department alone"):
        table.add_column(heading)
    for one in outcome.stories:
        alone = (
            "never" if one.alone_day is None else f"day {one.alone_day} ({one.alone_department})"
        )
        table.add_row(
            one.story,
            one.place,
            str(one.messages),
            "never" if one.day is None else f"day {one.day}",
            "–" if one.message is None else str(one.message),
            alone,
        )
    return table


def _months() -> str:
    return "".join(f"{month:<{WIDTH // 12}}" for month in "JFMAMJJASOND")


def _line(story: Raised) -> str:
    marks = [" "] * WIDTH
    for mark, days in ((TOLD, story.days), (ALONE, (story.alone_day,)), (ALARM, (story.day,))):
        for day in days:
            if day is not None:
                marks[min(WIDTH - 1, day * WIDTH // 366)] = mark
    return "".join(marks)


def as_json(outcome: Outcome) -> dict[str, Any]:
    """The outcome as plain JSON."""
    return {**asdict(outcome), "false_a_week": outcome.false_a_week}


def found(outcome: Outcome) -> Iterator[Raised]:
    """The stories that were raised by their sixth message."""
    return (one for one in outcome.stories if one.message is not None and one.message <= 6)
