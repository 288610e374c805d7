"""What the demonstration shows: each call turn by turn, the work on it, and what became of it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from rich import progress as bars
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from . import events
from .accuracy import character_error_rate
from .house import Case
from .scenario import LANGUAGES, Scenario
from .work import Progress

_SILENCE = 2.0  # seconds; what is shorter is a breath


def console() -> Console:
    """A terminal of any width; without colour when nobody looks."""
    return Console(highlight=False, soft_wrap=False)


class CallScreen:
    """Prints one call as it goes along; `show` is told every event of it."""

    def __init__(self, out: Console) -> None:
        self._out = out

    def announce(self, number: int, total: int, scenario: Scenario) -> None:
        title = f"Call {number} of {total}: {scenario.title}"
        self._out.print()
        self._out.print(Rule(Text(title, style="bold"), align="left", characters="─"))

    def show(self, event: events.Event) -> None:
        line = _line(event)
        if line is not None:
            self._out.print(_row(event.at, line))


@dataclass(frozen=True)
class Line:
    """One line of a call: what the caller does or hears, in which language, and the words."""

    does: str
    style: str
    words: str = ""
    language: str = ""


def _line(event: events.Event) -> Line | None:
    """None for what the caller would not notice."""
    match event:
        case events.Hears():
            language = LANGUAGES.get(event.language, event.language)
            return Line("hears", "cyan", event.text + (" ..." if event.cut else ""), language)
        case events.HearsBeep():
            return Line("hears", "cyan", "(beep)")
        case events.Says():
            return Line("says", "bold green", f"{event.words} ({event.seconds:.1f} s)")
        case events.Presses():
            return Line("presses", "bold green", " ".join(event.keys))
        case events.StaysSilent() if event.seconds >= _SILENCE:
            return Line("waits", "dim", f"{event.seconds:.0f} s")
        case events.DialsDesk():
            return Line("waits", "dim", f"for {event.target}: {event.outcome}")
        case events.HangsUp():
            return _hang_up(event)
        case events.Trouble():
            return Line("TROUBLE", "bold red", f"{event.code} {event.what} ({event.url})")
    return None


def _hang_up(event: events.HangsUp) -> Line:
    if event.who == "caller":
        return Line("hangs up", "bold yellow")
    return Line("rung off", "yellow", f"by the {event.who}")


def _row(at: float, line: Line) -> RenderableType:
    row = Table.grid(padding=(0, 1))
    row.add_column(width=5, style="dim", justify="right")
    row.add_column(width=8, style=line.style)
    row.add_column(width=9, style="dim")
    row.add_column(ratio=1, overflow="fold")  # Chinese has no spaces to break at
    time = f"{int(at) // 60}:{int(at) % 60:02}"
    row.add_row(time, line.does, line.language, Text(line.words))
    return row


def outcome(scenario: Scenario, one: Progress, seconds: float | None) -> RenderableType:
    """What became of a call: its case as labelled lines, which fit any width."""
    blocks: list[RenderableType] = [Text(scenario.title, style="bold")]
    blocks += [_case(scenario, case, seconds) for case in one.cases]
    if not one.cases:
        blocks.append(Text("no case", style="bold red"))
    return Padding(Group(*blocks), (1, 0, 0, 0))


def _case(scenario: Scenario, case: Case, seconds: float | None) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=12, style="dim")
    grid.add_column(ratio=1, overflow="fold")
    for label, value in _facts(scenario, case, seconds):
        grid.add_row(label, Text(value))
    return grid


def _facts(scenario: Scenario, case: Case, seconds: float | None) -> Iterator[tuple[str, str]]:
    language, transcript = case["language"], case["transcript"]
    yield "case", f"{case['number']} ({case['status']})"
    if case["merged_into"]:
        yield "joined to", f"{case['merged_into']}, in which the same caller told of it before"
    yield "caller", str(case["caller_masked"])
    yield "language", LANGUAGES.get(language, str(language))
    yield "said", scenario.says
    yield "transcript", str(transcript or ", ".join(case["flags"]))
    if transcript:
        rate = character_error_rate(scenario.says, transcript)
        yield "error rate", f"{rate:.1%} of the characters said"
    yield "category", _category(case)
    if seconds is not None and seconds >= 0:
        yield "ready after", f"{seconds:.1f} s from hang-up to transcript"
    elif seconds is not None:
        yield "ready", "while the caller was on the line"


def _category(case: Case) -> str:
    if not case["category"]:
        return "not sure"
    return f"{case['category']} ({case['category_confidence']:.0%})"


@contextmanager
def progress(out: Console) -> Iterator[Callable[[Sequence[Progress]], None]]:
    """Shows how far each recording is: bars in a terminal, a line for each change elsewhere."""
    if not out.is_terminal:
        yield _Lines(out).show
        return
    columns = (BarColumn(20), TextColumn("{task.description}"))
    with bars.Progress(*columns, TimeElapsedColumn(), console=out) as shown:
        tasks: list[bars.TaskID] = []

        def show(now: Sequence[Progress]) -> None:
            tasks.extend(shown.add_task("") for _ in now[len(tasks) :])
            for number, (task, one) in enumerate(zip(tasks, now, strict=True), 1):
                words = f"recording of call {number}: {one.words}"
                shown.update(task, completed=one.done, total=one.total, description=words)

        yield show


class _Lines:
    """Progress where nobody looks at a terminal."""

    def __init__(self, out: Console) -> None:
        self._out = out
        self._last: dict[str, str] = {}

    def show(self, now: Sequence[Progress]) -> None:
        for number, one in enumerate(now, 1):
            if self._last.get(one.call.sid) != one.words:
                self._out.print(f"recording of call {number}: {one.words}")
            self._last[one.call.sid] = one.words
