"""The figures of a run: rates by language and condition, and what else a city should know."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from evaluate.corpora import LANGUAGES
from evaluate.errors import Edits, Interval, interval, total
from evaluate.normalisation import NORMALISATION, characters, normal
from evaluate.scores import Clip, Judged, corrected
from evaluate.way import Way
from transcription.calibration import Calibration

BINS: Final = 10
BELIEFS: Final = (0.6, 0.7, 0.8, 0.9)
MIXED: Final = "mixed"
ALL: Final = "all"
# What is counted: characters of Chinese, words of English, both where languages mix.
MEASURES: Final = (
    *(("yue", "CER"), ("cmn", "CER"), ("en", "WER"), ("en", "CER")),
    *((MIXED, "MER"), (ALL, "MER")),
)
UNITS: Final = {"CER": "characters", "WER": "words", "MER": "words"}


@dataclass(frozen=True)
class Row:
    """The errors in one language under one condition, in percent of what was said."""

    condition: str
    language: str
    measure: str
    clips: int
    rate: float
    interval: Interval
    edits: Edits
    strict_rate: float
    exact: int
    language_right: int


@dataclass(frozen=True)
class Silence:
    """What was heard where nobody speaks."""

    condition: str
    clips: int
    with_text: int
    minutes: float
    characters: int

    @property
    def per_minute(self) -> float:
        return self.characters / self.minutes if self.minutes else 0.0


@dataclass(frozen=True)
class Flags:
    """Do the doubts point at the errors? Mixed error rates of flagged and of other recordings."""

    condition: str
    flagged: int
    clips: int
    inside: float
    outside: float


@dataclass(frozen=True)
class Doubt:
    """Recordings in whose words the model believes less than `below` on average, and the others:
    how many, and their mixed error rates."""

    below: float
    doubted: int
    clips: int
    inside: float
    outside: float


@dataclass(frozen=True)
class Bin:
    """Words whose confidence lies between two tenths."""

    words: int
    confidence: float
    right: float


@dataclass(frozen=True)
class Reliability:
    """Does a word's confidence say how often such words are right? `ece`: the expected calibration
    error, the mean distance between the two (Guo et al. 2017)."""

    language: str
    words: int
    ece: float
    bins: tuple[Bin, ...]


@dataclass(frozen=True)
class Report:
    """Everything about one run, as it is written to JSON. `belief`: what the model's own belief in
    its words is worth; `calibrated`: the same with its calibration, where it has one."""

    source: str
    way: Way
    model: str
    rows: tuple[Row, ...]
    silence: tuple[Silence, ...]
    flags: tuple[Flags, ...]
    doubts: tuple[Doubt, ...]
    confusion: Mapping[str, Mapping[str, int]]
    belief: tuple[Reliability, ...]
    calibrated: tuple[Reliability, ...]
    clips: tuple[Clip, ...]
    processor_seconds_per_second: float
    normalisation: str = NORMALISATION
    not_heard: Mapping[str, str] = field(default_factory=dict)

    def write(self, file: Path) -> None:
        """As JSON, for programs and for `compare`."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(TypeAdapter(Report).dump_json(self, indent=1) + b"\n")

    @classmethod
    def read(cls, file: Path) -> "Report":
        """What `write` wrote. Raises ValueError, one line."""
        try:
            return TypeAdapter(Report).validate_json(file.read_bytes())
        except OSError as error:
            raise ValueError(f"{file}: {error.strerror}") from None
        except ValidationError as error:
            first = error.errors()[0]
            raise ValueError(f"{file} is no report of ours: {first['msg']}") from None


def report(
    source: Path,
    way: Way,
    model: str,
    clips: Sequence[Clip],
    words: Sequence[Judged],
    calibration: Calibration,
) -> Report:
    """All figures of `clips`, and of the `words` heard in them."""
    conditions = list(dict.fromkeys(clip.condition for clip in clips))
    heard = [clip for clip in clips if clip.seconds]
    seconds = sum(clip.seconds for clip in heard)
    return Report(
        source=str(source),
        way=way,
        model=model,
        rows=tuple(row for condition in conditions for row in _rows(clips, condition)),
        silence=tuple(quiet for name in conditions if (quiet := _silence(clips, name)).clips),
        flags=tuple(flags for name in conditions if (flags := _flags(clips, name)).clips),
        doubts=tuple(_doubt(clips, below) for below in BELIEFS),
        confusion=_confusion(clips),
        belief=reliability(words),
        calibrated=reliability(corrected(words, calibration)) if calibration.curves else (),
        clips=tuple(clips),
        processor_seconds_per_second=round(sum(c.spent for c in heard) / max(seconds, 1e-9), 3),
        not_heard={clip.name: clip.outcome for clip in clips if ":" in clip.outcome},
    )


def reliability(words: Sequence[Judged]) -> tuple[Reliability, ...]:
    """By language, and over all words."""
    spoken = [language for language in LANGUAGES if any(w.language == language for w in words)]
    return tuple(
        _reliability(name, [word for word in words if name in (word.language, ALL)])
        for name in (*spoken, *([ALL] if spoken else []))
    )


def _rows(clips: Sequence[Clip], condition: str) -> list[Row]:
    spoken = [clip for clip in clips if clip.wanted and clip.condition == condition]
    rows = []
    for language, measure in MEASURES:
        part = [clip for clip in spoken if belongs(clip, language)]
        if part:
            rows.append(_row(condition, language, measure, part))
    return rows


def belongs(clip: Clip, language: str) -> bool:
    """Does a recording count in the row of a language, of `mixed` or of `all`?"""
    return language == ALL or (clip.mixed if language == MIXED else clip.language == language)


def _row(condition: str, language: str, measure: str, clips: Sequence[Clip]) -> Row:
    unit = UNITS[measure]
    whole = total(clip.edits[unit] for clip in clips)
    return Row(
        condition=condition,
        language=language,
        measure=measure,
        clips=len(clips),
        rate=round(whole.rate, 2),
        interval=interval([(clip.speaker, clip.edits[unit]) for clip in clips]),
        edits=whole,
        strict_rate=round(total(clip.edits[f"strict {unit}"] for clip in clips).rate, 2),
        exact=sum(clip.edits[unit].errors == 0 for clip in clips),
        language_right=sum(clip.heard_language == clip.language for clip in clips),
    )


def _silence(clips: Sequence[Clip], condition: str) -> Silence:
    quiet = [clip for clip in clips if not clip.wanted and clip.condition == condition]
    lengths = [len(characters(normal(clip.heard, clip.heard_language))) for clip in quiet]
    minutes = sum(clip.seconds for clip in quiet) / 60
    return Silence(condition, len(quiet), sum(map(bool, lengths)), round(minutes, 3), sum(lengths))


def _flags(clips: Sequence[Clip], condition: str) -> Flags:
    spoken = [clip for clip in clips if clip.wanted and clip.condition == condition]
    inside = [clip for clip in spoken if clip.flags]
    outside = [clip for clip in spoken if not clip.flags]
    return Flags(condition, len(inside), len(spoken), _mixed(inside), _mixed(outside))


def _doubt(clips: Sequence[Clip], below: float) -> Doubt:
    spoken = [clip for clip in clips if clip.wanted and clip.heard]
    inside = [clip for clip in spoken if clip.belief < below]
    outside = [clip for clip in spoken if clip.belief >= below]
    return Doubt(below, len(inside), len(spoken), _mixed(inside), _mixed(outside))


def _mixed(clips: Sequence[Clip]) -> float:
    """The mixed error rate, in percent."""
    return round(total(clip.edits["words"] for clip in clips).rate, 2)


def _confusion(clips: Sequence[Clip]) -> dict[str, dict[str, int]]:
    """How often a language was taken for which."""
    counted = Counter((clip.language, clip.heard_language) for clip in clips if clip.wanted)
    return {
        language: {heard: n for (said, heard), n in sorted(counted.items()) if said == language}
        for language in LANGUAGES
        if any(said == language for said, _ in counted)
    }


def _reliability(language: str, words: Sequence[Judged]) -> Reliability:
    tenths = [min(int(word.confidence * BINS), BINS - 1) for word in words]
    bins = tuple(
        _bin([word for word, tenth in zip(words, tenths, strict=True) if tenth == number])
        for number in range(BINS)
    )
    apart = sum(found.words * abs(found.confidence - found.right) for found in bins)
    return Reliability(language, len(words), round(apart / len(words), 4), bins)


def _bin(words: Sequence[Judged]) -> Bin:
    count = len(words)
    sums = (sum(word.confidence for word in words), sum(word.right for word in words))
    return Bin(count, *(round(value / max(count, 1), 4) for value in sums))
