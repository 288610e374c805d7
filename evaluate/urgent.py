"""How well danger to life is recognised: recall and precision by danger and language, with n."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cases import urgency
from evaluate.urgency_set import Sentence

ALL = "all"


@dataclass(frozen=True)
class Judged:
    """A sentence and the dangers that were recognised in it."""

    sentence: Sentence
    heard: frozenset[str]

    @property
    def is_urgent(self) -> bool:
        return bool(self.sentence.danger)

    @property
    def is_wrong(self) -> bool:
        return self.is_urgent != bool(self.heard)


@dataclass(frozen=True)
class Score:
    """urgent: sentences with this danger; rung: of these, with any danger recognised; named: with this very
    one; alarms: all sentences in which this danger was recognised; right: of these, in any danger."""

    danger: str
    language: str
    urgent: int
    rung: int
    named: int
    alarms: int
    right: int

    @property
    def recall(self) -> float | None:
        """The share of the urgent that rang; None without any."""
        return self.rung / self.urgent if self.urgent else None

    @property
    def precision(self) -> float | None:
        """The share of the alarms that were urgent; None without any."""
        return self.right / self.alarms if self.alarms else None


def judge(sentences: Iterable[Sentence]) -> list[Judged]:
    """What the rules recognise in each."""
    return [
        Judged(one, frozenset(found.kind for found in urgency.dangers(one.text, one.language)))
        for one in sentences
    ]


def scores(judged: Sequence[Judged]) -> list[Score]:
    """By danger and language, by danger, by language, and over all."""
    languages = list(dict.fromkeys(one.sentence.language for one in judged))
    present = {one.sentence.danger for one in judged} | set().union(*(one.heard for one in judged))
    kinds = [kind for kind in urgency.rules().dangers if kind in present]
    pairs = [(kind, language) for kind in kinds for language in [*languages, ALL]]
    pairs += [(ALL, language) for language in [*languages, ALL]]
    return [_score(judged, kind, language) for kind, language in pairs]


def _score(judged: Sequence[Judged], kind: str, language: str) -> Score:
    chosen = [one for one in judged if language in (ALL, one.sentence.language)]
    urgent = [one for one in chosen if one.is_urgent and kind in (ALL, one.sentence.danger)]
    alarms = [one for one in chosen if (bool(one.heard) if kind == ALL else kind in one.heard)]
    return Score(
        kind,
        language,
        urgent=len(urgent),
        rung=sum(bool(one.heard) for one in urgent),
        named=sum(one.sentence.danger in one.heard for one in urgent),
        alarms=len(alarms),
        right=sum(one.is_urgent for one in alarms),
    )


def by_form(judged: Sequence[Judged]) -> Iterator[tuple[str, int, int]]:
    """How it is said, how many sentences, how many judged wrongly (missed, or rung for nothing)."""
    for form in dict.fromkeys(one.sentence.form for one in judged if one.sentence.form):
        of_form = [one for one in judged if one.sentence.form == form]
        yield form, len(of_form), sum(one.is_wrong for one in of_form)


def show(out: Console, judged: Sequence[Judged], wrong: int) -> None:
    """The tables; the first `wrong` sentences judged wrongly at the end, but none that is held out."""
    out.print(_table(scores(judged)))
    for form, count, bad in by_form(judged):
        out.print(f"{form:>10}: {count:4} sentences, {bad:3} judged wrongly")
    lookable = [one for one in judged if one.is_wrong and one.sentence.part != "held out"]
    for one in lookable[:wrong]:
        what = "missed" if one.is_urgent else "rung for nothing"
        heard = ", ".join(sorted(one.heard)) or one.sentence.danger
        out.print(f"{what} ({heard}): {escape(one.sentence.text)}", soft_wrap=True)


def _table(found: Sequence[Score]) -> Table:
    table = Table(title="Danger to life", box=None, padding=(0, 2, 0, 0))
    table.add_column("danger")
    table.add_column("language")
    for heading in ("urgent", "recall", "named right", "alarms", "precision"):
        table.add_column(heading, justify="right")
    for one in found:
        table.add_row(
            one.danger,
            one.language or "-",
            str(one.urgent),
            _share(one.recall),
            _share(one.named / one.urgent if one.urgent else None),
            str(one.alarms),
            _share(one.precision),
            style="bold" if ALL in (one.danger, one.language) else "",
        )
    return table


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.3f}"


def as_json(judged: Sequence[Judged]) -> dict[str, Any]:
    """The figures as plain JSON."""
    return {
        "sentences": len(judged),
        "scores": [
            {**asdict(one), "recall": one.recall, "precision": one.precision}
            for one in scores(judged)
        ],
        "forms": [dict(form=f, sentences=n, wrong=w) for f, n, w in by_form(judged)],
    }
