"""What a run of `bench.speech` found: the table, and whether the targets are met."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from rich.table import Table

from bench import figures
from bench.speech_contestants import Contestant, Outcome
from bench.speech_recordings import Recording

PLAIN: Final = "plain transcribe()"
# Processors that others may keep busy without spoiling the figures.
QUIET: Final = 0.15
# How many times as fast as plain transcribe() each is to be.
TARGETS: Final = {"openai, full": 2.5, "fast, full": 4.0, "fast, cut": 10.0}


@dataclass(frozen=True)
class Turn:
    """One turn of a contestant: what became of the calls, by how many were waiting; what it and what
    others computed in the time of the longest queue; the most memory it had in all of the turn."""

    outcomes: Mapping[int, Sequence[Outcome]]
    cpu_seconds: float
    peak_bytes: int
    others_seconds: float = 0.0

    @property
    def seconds(self) -> float:
        """Until the last call of the longest queue had its text."""
        return max(it.seconds for it in self.outcomes[max(self.outcomes)])

    @property
    def others(self) -> float:
        """Processors that others kept busy meanwhile: 0.1 is a tenth of one."""
        return self.others_seconds / self.seconds


@dataclass
class Row:
    """A contestant and all its turns."""

    contestant: Contestant
    turns: list[Turn] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.contestant.name

    @property
    def lengths(self) -> set[int]:
        """Of all its texts, in characters."""
        return {len(it.text) for turn in self.turns for its in turn.outcomes.values() for it in its}

    def ratio(self, measure: "Row") -> float:
        """How many times as fast as `measure`: the median of the ratios round by round."""
        pairs = zip(self.turns, measure.turns, strict=True)
        return median(theirs.seconds / ours.seconds for ours, theirs in pairs)

    def waits(self, waiting: int) -> str:
        """Seconds from hanging up to the text: of the median call, and of the last one."""
        middle = median(median(it.seconds for it in turn.outcomes[waiting]) for turn in self.turns)
        last = median(max(it.seconds for it in turn.outcomes[waiting]) for turn in self.turns)
        return f"{last:.1f}" if waiting == 1 else f"{middle:.1f} / {last:.1f}"


@dataclass(frozen=True)
class Report:
    """`model`: in words. `queues`: the recordings, by how many were waiting. `errors`: character error
    rates by contestant. `text`: what the checkpoint always says, None for a real one."""

    model: str
    rows: Sequence[Row]
    queues: Mapping[int, Sequence[Recording]]
    errors: Mapping[str, float]
    text: str | None

    @property
    def measure(self) -> Row:
        return self.rows[0]

    @property
    def sound(self) -> float:
        """Seconds of sound in the longest queue."""
        return sum(it.seconds for it in self.queues[max(self.queues)])


def table(report: Report) -> Table:
    """The figures for a terminal."""
    shown = Table(box=None, padding=(0, 2, 0, 0), title=_title(report))
    for name in _head(report):
        shown.add_column(name, justify="left" if name == "heard by" else "right", no_wrap=True)
    for row in report.rows:
        shown.add_row(*_cells(report, row))
    return shown


def markdown(report: Report) -> str:
    """The figures for docs/performance.md."""
    head = _head(report)
    lines = [head, ["---"] * len(head), *(_cells(report, row) for row in report.rows)]
    drawn = ["| " + " | ".join(line) + " |" for line in lines]
    return "\n\n".join([_title(report), "\n".join(drawn), "\n".join(verdicts(report))]) + "\n"


def verdicts(report: Report) -> list[str]:
    """In words: the texts, the targets, the machine."""
    return [_texts(report), *_targets(report), _quiet(report), figures.machine()]


def equal_texts(report: Report) -> bool:
    """Whether everybody wrote the same amount, without which the figures mean nothing."""
    return report.text is None or all(it.lengths == {len(report.text)} for it in report.rows)


def _title(report: Report) -> str:
    longest = max(report.queues)
    return (
        f"model: {report.model}; {longest} calls waiting, {report.sound:.0f} s of sound; "
        f"{len(report.measure.turns)} rounds"
    )


def _head(report: Report) -> list[str]:
    waits = [f"{waiting} waiting, s" for waiting in sorted(report.queues)]
    last = ["CPU s / s", "peak MB", "CER %"]
    return ["heard by", "ratio", "x real time", *waits, *last]


def _cells(report: Report, row: Row) -> list[str]:
    seconds = median(turn.seconds for turn in row.turns)
    return [
        row.name,
        f"{row.ratio(report.measure):.2f}",
        f"{report.sound / seconds:.1f}",
        *(row.waits(waiting) for waiting in sorted(report.queues)),
        f"{median(turn.cpu_seconds for turn in row.turns) / report.sound:.3f}",
        f"{max(turn.peak_bytes for turn in row.turns) / 1e6:,.0f}",
        f"{100 * report.errors[row.name]:.1f}",
    ]


def _texts(report: Report) -> str:
    if report.text is None:
        return "a real checkpoint: the texts need not be equal"
    if equal_texts(report):
        return f"every text has the same {len(report.text)} characters"
    found = {row.name: sorted(row.lengths) for row in report.rows}
    return f"NOT COMPARABLE: texts of {found} characters, not {len(report.text)}"


def _quiet(report: Report) -> str:
    most = max(turn.others for row in report.rows for turn in row.turns)
    said = f"others kept up to {most:.2f} processors busy meanwhile"
    return f"{said}: THE MACHINE WAS NOT QUIET, do it again" if most > QUIET else said


def _targets(report: Report) -> list[str]:
    ratios = {row.name: row.ratio(report.measure) for row in report.rows}
    return [
        f"{name}: {ratios[name]:.2f} times as fast as {PLAIN}, "
        f"the target of {target:g} is {'met' if ratios[name] >= target else 'NOT met'}"
        for name, target in TARGETS.items()
        if name in ratios
    ]
